/* Phase switching, waking sleeping cars, replug. */
#include "pilot_rig.h"

static void three_to_one(struct rig *g, bool cut)
{
	rig_init(g);
	g->c.phase_switch = true;
	g->c.cp_disconnect = cut;
	g->want.phases = 3;
	rig_charging(g, 16000);
	g->want.phases = 1;
	rig_want(g, true, 16000);
}

TEST(phases_change_only_with_the_contactor_open_and_the_pilot_cut)
{
	struct rig g;

	three_to_one(&g, true);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	CHECK(g.p.out.contactor);
	rig_run(&g, 2000);
	CHECK_INT(g.p.out.phases, 3);
	g.car = 'B';
	rig_run(&g, 90);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.out.phases, 3);
	rig_run(&g, 100);
	CHECK(!g.p.out.cp_connected);
	CHECK_INT(g.p.out.phases, 1);
	CHECK_STR(pilot_state_name(&g.p), "E");
	rig_run(&g, 59900);
	CHECK(!g.p.out.cp_connected);
	rig_run(&g, 500);
	CHECK(g.p.out.cp_connected);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	CHECK_INT(g.p.faults, 0);
	g.car = 'C';
	rig_run(&g, 1000);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.counts.opened_under_load, 0);
}

TEST(phases_with_a_car_that_ignores_the_stop)
{
	struct rig g;

	three_to_one(&g, false);
	g.c.times.phase_wait = 10000;
	g.c.times.phase_load = 20000;
	rig_run(&g, 6300);
	CHECK_INT(g.p.counts.opened_under_load, 1);
	CHECK_INT(g.p.out.phases, 1);
	rig_run(&g, 19000);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 2000);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.out.duty, 2666);
}

TEST(phases_without_a_car_change_at_once)
{
	struct rig g;

	rig_init(&g);
	g.c.phase_switch = true;
	rig_start(&g);
	rig_run(&g, 1000);
	g.want.phases = 1;
	rig_want(&g, false, 0);
	CHECK_INT(g.p.out.phases, 1);
}

TEST(phases_asked_back_in_time)
{
	struct rig g;

	three_to_one(&g, true);
	rig_run(&g, 500);
	g.want.phases = 3;
	rig_want(&g, true, 16000);
	rig_run(&g, 100);
	CHECK_INT(g.p.out.duty, 2666);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.counts.closings, 1);
}

TEST(a_board_without_a_phase_relay_ignores_the_wish)
{
	struct rig g;

	rig_init(&g);
	g.want.phases = 1;
	rig_charging(&g, 16000);
	rig_run(&g, 5000);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.out.phases, 3);
}

TEST(wakes_by_f_then_by_a_cut_pilot)
{
	struct rig g;

	rig_init(&g);
	g.c.cp_disconnect = true;
	g.c.wake[0] = (struct pilot_wake){30000, 4000, false};
	g.c.wake[1] = (struct pilot_wake){10000, 5000, true};
	rig_start(&g);
	g.car = 'B';
	rig_want(&g, true, 16000);
	rig_run(&g, 30000);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	rig_run(&g, 100);
	CHECK_STR(pilot_state_name(&g.p), "F");
	rig_run(&g, 4000);
	CHECK_STR(pilot_state_name(&g.p), "B1");
	rig_run(&g, 750);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	rig_run(&g, 10000);
	CHECK(!g.p.out.cp_connected);
	rig_run(&g, 5300);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	rig_run(&g, 120000); /* then it is left alone */
	CHECK_STR(pilot_state_name(&g.p), "B2");
	CHECK_INT(g.p.woken, 2);
	CHECK_INT(g.p.faults, 0);
}

TEST(a_car_that_charged_is_not_woken)
{
	struct rig g;

	rig_init(&g);
	g.c.wake[0] = (struct pilot_wake){30000, 4000, false};
	rig_charging(&g, 16000);
	g.car = 'B'; /* full */
	rig_run(&g, 120000);
	CHECK_INT(g.p.woken, 0);
	rig_want(&g, false, 0);
	rig_run(&g, 1000);
	rig_want(&g, true, 16000); /* a new offer may need a call */
	rig_run(&g, 31000);
	CHECK_INT(g.p.woken, 1);
}

TEST(replug)
{
	struct rig g;

	rig_init(&g);
	g.c.cp_disconnect = true;
	g.c.lock = true;
	rig_start(&g);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_REPLUG), "no_car");
	rig_charging(&g, 16000);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_REPLUG), "contactor_closed");
	g.car = 'B';
	rig_run(&g, 100);
	CHECK(pilot_command(&g.p, g.now, PILOT_REPLUG) == NULL);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_REPLUG), "busy");
	rig_run(&g, 100);
	CHECK(!g.p.out.cp_connected);
	CHECK(g.p.out.lock);
	rig_run(&g, 4500);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	CHECK(g.p.out.lock);
}

TEST(unplugged_while_cut)
{
	struct rig g;

	three_to_one(&g, true);
	g.car = 'B';
	rig_run(&g, 1000);
	g.car = 'A';
	rig_run(&g, 61000);
	CHECK_STR(pilot_state_name(&g.p), "A1");
	CHECK(!g.p.connected);
}

TEST(plug_freed_after_a_while_in_f)
{
	struct rig g;

	rig_init(&g);
	g.c.lock = true;
	rig_charging(&g, 16000);
	g.r.rcd = true;
	rig_run(&g, 4900);
	CHECK(g.p.out.lock);
	rig_run(&g, 300);
	CHECK(!g.p.out.lock);
	CHECK(!g.r.contactor);
}
