#include "harness.h"
#include "meter/model_file.h"

#include <dirent.h>
#include <errno.h>

#define HEAD "{\"format\":1,\"name\":\"x\",\"vendor\":\"V\",\"product\":\"P\","

static struct meter_model m;
static struct err err;

static int parse(const char *text)
{
	err.msg[0] = '\0';
	return meter_model_parse(text, strlen(text), &m, &err);
}

static void refuse(const char *text, const char *why)
{
	if (parse(text) != -1)
		HARNESS_FAIL("accepted %s", text);
	else if (!strstr(err.msg, why))
		HARNESS_FAIL("\"%s\" does not say \"%s\"", err.msg, why);
}

TEST(defaults)
{
	REQUIRE(parse(HEAD "\"registers\":[{\"q\":\"voltage\",\"ph\":\"l2\",\"fc\":4,\"addr\":2,"
			   "\"type\":\"f32\"}]}") == 0);
	CHECK_INT(m.phases, 3);
	CHECK_INT(m.unit, 1);
	CHECK_INT(m.baud, 9600);
	CHECK_INT(m.parity, 'N');
	CHECK_INT(m.limits.max_registers, 125);
	CHECK_INT(m.n, 1);
	CHECK_INT(m.reg[0].at.count, 2);
	CHECK_INT(m.reg[0].scale_addr, -1);
	CHECK(!m.generator && !m.little);
}

TEST(everything_that_a_file_may_say)
{
	REQUIRE(
	    parse(HEAD
		  "\"phases\":1,\"unit\":33,\"line\":\"19200,8E2\",\"max_registers\":50,"
		  "\"alignment\":2,"
		  "\"max_gap\":4,\"min_gap_ms\":500,\"refresh_ms\":1000,\"word_order\":\"little\","
		  "\"sign\":\"generator\",\"invalid\":[\"min\",\"ones\"],\"sunspec\":[203,201],"
		  "\"aliases\":[],\"mid\":\"class B\",\"notes\":[\"n\"],\"registers\":["
		  "{\"q\":\"energy_import\",\"fc\":3,\"addr\":46,\"type\":\"acc32\",\"mul\":0.01,"
		  "\"scale\":{\"addr\":54,\"offset\":-3}},"
		  "{\"q\":\"serial\",\"fc\":3,\"addr\":9,\"type\":\"str\",\"len\":4}]}") == 0);
	CHECK_INT(m.unit, 33);
	CHECK_INT(m.baud, 19200);
	CHECK_INT(m.parity, 'E');
	CHECK_INT(m.stop, 2);
	CHECK_INT(m.min_gap_ms, 500);
	CHECK_INT(m.n_sunspec, 2);
	CHECK_INT(m.sunspec[1], 201);
	CHECK(m.generator && m.little);
	CHECK_INT(m.reg[0].exp10, -2);
	CHECK_INT(m.reg[0].scale_addr, 54);
	CHECK_INT(m.reg[0].scale_offset, -3);
	CHECK_INT((int)m.reg[0].layout.invalid, METER_INVALID_MIN | METER_INVALID_ONES);
	CHECK_INT(m.reg[1].at.count, 4);
}

#define REG(text) HEAD "\"registers\":[" text "]}"

TEST(refusals_say_what_and_where)
{
	refuse("[]", "object");
	refuse("{", "");
	refuse("{\"format\":2}", "format");
	refuse("{\"format\":1,\"name\":\"x\",\"vendor\":\"V\"}", "product: missing");
	refuse(HEAD "\"registers\":[]}", "registers");
	refuse(HEAD "\"register\":[]}", "register: no such member");
	refuse(REG("7"), "registers[0]");
	refuse(REG("{\"q\":\"volts\",\"fc\":4,\"addr\":2,\"type\":\"f32\"}"), "volts");
	refuse(REG("{\"q\":\"voltage\",\"fc\":4,\"addr\":2,\"type\":\"float\"}"), "float");
	refuse(REG("{\"q\":\"voltage\",\"fc\":5,\"addr\":2,\"type\":\"f32\"}"), "fc");
	refuse(REG("{\"q\":\"voltage\",\"addr\":2,\"type\":\"f32\"}"), "fc: missing");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"type\":\"f32\"}"), "addr: missing");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":70000,\"type\":\"f32\"}"), "addr");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\",\"len\":3}"), "len");
	refuse(REG("{\"q\":\"serial\",\"fc\":3,\"addr\":2,\"type\":\"str\"}"), "len: missing");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\",\"mul\":0.3}"),
	       "power of ten");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\",\"mul\":0}"), "mul");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\",\"scale\":{}}"),
	       "scale.addr");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\",\"scale\":7}"),
	       "scale");
	refuse(REG("{\"q\":\"voltage\",\"ph\":\"n\",\"fc\":3,\"addr\":2,\"type\":\"f32\"}"), "ph");
	refuse(REG("{\"q\":\"voltage\",\"fc\":3,\"addr\":2,\"type\":\"f32\"},"
		   "{\"q\":\"voltage\",\"fc\":3,\"addr\":8,\"type\":\"f32\"}"),
	       "twice");
	refuse(REG("{\"q\":\"serial\",\"fc\":3,\"addr\":2,\"type\":\"u32\"}"),
	       "none is a measured value");
	refuse(HEAD "\"phases\":1,\"registers\":[{\"q\":\"voltage\",\"ph\":\"l2\",\"fc\":3,"
		    "\"addr\":2,\"type\":\"f32\"}]}",
	       "1 phase");
	refuse(HEAD "\"line\":\"9600\",\"registers\":[]}", "line");
	refuse(HEAD "\"invalid\":[\"nan\"],\"registers\":[]}", "invalid[0]");
	refuse(HEAD "\"sunspec\":[0],\"registers\":[]}", "sunspec[0]");
	refuse(HEAD "\"sign\":\"up\",\"registers\":[]}", "sign");
	refuse(HEAD "\"max_registers\":4,\"alignment\":4,\"registers\":[{\"q\":\"voltage\",\"fc\":"
		    "3,\"addr\":3,"
		    "\"type\":\"f64\"}]}",
	       "max_registers");
}

TEST(a_missing_model_is_told_from_a_bad_one)
{
	CHECK_INT(meter_model_load("share/evse/meters", "no-such", &m, &err), -1);
	CHECK_INT(errno, ENOENT);
	CHECK_INT(meter_model_load("share/evse/meters", "./Makefile", &m, &err), -1);
	CHECK_INT(errno, EINVAL);
}

/* Each model that we ship parses, is named as its file, counts energy, and is read in a bounded
 * number of reads. */
TEST(shipped_models)
{
	DIR *d = opendir("share/evse/meters");
	int n = 0;

	REQUIRE(d);
	for (struct dirent *e; (e = readdir(d));) {
		char name[300];
		struct meter_plan plan;
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len - 5, e->d_name);
		if (meter_model_load("share/evse/meters", name, &m, &err)) {
			HARNESS_FAIL("%s", err.msg);
			continue;
		}
		CHECK_STR(m.name, name);
		CHECK(meter_model_find(&m, METER_ENERGY_IMPORT, METER_TOTAL) >= 0);
		CHECK(meter_model_find(&m, METER_VOLTAGE, METER_L1) >= 0);
		CHECK_INT(meter_model_plan(&m, meter_register_is_live, 0, &plan), 0);
		if (plan.n > 8)
			HARNESS_FAIL("%s needs %d reads", name, plan.n);
		n++;
	}
	closedir(d);
	CHECK(n >= 8);
}
