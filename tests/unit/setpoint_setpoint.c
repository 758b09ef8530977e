/* One EVSE: what the car, the cable, the session and the limits make of it. */
#include "setpoint_rig.h"

TEST(nothing_heard_is_zero)
{
	begin(1);
	decide(0);
	CHECK(d[0].known && !d[0].enable);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "no_live");
	hear(1, 'A', 0, 0);
	decide(1);
	CHECK(!d[0].enable);
	CHECK_STR(winner(0), "no_session");
	CHECK(!setpoint_on_pilot(&s, 2, &s.evse[0].pilot, 0));
	setpoint_release(&s);
}

TEST(unmanaged_follows_the_car_and_the_cable)
{
	begin(1);
	hear(1, 'B', 0, 0);
	decide(0);
	CHECK(d[0].enable);
	CHECK_NUM(d[0].import_max_a, 32, 0);
	CHECK_STR(winner(0), "cable");
	CHECK_STR(d[0].because[0].src, "pilot.1");
	CHECK_INT(next_ms, 15000);
	decide(15000); /* the pilot fell silent */
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "no_live");
	hear(1, 'F', 0, 15001);
	decide(15001);
	CHECK_STR(winner(0), "fault");
	CHECK_NUM(d[0].import_max_a, 0, 0);
	setpoint_release(&s);
}

TEST(managed_follows_the_session)
{
	struct setpoint_conf c = begin(1);
	struct setpoint_session r = {.src = "session.1", .n = "s.1", .id = "abc"};

	c.managed = true;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 0, 0);
	decide(0);
	CHECK_STR(winner(0), "no_session");
	setpoint_on_session(&s, 1, &r);
	decide(0);
	CHECK_STR(winner(0), "not_allowed");
	CHECK(!d[0].enable);
	CHECK_STR(d[0].session, "abc");
	r.allow = true;
	setpoint_on_session(&s, 1, &r);
	decide(0);
	CHECK(d[0].enable);
	CHECK_NUM(d[0].import_max_a, 32, 0);
	r.ended = true;
	setpoint_on_session(&s, 1, &r);
	decide(0);
	CHECK(!d[0].enable);
	CHECK_STR(d[0].session, "");
	r.ended = false;
	setpoint_on_session(&s, 1, &r);
	setpoint_forget_session(&s, 1);
	decide(0);
	CHECK_STR(winner(0), "no_session");
	setpoint_release(&s);
}

TEST(ceilings_intersect_and_the_highest_setpoint_is_clamped)
{
	begin(1);
	add_source("site", LEASE_SITE);
	add_source("ocpp.*", LEASE_CONTRACT);
	hear(1, 'C', 6, 0);
	say("site", LEASE_EVSE, 1, IMPORT_A, 20, 0);
	say("ocpp.tx.1", LEASE_EVSE, 1, SETPOINT_A, 10, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	CHECK_STR(winner(0), "setpoint");
	CHECK_STR(d[0].because[0].src, "ocpp.tx.1");
	CHECK_STR(d[0].because[0].n, "l.1");
	CHECK_INT(d[0].because_count, 3); /* site and cable lost */
	CHECK_STR(d[0].because[1].src, "site");
	CHECK(!d[0].because[1].winner);
	say("site", LEASE_EVSE, 1, SETPOINT_A, 25, 0); /* outranks, and is now no ceiling */
	decide(0);
	CHECK_NUM(d[0].import_max_a, 25, 0);
	say("ocpp.tx.1", LEASE_EVSE, 1, IMPORT_A, 12.34, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 12.3, 0);
	CHECK_STR(winner(0), "ceiling");
	say("ocpp.tx.1", LEASE_EVSE, 1, IMPORT_A, 5, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "phase_min");
	say("ocpp.tx.1", LEASE_EVSE, 1, IMPORT_A, 0, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "ceiling");
	say("ocpp.tx.1", LEASE_EVSE, 1, SETPOINT_A, -10, 0);
	say("site", LEASE_EVSE, 1, IMPORT_A, 20, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_NUM(d[0].export_max_a, 0, 0);
	CHECK_STR(winner(0), "setpoint");
	decide(30000); /* both leases ran out */
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "no_live");
	hear(1, 'C', 6, 30000);
	decide(30000);
	CHECK_NUM(d[0].import_max_a, 6, 0);
	CHECK_STR(winner(0), "lease_expired");
	setpoint_release(&s);
}

TEST(watts_become_amperes_by_the_measured_or_nominal_voltage)
{
	struct setpoint_meter m = meter(240, 0, 0);
	struct setpoint_pilot p = pilot(1, 'C', 6);

	begin(1);
	add_source("ocpp.*", LEASE_CONTRACT);
	hear(1, 'C', 6, 0);
	say("ocpp.max", LEASE_EVSE, 0, IMPORT_W, 6900, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	setpoint_on_meter(&s, 1, &m, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 9.5, 0); /* 9.58 */
	CHECK_INT(next_ms, 5000);
	decide(5000);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	p.phases = 1;
	begin(1);
	add_source("ocpp.*", LEASE_CONTRACT);
	setpoint_on_pilot(&s, 1, &p, 0);
	say("ocpp.max", LEASE_EVSE, 0, IMPORT_W, 2300, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	CHECK_INT(d[0].phases, 1);
	setpoint_release(&s);
}

TEST(held_until_the_retained_set_has_ended)
{
	struct setpoint_conf c = begin(1);

	setpoint_init(&s, &c);
	decide(0);
	CHECK(!d[0].known);
	hear(1, 'C', 10, 0);
	decide(1999);
	CHECK(!d[0].known);
	decide(2000);
	CHECK(d[0].known);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	CHECK_STR(winner(0), "start_hold");
	setpoint_go_live(&s);
	decide(2001);
	CHECK_NUM(d[0].import_max_a, 32, 0);
	setpoint_release(&s);
}

TEST(ramp_and_randomised_delay_hold_a_rise_only)
{
	struct setpoint_conf c = begin(1);

	c.ramp_a_per_s = 1;
	c.delay_max_ms = 60000;
	c.seed = 7;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	add_source("site", LEASE_SITE);
	hear(1, 'B', 0, 0);
	say("site", LEASE_EVSE, 0, IMPORT_A, 20, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_STR(winner(0), "random_delay");
	CHECK(next_ms > 0 && next_ms <= 60000);
	setpoint_cancel_delay(&s, 0);
	decide(1);
	CHECK_NUM(d[0].import_max_a, 6, 0);
	CHECK_STR(winner(0), "ramp");
	CHECK_INT(next_ms, 101);
	decide(2001);
	CHECK_NUM(d[0].import_max_a, 8, 0);
	say("site", LEASE_EVSE, 0, IMPORT_A, 7, 2001);
	decide(2001);
	CHECK_NUM(d[0].import_max_a, 7, 0);
	CHECK_STR(winner(0), "ceiling");
	/* A restart of the program meets a car under way: no delay, no ramp from the bottom. */
	setpoint_release(&s);
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 16, 5000);
	decide(5000);
	CHECK_NUM(d[0].import_max_a, 16, 0);
	setpoint_release(&s);
}

TEST(phases_asked_for_and_heat_count)
{
	struct setpoint_pilot hot = pilot(1, 'C', 16);
	struct lease_limit l = {.src = "site", .scope = LEASE_EVSE, .valid_ms = 1000, .count = 1};

	begin(1);
	add_source("site", LEASE_SITE);
	hot.thermal_a = 9.95;
	setpoint_on_pilot(&s, 1, &hot, 0);
	l.entries = calloc(1, sizeof *l.entries);
	l.entries->at_ms = INT64_MIN;
	l.entries->phases = 1;
	l.entries->import_max_w = (struct lease_amount){true, true, {6900, 0, 0}};
	lease_take(&s.leases, &l, 0);
	decide(0); /* three are still connected: 6900 W are 10 A until the switch is done */
	CHECK_INT(d[0].phases, 1);
	CHECK_NUM(d[0].import_max_a, 9.9, 0);
	CHECK_STR(winner(0), "thermal");
	setpoint_release(&s);
}

TEST(because_keeps_the_lowest_of_many)
{
	begin(1);
	add_source("site.*", LEASE_SITE);
	hear(1, 'C', 6, 0);
	for (int i = 0; i < 40; i++) {
		char src[LEASE_SRC_MAX];

		snprintf(src, sizeof src, "site.%d", i);
		say(src, LEASE_EVSE, 1, IMPORT_A, 30 - i * 0.5, 0);
	}
	decide(0);
	CHECK_INT(d[0].because_count, SETPOINT_BECAUSE_MAX);
	CHECK_STR(d[0].because[0].src, "site.39");
	CHECK_STR(d[0].because[1].src, "site.38");
	CHECK_NUM(d[0].import_max_a, 10.5, 0);
	setpoint_release(&s);
}

TEST(differs_tells_what_an_actuator_must_know)
{
	struct setpoint_decision a, b;

	begin(1);
	hear(1, 'C', 6, 0);
	decide(0);
	a = b = d[0];
	CHECK(!setpoint_differs(&a, &b));
	b.import_max_a -= 0.1;
	CHECK(setpoint_differs(&a, &b));
	b = a;
	b.enable = false;
	CHECK(setpoint_differs(&a, &b));
	b = a;
	b.because[0].rule = SETPOINT_CEILING;
	CHECK(setpoint_differs(&a, &b));
	setpoint_release(&s);
}

TEST(every_rule_has_its_word)
{
	for (enum setpoint_rule r = 0; r < SETPOINT_RULES; r++)
		CHECK(setpoint_rule_word(r)[0] != 0);
}
