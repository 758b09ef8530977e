#include "harness.h"

#include "clocks/when.h"
#include "core/utc.h"

static const char *read_time(const char *text)
{
	static char out[UTC_LEN + 1];
	int64_t us;

	if (when_parse(text, &us) < 0)
		return "none";
	utc_format(us, out);
	return out;
}

TEST(the_end_of_a_time_may_be_missing)
{
	CHECK_STR(read_time("2026-11-22"), "2026-11-22T00:00:00.000Z");
	CHECK_STR(read_time("2026-11-22T10:30"), "2026-11-22T10:30:00.000Z");
	CHECK_STR(read_time("2026-11-22T10:30Z"), "2026-11-22T10:30:00.000Z");
	CHECK_STR(read_time("2026-11-22T10:30+01:00"), "2026-11-22T09:30:00.000Z");
	CHECK_STR(read_time("2026-11-22 10:30:15"), "2026-11-22T10:30:15.000Z");
	CHECK_STR(read_time("2026-11-22T10:30:15.25-00:30"), "2026-11-22T11:00:15.250Z");
	CHECK_STR(read_time("2026-11-22t10:30:15z"), "2026-11-22T10:30:15.000Z");
}

TEST(what_is_no_time_is_refused)
{
	static const char *const bad[] = {
	    "",
	    "2026",
	    "2026-11",
	    "2026-11-22T",
	    "2026-11-22Z",
	    "2026-11-22T10",
	    "2026-11-22T10:3",
	    "2026-13-22",
	    "2026-11-31",
	    "2026-11-22T24:00",
	    "2026-11-22T10:30:1",
	    "yesterday",
	    "1795341602",
	    "10:30",
	    "2026-11-22T10:30:15.",
	    "2026-11-22T10:30:15Zx",
	    "2026-11-22+01:00",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_STR(read_time(bad[i]), "none");
}
