/* Payloads against the tables, and frames: the right code with the place. */
#include "ocpp/frame.h"
#include "ocpp/schema.h"

#include "harness.h"

static struct ocpp_fault fault;

static enum ocpp_error check(const char *action, const char *payload)
{
	const struct ocpp_message *m = ocpp_find(&ocpp_v201, action);
	struct err err;
	jv v;

	fault = (struct ocpp_fault){0};
	if (!m || json_parse(payload, strlen(payload), &v, &err) < 0)
		return OCPP_INTERNAL_ERROR;
	int rc = ocpp_check(&ocpp_v201, m->request, v, &fault);
	json_free(v);
	return rc < 0 ? fault.code : OCPP_OK;
}

TEST(every_message_of_the_version_is_found_by_its_name)
{
	CHECK_INT(ocpp_v201.n_messages, 64);
	for (size_t i = 0; i < ocpp_v201.n_messages; i++) {
		const char *name = ocpp_action(&ocpp_v201, &ocpp_v201.messages[i]);

		CHECK(ocpp_find(&ocpp_v201, name) == &ocpp_v201.messages[i]);
		CHECK(ocpp_v201.messages[i].by & (OCPP_BY_CS | OCPP_BY_CSMS));
	}
	CHECK(!ocpp_find(&ocpp_v201, "Nothing"));
	CHECK(!ocpp_find(&ocpp_v201, "NotifyDERAlarm"));
	CHECK(!ocpp_find(&ocpp_v201, ""));
	CHECK_INT(ocpp_find(&ocpp_v201, "DataTransfer")->by, OCPP_BY_CS | OCPP_BY_CSMS);
}

TEST(each_fault_has_its_code_and_place)
{
	CHECK_INT(check("Heartbeat", "{}"), OCPP_OK);
	CHECK_INT(check("Heartbeat", "[]"), OCPP_FORMAT_VIOLATION);
	CHECK_INT(check("Heartbeat", "{\"x\":1}"), OCPP_FORMAT_VIOLATION);
	CHECK_STR(fault.where, "x");
	CHECK_INT(check("Reset", "{}"), OCPP_OCCURRENCE_VIOLATION);
	CHECK_STR(fault.where, "type");
	CHECK_INT(check("Reset", "{\"type\":\"Never\"}"), OCPP_PROPERTY_VIOLATION);
	CHECK_INT(check("Reset", "{\"type\":1}"), OCPP_TYPE_VIOLATION);
	CHECK_INT(check("Reset", "{\"type\":\"OnIdle\",\"evseId\":1.5}"), OCPP_TYPE_VIOLATION);
	CHECK_INT(check("Reset", "{\"type\":\"OnIdle\",\"evseId\":null}"), OCPP_TYPE_VIOLATION);
	CHECK_INT(check("Reset",
			"{\"type\":\"OnIdle\",\"customData\":{\"vendorId\":\"v\",\"any\":[{}]}}"),
		  OCPP_OK);
	CHECK_INT(check("Reset", "{\"type\":\"OnIdle\",\"customData\":{}}"),
		  OCPP_OCCURRENCE_VIOLATION);
	CHECK_STR(fault.where, "customData.vendorId");
	CHECK_INT(check("GetVariables", "{\"getVariableData\":[]}"), OCPP_OCCURRENCE_VIOLATION);
	CHECK_INT(check("GetVariables", "{\"getVariableData\":{}}"), OCPP_TYPE_VIOLATION);
	CHECK_INT(check("GetVariables", "{\"getVariableData\":[{\"component\":{\"name\":\"a\"},"
					"\"variable\":{\"name\":7}}]}"),
		  OCPP_TYPE_VIOLATION);
	CHECK_STR(fault.where, "getVariableData[0].variable.name");
	CHECK_INT(check("DataTransfer", "{\"vendorId\":\"v\",\"data\":[1,null,{}]}"), OCPP_OK);
	CHECK_INT(check("CostUpdated", "{\"totalCost\":1.5,\"transactionId\":\"t\"}"), OCPP_OK);
	CHECK_INT(check("CostUpdated", "{\"totalCost\":\"1\",\"transactionId\":\"t\"}"),
		  OCPP_TYPE_VIOLATION);
}

TEST(lengths_count_characters_and_times_are_times)
{
	char text[400];

	snprintf(text, sizeof(text), "{\"totalCost\":1,\"transactionId\":\"%s\"}",
		 "ääääääääääääääääääääääääääääääääääää");
	CHECK_INT(check("CostUpdated", text), OCPP_OK);
	snprintf(text, sizeof(text), "{\"totalCost\":1,\"transactionId\":\"%s\"}",
		 "1234567890123456789012345678901234567");
	CHECK_INT(check("CostUpdated", text), OCPP_PROPERTY_VIOLATION);
	CHECK_STR(fault.expected, "at most 36 characters");
	CHECK_INT(check("SecurityEventNotification",
			"{\"type\":\"x\",\"timestamp\":\"2026-11-22T10:00:00+01:00\"}"),
		  OCPP_OK);
	CHECK_INT(
	    check("SecurityEventNotification", "{\"type\":\"x\",\"timestamp\":\"yesterday\"}"),
	    OCPP_PROPERTY_VIOLATION);
	CHECK_INT(check("SetMonitoringLevel", "{\"severity\":10}"), OCPP_OK);
}

static enum ocpp_error parse(const char *text, struct ocpp_frame *f)
{
	fault = (struct ocpp_fault){0};
	int rc = ocpp_frame_parse(text, strlen(text), f, &fault);

	ocpp_frame_release(f);
	return rc < 0 ? fault.code : OCPP_OK;
}

TEST(frames_are_taken_apart_or_refused_with_the_right_id)
{
	struct ocpp_frame f;

	CHECK_INT(parse("[2,\"a\",\"Heartbeat\",{}]", &f), OCPP_OK);
	CHECK(f.kind == OCPP_CALL && strcmp(f.id, "a") == 0 && strcmp(f.action, "Heartbeat") == 0);
	CHECK_INT(parse("[3,\"a\",{}]", &f), OCPP_OK);
	CHECK(f.kind == OCPP_CALLRESULT);
	CHECK_INT(parse("[4,\"a\",\"GenericError\",\"why\",{}]", &f), OCPP_OK);
	CHECK_STR(f.error, "GenericError");
	CHECK_STR(f.text, "why");
	CHECK_INT(parse("", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_STR(f.id, "-1");
	CHECK_INT(parse("{}", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[\"2\",\"a\",\"b\",{}]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[2,7,\"b\",{}]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_STR(f.id, "-1");
	CHECK_INT(parse("[2,\"1234567890123456789012345678901234567\",\"b\",{}]", &f),
		  OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_STR(f.id, "-1");
	CHECK_INT(parse("[2,\"a\",\"b\"]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_STR(f.id, "a");
	CHECK_INT(parse("[2,\"a\",1,{}]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[3,\"a\"]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[4,\"a\",\"x\"]", &f), OCPP_RPC_FRAMEWORK_ERROR);
	CHECK_INT(parse("[6,\"a\",\"x\",{}]", &f), OCPP_MESSAGE_TYPE_NOT_SUPPORTED);
	CHECK_STR(f.id, "a");
}

TEST(what_is_written_is_read_again)
{
	struct ocpp_frame f;
	struct buf b;

	buf_init(&b, 4096);
	ocpp_write_call(&b, "i\"d", "Heartbeat", "{}");
	CHECK_STR(buf_str(&b), "[2,\"i\\\"d\",\"Heartbeat\",{}]");
	CHECK_INT(parse(buf_str(&b), &f), OCPP_OK);
	CHECK_STR(f.id, "i\"d");
	buf_reset(&b);
	ocpp_write_result(&b, "1", "{\"a\":1}");
	CHECK_STR(buf_str(&b), "[3,\"1\",{\"a\":1}]");
	buf_reset(&b);
	ocpp_write_error(&b, "1", OCPP_NOT_SUPPORTED, "no");
	CHECK_STR(buf_str(&b), "[4,\"1\",\"NotSupported\",\"no\",{}]");
	buf_release(&b);
}
