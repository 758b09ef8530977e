/* A series of values over time in bounded memory: a fixed number of bins, each with the first,
 * last, least and greatest value of its stretch of time. When a time falls outside, bins are joined
 * in pairs until it fits. So a week of seconds takes as much as a minute, and no peak is lost.
 * Pure. */
#ifndef PLOT_BINS_H
#define PLOT_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BINS = 1024 };

struct bin {
	float first, last, min, max;
	bool any;
};

struct bins {
	int64_t width_us; /* 0: empty */
	int64_t low;      /* bin 0 begins at low * width_us */
	struct bin bin[BINS];
};

void bins_init(struct bins *b);

/** Adds @value at @t_us; times may come in any order. Not finite values are passed over. */
void bins_add(struct bins *b, int64_t t_us, double value);

/** The middle of bin @i. */
int64_t bins_time(const struct bins *b, int i);

/** Least and greatest of all between @from_us and @to_us. @return false when there is none. */
bool bins_extent(const struct bins *b, int64_t from_us, int64_t to_us, double *min, double *max);

#endif
