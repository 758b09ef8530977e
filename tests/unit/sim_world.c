/* Cars, boards and a grid that behave: what flows, and when it stops. */
#include "sim_rig.h"

TEST(a_session_draws_what_is_allowed)
{
	struct sim_car *c = charging("family", NULL, 0);

	CHECK(c->s2);
	CHECK_INT(c->current_ma, 16000);
	CHECK_INT(w.evse[0].flow.current_ma[2], 16000);
	CHECK_NUM(cp_mv(), 6000, 200);
	CHECK_NUM((double)w.flow.power_mw[0], 16.0 * 230000 * .99, 1000);
	duty(0, 1667);
	wait_ms(1000);
	CHECK_INT(c->current_ma, 10002);
	duty(0, SIM_DUTY_X1);
	wait_ms(3000);
	CHECK(!c->s2);
	CHECK_INT(c->current_ma, 0);
}

TEST(nothing_flows_without_the_contactor)
{
	struct sim_car *c;

	start(&plain);
	c = plug(0, "family", NULL, 0);
	CHECK_NUM(cp_mv(), 9000, 200);
	wait_ms(2000);
	CHECK(!c->s2);
	duty(0, 2667);
	wait_ms(10000);
	CHECK(c->s2);
	CHECK_INT(c->current_ma, 0);
	CHECK_INT(c->taken_nj, 0);
	CHECK_INT(sim_world_next(&w), SIM_NEVER);
}

TEST(opening_under_load_stops_the_current_at_once)
{
	struct sim_car *c = charging("family", NULL, 0);

	contactor(0, false);
	wait_ms(14);
	CHECK_INT(c->current_ma, 16000);
	wait_ms(1);
	CHECK_INT(c->current_ma, 0);
	CHECK_INT(w.evse[0].board.opened_under_load, 1);
}

TEST(wanted_energy_is_taken_and_no_more)
{
	struct sim_car *c;

	start(&plain);
	c = plug(0, "family", NULL, 0);
	sim_world_want(&w, 0, 300);
	duty(0, 2667);
	contactor(0, true);
	wait_ms(600000);
	CHECK(!c->s2);
	CHECK_NUM((double)c->taken_nj / 3.6e12, 300, 2);
	CHECK(c->taken_nj >= 300 * SIM_NJ_PER_WH);
}

TEST(a_full_battery_tapers_and_stops)
{
	struct sim_car *c = charging("phev", "soc_pct", 75);
	int64_t flat = c->power_mw;

	wait_ms(3600 * 1000);
	CHECK(c->power_mw < flat);
	wait_ms(20 * 3600 * 1000);
	CHECK_INT(c->power_mw, 0);
	CHECK(!c->s2);
	CHECK_INT(sim_car_soc_cpct(c), 10000);
	CHECK_INT(c->taken_nj, c->lost_nj + c->battery_nj - 9000 * SIM_NJ_PER_WH);
}

TEST(below_its_minimum_a_car_does_not_charge)
{
	struct sim_car *c = charging("fast", NULL, 0);

	duty(0, 1167);
	wait_ms(5000);
	CHECK_INT(c->current_ma, 0);
	CHECK(!c->s2);
}

TEST(the_phase_relay_makes_it_one_phase)
{
	struct sim_car *c = charging("family", NULL, 0);

	w.evse[0].board.phases = 1;
	sim_world_settle(&w);
	CHECK_INT(w.evse[0].flow.current_ma[0], 16000);
	CHECK_INT(w.evse[0].flow.current_ma[1], 0);
	CHECK_INT(sim_car_phases(c), 1);
}

TEST(a_fragile_car_breaks_by_a_switch_of_phases_under_load)
{
	struct sim_car *c = charging("fast", NULL, 0);

	duty(0, SIM_DUTY_X1);
	wait_ms(5000);
	contactor(0, false);
	wait_ms(100);
	w.evse[0].board.phases = 1;
	contactor(0, true);
	duty(0, 2667);
	wait_ms(10000);
	CHECK(!c->broken);
	CHECK_INT(w.evse[0].flow.current_ma[1], 0);
	CHECK_INT(c->current_ma, 16002);
	w.evse[0].board.phases = 3;
	sim_world_settle(&w);
	CHECK(c->broken);
	wait_ms(5000);
	CHECK_INT(c->current_ma, 0);
	CHECK(!c->s2);
}

TEST(a_contactor_welds_or_does_not_close)
{
	struct sim_car *c = charging("family", NULL, 0);
	struct sim_wire wire;

	sim_board_fault(&w.evse[0].board, SIM_FAULT_WELDED, true, w.now_us);
	contactor(0, false);
	wait_ms(1000);
	sim_world_wire(&w, 0, &wire);
	CHECK(wire.contactor);
	CHECK_INT(c->current_ma, 16000);
	w.evse[0].board.breaker = false;
	sim_world_settle(&w);
	CHECK_INT(c->current_ma, 0);
	CHECK_INT(w.evse[0].flow.voltage_mv[0], 0);
	start(&plain);
	sim_board_fault(&w.evse[0].board, SIM_FAULT_NOT_CLOSED, true, w.now_us);
	contactor(0, true);
	wait_ms(1000);
	CHECK(!w.evse[0].board.contactor);
	sim_board_fault(&w.evse[0].board, SIM_FAULT_NOT_CLOSED, false, w.now_us);
	wait_ms(20);
	CHECK(w.evse[0].board.contactor);
}

TEST(the_rcd_answers_its_test)
{
	struct sim_wire wire;

	start(&plain);
	sim_board_rcd_test(&w.evse[0].board, w.now_us);
	wait_ms(739);
	sim_world_wire(&w, 0, &wire);
	CHECK(!wire.rcd6 && !wire.rcd30);
	wait_ms(1);
	sim_world_wire(&w, 0, &wire);
	CHECK(wire.rcd6 && !wire.rcd30 && !wire.rcd);
	wait_ms(660);
	sim_world_wire(&w, 0, &wire);
	CHECK(wire.rcd6 && wire.rcd30);
	wait_ms(700);
	sim_world_wire(&w, 0, &wire);
	CHECK(!wire.rcd6 && !wire.rcd30);
	sim_board_fault(&w.evse[0].board, SIM_FAULT_RCD_SELFTEST, true, w.now_us);
	sim_board_rcd_test(&w.evse[0].board, w.now_us);
	CHECK_INT(sim_world_next(&w), SIM_NEVER);
}

TEST(the_lock_holds_the_cable)
{
	struct sim_world_config cfg = plain;
	struct sim_wire wire;

	cfg.tethered_ma = 0;
	start(&cfg);
	plug(0, "family", NULL, 0);
	sim_world_wire(&w, 0, &wire);
	CHECK_INT(wire.pp_ohm, 220);
	sim_board_lock(&w.evse[0].board, true, w.now_us);
	wait_ms(599);
	CHECK(!w.evse[0].board.locked);
	wait_ms(1);
	CHECK(w.evse[0].board.locked);
	CHECK_INT(sim_world_unplug(&w, 0), 0);
	sim_world_wire(&w, 0, &wire);
	CHECK_INT(wire.cp_pos_mv, 12000);
	CHECK_INT(wire.pp_ohm, 220);
	sim_board_lock(&w.evse[0].board, false, w.now_us);
	wait_ms(600);
	sim_world_wire(&w, 0, &wire);
	CHECK_INT(wire.pp_ohm, -1);
	CHECK_INT(sim_world_unplug(&w, 0), -1);
	CHECK_INT(errno, ENODEV);
}

TEST(a_silent_controller_makes_a_watchdog_board_open)
{
	struct sim_world_config cfg = plain;

	cfg.board.alive_ms = 500;
	start(&cfg);
	plug(0, "family", NULL, 0);
	sim_board_alive(&w.evse[0].board, w.now_us);
	duty(0, 2667);
	contactor(0, true);
	wait_ms(400);
	CHECK(w.evse[0].board.contactor);
	sim_board_alive(&w.evse[0].board, w.now_us);
	wait_ms(400);
	CHECK(w.evse[0].board.contactor);
	wait_ms(200);
	CHECK(!w.evse[0].board.contactor);
	CHECK_INT(w.evse[0].board.duty_permyriad, SIM_DUTY_X1);
}

TEST(an_interlock_drops_the_contactor)
{
	struct sim_world_config cfg = plain;
	static const int fault[] = {SIM_FAULT_RCD, SIM_FAULT_RCD6, SIM_FAULT_ESTOP,
				    SIM_FAULT_CP_OPEN};

	cfg.board.interlock = 1;
	for (size_t i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		start(&cfg);
		plug(0, "family", NULL, 0);
		duty(0, 2667);
		wait_ms(3000);
		contactor(0, true);
		wait_ms(3000);
		CHECK(w.evse[0].board.contactor);
		sim_board_fault(&w.evse[0].board, fault[i], true, w.now_us);
		sim_world_settle(&w);
		wait_ms(15);
		CHECK(!w.evse[0].board.contactor);
	}
}

TEST(voltage_drops_with_the_current_and_phases_rotate)
{
	struct sim_world_config cfg = plain;

	cfg.impedance_mohm = 500;
	start(&cfg);
	w.evse[0].rotation = 1;
	plug(0, "small", NULL, 0);
	duty(0, 5333);
	contactor(0, true);
	wait_ms(20000);
	CHECK_NUM((double)w.flow.current_ma[1], 32000, 1000);
	CHECK_INT(w.flow.current_ma[0], 0);
	CHECK_NUM((double)w.flow.voltage_mv[1], 214000, 500);
	CHECK_INT(w.evse[0].flow.voltage_mv[0], w.flow.voltage_mv[1]);
}

TEST(names_and_values_are_checked)
{
	struct sim_car_model m;

	CHECK_INT(sim_car_named("no such car", &m), -1);
	CHECK_INT(errno, ENOENT);
	for (size_t i = 0; sim_car_name(i); i++) {
		CHECK_INT(sim_car_named(sim_car_name(i), &m), 0);
		CHECK_STR(m.name, sim_car_name(i));
	}
	CHECK_INT(sim_car_set(&m, "colour", 1), -1);
	CHECK_INT(errno, ENOENT);
	CHECK_INT(sim_car_set(&m, "phases", 2), -1);
	CHECK_INT(errno, ERANGE);
	CHECK_INT(sim_car_set(&m, "max_a", -1), -1);
	CHECK_INT(sim_car_set(&m, "max_a", NAN), -1);
	CHECK_INT(sim_car_set(&m, "no_diode", 0.5), -1);
	CHECK_INT(sim_car_set(&m, "soc_pct", 12.34), 0);
	CHECK_INT(m.soc_cpct, 1234);
	CHECK_INT(sim_fault_find("welded"), SIM_FAULT_WELDED);
	CHECK_INT(sim_fault_find("meter_garbage"), SIM_FAULT_METER_GARBAGE);
	CHECK_INT(sim_fault_find("x"), 0);
}
