/* The cryptography of TLS records, for reading with known secrets: the only file of lib/pcap that
 * includes OpenSSL. */
#ifndef PCAP_SUITE_H
#define PCAP_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum suite_cipher { SUITE_GCM_128, SUITE_GCM_256, SUITE_CHACHA, SUITE_CBC_128 };

struct suite {
	uint16_t number;
	const char *name;
	enum suite_cipher cipher;
	bool tls13, sha384;
};

/**
 * A cipher suite by its number; NULL where it is none that can be read. The ones of ISO 15118-2
 * and -20 are among them.
 */
const struct suite *suite_find(uint16_t number);

/** Octets: of the hash (32, 48), the key, the implicit nonce, the MAC key (CBC only). */
size_t suite_hash_size(const struct suite *s);
size_t suite_key_size(const struct suite *s);
size_t suite_iv_size(const struct suite *s);
size_t suite_mac_size(const struct suite *s);

/* Each of these returns 0, or -1. */

/** HKDF-Expand-Label with an empty context. Source: RFC 8446, 7.1 */
int suite_expand(const struct suite *s, const uint8_t *secret, const char *label, uint8_t *out,
		 size_t size);

/** TLS 1.2: the key block. Source: RFC 5246, 5 and 6.3 */
int suite_key_block(const struct suite *s, const uint8_t master[48], const uint8_t server[32],
		    const uint8_t client[32], uint8_t *out, size_t size);

struct suite_aad {
	const uint8_t *at;
	size_t size;
};

/** Opens and checks; in ends with the tag of 16 octets; out takes size - 16. */
int suite_open(const struct suite *s, const uint8_t *key, const uint8_t nonce[12],
	       struct suite_aad aad, const uint8_t *in, size_t size, uint8_t *out);

/** AES-128-CBC without padding rules: size is a multiple of 16; out takes size. */
int suite_cbc(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
	      uint8_t *out);

/** HMAC-SHA256 over two pieces, compared with mac. @return 0 where it is the same */
int suite_mac(const uint8_t key[32], struct suite_aad head, const uint8_t *data, size_t size,
	      const uint8_t mac[32]);

#endif
