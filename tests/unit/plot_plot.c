#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/bins.h"
#include "plot/model.h"
#include "plot/svg.h"
#include "plot/term.h"
#include "plot/ticks.h"

#define S  INT64_C(1000000)
#define T0 INT64_C(1795341600000000)

static unsigned long seed = 20261122;

static double random_to(double max)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return max * (double)(seed >> 40) / (double)(1UL << 24);
}

TEST(a_week_of_seconds_keeps_its_one_peak)
{
	static struct bins b;
	double min = 0, max = 0;

	bins_init(&b);
	for (int i = 0; i < 604800; i++)
		bins_add(&b, T0 + i * S, i == 400000 ? 99 : i == 400001 ? -7 : 5);
	CHECK(bins_extent(&b, INT64_MIN, INT64_MAX, &min, &max));
	CHECK_NUM(min, -7, 0);
	CHECK_NUM(max, 99, 0);
	/* and it stands where it was */
	CHECK(bins_extent(&b, T0 + 400000 * S - b.width_us, T0 + 400000 * S + b.width_us, &min,
			  &max));
	CHECK_NUM(max, 99, 0);
	CHECK(b.width_us <= 2 * 604800 * S / BINS * 2);
}

TEST(times_in_any_order_lose_nothing)
{
	static struct bins b;

	for (int run = 0; run < 200; run++) {
		double lo = INFINITY, hi = -INFINITY, min = 0, max = 0;

		bins_init(&b);
		for (int i = 0; i < 500; i++) {
			double v = random_to(1000) - 500;

			bins_add(&b, (int64_t)(random_to(1e15) - 5e14) / (run % 7 * 1000 + 1), v);
			lo = fmin(lo, (double)(float)v);
			hi = fmax(hi, (double)(float)v);
		}
		CHECK(bins_extent(&b, INT64_MIN, INT64_MAX, &min, &max));
		CHECK_NUM(min, lo, 0);
		CHECK_NUM(max, hi, 0);
	}
}

TEST(what_is_no_number_is_not_drawn)
{
	static struct bins b;
	double min, max;

	bins_init(&b);
	bins_add(&b, T0, NAN);
	bins_add(&b, T0, INFINITY);
	CHECK(!bins_extent(&b, INT64_MIN, INT64_MAX, &min, &max));
}

TEST(scales_are_round_and_hold_all)
{
	struct scale s = scale_make(0, 16.4, 6);

	CHECK_NUM(s.low, 0, 0);
	CHECK_NUM(s.high, 20, 1e-9);
	CHECK_NUM(s.step, 5, 1e-9);
	s = scale_make(49.93, 50.05, 6);
	CHECK_NUM(s.step, 0.05, 1e-12);
	CHECK_INT(s.decimals, 2);
	s = scale_make(3, 3, 6);
	CHECK(s.high > s.low);
	for (int i = 0; i < 2000; i++) {
		double a = random_to(2e5) - 1e5, z = a + random_to(i % 2 ? 1 : 1e5) + 1e-4;

		s = scale_make(a, z, 6);
		CHECK(s.low <= a + s.step * 1e-6 && s.high >= z - s.step * 1e-6);
		CHECK((s.high - s.low) / s.step < 6.5);
	}
}

TEST(time_ticks_are_round_and_say_the_date_once_a_day)
{
	struct time_tick tick[TICKS_MAX];
	int n = time_ticks(T0, T0 + 6 * 3600 * S, 8, tick); /* 10:00 on */

	CHECK_INT(n, 7);
	CHECK_STR(tick[0].text, "22 Nov 10:00");
	CHECK_STR(tick[1].text, "11:00");
	n = time_ticks(T0, T0 + 20 * 3600 * S, 8, tick);
	CHECK_STR(tick[n - 1].text, "06:00");
	n = time_ticks(T0, T0 + 7 * 86400 * S, 10, tick);
	CHECK_STR(tick[0].text, "23 Nov");
	n = time_ticks(T0, T0 + 10 * S, 12, tick);
	CHECK_INT(n, 11);
	CHECK_STR(tick[1].text, "10:00:01");
	CHECK(time_ticks(0, INT64_C(4000000000000000), 10, tick) <= 10);
}

static void take(struct plot *p, const char *line)
{
	struct record r;
	struct err err;

	CHECK(record_parse(line, strlen(line), &r, &err) == 0);
	CHECK(plot_wants(p, &r.head));
	plot_take(p, &r);
	record_release(&r);
}

static void fill(struct plot *p)
{
	plot_init(p);
	take(p, "{\"t\":\"2026-11-22T10:00:00Z\",\"type\":\"meter\",\"src\":\"meter.1\",\"evse\":1,"
		"\"current_a\":[1,-16,null],\"power_w\":[3000,4000,4040],\"freq_hz\":50.01}");
	take(p, "{\"t\":\"2026-11-22T10:00:01Z\",\"type\":\"meter\",\"src\":\"meter.grid\","
		"\"power_total_w\":-500,\"freq_hz\":49.99}");
	take(p, "{\"t\":\"2026-11-22T10:00:01Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"evse\":1,"
		"\"limit_a\":null}");
	take(p, "{\"t\":\"2026-11-22T10:00:01Z\",\"type\":\"car\",\"src\":\"sim.car.1\",\"evse\":1,"
		"\"soc_pct\":35}");
	take(
	    p,
	    "{\"t\":\"2026-11-22T10:00:00Z\",\"type\":\"session\",\"src\":\"session.1\",\"evse\":1,"
	    "\"id\":\"<a&\",\"reading\":{\"import_wh\":1000}}");
	take(
	    p,
	    "{\"t\":\"2026-11-22T10:00:09Z\",\"type\":\"session\",\"src\":\"session.1\",\"evse\":1,"
	    "\"id\":\"<a&\",\"reading\":{\"import_wh\":4500}}");
}

TEST(records_become_panels)
{
	double min, max, divide;
	const char *unit;
	struct plot p;

	fill(&p);
	CHECK(plot_extent(&p, PLOT_POWER, 0, &min, &max, &divide, &unit));
	CHECK_NUM(max, 11040, 0);
	CHECK_NUM(min, -500, 0);
	CHECK_STR(unit, "kW");
	CHECK(plot_extent(&p, PLOT_CURRENT, 0, &min, &max, &divide, &unit));
	CHECK_NUM(max, 16, 0); /* the highest phase */
	CHECK(plot_extent(&p, PLOT_FREQ, 0, &min, &max, &divide, &unit));
	CHECK(max < 50.05 && min > 49.93); /* of the grid meter alone */
	CHECK(plot_extent(&p, PLOT_ENERGY, 0, &min, &max, &divide, &unit));
	CHECK_NUM(max, 3500, 0);
	CHECK(!plot_extent(&p, PLOT_SOC, 2, &min, &max, &divide, &unit));
	plot_release(&p);
}

TEST(both_pictures_are_made_and_nothing_of_nothing)
{
	struct plot p;
	struct buf b;

	fill(&p);
	buf_init(&b, PLOT_SVG_MAX);
	CHECK_INT(plot_svg(&p, 800, 150, "a <b> & c", &b), 0);
	CHECK(strstr(buf_str(&b), "&#60;b> &#38; c") != NULL && !buf_failed(&b));
	CHECK(strstr(buf_str(&b), "nan") == NULL && strstr(buf_str(&b), "inf") == NULL);
	buf_reset(&b);
	CHECK_INT(plot_term(&p, 60, 6, false, NULL, &b), 0);
	CHECK(strchr(buf_str(&b), '\033') == NULL);
	buf_reset(&b);
	CHECK_INT(plot_term(&p, 60, 6, true, NULL, &b), 0);
	CHECK(strchr(buf_str(&b), '\033') != NULL);
	plot_release(&p);
	plot_init(&p);
	buf_reset(&b);
	CHECK(plot_svg(&p, 800, 150, NULL, &b) < 0 && plot_term(&p, 60, 6, true, NULL, &b) < 0);
	plot_release(&p);
	buf_release(&b);
}

TEST(sessions_beyond_the_bound_drop_the_oldest)
{
	struct plot p;
	char line[256];

	plot_init(&p);
	for (int i = 0; i < PLOT_SESSIONS_MAX + 3; i++) {
		snprintf(line, sizeof line,
			 "{\"t\":\"2026-11-22T10:%02d:%02dZ\",\"type\":\"session\",\"src\":"
			 "\"session.1\","
			 "\"evse\":1,\"id\":\"s%d\",\"reading\":{\"import_wh\":%d}}",
			 i / 60, i % 60, i, i);
		take(&p, line);
	}
	CHECK_INT(p.nsessions, PLOT_SESSIONS_MAX);
	CHECK_INT(p.dropped, 3);
	CHECK_STR(p.session[0].id, "s3");
	plot_release(&p);
}
