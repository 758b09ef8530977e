/* The websocket side of a loop: one libwebsockets context. */
#include "ws/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

/* FD_LIMIT: enough for a depot's chargers; libwebsockets' tables are this long. HANDSHAKE_S: what
 * libwebsockets waits for an answer to a client's request, 5 s by itself; our own deadlines decide.
 */
enum { FD_LIMIT = 4096, HANDSHAKE_S = 600 };

static const char *const reason_words[] = {
    [WS_OK] = "ok",
    [WS_LOCAL] = "local",
    [WS_DNS] = "dns",
    [WS_UNREACHABLE] = "unreachable",
    [WS_TIMEOUT] = "timeout",
    [WS_TLS_NAME] = "wrong_name",
    [WS_TLS_UNKNOWN_CA] = "unknown_ca",
    [WS_TLS_EXPIRED] = "expired",
    [WS_TLS_NOT_YET] = "not_yet_valid",
    [WS_TLS_REVOKED] = "revoked",
    [WS_TLS_VERSION] = "tls_version",
    [WS_TLS_CERT_MISSING] = "certificate_missing",
    [WS_TLS_CERT_REFUSED] = "certificate_refused",
    [WS_TLS_NONE] = "no_tls",
    [WS_TLS_OTHER] = "tls",
    [WS_HTTP] = "http",
    [WS_SUBPROTOCOL] = "subprotocol",
    [WS_PONG] = "pong_timeout",
    [WS_TOO_BIG] = "too_big",
    [WS_PROTOCOL] = "protocol",
    [WS_LOST] = "lost",
};

const char *ws_reason_word(enum ws_reason r)
{
	return reason_words[r];
}

static void log_lws(int level, const char *line)
{
	(void)level;
	log_debug("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

struct ws *ws_new(struct loop *loop, struct err *e)
{
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN,
	    .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	    .fd_limit_per_thread = FD_LIMIT,
	    .max_http_header_data = 4096,
	    .timeout_secs = HANDSHAKE_S,
	};
	struct ws *ws = calloc(1, sizeof(*ws));

	if (!ws) {
		err_sys(e, "unable to start websockets");
		return NULL;
	}
	ws->loop = loop;
	ws->epoll_fd = ws->timer_fd = -1;
	lws_set_log_level(log_get_level() < LOG_LEVEL_DEBUG
			      ? LLL_ERR | LLL_WARN
			      : LLL_ERR | LLL_WARN | LLL_NOTICE | LLL_INFO,
			  log_lws);
	ws->lws = lws_create_context(&info);
	if (!ws->lws) {
		err_set(e, "unable to start libwebsockets");
		goto fail;
	}
	if (ws_loop_init(ws, e) < 0)
		goto fail;
	loop_set_backend(loop, &ws_loop_backend, ws);
	return ws;
fail:
	ws_free(ws);
	return NULL;
}

void ws_free(struct ws *ws)
{
	if (!ws)
		return;
	while (ws->clients) {
		ws_client_free(ws->clients);
		ws_client_reap(ws);
	}
	while (ws->servers) {
		ws_server_free(ws->servers);
		ws_server_reap(ws);
	}
	/* farewells go out: one turn asks, one sends, and TLS may want another */
	for (int i = 0; ws->lws && ws->loop_vhost && i < 4; i++)
		lws_service(ws->lws, -1);
	if (ws->lws)
		lws_context_destroy(ws->lws);
	loop_set_backend(ws->loop, &ws_loop_ended, NULL);
	ws_loop_release(ws);
	free(ws);
}
