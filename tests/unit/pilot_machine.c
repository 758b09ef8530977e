/* The machine in ordinary use: plug-in, charging, stops, silence. COM-3, CTL-1, SAF-1. */
#include "pilot_rig.h"

TEST(charges_and_follows)
{
	struct rig g;

	rig_init(&g);
	rig_start(&g);
	CHECK_STR(pilot_state_name(&g.p), "A1");
	rig_run(&g, 12000);
	g.car = 'B';
	rig_run(&g, 100);
	CHECK_STR(pilot_state_name(&g.p), "B1");
	rig_want(&g, true, 16000);
	rig_run(&g, 200);
	CHECK_STR(pilot_state_name(&g.p), "B2");
	CHECK_INT(g.p.out.duty, 2666);
	CHECK_INT(g.p.limit_ma, 16000);
	CHECK(!g.p.out.contactor);
	g.car = 'C';
	rig_run(&g, 450);
	CHECK_STR(pilot_state_name(&g.p), "C2");
	CHECK(!g.p.out.contactor);
	rig_run(&g, 150);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.counts.closings, 1);
	rig_want(&g, true, 6000);
	CHECK_INT(g.p.out.duty, 1000);
	rig_want(&g, true, 32000);
	CHECK_INT(g.p.out.duty, 5333);
	CHECK_INT(g.p.faults, 0);
}

TEST(power_ends_within_the_debounce)
{
	static const char to[] = "ABE";

	for (int i = 0; i < 3; i++) {
		struct rig g;

		rig_init(&g);
		rig_charging(&g, 16000);
		REQUIRE(g.p.out.contactor);
		g.car = to[i];
		rig_run(&g, 16); /* one reading period and 10 ms */
		CHECK(!g.p.out.contactor);
		CHECK_INT(g.p.counts.opened_under_load, 0);
	}
}

TEST(one_odd_sample_is_not_a_state)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	for (int i = 0; i < 20; i++) {
		g.car = "BAE"[i % 3];
		rig_run(&g, 5);
		g.car = 'C';
		rig_run(&g, 20);
		CHECK(g.p.out.contactor);
	}
}

TEST(a_short_c_does_not_close)
{
	struct rig g;

	rig_init(&g);
	rig_start(&g);
	g.car = 'B';
	rig_want(&g, true, 16000);
	rig_run(&g, 11000);
	for (int i = 0; i < 5; i++) {
		g.car = 'C';
		rig_run(&g, 400);
		g.car = 'B';
		rig_run(&g, 400);
	}
	CHECK_INT(g.p.counts.closings, 0);
}

TEST(planned_stop_waits_for_the_car)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	rig_want(&g, false, 0);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 2000);
	CHECK_STR(pilot_state_name(&g.p), "C1");
	CHECK(g.p.out.contactor);
	g.car = 'B';
	rig_run(&g, 20);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.counts.opened_under_load, 0);
}

TEST(planned_stop_opens_at_six_seconds_if_the_car_does_not)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	rig_want(&g, false, 0);
	rig_run(&g, 5990);
	CHECK(g.p.out.contactor);
	rig_run(&g, 20);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.counts.opened_under_load, 1);
	/* … and with power allowed again only after the minimum time between closings. */
	rig_want(&g, true, 16000);
	rig_run(&g, 1000);
	CHECK(!g.p.out.contactor == (g.p.t[T_MIN_CLOSE] > g.now));
	rig_run(&g, 10000);
	CHECK(g.p.out.contactor);
}

TEST(power_back_while_the_car_stayed_in_c)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	rig_want(&g, false, 0);
	rig_run(&g, 4000);
	rig_want(&g, true, 10000);
	CHECK_INT(g.p.out.duty, 1666);
	rig_run(&g, 10000);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.counts.closings, 1);
}

TEST(power_allowed_late_in_c)
{
	struct rig g;

	rig_init(&g);
	rig_start(&g);
	rig_run(&g, 11000);
	g.car = 'B';
	rig_run(&g, 1000);
	g.car = 'C';
	rig_run(&g, 5000);
	CHECK_STR(pilot_state_name(&g.p), "C1");
	CHECK(!g.p.out.contactor);
	rig_want(&g, true, 16000);
	rig_run(&g, 200); /* of 3 s: the diode is judged first */
	CHECK(g.p.out.contactor);
}

TEST(start_up_with_a_car_in_c)
{
	struct rig g;

	rig_init(&g);
	g.car = 'C';
	g.want = (struct pilot_wanted){.enable = true, .session = true, .max_ma = 16000};
	rig_start(&g);
	rig_run(&g, 9900);
	CHECK_STR(pilot_state_name(&g.p), "C2");
	CHECK(!g.p.simplified);
	CHECK(!g.p.out.contactor); /* ten seconds from start-up: a crash loop does not chatter */
	rig_run(&g, 200);
	CHECK(g.p.out.contactor);
}

TEST(minimum_time_between_closings)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.car = 'B';
	rig_run(&g, 100);
	g.car = 'C';
	rig_run(&g, 8000);
	CHECK_INT(g.p.counts.closings, 1);
	rig_run(&g, 2000);
	CHECK_INT(g.p.counts.closings, 2);
}

TEST(silence_of_the_setpoint)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.setpoints = false;
	rig_want(&g, true, 16000);
	rig_run(&g, 2990);
	CHECK_INT(g.p.limit_ma, 16000);
	rig_run(&g, 20);
	CHECK_INT(g.p.limit_ma, 6000);
	CHECK(g.p.out.contactor);
	rig_run(&g, 11980);
	CHECK_INT(g.p.limit_ma, 6000);
	rig_run(&g, 20);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	g.car = 'B';
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
	rig_want(&g, true, 16000);
	CHECK_INT(g.p.limit_ma, 16000);
}

TEST(silence_never_raises)
{
	struct rig g;

	rig_init(&g);
	g.c.failsafe_ma = 10000;
	rig_charging(&g, 7000);
	g.setpoints = false;
	rig_run(&g, 4000);
	CHECK_INT(g.p.limit_ma, 7000);
}

TEST(nothing_before_the_first_setpoint)
{
	struct rig g;

	rig_init(&g);
	g.setpoints = false;
	g.car = 'C';
	rig_start(&g);
	rig_run(&g, 30000);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	CHECK(!g.p.out.contactor);
}

TEST(below_six_amperes_is_a_pause)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	rig_want(&g, true, 5900);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	CHECK_INT(g.p.limit_ma, 0);
}

TEST(raising_may_be_slowed_lowering_never)
{
	struct rig g;

	rig_init(&g);
	g.c.times.raise = 5000;
	rig_charging(&g, 10000);
	rig_run(&g, 5000);
	rig_want(&g, true, 12000);
	CHECK_INT(g.p.limit_ma, 12000);
	rig_want(&g, true, 14000);
	CHECK_INT(g.p.limit_ma, 12000);
	rig_want(&g, true, 8000);
	CHECK_INT(g.p.limit_ma, 8000);
	rig_want(&g, true, 16000);
	rig_run(&g, 4900);
	CHECK_INT(g.p.limit_ma, 8000);
	rig_run(&g, 200);
	CHECK_INT(g.p.limit_ma, 16000);
}

TEST(an_open_s2_right_after_a_new_duty_is_not_believed_where_so_set)
{
	static const char other[] = "AE";
	struct rig g;

	rig_init(&g);
	g.c.times.duty_blank = 550;
	rig_charging(&g, 16000);
	rig_want(&g, true, 10000);
	g.car = 'B';
	rig_run(&g, 540);
	CHECK(g.p.out.contactor);
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
	for (int i = 0; i < 2; i++) { /* what is no glitch opens at once all the same */
		rig_init(&g);
		g.c.times.duty_blank = 550;
		rig_charging(&g, 16000);
		rig_want(&g, true, 10000);
		g.car = other[i];
		rig_run(&g, 16);
		CHECK(!g.p.out.contactor);
	}
}

TEST(an_open_s2_right_after_closing_is_not_believed_where_so_set)
{
	struct rig g;

	rig_init(&g);
	g.c.times.switch_blank = 200;
	rig_charging(&g, 16000);
	rig_run(&g, 300);
	g.car = 'B';
	rig_run(&g, 16);
	CHECK(!g.p.out.contactor);
	g.car = 'C';
	while (!g.p.out.contactor)
		rig_run(&g, 1);
	g.car = 'B';
	rig_run(&g, 190);
	CHECK(g.p.out.contactor);
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
}

TEST(simplified_pilot)
{
	struct rig g;

	rig_init(&g);
	g.c.limit_simplified = true;
	rig_start(&g);
	rig_run(&g, 11000);
	rig_want(&g, true, 16000);
	g.car = 'C';
	rig_run(&g, 1000);
	CHECK(g.p.simplified);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.limit_ma, 10000);
	g.car = 'A';
	rig_run(&g, 100);
	CHECK(!g.p.simplified);
}

TEST(ventilation)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.car = 'D';
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_VENTILATION));
	CHECK_STR(pilot_state_name(&g.p), "D1");
	/* the car that opens S2 at X1 would ask again at each return of the PWM: latched until it
	 * leaves */
	g.car = 'C';
	rig_run(&g, 11000);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_VENTILATION));
	g.car = 'A';
	rig_run(&g, 500);
	CHECK_INT(g.p.faults, 0);

	rig_init(&g);
	g.c.ventilation = true;
	rig_charging(&g, 16000);
	g.car = 'D';
	rig_run(&g, 30);
	CHECK(g.p.out.contactor);
	CHECK_STR(pilot_state_name(&g.p), "D2");
}

TEST(cable_limits_what_is_signalled)
{
	struct rig g;

	rig_init(&g);
	g.c.socket = true;
	g.r.pp_ohm = 1500;
	rig_charging(&g, 32000);
	CHECK_INT(g.p.limit_ma, 13000);
	CHECK_INT(pilot_cable_ma(&g.p), 13000);
	CHECK(g.p.out.contactor);
	g.r.pp_ohm = -1; /* the plug on its way out */
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_PP));
	g.r.pp_ohm = 220;
	g.car = 'B';
	rig_run(&g, 100);
	CHECK_INT(g.p.faults, 0);
	CHECK_INT(g.p.limit_ma, 32000);
}

TEST(no_code_in_b_is_refused)
{
	struct rig g;

	rig_init(&g);
	g.c.socket = true;
	g.r.pp_ohm = 10;
	rig_start(&g);
	g.car = 'B';
	rig_want(&g, true, 32000);
	rig_run(&g, 400);
	CHECK_INT(g.p.faults, 0);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 200);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_PP));
}

TEST(out_of_service_waits_for_the_session)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	pilot_operative(&g.p, false);
	rig_run(&g, 2000);
	CHECK(g.p.out.contactor);
	rig_want(&g, false, 0);
	rig_run(&g, 1000);
	CHECK_STR(pilot_state_name(&g.p), "C1"); /* the contactor is still closed */
	g.car = 'B';
	rig_run(&g, 100);
	CHECK_STR(pilot_state_name(&g.p), "F");
	CHECK_INT(g.p.out.duty, DUTY_F);
	g.car = 'A';
	pilot_operative(&g.p, true);
	rig_run(&g, 100);
	CHECK_STR(pilot_state_name(&g.p), "A1");
	CHECK(!g.p.connected);
}

TEST(end_of_the_program)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	pilot_stop(&g.p);
	pilot_step(&g.p, g.now);
	CHECK(!pilot_stopped(&g.p));
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 1000);
	g.car = 'B';
	rig_run(&g, 100);
	CHECK(pilot_stopped(&g.p));
	g.car = 'C';
	rig_run(&g, 20000);
	CHECK(!g.p.out.contactor);
}

TEST(the_board_falls_silent)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.period = 1 << 20;
	rig_run(&g, 1010);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_DRIVER));
	g.period = 5;
	rig_run(&g, 900);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_DRIVER));
	rig_run(&g, 200);
	CHECK_INT(g.p.faults, 0);
}

TEST(lost_and_found)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	pilot_lost(&g.p);
	pilot_step(&g.p, g.now);
	CHECK(!g.p.out.contactor);
	rig_run(&g, 12000);
	CHECK(g.p.out.contactor);
	CHECK_INT(g.p.counts.closings, 2);
}

TEST(a_board_that_was_away_gets_its_time_to_open)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	pilot_lost(&g.p);
	g.r.contactor = true;
	g.period = 1 << 20;
	g.stuck_closed = true;
	rig_run(&g, 3000);
	CHECK(!g.p.out.contactor);
	g.period = 5;
	rig_run(&g, 200);
	CHECK(!(g.p.faults & pilot_fault_bit(FAULT_WELDED)));
	g.stuck_closed = false;
	rig_run(&g, 2000);
	CHECK_INT(g.p.faults, 0);
}

TEST(digital_communication_and_back)
{
	struct rig g;

	rig_init(&g);
	g.c.hlc = true;
	g.want.digital = true;
	rig_start(&g);
	rig_run(&g, 11000);
	g.car = 'B';
	rig_want(&g, true, 16000);
	rig_run(&g, 1000);
	CHECK_INT(g.p.out.duty, DUTY_HLC);
	CHECK_INT(g.p.limit_ma, 16000);
	g.want.digital = false;
	rig_want(&g, true, 16000);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 2900);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	rig_run(&g, 200);
	CHECK_INT(g.p.out.duty, 2666);
}

TEST(bcb_toggle)
{
	struct rig g;

	rig_init(&g);
	rig_start(&g);
	g.car = 'B';
	rig_run(&g, 1000);
	for (int i = 1; i <= 3; i++) {
		g.car = 'C';
		rig_run(&g, 300);
		g.car = 'B';
		rig_run(&g, 300);
		CHECK_INT(g.p.bcb, i);
	}
	rig_run(&g, 4000);
	g.car = 'C';
	rig_run(&g, 50); /* too short */
	g.car = 'B';
	rig_run(&g, 100);
	CHECK_INT(g.p.bcb, 0);
	CHECK_INT(g.p.counts.closings, 0);
}

/* A reading each millisecond, each 5 ms, or only on change and each 100 ms: the same outcome, no
 * later than a sampling period. */
TEST(the_way_of_sampling_does_not_matter)
{
	static const int periods[] = {1, 2, 5, 7};

	for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
		struct rig g;

		rig_init(&g);
		g.period = periods[i];
		rig_charging(&g, 16000);
		CHECK(g.p.out.contactor);
		g.car = 'B';
		rig_run(&g, 10 + periods[i]);
		CHECK(!g.p.out.contactor);
	}
}
