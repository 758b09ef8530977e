/* Each fault: detection, reaction by the safe-state table, clearing. SAF-2 to SAF-5. */
#include "pilot_rig.h"

static int64_t ms_until(struct rig *g, bool (*done)(const struct pilot *), int limit)
{
	int64_t from = g->now;

	while (!done(&g->p) && g->now < from + limit * 1000)
		rig_run(g, 1);
	return (g->now - from) / 1000;
}

static bool is_open(const struct pilot *p)
{
	return !p->out.contactor;
}

TEST(table_is_complete)
{
	for (int f = 0; f < FAULT_COUNT; f++) {
		const struct pilot_fault_row *r = &pilot_fault_table[f];

		CHECK(r->code && r->component && r->variable && r->mrec && r->text);
		CHECK(r->severity >= 0 && r->severity <= 9);
		for (int k = 0; k < f; k++)
			CHECK(strcmp(pilot_fault_table[k].code, r->code) != 0);
	}
}

TEST(rcd_opens_and_holds_f_until_reset)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.r.rcd = true;
	CHECK(ms_until(&g, is_open, 1000) <= 20);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_RCD));
	CHECK_INT(g.p.out.duty, DUTY_F);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_RESET_FAULT), "cause_present");
	g.r.rcd = false;
	g.car = 'A';
	rig_run(&g, 60000);
	CHECK_INT(g.p.out.duty, DUTY_F);
	CHECK(pilot_command(&g.p, g.now, PILOT_RESET_FAULT) == NULL);
	rig_run(&g, 100);
	CHECK_STR(pilot_state_name(&g.p), "A1");
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_RESET_FAULT), "no_fault");
}

TEST(earth_lost)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.r.pe = false;
	CHECK(ms_until(&g, is_open, 1000) <= 110);
	CHECK_INT(g.p.out.duty, DUTY_F);
	rig_run(&g, 250);
	CHECK_INT(g.p.out.duty, DUTY_F);
	rig_run(&g, 100);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	g.r.pe = true;
	rig_run(&g, 29000);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_PE));
	rig_run(&g, 2000);
	CHECK(g.p.out.contactor);
}

TEST(diode_missing_in_b_never_closes)
{
	struct rig g;

	rig_init(&g);
	g.no_diode = true;
	rig_start(&g);
	rig_run(&g, 11000);
	g.car = 'B';
	rig_want(&g, true, 16000);
	rig_run(&g, 200);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_DIODE));
	CHECK_INT(g.p.out.duty, DUTY_X1);
	g.car = 'C';
	rig_run(&g, 20000);
	CHECK_INT(g.p.counts.closings, 0);
	g.car = 'A';
	g.no_diode = false;
	rig_run(&g, 100);
	CHECK_INT(g.p.faults, 0);
}

TEST(diode_fails_under_power)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.no_diode = true;
	CHECK(ms_until(&g, is_open, 1000) <= 110);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_DIODE));
}

/* Above -10 V is no diode, in B before the first closing as in C and D under power. */
TEST(diode_threshold_in_b_c_and_d)
{
	for (int i = 0; i < 6; i++) {
		bool bad = i % 2;
		struct rig g;

		rig_init(&g);
		g.c.ventilation = true;
		rig_charging(&g, 16000);
		g.car = "BCD"[i / 2];
		rig_run(&g, 500);
		g.neg_mv = bad ? -9999 : -10000;
		rig_run(&g, 200);
		CHECK_INT(g.p.faults, bad ? pilot_fault_bit(FAULT_DIODE) : 0);
		CHECK_INT(g.p.out.contactor, !bad && g.car != 'B');
		g.neg_mv = 0;
		rig_run(&g, 5000);
		CHECK_INT(g.p.faults, bad ? pilot_fault_bit(FAULT_DIODE) : 0);
		g.car = 'A';
		rig_run(&g, 100);
		CHECK_INT(g.p.faults, 0);
	}
}

TEST(pilot_short)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.car = 'E';
	CHECK(ms_until(&g, is_open, 1000) <= 16);
	CHECK_STR(pilot_state_name(&g.p), "E");
	rig_run(&g, 120);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_CP_SHORT));
	CHECK_INT(g.p.out.duty, DUTY_X1);
	g.car = 'C';
	rig_run(&g, 20000);
	CHECK_INT(g.p.counts.closings, 1);
	g.car = 'A';
	rig_run(&g, 100);
	CHECK_INT(g.p.faults, 0);
}

TEST(welded_contactor)
{
	struct rig g;

	rig_init(&g);
	g.c.lock = true;
	rig_charging(&g, 16000);
	REQUIRE(g.p.out.contactor);
	g.stuck_closed = true;
	g.car = 'B';
	rig_run(&g, 300);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_WELDED));
	CHECK(g.p.out.trip_upstream);
	CHECK_INT(g.p.out.duty, DUTY_F);
	g.car = 'A';
	rig_run(&g, 60000);
	CHECK(g.p.out.lock);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_UNLOCK), "contactor_closed");
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_RESET_FAULT), "cause_present");
	g.stuck_closed = false;
	rig_run(&g, 100);
	CHECK(g.p.out.lock); /* latched: a person looks first */
	CHECK(pilot_command(&g.p, g.now, PILOT_RESET_FAULT) == NULL);
	rig_run(&g, 1000);
	CHECK(!g.p.out.lock);
	CHECK(!g.p.out.trip_upstream);
}

TEST(welded_at_start)
{
	struct rig g;

	rig_init(&g);
	g.stuck_closed = true;
	g.r.contactor = true;
	rig_start(&g);
	rig_run(&g, 200);
	CHECK_INT(g.p.faults, 0);
	rig_run(&g, 100);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_WELDED));
}

TEST(closed_by_an_earlier_run_is_opened_first)
{
	struct rig g;

	rig_init(&g);
	g.r.contactor = true;
	g.contactor_to = true;
	rig_start(&g);
	rig_run(&g, 1000);
	CHECK_INT(g.p.faults, 0);
	CHECK(!g.r.contactor);
}

TEST(contactor_does_not_close)
{
	struct rig g;

	rig_init(&g);
	g.stuck_open = true;
	rig_charging(&g, 16000);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_NOT_CLOSED));
	CHECK(!g.p.out.contactor);
	rig_run(&g, 60000);
	CHECK_INT(g.p.counts.closings, 1);
	g.car = 'A';
	rig_run(&g, 100);
	CHECK_INT(g.p.faults, 0);
}

TEST(lock_before_power)
{
	struct rig g;

	rig_init(&g);
	g.c.lock = true;
	g.lock_jams = true;
	rig_charging(&g, 16000);
	CHECK_INT(g.p.counts.closings, 0);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_LOCK));
	g.lock_jams = false;
	rig_run(&g, 2000);
	CHECK_INT(g.p.faults, 0);
	CHECK(g.p.out.contactor);
}

TEST(lock_tries_again)
{
	struct rig g;
	bool try;

	rig_init(&g);
	g.c.lock = true;
	g.lock_jams = true;
	rig_start(&g);
	g.car = 'B';
	rig_run(&g, 100);
	try = g.p.out.lock_try;
	rig_run(&g, 5000);
	CHECK(g.p.out.lock_try != try);
	rig_run(&g, 5000);
	CHECK(g.p.out.lock_try == try);
}

TEST(lock_lost_under_power)
{
	struct rig g;

	rig_init(&g);
	g.c.lock = true;
	rig_charging(&g, 16000);
	REQUIRE(g.p.out.contactor);
	g.lock_jams = true;
	g.r.locked = false;
	CHECK(ms_until(&g, is_open, 1000) <= 5);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_LOCK));
	CHECK_INT(g.p.out.duty, DUTY_F);
}

TEST(unlock_command)
{
	struct rig g;

	rig_init(&g);
	CHECK_STR((pilot_init(&g.p, &g.c, g.now), pilot_command(&g.p, g.now, PILOT_UNLOCK)),
		  "no_lock");
	g.c.lock = true;
	rig_charging(&g, 16000);
	CHECK_STR(pilot_command(&g.p, g.now, PILOT_UNLOCK), "contactor_closed");
	g.car = 'B';
	rig_want(&g, false, 0);
	rig_run(&g, 100);
	CHECK(g.r.locked);
	CHECK(pilot_command(&g.p, g.now, PILOT_UNLOCK) == NULL);
	rig_run(&g, 1000);
	CHECK(g.r.unlocked);
	rig_want(&g, true, 16000);
	g.car = 'C';
	rig_run(&g, 20000);
	CHECK_INT(g.p.counts.closings, 1); /* stays free, so no power until replugged */
	CHECK(g.r.unlocked);
	g.car = 'A';
	rig_run(&g, 100);
	g.car = 'B';
	rig_run(&g, 1000);
	CHECK(g.r.locked);
}

TEST(overcurrent_by_what_was_signalled)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.r.current_ma = 18100; /* below (16 + 0.5) * 1.1 */
	rig_run(&g, 20000);
	CHECK(g.p.out.contactor);
	g.r.current_ma = 18200;
	rig_run(&g, 6900);
	CHECK(g.p.out.contactor);
	rig_run(&g, 200);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_OVERCURRENT));
	g.r.current_ma = 0;
	g.car = 'A';
	rig_run(&g, 500);
	CHECK_INT(g.p.faults, 0);
}

TEST(the_car_has_time_to_follow_down)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.r.current_ma = 16000;
	for (int ma = 15000; ma >= 6000; ma -= 1000) {
		rig_want(&g, true, ma);
		rig_run(&g, 500);
	}
	rig_run(&g, 900);
	g.r.current_ma = 6000;
	rig_run(&g, 20000);
	CHECK_INT(g.p.faults, 0);
	g.r.current_ma = 16000;
	rig_run(&g, 7100);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_OVERCURRENT));
}

TEST(temperature_derates_then_stops)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 32000);
	g.r.temp_dc = 649;
	rig_run(&g, 10);
	CHECK_INT(g.p.limit_ma, 32000);
	g.r.temp_dc = 650;
	rig_run(&g, 10);
	CHECK_INT(g.p.limit_ma, 16000);
	g.r.temp_dc = 680;
	rig_run(&g, 10);
	CHECK_INT(g.p.limit_ma, 8000);
	g.r.temp_dc = 649; /* 3 degrees of hysteresis */
	rig_run(&g, 10);
	CHECK_INT(g.p.limit_ma, 16000);
	g.r.temp_dc = 710;
	rig_run(&g, 10);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_TEMPERATURE));
	g.r.temp_dc = 630;
	rig_run(&g, 1000);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_TEMPERATURE));
	g.r.temp_dc = 610;
	rig_run(&g, 11000);
	CHECK_INT(g.p.limit_ma, 32000);
	CHECK(g.p.out.contactor);
}

TEST(emergency_stop)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	g.r.estop = true;
	CHECK(ms_until(&g, is_open, 1000) <= 20);
	rig_run(&g, 10000);
	CHECK_INT(g.p.out.duty, DUTY_F);
	g.r.estop = false;
	rig_run(&g, 1000);
	CHECK_INT(g.p.out.duty, DUTY_X1);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_ESTOP));
	rig_run(&g, 20000);
	CHECK_INT(g.p.counts.closings, 1);
	CHECK(pilot_command(&g.p, g.now, PILOT_RESET_FAULT) == NULL);
	rig_run(&g, 1000);
	CHECK_INT(g.p.counts.closings, 2);
}

TEST(impossible_voltage)
{
	struct rig g;

	rig_init(&g);
	rig_charging(&g, 16000);
	for (int i = 0; i < 150; i++) {
		g.now += 1000;
		rig_readings(&g);
		g.r.cp_pos_mv = -6000;
		pilot_read(&g.p, g.now, &g.r);
		pilot_step(&g.p, g.now);
	}
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_DRIVER));
	CHECK_STR(pilot_state_name(&g.p), "E");
}

TEST(f_can_be_left_out_for_old_cars)
{
	struct rig g;

	rig_init(&g);
	g.c.times.fault_f = 0;
	rig_charging(&g, 16000);
	g.r.rcd = true;
	rig_run(&g, 30);
	CHECK(!g.p.out.contactor);
	CHECK_INT(g.p.out.duty, DUTY_X1);
}

TEST(rcd_self_test_at_start_and_after_each_unplug)
{
	struct rig g;

	rig_init(&g);
	g.c.rcd_test = true;
	rig_start(&g);
	CHECK(g.p.out.rcd_test);
	CHECK(!g.p.rcd_ok);
	rig_run(&g, 3000);
	CHECK(g.p.rcd_ok);
	CHECK_INT(g.p.counts.rcd_tests, 1);
	CHECK_INT(g.p.faults, 0);
	g.car = 'B';
	rig_run(&g, 1000);
	g.car = 'A';
	rig_run(&g, 4000);
	CHECK_INT(g.p.counts.rcd_tests, 2);
}

TEST(rcd_self_test_fails_and_recovers)
{
	struct rig g;

	rig_init(&g);
	g.c.rcd_test = true;
	g.rcd_dead = true;
	rig_start(&g);
	rig_run(&g, 3000);
	CHECK_INT(g.p.faults, pilot_fault_bit(FAULT_RCD_SELFTEST));
	g.car = 'B';
	rig_want(&g, true, 16000);
	rig_run(&g, 12000);
	g.car = 'C';
	rig_run(&g, 5000);
	CHECK_INT(g.p.counts.closings, 0);
	g.rcd_dead = false;
	g.rcd_at = -1;
	rig_run(&g, 60000);
	CHECK_INT(g.p.faults, 0);
	CHECK(g.p.out.contactor);
}

TEST(rcd_self_test_each_day_when_the_contactor_is_open)
{
	struct rig g;

	rig_init(&g);
	g.c.rcd_test = true;
	g.c.times.rcd_retest = 30000;
	rig_charging(&g, 16000);
	CHECK_INT(g.p.counts.rcd_tests, 1);
	rig_run(&g, 40000); /* under power it waits */
	CHECK_INT(g.p.counts.rcd_tests, 1);
	CHECK(g.p.out.contactor);
	g.car = 'B';
	rig_run(&g, 4000);
	CHECK_INT(g.p.counts.rcd_tests, 2);
}
