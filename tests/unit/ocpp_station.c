/* The station by itself: frames, records and time in, frames and records out. What needs time or a
 * silent back office. */
#include "ocpp/station.h"

#include "core/log.h"

#include "harness.h"

#include <fcntl.h>
#include <unistd.h>

#define S INT64_C(1000000)

static struct rig {
	struct ocpp *o;
	struct out out;
	struct ocpp_conf conf;
	struct now now;
	int pipe[2];
	char sent[1 << 18]; /* frames, a line each */
	char said[1 << 18]; /* records */
	char last_id[64];
	int reconnects, restarts, ping_s, backoff_s, n;
	bool dead; /* send fails */
} rig;

static int on_send(void *ctx, const char *text, size_t len)
{
	struct rig *r = ctx;
	size_t at = strlen(r->sent);

	if (r->dead)
		return -1;
	snprintf(r->sent + at, sizeof(r->sent) - at, "%.*s\n", (int)len, text);
	if (text[1] == '2')
		snprintf(r->last_id, sizeof(r->last_id), "%.*s", (int)strcspn(text + 4, "\""),
			 text + 4);
	return 0;
}

static void on_reconnect(void *ctx)
{
	((struct rig *)ctx)->reconnects++;
}

static void on_restart(void *ctx)
{
	((struct rig *)ctx)->restarts++;
}

static void on_ping(void *ctx, int s)
{
	((struct rig *)ctx)->ping_s = s;
}

static void on_backoff(void *ctx, int minimum_s, int random_s, int repeats)
{
	((struct rig *)ctx)->backoff_s = minimum_s * 10000 + random_s * 100 + repeats;
}

static void begin(void)
{
	static const struct ocpp_hooks hooks = {on_send, on_reconnect, on_restart,
						on_ping, on_backoff,   &rig};
	struct err err = {""};

	memset(&rig, 0, sizeof(rig));
	log_set_level(LOG_LEVEL_ERROR);
	rig.conf = (struct ocpp_conf){.evses = 2,
				      .phases = 3,
				      .max_a = 32,
				      .voltage_v = 230,
				      .vendor = "v",
				      .model = "m",
				      .firmware = "1",
				      .identity = "CS001",
				      .url = "ws://x/CS001",
				      .boot_reason = "PowerUp"};
	rig.now = (struct now){.real_us = INT64_C(1795305600) * S, .mono_us = 1000 * S};
	if (pipe2(rig.pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		abort();
	out_init(&rig.out, rig.pipe[1], NULL, "ocpp", rig.now);
	rig.o = ocpp_new(&rig.conf, &hooks, &rig.out, rig.now, &err);
	CHECK_STR(err.msg, "");
}

static void end(void)
{
	ocpp_free(rig.o);
	out_release(&rig.out);
	close(rig.pipe[0]);
	close(rig.pipe[1]);
}

/* Forgets what was said, so that the next question is of the present. */
static void forget(void)
{
	char skip[4096];

	while (read(rig.pipe[0], skip, sizeof(skip)) > 0)
		;
	rig.sent[0] = rig.said[0] = '\0';
}

static bool said(const char *text)
{
	size_t at = strlen(rig.said);
	ssize_t n;

	while ((n = read(rig.pipe[0], rig.said + at, sizeof(rig.said) - at - 1)) > 0)
		at += (size_t)n;
	rig.said[at] = '\0';
	return strstr(rig.said, text) != NULL;
}

static bool sent(const char *text)
{
	return strstr(rig.sent, text) != NULL;
}

static void tick(int64_t after_s)
{
	rig.now.real_us += after_s * S;
	rig.now.mono_us += after_s * S;
	ocpp_tick(rig.o, rig.now);
}

/* The answer to the request that was sent last. */
static void answer(const char *payload)
{
	char text[1024];
	int len = snprintf(text, sizeof(text), "[3,\"%s\",%s]", rig.last_id, payload);

	ocpp_receive(rig.o, rig.now, text, (size_t)len);
	tick(0);
}

/* Answers all that is sent, until nothing more is. */
static void drain(void)
{
	char before[64];

	do {
		memcpy(before, rig.last_id, sizeof(before));
		answer("{}");
	} while (strcmp(before, rig.last_id) != 0);
}

static void call(const char *action, const char *payload)
{
	char text[8192];
	int len = snprintf(text, sizeof(text), "[2,\"c%d\",\"%s\",%s]", ++rig.n, action, payload);

	ocpp_receive(rig.o, rig.now, text, (size_t)len);
	tick(0);
}

static void record(const char *type, const char *src, const char *rest)
{
	char text[4096];
	struct record r;
	struct err err = {""};
	int len = snprintf(text, sizeof(text),
			   "{\"t\":\"2026-11-22T00:00:00.000Z\",\"type\":\"%s\",\"src\":\"%s\","
			   "\"n\":\"u.%d\",\"m\":1%s}",
			   type, src, ++rig.n, rest);

	CHECK(record_parse(text, (size_t)len, &r, &err) == 0);
	CHECK_STR(err.msg, "");
	ocpp_record(rig.o, rig.now, &r);
	record_release(&r);
	tick(0);
}

static void accepted(void)
{
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){.tls = "TLSv1.3"});
	tick(0);
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":300,\"status\":\"Accepted\"}");
	drain();
	forget();
}

static void edge(const char *state, const char *name, const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text), ",\"evse\":1,\"id\":\"s1\",\"state\":\"%s\",\"edge\":\"%s\"%s",
		 state, name, rest);
	record("session", "session.1", text);
}

TEST(the_boot_is_tried_again_after_its_interval)
{
	begin();
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	CHECK(sent("BootNotification"));
	CHECK(said("\"type\":\"uplink\"") && said("\"connected\":true"));
	forget();
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":20,\"status\":\"Rejected\"}");
	tick(19);
	CHECK(!sent("BootNotification"));
	tick(1);
	CHECK(sent("BootNotification"));
	CHECK(!ocpp_accepted(rig.o));
	forget();
	tick(31); /* no answer: the request is given up, and made anew later */
	tick(60);
	CHECK(sent("BootNotification"));
	end();
}

TEST(a_station_that_was_accepted_does_not_boot_again)
{
	begin();
	accepted();
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	tick(5);
	CHECK(said("\"connected\":false"));
	forget();
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	CHECK(!sent("BootNotification"));
	CHECK(!sent("StatusNotification")); /* a short outage, and nothing changed */
	ocpp_closed(rig.o, rig.now, "lost", "InvalidCsmsCertificate");
	tick(61);
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	drain();
	CHECK(sent("StatusNotification"));
	CHECK(sent("InvalidCsmsCertificate"));
	end();
}

TEST(an_alert_is_told_once_and_only_while_it_stands)
{
	begin();
	record("alert", "pilot.1.alert.x", ",\"evse\":1,\"code\":\"x\",\"raised\":false");
	record("alert", "pilot.1.alert.y",
	       ",\"evse\":1,\"code\":\"y\",\"raised\":true,\"component\":\"EVSE\"");
	record("alert", "pilot.1.alert.z", ",\"evse\":1,\"code\":\"z\",\"raised\":true");
	record("alert", "pilot.1.alert.z", ",\"evse\":1,\"gone\":true");
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":300,\"status\":\"Accepted\"}");
	drain();
	CHECK(sent("\"techCode\":\"y\"") && !sent("\"techCode\":\"x\"") &&
	      !sent("\"techCode\":\"z\""));
	forget();
	record("alert", "pilot.1.alert.y", ",\"evse\":1,\"code\":\"y\",\"raised\":true");
	CHECK(!sent("NotifyEvent"));
	record("alert", "pilot.1.alert.y", ",\"evse\":1,\"code\":\"y\",\"raised\":false");
	CHECK(sent("\"cleared\":true"));
	end();
}

TEST(a_transaction_message_is_tried_so_often_and_then_given_up)
{
	begin();
	accepted();
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},\"variable\":{"
	     "\"name\":"
	     "\"MessageAttempts\",\"instance\":\"TransactionEvent\"},\"attributeValue\":\"2\"}]}");
	edge("connected", "connected", "");
	edge("charging", "energy_on", "");
	answer("{}"); /* the state "Occupied" goes first */
	CHECK(sent("\"eventType\":\"Started\""));
	forget();
	tick(31);
	CHECK(!sent("Started"));
	tick(10);
	CHECK(sent("\"eventType\":\"Started\""));
	CHECK(!ocpp_settled(rig.o));
	tick(31);
	tick(60);
	CHECK(ocpp_settled(rig.o));
	end();
}

TEST(a_stop_waits_for_the_open_path_but_not_for_ever)
{
	begin();
	accepted();
	edge("connected", "connected", "");
	edge("charging", "path_closed", ",\"reading\":{\"import_wh\":100}");
	drain();
	forget();
	edge("finishing", "deauthorized", ",\"reason\":\"EnergyLimitReached\"");
	drain();
	CHECK(!sent("Ended"));
	tick(5);
	drain();
	CHECK(sent("\"eventType\":\"Ended\"") && sent("EnergyLimitReached") &&
	      sent("\"value\":100"));
	end();
}

TEST(points_decide_where_a_transaction_begins_and_ends)
{
	begin();
	accepted();
	call("SetVariables", "{\"setVariableData\":[{\"component\":{\"name\":\"TxCtrlr\"},"
			     "\"variable\":{\"name\":\"TxStartPoint\"},"
			     "\"attributeValue\":\"EVConnected\"},{\"component\":{\"name\":"
			     "\"TxCtrlr\"},\"variable\":{\"name\":"
			     "\"TxStopPoint\"},\"attributeValue\":\"EVConnected\"}]}");
	edge("connected", "connected", "");
	drain();
	CHECK(sent("\"eventType\":\"Started\"") && sent("CablePluggedIn"));
	edge("authorized", "authorized", ",\"remote_start_id\":4");
	drain();
	CHECK(sent("\"triggerReason\":\"RemoteStart\"") && sent("\"remoteStartId\":4"));
	edge("finishing", "deauthorized", ",\"reason\":\"Local\"");
	drain();
	CHECK(sent("StopAuthorized") && !sent("Ended"));
	edge("ended", "departed", "");
	drain();
	CHECK(sent("\"eventType\":\"Ended\"") && sent("EVCommunicationLost") &&
	      sent("EVDisconnected"));
	forget();
	/* a session that vanishes ends its transaction when the next one comes */
	edge("connected", "connected", "");
	drain();
	record("session", "session.1",
	       ",\"evse\":1,\"id\":\"s2\",\"state\":\"connected\",\"edge\":\"connected\"");
	end();
}

TEST(an_invalid_token_stops_the_session)
{
	begin();
	accepted();
	record("auth", "session.1",
	       ",\"evse\":1,\"verdict\":\"Accepted\",\"token\":{\"id\":\"AA\",\"kind\":"
	       "\"ISO14443\"},\"session\":\"s1\"");
	edge("connected", "connected", "");
	CHECK(said("\"type\":\"ack\"") && said("\"upto\":{\"session.1\":\"u.2\"}"));
	edge("authorized", "authorized", "");
	answer("{}");
	CHECK(sent("\"idToken\":{\"idToken\":\"AA\""));
	answer("{\"idTokenInfo\":{\"status\":\"Blocked\"}}");
	CHECK(said("\"to\":\"session\"") && said("\"reason\":\"DeAuthorized\""));
	/* and the cache knows it now */
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"token\":{\"id\":\"aa\","
	       "\"kind\":\"ISO14443\"}");
	CHECK(said("\"verdict\":\"Blocked\",\"by\":\"cache\""));
	end();
}

TEST(without_a_connection_list_and_cache_decide)
{
	static const char ask[] = ",\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"token\":"
				  "{\"id\":\"L1\",\"kind\":\"ISO14443\"}";

	begin();
	accepted();
	call("SendLocalList", "{\"versionNumber\":2,\"updateType\":\"Full\","
			      "\"localAuthorizationList\":[{\"idToken\":{\"idToken\":\"L1\","
			      "\"type\":\"ISO14443\"},\"idTokenInfo\":{\"status\":\"Accepted\","
			      "\"cacheExpiryDateTime\":"
			      "\"2026-11-22T01:00:00Z\",\"groupIdToken\":{\"idToken\":\"G\","
			      "\"type\":\"Central\"}}}]}");
	CHECK(sent("Accepted"));
	forget();
	call("SendLocalList", "{\"versionNumber\":2,\"updateType\":\"Differential\"}");
	CHECK(sent("VersionMismatch"));
	call("SendLocalList", "{\"versionNumber\":0,\"updateType\":\"Full\"}");
	CHECK(sent("Failed"));
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"AuthCtrlr\"},\"variable\":{\"name\":"
	     "\"LocalPreAuthorize\"},\"attributeValue\":\"true\"}]}");
	record("command", "session", ask);
	CHECK(said("\"verdict\":\"Accepted\",\"group\":\"G\"") && said("\"by\":\"local_list\""));
	CHECK(!sent("\"Authorize\""));
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	forget();
	tick(3600);
	record("command", "session", ask);
	CHECK(said("\"verdict\":\"Expired\""));
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q2\",\"kind\":\"authorize\",\"token\":{\"id\":\"new\","
	       "\"kind\":\"ISO14443\"}");
	CHECK(said("\"verdict\":\"Unknown\""));
	end();
}

TEST(an_authorisation_without_answer_is_decided_here)
{
	begin();
	accepted();
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"token\":{\"id\":\"X\","
	       "\"kind\":\"ISO14443\"}");
	CHECK(sent("Authorize"));
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	CHECK(said("\"id\":\"q1\",\"status\":\"accepted\",\"auth\":{\"verdict\":\"Unknown\""));
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q2\",\"kind\":\"authorize\",\"token\":{\"id\":\"X\","
	       "\"kind\":\"telepathy\"}");
	end();
}

TEST(a_slow_back_office_is_not_waited_for)
{
	begin();
	accepted();
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"valid_ms\":5000,\"token\":{"
	       "\"id\":\"X\",\"kind\":\"ISO14443\"}");
	tick(4);
	CHECK(!said("\"id\":\"q1\""));
	tick(1);
	CHECK(said("\"id\":\"q1\",\"status\":\"accepted\",\"auth\":{\"verdict\":\"Unknown\""));
	forget();
	answer("{\"idTokenInfo\":{\"status\":\"Accepted\"}}");
	CHECK(!said("\"id\":\"q1\""));
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	record("command", "session",
	       ",\"to\":\"ocpp\",\"id\":\"q2\",\"kind\":\"authorize\",\"token\":{\"id\":\"X\","
	       "\"kind\":\"ISO14443\"}");
	CHECK(said("\"verdict\":\"Accepted\",\"by\":\"cache\""));
	end();
}

TEST(unlock_is_answered_when_the_lock_has_answered)
{
	begin();
	accepted();
	call("UnlockConnector", "{\"evseId\":1,\"connectorId\":1}");
	CHECK(said("\"to\":\"pilot.1\"") && said("\"kind\":\"unlock\""));
	CHECK(!sent("status"));
	const char *id = strstr(rig.said, "\"id\":\"") + 6;
	char text[128];
	snprintf(text, sizeof(text), ",\"to\":\"ocpp\",\"id\":\"%.*s\",\"status\":\"accepted\"",
		 (int)strcspn(id, "\""), id);
	record("reply", "pilot.1", text);
	CHECK(sent("\"status\":\"Unlocked\""));
	forget();
	call("UnlockConnector", "{\"evseId\":2,\"connectorId\":1}");
	tick(6);
	CHECK(sent("\"status\":\"UnlockFailed\""));
	call("UnlockConnector", "{\"evseId\":9,\"connectorId\":1}");
	CHECK(sent("UnknownConnector"));
	end();
}

TEST(a_reset_waits_or_stops_as_told)
{
	begin();
	accepted();
	edge("connected", "connected", "");
	edge("charging", "path_closed", "");
	drain();
	call("Reset", "{\"type\":\"Immediate\"}");
	CHECK(sent("Accepted") && said("\"reason\":\"ImmediateReset\""));
	edge("finishing", "deauthorized", ",\"reason\":\"ImmediateReset\"");
	edge("finishing", "path_open", ",\"reading\":{\"import_wh\":5}");
	drain();
	CHECK(sent("ResetCommand"));
	drain();
	tick(1);
	CHECK(said("\"to\":\"charger\"") && said("\"kind\":\"reset\""));
	CHECK_INT(rig.restarts, 0);
	tick(6); /* nobody answers the command */
	CHECK_INT(rig.restarts, 1);
	forget();
	call("Reset", "{\"type\":\"Immediate\",\"evseId\":1}");
	CHECK(sent("Rejected"));
	end();
}

TEST(limits_are_renewed_and_step_ahead)
{
	begin();
	CHECK(said("\"src\":\"ocpp.max\"") == false);
	tick(0);
	CHECK(said("\"src\":\"ocpp.max\"") && said("\"import_max_a\":64"));
	accepted();
	forget();
	call("SetChargingProfile", "{\"evseId\":0,\"chargingProfile\":{\"id\":1,\"stackLevel\":0,"
				   "\"chargingProfilePurpose\":\"TxDefaultProfile\","
				   "\"chargingProfileKind\":\"Absolute\",\"chargingSchedule\":[{"
				   "\"id\":1,\"startSchedule\":\"2026-11-22T00:00:00Z\","
				   "\"duration\":7200,\"chargingRateUnit\":\"W\","
				   "\"minChargingRate\":1400,\"chargingSchedulePeriod\":[{"
				   "\"startPeriod\":0,\"limit\":1e9},{\"startPeriod\":3600,"
				   "\"limit\":5000,\"numberPhases\":1}]}]}}");
	CHECK(said("\"src\":\"ocpp.default.1\"") && said("\"src\":\"ocpp.default.2\""));
	CHECK(said("\"import_max_w\":44160,\"min_w\":1400},{\"at\":\"2026-11-22T01:00:00.000Z\","
		   "\"import_max_w\":5000,"
		   "\"phases\":1,\"min_w\":1400},{\"at\":\"2026-11-22T02:00:00.000Z\",\"import_max_"
		   "a\":32}]"));
	forget();
	tick(10);
	CHECK(said("\"src\":\"ocpp.default.1\""));
	call("ClearChargingProfile", "{\"chargingProfileCriteria\":{\"stackLevel\":0}}");
	CHECK(said("\"src\":\"ocpp.default.2\"") && said("\"gone\":true"));
	call("SetChargingProfile", "{\"evseId\":1,\"chargingProfile\":{\"id\":1,\"stackLevel\":0,"
				   "\"chargingProfilePurpose\":\"TxProfile\","
				   "\"chargingProfileKind\":\"Relative\",\"transactionId\":"
				   "\"none\",\"chargingSchedule\":[{\"id\":1,"
				   "\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{"
				   "\"startPeriod\":0,\"limit\":9}]}]}}");
	CHECK(sent("TxNotFound"));
	end();
}

TEST(a_profile_of_a_remote_start_rules_its_transaction)
{
	begin();
	accepted();
	call("RequestStartTransaction", "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},"
					"\"remoteStartId\":5,\"chargingProfile\":{\"id\":3,"
					"\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\","
					"\"chargingProfileKind\":\"Relative\","
					"\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":"
					"\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,"
					"\"limit\":9}]}]}}");
	CHECK(said("\"src\":\"ocpp.remote\"") && said("\"authorized\":true") && sent("Accepted"));
	edge("connected", "connected", "");
	edge("authorized", "authorized", ",\"remote_start_id\":5");
	CHECK(said("\"src\":\"ocpp.tx.1\"") && said("\"import_max_a\":9"));
	forget();
	call("GetChargingProfiles",
	     "{\"requestId\":1,\"chargingProfile\":{\"chargingProfileId\":[3]}}");
	drain();
	CHECK(sent("ReportChargingProfiles") && sent("\"transactionId\":\""));
	call("RequestStartTransaction", "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},"
					"\"remoteStartId\":6,\"evseId\":1}");
	CHECK(sent("TxInProgress"));
	call("RequestStartTransaction", "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},"
					"\"remoteStartId\":6,\"evseId\":7}");
	CHECK(sent("UnknownEvse"));
	end();
}

TEST(variables_are_read_and_written_by_their_rules)
{
	begin();
	accepted();
	call("GetVariables", "{\"getVariableData\":[{\"component\":{\"name\":\"EVSE\",\"evse\":{"
			     "\"id\":1}},\"variable\":{\"name\":\"Power\"}},"
			     "{\"component\":{\"name\":\"SecurityCtrlr\"},\"variable\":{\"name\":"
			     "\"BasicAuthPassword\"}},{\"component\":{"
			     "\"name\":\"EVSE\"},\"variable\":{\"name\":\"Power\"}},{\"component\":"
			     "{\"name\":\"TxCtrlr\"},\"variable\":{"
			     "\"name\":\"None\"}},{\"component\":{\"name\":\"TxCtrlr\"},"
			     "\"variable\":{\"name\":\"TxStopPoint\"},"
			     "\"attributeType\":\"Target\"}]}");
	CHECK(sent("\"attributeValue\":\"0\"") && sent("Rejected") && sent("UnknownComponent") &&
	      sent("UnknownVariable") && sent("NotSupportedAttributeType"));
	forget();
	call("SetVariables", "{\"setVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},"
			     "\"variable\":{\"name\":\"WebSocketPingInterval\"},"
			     "\"attributeValue\":\"15\"},{\"component\":{\"name\":"
			     "\"OCPPCommCtrlr\"},\"variable\":{\"name\":"
			     "\"RetryBackOffWaitMinimum\"},\"attributeValue\":\"3\"},{"
			     "\"component\":{\"name\":\"ChargingStation\"},"
			     "\"variable\":{\"name\":\"Model\"},\"attributeValue\":\"x\"},{"
			     "\"component\":{\"name\":\"SmartChargingCtrlr\"},"
			     "\"variable\":{\"name\":\"LimitChangeSignificance\"},"
			     "\"attributeValue\":\"101\"},{\"component\":{\"name\":"
			     "\"SecurityCtrlr\"},\"variable\":{\"name\":\"BasicAuthPassword\"},"
			     "\"attributeValue\":\"0123456789abcdef\"}]}");
	CHECK(rig.ping_s == 15);
	CHECK_INT(rig.backoff_s, 30106);
	CHECK(sent("ReadOnly") && sent("InvalidValue") && sent("NotEnabled"));
	forget();
	call("GetReport", "{\"requestId\":1,\"componentCriteria\":[\"Problem\"]}");
	CHECK(sent("EmptyResultSet"));
	call("GetReport", "{\"requestId\":2,\"componentVariable\":[{\"component\":{\"name\":"
			  "\"EVSE\",\"evse\":{\"id\":2}},"
			  "\"variable\":{\"name\":\"Power\"}}]}");
	CHECK(sent("\"maxLimit\":22080") && sent("\"evse\":{\"id\":2}"));
	answer("{}");
	call("GetBaseReport", "{\"requestId\":3,\"reportBase\":\"SummaryInventory\"}");
	answer("{}");
	CHECK(sent("AvailabilityState"));
	end();
}

TEST(answers_that_are_wrong_or_unasked_are_not_taken)
{
	begin();
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	ocpp_receive(rig.o, rig.now, "[3,\"nobody\",{}]", 15);
	answer("{\"status\":\"Accepted\"}");
	CHECK(!ocpp_accepted(rig.o));
	ocpp_receive(rig.o, rig.now, "[3]", 3);
	tick(60);
	CHECK(sent("BootNotification"));
	end();
}

TEST(an_invalid_answer_to_our_complaint_is_not_complained_of)
{
	int times = 0;

	begin();
	accepted();
	call("Reset", "{}");
	for (int i = 0; i < 5; i++)
		answer("{\"x\":1}");
	for (const char *at = rig.sent; (at = strstr(at, "InvalidMessages")); at++)
		times++;
	CHECK_INT(times, 1);
	end();
}

TEST(a_boot_interval_without_measure_is_bounded)
{
	begin();
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":9007199254740992,\"status\":"
	       "\"Pending\"}");
	forget();
	tick(30 * 86400);
	CHECK(sent("BootNotification"));
	end();
}

TEST(meter_values_come_at_the_clock)
{
	begin();
	accepted();
	record("meter", "meter.1",
	       ",\"evse\":1,\"voltage_v\":[230,null,231],\"current_a\":[1,2,3],\"power_total_w\":"
	       "1380,\"import_wh\":12.5,"
	       "\"reactive_var\":[1,2,null],\"cosphi\":0.9,\"freq_hz\":50,\"export_wh\":0");
	record("pilot", "pilot.1", ",\"evse\":1,\"state\":\"C2\",\"limit_a\":16,\"faults\":[]");
	drain();
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"AlignedDataCtrlr\"},\"variable\":{"
	     "\"name\":\"Measurands\"},"
	     "\"attributeValue\":\"Current.Import,Current.Offered,Energy.Active.Export.Register,"
	     "Energy.Active.Import.Register,Frequency,Power.Active.Import,Power.Factor,Power."
	     "Offered,"
	     "Power.Reactive.Import,Voltage\"}]}");
	forget();
	tick(900);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\"}");
	CHECK(sent("\"MeterValues\"") && sent("Sample.Clock") && sent("\"value\":12.5") &&
	      sent("L1-N") && !sent("L2-N"));
	CHECK(sent("Power.Reactive.Import") && sent("Power.Offered") && sent("Frequency"));
	drain();
	edge("connected", "connected", "");
	edge("charging", "energy_on", "");
	drain();
	forget();
	tick(60);
	drain();
	CHECK(sent("MeterValuePeriodic") && sent("Sample.Periodic"));
	tick(840);
	drain();
	CHECK(sent("MeterValueClock"));
	call("TriggerMessage", "{\"requestedMessage\":\"TransactionEvent\"}");
	drain();
	CHECK(sent("\"context\":\"Trigger\""));
	call("TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}");
	call("TriggerMessage", "{\"requestedMessage\":\"BootNotification\"}");
	CHECK(sent("InvalidMessageSeq"));
	call("TriggerMessage", "{\"requestedMessage\":\"FirmwareStatusNotification\"}");
	CHECK(sent("NotImplemented"));
	end();
}

TEST(what_cannot_be_sent_waits)
{
	begin();
	accepted();
	rig.dead = true;
	edge("connected", "connected", "");
	edge("charging", "energy_on", "");
	CHECK(!sent("Started"));
	rig.dead = false;
	tick(1);
	drain();
	CHECK(sent("Started"));
	end();
}
