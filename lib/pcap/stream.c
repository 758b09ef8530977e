/* TCP streams on their way to messages: which are V2G's, TLS taken off, V2GTP framed. */
#include "pcap/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	END_TEXT = 64,
	PIECE = 64 << 10,
	FIRST_V2GTP = 0x01,
	TLS_CHANGE = 0x14,
	TLS_DATA = 0x17,
	TLS_MAJOR = 3
};

struct jw *talk_begin_stream(struct talk_stream *s, int from)
{
	struct tcp_conn *c = s->conn;
	char src[END_TEXT], dst[END_TEXT];

	net_print_end(&c->end[from], src, sizeof src);
	net_print_end(&c->end[!from], dst, sizeof dst);
	return talk_begin(s->talk,
			  &(struct talk_line){.from_ev = c->client < 0 ? -1 : c->client == from,
					      .from = src,
					      .to = dst,
					      .conn = c,
					      .tls = s->version[0] ? s->version : NULL});
}

static void say_error(struct talk_stream *s, int from, const char *what)
{
	if (!s->sure)
		return;
	talk_begin_stream(s, from);
	talk_error(s->talk, what);
	talk_end(s->talk);
}

/* ---- V2GTP ---- */

static void v2gtp_data(struct talk_stream *s, int from, const uint8_t *data, size_t size)
{
	struct v2gtp_frame frame;
	struct err err;
	int r;

	while (size) {
		size_t n = size < PIECE ? size : PIECE;

		if (v2gtp_feed(&s->v2gtp[from], data, n) < 0)
			s->talk->failed = true;
		data += n;
		size -= n;
		while ((r = v2gtp_next(&s->v2gtp[from], &frame, &err)) != 0) {
			if (r < 0) {
				say_error(s, from, err.msg);
				continue;
			}
			s->sure = true;
			talk_frame(s, from, &frame);
		}
	}
}

/* ---- TLS ---- */

static void on_tls_data(void *ctx, int from, const uint8_t *data, size_t size)
{
	v2gtp_data(ctx, from, data, size);
}

static void on_tls_hello(void *ctx, int client, const char *version, const char *suite,
			 const char *problem)
{
	struct talk_stream *s = ctx;
	struct jw *w;

	snprintf(s->version, sizeof s->version, "%s", version);
	if (client >= 0)
		s->conn->client = client;
	if (!s->sure)
		return;
	w = talk_begin_stream(s, client < 0 ? 1 : !client);
	jw_kstr(w, "message", "TLS ServerHello");
	jw_kobj(w, "json");
	jw_kstr(w, "version", version);
	jw_kstr(w, "cipher", suite);
	jw_end(w);
	if (problem)
		talk_error(s->talk, problem);
	talk_end(s->talk);
}

static void on_tls_alert(void *ctx, int from, bool fatal, int code, const char *name)
{
	struct talk_stream *s = ctx;
	struct jw *w;

	if (!s->sure)
		return;
	w = talk_begin_stream(s, from);
	jw_kstr(w, "message", "TLS alert");
	jw_kobj(w, "json");
	jw_kstr(w, "level", fatal ? "fatal" : "warning");
	jw_kint(w, "code", code);
	jw_kstr(w, "description", name);
	jw_end(w);
	talk_end(s->talk);
}

static void on_tls_bad(void *ctx, int from, const char *what)
{
	say_error(ctx, from, what);
}

static const struct tls_events tls_events = {on_tls_data, on_tls_hello, on_tls_alert, on_tls_bad};

/* ---- TCP ---- */

/* V2G runs between link-local addresses; the tests on the loopback one. */
static bool is_local(const struct tcp_end *end)
{
	static const uint8_t loopback[16] = {[15] = 1};

	return end->version == 6 && ((end->ip[0] == 0xfe && (end->ip[1] & 0xc0) == 0x80) ||
				     memcmp(end->ip, loopback, sizeof loopback) == 0);
}

/* Whether a TLS record may begin with these octets, of which there may be one only. */
static bool is_tls(const uint8_t *data, size_t size)
{
	return data[0] >= TLS_CHANGE && data[0] <= TLS_DATA && (size < 2 || data[1] == TLS_MAJOR);
}

/* What the first octets tell. */
static void classify(struct talk_stream *s, const uint8_t *data, size_t size)
{
	struct tcp_conn *c = s->conn;
	bool open = c->client >= 0, tls = is_tls(data, size);

	for (int e = 0; e < 2; e++) {
		if (!talk_is_announced(s->talk, &c->end[e]))
			continue;
		s->sure = true;
		c->client = !e;
	}
	s->kind = tls ? STREAM_TLS : STREAM_PLAIN;
	if (tls) {
		s->sure = s->sure || (is_local(&c->end[0]) && is_local(&c->end[1]));
		s->tls = tls_new(s->talk->keys, &tls_events, s);
		s->talk->failed |= !s->tls;
	} else if (open && !s->sure && data[0] != FIRST_V2GTP) {
		s->kind = STREAM_FOREIGN;
	}
	for (int e = 0; e < 2; e++)
		v2gtp_init(&s->v2gtp[e], !tls && !open);
}

static struct talk_stream *stream(struct talk *t, struct tcp_conn *c)
{
	struct talk_stream *s = c->user;

	if (s)
		return s;
	s = calloc(1, sizeof *s);
	c->user = s;
	if (!s) {
		t->failed = true;
		return NULL;
	}
	*s = (struct talk_stream){.talk = t, .conn = c, .schema = -1};
	return s;
}

static void on_data(void *ctx, struct tcp_conn *c, int from, const uint8_t *data, size_t size)
{
	struct talk_stream *s = stream(ctx, c);

	if (!s || !size)
		return;
	if (s->kind == STREAM_NEW)
		classify(s, data, size);
	if (s->kind == STREAM_PLAIN)
		v2gtp_data(s, from, data, size);
	else if (s->tls && tls_feed(s->tls, from, data, size) < 0)
		s->talk->failed = true;
}

static void on_lost(void *ctx, struct tcp_conn *c, int from, size_t size)
{
	struct talk_stream *s = stream(ctx, c);
	char what[80];

	if (!s)
		return;
	snprintf(what, sizeof what, "%zu octets of the stream aren't in the capture", size);
	say_error(s, from, what);
	if (s->kind == STREAM_PLAIN)
		v2gtp_lost(&s->v2gtp[from], size);
	else if (s->tls)
		tls_lost(s->tls, from);
}

static void on_closed(void *ctx, struct tcp_conn *c)
{
	struct talk_stream *s = c->user;
	char what[80];

	(void)ctx;
	if (!s)
		return;
	for (int e = 0; e < 2 && s->kind != STREAM_NEW; e++) {
		snprintf(what, sizeof what, "ends %zu octets into a V2GTP frame",
			 v2gtp_left(&s->v2gtp[e]));
		if (v2gtp_left(&s->v2gtp[e]))
			say_error(s, e, what);
		v2gtp_release(&s->v2gtp[e]);
	}
	tls_free(s->tls);
	free(s);
	c->user = NULL;
}

const struct tcp_events talk_tcp_events = {on_data, on_lost, on_closed};
