/* A subscriber's side of the bus: which entries it wants, in which order, as far as its socket
 * takes them. */
#include "bus/router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/types.h"

enum { BATCH = 512 };

/* What one writev takes: lines, and the pieces of memory that they make. */
struct batch {
	struct {
		const char *at;
		size_t len;
		int32_t key;  /* of the retained record, where it is one */
		uint64_t end; /* else the cursor behind it */
	} line[BATCH];
	struct iovec iov[BATCH];
	int count, pieces;
};

struct peer *peer_new(struct router *r, int fd, const char *service)
{
	struct peer *p = calloc(1, sizeof *p);
	int32_t id = 0;

	while (id < ROUTER_PEERS && r->peer[id])
		id++;
	if (!p || id == ROUTER_PEERS) {
		free(p);
		return NULL;
	}
	*p = (struct peer){
	    .router = r, .fd = fd, .id = id, .serial = ++r->serial, .service = service};
	lines_init(&p->lines);
	buf_init(&p->rest, NDJSON_LINE_MAX);
	p->cursor = p->urgent = r->ring.last;
	memset(p->mode, 0xff, sizeof p->mode);
	memset(p->may, 0xff, sizeof p->may);
	r->peer[id] = p;
	if (id >= r->peer_end)
		r->peer_end = id + 1;
	return p;
}

void peer_free(struct peer *p)
{
	struct router *r = p->router;

	loop_unwatch(r->loop, p->fd);
	close(p->fd);
	r->peer[p->id] = NULL;
	while (r->peer_end && !r->peer[r->peer_end - 1])
		r->peer_end--;
	lines_release(&p->lines);
	buf_release(&p->rest);
	free(p->owed);
	free(p);
}

static enum topic_mode mode_of(struct peer *p, int type)
{
	const char *name = p->router->type[type];

	if (p->mode[type] == 0xff)
		p->mode[type] = (uint8_t)topics_mode(&p->topics, name, strlen(name));
	return (enum topic_mode)p->mode[type];
}

static bool is_latest(const struct router *r, const struct ring_entry *e, uint64_t seq)
{
	return e->key < 0 || r->keep.item[e->key].seq == seq;
}

/* A command or reply goes to whom it is for, and to who reads all of that type; a resent one to the
 * latter alone. */
static bool wants(struct peer *p, const struct ring_entry *e, uint64_t seq)
{
	enum topic_mode mode = p->subscribed ? mode_of(p, e->type) : TOPIC_NONE;

	if ((e->only == p->id || (e->service && strcmp(e->service, p->service) == 0)) && !e->resent)
		return true;
	if (mode == TOPIC_NONE)
		return false;
	return mode != TOPIC_LATEST || !e->conflate || is_latest(p->router, e, seq);
}

static void owe(struct peer *p, int32_t key)
{
	if (!p->owed)
		p->owed = calloc(ROUTER_KEYS / 64, sizeof *p->owed);
	if (!p->owed)
		return;
	p->owed[key / 64] |= UINT64_C(1) << (key % 64);
	p->any_owed = true;
}

bool peer_evict(struct peer *p, uint64_t seq)
{
	const struct ring_entry *e = ring_at(&p->router->ring, seq);
	bool done = e->urgent && p->two_pass ? p->urgent > seq : p->cursor > seq;

	if (p->cursor <= seq)
		p->cursor = seq + 1;
	if (p->urgent <= seq)
		p->urgent = seq + 1;
	if (done || !p->subscribed || !wants(p, e, seq))
		return true;
	if (mode_of(p, e->type) != TOPIC_LATEST || !e->conflate)
		return false;
	owe(p, e->key);
	return true;
}

void peer_subscribe(struct peer *p, const struct topics *topics)
{
	struct router *r = p->router;
	int64_t now = loop_now(r->loop).mono_us;

	p->topics = *topics;
	p->subscribed = true;
	p->two_pass = topics_only_latest(topics);
	memset(p->mode, 0xff, sizeof p->mode);
	p->cursor = p->urgent = r->ring.last;
	if (p->owed)
		memset(p->owed, 0, ROUTER_KEYS / 8);
	p->any_owed = false;
	p->live_after = 0;
	for (size_t i = 0; i < r->keep.count; i++) {
		int type = router_type_index(
		    r, (struct slice){r->keep.item[i].type, strlen(r->keep.item[i].type)});
		enum topic_mode mode = type < 0 ? TOPIC_NONE : mode_of(p, type);

		if ((mode == TOPIC_EVERY || mode == TOPIC_LATEST) && keep_live(&r->keep, i, now))
			owe(p, (int32_t)i);
	}
	p->live_due = true;
}

/* ---- sending ---- */

static void settle(struct peer *p, int32_t key)
{
	p->owed[key / 64] &= ~(UINT64_C(1) << (key % 64));
}

static bool owes(const struct peer *p, size_t key)
{
	return p->owed[key / 64] >> (key % 64) & 1;
}

/* The owed record that came first at or after @from; -1: none. */
static long next_owed(const struct peer *p, uint64_t from)
{
	const struct keep *k = &p->router->keep;
	long best = -1;

	for (size_t i = 0; i < k->count; i++)
		if (owes(p, i) && k->item[i].seq >= from &&
		    (best < 0 || k->item[i].seq < k->item[best].seq))
			best = (long)i;
	return best;
}

/* Lines that lie side by side, as in the ring, go as one piece. */
static void add_line(struct batch *b, char *at, size_t len, int32_t key, uint64_t end)
{
	struct iovec *last = b->pieces ? &b->iov[b->pieces - 1] : NULL;

	b->line[b->count].at = at;
	b->line[b->count].len = len;
	b->line[b->count].key = key;
	b->line[b->count++].end = end;
	if (last && (char *)last->iov_base + last->iov_len == at)
		last->iov_len += len;
	else
		b->iov[b->pieces++] = (struct iovec){at, len};
}

/* True when the ring will give what is kept at @i: then it must not be sent before older ones that
 * are still in the ring. */
static bool comes_by_ring(const struct peer *p, const struct kept *k)
{
	const struct ring *ring = &p->router->ring;

	if (k->seq < ring->first)
		return false;
	return k->seq >= (p->two_pass && ring_at(ring, k->seq)->urgent ? p->urgent : p->cursor);
}

/* The retained records that are owed, in the order in which they came; what is out of date is
 * settled unsent. The live mark waits for what was replaced in the meantime. */
static void add_owed(struct peer *p, struct batch *b)
{
	struct keep *k = &p->router->keep;
	int64_t now = loop_now(p->router->loop).mono_us;
	uint64_t from = 0;
	long i;

	while (b->count < BATCH && (i = next_owed(p, from)) >= 0) {
		from = k->item[i].seq + 1;
		if (comes_by_ring(p, &k->item[i])) {
			p->live_after = from > p->live_after ? from : p->live_after;
			settle(p, (int32_t)i);
			continue;
		}
		if (!keep_live(k, (size_t)i, now) && !k->item[i].gone) {
			settle(p, (int32_t)i);
			continue;
		}
		k->item[i].line[k->item[i].len] =
		    '\n'; /* in place of its NUL, while writev reads it */
		add_line(b, k->item[i].line, k->item[i].len + 1, (int32_t)i, 0);
	}
	p->any_owed = b->count > 0;
}

/* Writes a batch. What the socket took only in part is kept; @return bytes taken or kept, -1 when
 * none could be. */
static ssize_t write_batch(struct peer *p, const struct batch *b, int *lines)
{
	ssize_t n = writev(p->fd, b->iov, b->pieces), left;
	int i = 0;

	*lines = 0;
	if (n < 0)
		return -1;
	for (left = n; i < b->count && left >= (ssize_t)b->line[i].len; i++)
		left -= (ssize_t)b->line[i].len;
	if (left > 0 && i < b->count) {
		buf_add(&p->rest, b->line[i].at + left, b->line[i].len - (size_t)left);
		i++;
	}
	*lines = i;
	p->sent += (uint64_t)i;
	return n;
}

static bool send_owed(struct peer *p)
{
	struct keep *k = &p->router->keep;
	struct batch b;
	int lines;
	bool ok;

	while (p->any_owed) {
		b.count = b.pieces = lines = 0;
		add_owed(p, &b);
		ok = !b.count || write_batch(p, &b, &lines) >= 0;
		for (int i = 0; i < b.count; i++) {
			k->item[b.line[i].key].line[b.line[i].len - 1] = '\0';
			if (i < lines)
				settle(p, b.line[i].key);
		}
		if (!ok || lines < b.count || p->rest.len)
			return false;
	}
	return true;
}

static bool send_live(struct peer *p)
{
	struct router *r = p->router;
	struct jw *w;

	if (!p->live_due || p->cursor < p->live_after || p->urgent < p->live_after)
		return true;
	w = out_begin(&r->out, loop_now(r->loop), "bus", (struct out_head){0});
	jw_kstr(w, "state", "live");
	jw_kint(w, "retained", (int64_t)r->keep.count);
	jw_end(w);
	buf_addc(&r->out.line, '\n');
	if (write(p->fd, r->out.line.data, r->out.line.len) != (ssize_t)r->out.line.len)
		return false;
	p->live_due = false;
	return true;
}

/* Collects entries from *@pos on; @only_urgent: the first of two passes, else urgent ones behind
 * p->urgent are left out. */
static uint64_t collect(struct peer *p, struct batch *b, uint64_t pos, bool only_urgent)
{
	struct ring *ring = &p->router->ring;

	for (; pos < ring->last && b->count < BATCH; pos++) {
		const struct ring_entry *e = ring_at(ring, pos);

		if (p->two_pass && (e->urgent != only_urgent))
			continue;
		if (!wants(p, e, pos))
			continue;
		add_line(b, ring->data + e->at, e->len, -1, pos + 1);
	}
	return pos;
}

static bool send_pass(struct peer *p, uint64_t *cursor, bool only_urgent)
{
	struct batch b;
	uint64_t end;
	int lines;

	while (*cursor < p->router->ring.last) {
		b.count = b.pieces = 0;
		end = collect(p, &b, *cursor, only_urgent);
		if (b.count && write_batch(p, &b, &lines) < 0)
			return false;
		if (b.count && lines < b.count) {
			if (lines)
				*cursor = b.line[lines - 1].end;
			return false;
		}
		*cursor = end;
		if (p->rest.len)
			return false;
	}
	return true;
}

static bool send_rest(struct peer *p)
{
	ssize_t n;

	while (p->rest.len) {
		n = write(p->fd, p->rest.data, p->rest.len);
		if (n < 0)
			return false;
		buf_drop(&p->rest, (size_t)n);
	}
	return true;
}

static bool send_all(struct peer *p)
{
	if (!send_rest(p) || !send_owed(p) || !send_live(p))
		return false;
	if (!p->two_pass)
		return send_pass(p, &p->cursor, false) ? (p->urgent = p->cursor, send_live(p))
						       : false;
	return send_pass(p, &p->urgent, true) && send_pass(p, &p->cursor, false) && send_live(p);
}

static void on_writable(void *ctx, int fd, short revents);

void peer_flush(struct peer *p)
{
	if (send_all(p)) {
		if (p->watching)
			loop_watch(p->router->loop, p->fd, POLLIN, on_writable, p);
		p->watching = false;
	} else if (!p->watching) {
		loop_watch(p->router->loop, p->fd, POLLIN | POLLOUT, on_writable, p);
		p->watching = true;
	}
}

static void on_writable(void *ctx, int fd, short revents)
{
	struct peer *p = ctx;

	(void)fd;
	if (revents & POLLOUT)
		peer_flush(p);
	if (revents & (POLLIN | POLLHUP | POLLERR))
		peer_readable(p);
}
