#include "meter/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static int by_place(const void *pa, const void *pb)
{
	const struct meter_span *a = pa, *b = pb;

	if (a->fc != b->fc)
		return a->fc - b->fc;
	return a->addr != b->addr ? a->addr - b->addr : a->count - b->count;
}

/* Grow a span to the device's alignment. */
static struct meter_span aligned(struct meter_span s, int alignment)
{
	int end = s.addr + s.count;

	s.addr -= s.addr % alignment;
	end += (alignment - end % alignment) % alignment;
	s.count = end - s.addr;
	return s;
}

int meter_plan_make(struct meter_span *want, int n, const struct meter_plan_limits *limits,
		    struct meter_plan *out)
{
	struct meter_span *last = NULL;

	out->n = 0;
	if (n > 1)
		qsort(want, (size_t)n, sizeof(*want), by_place);
	for (int i = 0; i < n; i++) {
		struct meter_span s = aligned(want[i], limits->alignment);
		int end = s.addr + s.count;

		if (s.count > limits->max_registers || s.addr < 0 || end > 65536) {
			errno = ERANGE;
			return -1;
		}
		if (last && last->fc == s.fc &&
		    s.addr - (last->addr + last->count) <= limits->max_gap &&
		    end - last->addr <= limits->max_registers) {
			if (end > last->addr + last->count)
				last->count = end - last->addr;
			continue;
		}
		if (out->n == METER_PLAN_MAX) {
			errno = E2BIG;
			return -1;
		}
		last = &out->block[out->n++];
		*last = s;
	}
	return 0;
}

int meter_plan_find(const struct meter_plan *plan, const struct meter_span *span)
{
	for (int i = 0; i < plan->n; i++) {
		const struct meter_span *b = &plan->block[i];

		if (b->fc == span->fc && b->addr <= span->addr &&
		    span->addr + span->count <= b->addr + b->count)
			return i;
	}
	return -1;
}

static bool looks_like(const struct meter_span *s, const struct meter_span *lost, int n_lost)
{
	for (int i = 0; i < n_lost; i++)
		if (s->fc == lost[i].fc && s->count == lost[i].count)
			return true;
	return false;
}

int meter_plan_probe(const struct meter_plan *plan, const struct meter_span *lost, int n_lost,
		     int alignment, struct meter_span *out)
{
	for (int i = 0; i < plan->n; i++) {
		struct meter_span s = plan->block[i];

		for (; s.count >= alignment; s.count -= alignment) {
			if (looks_like(&s, lost, n_lost))
				continue;
			*out = s;
			return 0;
		}
	}
	errno = ENOENT;
	return -1;
}
