/* Fetches everything that a message read leaves in its stream: text, octets, lists and their items.
 */
#ifndef EXI_FETCH_H
#define EXI_FETCH_H

#include "exi/tables.h"
#include "exi/typed.h"

enum { FETCH_ARENA = 8 << 20 };

static uint8_t fetch_arena[FETCH_ARENA];
static size_t fetch_used;

static void *fetch_room(size_t size)
{
	void *at = fetch_arena + fetch_used;

	fetch_used += (size + 15) & ~(size_t)15;
	return fetch_used <= FETCH_ARENA ? at : NULL;
}

static bool fetch_type(const struct exi_type *type, uint8_t *base);

/* Fetches text and octets out of the stream. */
static bool fetch_simple(const struct exi_simple *s, uint8_t *at)
{
	if (s->kind == EXI_KIND_STR) {
		struct exi_str *v = (void *)at;
		char *to = fetch_room((size_t)v->len * 4 + 1);
		ssize_t n = to ? exi_str_get(v, to, (size_t)v->len * 4 + 1) : -1;

		*v = (struct exi_str){to, 0, (uint32_t)n};
		return n >= 0;
	}
	if (s->kind == EXI_KIND_HEX || s->kind == EXI_KIND_BASE64) {
		struct exi_bin *v = (void *)at;
		uint8_t *to = fetch_room(v->len + 1);
		ssize_t n = to ? exi_bin_get(v, to, v->len) : -1;

		*v = exi_bin(to, (uint32_t)n);
		return n >= 0;
	}
	return true;
}

static bool fetch_list(const struct exi_field *f, struct exi_list *list)
{
	bool complex = f->flags & EXI_F_COMPLEX;
	size_t size = complex ? exi_types[f->type].size : exi_simples[f->type].size;
	struct exi_cursor cursor = {0};
	uint8_t *items;

	if (list->n == 0 || size == 0)
		return true;
	items = fetch_room(size * list->n);
	if (!items)
		return false;
	for (uint32_t i = 0; i < list->n; i++) {
		uint8_t *item = items + i * size;

		if (exi_next(list, &cursor, item, size) != 1)
			return false;
		if (complex ? !fetch_type(&exi_types[f->type], item)
			    : !fetch_simple(&exi_simples[f->type], item))
			return false;
	}
	if (exi_next(list, &cursor, items, size) != 0)
		return false;
	*list = exi_list(items, list->n);
	return true;
}

static bool fetch_type(const struct exi_type *type, uint8_t *base)
{
	for (unsigned i = 0; i < type->nfields; i++) {
		const struct exi_field *f = &exi_fields[type->field + i];
		uint8_t *at = base + f->offset;
		bool good;

		if (f->flags & EXI_F_REFUSED ||
		    (f->present != EXI_NONE && base[f->present] != f->which))
			continue;
		if (f->flags & (EXI_F_LIST | EXI_F_LAZY))
			good = fetch_list(f, (void *)at);
		else if (f->flags & EXI_F_COMPLEX)
			good = fetch_type(&exi_types[f->type], at);
		else
			good = fetch_simple(&exi_simples[f->type], at);
		if (!good)
			return false;
	}
	return true;
}

#endif
