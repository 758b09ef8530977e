/* What pack.c and unpack.c share: a block's shapes and columns. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "store/fit.h"
#include "store/number.h"
#include "store/shape.h"

enum {
	BLOCK_FORMAT = 1,
	BLOCK_SHAPES_MAX = 250,
	BLOCK_COLUMNS_MAX = 8192,
	BLOCK_VALUES_MAX = 4 << 20, /* a line of n bytes has at most n / 2 slots, and one more */
};

/* How a column is written; the byte in the text part. */
enum column_kind {
	COLUMN_SAME = 'S',      /* one text for all rows */
	COLUMN_LIST = 'L',      /* few texts, listed once; integers choose */
	COLUMN_TEXT = 'T',      /* a text for each row */
	COLUMN_NUMBER = 'N',    /* predicted numbers, with what was missed */
	COLUMN_FOLLOWING = 'F', /* predicted numbers, nothing missed */
};

struct column {
	enum column_kind kind;
	int64_t *x; /* numbers and choices, one for each row */
	struct number_style style;
	struct shape_slot *odd; /* texts that are not of the style: off and len in the text part */
	uint32_t *odd_row;
	size_t odd_count;
	struct shape_slot *texts; /* LIST: the list; TEXT: each row; SAME: one */
	size_t text_count, odd_at;
	bool varies;
};

struct shape {
	const char *text;
	size_t len, slots, rows;
	uint32_t *record; /* which line of the block each row is */
	struct column *columns;
	size_t next; /* while lines are put together: the row that comes next */
};

struct block {
	struct shape shapes[BLOCK_SHAPES_MAX];
	size_t shape_count;
	uint16_t *order; /* the shape of each line */
	size_t lines;
	struct fit_ref *refs; /* scratch of block_refs() */
	size_t ref_cap;
	uint32_t **maps; /* [shape]: scratch, rows of that shape seen from the present one */
};

void block_release(struct block *b);

/**
 * The columns that slot @slot of shape @shape may refer to: numbers of earlier shapes, then of
 * earlier slots.
 *
 * @return  how many stand in @b->refs, or -1 with errno ENOMEM
 */
ptrdiff_t block_refs(struct block *b, size_t shape, size_t slot);

/** Forgets the maps made for a shape; before going on to the next. */
void block_refs_done(struct block *b);

#endif
