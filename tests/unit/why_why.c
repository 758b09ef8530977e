#include "harness.h"
#include "setpoint/setpoint.h"
#include "why/why.h"

static struct why w;

static void take(const char *line)
{
	struct record r;
	struct err err;

	if (record_parse(line, strlen(line), &r, &err) < 0) {
		HARNESS_FAIL("%s: %s", line, err.msg);
		return;
	}
	why_take(&w, &r);
	record_release(&r);
}

static const char *tell(int evse)
{
	static struct buf out;

	buf_release(&out);
	buf_init(&out, 65536);
	return why_tell(&w, evse, &out) < 0 ? "" : buf_str(&out);
}

TEST(every_rule_has_words)
{
	for (enum setpoint_rule rule = 0; rule < SETPOINT_RULES; rule++) {
		char line[400];

		why_init(&w, INT64_MAX);
		snprintf(line, sizeof line,
			 "{\"t\":\"2026-11-22T10:00:00.000Z\",\"type\":\"setpoint\",\"src\":"
			 "\"setpoint.1\",\"n\":\"s.1\",\"evse\":1,\"enable\":true,\"import_max_a\":"
			 "8,\"because\":[{\"src\":\"xyz\",\"rule\":\"%s\",\"role\":\"winner\"}]}",
			 setpoint_rule_word(rule));
		take(line);
		if (strstr(tell(1), "because of xyz.") || !strstr(tell(1), "xyz"))
			HARNESS_FAIL("%s: %s", setpoint_rule_word(rule), tell(1));
		why_release(&w);
	}
}

TEST(what_came_later_does_not_count_and_what_was_withdrawn_is_gone)
{
	why_init(&w, 1795341600000000); /* 2026-11-22T10:00:00Z */
	take("{\"t\":\"2026-11-22T10:00:00.001Z\",\"type\":\"setpoint\",\"src\":\"setpoint.1\","
	     "\"evse\":1}");
	CHECK(!why_knows(&w, 1));
	CHECK_STR(tell(1), "");
	take("{\"t\":\"2026-11-22T09:00:00.000Z\",\"type\":\"setpoint\",\"src\":\"setpoint.1\","
	     "\"evse\":1}");
	CHECK(why_knows(&w, 1));
	CHECK(strstr(tell(1), "EVSE 1 may take nothing since 09:00:00.000, because of nobody."));
	take("{\"t\":\"2026-11-22T09:00:00.000Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"evse\":"
	     "1,\"state\":\"B1\"}");
	CHECK(strstr(tell(1), "The pilot is in B1 and signals no current."));
	take("{\"t\":\"2026-11-22T09:00:00.000Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"evse\":"
	     "1,\"gone\":true}");
	CHECK(!strstr(tell(1), "The pilot"));
	take("{\"t\":\"2026-11-22T09:00:00.000Z\",\"type\":\"pilot\",\"src\":\"pilot.99\",\"evse\":"
	     "99}");
	CHECK(!why_knows(&w, 99) && !why_knows(&w, 0));
	why_release(&w);
}
