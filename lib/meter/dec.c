#include "meter/dec.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Take "d.ddde±xx" apart. */
static void from_scientific(const char *text, struct meter_dec *out)
{
	struct meter_dec d = {0};
	bool fraction = false;

	for (; *text && *text != 'e'; text++) {
		if (*text == '-')
			d.neg = true;
		else if (*text == '.')
			fraction = true;
		else {
			d.mant = d.mant * 10 + (uint64_t)(*text - '0');
			d.exp10 -= fraction;
		}
	}
	d.exp10 += (int)strtol(*text ? text + 1 : text, NULL, 10);
	while (d.mant && d.mant % 10 == 0) {
		d.mant /= 10;
		d.exp10++;
	}
	if (!d.mant)
		d = (struct meter_dec){0};
	*out = d;
}

static int in_range(double x)
{
	if (!isfinite(x)) {
		errno = EDOM;
		return -1;
	}
	if (fabs(x) >= 1e18) {
		errno = ERANGE;
		return -1;
	}
	return 0;
}

int meter_dec_from_f32(float x, struct meter_dec *out)
{
	char text[40];

	if (in_range((double)x))
		return -1;
	if (fabsf(x) < 1e-9f)
		x = 0;
	for (int digits = 5; digits < 9; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits, (double)x);
		if (strtof(text, NULL) == x)
			break;
	}
	from_scientific(text, out);
	return 0;
}

int meter_dec_from_f64(double x, struct meter_dec *out)
{
	char text[40];

	if (in_range(x))
		return -1;
	if (fabs(x) < 1e-9)
		x = 0;
	for (int digits = 14; digits < 17; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits, x);
		if (strtod(text, NULL) == x)
			break;
	}
	from_scientific(text, out);
	return 0;
}

int meter_dec_parse(const char *text, struct meter_dec *out)
{
	struct meter_dec d = {0};
	int digits = 0;
	bool fraction = false;

	d.neg = *text == '-';
	text += d.neg;
	for (; *text; text++) {
		if (*text == '.' && !fraction && digits) {
			fraction = true;
			continue;
		}
		if (*text < '0' || *text > '9') {
			errno = EINVAL;
			return -1;
		}
		if (++digits > 19) {
			errno = ERANGE;
			return -1;
		}
		d.mant = d.mant * 10 + (uint64_t)(*text - '0');
		d.exp10 -= fraction;
	}
	if (!digits || text[-1] == '.') {
		errno = EINVAL;
		return -1;
	}
	if (!d.mant)
		d.neg = false;
	*out = d;
	return 0;
}

const char *meter_dec_text(const struct meter_dec *d, char *buf, size_t size)
{
	static const char zeros[] = "000000000000000000000000000000000000";
	const char *sign = d->neg && d->mant ? "-" : "";
	char digits[24];
	int n, exp10 = d->mant ? d->exp10 : 0;

	n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)d->mant);
	while (n > 1 && exp10 < 0 && digits[n - 1] == '0') {
		digits[--n] = '\0';
		exp10++;
	}
	if (exp10 >= 0)
		snprintf(buf, size, "%s%s%.*s", sign, digits, exp10, zeros);
	else if (-exp10 < n)
		snprintf(buf, size, "%s%.*s.%s", sign, n + exp10, digits, digits + n + exp10);
	else
		snprintf(buf, size, "%s0.%.*s%s", sign, -exp10 - n, zeros, digits);
	return buf;
}

double meter_dec_num(const struct meter_dec *d)
{
	char text[METER_DEC_MAX];

	return strtod(meter_dec_text(d, text, sizeof(text)), NULL);
}

/* Compare two texts of values that are not negative. */
static int cmp_magnitude(const char *a, const char *b)
{
	size_t ia = strcspn(a, "."), ib = strcspn(b, ".");
	int order;

	if (ia != ib)
		return ia < ib ? -1 : 1;
	order = strncmp(a, b, ia);
	/* A shorter fraction is a prefix of the longer one: text order is right, NUL sorts first.
	 */
	return order ? order : strcmp(a + ia, b + ib);
}

int meter_dec_cmp(const struct meter_dec *a, const struct meter_dec *b)
{
	char ta[METER_DEC_MAX], tb[METER_DEC_MAX];
	bool na = a->neg && a->mant, nb = b->neg && b->mant;
	int order;

	if (na != nb)
		return na ? -1 : 1;
	meter_dec_text(a, ta, sizeof(ta));
	meter_dec_text(b, tb, sizeof(tb));
	order = cmp_magnitude(ta + na, tb + nb);
	return na ? -order : order;
}
