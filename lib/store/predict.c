#include "store/predict.h"

static const __int128 limit = (__int128)1 << 62;

static __int128 within(__int128 v)
{
	return v >= limit || v <= -limit ? 0 : v;
}

static int64_t scaled(__int128 v, int64_t k)
{
	__int128 half = (__int128)1 << (PREDICT_SCALE_BITS - 1);

	return (int64_t)(uint64_t)((within(v) * k + half) >> PREDICT_SCALE_BITS);
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
	*st = (struct predict_state){.last = p->start, .prev = p->start, .x = p->first};
	st->mean = (int64_t)((uint64_t)p->start << 8);
	st->sum = (__int128)p->start * ((__int128)1 << PREDICT_SUM_BITS);
}

static int64_t base_of(const struct predictor *p, const struct predict_source *src,
		       struct predict_state *st, size_t row)
{
	__int128 sum = 0;

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
		return scaled((__int128)src->a[row] * src->b[row], p->k);
	case PREDICT_SUM:
		for (unsigned i = 0; i < p->b; i++)
			sum += src->sum[i][row];
		st->sum += within(sum) * p->k;
		return (int64_t)(uint64_t)((st->sum + ((__int128)1 << (PREDICT_SUM_BITS - 1))) >>
					   PREDICT_SUM_BITS);
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
		return predict_add(st->base, predict_add(st->last, predict_sub(st->last, st->prev)));
	case PREDICT_MEAN1:
	case PREDICT_MEAN2:
	case PREDICT_MEAN3:
	case PREDICT_MEAN4:
		return predict_add(st->base, predict_add(st->mean, 128) >> 8);
	}
	return st->base;
}

/* Keeps the sum inside what rounds to @x, so that it goes on with what the digits don't show. */
static void hold_sum(struct predict_state *st, int64_t x)
{
	__int128 at = (__int128)x * ((__int128)1 << PREDICT_SUM_BITS);
	__int128 half = (__int128)1 << (PREDICT_SUM_BITS - 1);

	if (st->sum < at - half)
		st->sum = at - half;
	if (st->sum > at + half - 1)
		st->sum = at + half - 1;
}

void predict_learn(const struct predictor *p, struct predict_state *st, int64_t x)
{
	int64_t missed = predict_sub(x, st->base);

	st->x = x;
	if (p->base == PREDICT_SUM) {
		hold_sum(st, x);
		return;
	}
	st->prev = st->last;
	st->last = missed;
	if (p->track >= PREDICT_MEAN1) {
		int64_t gap = predict_sub((int64_t)((uint64_t)missed << 8), st->mean);

		st->mean = predict_add(st->mean, gap >> (p->track - PREDICT_MEAN1 + 1));
	}
}
