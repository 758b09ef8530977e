#include "bus/keep.h"

#include <stdlib.h>
#include <string.h>

void keep_init(struct keep *k, size_t max)
{
	*k = (struct keep){.max = max};
}

void keep_release(struct keep *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->item[i].line);
	free(k->item);
	free(k->hash);
	*k = (struct keep){.max = k->max};
}

static uint32_t hash_of(struct slice a, struct slice b)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < a.len; i++)
		h = (h ^ (unsigned char)a.at[i]) * 16777619u;
	for (size_t i = 0; i < b.len; i++)
		h = (h ^ (unsigned char)b.at[i]) * 16777619u;
	return h;
}

static void link_in(struct keep *k, size_t i)
{
	struct kept *e = &k->item[i];
	uint32_t h = hash_of((struct slice){e->type, strlen(e->type)},
			     (struct slice){e->src, strlen(e->src)});
	uint32_t *first = &k->hash[h & (k->nhash - 1)];

	e->next = *first;
	*first = (uint32_t)i + 1;
}

static int grow(struct keep *k)
{
	size_t cap = k->cap ? k->cap * 2 : 32, nhash = cap * 2;
	struct kept *item = realloc(k->item, cap * sizeof *item);
	uint32_t *hash;

	if (!item)
		return -1;
	k->item = item;
	hash = calloc(nhash, sizeof *hash);
	if (!hash)
		return -1;
	free(k->hash);
	k->hash = hash;
	k->nhash = nhash;
	k->cap = cap;
	for (size_t i = 0; i < k->count; i++)
		link_in(k, i);
	return 0;
}

long keep_lookup(const struct keep *k, struct slice type, struct slice src)
{
	uint32_t i = k->nhash ? k->hash[hash_of(type, src) & (k->nhash - 1)] : 0;

	for (; i; i = k->item[i - 1].next)
		if (slice_is(type, k->item[i - 1].type) && slice_is(src, k->item[i - 1].src))
			return (long)i - 1;
	return -1;
}

long keep_find(struct keep *k, struct slice type, struct slice src)
{
	long known = keep_lookup(k, type, src);

	return known >= 0 ? known : keep_add(k, type, src);
}

long keep_add(struct keep *k, struct slice type, struct slice src)
{
	struct kept *e;

	if (k->count == k->max || type.len >= sizeof e->type || src.len >= sizeof e->src)
		return -1;
	if (k->count == k->cap && grow(k) < 0)
		return -1;
	e = &k->item[k->count];
	memset(e, 0, sizeof *e);
	memcpy(e->type, type.at, type.len);
	memcpy(e->src, src.at, src.len);
	link_in(k, k->count);
	return (long)k->count++;
}

int keep_put(struct keep *k, long index, const char *line, size_t len, uint64_t seq,
	     int64_t until_us, bool gone)
{
	struct kept *e = &k->item[index];
	char *copy;

	copy = e->len >= len && e->line ? e->line : realloc(e->line, len + 1);
	if (!copy)
		return -1;
	memcpy(copy, line, len);
	copy[len] = '\0';
	e->line = copy;
	e->len = len;
	e->seq = seq;
	e->until_us = until_us;
	e->gone = gone;
	return 0;
}

bool keep_live(const struct keep *k, size_t index, int64_t now_us)
{
	return k->item[index].line && !k->item[index].gone && now_us < k->item[index].until_us;
}
