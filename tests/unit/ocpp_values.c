/* Limits, profiles, variables and meter values. */
#include "ocpp_rig.h"

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

static void measure(void)
{
	record("meter", "meter.1",
	       ",\"evse\":1,\"voltage_v\":[230,null,231],\"current_a\":[1,2,3],\"power_total_w\":"
	       "1380,\"import_wh\":12.5,"
	       "\"reactive_var\":[1,2,null],\"cosphi\":0.9,\"freq_hz\":50,\"export_wh\":0");
}

TEST(meter_values_come_at_the_clock)
{
	begin();
	accepted();
	measure();
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
	tick(899);
	measure();
	tick(1);
	answer("{\"currentTime\":\"2026-11-22T00:00:00Z\"}");
	CHECK(sent("\"MeterValues\"") && sent("Sample.Clock") && sent("\"value\":12.5") &&
	      sent("L1-N") && !sent("L2-N"));
	CHECK(sent("Power.Reactive.Import") && sent("Power.Offered") && sent("Frequency"));
	drain();
	edge("connected", "connected", "");
	edge("charging", "energy_on", "");
	drain();
	forget();
	tick(59);
	measure();
	tick(1);
	drain();
	CHECK(sent("MeterValuePeriodic") && sent("Sample.Periodic"));
	tick(839);
	measure();
	tick(1);
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
