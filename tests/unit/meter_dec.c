#include "harness.h"
#include "meter/dec.h"

#include <errno.h>

static const char *text(struct meter_dec d)
{
	static char buf[METER_DEC_MAX];

	return meter_dec_text(&d, buf, sizeof(buf));
}

static struct meter_dec parse(const char *s)
{
	struct meter_dec d = {1, 1, true};

	CHECK_INT(meter_dec_parse(s, &d), 0);
	return d;
}

TEST(text_places_the_point)
{
	CHECK_STR(text((struct meter_dec){0, 5, true}), "0");
	CHECK_STR(text((struct meter_dec){12345, 0, false}), "12345");
	CHECK_STR(text((struct meter_dec){12345, 3, false}), "12345000");
	CHECK_STR(text((struct meter_dec){12345, -2, true}), "-123.45");
	CHECK_STR(text((struct meter_dec){12345, -5, false}), "0.12345");
	CHECK_STR(text((struct meter_dec){12345, -7, false}), "0.0012345");
	CHECK_STR(text((struct meter_dec){12300, -2, false}), "123");
	CHECK_STR(text((struct meter_dec){12300, -1, false}), "1230");
	CHECK_STR(text((struct meter_dec){UINT64_MAX, 18, false}),
		  "18446744073709551615000000000000000000");
	CHECK_STR(text((struct meter_dec){1, -18, false}), "0.000000000000000001");
}

TEST(floats_are_the_shortest_text)
{
	struct meter_dec d;

	CHECK_INT(meter_dec_from_f32(230.1f, &d), 0);
	CHECK_STR(text(d), "230.1");
	CHECK_INT(meter_dec_from_f32(12345.67f, &d), 0);
	d.exp10 += 3;
	CHECK_STR(text(d), "12345670");
	CHECK_INT(meter_dec_from_f32(-0.001f, &d), 0);
	CHECK_STR(text(d), "-0.001");
	CHECK_INT(meter_dec_from_f32(16777216.0f, &d), 0);
	CHECK_STR(text(d), "16777216");
	CHECK_INT(meter_dec_from_f32(0.0f, &d), 0);
	CHECK_STR(text(d), "0");
	CHECK_INT(meter_dec_from_f64(123456789.125, &d), 0);
	CHECK_STR(text(d), "123456789.125");
	CHECK_INT(meter_dec_from_f64(0.1 + 0.2, &d), 0);
	CHECK_STR(text(d), "0.30000000000000004");
}

TEST(floats_that_are_no_number_are_refused)
{
	struct meter_dec d;

	CHECK_INT(meter_dec_from_f32(NAN, &d), -1);
	CHECK_INT(errno, EDOM);
	CHECK_INT(meter_dec_from_f32(-INFINITY, &d), -1);
	CHECK_INT(meter_dec_from_f32(3e38f, &d), -1);
	CHECK_INT(errno, ERANGE);
	CHECK_INT(meter_dec_from_f64(1e300, &d), -1);
}

TEST(each_f32_survives_text)
{
	unsigned seed = 7;

	for (int i = 0; i < 20000; i++) {
		float x;
		unsigned bits = seed = seed * 1664525u + 1013904223u;
		struct meter_dec d;

		memcpy(&x, &bits, sizeof(x));
		if (!isfinite(x) || fabsf(x) > 1e17f || fabsf(x) < 1e-8f)
			continue;
		REQUIRE(meter_dec_from_f32(x, &d) == 0);
		if (strtof(text(d), NULL) != x)
			HARNESS_FAIL("%.9g became %s", (double)x, text(d));
	}
}

TEST(parse_is_strict)
{
	struct meter_dec d;
	static const char *const bad[] = {"",   "-",  ".",   ".5",  "5.",   "1e3",
					  " 1", "1 ", "0x1", "--1", "1.2.3"};

	CHECK_STR(text(parse("-12.50")), "-12.5");
	CHECK_STR(text(parse("0012")), "12");
	CHECK_STR(text(parse("-0.0")), "0");
	CHECK_STR(text(parse("9999999999999999999")), "9999999999999999999");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (meter_dec_parse(bad[i], &d) != -1)
			HARNESS_FAIL("accepted \"%s\"", bad[i]);
	CHECK_INT(meter_dec_parse("12345678901234567890", &d), -1);
	CHECK_INT(errno, ERANGE);
}

TEST(order_is_exact)
{
	static const char *const up[] = {"-10",
					 "-9.99",
					 "-0.1",
					 "0",
					 "0.05",
					 "0.1",
					 "0.11",
					 "9",
					 "10.5",
					 "10.51",
					 "9007199254740992",
					 "9007199254740993"};

	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		for (size_t j = 0; j < sizeof(up) / sizeof(up[0]); j++) {
			struct meter_dec a = parse(up[i]), b = parse(up[j]);
			int order = meter_dec_cmp(&a, &b);

			if ((order > 0) != (i > j) || (order < 0) != (i < j))
				HARNESS_FAIL("%s against %s: %d", up[i], up[j], order);
		}
	}
	CHECK(meter_dec_cmp(&(struct meter_dec){1, 3, false},
			    &(struct meter_dec){1000, 0, false}) == 0);
	CHECK_NUM(meter_dec_num(&(struct meter_dec){2301, -1, true}), -230.1, 0);
}
