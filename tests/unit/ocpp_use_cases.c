/* Single requirements of use cases, as a back office would test them one by one. */
#include "ocpp_rig.h"

#include "ocpp/block.h"

static void set_variable(const char *component, const char *variable, const char *value)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"setVariableData\":[{\"component\":{\"name\":\"%s\"},\"variable\":{\"name\":"
		 "\"%s\"},\"attributeValue\":\"%s\"}]}",
		 component, variable, value);
	forget();
	call("SetVariables", text);
}

/* B05, B06: identifierString is compared without regard to case. */
TEST(names_of_variables_are_compared_without_case)
{
	begin();
	accepted();
	set_variable("txctrlr", "TXSTARTPOINT", "EVConnected");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	CHECK(sent("\"name\":\"txctrlr\"")); /* as it was asked */
	forget();
	call("GetReport", "{\"requestId\":1,\"componentVariable\":[{\"component\":{\"name\":"
			  "\"TXCTRLR\"},\"variable\":{\"name\":\"txstartpoint\"}}]}");
	CHECK(sent("\"value\":\"EVConnected\""));
	end();
}

TEST(a_list_has_no_empty_words_and_a_start_point_has_one)
{
	static const char *const bad[] = {"EVConnected,", ",EVConnected", "EVConnected,,Authorized",
					  "EVConnected,EVConnected", ""};

	begin();
	accepted();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_variable("TxCtrlr", "TxStartPoint", bad[i]);
		CHECK(sent("\"attributeStatus\":\"Rejected\""));
	}
	set_variable("SampledDataCtrlr", "TxUpdatedMeasurands", "");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	end();
}

/* G02: the interval that came last counts, by SetVariables or with the boot. */
TEST(the_heartbeat_interval_that_came_last_counts)
{
	begin();
	accepted();
	set_variable("OCPPCommCtrlr", "HeartbeatInterval", "50");
	forget();
	tick(50);
	CHECK(sent("\"Heartbeat\""));
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\"}");
	/* kept, and then another boot */
	rig.o->boot.state = BOOT_UNSENT;
	rig.o->boot.due_us = 0;
	tick(0);
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":120,\"status\":\"Accepted\"}");
	drain();
	forget();
	tick(60);
	CHECK(!sent("\"Heartbeat\""));
	tick(60);
	CHECK(sent("\"Heartbeat\""));
	forget();
	call("GetVariables", "{\"getVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},"
			     "\"variable\":{\"name\":\"HeartbeatInterval\"}}]}");
	CHECK(sent("\"attributeValue\":\"120\""));
	end();
}

/* G03: out of service is told although a car is plugged, as long as no transaction runs. */
TEST(an_evse_out_of_service_says_so_with_a_car_plugged)
{
	begin();
	accepted();
	record("pilot", "pilot.1", ",\"evse\":1,\"state\":\"B1\",\"faults\":[]");
	CHECK(sent("Occupied"));
	drain();
	forget();
	call("ChangeAvailability", "{\"operationalStatus\":\"Inoperative\",\"evse\":{\"id\":1}}");
	CHECK(sent("\"status\":\"Accepted\"") && sent("\"connectorStatus\":\"Unavailable\""));
	drain();
	forget();
	call("ChangeAvailability", "{\"operationalStatus\":\"Operative\",\"evse\":{\"id\":1}}");
	CHECK(sent("\"connectorStatus\":\"Occupied\""));
	end();
}

/* G03, G04: station, EVSE and connector each have their own state; in service needs all three. */
TEST(station_evse_and_connector_are_in_service_each_by_itself)
{
	begin();
	accepted();
	call("ChangeAvailability", "{\"operationalStatus\":\"Inoperative\",\"evse\":{\"id\":1}}");
	drain();
	call("ChangeAvailability", "{\"operationalStatus\":\"Inoperative\"}");
	drain();
	forget();
	call("ChangeAvailability", "{\"operationalStatus\":\"Operative\"}");
	CHECK(sent("\"connectorStatus\":\"Available\",\"evseId\":2"));
	drain();
	CHECK(!sent("\"connectorStatus\":\"Available\",\"evseId\":1"));
	CHECK(!said("\"src\":\"ocpp.avail.1\"") && said("\"src\":\"ocpp.avail.2\""));
	forget();
	call("ChangeAvailability",
	     "{\"operationalStatus\":\"Operative\",\"evse\":{\"id\":1,\"connectorId\":1}}");
	CHECK(sent("\"status\":\"Accepted\"") && !sent("StatusNotification"));
	forget();
	call("ChangeAvailability", "{\"operationalStatus\":\"Operative\",\"evse\":{\"id\":1}}");
	CHECK(sent("\"connectorStatus\":\"Available\",\"evseId\":1"));
	end();
}

/* G01: what was not sent before the connection was lost is told after it. */
TEST(a_status_that_was_not_sent_is_told_later)
{
	begin();
	accepted();
	heartbeat_send(rig.o, CALL_NORMAL); /* stands in the way, unanswered */
	record("pilot", "pilot.1", ",\"evse\":1,\"state\":\"B1\",\"faults\":[]");
	record("alert", "pilot.1.alert.z", ",\"evse\":1,\"code\":\"zz\",\"raised\":true");
	record("security", "pilot.1", ",\"event\":\"TamperDetectionActivated\",\"text\":\"\"");
	CHECK(!sent("Occupied"));
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	tick(1);
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	tick(0);
	drain();
	CHECK(sent("\"connectorStatus\":\"Occupied\""));
	CHECK(sent("\"techCode\":\"zz\""));
	CHECK(sent("TamperDetectionActivated"));
	end();
}

/* F06: what can't be sent is not promised. */
TEST(a_trigger_without_its_message_is_rejected)
{
	begin();
	accepted();
	call("TriggerMessage", "{\"requestedMessage\":\"TransactionEvent\"}");
	CHECK(sent("\"status\":\"Rejected\""));
	forget();
	call("TriggerMessage", "{\"requestedMessage\":\"MeterValues\",\"evse\":{\"id\":1}}");
	CHECK(sent("\"status\":\"Rejected\""));
	record("meter", "meter.1", ",\"evse\":1,\"import_wh\":5");
	forget();
	call("TriggerMessage", "{\"requestedMessage\":\"MeterValues\",\"evse\":{\"id\":2}}");
	CHECK(sent("\"status\":\"Rejected\""));
	forget();
	call("TriggerMessage", "{\"requestedMessage\":\"MeterValues\"}");
	CHECK(sent("\"status\":\"Accepted\"") && sent("\"MeterValues\""));
	drain();
	forget();
	call("TriggerMessage", "{\"requestedMessage\":\"StatusNotification\",\"evse\":{\"id\":1,"
			       "\"connectorId\":2}}");
	CHECK(sent("\"status\":\"Rejected\""));
	forget();
	call("TriggerMessage", "{\"requestedMessage\":\"StatusNotification\",\"evse\":{\"id\":1,"
			       "\"connectorId\":1}}");
	CHECK(sent("\"status\":\"Accepted\"") && sent("\"StatusNotification\""));
	end();
}

/* F01: the profile of a remote start is judged before the start is accepted. */
TEST(a_remote_start_with_a_bad_profile_is_rejected)
{
	static const char *const bad[] = {
	    "\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":"
	    "\"Relative\",\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":\"A\","
	    "\"chargingSchedulePeriod\":[{\"startPeriod\":10,\"limit\":9}]}]",
	    "\"stackLevel\":100,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":"
	    "\"Relative\",\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":\"A\","
	    "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9}]}]",
	    "\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":"
	    "\"Absolute\",\"chargingSchedule\":[{\"id\":1,\"chargingRateUnit\":\"A\","
	    "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9}]}]",
	    "\"stackLevel\":0,\"chargingProfilePurpose\":\"TxDefaultProfile\","
	    "\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":[{\"id\":1,"
	    "\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,"
	    "\"limit\":9}]}]"};
	char text[1024];

	begin();
	accepted();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		forget();
		snprintf(text, sizeof(text),
			 "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},\"remoteStartId\":"
			 "5,\"evseId\":1,\"chargingProfile\":{\"id\":3,%s}}",
			 bad[i]);
		call("RequestStartTransaction", text);
		CHECK(sent("\"status\":\"Rejected\""));
		CHECK(!said("\"type\":\"token\""));
	}
	end();
}

/* F01: the group of the token that starts. */
TEST(a_remote_start_names_its_group)
{
	begin();
	accepted();
	forget();
	call("RequestStartTransaction",
	     "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},"
	     "\"groupIdToken\":{\"idToken\":\"FLEET\",\"type\":\"Central\"},"
	     "\"remoteStartId\":5,\"evseId\":1}");
	CHECK(sent("\"status\":\"Accepted\""));
	CHECK(said("\"token\":{\"id\":\"R\",\"kind\":\"Central\",\"group\":\"FLEET\"}"));
	end();
}

/* K01.FR.19, .20: a phase to use goes with one phase, where the EVSE can switch. */
TEST(phase_to_use_is_rejected)
{
	begin();
	accepted();
	call("SetChargingProfile", "{\"evseId\":1,\"chargingProfile\":{\"id\":1,\"stackLevel\":0,"
				   "\"chargingProfilePurpose\":\"TxDefaultProfile\","
				   "\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":[{"
				   "\"id\":1,\"chargingRateUnit\":\"A\","
				   "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9,"
				   "\"numberPhases\":1,\"phaseToUse\":2}]}]}}");
	CHECK(sent("\"status\":\"Rejected\""));
	end();
}

/* B12: until the scheduled reset, nobody new begins. */
TEST(a_scheduled_reset_takes_idle_evses_out_of_service)
{
	begin();
	accepted();
	edge("connected", "connected", "");
	edge("charging", "path_closed", "");
	drain();
	forget();
	call("Reset", "{\"type\":\"OnIdle\"}");
	CHECK(sent("Scheduled"));
	drain();
	CHECK(sent("\"connectorStatus\":\"Unavailable\",\"evseId\":2"));
	CHECK(said("\"src\":\"ocpp.avail.2\"") && said("\"operative\":false"));
	forget();
	call("RequestStartTransaction", "{\"idToken\":{\"idToken\":\"R\",\"type\":\"Central\"},"
					"\"remoteStartId\":6,\"evseId\":2}");
	CHECK(sent("\"status\":\"Rejected\""));
	end();
}

/* C01: a token that is good for some EVSEs only. */
TEST(a_token_may_be_good_for_some_evses_only)
{
	begin();
	accepted();
	record("command", "session",
	       ",\"evse\":1,\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"token\":{"
	       "\"id\":\"X\",\"kind\":\"ISO14443\"}");
	answer("{\"idTokenInfo\":{\"status\":\"Accepted\",\"evseId\":[2]}}");
	CHECK(said("\"id\":\"q1\"") && said("\"verdict\":\"NotAllowedTypeEVSE\"") &&
	      !said("\"verdict\":\"Accepted\""));
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	forget();
	record("command", "session",
	       ",\"evse\":1,\"to\":\"ocpp\",\"id\":\"q2\",\"kind\":\"authorize\",\"token\":{"
	       "\"id\":\"X\",\"kind\":\"ISO14443\"}");
	CHECK(said("NotAllowedTypeEVSE"));
	forget();
	record("command", "session",
	       ",\"evse\":2,\"to\":\"ocpp\",\"id\":\"q3\",\"kind\":\"authorize\",\"token\":{"
	       "\"id\":\"X\",\"kind\":\"ISO14443\"}");
	CHECK(said("\"verdict\":\"Accepted\""));
	end();
}

/* B02.FR.05: a station that is only Pending starts and stops nothing. */
TEST(pending_neither_starts_nor_stops)
{
	begin();
	accepted();
	edge("connected", "connected", "");
	edge("charging", "path_closed", "");
	drain();
	char text[128], id[37];
	snprintf(id, sizeof(id), "%s", rig.o->evse[1].tx.id);
	rig.o->boot.state = BOOT_PENDING;
	rig.o->boot.due_us = INT64_MAX;
	forget();
	snprintf(text, sizeof(text), "{\"transactionId\":\"%s\"}", id);
	call("RequestStopTransaction", text);
	CHECK(sent("\"status\":\"Rejected\"") && sent("CSNotAccepted"));
	CHECK(!said("\"kind\":\"stop\""));
	end();
}

/* E07: the token that stops is told with the stop. */
TEST(a_stop_by_token_names_the_token)
{
	begin();
	accepted();
	record("auth", "session.1",
	       ",\"evse\":1,\"verdict\":\"Accepted\",\"token\":{\"id\":\"AA\",\"kind\":"
	       "\"ISO14443\"},\"session\":\"s1\"");
	edge("connected", "connected", "");
	edge("authorized", "authorized", "");
	drain();
	forget();
	record("auth", "session.1",
	       ",\"evse\":1,\"verdict\":\"Accepted\",\"token\":{\"id\":\"BB\",\"kind\":"
	       "\"ISO14443\"},\"session\":\"s1\"");
	edge("finishing", "deauthorized", ",\"reason\":\"Local\"");
	drain();
	CHECK(sent("\"triggerReason\":\"StopAuthorized\"") && sent("\"idToken\":\"BB\""));
	end();
}

/* An answer that can't be read is no request: it is not answered. */
TEST(a_broken_answer_is_not_answered)
{
	begin();
	accepted();
	ocpp_receive(rig.o, rig.now, "[3]", 3);
	ocpp_receive(rig.o, rig.now, "[4,7,\"x\"]", 9);
	ocpp_receive(rig.o, rig.now, "[3,\"x\"]", 7);
	CHECK(!sent("[4,"));
	ocpp_receive(rig.o, rig.now, "[2]", 3);
	CHECK(sent("[4,\"-1\",\"RpcFrameworkError\""));
	end();
}

/* J01: what the meter said long ago is no value of this instant. */
TEST(a_silent_meter_has_no_clock_aligned_value)
{
	begin();
	accepted();
	record("meter", "meter.1", ",\"evse\":1,\"import_wh\":5");
	rig.o->evse[1].meter.t_us = rig.now.real_us;
	tick(900);
	drain();
	CHECK(!sent("\"MeterValues\""));
	end();
}

/* K08: an instant has one period, also where a transaction began within the second. */
TEST(a_composite_schedule_has_one_period_an_instant)
{
	begin();
	accepted();
	rig.now.real_us += 500000;
	edge("connected", "connected", ",\"edge_t\":\"2026-11-22T00:00:00.500Z\"");
	edge("charging", "path_closed", ",\"edge_t\":\"2026-11-22T00:00:00.500Z\"");
	drain();
	call("SetChargingProfile", "{\"evseId\":1,\"chargingProfile\":{\"id\":1,\"stackLevel\":0,"
				   "\"chargingProfilePurpose\":\"TxDefaultProfile\","
				   "\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":[{"
				   "\"id\":1,\"chargingRateUnit\":\"A\","
				   "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9},{"
				   "\"startPeriod\":60,\"limit\":8}]}]}}");
	forget();
	call("GetCompositeSchedule", "{\"evseId\":1,\"duration\":100}");
	CHECK(sent("[{\"startPeriod\":0,\"limit\":9,\"numberPhases\":3},{\"startPeriod\":60,"
		   "\"limit\":8,\"numberPhases\":3}]"));
	end();
}

/* What a reconnected back office never asked is not answered. */
TEST(a_late_answer_does_not_cross_a_reconnection)
{
	begin();
	accepted();
	call("UnlockConnector", "{\"evseId\":1,\"connectorId\":1}");
	ocpp_closed(rig.o, rig.now, "lost", NULL);
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){0});
	drain();
	forget();
	tick(6);
	CHECK(!sent("UnlockFailed"));
	end();
}

/* The plug's time-out is evse-session's: it is told what was written, and again when it restarts.
 */
TEST(the_plug_timeout_is_told_to_who_waits)
{
	begin();
	accepted();
	set_variable("TxCtrlr", "EVConnectionTimeOut", "0");
	CHECK(sent("\"attributeStatus\":\"Rejected\"") && !said("\"kind\":\"set\""));
	set_variable("TxCtrlr", "EVConnectionTimeOut", "90");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	CHECK(said("\"to\":\"session\"") && said("\"kind\":\"set\"") &&
	      said("\"values\":{\"plug-timeout\":90}"));
	forget();
	edge("idle", "", "");
	CHECK(said("\"kind\":\"set\""));
	forget();
	edge("connected", "connected", "");
	CHECK(!said("\"kind\":\"set\""));
	end();
}

/* C16: the group of the master pass is told to evse-session with the verdict. */
TEST(a_token_of_the_master_group_is_marked)
{
	begin();
	accepted();
	set_variable("AuthCtrlr", "MasterPassGroupId", "Keys");
	CHECK(sent("\"attributeStatus\":\"Accepted\""));
	record("command", "session",
	       ",\"evse\":1,\"to\":\"ocpp\",\"id\":\"q1\",\"kind\":\"authorize\",\"token\":{"
	       "\"id\":\"X\",\"kind\":\"ISO14443\"}");
	answer("{\"idTokenInfo\":{\"status\":\"Accepted\",\"groupIdToken\":{\"idToken\":\"KEYS\","
	       "\"type\":\"Central\"}}}");
	CHECK(said("\"verdict\":\"Accepted\",\"group\":\"KEYS\",\"master\":true"));
	end();
}

/* N07: an event is of the variable that its alert names. */
TEST(an_alert_names_its_variable)
{
	begin();
	accepted();
	record("alert", "pilot.1.alert.estop",
	       ",\"evse\":1,\"code\":\"estop\",\"component\":\"EmergencyStopSensor\","
	       "\"variable\":\"Tripped\",\"raised\":true");
	CHECK(sent("\"name\":\"EmergencyStopSensor\"") && sent("\"name\":\"Tripped\""));
	forget();
	drain();
	record("alert", "meter.1.alert.comm", ",\"code\":\"comm\",\"raised\":true");
	CHECK(sent("\"name\":\"Problem\""));
	end();
}

/* D01: which of two entries of a token would count? Neither is taken. */
TEST(a_local_list_with_a_token_twice_is_not_taken)
{
	begin();
	accepted();
	call("SendLocalList",
	     "{\"versionNumber\":3,\"updateType\":\"Full\",\"localAuthorizationList\":[{"
	     "\"idToken\":{\"idToken\":\"aa\",\"type\":\"ISO14443\"},\"idTokenInfo\":{"
	     "\"status\":\"Accepted\"}},{\"idToken\":{\"idToken\":\"AA\",\"type\":\"ISO14443\"},"
	     "\"idTokenInfo\":{\"status\":\"Blocked\"}}]}");
	CHECK(sent("\"status\":\"Failed\""));
	forget();
	call("GetLocalListVersion", "{}");
	CHECK(sent("\"versionNumber\":0"));
	end();
}

/* B07, K09: what is promised is sent whole, or it is not promised. */
TEST(a_report_that_finds_no_room_is_rejected)
{
	int accepted_ones = 0;

	begin();
	accepted();
	for (int i = 0; i < 60; i++) {
		forget();
		call("GetBaseReport", "{\"requestId\":1,\"reportBase\":\"FullInventory\"}");
		accepted_ones += sent("\"status\":\"Accepted\"");
	}
	CHECK(sent("\"status\":\"Rejected\"") && accepted_ones > 30 && accepted_ones < 60);
	forget();
	call("GetChargingProfiles", "{\"requestId\":2,\"chargingProfile\":{}}");
	CHECK(sent("InternalError"));
	end();
}

static void send_list(const char *kind, int version, int first, int n, const char *info)
{
	struct buf b;

	buf_init(&b, 1 << 18);
	buf_addf(&b,
		 "[2,\"l%d\",\"SendLocalList\",{\"versionNumber\":%d,\"updateType\":\"%s\","
		 "\"localAuthorizationList\":[",
		 version, version, kind);
	for (int i = first; i < first + n; i++)
		buf_addf(&b, "%s{\"idToken\":{\"idToken\":\"%d\",\"type\":\"ISO14443\"}%s}",
			 i > first ? "," : "", i, info);
	buf_adds(&b, "]}]");
	forget();
	ocpp_receive(rig.o, rig.now, buf_str(&b), b.len);
	buf_release(&b);
}

/* D01: a full list can still be changed, and shrink. */
TEST(a_full_list_takes_changes_that_add_nothing)
{
	static const char good[] = ",\"idTokenInfo\":{\"status\":\"Accepted\"}";

	begin();
	accepted();
	send_list("Full", 1, 0, CACHE_MAX, good);
	CHECK(sent("\"status\":\"Accepted\""));
	send_list("Differential", 2, 0, 10, good);
	CHECK(sent("\"status\":\"Accepted\""));
	send_list("Differential", 3, 5000, 1, good);
	CHECK(sent("TooManyElements"));
	send_list("Differential", 4, 0, 600, "");
	CHECK(sent("\"status\":\"Accepted\"") && rig.o->list.n == CACHE_MAX - 600);
	send_list("Differential", 5, 5000, 600, good);
	CHECK(sent("\"status\":\"Accepted\"") && rig.o->list.n == CACHE_MAX);
	end();
}
