/* An established connection: its queue out, the message being put together, pings and the end. */
#include "ws/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	MESSAGE_MAX_DEFAULT = 1 << 20,
	QUEUE_MAX_DEFAULT = 4 << 20,
	PONG_DEFAULT_MS = 10000,
};

const lws_retry_bo_t ws_idle_policy = {.secs_since_valid_ping = 65000,
				       .secs_since_valid_hangup = 65100};

void ws_kill(struct lws *wsi, bool reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (reset)
		setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void ws_leave(struct lws *wsi)
{
	lws_set_opaque_user_data(wsi, NULL);
	lws_callback_on_writable(wsi);
}

int ws_orphan(struct lws *wsi, enum lws_callback_reasons reason)
{
	static unsigned char text[] = "going away";

	if (reason == LWS_CALLBACK_CLIENT_WRITEABLE || reason == LWS_CALLBACK_SERVER_WRITEABLE) {
		lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, text, sizeof(text) - 1);
		return -1;
	}
	if (reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_RECEIVE)
		lws_callback_on_writable(wsi);
	return 0;
}

/* ---- pings ---- */

static void ping_after(struct ws_link *l)
{
	if (l->wsi && l->ping_interval_ms)
		loop_timer_after(l->ws->loop, &l->ping_timer, (int64_t)l->ping_interval_ms * 1000);
	else
		loop_timer_cancel(l->ws->loop, &l->ping_timer);
}

static void on_ping_timer(void *ctx)
{
	struct ws_link *l = ctx;

	l->ping_wanted = true;
	lws_callback_on_writable(l->wsi);
	if (!l->pong_timer.armed)
		loop_timer_after(l->ws->loop, &l->pong_timer, (int64_t)l->pong_timeout_ms * 1000);
	ping_after(l);
}

static void on_pong_timer(void *ctx)
{
	struct ws_link *l = ctx;

	ws_fault_set(&l->fault, WS_PONG, "no pong from %s within %u ms", l->peer,
		     l->pong_timeout_ms);
	ws_kill(l->wsi, false);
}

static void on_close_timer(void *ctx)
{
	struct ws_link *l = ctx;

	ws_kill(l->wsi, false);
}

void ws_link_pong(struct ws_link *l)
{
	loop_timer_cancel(l->ws->loop, &l->pong_timer);
}

void ws_link_set_ping(struct ws_link *l, uint32_t interval_ms)
{
	l->ping_interval_ms = interval_ms;
	ping_after(l);
}

/* ---- life ---- */

void ws_link_init(struct ws_link *l, struct ws *ws, void *owner,
		  void (*emit)(void *owner, const struct ws_event *ev),
		  const struct ws_limits *limits)
{
	*l = (struct ws_link){
	    .ws = ws,
	    .owner = owner,
	    .emit = emit,
	    .queue_max = limits->queue_max ? limits->queue_max : QUEUE_MAX_DEFAULT,
	    .ping_interval_ms = limits->ping_interval_ms,
	    .pong_timeout_ms = limits->pong_timeout_ms ? limits->pong_timeout_ms : PONG_DEFAULT_MS,
	    .ping_timer = {.name = "ws.ping", .fn = on_ping_timer, .ctx = l},
	    .pong_timer = {.name = "ws.pong", .fn = on_pong_timer, .ctx = l},
	    .close_timer = {.name = "ws.close", .fn = on_close_timer, .ctx = l},
	};
	l->out_tail = &l->out;
	buf_init(&l->in, limits->message_max ? limits->message_max : MESSAGE_MAX_DEFAULT);
}

static void drop_queue(struct ws_link *l)
{
	while (l->out) {
		struct ws_out *o = l->out;

		l->out = o->next;
		free(o);
	}
	l->out_tail = &l->out;
	l->queued = 0;
}

void ws_link_release(struct ws_link *l)
{
	loop_timer_cancel(l->ws->loop, &l->ping_timer);
	loop_timer_cancel(l->ws->loop, &l->pong_timer);
	loop_timer_cancel(l->ws->loop, &l->close_timer);
	drop_queue(l);
	buf_release(&l->in);
	l->wsi = NULL;
}

void ws_link_open(struct ws_link *l, struct lws *wsi)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	SSL *ssl = lws_get_ssl(wsi);

	l->wsi = wsi;
	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&sa, &len) == 0)
		ws_address_text(l->peer, sizeof(l->peer), &sa, len);
	l->tls[0] = '\0';
	if (ssl)
		snprintf(l->tls, sizeof(l->tls), "%s", SSL_get_version(ssl));
	ws_tls_peer_name(l->peer_name, sizeof(l->peer_name), ssl);
	l->fault = (struct ws_fault){.reason = WS_OK};
	l->closing = l->deaf = l->ping_wanted = l->sent = false;
	l->close_code = 0;
	buf_reset(&l->in);
	ping_after(l);
}

struct ws_event ws_link_event(const struct ws_link *l, enum ws_kind kind)
{
	return (struct ws_event){
	    .kind = kind,
	    .text = "",
	    .subprotocol = l->subprotocol,
	    .tls = l->tls[0] ? l->tls : NULL,
	    .peer_name = l->peer_name[0] ? l->peer_name : NULL,
	    .peer = l->peer,
	};
}

/* RFC 6455 7.4.1: which codes mean that nothing was wrong. */
static bool code_is_normal(int code)
{
	return code == 1000 || code == 1001;
}

void ws_link_closed(struct ws_link *l, struct ws_event *ev)
{
	if (l->closing)
		ws_fault_set(&l->fault, WS_LOCAL, "closed by us");
	else if (code_is_normal(l->close_code))
		snprintf(l->fault.text, sizeof(l->fault.text), "%s closed the connection (%d)",
			 l->peer, l->close_code);
	else if (l->close_code)
		ws_fault_set(&l->fault, WS_PROTOCOL, "%s closed the connection with status %d",
			     l->peer, l->close_code);
	else
		ws_fault_set(&l->fault, WS_LOST, "the connection to %s broke", l->peer);
	*ev = ws_link_event(l, WS_CLOSED);
	ev->reason = l->fault.reason;
	ev->text = l->fault.text;
	ev->close_code = l->close_code;
	ws_link_release(l);
}

/* ---- in ---- */

/* Source: RFC 3629 4: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool utf8_valid(const unsigned char *p, size_t len)
{
	const unsigned char *end = p + len;

	while (p < end) {
		unsigned char c = *p++, low = 0x80, high = 0xbf;
		int more;

		if (c < 0x80)
			continue;
		if (c < 0xc2 || c > 0xf4)
			return false;
		more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
		high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
		for (; more > 0; more--, p++, low = 0x80, high = 0xbf)
			if (p == end || *p < low || *p > high)
				return false;
	}
	return true;
}

/* Ends the connection for a breach by the peer. Not by the callback's return: libwebsockets 4.1
 * would not empty its buffer then, and write what still comes behind the end of it. */
static int breach(struct ws_link *l, enum ws_reason reason, int code, const char *what)
{
	ws_fault_set(&l->fault, reason, "%s from %s", what, l->peer);
	drop_queue(l);
	ws_link_close(l, code, what);
	l->deaf = true;
	return 0;
}

int ws_link_receive(struct ws_link *l, const void *data, size_t len)
{
	struct ws_event ev;

	if (l->deaf)
		return 0;
	ws_link_pong(l); /* whatever comes shows that the peer lives */
	if (lws_frame_is_binary(l->wsi))
		return breach(l, WS_PROTOCOL, 1003, "binary message");
	if (lws_is_first_fragment(l->wsi))
		buf_reset(&l->in);
	if (buf_add(&l->in, data, len) < 0)
		return breach(l, WS_TOO_BIG, 1009, "message too big");
	if (!lws_is_final_fragment(l->wsi) || lws_remaining_packet_payload(l->wsi))
		return 0;
	if (!utf8_valid((const unsigned char *)buf_str(&l->in), l->in.len))
		return breach(l, WS_PROTOCOL, 1007, "text that is not UTF-8");
	ev = ws_link_event(l, WS_MESSAGE);
	ev.data = buf_str(&l->in);
	ev.len = l->in.len;
	l->emit(l->owner, &ev);
	buf_reset(&l->in);
	return 0;
}

void ws_link_peer_close(struct ws_link *l, const unsigned char *in, size_t len)
{
	if (!l->closing)
		l->close_code = len >= 2 ? in[0] << 8 | in[1] : 1000;
}

/* ---- out ---- */

int ws_link_send(struct ws_link *l, const char *data, size_t len)
{
	struct ws_out *o;

	if (!l->wsi || l->closing) {
		errno = ENOTCONN;
		return -1;
	}
	if (len > l->queue_max || l->queued > l->queue_max - len) {
		errno = ENOBUFS;
		return -1;
	}
	o = malloc(sizeof(*o) + LWS_PRE + len);
	if (!o)
		return -1;
	o->next = NULL;
	o->len = len;
	memcpy(o->data + LWS_PRE, data, len);
	*l->out_tail = o;
	l->out_tail = &o->next;
	l->queued += len;
	lws_callback_on_writable(l->wsi);
	return 0;
}

void ws_link_close(struct ws_link *l, int code, const char *text)
{
	if (!l->wsi || l->closing)
		return;
	l->closing = true;
	l->close_code = code;
	snprintf(l->close_text, sizeof(l->close_text), "%s", text ? text : "");
	loop_timer_after(l->ws->loop, &l->close_timer, WS_CLOSE_GRACE_US);
	lws_callback_on_writable(l->wsi);
}

static int send_ping(struct ws_link *l)
{
	/* not empty: libwebsockets' server side keeps quiet about the pong to an empty ping */
	unsigned char data[LWS_PRE + 4];

	memcpy(data + LWS_PRE, "evse", 4);
	l->ping_wanted = false;
	return lws_write(l->wsi, data + LWS_PRE, 4, LWS_WRITE_PING) < 0 ? -1 : 0;
}

static int send_next(struct ws_link *l)
{
	struct ws_out *o = l->out;
	int n;

	l->out = o->next;
	if (!l->out)
		l->out_tail = &l->out;
	l->queued -= o->len;
	/* what the socket does not take at once, libwebsockets keeps and sends first */
	n = lws_write(l->wsi, o->data + LWS_PRE, o->len, LWS_WRITE_TEXT);
	free(o);
	l->sent = true;
	return n < 0 ? -1 : 0;
}

int ws_link_writeable(struct ws_link *l)
{
	struct ws_event ev;

	if (l->ping_wanted) {
		if (send_ping(l) < 0)
			return -1;
	} else if (l->out) {
		if (send_next(l) < 0)
			return -1;
	} else if (l->closing) {
		lws_close_reason(l->wsi, (enum lws_close_status)l->close_code,
				 (unsigned char *)l->close_text, strlen(l->close_text));
		return -1;
	} else if (l->sent) {
		l->sent = false;
		ev = ws_link_event(l, WS_DRAINED);
		l->emit(l->owner, &ev);
		return 0;
	} else {
		return 0;
	}
	lws_callback_on_writable(l->wsi);
	return 0;
}
