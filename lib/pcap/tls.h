/* What a captured TLS 1.2 or 1.3 connection says, where its secrets are known.
 *
 * The two directions are fed as they were captured, in order; what comes out is application data.
 * Nothing is verified beyond the records: certificates and signatures aren't looked at. Early data,
 * renegotiation, compression and TLS below 1.2 can't be read. A direction that lost octets can't be
 * read from there on, since the records are counted. */
#ifndef PCAP_TLS_H
#define PCAP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcap/keylog.h"

/* The texts are for people and borrowed. from is 0 or 1 as given to tls_feed(). */
struct tls_events {
	void (*data)(void *ctx, int from, const uint8_t *data, size_t size);
	/* Once, at the server's hello. problem: why nothing can be read, or NULL. */
	void (*hello)(void *ctx, int client, const char *version, const char *suite,
		      const char *problem);
	void (*alert)(void *ctx, int from, bool fatal, int code, const char *name);
	void (*bad)(void *ctx, int from, const char *what);
};

struct tls;

/** @keys, @events  borrowed for as long as the connection. @return NULL when out of memory. */
struct tls *tls_new(const struct keylog *keys, const struct tls_events *events, void *ctx);
void tls_free(struct tls *t);

/** Takes octets that end @from sent. @return 0, or -1 when out of memory. */
int tls_feed(struct tls *t, int from, const uint8_t *data, size_t size);

/** Tells that octets of that direction are missing. */
void tls_lost(struct tls *t, int from);

#endif
