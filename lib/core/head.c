#include "core/head.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cursor {
	const char *start, *p, *end;
};

static void blanks(struct cursor *c)
{
	while (c->p < c->end && *c->p == ' ')
		c->p++;
}

/* At `"name":`, steps over it. The caller has stepped over '{' or ','. */
static bool key(struct cursor *c, const char *name, size_t len)
{
	if ((size_t)(c->end - c->p) < len + 3 || c->p[0] != '"' ||
	    memcmp(c->p + 1, name, len) != 0 || c->p[len + 1] != '"' || c->p[len + 2] != ':')
		return false;
	c->p += len + 3;
	blanks(c);
	return true;
}

/* memchr is the fast way over the value; a backslash or control byte inside is refused. */
static bool string(struct cursor *c, struct slice *s)
{
	const char *quote;

	if (c->p == c->end || *c->p != '"')
		return false;
	c->p++;
	quote = memchr(c->p, '"', (size_t)(c->end - c->p));
	if (!quote || quote == c->p)
		return false;
	for (const char *q = c->p; q < quote; q++)
		if (*q == '\\' || (unsigned char)*q < 0x20)
			return false;
	*s = (struct slice){c->p, (size_t)(quote - c->p)};
	c->p = quote + 1;
	return true;
}

static bool number(struct cursor *c, int64_t max, int64_t *v)
{
	const char *start = c->p;

	*v = 0;
	while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && *v <= max)
		*v = *v * 10 + (*c->p++ - '0');
	return c->p > start && *v <= max && !(start[0] == '0' && c->p - start > 1);
}

/* After a value: steps over ", " to the next key, or stays at '}'. */
static bool next(struct cursor *c)
{
	const char *value_end = c->p;

	blanks(c);
	if (c->p < c->end && *c->p == ',') {
		c->p++;
		blanks(c);
		return true;
	}
	c->p = value_end;
	return false;
}

static int bad(struct cursor *c, struct err *err, const char *expected)
{
	return err_set(err, "column %zu: expected %s", (size_t)(c->p - c->start) + 1, expected);
}

#define KEY(c, name) key((c), name, sizeof(name) - 1)

/* The optional members; each leaves @body behind the last value taken. */
static int optional(struct cursor *c, struct head *h, struct err *err)
{
	int64_t v;
	bool more = next(c);

	if (more && KEY(c, "n")) {
		if (!string(c, &h->n) || h->n.len > 32)
			return bad(c, err, "\"n\" as \"epoch.count\"");
		h->body = (size_t)(c->p - c->start);
		more = next(c);
	}
	if (more && KEY(c, "m")) {
		if (!number(c, INT64_C(9007199254740991), &h->m))
			return bad(c, err, "\"m\" as milliseconds since boot");
		h->body = (size_t)(c->p - c->start);
		more = next(c);
	}
	if (more && KEY(c, "evse")) {
		if (!number(c, 9999, &v) || v < 1)
			return bad(c, err, "\"evse\" as a number from 1");
		h->evse = (int)v;
		h->body = (size_t)(c->p - c->start);
		more = next(c);
	}
	if (more && KEY(c, "connector")) {
		if (!number(c, 9999, &v) || v < 1)
			return bad(c, err, "\"connector\" as a number from 1");
		h->connector = (int)v;
		h->body = (size_t)(c->p - c->start);
		more = next(c);
	}
	if (more && KEY(c, "to")) {
		if (!string(c, &h->to) || h->to.len > 64)
			return bad(c, err, "\"to\" as the name of a tool");
		h->body = (size_t)(c->p - c->start);
		more = next(c);
	}
	h->unsynced =
	    more && KEY(c, "unsynced") && c->end - c->p >= 4 && memcmp(c->p, "true", 4) == 0;
	return 0;
}

int head_scan(const char *line, size_t len, struct head *out, struct err *err)
{
	struct cursor c = {line, line, line + len};
	struct head h = {.m = -1};

	blanks(&c);
	if (c.p == c.end || *c.p != '{')
		return bad(&c, err, "a record: '{\"t\":...'");
	c.p++;
	blanks(&c);
	if (!KEY(&c, "t") || !string(&c, &h.t) || h.t.len > 40)
		return bad(&c, err, "\"t\" as a UTC time, first in the record");
	if (!next(&c) || !KEY(&c, "type") || !string(&c, &h.type) || h.type.len > 32)
		return bad(&c, err, "\"type\" after \"t\"");
	if (!next(&c) || !KEY(&c, "src") || !string(&c, &h.src) || h.src.len > 63)
		return bad(&c, err, "\"src\" after \"type\"");
	h.body = (size_t)(c.p - c.start);
	if (optional(&c, &h, err) < 0)
		return -1;
	while (len > h.body &&
	       (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--; /* as lines that came from other systems end */
	if (line[len - 1] != '}')
		return err_set(err, "column %zu: expected '}' at the end", len);
	*out = h;
	return 0;
}

/* ---- lines ---- */

void lines_init(struct lines *l)
{
	*l = (struct lines){0};
}

void lines_release(struct lines *l)
{
	free(l->data);
	*l = (struct lines){0};
}

typedef void line_fn(void *ctx, const char *line, size_t len);

static void give_bad(struct lines *l, size_t len, line_fn *fn, void *ctx)
{
	l->number++;
	l->bad++;
	fn(ctx, NULL, len);
}

/* Gives the whole lines in data[0..len) and keeps the rest at the front. */
static void give_lines(struct lines *l, line_fn *fn, void *ctx)
{
	char *p = l->data, *end = l->data + l->len, *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p)))) {
		if (l->skipping) {
			l->skipping = false;
		} else if (nl - p >= NDJSON_LINE_MAX) {
			give_bad(l, (size_t)(nl - p), fn, ctx);
		} else {
			*nl = '\0';
			l->number++;
			fn(ctx, p, (size_t)(nl - p));
		}
		p = nl + 1;
	}
	l->len = (size_t)(end - p);
	if (l->skipping) {
		l->len = 0;
	} else if (l->len >= NDJSON_LINE_MAX) {
		give_bad(l, l->len, fn, ctx);
		l->skipping = true;
		l->len = 0;
	} else if (p != l->data) {
		memmove(l->data, p, l->len);
	}
}

static bool room(struct lines *l, size_t want)
{
	size_t cap = l->cap ? l->cap : 4096;
	char *data;

	while (cap < l->len + want)
		cap *= 2;
	if (cap == l->cap)
		return true;
	data = realloc(l->data, cap);
	if (!data)
		return false;
	l->data = data;
	l->cap = cap;
	return true;
}

static void give_end(struct lines *l, line_fn *fn, void *ctx)
{
	if (l->len && !l->skipping)
		give_bad(l, l->len, fn, ctx);
	l->len = 0;
	l->skipping = false;
}

/* The first read is small and grows with what comes, so that an idle tool stays small. */
long lines_read(struct lines *l, int fd, line_fn *fn, void *ctx)
{
	size_t want;
	ssize_t n;

	if (!room(l, 2048)) {
		errno = ENOMEM;
		return -1;
	}
	want = l->cap - l->len;
	do
		n = read(fd, l->data + l->len, want);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		if (n == 0)
			give_end(l, fn, ctx);
		return n;
	}
	l->len += (size_t)n;
	give_lines(l, fn, ctx);
	if ((size_t)n == want && l->cap < NDJSON_LINE_MAX)
		room(l, l->cap); /* no memory: the next read is as small as this one */
	return n;
}

int lines_read_all(struct lines *l, int fd, void (*fn)(void *ctx, const char *line, size_t len),
		   void *ctx)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	long n;

	lines_init(l);
	while ((n = lines_read(l, fd, fn, ctx)) != 0) {
		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (n < 0 && errno != EINTR)
			break;
	}
	lines_release(l);
	return n < 0 ? -1 : 0;
}

void lines_feed(struct lines *l, const char *data, size_t len, line_fn *fn, void *ctx)
{
	size_t part;

	if (!len)
		give_end(l, fn, ctx);
	for (; len; data += part, len -= part) {
		part = len < 16384 ? len : 16384;
		if (!room(l, part))
			return;
		memcpy(l->data + l->len, data, part);
		l->len += part;
		give_lines(l, fn, ctx);
	}
}
