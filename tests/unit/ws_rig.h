/* A client and a server on one loop, and what each of them was told. */
#ifndef WS_RIG_H
#define WS_RIG_H

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/loop.h"
#include "ws/resolve.h"
#include "ws/url.h"
#include "ws/ws.h"

static struct rig {
	struct loop *loop;
	struct ws *ws;
	struct ws_server *server;
	struct ws_client *client;
	struct ws_conn *conn;
	struct loop_timer give_up, poke;
	int refuse_with;
	int client_open, client_closed, client_refused, client_messages, client_drained;
	int closed; /* by both ends */
	int server_open, server_closed, server_refused, server_messages;
	enum ws_reason client_reason, server_reason;
	int http_status, close_code;
	uint32_t retry_ms;
	size_t last_len;
	char last[256], text[300], tls[16], peer_name[65], subprotocol[32];
	char identity[WS_IDENTITY_MAX + 1];
	bool echo, timed_out;
	int *wait_for, wait_count;
	void (*on_poke)(void);
} r;

static void stop_when_reached(void)
{
	if (r.wait_for && *r.wait_for >= r.wait_count)
		loop_stop(r.loop, 0);
}

static void keep(const struct ws_event *ev)
{
	r.last_len = ev->len;
	snprintf(r.last, sizeof(r.last), "%.200s", ev->data);
}

static void on_client(void *user, struct ws_client *c, const struct ws_event *ev)
{
	(void)user, (void)c;
	switch (ev->kind) {
	case WS_OPEN:
		r.client_open++;
		snprintf(r.tls, sizeof(r.tls), "%s", ev->tls ? ev->tls : "");
		snprintf(r.subprotocol, sizeof(r.subprotocol), "%s", ev->subprotocol);
		break;
	case WS_MESSAGE:
		r.client_messages++;
		keep(ev);
		break;
	case WS_CLOSED:
		r.client_closed++;
		r.closed++;
		r.client_reason = ev->reason;
		r.close_code = ev->close_code;
		r.retry_ms = ev->retry_ms;
		snprintf(r.text, sizeof(r.text), "%s", ev->text);
		break;
	case WS_REFUSED:
		r.client_refused++;
		r.client_reason = ev->reason;
		r.http_status = ev->http_status;
		r.retry_ms = ev->retry_ms;
		snprintf(r.text, sizeof(r.text), "%s", ev->text);
		break;
	case WS_DRAINED:
		r.client_drained++;
		break;
	}
	stop_when_reached();
}

static void on_server(void *user, struct ws_conn *conn, const struct ws_event *ev)
{
	(void)user;
	switch (ev->kind) {
	case WS_OPEN:
		r.server_open++;
		r.conn = conn;
		snprintf(r.identity, sizeof(r.identity), "%s", ws_conn_identity(conn));
		snprintf(r.peer_name, sizeof(r.peer_name), "%s",
			 ev->peer_name ? ev->peer_name : "");
		break;
	case WS_MESSAGE:
		r.server_messages++;
		keep(ev);
		if (r.echo)
			ws_conn_send(conn, ev->data, ev->len);
		break;
	case WS_CLOSED:
		r.server_closed++;
		r.closed++;
		r.server_reason = ev->reason;
		r.conn = NULL;
		break;
	case WS_REFUSED:
		r.server_refused++;
		r.server_reason = ev->reason;
		break;
	case WS_DRAINED:
		break;
	}
	stop_when_reached();
}

static int admit(void *user, const struct ws_request *rq)
{
	(void)user;
	if (rq->user && strcmp(rq->password, "right password") != 0)
		return 401;
	return r.refuse_with;
}

static void on_give_up(void *ctx)
{
	(void)ctx;
	r.timed_out = true;
	loop_stop(r.loop, 1);
}

static void on_poke(void *ctx)
{
	(void)ctx;
	r.on_poke();
}

/* Loops are run several times here; only tests do that. */
static inline bool run_until(int *counter, int count)
{
	r.wait_for = counter;
	r.wait_count = count;
	r.timed_out = false;
	loop_timer_set(r.loop, &r.give_up, clock_read().mono_us + 10000000);
	if (*counter < count)
		loop_run(r.loop);
	loop_timer_cancel(r.loop, &r.give_up);
	return !r.timed_out && *counter >= count;
}

static bool begin(struct ws_server_conf *sc)
{
	struct err e = {""};

	r = (struct rig){.give_up = {.name = "give-up", .fn = on_give_up},
			 .poke = {.name = "poke", .fn = on_poke}};
	r.loop = loop_new(&e);
	r.ws = ws_new(r.loop, &e);
	if (!sc->listen)
		sc->listen = "127.0.0.1:0";
	sc->admit = admit;
	r.server = ws_server_new(r.ws, sc, on_server, NULL, &e);
	if (!r.server)
		printf("%s\n", e.msg);
	return r.server != NULL;
}

static inline bool join(struct ws_client_conf *cc)
{
	static char url[64];
	struct err e = {""};

	if (!cc->url) {
		snprintf(url, sizeof(url), "%s://127.0.0.1:%d/x/CS001", cc->ca_file ? "wss" : "ws",
			 ws_server_port(r.server));
		cc->url = url;
	}
	r.client = ws_client_new(r.ws, cc, on_client, NULL, &e);
	if (!r.client)
		printf("%s\n", e.msg);
	return r.client != NULL;
}

static void end(void)
{
	ws_free(r.ws);
	loop_free(r.loop);
}

/* Run again after a stop: a fresh rig is simpler than an API for it. */
#define BOTH_OPEN(sc, cc)                              \
	do {                                           \
		REQUIRE(begin(sc));                    \
		REQUIRE(join(cc));                     \
		REQUIRE(run_until(&r.client_open, 1)); \
	} while (0)

/* Does its work as soon as the connection is open: the loop is run once. */
static inline void when_open(void (*fn)(void))
{
	r.on_poke = fn;
	loop_timer_after(r.loop, &r.poke, 150000);
}

static inline void free_client(void)
{
	ws_client_free(r.client);
	ws_client_free(r.client);
}

#endif
