/* A tool's variables: which there are, what a set may, what is stored and loaded, what is shown. */
#include "harness.h"

#include "core/vars.h"

static struct {
	bool fast, managed;
	const char *name, *key, *dir, *host;
	int64_t count, seconds;
	double amps, free_amps, delay;
	int mode, net;
	struct cli_list sources;
	jv limits;
} o;

static const struct cli_opt own[] = {
    {'f', "fast", NULL, NULL, "", CLI_FLAG, &o.fast, 0, 0, false, CLI_SET},
    {0, "managed", NULL, NULL, "", CLI_FLAG, &o.managed, 0, 0, false, false},
    {0, "name", "NAME", NULL, "", CLI_STR, &o.name, 0, 0, false, false},
    {0, "key", "FILE", "@file", "", CLI_STR, &o.key, 0, 0, false, false},
    {0, "dir", "DIR", "@dir", "", CLI_STR, &o.dir, 0, 0, false, false},
    {0, "host", "HOST", NULL, "", CLI_STR, &o.host, 0, 0, false, CLI_HIDE},
    {0, "count", "N", NULL, "", CLI_INT, &o.count, 1, 10, false, CLI_SET},
    {0, "seconds", "S", NULL, "", CLI_INT, &o.seconds, 0, 60, false, CLI_SET | CLI_BOOT},
    {0, "amps", "A", NULL, "", CLI_NUM, &o.amps, 6, 80, false, CLI_SET | CLI_LOWER},
    {0, "free-amps", "A", NULL, "", CLI_NUM, &o.free_amps, 0, 80, false, CLI_SET | CLI_LOWER},
    {0, "delay", "S", NULL, "", CLI_NUM, &o.delay, 0, 900, false, CLI_SET | CLI_RAISE},
    {0, "mode", "WORD", "auto|on|off", "", CLI_WORD, &o.mode, 0, 0, false, CLI_SET | CLI_BOOT},
    {0, "net", "WORD", "tn|tt", "", CLI_WORD, &o.net, 0, 0, false, false},
    {0, "source", "SRC", NULL, "", CLI_LIST, &o.sources, 0, 0, false, false},
    {0, "limits", "JSON", NULL, "", CLI_JSON, &o.limits, 0, 0, false, false},
    {0, "secret", NULL, NULL, "", CLI_FLAG, &o.fast, 0, 0, true, false},
    {0, "help", NULL, NULL, "", CLI_FLAG, &o.fast, 0, 0, false, true},
    {0},
};

static const char *origin[32];
static struct cli cli = {.tool = "evse-unit", .own = own, .origin = origin};
static struct vars v;
static struct buf text;
static struct err err;

static void fresh(void)
{
	memset(&o, 0, sizeof o);
	memset(origin, 0, sizeof origin);
	o.limits = jv_invalid();
	o.name = "one";
	o.count = 3;
	o.seconds = 5;
	o.amps = 32;
	o.free_amps = HUGE_VAL;
	o.delay = 10;
	o.sources.item[o.sources.count++] = "ocpp.*";
	origin[8] = "command line";
	buf_init(&text, 32 << 10);
	err.msg[0] = '\0';
	vars_init(&v, &cli);
}

static void done(void)
{
	buf_release(&text);
}

static int plan(const char *json, struct vars_change *change)
{
	jv values;
	int rc;

	CHECK_INT(json_parse(json, strlen(json), &values, &err), 0);
	rc = vars_plan(&v, values, change, &err);
	json_free(values);
	return rc;
}

static const char *stored(const struct vars_change *change)
{
	buf_reset(&text);
	vars_text(&v, change, &text);
	return buf_str(&text);
}

static const char *shown(const char *name)
{
	static char out[400];
	struct jw w;
	jv all;
	struct buf b;

	buf_reset(&text);
	jw_init(&w, &text);
	jw_obj(&w);
	vars_write(&v, &w);
	jw_end(&w);
	CHECK(!jw_failed(&w));
	CHECK_INT(json_parse(buf_str(&text), text.len, &all, &err), 0);
	buf_init(&b, sizeof out - 1);
	if (json_absent(json_get(json_get(all, "vars"), name)))
		buf_adds(&b, "none");
	else
		json_print(json_get(json_get(all, "vars"), name), &b);
	snprintf(out, sizeof out, "%s", buf_str(&b));
	buf_release(&b);
	json_free(all);
	return out;
}

TEST(paths_secrets_and_what_only_the_line_has_are_no_variables)
{
	fresh();
	CHECK_STR(shown("key"), "none");
	CHECK_STR(shown("dir"), "none");
	CHECK_STR(shown("host"), "none");
	CHECK_STR(shown("secret"), "none");
	CHECK_STR(shown("help"), "none");
	CHECK_INT(v.count, 12);
	done();
}

TEST(each_kind_is_shown_with_its_range_unit_and_origin)
{
	fresh();
	CHECK_STR(shown("fast"), "{\"value\":false,\"from\":\"default\",\"settable\":true}");
	CHECK_STR(shown("name"), "{\"value\":\"one\",\"from\":\"default\",\"settable\":false}");
	CHECK_STR(shown("amps"), "{\"value\":32,\"unit\":\"A\",\"min\":6,\"max\":32,\"from\":"
				 "\"command line\",\"settable\":true}");
	CHECK_STR(shown("free-amps"), "{\"value\":null,\"unit\":\"A\",\"min\":0,\"max\":80,"
				      "\"from\":\"default\",\"settable\":true}");
	CHECK_STR(shown("delay"), "{\"value\":10,\"unit\":\"s\",\"min\":10,\"max\":900,\"from\":"
				  "\"default\",\"settable\":true}");
	CHECK_STR(shown("mode"), "{\"value\":\"auto\",\"words\":[\"auto\",\"on\",\"off\"],"
				 "\"from\":\"default\",\"settable\":true,\"restart\":true}");
	CHECK_STR(shown("source"),
		  "{\"value\":[\"ocpp.*\"],\"from\":\"default\",\"settable\":false}");
	CHECK_STR(shown("limits"), "{\"value\":null,\"from\":\"default\",\"settable\":false}");
	origin[0] = "/etc/evse/evse.json";
	CHECK_STR(shown("fast"), "{\"value\":false,\"from\":\"file\",\"settable\":true}");
	done();
}

TEST(a_set_is_checked_whole_and_changes_nothing_by_itself)
{
	static const char *const wrong[][2] = {
	    {"[]", "values: expected an object of names and values"},
	    {"{}", "values: expected an object of names and values"},
	    {"{\"fast\":1}", "fast: expected true or false, got '1'"},
	    {"{\"fast\":\"yes\"}", "fast: expected true or false, got 'yes'"},
	    {"{\"count\":2.5}", "count: expected a whole number, got '2.5'"},
	    {"{\"count\":11}", "count: expected a number from 1 to 10, got '11'"},
	    {"{\"count\":true}", "count: expected a number from 1 to 10, got 'true'"},
	    {"{\"count\":{\"a\":1}}", "count: expected a number from 1 to 10, got '{\"a\":1}'"},
	    {"{\"amps\":32.5}", "amps: expected at most 32, as the command line gives, got '32.5'"},
	    {"{\"amps\":5}", "amps: expected a number from 6 to 80, got '5'"},
	    {"{\"amps\":\" 7\"}", "amps: expected a number from 6 to 80, got ' 7'"},
	    {"{\"amps\":\"\"}", "amps: expected a number from 6 to 80, got ''"},
	    {"{\"delay\":9}",
	     "delay: expected at least 10, as the built-in default gives, got '9'"},
	    {"{\"mode\":\"auto|on\"}", "mode: expected one of auto|on|off, got 'auto|on'"},
	    {"{\"mode\":0}", "mode: expected one of auto|on|off, got '0'"},
	    {"{\"name\":\"two\"}", "name: can be read, not set"},
	    {"{\"managed\":null}", "managed: can be read, not set"},
	    {"{\"certificate\":\"x\"}", "unknown variable \"certificate\""},
	    {"{\"count\":2,\"ampz\":7}", "unknown variable \"ampz\"; did you mean \"amps\"?"},
	};
	struct vars_change change;

	fresh();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		CHECK_INT(plan(wrong[i][0], &change), -1);
		CHECK_STR(err.msg, wrong[i][1]);
	}
	CHECK_INT(plan("{\"count\":2,\"amps\":\"16\",\"fast\":\"true\"}", &change), 0);
	CHECK_INT(o.count, 3);
	CHECK_NUM(o.amps, 32, 0);
	CHECK_STR(stored(NULL), "{}");
	CHECK_STR(stored(&change), "{\"fast\":true,\"count\":2,\"amps\":16}");
	done();
}

TEST(a_change_holds_at_once_or_waits_and_is_taken_back_with_null)
{
	struct vars_change change;

	fresh();
	CHECK_INT(plan("{\"count\":2,\"seconds\":9,\"mode\":\"off\"}", &change), 0);
	CHECK(vars_at_boot(&v, &change));
	CHECK(vars_apply(&v, &change));
	CHECK_INT(o.count, 2);
	CHECK_INT(o.seconds, 5);
	CHECK_INT(o.mode, 0);
	CHECK_STR(origin[6], "set");
	CHECK_STR(stored(NULL), "{\"count\":2,\"seconds\":9,\"mode\":\"off\"}");
	CHECK(strstr(shown("mode"), "\"next\":\"off\""));
	/* what is already so needs no restart; what is taken back does not wait */
	CHECK_INT(plan("{\"seconds\":5,\"mode\":null}", &change), 0);
	CHECK(!vars_at_boot(&v, &change));
	CHECK(!vars_apply(&v, &change));
	CHECK(!strstr(shown("mode"), "next"));
	CHECK_INT(plan("{\"count\":null}", &change), 0);
	CHECK(vars_apply(&v, &change));
	CHECK_INT(o.count, 3);
	CHECK(!origin[6]);
	CHECK_STR(stored(NULL), "{\"seconds\":5}");
	done();
}

TEST(lowering_is_against_what_the_installer_gave_not_against_the_last_set)
{
	struct vars_change change;

	fresh();
	CHECK_INT(plan("{\"amps\":10,\"free-amps\":63}", &change), 0);
	CHECK(vars_apply(&v, &change));
	CHECK_INT(plan("{\"amps\":20,\"free-amps\":70}", &change), 0);
	CHECK(vars_apply(&v, &change));
	CHECK_NUM(o.amps, 20, 0);
	CHECK_INT(plan("{\"amps\":null,\"free-amps\":null}", &change), 0);
	CHECK(vars_apply(&v, &change));
	CHECK_NUM(o.amps, 32, 0);
	CHECK(isinf(o.free_amps));
	done();
}

TEST(what_was_stored_is_loaded_and_the_rest_left_out)
{
	static const char kept[] =
	    "{\"amps\":16.1,\"mode\":\"on\",\"delay\":1,\"gone\":2,\"count\":[]}";
	struct buf say, refused;

	fresh();
	buf_init(&say, 1000);
	buf_init(&refused, 1000);
	CHECK_INT(vars_load(&v, kept, strlen(kept), &say, &refused, &err), 2);
	CHECK_STR(buf_str(&say),
		  "amps 16.1 for 32 (command line), mode \"on\" for \"auto\" (default)");
	CHECK_STR(buf_str(&refused),
		  "delay: expected at least 10, as the built-in default gives, got '1'; gone: no "
		  "such variable; count: expected a number from 1 to 10, got '[]'");
	CHECK_NUM(o.amps, 16.1, 0);
	CHECK_INT(o.mode, 1);
	CHECK_STR(stored(NULL), "{\"amps\":16.1,\"mode\":\"on\"}");
	CHECK(!strstr(shown("mode"), "next"));
	CHECK_INT(vars_load(&v, "[1]", 3, &say, &refused, &err), -1);
	CHECK_INT(vars_load(&v, "{\"amps\":", 8, &say, &refused, &err), -1);
	buf_release(&say);
	buf_release(&refused);
	done();
}

TEST(a_get_names_what_it_wants)
{
	jv names;
	struct jw w;

	fresh();
	REQUIRE(json_parse("[\"amps\",\"net\"]", 14, &names, &err) == 0);
	CHECK_INT(vars_known(&v, names, &err), 0);
	jw_init(&w, &text);
	jw_obj(&w);
	vars_values(&v, names, &w);
	jw_end(&w);
	CHECK_STR(buf_str(&text), "{\"values\":{\"amps\":32,\"net\":\"tn\"}}");
	json_free(names);
	REQUIRE(json_parse("[\"amps\",7]", 10, &names, &err) == 0);
	CHECK_INT(vars_known(&v, names, &err), -1);
	json_free(names);
	done();
}
