#include "pcap/tcp.h"

#include <stdlib.h>
#include <string.h>

enum {
	WINDOW = 1 << 24,  /* a segment farther ahead isn't of this connection */
	HOLE_US = 1000000, /* see tcp.h */
	HELD_COST = 64,    /* what a held segment costs beside its octets */
};

struct tcp_held {
	struct tcp_held *next;
	uint32_t seq;
	size_t size;
	uint8_t data[];
};

/* How far b is ahead of a; negative where behind. */
static int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a);
}

void tcp_init(struct tcp *t, const struct tcp_events *events, void *ctx)
{
	*t = (struct tcp){.events = events, .ctx = ctx};
}

/* ---- one direction ---- */

static void drop_first(struct tcp_half *h)
{
	struct tcp_held *first = h->held;

	h->held = first->next;
	h->held_size -= first->size + HELD_COST;
	free(first);
}

/* Gives what is next and new of size octets at seq. */
static void give(struct tcp *t, struct tcp_conn *c, int from, uint32_t seq, const uint8_t *data,
		 size_t size)
{
	struct tcp_half *h = &c->half[from];
	size_t old = (size_t)ahead(seq, h->next);

	if (old >= size)
		return;
	h->next += (uint32_t)(size - old);
	t->events->data(t->ctx, c, from, data + old, size - old);
}

/* Gives what waited and is next now. */
static void drain(struct tcp *t, struct tcp_conn *c, int from)
{
	struct tcp_half *h = &c->half[from];

	while (h->held && ahead(h->next, h->held->seq) <= 0) {
		give(t, c, from, h->held->seq, h->held->data, h->held->size);
		drop_first(h);
	}
}

/* Gives up on the first hole. */
static void jump(struct tcp *t, struct tcp_conn *c, int from)
{
	struct tcp_half *h = &c->half[from];
	size_t n = (size_t)ahead(h->next, h->held->seq);

	h->next = h->held->seq;
	t->events->lost(t->ctx, c, from, n);
	drain(t, c, from);
}

/* Keeps a segment that is ahead, sorted. */
static int hold(struct tcp_half *h, const struct tcp_segment *s, uint32_t seq)
{
	struct tcp_held **at = &h->held, *new;

	while (*at && ahead((*at)->seq, seq) >= 0) {
		if (ahead(seq + (uint32_t)s->size, (*at)->seq + (uint32_t)(*at)->size) >= 0)
			return 0;
		at = &(*at)->next;
	}
	new = malloc(sizeof *new + s->size);
	if (!new)
		return -1;
	*new = (struct tcp_held){*at, seq, s->size};
	memcpy(new->data, s->data, s->size);
	if (!h->held)
		h->hole_us = s->time_us;
	*at = new;
	h->held_size += s->size + HELD_COST;
	return 0;
}

static int take(struct tcp *t, struct tcp_conn *c, int from, const struct tcp_segment *s)
{
	struct tcp_half *h = &c->half[from];
	uint32_t seq = s->seq + !!(s->flags & TCP_SYN);
	int32_t far;

	if (!h->started) {
		h->started = true;
		h->first = h->next = seq;
	}
	far = ahead(h->next, seq);
	if (far > WINDOW || far < -WINDOW)
		return 0;
	if ((s->flags & TCP_FIN) && !h->ended) {
		h->ended = true;
		h->end = seq + (uint32_t)s->size;
	}
	if (!s->size)
		return 0;
	if (far > 0) {
		if (hold(h, s, seq) < 0)
			return -1;
		while (h->held_size > TCP_HELD_MAX)
			jump(t, c, from);
		return 0;
	}
	give(t, c, from, seq, s->data, s->size);
	drain(t, c, from);
	return 0;
}

/* The other side tells what it has: a hole before that won't be filled. */
static void acknowledged(struct tcp *t, struct tcp_conn *c, int from, const struct tcp_segment *s)
{
	struct tcp_half *h = &c->half[from];

	if (!(s->flags & TCP_ACK) || !h->held || s->time_us - h->hole_us < HOLE_US)
		return;
	if (ahead(h->held->seq, s->ack) > 0)
		jump(t, c, from);
}

/* Gives all that waits, whatever is missing. */
static void finish(struct tcp *t, struct tcp_conn *c, int from)
{
	struct tcp_half *h = &c->half[from];

	while (h->held)
		jump(t, c, from);
	if (h->ended && ahead(h->next, h->end) > 0)
		t->events->lost(t->ctx, c, from, (size_t)ahead(h->next, h->end));
}

/* ---- connections ---- */

static void close_conn(struct tcp *t, struct tcp_conn **at)
{
	finish(t, *at, 0);
	finish(t, *at, 1);
	t->events->closed(t->ctx, *at);
	free(*at);
	*at = NULL;
}

void tcp_release(struct tcp *t)
{
	/* In the order of their numbers, so that the output doesn't depend on which place is free.
	 */
	for (;;) {
		struct tcp_conn **first = NULL;

		for (int i = 0; i < TCP_STREAMS_MAX; i++) {
			if (t->conn[i] && (!first || t->conn[i]->number < (*first)->number))
				first = &t->conn[i];
		}
		if (!first)
			return;
		close_conn(t, first);
	}
}

static struct tcp_conn **find(struct tcp *t, const struct tcp_segment *s, int *from)
{
	for (int i = 0; i < TCP_STREAMS_MAX; i++) {
		const struct tcp_conn *c = t->conn[i];

		for (int e = 0; c && e < 2; e++) {
			if (tcp_end_same(&c->end[e], &s->src) &&
			    tcp_end_same(&c->end[!e], &s->dst)) {
				*from = e;
				return &t->conn[i];
			}
		}
	}
	return NULL;
}

/* A free place, or that of the connection silent for longest. */
static struct tcp_conn **place(struct tcp *t)
{
	struct tcp_conn **oldest = &t->conn[0];

	for (int i = 0; i < TCP_STREAMS_MAX; i++) {
		if (!t->conn[i])
			return &t->conn[i];
		if (t->conn[i]->last_us < (*oldest)->last_us)
			oldest = &t->conn[i];
	}
	close_conn(t, oldest);
	return oldest;
}

static struct tcp_conn *open_conn(struct tcp *t, const struct tcp_segment *s)
{
	struct tcp_conn **at = place(t), *c = calloc(1, sizeof *c);

	*at = c;
	if (!c)
		return NULL;
	c->end[0] = s->src;
	c->end[1] = s->dst;
	c->number = t->count++;
	c->client = !(s->flags & TCP_SYN) ? -1 : !!(s->flags & TCP_ACK);
	return c;
}

/* A SYN that opens anew what still counts as open; the first one may come twice. */
static bool reopens(const struct tcp_conn *c, int from, const struct tcp_segment *s)
{
	const struct tcp_half *h = &c->half[from];

	return (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && h->started && h->first != s->seq + 1;
}

int tcp_segment(struct tcp *t, const struct tcp_segment *s)
{
	struct tcp_conn **at, *c;
	int from = 0;

	at = find(t, s, &from);
	if (at && reopens(*at, from, s)) {
		close_conn(t, at);
		at = NULL;
	}
	if (!at)
		from = 0;
	c = at ? *at : open_conn(t, s);
	if (!c)
		return -1;
	c->last_us = s->time_us;
	if (take(t, c, from, s) < 0)
		return -1;
	acknowledged(t, c, !from, s);
	if (s->flags & TCP_RST) {
		finish(t, c, 0);
		finish(t, c, 1);
	}
	return 0;
}
