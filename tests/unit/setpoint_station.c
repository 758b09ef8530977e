/* Several EVSEs and a house under one ceiling. */
#include "setpoint_rig.h"

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
