/* URLs, listen addresses, basic-auth headers and subprotocol lists, taken apart. Pure.
 *
 * Outside data comes through here; every function bounds its output and refuses what it does not
 * fully understand. Source: RFC 3986, RFC 6455 3, RFC 7617; OCPP 2.0.1 part 4 3.1 (identity = last
 * path segment).
 */
#ifndef WS_URL_H
#define WS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define WS_URL_MAX      1024
#define WS_IDENTITY_MAX 64

struct ws_url {
	bool tls;
	bool http;      /* http:// or https:// rather than ws:// or wss:// */
	char host[256]; /* without brackets */
	uint16_t port;
	char path[WS_URL_MAX]; /* begins with '/'; query included */
	char identity[WS_IDENTITY_MAX + 1];
};

/**
 * Takes apart ws://, wss://, http:// or https:// URLs. Ports default to 80 and 443.
 *
 * @return  0, or -1 with @e set and *@url undefined: other scheme, user part, fragment, bad port,
 * control bytes or spaces, over-long
 */
int ws_url_parse(struct ws_url *url, const char *text, struct err *e);

/**
 * The last segment of a path, percent-decoded: "/ocpp/CS%20001?x" gives "CS 001".
 *
 * @identity  room for WS_IDENTITY_MAX + 1 bytes
 * @return    0 (an empty segment gives ""), or -1 with @e set: over-long, bad escape, control byte
 */
int ws_url_identity(char *identity, const char *path, struct err *e);

/**
 * "127.0.0.1:8443", "[::1]:0", "localhost:80", ":8080" (all IPv4 addresses).
 *
 * @host  room for @host_len; "" for all addresses
 * @return 0, or -1 with @e set
 */
int ws_listen_parse(char *host, size_t host_len, uint16_t *port, const char *text, struct err *e);

/**
 * "Basic base64(user:password)" into its parts.
 *
 * @user, @password  room for @size bytes each; untouched on failure
 * @return  0, or -1: another scheme, not base64, no colon, NUL inside, over-long
 */
int ws_basic_parse(const char *header, char *user, char *password, size_t size);

/**
 * The first word of @wanted (comma list) that also stands in @offered (comma list).
 *
 * @out    room for @out_len
 * @return true when there is one
 */
bool ws_subprotocol_pick(char *out, size_t out_len, const char *wanted, const char *offered);

/** The next word of a comma list with spaces trimmed; moves *@list behind it. @return length, 0 at
 * the end */
size_t ws_list_next(const char **list, const char **word);

#endif
