/* One session from the cable to the end reading, and each way it may go. */
#include "session_rig.h"

TEST(a_whole_session_in_order)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	session_announce(&s, 1, &now);
	SAID("idle");
	pilot(1, "A1", false);
	SAID("");
	pilot(1, "B1", false);
	SAID("connected");
	CHECK(!last.allow);
	CHECK(token(1, "a", "Accepted", "") == NULL);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK(!last.allow); /* the begin reading precedes closing */
	read_back(1234);
	SAID("signed");
	CHECK(last.allow);
	CHECK_NUM(last_reading.import_wh, 1234, 0);
	pilot(1, "C2", true);
	SAID("path_closed energy_on");
	CHECK_INT(last.state, SESSION_CHARGING);
	pass(5000);
	CHECK(token(1, "a", "Unknown", "") == NULL); /* the same token stops without a question */
	SAID("deauthorized");
	CHECK(!last.allow);
	CHECK_STR(last.reason, "Local");
	pilot(1, "B1", false);
	SAID("energy_off reading:End"); /* the end reading follows opening */
	read_back(2234);
	SAID("path_open");
	CHECK_INT(last.state, SESSION_FINISHING);
	pilot(1, "A1", false);
	SAID("departed");
	CHECK_INT(last.state, SESSION_ENDED);
	CHECK(session_next_ms(&s, 1, &now) == SESSION_NEVER);
}

TEST(token_before_plug_and_its_time_out)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	token(1, "a", "Accepted", "");
	SAID("auth:Accepted authorized");
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 60000);
	pilot(1, "B1", false);
	SAID("connected reading:Begin");
	begin(&c);
	token(1, "a", "Accepted", "");
	drain();
	said[0] = 0;
	pass(59999);
	SAID("");
	pass(1);
	SAID("deauthorized departed");
	CHECK_STR(last.reason, "Timeout");
}

TEST(readings_that_do_not_come_are_flagged_after_three_seconds)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	session_on_meter(&s, 1, 777, "777.0", 0, &now);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	SAID("connected auth:Accepted authorized reading:Begin");
	pass(2999);
	SAID("");
	pass(1);
	SAID("signed");
	CHECK(last_reading.flagged && last_reading.have);
	CHECK_NUM(last_reading.import_wh, 777, 0);
	CHECK_STR(last_reading.import_register, "777.0");
	session_stop(&s, 1, "", "Remote", &now);
	SAID("deauthorized reading:End");
	session_on_reading(&s, last_id, NULL, &now); /* there is no such meter */
	SAID("path_open");
	CHECK(last_reading.flagged);
	CHECK(!session_on_reading(&s, last_id, NULL, &now));
}

TEST(current_tells_energy_where_there_is_a_meter)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	read_back(0);
	session_on_meter(&s, 1, 0, "", 0, &now);
	drain();
	said[0] = 0;
	pilot(1, "C2", true);
	SAID("path_closed");
	session_on_meter(&s, 1, 1, "", 9.8, &now);
	SAID("energy_on");
	pilot(1, "B2", false); /* the car pauses */
	SAID("energy_off suspended_ev");
	pilot(1, "B1", false); /* now we hold it back */
	SAID("suspended_evse");
	pilot(1, "C2", true);
	SAID("path_closed energy_on");
	pilot(1, "C1", false);
	SAID("energy_off suspended_evse");
}

TEST(a_car_that_does_not_close_is_suspended_after_a_while)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	read_back(0);
	pilot(1, "B2", false);
	drain();
	said[0] = 0;
	pass(10000);
	SAID("suspended_ev");
	pass(10000);
	SAID("");
}

TEST(unplugging_ends_the_session)
{
	charge();
	pilot(1, "A2", true); /* the contactor follows within its time */
	SAID("deauthorized");
	CHECK_STR(last.reason, "EVDisconnected");
	pilot(1, "A1", false);
	SAID("energy_off reading:End");
	read_back(5);
	SAID("path_open departed");
}

TEST(a_contactor_that_stays_closed_does_not_hold_the_end_for_ever)
{
	charge();
	session_stop(&s, 1, "", "Remote", &now);
	SAID("deauthorized");
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 10000);
	pass(10000);
	SAID("reading:End");
}

TEST(faults_end_the_session_with_their_reason)
{
	charge();
	fault("GroundFault");
	SAID("deauthorized energy_off reading:End");
	CHECK_STR(last.reason, "GroundFault");
	read_back(1);
	SAID("path_open");
	CHECK_STR(token(1, "b", "Accepted", ""), "inoperative");
	pilot(1, "B1", false);
	CHECK(token(1, "c", "Accepted", "") == NULL);
	SAID("departed connected auth:Accepted authorized reading:Begin");
}

TEST(bounds_of_the_authorisation_end_it)
{
	struct session_conf c = conf_of(1);
	struct session_auth a = {
	    .verdict = "Accepted", .by = "ocpp", .stop_ms = 1060000, .energy_max_wh = 500};

	c.ocpp = true;
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	SAID("connected authorize");
	CHECK(session_on_verdict(&s, last_id, &a, &now));
	read_back(1000);
	pilot(1, "C2", true);
	drain();
	said[0] = 0;
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 60000);
	session_on_meter(&s, 1, 1499, "", 10, &now);
	SAID("");
	session_on_meter(&s, 1, 1500, "", 10, &now);
	SAID("deauthorized");
	CHECK_STR(last.reason, "EnergyLimitReached");
	/* the meter is exchanged half way */
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	drain();
	session_on_verdict(&s, last_id, &a, &now);
	read_back(1000);
	pilot(1, "C2", true);
	drain();
	said[0] = 0;
	session_on_meter(&s, 1, 1300, "", 10, &now);
	session_on_meter(&s, 1, 7, "", 10, &now);
	session_on_meter(&s, 1, 206, "", 10, &now);
	SAID("");
	session_on_meter(&s, 1, 207, "", 10, &now);
	SAID("deauthorized");
	CHECK_STR(last.reason, "EnergyLimitReached");
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	drain();
	session_on_verdict(&s, last_id, &a, &now);
	drain();
	said[0] = 0;
	now.mono_ms += 60000;
	now.wall_ms += 60000;
	session_on_meter(&s, 1, 0, "", 0, &now);
	SAID("deauthorized");
	CHECK_STR(last.reason, "TimeLimitReached");
}

TEST(an_unreachable_back_office_leaves_the_own_list)
{
	struct session_conf c = conf_of(1);

	c.ocpp = true;
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	SAID("connected authorize");
	CHECK_STR(token(1, "b", "Accepted", ""), "busy");
	pass(5000);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK_STR(last_auth.by, "list");
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	drain();
	CHECK(!session_on_verdict(&s, "other", NULL, &now));
	CHECK(session_on_verdict(&s, last_id, NULL, &now));
	SAID("connected authorize auth:Unknown");
	CHECK_INT(last.state, SESSION_CONNECTED);
	pass(3000);
	CHECK(token(1, "a", "Unknown", "") == NULL); /* may try again */
	SAID("authorize");
}

TEST(the_back_office_may_have_authorised_already)
{
	struct session_conf c = conf_of(1);
	struct session_token t = {.id_hash = "r",
				  .kind = "Central",
				  .authorized = true,
				  .has_remote_start = true,
				  .remote_start_id = 77};
	struct session_auth none = {.verdict = "Unknown"};

	c.ocpp = true;
	begin(&c);
	CHECK(session_on_token(&s, 1, &t, &none, &now) == NULL);
	SAID("auth:Accepted authorized");
	CHECK(last.has_remote_start && last.remote_start_id == 77);
	CHECK_STR(last_auth.by, "ocpp");
	pass(3000);
	CHECK_STR(session_on_token(&s, 1, &t, &none, &now), "busy");
}

TEST(only_the_same_token_or_its_group_stops)
{
	charge();
	pass(5000);
	CHECK(token(1, "b", "Accepted", "other") == NULL);
	SAID("auth:ConcurrentTx");
	CHECK(token(1, "c", "Invalid", "g") == NULL);
	SAID("auth:Invalid");
	CHECK(token(1, "d", "Accepted", "g") == NULL);
	SAID("auth:Accepted deauthorized");
	CHECK_STR(last.reason, "Local");
	CHECK_STR(token(1, "a", "Accepted", "g"), "busy");
}

/* OCPP 2.0.1 C16 */
TEST(a_master_token_stops_any_session_and_starts_none)
{
	struct session_conf c = conf_of(1);
	struct session_auth master = {.verdict = "Accepted", .by = "ocpp", .master = true};

	c.ocpp = true;
	begin(&c);
	pilot(1, "B1", false);
	token(1, "m", "Unknown", "");
	drain();
	CHECK(session_on_verdict(&s, last_id, &master, &now));
	drain();
	CHECK_STR(said, "connected authorize auth:Invalid");
	pass(5000);
	said[0] = 0;
	token(1, "a", "Unknown", "");
	drain();
	CHECK(session_on_verdict(&s, last_id, &(struct session_auth){.verdict = "Accepted"}, &now));
	read_back(100);
	pilot(1, "C2", true);
	pass(5000);
	drain();
	said[0] = 0;
	token(1, "m", "Unknown", "");
	drain();
	CHECK(session_on_verdict(&s, last_id, &master, &now));
	SAID("authorize auth:Accepted deauthorized");
	CHECK_STR(last.reason, "MasterPass");
}

TEST(a_card_held_on_is_one_swipe)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	pass(1500);
	CHECK_STR(token(1, "a", "Accepted", ""), "repeat");
	pass(1500);
	CHECK_STR(token(1, "a", "Accepted", ""), "repeat");
	pass(2000);
	drain();
	said[0] = 0;
	CHECK(token(1, "a", "Accepted", "") == NULL);
	SAID("deauthorized reading:End");
}

TEST(stopped_before_the_begin_reading_needs_no_end_reading)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	drain();
	said[0] = 0;
	CHECK(session_stop(&s, 0, s.evse[0].now.id, "Remote", &now));
	SAID("deauthorized");
	CHECK(!session_on_reading(&s, last_id, NULL, &now));
	pass(20000);
	SAID("");
	CHECK(token(1, "b", "Accepted", "") == NULL);
	SAID("departed connected auth:Accepted authorized reading:Begin");
	CHECK(!session_stop(&s, 2, "", "Remote", &now));
	CHECK(!session_stop(&s, 0, "", "Remote", &now));
	CHECK(!session_stop(&s, 0, "nobody", "Remote", &now));
}

TEST(free_vending_needs_no_token)
{
	struct session_conf c = conf_of(1);

	c.free = true;
	begin(&c);
	session_on_availability(&s, 1, false, &now);
	pilot(1, "B1", false);
	SAID("connected");
	CHECK_STR(token(1, "a", "Accepted", ""), "inoperative");
	session_on_availability(&s, 1, true, &now);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK_STR(last_auth.by, "free");
	CHECK(!session_on_availability(&s, 9, true, &now));
	CHECK(!session_on_meter(&s, 9, 0, "", 0, &now));
}

TEST(a_reader_for_several_finds_the_waiting_car)
{
	struct session_conf c = conf_of(3);

	begin(&c);
	CHECK_STR(token(0, "a", "Accepted", ""), "no_evse");
	pilot(2, "B1", false);
	CHECK_INT(session_place(&s, "a"), 2);
	token(0, "a", "Accepted", "");
	drain();
	CHECK_INT(session_place(&s, "a"), 2); /* its own session */
	pilot(1, "B1", false);
	CHECK_INT(session_place(&s, "a"), 1); /* a car that waits goes first */
	token(1, "b", "Accepted", "");
	drain();
	CHECK_INT(session_place(&s, "x"), 3); /* the only idle one */
}

TEST(words_both_ways)
{
	for (enum session_state st = 0; st < SESSION_STATES; st++)
		CHECK_INT(session_state_of(session_state_word(st)), st);
	CHECK_INT(session_state_of("nonsense"), SESSION_STATES);
}
