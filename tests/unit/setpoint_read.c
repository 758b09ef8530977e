/* Limits, pilots and sources as records give them: what is taken, and what is refused with a word
 * on why. */
#include "harness.h"

#include "setpoint/read.h"

static struct record record(const char *type, const char *members)
{
	char line[1024];
	struct err err = {""};
	struct record r;

	snprintf(
	    line, sizeof line,
	    "{\"t\":\"2026-11-22T10:00:00Z\",\"type\":\"%s\",\"src\":\"ocpp.tx.1\",\"n\":\"a.1\","
	    "\"m\":1,\"evse\":2%s}",
	    type, members);
	if (record_parse(line, strlen(line), &r, &err) < 0)
		abort();
	return r;
}

TEST(limits_refused)
{
	static const struct {
		const char *members, *says;
	} row[] = {
	    {",\"scope\":\"house\",\"valid_s\":60",
	     "scope: expected connector, evse, station or pcc"},
	    {",\"valid_s\":60", "scope: expected connector, evse, station or pcc"},
	    {",\"scope\":\"evse\"", "valid_s: expected a number of seconds"},
	    {",\"scope\":\"evse\",\"valid_s\":0", "valid_s: expected a number from 0.001"},
	    {",\"scope\":\"evse\",\"valid_s\":\"60\"", "valid_s"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"import_max_a\":-1",
	     "import_max_a: expected a number from 0"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"import_max_a\":\"8\"", "import_max_a"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"import_max_a\":[8,8]", "import_max_a"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"import_max_a\":[8,8,null]", "import_max_a"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"export_max_w\":1e300", "export_max_w"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"phases\":4", "phases"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"schedule\":{}", "schedule: expected an array"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"schedule\":[{\"import_max_a\":8},7]",
	     "schedule[1]: expected an object"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"schedule\":[{\"at\":\"soon\"}]",
	     "schedule[0]: at"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"must\":\"phases\"",
	     "must: expected an array of names"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"must\":[\"phases\",\"magic\"]",
	     "must: 'magic' is not carried out here"},
	    {",\"scope\":\"evse\",\"valid_s\":60,\"must\":[7]",
	     "must: '(no name)' is not carried out here"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct record r = record("limit", row[i].members);
		struct lease_limit l;
		struct err err = {""};

		CHECK_INT(setpoint_read_limit(&r, &l, &err), -1);
		if (strncmp(err.msg, row[i].says, strlen(row[i].says)) != 0)
			HARNESS_FAIL("%s: said '%s', expected '%s'", row[i].members, err.msg,
				     row[i].says);
		CHECK(l.entries == NULL);
		CHECK_STR(l.src, "ocpp.tx.1"); /* who was refused is known: its fail-safe holds */
		CHECK_INT(l.evse, 2);
		record_release(&r);
	}
}

TEST(limits_taken)
{
	struct record r =
	    record("limit", ",\"scope\":\"station\",\"valid_s\":0.5,\"must\":[\"schedule\"],"
			    "\"schedule\":[{\"import_max_a\":[8,9,10.5]},"
			    "{\"at\":\"2026-11-22T10:00:01.5Z\",\"import_max_w\":4000,"
			    "\"setpoint_a\":-6,\"phases\":1}]");
	struct lease_limit l;
	struct err err = {""};

	REQUIRE(setpoint_read_limit(&r, &l, &err) == 0);
	CHECK_INT(l.scope, LEASE_STATION);
	CHECK_INT(l.valid_ms, 500);
	REQUIRE(l.count == 2);
	CHECK(l.entries[0].at_ms == INT64_MIN);
	CHECK(l.entries[0].import_max_a.set && !l.entries[0].import_max_a.total);
	CHECK_NUM(l.entries[0].import_max_a.v[2], 10.5, 0);
	CHECK(!l.entries[0].export_max_a.set);
	CHECK_INT(l.entries[1].at_ms, r.t_us / 1000 + 1500);
	CHECK(l.entries[1].import_max_w.total);
	CHECK_NUM(l.entries[1].setpoint_a.v[1], -6, 0);
	CHECK_INT(l.entries[1].phases, 1);
	free(l.entries);
	record_release(&r);

	r = record("limit", ",\"scope\":\"evse\",\"valid_s\":60,\"import_max_a\":0");
	REQUIRE(setpoint_read_limit(&r, &l, &err) == 0);
	REQUIRE(l.count == 1);
	CHECK(l.entries[0].import_max_a.set); /* zero is a limit, not none */
	free(l.entries);
	record_release(&r);
}

TEST(the_evse_of_a_record)
{
	static const struct {
		const char *src;
		int evse;
	} cases[] = {{"meter", 1},     {"meter.3", 3},  {"meter.solar", 0},
		     {"meter.2x", 0},  {"meter.", 0},   {"meter.house", 0},
		     {"pilot.64", 64}, {"pilot.65", 0}, {"pilot.-1", 0}};
	struct record r = {.body = jv_invalid()};
	char line[200];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int len = snprintf(line, sizeof line,
				   "{\"t\":\"2026-11-22T10:00:00Z\",\"type\":\"meter\","
				   "\"src\":\"%s\"}",
				   cases[i].src);

		REQUIRE(record_parse(line, (size_t)len, &r, NULL) == 0);
		CHECK_INT(setpoint_read_evse(&r), cases[i].evse);
		record_release(&r);
	}
}

TEST(pilots_and_sessions_refused)
{
	static const char *const pilot[] = {",\"state\":\"G\"",
					    ",\"state\":7",
					    "",
					    ",\"state\":\"C2\",\"cable_a\":-1",
					    ",\"state\":\"C2\",\"limit_a\":\"6\"",
					    ",\"state\":\"C2\",\"step_a\":0",
					    ",\"state\":\"C2\",\"phases\":0"};
	struct setpoint_session s;
	struct setpoint_pilot p;
	struct err err;
	struct record r;

	for (size_t i = 0; i < sizeof pilot / sizeof *pilot; i++) {
		r = record("pilot", pilot[i]);
		err.msg[0] = '\0';
		CHECK_INT(setpoint_read_pilot(&r, &p, &err), -1);
		CHECK(err.msg[0]);
		record_release(&r);
	}
	r = record("session", ",\"allow\":true");
	CHECK_INT(setpoint_read_session(&r, &s, &err), -1);
	record_release(&r);
	r = record("session", ",\"state\":\"ended\",\"allow\":true");
	CHECK_INT(setpoint_read_session(&r, &s, &err), 0);
	CHECK(s.ended && !s.allow); /* what ended allows nothing, whatever it says */
	record_release(&r);
}

TEST(sources_of_the_configuration)
{
	static const struct {
		const char *text, *says;
	} row[] = {
	    {"7", "expected an object"},
	    {"{}", "src: expected a name"},
	    {"{\"src\":\"\"}", "src: expected a name"},
	    {"{\"src\":\"x\",\"vaild_s\":1}", "unknown key 'vaild_s'"},
	    {"{\"src\":\"x\",\"rank\":\"king\"}", "rank: expected "},
	    {"{\"src\":\"x\",\"scopes\":[\"house\"]}", "scopes: expected connector"},
	    {"{\"src\":\"x\",\"scopes\":[]}", "scopes: expected at least one"},
	};
	struct lease_source s;
	struct err err = {""};
	jv v;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		REQUIRE(json_parse(row[i].text, strlen(row[i].text), &v, &err) == 0);
		CHECK_INT(setpoint_read_source(v, &s, &err), -1);
		if (strncmp(err.msg, row[i].says, strlen(row[i].says)) != 0)
			HARNESS_FAIL("%s: said '%s'", row[i].text, err.msg);
		json_free(v);
	}
	REQUIRE(json_parse("{\"src\":\"hems.*\"}", 16, &v, &err) == 0);
	CHECK_INT(setpoint_read_source(v, &s, &err), 0);
	CHECK_INT(s.rank, LEASE_SITE);
	CHECK_INT(s.scopes, 0xf);
	json_free(v);
}
