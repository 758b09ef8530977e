#include "bus/pending.h"

#include <stdlib.h>
#include <string.h>

#include "core/seen.h"
#include "core/types.h"

struct pending_entry {
	uint64_t start, end; /* positions in the spool */
	char src[64], epoch[16];
	uint64_t count;
	unsigned owed; /* a bit for each reader */
};

static int add_readers(struct pending *p, const char *list, struct err *err)
{
	size_t len;

	for (const char *c = list; *c; c += len + (c[len] == ',')) {
		len = strcspn(c, ",");
		if (p->nreaders == PENDING_READERS || !len || len >= sizeof p->reader[0])
			return err_set(err, "durable readers '%s': expected at most %d names", list,
				       PENDING_READERS);
		memcpy(p->reader[p->nreaders], c, len);
		p->reader[p->nreaders++][len] = '\0';
	}
	return 0;
}

/* evse-ocpp is a durable reader of a few types only, any other of all events. */
static unsigned owed_for(const struct pending *p, const struct head *h)
{
	const struct record_type *row = record_type(h->type.at, h->type.len);
	unsigned bits = 0;

	for (int i = 0; row && row->event && i < p->nreaders; i++)
		if (strcmp(p->reader[i], "ocpp") != 0 || row->to_ocpp)
			bits |= 1u << i;
	return bits;
}

static void forget(struct pending *p, size_t n)
{
	memmove(p->entry, p->entry + n, (p->count - n) * sizeof *p->entry);
	p->count -= n;
}

static void add(struct pending *p, uint64_t start, uint64_t end, const char *line, size_t len)
{
	struct pending_entry *e;
	struct head h;
	size_t epoch_len, cap;

	if (p->count == p->cap) {
		cap = p->cap ? p->cap * 2 : 16;
		e = realloc(p->entry, cap * sizeof *e);
		if (!e)
			return;
		p->entry = e;
		p->cap = cap;
	}
	e = &p->entry[p->count];
	memset(e, 0, sizeof *e);
	e->start = start;
	e->end = end;
	if (head_scan(line, len, &h, NULL) == 0 &&
	    seen_split(h.n.at, h.n.len, &epoch_len, &e->count) == 0 &&
	    epoch_len < sizeof e->epoch && h.src.len < sizeof e->src) {
		memcpy(e->src, h.src.at, h.src.len);
		memcpy(e->epoch, h.n.at, epoch_len);
		e->owed = owed_for(p, &h);
	}
	p->count++;
}

/* Drops from the front what nobody owes any more, in the spool as well. */
static void settle(struct pending *p)
{
	size_t n = 0;

	while (n < p->count && (!p->entry[n].owed || p->entry[n].end <= spool_oldest(p->spool)))
		n++;
	if (!n)
		return;
	spool_drop(p->spool, p->entry[n - 1].end);
	forget(p, n);
}

static void catch_up(struct pending *p)
{
	const char *line;
	size_t len;
	uint64_t start = p->at;

	while ((line = spool_next(p->spool, &p->at, &len))) {
		add(p, start, p->at, line, len);
		start = p->at;
	}
	settle(p);
}

int pending_init(struct pending *p, struct spool *spool, const char *readers, struct err *err)
{
	*p = (struct pending){.spool = spool};
	if (add_readers(p, readers, err) < 0)
		return -1;
	catch_up(p);
	return 0;
}

void pending_release(struct pending *p)
{
	free(p->entry);
	spool_close(p->spool);
	*p = (struct pending){0};
}

static bool known(const struct pending *p, const struct head *h)
{
	size_t epoch_len;
	uint64_t count;

	if (seen_split(h->n.at, h->n.len, &epoch_len, &count) < 0)
		return true; /* without identity it cannot be acknowledged, so it is not kept */
	for (size_t i = p->count; i-- > 0;) {
		const struct pending_entry *e = &p->entry[i];

		if (e->count == count && slice_is(h->src, e->src) &&
		    slice_is((struct slice){h->n.at, epoch_len}, e->epoch))
			return true;
	}
	return false;
}

void pending_event(struct pending *p, const char *line, size_t len, const struct head *h)
{
	catch_up(p);
	if (!owed_for(p, h) || known(p, h))
		return;
	spool_add(p->spool, line, len);
	catch_up(p);
}

void pending_ack(struct pending *p, const char *reader, const char *src, const char *n)
{
	size_t epoch_len, last = 0;
	uint64_t count;
	unsigned bit = 0;

	for (int i = 0; i < p->nreaders; i++)
		if (strcmp(p->reader[i], reader) == 0)
			bit = 1u << i;
	if (!bit || seen_split(n, strlen(n), &epoch_len, &count) < 0)
		return;
	catch_up(p);
	for (size_t i = 0; i < p->count; i++) {
		const struct pending_entry *e = &p->entry[i];

		if (strcmp(e->src, src) == 0 && e->count <= count &&
		    strlen(e->epoch) == epoch_len && memcmp(e->epoch, n, epoch_len) == 0)
			last = i + 1;
	}
	for (size_t i = 0; i < last; i++)
		if (strcmp(p->entry[i].src, src) == 0)
			p->entry[i].owed &= ~bit;
	settle(p);
}

void pending_each(struct pending *p, const char *reader,
		  void (*fn)(void *ctx, const char *line, size_t len), void *ctx)
{
	unsigned bits = 0;
	uint64_t at;
	const char *line;
	size_t len;

	for (int i = 0; i < p->nreaders; i++)
		if (!reader || strcmp(p->reader[i], reader) == 0)
			bits |= 1u << i;
	catch_up(p);
	for (size_t i = 0; i < p->count; i++) {
		at = p->entry[i].start;
		if (p->entry[i].owed & bits && (line = spool_next(p->spool, &at, &len)))
			fn(ctx, line, len);
	}
}
