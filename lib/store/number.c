#include "store/number.h"

#include <string.h>

#include "core/utc.h"

static const int64_t tens[] = {1,      10,      100,      1000,      10000,
			       100000, 1000000, 10000000, 100000000, 1000000000};

bool number_decimal(const char *s, size_t len, int64_t *digits, unsigned *places)
{
	size_t i = 0, start, point = 0;
	int64_t v = 0;
	bool minus = len && s[0] == '-';

	if (len > 18)
		return false;
	i = start = minus;
	for (; i < len; i++) {
		if (s[i] == '.' && !point && i > start)
			point = i;
		else if (s[i] >= '0' && s[i] <= '9')
			v = v * 10 + (s[i] - '0');
		else
			return false;
	}
	if (i == start || (point && point == len - 1) || i - start - !!point > 15)
		return false;
	if (s[start] == '0' && len > start + 1 && s[start + 1] != '.')
		return false;
	if ((minus && !v) || (point && len - point - 1 > NUMBER_PLACES_MAX))
		return false;
	*digits = minus ? -v : v;
	*places = point ? (unsigned)(len - point - 1) : 0;
	return true;
}

static int two(const char *s)
{
	return s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9'
		   ? -1
		   : (s[0] - '0') * 10 + s[1] - '0';
}

bool number_time(const char *s, size_t len, int64_t *ms)
{
	static _Thread_local char day[10];
	static _Thread_local int64_t day_ms;
	char again[UTC_LEN + 1];
	int64_t us;
	int h, m, sec, cs, in_day_ms;

	if (len != UTC_LEN || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' ||
	    s[23] != 'Z')
		return false;
	if (memcmp(s, day, sizeof(day)) != 0) {
		if (utc_parse(s, len, &us) < 0)
			return false;
		utc_format(us, again);
		if (memcmp(again, s, UTC_LEN) != 0)
			return false;
		memcpy(day, s, sizeof(day));
		day_ms = us / 1000 - us / 1000 % 86400000;
	}
	h = two(s + 11);
	m = two(s + 14);
	sec = two(s + 17);
	cs = two(s + 20);
	if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 || cs < 0 || s[22] < '0' ||
	    s[22] > '9')
		return false;
	in_day_ms = (h * 3600 + m * 60 + sec) * 1000 + cs * 10 + (s[22] - '0');
	*ms = day_ms + in_day_ms;
	return true;
}

bool number_read(const struct number_style *st, const char *s, size_t len, int64_t *value)
{
	unsigned places, last;
	int64_t v;

	if (st->quoted) {
		if (len < 2 || s[0] != '"' || s[len - 1] != '"')
			return false;
		s++;
		len -= 2;
	}
	if (st->form == NUMBER_TIME)
		return number_time(s, len, value);
	if (!number_decimal(s, len, &v, &places) || places > st->places)
		return false;
	if (st->form == NUMBER_FIXED && places != st->places)
		return false;
	last = places ? (unsigned)(s[len - 1] - '0') : 1;
	if (st->form == NUMBER_SHORT && (places < st->least || (places > st->least && !last)))
		return false;
	*value = v * tens[st->places - places];
	return true;
}

static size_t write_time(int64_t ms, char *out)
{
	static _Thread_local char day[UTC_LEN + 1];
	static _Thread_local int64_t day_ms = INT64_MIN;
	int64_t in = ms % 86400000;
	int sec = (int)(in / 1000), thousandth = (int)(in % 1000);

	if (ms < 0 || ms > INT64_MAX / 1000) {
		utc_format(0, out);
		return UTC_LEN;
	}
	if (ms - in != day_ms) {
		day_ms = ms - in;
		utc_format(day_ms * 1000, day);
	}
	memcpy(out, day, UTC_LEN);
	out[11] = (char)('0' + sec / 36000);
	out[12] = (char)('0' + sec / 3600 % 10);
	out[14] = (char)('0' + sec / 600 % 6);
	out[15] = (char)('0' + sec / 60 % 10);
	out[17] = (char)('0' + sec / 10 % 6);
	out[18] = (char)('0' + sec % 10);
	out[20] = (char)('0' + thousandth / 100);
	out[21] = (char)('0' + thousandth / 10 % 10);
	out[22] = (char)('0' + thousandth % 10);
	return UTC_LEN;
}

static size_t write_decimal(const struct number_style *st, int64_t value, char *out)
{
	uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	unsigned places = st->places, keep = st->form == NUMBER_SHORT ? st->least : places;
	char rev[24];
	size_t n = 0, len = 0;

	while (places > keep && u % 10 == 0) {
		u /= 10;
		places--;
	}
	for (unsigned i = 0; u || i <= places; i++) {
		if (i == places && places)
			rev[n++] = '.';
		rev[n++] = (char)('0' + u % 10);
		u /= 10;
	}
	if (value < 0)
		out[len++] = '-';
	while (n)
		out[len++] = rev[--n];
	return len;
}

size_t number_write(const struct number_style *st, int64_t value, char out[NUMBER_TEXT_MAX])
{
	size_t len = 0;

	if (st->quoted)
		out[len++] = '"';
	len += st->form == NUMBER_TIME ? write_time(value, out + len)
				       : write_decimal(st, value, out + len);
	if (st->quoted)
		out[len++] = '"';
	return len;
}
