/* Cars and cables that do not behave. */
#include "sim_rig.h"

TEST(misbehaviour_limit)
{
	struct sim_car *c = charging("greedy", "max_a", 32);

	CHECK_INT(c->current_ma, 32000);
	c = charging("family", "over_a", 2);
	sim_car_set(&c->model, "max_a", 32);
	wait_ms(100);
	sim_car_decide(c, w.now_us);
	wait_ms(9000);
	CHECK_NUM(c->current_ma, 16002, 200); /* the 11 kW charger bounds it */
}

TEST(misbehaviour_stop)
{
	struct sim_car *c = charging("family", "keeps_s2", 1);

	duty(0, SIM_DUTY_X1);
	wait_ms(10000);
	CHECK(c->s2);
	CHECK_INT(c->current_ma, 0);
	c = charging("stubborn", NULL, 0);
	duty(0, SIM_DUTY_X1);
	wait_ms(10000);
	CHECK_INT(c->current_ma, 16000);
	duty(0, SIM_DUTY_F);
	wait_ms(1000);
	CHECK_INT(c->current_ma, 16000);
	contactor(0, false);
	wait_ms(1000);
	CHECK_INT(c->current_ma, 0);
}

TEST(misbehaviour_opens_loaded)
{
	struct sim_car *c = charging("family", "opens_loaded", 1);

	c->model.ramp_down_ma_s = 1000;
	sim_world_want(&w, 0, 0);
	wait_ms(250);
	CHECK(!c->s2);
	CHECK(c->current_ma > 10000);
	wait_ms(20000);
	CHECK_INT(c->current_ma, 0);
}

TEST(misbehaviour_pilot)
{
	struct sim_car *c;
	struct sim_wire wire;

	start(&plain);
	plug(0, "family", "no_diode", 1);
	duty(0, 2667);
	sim_world_wire(&w, 0, &wire);
	CHECK_NUM(wire.cp_neg_mv, -8790, 20);
	start(&plain);
	plug(0, "family", "cp_short", 1);
	CHECK_INT(cp_mv(), 0);
	start(&plain);
	plug(0, "vented", NULL, 0);
	duty(0, 2667);
	wait_ms(5000);
	CHECK_NUM(cp_mv(), 3000, 200);
	c = charging("old", NULL, 0);
	CHECK_INT(c->current_ma, 10000);
	start(&plain);
	plug(0, "old", NULL, 0);
	CHECK_NUM(cp_mv(), 6000, 200);
}

TEST(a_wake_up_pulse_looks_like_c)
{
	start(&plain);
	plug(0, "waker", NULL, 0);
	duty(0, 2667);
	wait_ms(300);
	CHECK_NUM(cp_mv(), 6000, 200);
	wait_ms(200);
	CHECK_NUM(cp_mv(), 9000, 200);
	wait_ms(3000);
	CHECK_NUM(cp_mv(), 6000, 200);
}

TEST(toggles_while_the_pwm_is_off)
{
	int edges = 0, was = 9000;
	struct sim_car *c = charging("family", "pulse_on_x1", 1);

	c->model.pulse_count = 3;
	sim_world_want(&w, 0, 0);
	wait_ms(3000);
	duty(0, SIM_DUTY_X1);
	for (int i = 0; i < 300; i++) {
		int now;

		wait_ms(10);
		now = cp_mv();
		edges += abs(now - was) > 1000;
		was = now;
	}
	CHECK_INT(edges, 6);
}

TEST(a_glitch_follows_a_change_of_duty)
{
	charging("glitchy", NULL, 0);
	duty(0, 2000);
	wait_ms(600);
	CHECK_NUM(cp_mv(), 9000, 200);
	wait_ms(200);
	CHECK_NUM(cp_mv(), 6000, 200);
}

TEST(a_loose_contact_drops_the_pilot)
{
	struct sim_car *c = charging("family", "dropout_every_s", 10);
	int low = 0;

	c->model.dropout_ms = 30;
	sim_world_remodel(&w, 0, &c->model);
	for (int i = 0; i < 6000; i++) {
		wait_ms(10);
		low += cp_mv() == 12000;
	}
	CHECK_NUM(low, 5 * 3, 3);
	CHECK_INT(c->current_ma, 16000); /* too short for this car to notice */
	c->model.dropout_ms = 500;
	wait_ms(400);
	CHECK_INT(c->current_ma, 0);
	CHECK(!c->s2);
}

TEST(a_sleeping_car_wakes_on_f_and_e)
{
	struct sim_car *c;

	start(&plain);
	c = plug(0, "sleepy", NULL, 0);
	wait_ms(61000);
	CHECK(c->asleep);
	duty(0, 2667);
	wait_ms(10000);
	CHECK(!c->s2);
	duty(0, SIM_DUTY_F);
	wait_ms(4000);
	duty(0, SIM_DUTY_X1);
	wait_ms(750);
	duty(0, 2667);
	wait_ms(3000);
	CHECK(c->s2);
	sim_world_unplug(&w, 0);
	duty(0, SIM_DUTY_X1);
	c = plug(0, "sleepy", NULL, 0);
	wait_ms(61000);
	duty(0, 2667);
	w.evse[0].board.cp_connected = false;
	sim_world_settle(&w);
	wait_ms(1000);
	w.evse[0].board.cp_connected = true;
	sim_world_settle(&w);
	CHECK(c->asleep); /* too short */
	w.evse[0].board.cp_connected = false;
	sim_world_settle(&w);
	CHECK_INT(cp_mv(), 12000);
	wait_ms(4000);
	w.evse[0].board.cp_connected = true;
	sim_world_settle(&w);
	wait_ms(3000);
	CHECK(c->s2);
}
