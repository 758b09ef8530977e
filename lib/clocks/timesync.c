#include "clocks/timesync.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	double ms;
} units[] = {
    {"us", 1e-3}, {"ms", 1},     {"s", 1e3},          {"min", 6e4},
    {"h", 3.6e6}, {"d", 8.64e7}, {"\xc2\xb5s", 1e-3}, {"w", 6.048e8},
};

static bool unit_of(const char *text, size_t len, double *ms)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, text, len) == 0) {
			*ms = units[i].ms;
			return true;
		}
	return false;
}

bool timesync_span(const char *text, double *ms)
{
	double sum = 0, value, unit, sign = 1;
	const char *p = text + strspn(text, " ");
	char *end;
	bool any = false;

	if (*p == '+' || *p == '-')
		sign = *p++ == '-' ? -1 : 1;
	while (isdigit((unsigned char)*p)) {
		size_t len;

		value = strtod(p, &end);
		len = strcspn(end, " ;)\n");
		if (!unit_of(end, len, &unit))
			break;
		sum += value * unit;
		any = true;
		p = end + len;
		p += strspn(p, " ");
	}
	if (any && isfinite(sum))
		*ms = sign * sum;
	return any && isfinite(sum);
}

/* Each of these must be there for a bound. */
enum { SAW_OFFSET = 1, SAW_DELAY = 2, SAW_DISTANCE = 4, SAW_ALL = 7 };

static int take(const char *name, const char *value, struct timesync *t)
{
	double ms = 0;

	if (strcmp(name, "Leap") == 0)
		t->leap_known = strncmp(value, "not synchronized", 16) != 0;
	else if (strcmp(name, "Stratum") == 0)
		t->stratum = (int)strtol(value, NULL, 10);
	else if (strcmp(name, "Frequency") == 0)
		t->frequency_ppm = strtod(value, NULL);
	else if (strcmp(name, "Poll interval") == 0 && timesync_span(value, &ms))
		t->interval_s = ms / 1000;
	else if (strcmp(name, "Jitter") == 0)
		timesync_span(value, &t->jitter_ms);
	else if (strcmp(name, "Offset") == 0)
		return timesync_span(value, &t->offset_ms) ? SAW_OFFSET : 0;
	else if (strcmp(name, "Delay") == 0)
		return timesync_span(value, &t->delay_ms) ? SAW_DELAY : 0;
	else if (strcmp(name, "Root distance") == 0)
		return timesync_span(value, &t->distance_ms) ? SAW_DISTANCE : 0;
	return 0;
}

int timesync_parse(const char *text, struct timesync *t)
{
	int saw = 0;
	bool any = false;

	*t = (struct timesync){.frequency_ppm = NAN};
	while (*text) {
		size_t len = strcspn(text, "\n;");
		char line[160], *colon;

		snprintf(line, sizeof line, "%.*s", (int)(len < 159 ? len : 159), text);
		text += len + (text[len] != '\0');
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon++ = '\0';
		any = true;
		saw |= take(line + strspn(line, " \t"), colon + strspn(colon, " "), t);
	}
	t->measured = saw == SAW_ALL;
	return any ? 0 : -1;
}
