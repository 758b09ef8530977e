#include "ocpp/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t place(const struct cache *c, const char *id, const char *kind)
{
	size_t i = 0;

	while (i < c->n &&
	       (strcasecmp(c->entries[i]->id, id) != 0 || strcmp(c->entries[i]->kind, kind) != 0))
		i++;
	return i;
}

struct cache_entry *cache_find(const struct cache *c, const char *id, const char *kind)
{
	size_t i = place(c, id, kind);

	return i < c->n ? c->entries[i] : NULL;
}

static size_t stalest(const struct cache *c)
{
	size_t old = 0;

	for (size_t i = 1; i < c->n; i++)
		if (c->entries[i]->used_us < c->entries[old]->used_us)
			old = i;
	return old;
}

static int grow(struct cache *c)
{
	size_t cap = c->cap ? c->cap * 2 : 16;
	struct cache_entry **grown;

	if (c->n < c->cap)
		return 0;
	grown = reallocarray(c->entries, cap, sizeof(struct cache_entry *));
	if (!grown)
		return -1;
	c->entries = grown;
	c->cap = cap;
	return 0;
}

struct cache_entry *cache_put(struct cache *c, const char *id, const char *kind)
{
	size_t i = place(c, id, kind);

	if (i == c->n) {
		struct cache_entry *fresh;

		if (c->n == CACHE_MAX)
			cache_remove(c, c->entries[stalest(c)]->id, c->entries[stalest(c)]->kind);
		fresh = grow(c) == 0 ? calloc(1, sizeof(*fresh)) : NULL;
		if (!fresh)
			return NULL;
		i = c->n;
		c->entries[c->n++] = fresh;
	}
	struct cache_entry *e = c->entries[i];
	memset(e, 0, sizeof(*e));
	snprintf(e->id, sizeof(e->id), "%s", id);
	snprintf(e->kind, sizeof(e->kind), "%s", kind);
	e->until_us = CACHE_FOREVER;
	return e;
}

void cache_remove(struct cache *c, const char *id, const char *kind)
{
	size_t i = place(c, id, kind);

	if (i == c->n)
		return;
	free(c->entries[i]);
	c->entries[i] = c->entries[--c->n];
}

void cache_clear(struct cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->entries[i]);
	free(c->entries);
	*c = (struct cache){0};
}
