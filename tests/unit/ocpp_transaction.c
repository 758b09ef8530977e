/* Transactions and who may start them, with and without a back office. */
#include "ocpp_rig.h"

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

static void measure(double wh)
{
	char text[96];

	snprintf(text, sizeof(text), ",\"evse\":1,\"import_wh\":%.1f", wh);
	record("meter", "meter.1", text);
}

/* E06.FR.07: the energy stops, the session does not: no reading follows, so the meter's value ends
 * it; the begin reading would say that nothing was charged. */
TEST(a_transaction_that_ends_with_the_energy_has_the_meters_value)
{
	begin();
	accepted();
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"TxCtrlr\"},\"variable\":{\"name\":"
	     "\"TxStopPoint\"},\"attributeValue\":\"EnergyTransfer\"},{\"component\":{\"name\":"
	     "\"TxCtrlr\"},\"variable\":{\"name\":\"TxStartPoint\"},\"attributeValue\":"
	     "\"EnergyTransfer\"}]}");
	measure(100);
	edge("connected", "connected", "");
	edge("authorized", "authorized", "");
	edge("authorized", "signed", ",\"reading\":{\"import_wh\":100}");
	edge("authorized", "path_closed", "");
	tick(5);
	edge("charging", "energy_on", "");
	drain();
	CHECK(sent("\"eventType\":\"Started\""));
	tick(600);
	drain();
	measure(1500);
	forget();
	edge("suspended_ev", "suspended_ev", "");
	drain();
	CHECK(sent("\"eventType\":\"Ended\"") && sent("\"stoppedReason\":\"StoppedByEV\""));
	CHECK(sent("\"value\":1500,\"context\":\"Transaction.End\""));
	CHECK(sent("\"value\":100,\"context\":\"Transaction.Begin\""));
	CHECK(sent("\"chargingState\":\"SuspendedEV\""));
	/* the car takes up again: the next transaction begins with the meter's value of then */
	forget();
	measure(1500);
	edge("charging", "energy_on", "");
	drain();
	CHECK(sent("\"eventType\":\"Started\""));
	tick(60);
	measure(1600);
	forget();
	edge("finishing", "deauthorized", ",\"reason\":\"Local\"");
	edge("finishing", "path_open", ",\"reason\":\"Local\",\"reading\":{\"import_wh\":1601}");
	drain();
	CHECK(sent("\"eventType\":\"Ended\"") && sent("\"stoppedReason\":\"Local\""));
	CHECK(sent("\"value\":1601,\"context\":\"Transaction.End\""));
	CHECK(sent("\"value\":1500,\"context\":\"Transaction.Begin\""));
	end();
}

/* Each transaction of a session has an id of its own; the first one has the session's. */
TEST(no_transaction_id_is_used_twice)
{
	static const char id[] = "11111111-2222-4333-8444-555555555555";
	char text[256];
	int own = 0;

	begin();
	accepted();
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"TxCtrlr\"},\"variable\":{\"name\":"
	     "\"TxStopPoint\"},\"attributeValue\":\"EnergyTransfer\"},{\"component\":{\"name\":"
	     "\"TxCtrlr\"},\"variable\":{\"name\":\"TxStartPoint\"},\"attributeValue\":"
	     "\"EnergyTransfer\"}]}");
	forget();
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text),
			 ",\"evse\":1,\"id\":\"%s\",\"state\":\"%s\",\"edge\":\"%s\"", id,
			 i % 2 ? "suspended_ev" : "charging", i % 2 ? "suspended_ev" : "energy_on");
		record("session", "session.1", text);
		tick(1);
		drain();
	}
	for (const char *at = rig.sent; (at = strstr(at, "\"eventType\":\"Started\"")); at++) {
		const char *end_of = strchr(at, '\n'), *found = strstr(at, id);

		own += found && end_of && found < end_of;
	}
	CHECK_INT(own, 1);
	end();
}

/* TxStopPoint EnergyTransfer, and no energy ever flowed: nothing else would end it. */
TEST(a_car_that_has_left_leaves_no_transaction)
{
	begin();
	accepted();
	call("SetVariables",
	     "{\"setVariableData\":[{\"component\":{\"name\":\"TxCtrlr\"},\"variable\":{\"name\":"
	     "\"TxStopPoint\"},\"attributeValue\":\"EnergyTransfer\"}]}");
	edge("connected", "connected", "");
	edge("authorized", "authorized", "");
	drain();
	CHECK(sent("\"eventType\":\"Started\""));
	edge("finishing", "deauthorized", ",\"reason\":\"Local\"");
	edge("ended", "departed", ",\"reason\":\"Local\"");
	drain();
	CHECK(sent("\"eventType\":\"Ended\"") && sent("\"stoppedReason\":\"Local\""));
	end();
}
