#include "pcap/talk.h"

#include "core/utc.h"
#include "pcap/parts.h"
#include "pcap/slac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_SDP = 15118, END_TEXT = 64 };

/* ---- lines ---- */

static void put_time(struct jw *w, int64_t time_us)
{
	char text[UTC_LEN + 8];

	/* utc_format has milliseconds; three digits more go before the Z. */
	utc_format(time_us, text);
	snprintf(text + UTC_LEN - 1, sizeof text - UTC_LEN + 1, "%03dZ", (int)(time_us % 1000));
	jw_kstr(w, "t", text);
}

struct jw *talk_begin(struct talk *t, const struct talk_line *line)
{
	struct jw *w = &t->w;

	buf_reset(&t->line);
	jw_init(w, &t->line);
	jw_obj(w);
	put_time(w, t->time_us);
	jw_kint(w, "frame", (int64_t)t->frame);
	if (line->from_ev >= 0)
		jw_kstr(w, "dir", line->from_ev ? "ev->evse" : "evse->ev");
	if (line->from)
		jw_kstr(w, "from", line->from);
	if (line->to)
		jw_kstr(w, "to", line->to);
	if (line->conn)
		jw_kint(w, "stream", (int64_t)line->conn->number);
	if (line->tls)
		jw_kstr(w, "tls", line->tls);
	return w;
}

void talk_error(struct talk *t, const char *what)
{
	jw_kobj(&t->w, "error");
	jw_kstr(&t->w, "what", what);
	jw_end(&t->w);
	t->count.errors++;
}

void talk_end(struct talk *t)
{
	jw_end(&t->w);
	if (jw_failed(&t->w))
		t->failed = true;
	else
		t->say(t->ctx, buf_str(&t->line), t->line.len);
}

void talk_hex(struct jw *w, const char *key, const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	jw_key(w, key);
	jw_raw(w, "\"", 1);
	for (size_t i = 0; i < size; i++) {
		buf_addc(w->b, digits[data[i] >> 4]);
		buf_addc(w->b, digits[data[i] & 15]);
	}
	buf_addc(w->b, '"');
}

/* ---- SLAC ---- */

static void slac(struct talk *t, const struct net_link *link)
{
	char from[18] = "", to[18] = "";
	struct slac s;
	struct err err;
	struct jw *w;
	int r = slac_read(link->data, link->size, &s, &err);

	if (r < 0) {
		t->count.malformed++;
		return;
	}
	if (!s.name)
		return;
	if (link->src)
		net_print_mac(link->src, from);
	if (link->dst)
		net_print_mac(link->dst, to);
	w = talk_begin(
	    t, &(struct talk_line){.from_ev = s.dir == SLAC_LOCAL ? -1 : s.dir == SLAC_FROM_EV,
				   .from = link->src ? from : NULL,
				   .to = link->dst ? to : NULL});
	jw_kstr(w, "message", s.name);
	jw_key(w, "json");
	if (slac_print(&s, w, &err) < 0)
		talk_error(t, err.msg);
	talk_end(t);
}

/* ---- SDP ---- */

bool talk_is_announced(const struct talk *t, const struct tcp_end *end)
{
	for (unsigned i = 0; i < t->announcements && i < ANNOUNCED; i++) {
		if (tcp_end_same(&t->announced[i], end))
			return true;
	}
	return false;
}

void talk_announce(struct talk *t, const struct tcp_end *end)
{
	if (!talk_is_announced(t, end))
		t->announced[t->announcements++ % ANNOUNCED] = *end;
}

static void sdp_json(struct talk *t, const struct v2gtp_sdp *sdp, bool response)
{
	struct tcp_end end = {.version = 6, .port = sdp->port};
	char text[END_TEXT];
	struct jw *w = &t->w;

	jw_kstr(w, "message", sdp->message);
	jw_kobj(w, "json");
	if (response) {
		memcpy(end.ip, sdp->ip, sizeof end.ip);
		talk_announce(t, &end);
		net_print_end(&end, text, sizeof text);
		*strchr(text, ']') = '\0';
		jw_kstr(w, "address", text + 1);
		jw_kint(w, "port", sdp->port);
	}
	jw_kstr(w, "security", v2gtp_security(sdp->security));
	jw_kstr(w, "transport", v2gtp_transport(sdp->transport));
	jw_end(w);
}

static void sdp(struct talk *t, const struct net_datagram *d)
{
	char from[END_TEXT], to[END_TEXT], type[8];
	struct v2gtp_frame frame = {0};
	struct v2gtp_sdp s;
	struct err err;
	int r = v2gtp_datagram(d->data, d->size, &frame, &err);
	struct jw *w;

	if (r == 0)
		r = v2gtp_sdp(&frame, &s, &err);
	net_print_end(&d->src, from, sizeof from);
	net_print_end(&d->dst, to, sizeof to);
	w = talk_begin(
	    t, &(struct talk_line){.from_ev = d->dst.port == PORT_SDP, .from = from, .to = to});
	if (frame.payload) {
		snprintf(type, sizeof type, "0x%04x", frame.type);
		jw_kstr(w, "payload_type", type);
	}
	if (r != 0) {
		talk_hex(w, "v2gtp", d->data, d->size);
		talk_error(t, d->cut ? "the packet is cut in the capture" : err.msg);
	} else {
		sdp_json(t, &s, frame.type == V2GTP_SDP_RES);
	}
	talk_end(t);
}

/* ---- packets ---- */

static int datagram(struct talk *t, const struct net_link *link)
{
	struct net_datagram d;

	if (net_datagram(link, &d) < 0) {
		t->count.malformed++;
		return 0;
	}
	switch (d.kind) {
	case NET_TCP:
		return tcp_segment(&t->tcp,
				   &(struct tcp_segment){d.src, d.dst, d.seq, d.ack, d.flags,
							 d.data, d.size, t->time_us});
	case NET_UDP:
		if (d.src.port == PORT_SDP || d.dst.port == PORT_SDP)
			sdp(t, &d);
		return 0;
	case NET_FRAGMENT:
		t->count.fragments++;
		return 0;
	case NET_OTHER:
		return 0;
	}
	return 0;
}

int talk_packet(struct talk *t, const struct capture_item *packet, uint64_t frame)
{
	struct net_link link;

	t->frame = frame;
	t->time_us = packet->time_us;
	if (!net_link_known(packet->link)) {
		t->count.unknown_link++;
		t->count.link = packet->link;
		return 0;
	}
	if (net_link(packet->link, packet->data, packet->size, &link) < 0) {
		t->count.malformed++;
		return 0;
	}
	if (link.ethertype == NET_HOMEPLUG)
		slac(t, &link);
	else if (datagram(t, &link) < 0)
		return -1;
	return t->failed ? -1 : 0;
}

struct talk *talk_new(const struct keylog *keys,
		      void (*say)(void *ctx, const char *line, size_t len), void *ctx)
{
	struct talk *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->keys = keys;
	t->say = say;
	t->ctx = ctx;
	t->text = malloc(TEXT_MAX);
	buf_init(&t->line, LINE_MAX_OCTETS);
	tcp_init(&t->tcp, &talk_tcp_events, t);
	if (t->text)
		return t;
	free(t);
	return NULL;
}

void talk_free(struct talk *t, struct talk_count *count)
{
	tcp_release(&t->tcp);
	if (count)
		*count = t->count;
	buf_release(&t->line);
	free(t->text);
	free(t);
}
