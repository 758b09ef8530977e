/* Predicting a column's next integer from what the reader already has. Pure; the same code packs
 * and unpacks.
 *
 * A prediction is the sum of a base, taken from other columns or from the value before, and of a
 * track that follows what the base missed by so far. All arithmetic is on two's complement 64-bit
 * integers that wrap, so that both sides agree whatever the numbers are. evse-log(1) states each
 * rule. */
#ifndef STORE_PREDICT_H
#define STORE_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum predict_base {
	PREDICT_NONE,    /* 0 */
	PREDICT_GRID,    /* the next multiple of k after the value before */
	PREDICT_COPY,    /* column a */
	PREDICT_SCALE,   /* column a times k */
	PREDICT_PRODUCT, /* column a times column b times k */
	PREDICT_SUM,     /* the value before, plus k times the sum of b columns from a on; needs no
			    track */
	PREDICT_BASES,
};

enum predict_track {
	PREDICT_CONST, /* start */
	PREDICT_PREV,  /* what the base missed by the last time */
	PREDICT_LINE,  /* the same, plus its last change */
	PREDICT_MEAN1, /* a mean that goes half of the way each time */
	PREDICT_MEAN2, /* a quarter */
	PREDICT_MEAN3, /* an eighth */
	PREDICT_MEAN4, /* a sixteenth */
	PREDICT_TRACKS,
};

enum { PREDICT_SCALE_BITS = 40, PREDICT_SUM_BITS = 32, PREDICT_SUM_MAX = 16 };

struct predictor {
	uint8_t base, track;
	uint16_t shape; /* that column a (and b) is of */
	uint16_t a, b;  /* slots; for PREDICT_SUM b is the number of columns */
	int64_t
	    k; /* fixed point for SCALE, PRODUCT (40 bits) and SUM (32 bits); the step for GRID */
	int64_t start; /* what the track, or for SUM the sum, starts from */
	int64_t first; /* GRID: the value before the first */
};

/* Where a predictor finds its columns: same rows, or by way of `map`: 1 + the row to take, 0 for
 * none. */
struct predict_source {
	const int64_t *a, *b;
	const int64_t *sum[PREDICT_SUM_MAX];
	const uint32_t *map;
};

struct predict_state {
	int64_t last, prev, mean,
	    x;        /* track: last two misses and the mean in 1/256; x: the value before */
	int64_t base; /* of the present row */
	int64_t rest; /* SUM: where the sum stands beside x, in 1 / 2^32 */
};

void predict_start(const struct predictor *p, struct predict_state *st);
/** The prediction for @row; rows are taken in order, each followed by predict_learn() with what it
 * really was. */
int64_t predict_next(const struct predictor *p, const struct predict_source *src,
		     struct predict_state *st, size_t row);
void predict_learn(const struct predictor *p, struct predict_state *st, int64_t x);

/** What a SUM adds in a row where its columns make @sum, in 1 / 2^32; 0 where that is out of range.
 */
int64_t predict_step(int64_t sum, int64_t k);

static inline int64_t predict_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t predict_sub(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

#endif
