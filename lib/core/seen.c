#include "core/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCH_MAX = 16 };

struct seen_entry {
	char key[SEEN_KEY_MAX], epoch[EPOCH_MAX];
	uint64_t counts[SEEN_COUNTS]; /* ascending */
	uint32_t used;
	bool full; /* counts were pushed out: what is below the lowest kept is old */
};

void seen_init(struct seen *s, size_t max)
{
	*s = (struct seen){.max = max};
}

void seen_release(struct seen *s)
{
	free(s->entries);
	*s = (struct seen){.max = s->max};
}

int seen_split(const char *n, size_t n_len, size_t *epoch_len, uint64_t *count)
{
	const char *dot = n_len ? memrchr(n, '.', n_len) : NULL, *p;
	uint64_t v = 0;

	if (!dot || dot == n || dot + 1 == n + n_len || n + n_len - dot > 17)
		goto bad;
	for (p = dot + 1; p < n + n_len; p++) {
		if (*p < '0' || *p > '9')
			goto bad;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*epoch_len = (size_t)(dot - n);
	*count = v;
	return 0;
bad:
	errno = EINVAL;
	return -1;
}

static bool is(const char *kept, const char *given, size_t len)
{
	return strlen(kept) == len && memcmp(kept, given, len) == 0;
}

/* The most recently used entry stands last, so the first is the one to forget. */
static struct seen_entry *to_last(struct seen *s, size_t i)
{
	struct seen_entry e = s->entries[i];

	if (i + 1 < s->count) {
		memmove(s->entries + i, s->entries + i + 1, (s->count - i - 1) * sizeof e);
		s->entries[s->count - 1] = e;
	}
	return &s->entries[s->count - 1];
}

static struct seen_entry *add(struct seen *s)
{
	struct seen_entry *p;
	size_t cap;

	if (s->count == s->max)
		return to_last(s, 0);
	if (s->count == s->cap) {
		cap = s->cap ? s->cap * 2 : 16;
		p = realloc(s->entries, cap * sizeof *p);
		if (!p)
			return NULL;
		s->entries = p;
		s->cap = cap;
	}
	return &s->entries[s->count++];
}

static struct seen_entry *lookup(struct seen *s, const char *key, size_t key_len, const char *epoch,
				 size_t epoch_len)
{
	struct seen_entry *e;

	for (size_t i = s->count; i-- > 0;)
		if (is(s->entries[i].key, key, key_len) &&
		    is(s->entries[i].epoch, epoch, epoch_len))
			return s->count - i > 8 ? to_last(s, i) : &s->entries[i];
	if (key_len >= SEEN_KEY_MAX || epoch_len >= EPOCH_MAX || !(e = add(s)))
		return NULL;
	memset(e, 0, sizeof *e);
	memcpy(e->key, key, key_len);
	memcpy(e->epoch, epoch, epoch_len);
	return e;
}

/* Inserts in order; nearly always at the end. @return true when it was there or is too old to tell.
 */
static bool note(struct seen_entry *e, uint64_t count)
{
	uint32_t at = e->used;

	while (at && e->counts[at - 1] > count)
		at--;
	if ((at && e->counts[at - 1] == count) || (!at && e->full))
		return true;
	if (e->used == SEEN_COUNTS && !at) {
		e->full =
		    true; /* older than all that is kept: taken, and from now on such are not */
		return false;
	}
	if (e->used == SEEN_COUNTS) {
		memmove(e->counts, e->counts + 1, (at - 1) * sizeof *e->counts);
		e->counts[at - 1] = count;
		e->full = true;
		return false;
	}
	memmove(e->counts + at + 1, e->counts + at, (e->used - at) * sizeof *e->counts);
	e->counts[at] = count;
	e->used++;
	return false;
}

bool seen_before(struct seen *s, const char *key, size_t key_len, const char *n, size_t n_len)
{
	struct seen_entry *e;
	size_t epoch_len;
	uint64_t count;

	if (seen_split(n, n_len, &epoch_len, &count) < 0)
		return false;
	e = lookup(s, key, key_len, n, epoch_len);
	return e && note(e, count);
}

void seen_each(const struct seen *s,
	       void (*fn)(void *ctx, const char *key, const char *epoch, uint64_t count), void *ctx)
{
	for (size_t i = 0; i < s->count; i++)
		for (uint32_t k = 0; k < s->entries[i].used; k++)
			fn(ctx, s->entries[i].key, s->entries[i].epoch, s->entries[i].counts[k]);
}

int seen_restore(struct seen *s, const char *key, const char *epoch, uint64_t count)
{
	struct seen_entry *e = lookup(s, key, strlen(key), epoch, strlen(epoch));

	if (!e)
		return -1;
	note(e, count);
	return 0;
}
