#include "plot/bins.h"

#include <math.h>

#define FINEST_US INT64_C(250000)

void bins_init(struct bins *b)
{
	*b = (struct bins){0};
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct bin join(struct bin a, struct bin b)
{
	if (!a.any)
		return b;
	if (!b.any)
		return a;
	return (struct bin){a.first, b.last, fminf(a.min, b.min), fmaxf(a.max, b.max), true};
}

/* Bins of twice the width, whose window begins at @low or before. */
static void widen(struct bins *b)
{
	int64_t low = floor_div(b->low, 2);
	int odd = (int)(b->low - 2 * low);

	for (int i = 0; i < BINS; i++) {
		int left = 2 * i - odd, right = left + 1;
		struct bin none = {0};

		b->bin[i] = join(left >= 0 && left < BINS ? b->bin[left] : none,
				 right < BINS ? b->bin[right] : none);
	}
	b->low = low;
	b->width_us *= 2;
}

/* Moves the bins up so that the window begins at @low, if nothing falls out at the end. */
static bool slide(struct bins *b, int64_t low)
{
	int64_t by = b->low - low;
	int last = BINS - 1;

	while (last > 0 && !b->bin[last].any)
		last--;
	if (by > BINS - 1 - last)
		return false;
	for (int i = BINS - 1; i >= 0; i--)
		b->bin[i] = i >= by ? b->bin[i - by] : (struct bin){0};
	b->low = low;
	return true;
}

static int place(struct bins *b, int64_t t_us)
{
	int64_t i;

	if (!b->width_us) {
		b->width_us = FINEST_US;
		b->low = floor_div(t_us, FINEST_US);
	}
	for (;;) {
		i = floor_div(t_us, b->width_us);
		if (i >= b->low && i - b->low < BINS)
			return (int)(i - b->low);
		if (i >= b->low || !slide(b, i))
			widen(b);
	}
}

void bins_add(struct bins *b, int64_t t_us, double value)
{
	float v = (float)value;
	struct bin *bin;

	if (!isfinite(value))
		return;
	bin = &b->bin[place(b, t_us)];
	*bin = join(*bin, (struct bin){v, v, v, v, true});
}

int64_t bins_time(const struct bins *b, int i)
{
	return (b->low + i) * b->width_us + b->width_us / 2;
}

bool bins_extent(const struct bins *b, int64_t from_us, int64_t to_us, double *min, double *max)
{
	bool any = false;

	for (int i = 0; i < BINS; i++) {
		const struct bin *bin = &b->bin[i];
		int64_t t = bins_time(b, i);

		if (!bin->any || t < from_us || t > to_us)
			continue;
		*min = any ? fmin(*min, (double)bin->min) : (double)bin->min;
		*max = any ? fmax(*max, (double)bin->max) : (double)bin->max;
		any = true;
	}
	return any;
}
