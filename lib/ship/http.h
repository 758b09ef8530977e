/* Uploads one file after another by HTTP PUT, over TLS 1.3 with certificates on both ends. The only
 * header-user of libwebsockets' HTTP client. Blocking, for a process that does nothing else. */
#ifndef SHIP_HTTP_H
#define SHIP_HTTP_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct ship_http;

struct ship_http_conf {
	const char *url; /* https://host[:port]/path */
	const char *ca_file, *cert_file, *key_file;
	int timeout_s; /* for the connection, and for each step without progress: a send, bytes that
			  the far end took, the answer */
	const volatile sig_atomic_t *stop; /* set by a signal: end soon */
};

/** @return NULL with @err when the URL or a file is wrong. */
struct ship_http *ship_http_new(const struct ship_http_conf *conf, struct err *err);
void ship_http_free(struct ship_http *h);

/**
 * PUTs @data to URL/@name and waits for the answer.
 *
 * @rate    bytes a second at most, 0: no bound
 * @return  0 when the server took it whole (200, 201 or 204), else -1 with @err
 */
int ship_http_put(struct ship_http *h, const char *name, const void *data, size_t len,
		  uint64_t rate, struct err *err);

#endif
