#include "harness.h"

#include <math.h>

#include "clocks/bound.h"

#define S INT64_C(1000000)
#define H (3600 * S)

static struct clocks_sample sample(double offset_ms, double error_ms, int64_t mono_us)
{
	return (struct clocks_sample){.synced = true,
				      .offset_ms = offset_ms,
				      .error_ms = error_ms,
				      .drift_ppm = NAN,
				      .skew_ppm = NAN,
				      .interval_s = 64,
				      .mono_us = mono_us,
				      .real_us = mono_us + 1000 * H};
}

TEST(nothing_heard_means_nothing_known)
{
	struct clocks c;
	struct clocks_view v;

	clocks_init(&c, 50, 5 * S);
	v = clocks_judge(&c, 6 * S);
	CHECK(!v.synced && !v.ever && !v.within && !v.overdue);
	CHECK(isinf(v.bound_ms) && isnan(v.offset_ms));
	CHECK(clocks_judge(&c, 5 * S + 24 * H).overdue);
}

TEST(synchronised_bound_is_offset_and_error_DAT_1)
{
	struct clocks c;
	struct clocks_sample s = sample(-0.4, 1.5, 10 * S);
	struct clocks_view v;

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_CHRONY, &s, 12 * S);
	v = clocks_judge(&c, 100 * S);
	CHECK(v.synced && v.within && v.source == CLOCKS_CHRONY);
	CHECK_NUM(v.bound_ms, 1.9, 1e-9);
	CHECK_INT(v.holdover_us, 0);
}

TEST(holdover_grows_by_drift_and_worst_case_and_passes_10_ms)
{
	struct clocks c;
	struct clocks_sample s = sample(0, 1, 10 * S);
	struct clocks_view v;

	s.drift_ppm = -12;
	s.skew_ppm = 3;
	clocks_init(&c, 35, 0);
	clocks_take(&c, CLOCKS_CHRONY, &s, 10 * S);
	clocks_silent(&c, CLOCKS_CHRONY);
	v = clocks_judge(&c, 110 * S);
	CHECK(!v.synced && v.within && v.ever);
	CHECK_NUM(v.rate_ppm, 50, 1e-9);
	CHECK_NUM(v.bound_ms, 1 + 50e-3 * 100, 1e-9);
	CHECK_INT(v.holdover_us, 100 * S);
	CHECK(clocks_judge(&c, 10 * S + 179 * S).within);
	CHECK(!clocks_judge(&c, 10 * S + 181 * S).within);
}

TEST(a_lost_week_is_36_s_and_the_alarm_comes_after_24_h_DAT_4)
{
	struct clocks c;
	struct clocks_sample s = sample(0, 1, 0);
	struct clocks_view v;

	s.drift_ppm = 10;
	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_CHRONY, &s, 0);
	v = clocks_judge(&c, 7 * 24 * H);
	CHECK(!v.synced);
	CHECK_NUM(v.bound_ms, 1 + 60e-3 * 604800, 1e-6);
	CHECK(!clocks_judge(&c, 24 * H - 1).overdue && clocks_judge(&c, 24 * H).overdue);
}

TEST(a_source_that_missed_its_rhythm_is_not_believed)
{
	struct clocks c;
	struct clocks_sample s = sample(0, 1, 0);

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_CHRONY, &s, 0);
	CHECK(clocks_judge(&c, 192 * S).synced);
	CHECK(!clocks_judge(&c, 193 * S).synced);
	/* the daemon still answers, with its old measurement: the bound goes on growing */
	clocks_take(&c, CLOCKS_CHRONY, &s, 300 * S);
	CHECK(!clocks_judge(&c, 300 * S).synced);
	CHECK_NUM(clocks_judge(&c, 300 * S).bound_ms, 1 + 50e-3 * 300, 1e-9);
	/* a slower rhythm is allowed for */
	s.interval_s = 1024;
	clocks_take(&c, CLOCKS_CHRONY, &s, 3000 * S);
	CHECK(clocks_judge(&c, 3000 * S).synced);
	s.synced = false;
	clocks_take(&c, CLOCKS_CHRONY, &s, 3001 * S);
	CHECK(!clocks_judge(&c, 3001 * S).synced);
}

TEST(the_best_source_that_holds_is_chosen)
{
	struct clocks c;
	struct clocks_sample fine = sample(0, 1, 0), coarse = sample(0, 500, 0);

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_OCPP, &coarse, 0);
	CHECK_INT(clocks_judge(&c, S).source, CLOCKS_OCPP);
	clocks_take(&c, CLOCKS_CHRONY, &fine, 0);
	CHECK_INT(clocks_judge(&c, S).source, CLOCKS_CHRONY);
	clocks_silent(&c, CLOCKS_CHRONY);
	CHECK_INT(clocks_judge(&c, S).source, CLOCKS_OCPP);
	/* when none holds: what bounds best */
	clocks_silent(&c, CLOCKS_OCPP);
	CHECK_INT(clocks_judge(&c, S).source, CLOCKS_CHRONY);
}

TEST(a_back_office_that_disagrees_does_not_vouch)
{
	struct clocks c;
	struct clocks_sample s = sample(-90000, 500, 0);
	struct clocks_view v;

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_OCPP, &s, 0);
	v = clocks_judge(&c, 0);
	CHECK(!v.synced && v.ever);
	CHECK_NUM(v.bound_ms, 90500, 1e-9);
}

TEST(timesyncd_and_heartbeat_grow_while_they_hold)
{
	struct clocks c;
	struct clocks_sample s = sample(0, 1, 0);

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_OCPP, &s, 0);
	CHECK_NUM(clocks_judge(&c, 100 * S).bound_ms, 1 + 50e-3 * 100, 1e-9);
	clocks_take(&c, CLOCKS_TIMESYNC, &s, 0);
	CHECK_NUM(clocks_judge(&c, 100 * S).bound_ms, 1 + 15e-3 * 100, 1e-9);
}

TEST(a_step_adds_its_size_until_the_source_speaks_again)
{
	struct clocks c;
	struct clocks_sample s = sample(0, 1, 0);
	struct clocks_view v;

	clocks_init(&c, 50, 0);
	clocks_take(&c, CLOCKS_CHRONY, &s, 0);
	clocks_stepped(&c, 2500000);
	v = clocks_judge(&c, S);
	CHECK_NUM(v.bound_ms, 2501, 1e-9);
	CHECK_NUM(v.offset_ms, -2500, 1e-9);
	CHECK(!v.within);
	clocks_stepped(&c, -500000);
	CHECK_NUM(clocks_judge(&c, S).bound_ms, 3001, 1e-9);
	clocks_take(&c, CLOCKS_CHRONY, &s, S);
	CHECK_NUM(clocks_judge(&c, S).bound_ms, 1, 1e-9);
}

TEST(a_restart_goes_on_in_holdover)
{
	struct clocks a, b;
	struct clocks_sample s = sample(0, 1, 0);
	struct clocks_view v;

	clocks_init(&a, 50, 0);
	clocks_take(&a, CLOCKS_CHRONY, &s, 0);
	clocks_init(&b, 50, 7 * S);
	clocks_restore(&b, CLOCKS_CHRONY, &a.entry[CLOCKS_CHRONY], 100 * S, 1000, 7 * S);
	v = clocks_judge(&b, 7 * S);
	CHECK(!v.synced);
	CHECK_NUM(v.bound_ms, 1001 + 50e-3 * 100, 1e-9);
	CHECK_INT(v.holdover_us, 100 * S);
}

static unsigned long seed = 20261122;

static double random_to(double max)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return max * (double)(seed >> 40) / (double)(1UL << 24);
}

/* The invariant: with an oscillator that keeps to measured drift and worst case, samples that keep
 * to their own error, and steps that are seen, the clock is never further off than the bound. */
TEST(the_bound_always_holds_the_truth)
{
	for (int run = 0; run < 200; run++) {
		double off_ms = 0, drift = random_to(40) - 20, wander = random_to(100) - 50;
		struct clocks c;
		int64_t t = 0;

		clocks_init(&c, 50, 0);
		for (int i = 0; i < 300; i++) {
			double dt = random_to(600), what = random_to(10);

			t += (int64_t)(dt * 1e6);
			off_ms -= (drift + wander) * 1e-3 * dt;
			if (what < 3) {
				double error = random_to(5);
				struct clocks_sample s =
				    sample(off_ms + random_to(2 * error) - error, error, t);

				s.drift_ppm = drift;
				clocks_take(&c, CLOCKS_OCPP, &s, t);
			} else if (what < 4) {
				double step_ms = random_to(10000) - 5000;

				clocks_stepped(&c, (int64_t)(step_ms * 1000));
				off_ms -= (double)(int64_t)(step_ms * 1000) / 1000;
			} else if (what < 5) {
				clocks_silent(&c, CLOCKS_OCPP);
			}
			CHECK(fabs(off_ms) <= clocks_judge(&c, t).bound_ms + 1e-6);
		}
	}
}
