#include "store/fit.h"

#include <math.h>
#include <string.h>

#include "store/ints.h"

/* Candidates are first looked at in a few windows; the best of them are then tried on more rows. */
enum { WINDOWS = 5, WINDOW = 40, KEEP = 4, LOOK_ROWS = 512 };

struct candidate {
	struct predictor p;
	double cost;
};

struct fit {
	const struct fit_column *c;
	struct candidate keep[KEEP];
	size_t kept;
};

/* What a set of misses would cost, in bits: the entropy of their lengths plus the bits below the
 * leading one. */
struct bill {
	unsigned lengths[65];
	size_t low;
	size_t n;
};

static void bill_add(struct bill *b, int64_t miss)
{
	unsigned bits = ints_bits(ints_fold(miss));

	b->lengths[bits]++;
	b->low += bits > 1 ? bits - 1 : 0;
	b->n++;
}

static double bill_total(const struct bill *b)
{
	double total = (double)b->low;

	for (size_t i = 0; i < 65; i++)
		if (b->lengths[i])
			total += b->lengths[i] * log2((double)b->n / b->lengths[i]);
	return total;
}

bool fit_source(const struct predictor *p, uint16_t own_shape, const struct fit_ref *refs,
		size_t count, struct predict_source *src)
{
	size_t found = 0;

	memset(src, 0, sizeof(*src));
	if (p->base < PREDICT_COPY)
		return true;
	if (p->base != PREDICT_COPY && p->base != PREDICT_SCALE && p->shape != own_shape)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct fit_ref *r = &refs[i];

		if (r->shape != p->shape)
			continue;
		if (p->base == PREDICT_SUM && r->slot >= p->a && r->slot - p->a < p->b &&
		    r->slot - p->a < PREDICT_SUM_MAX) {
			src->sum[r->slot - p->a] = r->x;
			found++;
		}
		if (p->base != PREDICT_SUM && r->slot == p->a) {
			src->a = r->x;
			src->map = r->map;
		}
		if (p->base == PREDICT_PRODUCT && r->slot == p->b)
			src->b = r->x;
	}
	if (p->base == PREDICT_SUM)
		return p->b && p->b <= PREDICT_SUM_MAX && found == p->b;
	return src->a && (p->base != PREDICT_PRODUCT || src->b);
}

/* The track's start: what the base misses in the middle of the rows for a constant, else at the
 * first. */
static int64_t start_for(const struct predictor *p, const struct fit_column *c,
			 const struct predict_source *src, size_t from, size_t to)
{
	struct predict_state st;
	int64_t miss[9];
	size_t n = 0, step = (to - from) / 9 + 1;

	if (p->base == PREDICT_SUM)
		return from ? c->x[from - 1] : c->x[0];
	for (size_t i = from; i < to; i++) {
		int64_t v;

		if (p->track == PREDICT_CONST ? (i - from) % step : i > from)
			continue;
		predict_start(p, &st);
		st.x = i ? c->x[i - 1] : c->x[0];
		(void)predict_next(p, src, &st, i);
		v = predict_sub(c->x[i], st.base);
		size_t at = n++;
		while (at && miss[at - 1] > v) {
			miss[at] = miss[at - 1];
			at--;
		}
		miss[at] = v;
	}
	return n ? miss[n / 2] : 0;
}

static void run_window(const struct predictor *p, const struct fit_column *c,
		       const struct predict_source *src, size_t from, size_t to, struct bill *b)
{
	struct predictor here = *p;
	struct predict_state st;

	here.start = start_for(p, c, src, from, to);
	predict_start(&here, &st);
	st.x = from ? c->x[from - 1] : c->x[0];
	for (size_t i = from; i < to; i++) {
		int64_t miss = predict_sub(c->x[i], predict_next(&here, src, &st, i));

		if (i > from || !from)
			bill_add(b, miss);
		predict_learn(&here, &st, c->x[i]);
	}
}

/* Gives up after the first window when that alone says that the total would be far above @limit. */
static double cost_quick(const struct predictor *p, const struct fit_column *c,
			 const struct predict_source *src, double limit)
{
	struct bill b = {0};

	if (c->rows <= (size_t)WINDOWS * WINDOW) {
		run_window(p, c, src, 0, c->rows, &b);
		return bill_total(&b);
	}
	for (size_t w = 0; w < WINDOWS; w++) {
		size_t at = (w + WINDOWS / 2) % WINDOWS,
		       from = (c->rows - WINDOW) * at / (WINDOWS - 1);
		double total;

		run_window(p, c, src, from, from + WINDOW, &b);
		if (w == 0 && (total = bill_total(&b) * WINDOWS) > limit * 1.5)
			return total;
	}
	return bill_total(&b);
}

static double cost_long(const struct predictor *p, const struct fit_column *c,
			const struct predict_source *src)
{
	size_t n = c->rows < LOOK_ROWS ? c->rows : LOOK_ROWS, half = n / 2;
	struct bill b = {0};

	if (n == c->rows) {
		run_window(p, c, src, 0, n, &b);
	} else {
		run_window(p, c, src, c->rows / 4 - half / 2, c->rows / 4 + half / 2, &b);
		run_window(p, c, src, c->rows * 3 / 4 - half / 2, c->rows * 3 / 4 + half / 2, &b);
	}
	return bill_total(&b);
}

/* What the predictor's own description costs, in bits. */
static double describe(const struct predictor *p)
{
	return p->base <= PREDICT_GRID ? 8 : p->base == PREDICT_COPY ? 24 : 72;
}

static void consider(struct fit *f, struct predictor p)
{
	static const uint8_t quick[] = {PREDICT_PREV, PREDICT_CONST, PREDICT_LINE};
	struct predict_source src;
	double best = INFINITY;
	size_t at;

	if (!fit_source(&p, f->c->own_shape, f->c->refs, f->c->ref_count, &src))
		return;
	for (size_t i = 0; i < sizeof(quick) && (i == 0 || p.base != PREDICT_SUM); i++) {
		double cost;

		if (quick[i] == PREDICT_LINE && p.base != PREDICT_NONE)
			continue;
		p.track = quick[i];
		cost = cost_quick(&p, f->c, &src,
				  f->kept == KEEP ? f->keep[KEEP - 1].cost : (double)INFINITY) +
		       describe(&p);
		best = cost < best ? cost : best;
	}
	at = f->kept < KEEP ? f->kept++ : KEEP;
	while (at && f->keep[at - 1].cost > best) {
		if (at < KEEP)
			f->keep[at] = f->keep[at - 1];
		at--;
	}
	if (at < KEEP)
		f->keep[at] = (struct candidate){p, best};
}

/* The factor that fits best in the sense of least squares; 0 when there is none. */
static int64_t factor(const struct fit_column *c, const struct fit_ref *a, const struct fit_ref *b)
{
	double xy = 0, yy = 0, k;
	size_t step = c->rows / 256 + 1;

	for (size_t i = 0; i < c->rows; i += step) {
		size_t row = i;
		double y;

		if (a->map) {
			if (!a->map[i])
				continue;
			row = a->map[i] - 1;
		}
		y = (double)a->x[row] * (b ? (double)b->x[row] : 1);
		xy += (double)c->x[i] * y;
		yy += y * y;
	}
	k = yy > 0 ? xy / yy * (double)((int64_t)1 << PREDICT_SCALE_BITS) : 0;
	return fabs(k) < 4e18 ? (int64_t)llround(k) : 0;
}

static void consider_refs(struct fit *f)
{
	const struct fit_column *c = f->c;

	for (size_t i = 0; i < c->ref_count; i++) {
		const struct fit_ref *a = &c->refs[i];
		struct predictor p = {.shape = a->shape, .a = a->slot};

		if (!a->varies)
			continue;
		p.base = PREDICT_COPY;
		consider(f, p);
		if (c->time)
			continue;
		p.base = PREDICT_SCALE;
		p.k = factor(c, a, NULL);
		if (p.k)
			consider(f, p);
		if (a->map)
			continue;
		p.base = PREDICT_PRODUCT;
		for (size_t j = i + 1; j < c->ref_count; j++) {
			if (!c->refs[j].varies || c->refs[j].map || c->refs[j].shape != a->shape)
				continue;
			p.b = c->refs[j].slot;
			p.k = factor(c, a, &c->refs[j]);
			if (p.k)
				consider(f, p);
		}
	}
}

/* Counters that grow by power: x goes up by k times the sum of one or three columns beside it. */
static void consider_sums(struct fit *f)
{
	static const double ten[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
	const struct fit_column *c = f->c;
	double one = (double)((int64_t)1 << PREDICT_SUM_BITS);

	for (size_t i = 0; i < c->ref_count; i++) {
		const struct fit_ref *a = &c->refs[i];

		for (uint16_t n = 1; n <= 3; n += 2) {
			struct predictor p = {
			    .base = PREDICT_SUM, .shape = a->shape, .a = a->slot, .b = n};
			double total = 0;

			if (a->map || i + n > c->ref_count ||
			    c->refs[i + n - 1].slot != a->slot + n - 1)
				continue;
			for (size_t r = 1; r < c->rows; r++)
				for (size_t j = 0; j < n; j++)
					total += (double)c->refs[i + j].x[r];
			if (fabs(total) < 1)
				continue;
			p.k = (int64_t)llround(ten[c->places] / 3600 * one);
			consider(f, p);
			total = (double)predict_sub(c->x[c->rows - 1], c->x[0]) / total * one;
			p.k = fabs(total) < 4e18 ? (int64_t)llround(total) : 0;
			if (p.k)
				consider(f, p);
		}
	}
}

static void finish(const struct fit_column *c, struct predictor *p)
{
	struct predict_source src;

	p->first = p->base == PREDICT_GRID ? predict_sub(c->x[0], p->k) : 0;
	if (!fit_source(p, c->own_shape, c->refs, c->ref_count, &src))
		return;
	p->start = start_for(p, c, &src, 0, c->rows);
	if (p->base == PREDICT_SUM) {
		int64_t sum = 0;

		for (unsigned i = 0; i < p->b && src.sum[i]; i++)
			sum = predict_add(sum, src.sum[i][0]);
		p->start = predict_sub(c->x[0], predict_step(sum, p->k) >> PREDICT_SUM_BITS);
	}
}

void fit_predictor(const struct fit_column *c, struct predictor *best)
{
	static const int64_t grids[] = {1000, 100, 5000, 60000};
	struct fit f = {.c = c};
	double least = INFINITY;
	bool varies = false;

	for (size_t i = 1; i < c->rows && !varies; i++)
		varies = c->x[i] != c->x[0];
	*best = (struct predictor){.base = PREDICT_NONE, .track = PREDICT_CONST};
	consider(&f, *best);
	if (varies && c->rows >= 4) {
		for (size_t i = 0; c->time && i < sizeof(grids) / sizeof(grids[0]); i++)
			consider(&f, (struct predictor){.base = PREDICT_GRID, .k = grids[i]});
		consider_refs(&f);
		if (!c->time)
			consider_sums(&f);
	}
	for (size_t i = 0; i < f.kept; i++) {
		struct predictor p = f.keep[i].p;
		struct predict_source src;

		(void)fit_source(&p, c->own_shape, c->refs, c->ref_count, &src);
		for (p.track = 0; p.track < (p.base == PREDICT_SUM ? 1 : PREDICT_TRACKS);
		     p.track++) {
			double cost = cost_long(&p, c, &src) + describe(&p);

			if (cost < least) {
				least = cost;
				*best = p;
			}
		}
	}
	finish(c, best);
}
