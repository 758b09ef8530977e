#include "store/predict.h"

static const int64_t half = (int64_t)1 << (PREDICT_SUM_BITS - 1);

/* a * b / 2^40, rounded to the nearest, halves up; the low 64 bits of it. */
static int64_t scaled(int64_t a, int64_t b)
{
	uint64_t ua = a < 0 ? 0 - (uint64_t)a : (uint64_t)a,
		 ub = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
	uint64_t a0 = ua & UINT32_MAX, a1 = ua >> 32, b0 = ub & UINT32_MAX, b1 = ub >> 32;
	uint64_t mid = a1 * b0 + (a0 * b0 >> 32), mid2 = a0 * b1 + (mid & UINT32_MAX);
	uint64_t high = a1 * b1 + (mid >> 32) + (mid2 >> 32), low = ua * ub;

	if ((a < 0) != (b < 0)) {
		low = 0 - low;
		high = ~high + !low;
	}
	low += (uint64_t)1 << (PREDICT_SCALE_BITS - 1);
	high += low < (uint64_t)1 << (PREDICT_SCALE_BITS - 1);
	return (int64_t)(low >> PREDICT_SCALE_BITS | high << (64 - PREDICT_SCALE_BITS));
}

int64_t predict_step(int64_t sum, int64_t k)
{
	int64_t step;

	return __builtin_mul_overflow(sum, k, &step) ? 0 : step;
}

static int64_t next_multiple(int64_t x, int64_t step)
{
	int64_t in;

	if (step <= 0)
		return x;
	in = x % step;
	return predict_add(predict_sub(x, in < 0 ? in + step : in), step);
}

void predict_start(const struct predictor *p, struct predict_state *st)
{
	*st = (struct predict_state){.last = p->start, .prev = p->start};
	st->x = p->base == PREDICT_SUM ? p->start : p->first;
	st->mean = (int64_t)((uint64_t)p->start << 8);
}

static int64_t base_of(const struct predictor *p, const struct predict_source *src,
		       struct predict_state *st, size_t row)
{
	int64_t sum = 0, product;

	if (src->map) {
		if (!src->map[row])
			return 0;
		row = src->map[row] - 1;
	}
	switch ((enum predict_base)p->base) {
	case PREDICT_NONE:
	case PREDICT_BASES:
		break;
	case PREDICT_GRID:
		return next_multiple(st->x, p->k);
	case PREDICT_COPY:
		return src->a[row];
	case PREDICT_SCALE:
		return scaled(src->a[row], p->k);
	case PREDICT_PRODUCT:
		if (__builtin_mul_overflow(src->a[row], src->b[row], &product))
			return 0;
		return scaled(product, p->k);
	case PREDICT_SUM:
		for (unsigned i = 0; i < p->b; i++)
			sum = predict_add(sum, src->sum[i][row]);
		st->rest = predict_add(st->rest, predict_step(sum, p->k));
		return predict_add(st->x, predict_add(st->rest, half) >> PREDICT_SUM_BITS);
	}
	return 0;
}

int64_t predict_next(const struct predictor *p, const struct predict_source *src,
		     struct predict_state *st, size_t row)
{
	st->base = base_of(p, src, st, row);
	if (p->base == PREDICT_SUM)
		return st->base;
	switch ((enum predict_track)p->track) {
	case PREDICT_CONST:
	case PREDICT_TRACKS:
		return predict_add(st->base, p->start);
	case PREDICT_PREV:
		return predict_add(st->base, st->last);
	case PREDICT_LINE:
		return predict_add(st->base,
				   predict_add(st->last, predict_sub(st->last, st->prev)));
	case PREDICT_MEAN1:
	case PREDICT_MEAN2:
	case PREDICT_MEAN3:
	case PREDICT_MEAN4:
		return predict_add(st->base, predict_add(st->mean, 128) >> 8);
	}
	return st->base;
}

/* The sum goes on from @x with what the digits don't show; where it was wrong, from as near as @x
 * allows. */
static void hold_sum(struct predict_state *st, int64_t x)
{
	int64_t went = predict_sub(x, st->x);

	if (went > INT32_MAX || went < INT32_MIN) {
		st->rest = 0;
		return;
	}
	st->rest = predict_sub(st->rest, went * ((int64_t)1 << PREDICT_SUM_BITS));
	st->rest = st->rest < -half ? -half : st->rest > half - 1 ? half - 1 : st->rest;
}

void predict_learn(const struct predictor *p, struct predict_state *st, int64_t x)
{
	int64_t missed = predict_sub(x, st->base);

	if (p->base == PREDICT_SUM)
		hold_sum(st, x);
	st->x = x;
	if (p->base == PREDICT_SUM)
		return;
	st->prev = st->last;
	st->last = missed;
	if (p->track >= PREDICT_MEAN1) {
		int64_t gap = predict_sub((int64_t)((uint64_t)missed << 8), st->mean);

		st->mean = predict_add(st->mean, gap >> (p->track - PREDICT_MEAN1 + 1));
	}
}
