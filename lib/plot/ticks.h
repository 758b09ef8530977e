/* Where an axis has its marks, and what stands at them. Pure. */
#ifndef PLOT_TICKS_H
#define PLOT_TICKS_H

#include <stdint.h>

enum { TICKS_MAX = 32, TICK_TEXT = 48 };

struct scale {
	double low, high, step;
	int decimals; /* that the step needs */
};

/** A scale of round steps (1, 2, 5 · 10^n) around @min … @max, with at most @most marks. */
struct scale scale_make(double min, double max, int most);

struct time_tick {
	int64_t t_us;
	char text[TICK_TEXT];
};

/** Marks at round times of UTC from @from_us to @to_us, at most @most (and TICKS_MAX); the first,
 * and the first of each day, say the date. @return their number. */
int time_ticks(int64_t from_us, int64_t to_us, int most, struct time_tick out[TICKS_MAX]);

/** "22 Nov 2026 10:00:05" of a time. */
void time_text(int64_t t_us, char out[TICK_TEXT]);

#endif
