/* URLs, paths, listen addresses, basic-auth headers and subprotocol lists from outside. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ws/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct ws_url url;
	struct err e;
	char host[64], user[64], password[64], identity[WS_IDENTITY_MAX + 1], sub[32];
	uint16_t port;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ws_url_parse(&url, text, &e) == 0) {
		assert(url.host[0] && url.path[0] == '/' && url.port);
		assert(strlen(url.identity) <= WS_IDENTITY_MAX);
	}
	ws_url_identity(identity, text, &e);
	ws_listen_parse(host, sizeof(host), &port, text, &e);
	ws_basic_parse(text, user, password, sizeof(user));
	if (ws_subprotocol_pick(sub, sizeof(sub), text, "ocpp2.0.1,ocpp2.1"))
		assert(strcmp(sub, "ocpp2.0.1") == 0 || strcmp(sub, "ocpp2.1") == 0);
	free(text);
	return 0;
}
