#include "harness.h"
#include "setpoint/setpoint.h"

static struct setpoint s;
static struct setpoint_decision d[SETPOINT_EVSES_MAX];
static int64_t next_ms;

static struct setpoint_pilot pilot(int evse, char state, double limit_a)
{
	struct setpoint_pilot p = {.state = state,
				   .pwm = limit_a > 0,
				   .limit_a = limit_a,
				   .cable_a = 32,
				   .thermal_a = HUGE_VAL,
				   .step_a = 0.1,
				   .phases = 3};

	snprintf(p.src, sizeof p.src, "pilot.%d", evse);
	snprintf(p.n, sizeof p.n, "p.%d", evse);
	return p;
}

static void hear(int evse, char state, double limit_a, int64_t now)
{
	struct setpoint_pilot p = pilot(evse, state, limit_a);

	setpoint_on_pilot(&s, evse, &p, now);
}

static struct setpoint_meter meter(double v, double a, double w)
{
	struct setpoint_meter m = {.src = "meter.x", .n = "m.1", .power_total_w = 3 * w};

	for (int ph = 0; ph < 3; ph++) {
		m.voltage_v[ph] = v;
		m.current_a[ph] = a;
		m.power_w[ph] = w;
	}
	return m;
}

static void add_source(const char *pattern, enum lease_rank rank)
{
	struct lease_source src = {
	    .rank = rank, .scopes = 0xf, .max_valid_ms = 600000, .fail_safe_scope = LEASE_EVSE};

	snprintf(src.pattern, sizeof src.pattern, "%s", pattern);
	src.fail_safe.import_max_a = (struct lease_amount){.set = true, .v = {6, 6, 6}};
	lease_add_source(&s.leases, &src);
}

enum kind { IMPORT_A, IMPORT_W, SETPOINT_A, SETPOINT_W };

static void say(const char *src, enum lease_scope scope, int evse, enum kind kind, double value,
		int64_t now)
{
	struct lease_limit l = {.scope = scope, .evse = evse, .valid_ms = 30000, .count = 1};
	struct lease_amount v = {.set = true,
				 .total = kind == IMPORT_W || kind == SETPOINT_W,
				 .v = {value, value, value}};

	snprintf(l.src, sizeof l.src, "%s", src);
	snprintf(l.n, sizeof l.n, "l.1");
	l.entries = calloc(1, sizeof *l.entries);
	l.entries->at_ms = INT64_MIN;
	switch (kind) {
	case IMPORT_A:
		l.entries->import_max_a = v;
		break;
	case IMPORT_W:
		l.entries->import_max_w = v;
		break;
	case SETPOINT_A:
		l.entries->setpoint_a = v;
		break;
	case SETPOINT_W:
		l.entries->setpoint_w = v;
		break;
	}
	lease_take(&s.leases, &l, now);
}

static void decide(int64_t now)
{
	struct lease_clock c = {now, 1000000 + now, true};

	setpoint_decide(&s, &c, d, &next_ms);
}

static struct setpoint_conf begin(int evses)
{
	struct setpoint_conf c;

	setpoint_release(&s);
	setpoint_conf_init(&c);
	c.evses = evses;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	return c;
}

static const char *winner(int i)
{
	return d[i].because_count && d[i].because[0].winner
		   ? setpoint_rule_word(d[i].because[0].rule)
		   : "";
}

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

TEST(the_station_gives_minima_in_order_then_shares)
{
	struct setpoint_conf c = begin(3);

	c.ceiling_a = 32;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(2, 'C', 6, 0);
	hear(1, 'C', 6, 1);
	decide(1);
	CHECK_NUM(d[0].import_max_a, 16, 0);
	CHECK_NUM(d[1].import_max_a, 16, 0);
	CHECK_STR(winner(0), "station_share");
	hear(3, 'C', 6, 2);
	decide(2);
	CHECK_NUM(d[2].import_max_a, 10.6, 0);
	add_source("ocpp.*", LEASE_CONTRACT);
	say("ocpp.ext", LEASE_STATION, 0, IMPORT_A, 13, 2);
	decide(2);
	CHECK_NUM(d[0].import_max_a, 6.5, 0);
	CHECK_NUM(d[1].import_max_a, 6.5, 0);
	CHECK_NUM(d[2].import_max_a, 0, 0);
	CHECK(d[2].enable);
	CHECK_STR(winner(2), "minimum_wait");
	CHECK_STR(d[2].because[0].src, "ocpp.ext");
	hear(2, 'A', 0, 3); /* the first leaves */
	decide(3);
	CHECK_NUM(d[2].import_max_a, 6.5, 0);
	say("ocpp.ext", LEASE_STATION, 0, IMPORT_W, 4140, 3);
	decide(3);
	CHECK_NUM(d[0].import_max_a, 6, 0);
	CHECK_NUM(d[2].import_max_a, 0, 0);
	setpoint_release(&s);
}

TEST(one_phase_cars_load_their_own_phase)
{
	struct setpoint_conf c = begin(2);
	struct setpoint_pilot one = pilot(1, 'C', 6), two = pilot(2, 'C', 6);

	c.ceiling_a = 20;
	c.first_phase[1] = 1;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	one.phases = two.phases = 1;
	setpoint_on_pilot(&s, 1, &one, 0);
	setpoint_on_pilot(&s, 2, &two, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 20, 0);
	CHECK_NUM(d[1].import_max_a, 20, 0);
	setpoint_release(&s);
}

TEST(the_house_comes_off_the_connection)
{
	struct setpoint_conf c = begin(1);
	struct setpoint_meter pcc = meter(230, 30, 6900), ev = meter(230, 16, 3680);

	c.pcc_ceiling_a = 35;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 16, 0);
	decide(0); /* the connection's meter was never heard */
	CHECK_NUM(d[0].import_max_a, 6, 0);
	CHECK_STR(winner(0), "fail_safe");
	setpoint_on_pcc(&s, &pcc, 0);
	setpoint_on_meter(&s, 1, &ev, 0);
	decide(0); /* the house alone takes 14 */
	CHECK_NUM(d[0].import_max_a, 21, 0);
	CHECK_STR(d[0].because[0].src, "setpoint.pcc");
	add_source("ocpp.*", LEASE_GRID_OPERATOR);
	say("ocpp.ext", LEASE_PCC, 0, IMPORT_W, 16560, 0);
	decide(0); /* 16560 - 9660 of the house = 6900 */
	CHECK_NUM(d[0].import_max_a, 10, 0);
	say("ocpp.ext", LEASE_PCC, 0, SETPOINT_W, 15000, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 7.7, 0);
	CHECK_STR(winner(0), "setpoint");
	pcc = meter(230, 10, -2300); /* the roof feeds in */
	ev = meter(230, 0, 0);
	setpoint_on_pcc(&s, &pcc, 1);
	setpoint_on_meter(&s, 1, &ev, 1);
	say("ocpp.ext", LEASE_PCC, 0, IMPORT_A, 5, 1);
	decide(1);
	CHECK_NUM(d[0].import_max_a, 15, 0);
	say("ocpp.ext", LEASE_PCC, 0, IMPORT_W, 100000, 1);
	hear(1, 'C', 16, 10000);
	decide(10000); /* the meter fell silent: 6 A of power as well */
	CHECK_NUM(d[0].import_max_a, 6, 0);
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

TEST(who_lost_its_minimum_waits_before_it_resumes)
{
	struct setpoint_conf c = begin(2);

	c.ceiling_a = 20;
	c.resume_ms = 30000;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	add_source("site", LEASE_SITE);
	say("site", LEASE_STATION, 0, IMPORT_A, 12, 0);
	hear(1, 'C', 6, 0);
	hear(2, 'C', 6, 0);
	decide(0);
	CHECK_NUM(d[1].import_max_a, 6, 0);
	say("site", LEASE_STATION, 0, IMPORT_A, 11, 1);
	decide(1);
	CHECK_NUM(d[0].import_max_a, 11, 0);
	CHECK_NUM(d[1].import_max_a, 0, 0);
	CHECK_STR(winner(1), "minimum_wait");
	say("site", LEASE_STATION, 0, IMPORT_A, 14, 2);
	decide(2); /* there is enough again, but the contactor is spared */
	CHECK_NUM(d[0].import_max_a, 14, 0);
	CHECK_NUM(d[1].import_max_a, 0, 0);
	CHECK_STR(d[1].because[0].src, "site");
	hear(1, 'C', 6, 14000);
	hear(2, 'C', 6, 14000);
	say("site", LEASE_STATION, 0, IMPORT_A, 14, 14000);
	decide(14000);
	CHECK_INT(next_ms, 29000); /* the pilots' age comes first */
	hear(1, 'C', 6, 28000);
	hear(2, 'C', 6, 28000);
	decide(28000);
	CHECK_INT(next_ms, 30001);
	decide(30001);
	CHECK_NUM(d[1].import_max_a, 7, 0);
	say("site", LEASE_STATION, 0, IMPORT_A, 11, 30001);
	decide(30001);
	hear(2, 'A', 0, 30002); /* another car does not wait for the last one's loss */
	hear(2, 'C', 0, 30003);
	say("site", LEASE_STATION, 0, IMPORT_A, 14, 30003);
	decide(30003);
	CHECK_NUM(d[1].import_max_a, 7, 0);
	setpoint_release(&s);
}

TEST(a_full_car_makes_room_for_who_waits)
{
	struct setpoint_conf c = begin(2);

	c.ceiling_a = 10;
	c.idle_ms = 300000;
	c.pilot_age_ms = 10000000;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 10, 0);
	hear(2, 'B', 0, 0);
	decide(0);
	CHECK_STR(winner(1), "minimum_wait");
	hear(1, 'B', 10, 1000); /* full */
	decide(1000);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	CHECK_INT(next_ms, 301000);
	decide(300999);
	CHECK_NUM(d[1].import_max_a, 0, 0);
	decide(301000);
	CHECK_INT(next_ms, 301000);
	decide(301000);
	CHECK_NUM(d[0].import_max_a, 0, 0);
	CHECK_NUM(d[1].import_max_a, 10, 0);
	hear(1, 'B', 0, 301001);
	hear(2, 'C', 10, 301001); /* it charges: nobody takes that from it */
	decide(301001);
	decide(9000000);
	CHECK_NUM(d[1].import_max_a, 10, 0);
	CHECK(next_ms > 9000000);
	setpoint_release(&s);
}

TEST(powers_per_phase_bound_each_phase)
{
	struct lease_limit l = {.src = "site", .scope = LEASE_EVSE, .valid_ms = 9000, .count = 1};
	struct lease_amount w = {.set = true, .v = {4600, 2300, 3450}};

	begin(1);
	add_source("site", LEASE_SITE);
	hear(1, 'C', 6, 0);
	l.entries = calloc(1, sizeof *l.entries);
	l.entries->at_ms = INT64_MIN;
	l.entries->import_max_w = w;
	lease_take(&s.leases, &l, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	l.scope = LEASE_STATION;
	l.count = 1;
	l.entries = calloc(1, sizeof *l.entries);
	l.entries->at_ms = INT64_MIN;
	l.entries->import_max_w = w;
	lease_take(&s.leases, &l, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 10, 0);
	CHECK_STR(winner(0), "ceiling");
	setpoint_release(&s);
}

TEST(only_values_of_one_instant_make_the_house)
{
	struct setpoint_conf c = begin(1);
	struct setpoint_meter pcc = meter(230, 20, 4600), ev = meter(230, 6, 1380);

	c.pcc_ceiling_a = 35;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 6, 0);
	setpoint_on_meter(&s, 1, &ev, 1000);
	setpoint_on_pcc(&s, &pcc, 1001);
	decide(1001); /* the house takes 14 */
	CHECK_NUM(d[0].import_max_a, 21, 0);
	ev = meter(230, 21,
		   4830); /* the car has followed; the connection's meter is not heard yet */
	ev.t_ms = 1000;
	setpoint_on_meter(&s, 1, &ev, 2000);
	decide(2000);
	CHECK_NUM(d[0].import_max_a, 21, 0);
	pcc = meter(230, 35, 8050);
	pcc.t_ms = 1000;
	setpoint_on_pcc(&s, &pcc, 2100);
	decide(2100);
	CHECK_NUM(d[0].import_max_a, 21, 0);
	pcc.t_ms = 2000; /* the connection first, this time, and more of a house */
	pcc.current_a[2] = 36;
	setpoint_on_pcc(&s, &pcc, 3000);
	decide(3000);
	CHECK_NUM(d[0].import_max_a, 21, 0);
	ev.t_ms = 2000;
	setpoint_on_meter(&s, 1, &ev, 3100);
	decide(3100);
	CHECK_NUM(d[0].import_max_a, 20, 0);
	/* An EVSE's meter with an instant of its own: the less of its last two values comes off. */
	for (int k = 0; k < 4; k++) {
		ev.t_ms = 3000 + k * 1000 + 700 * 1000;
		ev.current_a[2] = k % 2 ? 21 : 19;
		setpoint_on_meter(&s, 1, &ev, 4000 + k * 1000);
		pcc.t_ms = 3000 + k * 1000;
		setpoint_on_pcc(&s, &pcc, 4100 + k * 1000);
	}
	decide(7100);
	CHECK_NUM(d[0].import_max_a, 18, 0);
	decide(12200);
	CHECK_STR(winner(0), "fail_safe");
	setpoint_release(&s);
}

TEST(a_connection_meter_that_does_not_measure_all)
{
	struct setpoint_conf c = begin(1);
	struct setpoint_meter pcc = meter((double)NAN, 3, (double)NAN);

	c.pcc_ceiling_a = 25;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	hear(1, 'C', 6, 0);
	setpoint_on_pcc(&s, &pcc, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 22, 0);
	pcc.current_a[1] =
	    (double)NAN; /* one phase unmeasured: nobody knows what the house takes there */
	setpoint_on_pcc(&s, &pcc, 0);
	decide(0);
	CHECK_NUM(d[0].import_max_a, 6, 0);
	setpoint_forget_pilot(&s, 1);
	decide(0);
	CHECK_STR(winner(0), "no_live");
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

/* ---- the property: never above a live ceiling, nothing raised while held ---- */

#define EVSES   4
#define SOURCES 6

static unsigned long seed = 42;

static double random_to(double max)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return max * (double)(seed >> 40) / (double)(1UL << 24);
}

/* The test's own book of what was said; nothing of lease.c is used to judge. */
struct said {
	bool valid;
	enum lease_scope scope;
	int evse;
	bool watts;
	double value;
	int64_t until;
};

static struct said book[SOURCES];
static double signalled[EVSES];

static double ceiling_at(int k, int64_t now)
{
	if (book[k].valid && now < book[k].until)
		return book[k].value;
	return 6; /* the fail-safe */
}

static void judge(int64_t now, bool live, unsigned long at)
{
	for (int k = 0; k < SOURCES; k++) {
		bool expired = !book[k].valid || now >= book[k].until;
		double c = ceiling_at(k, now), sum = 0;
		bool watts = !expired && book[k].watts;
		bool station = !expired && book[k].scope == LEASE_STATION;

		for (int i = 0; i < EVSES; i++) {
			double a = d[i].import_max_a, cost = watts ? 690 * a : a;

			sum += cost;
			if (station)
				continue;
			if (!expired && book[k].evse && book[k].evse != i + 1)
				continue;
			if (cost > c + 1e-3)
				HARNESS_FAIL("seed %lu: EVSE %d has %.9g above %.9g of source %d",
					     at, i + 1, cost, c, k);
		}
		if (station && sum > c + 1e-3)
			HARNESS_FAIL("seed %lu: the station has %.9g of %.9g", at, sum, c);
	}
	for (int i = 0; i < EVSES; i++) {
		double a = d[i].import_max_a;

		if (!live && a > signalled[i])
			HARNESS_FAIL("seed %lu: raised while held: %.9g over %.9g", at, a,
				     signalled[i]);
		if (a > 0 && (a < 6 || a > 32))
			HARNESS_FAIL("seed %lu: %.9g A", at, a);
	}
}

static void random_event(int64_t now)
{
	int k = (int)random_to(SOURCES - 0.01), evse = 1 + (int)random_to(EVSES - 0.01);
	char src[LEASE_SRC_MAX];

	if (random_to(10) < 3) {
		signalled[evse - 1] = random_to(2) > 1 ? 6 + floor(random_to(20)) : 0;
		hear(evse, "ABCCCF"[(int)random_to(5.99)], signalled[evse - 1], now);
		return;
	}
	snprintf(src, sizeof src, "src%d", k);
	book[k].valid = true;
	book[k].scope = random_to(2) > 1 ? LEASE_STATION : LEASE_EVSE;
	book[k].evse = book[k].scope == LEASE_EVSE ? (int)random_to(EVSES + 0.99) : 0;
	book[k].watts = random_to(2) > 1;
	book[k].value = random_to(book[k].watts ? 40000 : 60);
	book[k].until = now + 30000;
	say(src, book[k].scope, book[k].evse, book[k].watts ? IMPORT_W : IMPORT_A, book[k].value,
	    now);
}

TEST(property_never_above_a_live_ceiling_nor_raised_while_held)
{
	for (int round = 0; round < 60; round++) {
		struct setpoint_conf c = begin(EVSES);
		bool live = false;
		int64_t now = 0;

		c.ramp_a_per_s = round % 3 == 0 ? 2 : 0;
		setpoint_init(&s, &c);
		memset(book, 0, sizeof book);
		memset(signalled, 0, sizeof signalled);
		for (int k = 0; k < SOURCES; k++) {
			char name[LEASE_SRC_MAX];

			snprintf(name, sizeof name, "src%d", k);
			add_source(name, (enum lease_rank)(k % 3));
		}
		for (int step = 0; step < 300; step++) {
			unsigned long at = seed;

			now += (int64_t)random_to(5000);
			if (step == 60) {
				setpoint_go_live(&s);
				live = true;
			}
			random_event(now);
			decide(now);
			judge(now, live, at);
		}
		setpoint_release(&s);
	}
}
