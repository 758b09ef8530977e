/* Host names looked up beside the loop: the C library may take ten seconds and more when the
 * network is down, and a charger must go on meanwhile. One short-lived thread a look-up; it shares
 * nothing and answers on a socket. */
#ifndef WS_RESOLVE_H
#define WS_RESOLVE_H

#include <stdbool.h>

enum { WS_ADDRESSES_MAX = 6 };

struct ws_addresses {
	int code; /* of getaddrinfo: 0, or what gai_strerror explains */
	unsigned count;
	char text[WS_ADDRESSES_MAX][46]; /* numeric, in the order to be tried */
};

/** False for numeric addresses and localhost, which need no network to be understood. */
bool ws_resolve_needed(const char *host);

/**
 * Begins to look up @host.
 *
 * @return  a descriptor that becomes readable with the answer, to be closed by the caller, at any
 * time; -1 with errno
 *
 * Blocking: never.
 */
int ws_resolve_start(const char *host);

/** Takes the answer from a readable descriptor. @return 0, or -1 when there is none */
int ws_resolve_take(int fd, struct ws_addresses *out);

#endif
