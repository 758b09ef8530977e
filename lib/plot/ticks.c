#include "plot/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define S   INT64_C(1000000)
#define DAY (86400 * S)

struct scale scale_make(double min, double max, int most)
{
	static const double round_steps[] = {1, 2, 5, 10};
	struct scale s;
	double raw, unit;
	int i = 0;

	if (!(max > min))
		max = min + 1;
	raw = (max - min) / (most > 2 ? most - 2 : 1);
	unit = pow(10, floor(log10(raw)));
	while (i < 3 && round_steps[i] * unit < raw * (1 - 1e-9))
		i++;
	s.step = round_steps[i] * unit;
	s.low = floor(min / s.step + 1e-9) * s.step;
	s.high = ceil(max / s.step - 1e-9) * s.step;
	s.decimals = (int)-floor(log10(s.step) + 1e-9);
	if (s.decimals < 0)
		s.decimals = 0;
	return s;
}

static struct tm parts(int64_t t_us)
{
	time_t t = (time_t)(t_us / S);
	struct tm tm = {0};

	gmtime_r(&t, &tm);
	return tm;
}

static const char *month(const struct tm *tm)
{
	static const char *const names[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	return names[tm->tm_mon >= 0 && tm->tm_mon < 12 ? tm->tm_mon : 0];
}

void time_text(int64_t t_us, char out[TICK_TEXT])
{
	struct tm tm = parts(t_us);

	snprintf(out, TICK_TEXT, "%d %s %d %02d:%02d:%02d", tm.tm_mday % 100, month(&tm),
		 (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

static void label(struct time_tick *t, int64_t step, int64_t last_day)
{
	struct tm tm = parts(t->t_us);
	int len = 0;

	if (t->t_us / DAY != last_day || step >= DAY)
		len = snprintf(t->text, TICK_TEXT, "%d %s", tm.tm_mday % 100, month(&tm));
	if (step >= DAY || (len > 0 && t->t_us % DAY == 0))
		return;
	len += snprintf(t->text + len, TICK_TEXT - (size_t)len, "%s%02d:%02d", len ? " " : "",
			tm.tm_hour % 100, tm.tm_min % 100);
	if (step < 60 * S)
		snprintf(t->text + len, TICK_TEXT - (size_t)len, ":%02d", tm.tm_sec % 100);
}

int time_ticks(int64_t from_us, int64_t to_us, int most, struct time_tick out[TICKS_MAX])
{
	static const int steps_s[] = {
	    1,    2,    5,     10,    15,    30,    60,     120,    300,     600,     900,     1800,
	    3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2419200, 7257600, 31536000};
	const size_t count = sizeof steps_s / sizeof *steps_s;
	int64_t step, slack, day = -1;
	size_t i = 0;
	int n = 0;

	if (most > TICKS_MAX)
		most = TICKS_MAX;
	while (i + 1 < count && (to_us - from_us) / (steps_s[i] * S) >= most)
		i++;
	step = steps_s[i] * S;
	/* a mark that lies outside by less than anybody sees is inside */
	slack = (to_us - from_us) / 2000;
	for (int64_t t = (from_us - slack + step - 1) / step * step; t <= to_us + slack && n < most;
	     t += step) {
		out[n] = (struct time_tick){.t_us = t};
		label(&out[n], step, day);
		day = t / DAY;
		n++;
	}
	return n;
}
