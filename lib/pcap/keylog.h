/* TLS secrets from a key log in the NSS format, as browsers, OpenSSL and wireshark write and read
 * it.
 */
#ifndef PCAP_KEYLOG_H
#define PCAP_KEYLOG_H

#include <stddef.h>
#include <stdint.h>

enum { KEYLOG_MAX = 4096, KEYLOG_RANDOM = 32, KEYLOG_SECRET_MAX = 48 };

enum keylog_label {
	KEYLOG_MASTER, /* CLIENT_RANDOM: the master secret of TLS 1.2 */
	KEYLOG_CLIENT_HANDSHAKE,
	KEYLOG_SERVER_HANDSHAKE,
	KEYLOG_CLIENT_TRAFFIC,
	KEYLOG_SERVER_TRAFFIC,
};

struct keylog_entry {
	enum keylog_label label;
	uint8_t random[KEYLOG_RANDOM];
	uint8_t secret[KEYLOG_SECRET_MAX];
	uint8_t size;
};

struct keylog {
	struct keylog_entry *entry;
	size_t count, bad; /* bad: lines that are none of a key log */
	size_t over;       /* secrets beyond KEYLOG_MAX, not kept */
};

void keylog_init(struct keylog *k);

/** Erases and frees the secrets. */
void keylog_release(struct keylog *k);

/**
 * Adds the secrets of a key log; comments and labels of other uses are passed over.
 *
 * @return  0, or -1 when out of memory
 *
 * Source: draft-ietf-tls-keylogfile
 */
int keylog_add(struct keylog *k, const char *text, size_t size);

/** The secret of a connection, or NULL; size is that of the cipher suite's hash, or 48. */
const uint8_t *keylog_find(const struct keylog *k, enum keylog_label label,
			   const uint8_t random[KEYLOG_RANDOM], size_t size);

#endif
