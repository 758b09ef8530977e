/* What needs time or a silent back office: boot, alerts, orders, wrong answers. */
#include "ocpp_rig.h"

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

/* A CALLERROR without its details ends the wait of the call that it means. */
TEST(an_answer_that_is_no_message_is_not_waited_for)
{
	char text[128];
	int len;

	begin();
	accepted();
	record("pilot", "pilot.1", ",\"evse\":1,\"state\":\"B1\",\"faults\":[]");
	record("pilot", "pilot.2", ",\"evse\":2,\"state\":\"B1\",\"faults\":[]");
	CHECK(sent("\"evseId\":1") && !sent("\"evseId\":2"));
	len = snprintf(text, sizeof(text), "[4,\"%s\",\"GenericError\",\"\"]", rig.last_id);
	ocpp_receive(rig.o, rig.now, text, (size_t)len);
	tick(0);
	CHECK(sent("\"evseId\":2"));
	end();
}
