#include "harness.h"
#include "meter/plan.h"

#include <errno.h>

static const struct meter_plan_limits wide = {125, 1, 12};

static const char *show(const struct meter_plan *p)
{
	static char buf[512];
	size_t at = 0;

	buf[0] = '\0';
	for (int i = 0; i < p->n; i++)
		at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%s%d:%d+%d", i ? " " : "",
				       p->block[i].fc, p->block[i].addr, p->block[i].count);
	return buf;
}

TEST(neighbours_and_small_gaps_merge)
{
	struct meter_span want[] = {{4, 30, 2}, {4, 0, 2},  {4, 2, 2},
				    {3, 4, 2},  {4, 16, 2}, {4, 0, 2}};
	struct meter_plan p;

	CHECK_INT(meter_plan_make(want, 6, &wide, &p), 0);
	CHECK_STR(show(&p), "3:4+2 4:0+32");
	want[0] = (struct meter_span){4, 31, 2};
	CHECK_INT(meter_plan_make((struct meter_span[]){{4, 0, 2}, {4, 15, 2}}, 2, &wide, &p), 0);
	CHECK_STR(show(&p), "4:0+2 4:15+2");
}

TEST(limits_split_but_never_a_value)
{
	const struct meter_plan_limits narrow = {10, 1, 12};
	struct meter_span want[] = {{3, 0, 4}, {3, 4, 4}, {3, 8, 4}, {3, 12, 2}};
	struct meter_plan p;

	CHECK_INT(meter_plan_make(want, 4, &narrow, &p), 0);
	CHECK_STR(show(&p), "3:0+8 3:8+6");
	CHECK_INT(meter_plan_make((struct meter_span[]){{3, 0, 11}}, 1, &narrow, &p), -1);
	CHECK_INT(errno, ERANGE);
	CHECK_INT(meter_plan_make((struct meter_span[]){{3, 65535, 2}}, 1, &wide, &p), -1);
	CHECK_INT(errno, ERANGE);
}

TEST(alignment_grows_a_block)
{
	const struct meter_plan_limits even = {80, 2, 0};
	struct meter_plan p;

	CHECK_INT(meter_plan_make((struct meter_span[]){{4, 3, 1}, {4, 5, 2}}, 2, &even, &p), 0);
	CHECK_STR(show(&p), "4:2+6");
}

TEST(overlap_and_containment)
{
	struct meter_span want[] = {{3, 0, 20}, {3, 4, 2}, {3, 19, 4}};
	struct meter_plan p;

	CHECK_INT(meter_plan_make(want, 3, &wide, &p), 0);
	CHECK_STR(show(&p), "3:0+23");
	CHECK_INT(meter_plan_find(&p, &(struct meter_span){3, 19, 4}), 0);
	CHECK_INT(meter_plan_find(&p, &(struct meter_span){3, 20, 4}), -1);
	CHECK_INT(meter_plan_find(&p, &(struct meter_span){4, 0, 1}), -1);
}

TEST(too_many_blocks_are_refused)
{
	struct meter_span want[METER_PLAN_MAX + 1];
	struct meter_plan p;

	for (int i = 0; i <= METER_PLAN_MAX; i++)
		want[i] = (struct meter_span){3, i * 100, 1};
	CHECK_INT(meter_plan_make(want, METER_PLAN_MAX + 1, &wide, &p), -1);
	CHECK_INT(errno, E2BIG);
	CHECK_INT(meter_plan_make(NULL, 0, &wide, &p), 0);
	CHECK_INT(p.n, 0);
}

/* Whatever is wanted is covered by exactly the blocks, each within the limits. */
TEST(any_plan_covers_all_within_limits)
{
	unsigned seed = 3;

	for (int round = 0; round < 2000; round++) {
		struct meter_span want[24];
		struct meter_plan_limits l;
		struct meter_plan p;

#define NEXT(n) ((int)((seed = seed * 1664525u + 1013904223u) >> 8) % (n))
		l = (struct meter_plan_limits){8 + NEXT(118), 1 + NEXT(2), NEXT(13)};
		for (int i = 0; i < 24; i++)
			want[i] = (struct meter_span){3 + NEXT(2), NEXT(300), 1 + NEXT(4)};
		if (meter_plan_make(want, 24, &l, &p)) {
			CHECK_INT(errno, E2BIG);
			continue;
		}
		for (int i = 0; i < p.n; i++) {
			CHECK(p.block[i].count <= l.max_registers);
			CHECK_INT(p.block[i].addr % l.alignment, 0);
			CHECK_INT(p.block[i].count % l.alignment, 0);
		}
		for (int i = 0; i < 24; i++)
			CHECK(meter_plan_find(&p, &want[i]) >= 0);
	}
}

TEST(a_probe_differs_from_the_lost_read)
{
	struct meter_plan p = {{{4, 0, 36}, {4, 52, 24}}, 2};
	struct meter_span s;

	CHECK_INT(meter_plan_probe(&p, &p.block[0], 1, 2, &s), 0);
	CHECK(s.fc == 4 && s.addr == 0 && s.count == 34);
	p = (struct meter_plan){{{4, 0, 2}, {4, 52, 2}, {3, 9, 2}}, 3};
	CHECK_INT(meter_plan_probe(&p, &p.block[0], 1, 2, &s), 0);
	CHECK(s.fc == 3 && s.addr == 9);
	p.n = 2;
	CHECK_INT(meter_plan_probe(&p, &p.block[0], 1, 2, &s), -1);
	CHECK_INT(errno, ENOENT);

	/* Each lost read takes its shape out of the choice. */
	p = (struct meter_plan){{{4, 0, 4}}, 1};
	for (int lost = 1; lost < 4; lost++) {
		const struct meter_span all[] = {{4, 0, 4}, {4, 0, 3}, {4, 0, 2}};

		CHECK_INT(meter_plan_probe(&p, all, lost, 1, &s), 0);
		CHECK_INT(s.count, 4 - lost);
	}
}
