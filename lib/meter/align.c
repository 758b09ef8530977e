#include "meter/align.h"

static int64_t ceil_to(int64_t x, int64_t step)
{
	int64_t down = x - x % step;

	return down == x ? x : down + step;
}

int64_t meter_align_next(const struct meter_align *a, int64_t now_ms, int interval_ms,
			 int64_t *slot_ms)
{
	int64_t lead = a->width_ms / 2, slot;

	/* A read wider than the interval can't lead by more than the interval leaves. */
	if (lead > interval_ms / 2)
		lead = interval_ms / 2;
	slot = ceil_to(now_ms + lead, interval_ms);
	/* A read that came out shorter than usual ends before its own instant: not again the same.
	 * A clock that was set back by more than an interval starts anew. */
	if (slot == a->last_slot)
		slot += interval_ms;
	*slot_ms = slot;
	return slot - lead;
}

void meter_align_done(struct meter_align *a, int64_t slot_ms, int width_ms)
{
	a->last_slot = slot_ms;
	if (width_ms < 0)
		return;
	if (!a->width_ms || width_ms < a->width_ms)
		a->width_ms = width_ms;
	else
		a->width_ms += (width_ms - a->width_ms + 7) / 8;
}
