/* buf, jw, utc, cli numbers and near misses. */
#include "harness.h"

#include "core/buf.h"
#include "core/cli.h"
#include "core/jw.h"
#include "core/utc.h"

TEST(buf_keeps_its_maximum)
{
	struct buf b;

	buf_init(&b, 8);
	CHECK_INT(buf_adds(&b, "1234567"), 0);
	CHECK_INT(buf_adds(&b, "89"), -1);
	CHECK(buf_failed(&b));
	CHECK_STR(buf_str(&b), "1234567");
	buf_reset(&b);
	CHECK_INT(buf_addf(&b, "%d-%s", 42, "x"), 0);
	CHECK_STR(buf_str(&b), "42-x");
	buf_drop(&b, 3);
	CHECK_STR(buf_str(&b), "x");
	buf_release(&b);
}

TEST(jw_writes_members_in_order)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 1000);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "a",
		"x\"\\\n\x01\xff"
		"é");
	jw_kint(&w, "i", -5);
	jw_knum3(&w, "v", (double[]){230.04, NAN, -0.5}, 1);
	jw_karr(&w, "e");
	jw_end(&w);
	jw_kobj(&w, "o");
	jw_kbool(&w, "t", true);
	jw_knull(&w, "n");
	jw_end(&w);
	jw_end(&w);
	CHECK(!jw_failed(&w));
	CHECK_STR(buf_str(&b), "{\"a\":\"x\\\"\\\\\\n\\u0001\xef\xbf\xbd"
			       "é\",\"i\":-5,\"v\":[230,null,-0.5],"
			       "\"e\":[],\"o\":{\"t\":true,\"n\":null}}");
	buf_release(&b);
}

static const char *num(double v, int decimals)
{
	static struct buf b;
	struct jw w;

	if (!b.max)
		buf_init(&b, 100);
	buf_reset(&b);
	jw_init(&w, &b);
	jw_num(&w, v, decimals);
	return buf_str(&b);
}

TEST(jw_numbers)
{
	CHECK_STR(num(26.67, 2), "26.67");
	CHECK_STR(num(16.0, 2), "16");
	CHECK_STR(num(0.1 + 0.2, 3), "0.3");
	CHECK_STR(num(-0.04, 1), "0");
	CHECK_STR(num(-0.05, 1), "-0.1");
	CHECK_STR(num(1234567890123.0, 3), "1234567890123");
	CHECK_STR(num(INFINITY, 3), "null");
	CHECK_STR(num(10.05, 9), "10.05");
	CHECK_STR(num(0.001, 3), "0.001");
}

TEST(jw_refuses_nonsense)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 100);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_int(&w, 1);
	CHECK(jw_failed(&w));
	jw_init(&w, &b);
	jw_end(&w);
	CHECK(jw_failed(&w));
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "k");
	jw_end(&w);
	CHECK(jw_failed(&w));
	buf_release(&b);
}

TEST(utc_both_ways)
{
	static const char *const good[] = {"1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z",
					   "2026-11-22T10:00:00.123Z", "9999-12-31T23:59:59.000Z"};
	char text[UTC_LEN + 1];
	int64_t us;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK_INT(utc_parse(good[i], strlen(good[i]), &us), 0);
		utc_format(us, text);
		CHECK_STR(text, good[i]);
	}
	CHECK_INT(utc_parse("2026-11-22T12:00:00+02:00", 25, &us), 0);
	utc_format(us, text);
	CHECK_STR(text, "2026-11-22T10:00:00.000Z");
	CHECK_INT(utc_parse("2026-06-30T23:59:60Z", 20, &us), 0);
	utc_format(us, text);
	CHECK_STR(text, "2026-07-01T00:00:00.000Z");
	CHECK_INT(utc_parse("2026-11-22T10:00:00.123456789Z", 30, &us), 0);
	CHECK_INT(us % 1000000, 123456);
}

TEST(utc_refuses)
{
	static const char *const bad[] = {"",
					  "2026-11-22",
					  "2026-13-01T00:00:00Z",
					  "2026-02-29T00:00:00Z",
					  "2026-11-22T24:00:00Z",
					  "2026-11-22T10:00:00",
					  "2026-11-22T10:00:00.Z",
					  "2026-11-22T10:00:00Zx",
					  "2026-11-22 10:00:00Z",
					  "2026-11-22T10:00:00+25:00"};
	int64_t us = 7;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (utc_parse(bad[i], strlen(bad[i]), &us) == 0)
			HARNESS_FAIL("accepted: %s", bad[i]);
	CHECK_INT(us, 7);
}

TEST(cli_numbers)
{
	struct err err;
	double v;

	CHECK_INT(cli_number("16.5", 0, 80, &v, &err), 0);
	CHECK_NUM(v, 16.5, 0);
	CHECK_INT(cli_number("81", 0, 80, &v, &err), -1);
	CHECK_STR(err.msg, "expected a number from 0 to 80, got '81'");
	CHECK_INT(cli_number("nan", 0, 80, &v, &err), -1);
	CHECK_INT(cli_number("1x", 0, 80, &v, &err), -1);
	CHECK_INT(cli_number("", 0, 80, &v, &err), -1);
	CHECK_INT(cli_number(" 1", 0, 80, &v, &err), -1);
}

TEST(cli_near_misses)
{
	static const char *const names[] = {"interval", "model", "device"};

	CHECK_STR(cli_nearest("intervall", names, 3), "interval");
	CHECK_STR(cli_nearest("devcie", names, 3), "device");
	CHECK(cli_nearest("ceiling", names, 3) == NULL);
}
