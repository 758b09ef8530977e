/* When to read: on multiples of the interval since the UTC epoch, so that all meters of a charger,
 * and of a town, measure at the same instants. The read's middle is what counts, so it starts half
 * its usual width before.
 *
 * Pure: times are arguments, in milliseconds since 1970 UTC. */
#ifndef METER_ALIGN_H
#define METER_ALIGN_H

#include <stdint.h>

/** Learns how long a read takes; zero it to begin. */
struct meter_align {
	int64_t last_slot; /* instant that the last read was for */
	int width_ms;      /* usual width of a read */
};

/**
 * The next instant to start a read.
 *
 * @now_ms       wall clock
 * @interval_ms  1 or more
 * @slot_ms      filled with the instant that the read is for
 * @return  start, from now_ms to now_ms + 2 * interval_ms, also after the clock was set back or
 * forth
 */
int64_t meter_align_next(const struct meter_align *a, int64_t now_ms, int interval_ms,
			 int64_t *slot_ms);

/** A read for slot_ms was done (or failed; then width_ms is -1). */
void meter_align_done(struct meter_align *a, int64_t slot_ms, int width_ms);

#endif
