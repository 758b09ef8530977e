#include "store/block.h"

#include <stdlib.h>
#include <string.h>

static void column_release(struct column *c)
{
	free(c->x);
	free(c->odd);
	free(c->odd_row);
	free(c->texts);
}

void block_release(struct block *b)
{
	for (size_t i = 0; i < b->shape_count; i++) {
		struct shape *s = &b->shapes[i];

		for (size_t j = 0; s->columns && j < s->slots; j++)
			column_release(&s->columns[j]);
		free(s->columns);
		free(s->record);
	}
	block_refs_done(b);
	free(b->maps);
	free(b->refs);
	free(b->order);
}

void block_refs_done(struct block *b)
{
	for (size_t i = 0; b->maps && i < b->shape_count; i++) {
		free(b->maps[i]);
		b->maps[i] = NULL;
	}
}

/* For each row of @to the newest row of @from that stands before it, plus 1; 0 where there is none.
 */
static uint32_t *make_map(const struct shape *from, const struct shape *to)
{
	uint32_t *map = malloc((to->rows ? to->rows : 1) * sizeof(*map));
	size_t seen = 0;

	for (size_t i = 0; map && i < to->rows; i++) {
		while (seen < from->rows && from->record[seen] < to->record[i])
			seen++;
		map[i] = (uint32_t)seen;
	}
	return map;
}

static bool is_number(const struct column *c)
{
	return c->kind == COLUMN_NUMBER || c->kind == COLUMN_FOLLOWING;
}

ptrdiff_t block_refs(struct block *b, size_t shape, size_t slot)
{
	size_t n = 0, need = slot;

	for (size_t i = 0; i < shape; i++)
		need += b->shapes[i].slots;
	if (!b->maps && !(b->maps = calloc(BLOCK_SHAPES_MAX, sizeof(*b->maps))))
		return -1;
	if (need > b->ref_cap) {
		struct fit_ref *more = realloc(b->refs, need * sizeof(*more));

		if (!more)
			return -1;
		b->refs = more;
		b->ref_cap = need;
	}
	for (size_t i = 0; i <= shape; i++) {
		const struct shape *s = &b->shapes[i];
		size_t slots = i == shape ? slot : s->slots;

		if (i != shape && s->rows * 4 < b->shapes[shape].rows)
			continue;
		for (size_t j = 0; j < slots; j++) {
			if (!is_number(&s->columns[j]))
				continue;
			if (i != shape && !b->maps[i] &&
			    !(b->maps[i] = make_map(s, &b->shapes[shape])))
				return -1;
			b->refs[n++] =
			    (struct fit_ref){s->columns[j].x, i == shape ? NULL : b->maps[i],
					     (uint16_t)i, (uint16_t)j, s->columns[j].varies};
		}
	}
	return (ptrdiff_t)n;
}
