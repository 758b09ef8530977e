#include "store/persons_list.h"

#include <stdlib.h>
#include <string.h>

void persons_list_clear(struct persons *p)
{
	crypt_forget(p->list, p->cap * sizeof(*p->list));
	free(p->list);
	free(p->by_word.slot);
	free(p->by_tag.slot);
	p->list = NULL;
	p->by_word = p->by_tag = (struct persons_index){0};
	p->count = p->cap = p->unsaved = p->nameless = 0;
	p->lengths = p->good = p->lines = p->bad = 0;
	p->head[0] = '\0';
	p->version = 0;
	p->loaded = false;
	p->generation++;
}

static uint64_t tag_number(const uint8_t tag[PERSONS_TAG])
{
	uint64_t v;

	memcpy(&v, tag, sizeof(v));
	return v;
}

static void index_put(struct persons_index *x, uint64_t key, size_t at)
{
	size_t i = key & (x->size - 1);

	while (x->slot[i])
		i = (i + 1) & (x->size - 1);
	x->slot[i] = (uint32_t)at + 1;
}

int persons_list_index(struct persons *p)
{
	size_t size = 64;

	while (size < 2 * p->cap)
		size *= 2;
	free(p->by_word.slot);
	free(p->by_tag.slot);
	p->by_word = (struct persons_index){calloc(size, sizeof(uint32_t)), size};
	p->by_tag = (struct persons_index){calloc(size, sizeof(uint32_t)), size};
	p->nameless = 0;
	p->lengths = 0;
	if (!p->by_word.slot || !p->by_tag.slot)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		index_put(&p->by_tag, tag_number(p->list[i].tag), i);
		if (p->list[i].word)
			index_put(&p->by_word, p->list[i].word, i);
		p->nameless += !p->list[i].word;
		p->lengths |= (uint64_t)1 << p->list[i].len;
	}
	return 0;
}

static int grow(struct persons *p)
{
	size_t cap = p->cap ? 2 * p->cap : 32;
	struct person *more = calloc(cap, sizeof(*more));

	if (!more)
		return -1;
	if (p->count)
		memcpy(more, p->list, p->count * sizeof(*more));
	crypt_forget(p->list, p->cap * sizeof(*p->list));
	free(p->list);
	p->list = more;
	p->cap = cap;
	return persons_list_index(p);
}

struct person *persons_list_tag(const struct persons *p, const uint8_t tag[PERSONS_TAG])
{
	const struct persons_index *x = &p->by_tag;

	for (size_t i = tag_number(tag) & (x->size - 1); x->size && x->slot[i];
	     i = (i + 1) & (x->size - 1))
		if (memcmp(p->list[x->slot[i] - 1].tag, tag, PERSONS_TAG) == 0)
			return &p->list[x->slot[i] - 1];
	return NULL;
}

struct person *persons_list_put(struct persons *p, const struct person *e)
{
	struct person *old = persons_list_tag(p, e->tag);

	if (old) {
		bool named = !old->word && e->word;

		p->unsaved += e->unsaved && !old->unsaved;
		*old = *e;
		return named && persons_list_index(p) < 0 ? NULL : old;
	}
	if (p->count == p->cap && grow(p) < 0)
		return NULL;
	p->list[p->count] = *e;
	index_put(&p->by_tag, tag_number(e->tag), p->count);
	if (e->word)
		index_put(&p->by_word, e->word, p->count);
	p->nameless += !e->word;
	p->lengths |= (uint64_t)1 << e->len;
	p->unsaved += e->unsaved;
	return &p->list[p->count++];
}

int persons_list_by_seen(const void *a, const void *b)
{
	const struct person *x = a, *y = b;

	return x->seen < y->seen ? -1 : x->seen > y->seen;
}

int persons_list_forget(struct persons *p)
{
	size_t n = PERSONS_MAX / 4;

	qsort(p->list, p->count, sizeof(*p->list), persons_list_by_seen);
	memmove(p->list, p->list + n, (p->count - n) * sizeof(*p->list));
	p->count -= n;
	crypt_forget(&p->list[p->count], n * sizeof(*p->list));
	p->rewrite = true;
	p->generation++;
	p->unsaved = 0;
	for (size_t i = 0; i < p->count; i++)
		p->unsaved += p->list[i].unsaved;
	return persons_list_index(p);
}
