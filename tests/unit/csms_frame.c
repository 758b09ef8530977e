/* The back office's frame cutter: what it takes, what it refuses, and that payloads stay as they
 * came. */
#include "harness.h"

#include "csms/frame.h"

static struct csms_frame f;
static struct err e;

static int cut(const char *text)
{
	e.msg[0] = '\0';
	return csms_frame_cut(&f, text, strlen(text), &e);
}

static bool slice_eq(struct slice s, const char *want)
{
	return s.len == strlen(want) && memcmp(s.at, want, s.len) == 0;
}

TEST(a_call_is_cut_and_its_payload_untouched)
{
	REQUIRE(
	    cut(" [ 2 , \"19\" , \"MeterValues\" , {\"a\":1.10, \"b\":[1,{\"]\":\"\\\"}\"}]} ] ") ==
	    0);
	CHECK_INT(f.kind, CSMS_CALL);
	CHECK_STR(f.id, "19");
	CHECK_STR(f.action, "MeterValues");
	CHECK(slice_eq(f.payload, "{\"a\":1.10, \"b\":[1,{\"]\":\"\\\"}\"}]}"));
}

TEST(results_and_errors_are_cut)
{
	REQUIRE(cut("[3,\"19\",{}]") == 0);
	CHECK_INT(f.kind, CSMS_RESULT);
	CHECK(slice_eq(f.payload, "{}"));
	REQUIRE(cut("[4,\"19\",\"GenericError\",\"what, \\\"ever\\\"\",{\"x\":[]}]") == 0);
	CHECK_INT(f.kind, CSMS_ERROR);
	CHECK_STR(f.code, "GenericError");
	CHECK(slice_eq(f.description, "\"what, \\\"ever\\\"\""));
	CHECK(slice_eq(f.payload, "{\"x\":[]}"));
	REQUIRE(cut("[5,\"19\",\"FormatViolation\",\"\",{}]") == 0);
	CHECK_INT(f.kind, CSMS_RESULT_ERROR);
	REQUIRE(cut("[6,\"19\",\"NotifyPeriodicEventStream\",{}]") == 0);
	CHECK_INT(f.kind, CSMS_SEND);
}

TEST(bad_frames_are_refused_with_the_id_where_it_could_be_read)
{
	static const struct {
		const char *text, *id, *says;
	} bad[] = {
	    {"", "-1", ""},
	    {"{}", "-1", "expected an array"},
	    {"[]", "-1", "expected an array"},
	    {"[7,\"1\",\"A\",{}]", "-1", "2 to 6"},
	    {"[2.5,\"1\",\"A\",{}]", "-1", "2 to 6"},
	    {"[2]", "-1", "message id"},
	    {"[2,5,\"A\",{}]", "-1", "message id"},
	    {"[2,\"\",\"A\",{}]", "-1", "message id"},
	    {"[2,\"1234567890123456789012345678901234567\",\"A\",{}]", "-1", "message id"},
	    {"[2,\"1\",\"A\"]", "1", "4 elements"},
	    {"[2,\"1\",\"A\",{},{}]", "1", "4 elements"},
	    {"[2,\"1\",7,{}]", "1", "action"},
	    {"[2,\"1\",\"A\",[]]", "1", "payload"},
	    {"[3,\"1\",\"A\",{}]", "1", "3 elements"},
	    {"[3,\"1\",null]", "1", "payload"},
	    {"[4,\"1\",\"E\",\"d\"]", "1", "5 elements"},
	    {"[4,\"1\",\"E\",1,{}]", "1", "description"},
	    {"[4,\"1\",\"\",\"d\",{}]", "1", "error code"},
	    {"[2,\"1\",\"A\",{}] x", "-1", "not JSON"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(cut(bad[i].text) < 0);
		CHECK_STR(f.id, bad[i].id);
		if (!strstr(e.msg, bad[i].says))
			HARNESS_FAIL("%s: \"%s\" does not say \"%s\"", bad[i].text, e.msg,
				     bad[i].says);
	}
}
