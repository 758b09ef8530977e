/* RAPI's lines: published vectors, and what is refused. */
#include "harness.h"
#include "pilot/drv/rapi_line.h"

TEST(published_checksums)
{
	static const char *const rows[][2] = {
	    {"GS", "$GS^30\r"},         {"GG", "$GG^24\r"}, {"GC", "$GC^20\r"},
	    {"GU", "$GU^36\r"},         {"GP", "$GP^33\r"}, {"GF", "$GF^25\r"},
	    {"GV", "$GV^35\r"},         {"G0", "$G0^53\r"}, {"SC 16 V", "$SC 16 V^65\r"},
	    {"SC 6 V", "$SC 6 V^54\r"}, {"FE", "$FE^27\r"}, {"FS", "$FS^31\r"},
	    {"FD", "$FD^26\r"},         {"SY", "$SY^2E\r"}, {"SY 5 6", "$SY 5 6^2D\r"},
	    {"SY 165", "$SY 165^3C\r"}, {"SB", "$SB^35\r"}};
	char out[RAPI_LINE_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_INT(rapi_format(out, rows[i][0], 0), strlen(rows[i][1]));
		CHECK_STR(out, rows[i][1]);
	}
	rapi_format(out, "GS", 0xA1);
	CHECK_STR(out, "$GS :A1^5A\r");
	CHECK_INT(rapi_format(out, "far too long for thirty-two bytes", 1), -1);
}

TEST(what_is_made_is_read)
{
	char out[RAPI_LINE_MAX];

	for (int id = 0; id < 256; id++) {
		struct rapi_line l;
		int n = rapi_format(out, "OK 12 -1", id);

		REQUIRE(rapi_parse(out, (size_t)n - 1, &l) == 0);
		CHECK_INT(l.kind, RAPI_OK);
		CHECK_INT(l.id, id);
		CHECK_INT(l.nargs, 2);
		CHECK_STR(l.arg[1], "-1");
	}
}

TEST(kinds)
{
	struct rapi_line l;

	CHECK(rapi_parse("$OK^20", 6, &l) == 0 && l.kind == RAPI_OK);
	CHECK(rapi_parse("$NK^21", 6, &l) == 0 && l.kind == RAPI_NK);
	CHECK_INT(l.nargs, 0);
}

TEST(spoilt_lines_are_refused)
{
	static const char *const bad[] = {"",         "$",        "$OK",     "$OK^21",  "$OK^2",
					  "$OK*20",   "OK^20",    "$OK^2G",  "$OKK^6B", "^20",
					  "$OK 1^20", "\r$OK^20", "$OK ^^20"};
	struct rapi_line l;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(rapi_parse(bad[i], strlen(bad[i]), &l), -1);
}

TEST(any_single_spoilt_byte_is_noticed)
{
	char out[RAPI_LINE_MAX];
	int n = rapi_format(out, "AT 03 03 16 0140", 0);
	struct rapi_line l;

	for (int i = 0; i < n - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			char copy[RAPI_LINE_MAX];

			memcpy(copy, out, sizeof copy);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			/* The digits of the checksum may change case. */
			if (rapi_parse(copy, (size_t)n - 1, &l) == 0)
				CHECK(i >= n - 3 && bit == 5);
		}
}

TEST(arguments)
{
	struct rapi_line l;
	char out[RAPI_LINE_MAX];
	long v = 7;
	int n = rapi_format(out, "OK fe 12x -3", 0);

	REQUIRE(rapi_parse(out, (size_t)n - 1, &l) == 0);
	CHECK(rapi_arg(&l, 0, 16, 0, 255, &v) && v == 0xfe);
	CHECK(!rapi_arg(&l, 0, 16, 0, 10, &v));
	CHECK(!rapi_arg(&l, 1, 10, 0, 255, &v));
	CHECK(rapi_arg(&l, 2, 10, -5, 5, &v) && v == -3);
	CHECK(!rapi_arg(&l, 3, 10, 0, 255, &v));
	CHECK_INT(v, -3);
}
