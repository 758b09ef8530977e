#include "harness.h"
#include "meter/align.h"

TEST(reads_fall_on_multiples_of_the_interval)
{
	struct meter_align a = {0};
	int64_t slot;

	CHECK_INT(meter_align_next(&a, 10001, 1000, &slot), 11000);
	CHECK_INT(slot, 11000);
	CHECK_INT(meter_align_next(&a, 11000, 1000, &slot), 11000);
	meter_align_done(&a, 11000, 40);
	CHECK_INT(meter_align_next(&a, 11040, 1000, &slot), 11980);
	CHECK_INT(slot, 12000);
}

TEST(no_instant_is_read_twice)
{
	struct meter_align a = {0};
	int64_t slot;

	meter_align_done(&a, 11000, 100);
	meter_align_done(&a, 12000, 10);
	/* Started at 11.995 for 12.000, done at 11.999: the next is 13.000. */
	CHECK_INT(meter_align_next(&a, 11989, 1000, &slot), 12995);
	CHECK_INT(slot, 13000);
}

TEST(a_slow_read_skips_instants_instead_of_queueing)
{
	struct meter_align a = {0};
	int64_t slot;

	meter_align_done(&a, 10000, 2600);
	CHECK_INT(meter_align_next(&a, 11300, 1000, &slot), 11500);
	CHECK_INT(slot, 12000);
}

TEST(a_clock_that_is_set_never_stalls)
{
	struct meter_align a = {0};
	int64_t slot;

	meter_align_done(&a, 5000000000000, 30);
	for (int64_t now = 1000; now < 9000; now += 77) {
		int64_t start = meter_align_next(&a, now, 1000, &slot);

		CHECK(start >= now && start <= now + 2000);
		CHECK_INT(slot % 1000, 0);
	}
}

TEST(the_width_follows_the_device)
{
	struct meter_align a = {0};

	meter_align_done(&a, 1000, 100);
	CHECK_INT(a.width_ms, 100);
	meter_align_done(&a, 2000, 20);
	CHECK_INT(a.width_ms, 20);
	meter_align_done(&a, 3000, -1);
	CHECK_INT(a.width_ms, 20);
	for (int i = 0; i < 60; i++)
		meter_align_done(&a, 4000 + i, 100);
	CHECK_INT(a.width_ms, 100);
}
