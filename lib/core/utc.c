#include "core/utc.h"

#include <errno.h>
#include <stdbool.h>

/* Days since 1970-01-01 of a civil date, and back (proleptic Gregorian, era of 400 years). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static void put(char *at, int digits, int64_t v)
{
	while (digits--) {
		at[digits] = (char)('0' + v % 10);
		v /= 10;
	}
}

void utc_format(int64_t real_us, char out[UTC_LEN + 1])
{
	const int64_t last = INT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */
	int64_t s, ms;
	int y, m, d;

	if (real_us < 0)
		real_us = 0;
	if (real_us > last)
		real_us = last;
	s = real_us / 1000000;
	ms = real_us / 1000 % 1000;
	civil_from_days(s / 86400, &y, &m, &d);
	s %= 86400;
	put(out, 4, y);
	out[4] = '-';
	put(out + 5, 2, m);
	out[7] = '-';
	put(out + 8, 2, d);
	out[10] = 'T';
	put(out + 11, 2, s / 3600);
	out[13] = ':';
	put(out + 14, 2, s / 60 % 60);
	out[16] = ':';
	put(out + 17, 2, s % 60);
	out[19] = '.';
	put(out + 20, 3, ms);
	out[23] = 'Z';
	out[24] = '\0';
}

struct scan {
	const char *p, *end;
	bool bad;
};

static int digits(struct scan *s, int n)
{
	int v = 0;

	while (n--) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9') {
			s->bad = true;
			return 0;
		}
		v = v * 10 + (*s->p++ - '0');
	}
	return v;
}

static void expect(struct scan *s, char c, char or)
{
	if (s->p < s->end && (*s->p == c || *s->p == or))
		s->p++;
	else
		s->bad = true;
}

static int fraction_us(struct scan *s)
{
	int us = 0, n = 0;

	if (s->p == s->end || *s->p != '.')
		return 0;
	for (s->p++; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, n++)
		if (n < 6)
			us = us * 10 + (*s->p - '0');
	if (!n)
		s->bad = true;
	for (; n < 6; n++)
		us *= 10;
	return us;
}

static int offset_min(struct scan *s)
{
	int sign, h, m;

	if (s->p < s->end && (*s->p == 'Z' || *s->p == 'z')) {
		s->p++;
		return 0;
	}
	sign = s->p < s->end && *s->p == '-' ? -1 : 1;
	expect(s, '+', '-');
	h = digits(s, 2);
	expect(s, ':', ':');
	m = digits(s, 2);
	if (h > 23 || m > 59)
		s->bad = true;
	return sign * (h * 60 + m);
}

static bool date_ok(int y, int m, int d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

int utc_parse(const char *text, size_t len, int64_t *real_us)
{
	struct scan s = {text, text + len, false};
	int y, mo, d, h, mi, sec, us, off;

	y = digits(&s, 4);
	expect(&s, '-', '-');
	mo = digits(&s, 2);
	expect(&s, '-', '-');
	d = digits(&s, 2);
	expect(&s, 'T', 't');
	h = digits(&s, 2);
	expect(&s, ':', ':');
	mi = digits(&s, 2);
	expect(&s, ':', ':');
	sec = digits(&s, 2);
	us = fraction_us(&s);
	off = offset_min(&s);
	if (s.bad || s.p != s.end || !date_ok(y, mo, d) || h > 23 || mi > 59 || sec > 60) {
		errno = EINVAL;
		return -1;
	}
	*real_us =
	    (((days_from_civil(y, mo, d) * 24 + h) * 60 + mi - off) * 60 + sec) * 1000000 + us;
	return 0;
}
