/* Which reads fetch a set of registers: few, within what the device admits, never splitting a
 * value.
 *
 * Pure: no I/O, no state. */
#ifndef METER_PLAN_H
#define METER_PLAN_H

#include <stdint.h>

/** What one protocol read may carry. Source: Modbus application protocol V1.1b3, 6.3 and 6.4. */
#define METER_READ_MAX 125

/** Most blocks that a plan may have. */
#define METER_PLAN_MAX 48

struct meter_span {
	int fc;   /* function code: 3 holding, 4 input registers */
	int addr; /* zero-based, as on the wire */
	int count;
};

struct meter_plan_limits {
	int max_registers; /* in one read, 1 to METER_READ_MAX */
	int alignment;     /* addresses and counts are multiples of it: 1, 2 or 4 */
	int max_gap;       /* unwanted registers worth reading to save a request */
};

struct meter_plan {
	struct meter_span block[METER_PLAN_MAX];
	int n;
};

/**
 * Plan the reads.
 *
 * @want, @n  what is wanted, in any order; repeats are fine. Sorted in place by function code and
 * address.
 * @out       blocks, in the order of function code and address
 * @return  0, or -1 with errno ERANGE where a span is larger than one read or ends beyond 65535,
 *          E2BIG where there are more than METER_PLAN_MAX blocks
 */
int meter_plan_make(struct meter_span *want, int n, const struct meter_plan_limits *limits,
		    struct meter_plan *out);

/**
 * Find the block that holds a span.
 *
 * @return  its index, or -1
 */
int meter_plan_find(const struct meter_plan *plan, const struct meter_span *span);

/**
 * A read that can't be mistaken for an answer to another: same device, but a function code and
 * length of its own. Answered in order, its answer proves that no older one is under way.
 *
 * @plan  the reads in use
 * @lost, @n_lost  the reads whose answers may still come
 * @out   the read to send
 * @return  0, or -1 with errno ENOENT where the plan has no such read
 */
int meter_plan_probe(const struct meter_plan *plan, const struct meter_span *lost, int n_lost,
		     int alignment, struct meter_span *out);

#endif
