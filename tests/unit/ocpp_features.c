/* Variables that can be written because something real follows them. */
#include "ocpp_rig.h"

#include "ocpp/block.h"

static void set_variable(const char *component, const char *variable, const char *value)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"setVariableData\":[{\"component\":{\"name\":\"%s\"},\"variable\":{\"name\":"
		 "\"%s\"},\"attributeValue\":\"%s\"}]}",
		 component, variable, value);
	call("SetVariables", text);
}

static bool reads(const char *component, const char *variable, const char *value)
{
	char text[512];

	forget();
	snprintf(text, sizeof(text),
		 "{\"getVariableData\":[{\"component\":{\"name\":\"%s\"},\"variable\":{\"name\":"
		 "\"%s\"}}]}",
		 component, variable);
	call("GetVariables", text);
	snprintf(text, sizeof(text), "\"attributeValue\":\"%s\"", value);
	return sent(text);
}

#define DEFAULT_13A                                                                          \
	"{\"evseId\":0,\"chargingProfile\":{\"id\":1,\"stackLevel\":0,"                      \
	"\"chargingProfilePurpose\":\"TxDefaultProfile\",\"chargingProfileKind\":"           \
	"\"Absolute\",\"chargingSchedule\":[{\"id\":1,\"startSchedule\":\"2026-01-01T00:00:" \
	"00Z\",\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,"   \
	"\"limit\":13}]}]}}"

TEST(smart_charging_that_is_off_answers_nothing_and_limits_nothing)
{
	static const char *const calls[][2] = {
	    {"SetChargingProfile", DEFAULT_13A},
	    {"ClearChargingProfile", "{\"chargingProfileId\":1}"},
	    {"GetChargingProfiles", "{\"requestId\":1,\"chargingProfile\":{}}"},
	    {"GetCompositeSchedule", "{\"evseId\":1,\"duration\":60}"}};

	begin();
	accepted();
	call("SetChargingProfile", DEFAULT_13A);
	CHECK(said("\"import_max_a\":13"));
	forget();
	set_variable("SmartChargingCtrlr", "Enabled", "false");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	CHECK(said("\"src\":\"ocpp.default.1\"") && said("\"gone\":true"));
	CHECK(!said("\"import_max_a\":13"));
	for (size_t i = 0; i < 4; i++) {
		forget();
		call(calls[i][0], calls[i][1]);
		CHECK(sent("\"NotSupported\"") && !said("\"type\":\"limit\""));
	}
	/* F01.FR.12: the profile is ignored, the start is not */
	forget();
	call("RequestStartTransaction",
	     "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},\"remoteStartId\":5,"
	     "\"evseId\":1,\"chargingProfile\":{\"id\":3,\"stackLevel\":0,"
	     "\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Relative\","
	     "\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":\"A\","
	     "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9}]}]}}");
	CHECK(sent("Accepted") && said("\"src\":\"ocpp.remote\""));
	edge("authorized", "connected", ",\"remote_start_id\":5");
	edge("charging", "energy_on", "");
	CHECK(!said("\"src\":\"ocpp.tx.1\""));
	/* what was set before is in force again */
	forget();
	set_variable("SmartChargingCtrlr", "Enabled", "true");
	CHECK(said("\"src\":\"ocpp.default.1\"") && said("\"import_max_a\":13"));
	end();
}

TEST(the_back_offices_clock_is_told_only_when_it_is_a_source)
{
	static const char *const bad[] = {"Heartbeat", "GPS", "Heartbeat,NTP,RealTimeClock", ""};

	begin();

	accepted();
	CHECK(reads("ClockCtrlr", "TimeSource", "NTP,Heartbeat,RealTimeClock"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		forget();
		set_variable("ClockCtrlr", "TimeSource", bad[i]);
		CHECK(sent("InvalidValue"));
	}
	forget();
	heartbeat_send(rig.o, CALL_NORMAL);
	tick(0);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\"}");
	CHECK(said("\"offset_ms\""));
	forget();
	set_variable("ClockCtrlr", "TimeSource", "NTP,RealTimeClock");
	CHECK(sent("Accepted") && said("\"type\":\"uplink\"") && !said("\"offset_ms\""));
	heartbeat_send(rig.o, CALL_NORMAL);
	tick(0);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\"}");
	CHECK(!said("\"offset_ms\""));
	end();
}

static int resets(void)
{
	int n = 0;

	said("");
	for (const char *at = rig.said; (at = strstr(at, "\"kind\":\"reset\"")); at++)
		n++;
	return n;
}

TEST(a_reset_that_fails_is_tried_again)
{
	begin();
	accepted();
	set_variable("OCPPCommCtrlr", "ResetRetries", "2");
	call("Reset", "{\"type\":\"Immediate\"}");
	tick(1);
	CHECK_INT(resets(), 1);
	tick(5); /* no reply */
	CHECK(rig.restarts == 0);
	tick(4);
	CHECK_INT(resets(), 1);
	tick(1);
	CHECK_INT(resets(), 2);
	tick(5);
	tick(5);
	CHECK_INT(resets(), 3);
	tick(4);
	CHECK_INT(rig.restarts, 0);
	tick(1);
	CHECK_INT(rig.restarts, 1);
	tick(60);
	CHECK_INT(resets(), 3);
	end();
}

TEST(no_charging_before_the_boot_is_accepted)
{
	begin();
	CHECK(!said("\"operative\":false"));
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":10,\"status\":\"Pending\"}");
	forget();
	set_variable("TxCtrlr", "TxBeforeAcceptedEnabled", "false");
	CHECK(said("\"src\":\"ocpp.avail.2\"") && said("\"operative\":false"));
	forget();
	tick(10);
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":10,\"status\":\"Accepted\"}");
	CHECK(said("\"src\":\"ocpp.avail.2\"") && said("\"operative\":true"));
	drain();
	CHECK(sent("\"connectorStatus\":\"Available\",\"evseId\":1"));
	end();
}

TEST(authorisation_is_off_where_the_session_vends_freely)
{
	begin();
	accepted();
	CHECK(reads("AuthCtrlr", "Enabled", "true"));
	record("var", "session",
	       ",\"vars\":{\"ocpp\":{\"value\":false},\"free\":{\"value\":true}}");
	CHECK(reads("AuthCtrlr", "Enabled", "false"));
	record("var", "session", ",\"vars\":{\"ocpp\":{\"value\":true},\"free\":{\"value\":true}}");
	CHECK(reads("AuthCtrlr", "Enabled", "true"));
	CHECK(reads("AuthCacheCtrlr", "Policy", "LRU"));
	CHECK(reads("AuthCacheCtrlr", "Storage", "0"));
	CHECK(reads("AlignedDataCtrlr", "Available", "true"));
	CHECK(reads("DeviceDataCtrlr", "ValueSize", "1000"));
	end();
}

static void meter(double wh)
{
	char text[128];

	snprintf(text, sizeof(text), ",\"evse\":1,\"power_total_w\":1380,\"import_wh\":%.1f", wh);
	record("meter", "meter.1", text);
}

/* A session whose token the back office refuses in its answer to the Started message. */
static void start_refused(void)
{
	record("pilot", "pilot.1", ",\"evse\":1,\"state\":\"B1\",\"faults\":[]");
	drain(); /* the status */
	edge("connected", "connected", "");
	record("auth", "session.1",
	       ",\"evse\":1,\"verdict\":\"Accepted\",\"session\":\"s1\",\"token\":{\"id\":\"AA\","
	       "\"kind\":\"ISO14443\"}");
	meter(1000);
	edge("authorized", "authorized", "");
	edge("charging", "energy_on", "");
	forget();
	answer("{\"idTokenInfo\":{\"status\":\"Invalid\"}}");
}

/* E05: StopTxOnInvalidId false: the transaction goes on, without energy. */
TEST(a_refused_token_without_stop_gets_no_energy)
{
	begin();
	accepted();
	set_variable("TxCtrlr", "StopTxOnInvalidId", "false");
	start_refused();
	drain();
	CHECK(!said("\"kind\":\"stop\""));
	CHECK(said("\"src\":\"ocpp.tx.1\"") && said("\"import_max_a\":0}"));
	CHECK(sent("\"triggerReason\":\"Deauthorized\"") &&
	      sent("\"chargingState\":\"SuspendedEVSE\"") && sent("\"eventType\":\"Updated\""));
	forget();
	edge("finishing", "deauthorized", ",\"reason\":\"Local\"");
	CHECK(said("\"src\":\"ocpp.tx.1\"") && said("\"gone\":true"));
	end();
}

TEST(a_refused_token_gets_the_energy_that_is_allowed)
{
	begin();
	accepted();
	set_variable("TxCtrlr", "MaxEnergyOnInvalidId", "500");
	start_refused();
	drain();
	meter(1499);
	CHECK(!said("\"kind\":\"stop\""));
	meter(1500);
	CHECK(said("\"kind\":\"stop\"") && said("\"reason\":\"DeAuthorized\""));
	forget();
	meter(1600);
	CHECK(!said("\"kind\":\"stop\""));
	end();
}

static void ask(const char *id, const char *token)
{
	char text[200];

	snprintf(text, sizeof(text),
		 ",\"evse\":1,\"to\":\"ocpp\",\"id\":\"%s\",\"kind\":\"authorize\",\"token\":{"
		 "\"id\":\"%s\",\"kind\":\"ISO14443\"}",
		 id, token);
	record("command", "session", text);
}

/* C10: the life of a cached token counts from its last use. */
TEST(a_cached_token_lives_from_its_last_use)
{
	begin();
	accepted();
	set_variable("AuthCacheCtrlr", "LifeTime", "100");
	ask("q1", "AA");
	answer("{\"idTokenInfo\":{\"status\":\"Accepted\"}}");
	CHECK(reads("AuthCacheCtrlr", "Storage", "0") == false);
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	tick(80);
	ask("q2", "AA");
	CHECK(said("\"verdict\":\"Accepted\""));
	forget();
	tick(80);
	ask("q3", "AA");
	CHECK(said("\"verdict\":\"Accepted\""));
	forget();
	tick(101);
	ask("q4", "AA");
	CHECK(said("\"verdict\":\"Unknown\""));
	end();
}

static int told(const char *text)
{
	int n = 0;

	for (const char *at = rig.sent; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static void pilot(const char *state)
{
	char text[96];

	snprintf(text, sizeof(text), ",\"evse\":1,\"state\":\"%s\",\"faults\":[]", state);
	record("pilot", "pilot.1", text);
}

static void lose(void)
{
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	tick(1);
}

static void find_again(void)
{
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	drain();
}

TEST(every_message_waits_for_the_connection_when_asked)
{
	begin();
	accepted();
	pilot("B1"); /* sent, but never answered */
	lose();
	forget();
	find_again();
	CHECK_INT(told("\"Occupied\""), 1);
	pilot("A1");
	drain();
	set_variable("OCPPCommCtrlr", "QueueAllMessages", "true");
	forget();
	pilot("B1");
	CHECK_INT(told("\"Occupied\""), 1);
	lose();
	pilot("A1");
	tick(5);
	pilot("B1");
	record("alert", "pilot.1.alert.z", ",\"evse\":1,\"code\":\"zz\",\"raised\":true");
	record("alert", "pilot.1.alert.z", ",\"evse\":1,\"code\":\"zz\",\"raised\":false");
	CHECK(!sent("Available"));
	find_again();
	/* the unanswered one first, then all in order, each with its own time */
	CHECK_INT(told("\"Occupied\""), 3);
	CHECK_INT(told("\"connectorStatus\":\"Available\",\"evseId\":1"), 1);
	CHECK_INT(told("\"techCode\":\"zz\""), 2);
	CHECK(strstr(rig.sent, "00:00:02.000Z\",\"connectorStatus\":\"Available\"") <
	      strstr(rig.sent, "00:00:07.000Z\",\"connectorStatus\":\"Occupied\""));
	end();
}

TEST(messages_that_wait_are_bounded)
{
	begin();
	accepted();
	set_variable("OCPPCommCtrlr", "QueueAllMessages", "true");
	lose();
	forget();
	for (int i = 0; i < 300; i++)
		pilot(i % 2 ? "A1" : "B1");
	CHECK(rig.o->calls.n == 200);
	ask("q1", "AA"); /* there is room for what asks */
	find_again();
	CHECK_INT(told("StatusNotification"), 200);
	CHECK(rig.o->calls.n == 0);
	end();
}

static void set_slot(int slot, const char *url, int security_profile)
{
	char text[512];

	forget();
	snprintf(text, sizeof(text),
		 "{\"configurationSlot\":%d,\"connectionData\":{\"ocppVersion\":\"OCPP20\","
		 "\"ocppTransport\":\"JSON\",\"ocppCsmsUrl\":\"%s\",\"messageTimeout\":20,"
		 "\"securityProfile\":%d,\"ocppInterface\":\"Wired0\"}}",
		 slot, url, security_profile);
	call("SetNetworkProfile", text);
}

static void fail_to_connect(void)
{
	ocpp_closed(rig.o, rig.now, "refused", NULL);
	tick(1);
}

TEST(a_network_profile_is_judged_before_it_is_kept)
{
	begin();
	rig.conf.security_profile = 1;
	rig.o->conf.security_profile = 1;
	accepted();
	set_slot(1, "ws://y", 1);
	CHECK(sent("NotEnabled"));
	set_slot(5, "ws://y", 1);
	CHECK(sent("ValueOutOfRange"));
	set_slot(2, "ws://y", 0);
	CHECK(sent("UnsupportedParam"));
	set_slot(2, "ws://bad", 1);
	CHECK(sent("InvalidURL"));
	set_slot(2, "wss://y", 2); /* the rig has no keys for it */
	CHECK(sent("InvalidURL"));
	set_variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
	CHECK(sent("InvalidValue")); /* nothing is there */
	set_slot(2, "ws://y/ocpp/", 1);
	CHECK(sent("\"status\":\"Accepted\"") && said("ReconfigurationOfSecurityParameters"));
	forget();
	set_variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	CHECK_STR(rig.url, "");
	end();
}

TEST(connection_attempts_are_counted_and_the_next_profile_has_its_turn)
{
	begin();
	accepted();
	set_slot(3, "ws://y/ocpp", 0);
	set_variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "1,3");
	set_variable("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "2");
	drain();
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	fail_to_connect();
	CHECK_STR(rig.url, "");
	fail_to_connect();
	CHECK_STR(rig.url, "ws://y/ocpp/CS001");
	fail_to_connect();
	CHECK_STR(rig.url, "ws://y/ocpp/CS001");
	fail_to_connect();
	CHECK_STR(rig.url, "own");
	fail_to_connect();
	/* a success between begins the count anew */
	accepted();
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	fail_to_connect();
	CHECK_STR(rig.url, "own");
	fail_to_connect();
	CHECK_STR(rig.url, "ws://y/ocpp/CS001");
	/* the other back office hears of the boot and of each status, and has its own timeout */
	forget();
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	CHECK(sent("BootNotification") && said("\"url\":\"ws://y/ocpp/CS001\""));
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":300,\"status\":\"Accepted\"}");
	drain();
	CHECK_INT(told("StatusNotification"), 2);
	CHECK(reads("OCPPCommCtrlr", "ActiveNetworkProfile", "3"));
	heartbeat_send(rig.o, CALL_NORMAL);
	tick(0);
	CHECK(rig.o->calls.deadline_us - rig.now.mono_us == 20 * S);
	set_slot(3, "ws://z", 0);
	CHECK(sent("UnsupportedRequest"));
	end();
}

/* A password that is refused at each try would push out all that waits. */
TEST(tries_that_fail_do_not_fill_the_queue)
{
	begin();
	accepted();
	set_variable("OCPPCommCtrlr", "QueueAllMessages", "true");
	lose();
	pilot("B1");
	for (int i = 0; i < 300; i++)
		ocpp_closed(rig.o, rig.now, "refused", "FailedToAuthenticateAtCsms");
	forget();
	find_again();
	CHECK_INT(told("FailedToAuthenticateAtCsms"), 1);
	CHECK_INT(told("\"Occupied\""), 1);
	end();
}
