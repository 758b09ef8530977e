#include "harness.h"

#include <errno.h>

#include "sim/world.h"

#define SECOND INT64_C(1000000)

static struct sim_world w;

static const struct sim_world_config plain = {
    .evses = 2,
    .board = {.close_ms = 20, .open_ms = 15, .lock_ms = 600},
    .tethered_ma = 32000,
    .seed = 1,
};

static void start(const struct sim_world_config *cfg)
{
	sim_world_init(&w, cfg, 5 * SECOND);
}

static void wait_ms(int64_t ms)
{
	sim_world_advance(&w, w.now_us + ms * 1000);
}

static void duty(int evse, int permyriad)
{
	w.evse[evse].board.duty_permyriad = permyriad;
	sim_world_settle(&w);
}

static void contactor(int evse, bool on)
{
	sim_board_contactor(&w.evse[evse].board, on, w.now_us);
	sim_world_settle(&w);
}

static struct sim_car *plug(int evse, const char *name, const char *trait, double value)
{
	struct sim_car_model m;

	CHECK_INT(sim_car_named(name, &m), 0);
	if (trait)
		CHECK_INT(sim_car_set(&m, trait, value), 0);
	CHECK_INT(sim_world_plug(&w, evse, &m, 32000), 0);
	return &w.evse[evse].car;
}

/* Plug, offer 16 A, close: the car draws after a few seconds. */
static struct sim_car *charging(const char *name, const char *trait, double value)
{
	struct sim_car *c;

	start(&plain);
	c = plug(0, name, trait, value);
	duty(0, 2667);
	wait_ms(8000);
	contactor(0, true);
	wait_ms(30000);
	return c;
}

static int cp_mv(void)
{
	struct sim_wire wire;

	sim_world_wire(&w, 0, &wire);
	return wire.cp_pos_mv;
}

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

/* ---- conservation: random histories, exact to the nanojoule ---- */

static uint64_t rng;

/* How many random histories; fewer where a checker makes each slow. */
static uint64_t seeds(int many)
{
	const char *scale = getenv("EVSE_TEST_SCALE");
	double n = many * (scale ? strtod(scale, NULL) : 1);

	return n < 1 ? 1 : (uint64_t)n;
}

static int draw(int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (int)(rng % (uint64_t)n);
}

static void random_act(void)
{
	int n = draw(w.evses);
	struct sim_board *b = &w.evse[n].board;
	struct sim_car_model m;

	switch (draw(10)) {
	case 0:
		sim_car_named(sim_car_name((size_t)draw(12)), &m);
		sim_world_plug(&w, n, &m, 32000);
		break;
	case 1:
		if (draw(4) == 0)
			sim_world_unplug(&w, n);
		break;
	case 2:
	case 3:
		duty(n, draw(3) ? 1000 + draw(4400) : draw(2) ? SIM_DUTY_X1 : SIM_DUTY_F);
		break;
	case 4:
	case 5:
		contactor(n, draw(4) != 0);
		break;
	case 6:
		if (w.evse[n].plugged)
			sim_world_want(&w, n, draw(3000));
		break;
	case 7:
		b->phases = draw(2) ? 3 : 1;
		sim_board_fault(b, 1 << draw(13), draw(3) == 0, w.now_us);
		break;
	case 8:
		w.house_mw[draw(3)] = draw(9000000) - 3000000;
		break;
	default:
		w.grid.voltage_mv[draw(3)] = 207000 + draw(46000);
		b->breaker = draw(10) != 0;
		break;
	}
	sim_world_settle(&w);
}

static int64_t net_nj(const struct sim_meter *m)
{
	return sim_energy_diff_nj(&m->import_sum, &m->export_sum);
}

TEST(energy_is_conserved_exactly)
{
	for (uint64_t seed = 1; seed <= seeds(40); seed++) {
		struct sim_world_config cfg = plain;
		int64_t house = 0, cars = 0, evses = 0, stored = 0;
		int64_t last_us;

		rng = seed * 0x9e3779b97f4a7c15u;
		cfg.evses = 1 + (int)(seed % 3);
		cfg.impedance_mohm = 200;
		start(&cfg);
		for (int i = 0; i < 1500; i++) {
			int64_t taken[3] = {0};

			for (int n = 0; n < w.evses; n++)
				taken[n] = w.evse[n].car.taken_nj;
			last_us = w.now_us;
			wait_ms(draw(2) ? draw(300) : draw(60000));
			for (int p = 0; p < SIM_PHASES; p++)
				house += w.house_mw[p] * (w.now_us - last_us);
			for (int n = 0; n < w.evses; n++) {
				const struct sim_car *c = &w.evse[n].car;

				if (w.evse[n].plugged)
					cars += c->taken_nj - taken[n];
			}
			random_act();
		}
		for (int n = 0; n < w.evses; n++) {
			const struct sim_car *c = &w.evse[n].car;

			evses += net_nj(&w.evse[n].meter);
			if (c->model.capacity_wh)
				stored += c->taken_nj - c->lost_nj;
		}
		if (evses != cars || net_nj(&w.meter) != house + evses || stored < 0)
			HARNESS_FAIL(
			    "seed %llu: cars %lld, EV meters %lld, house meter %lld, load %lld",
			    (unsigned long long)seed, (long long)cars, (long long)evses,
			    (long long)net_nj(&w.meter), (long long)house);
	}
}

TEST(the_step_of_time_does_not_matter)
{
	struct sim_energy fine, coarse;

	charging("family", NULL, 0);
	for (int i = 0; i < 36000; i++)
		wait_ms(100);
	fine = w.evse[0].meter.import_sum;
	charging("family", NULL, 0);
	wait_ms(3600 * 1000);
	coarse = w.evse[0].meter.import_sum;
	CHECK_INT(sim_energy_diff_nj(&fine, &coarse), 0);
}

TEST(a_charging_car_is_never_above_what_it_was_told)
{
	struct sim_car *c = charging("family", NULL, 0);

	for (int i = 0; i < 100; i++) {
		int permyriad = 1000 + (i * 37) % 1600;

		duty(0, permyriad);
		wait_ms(5000);
		CHECK(c->current_ma <= sim_cp_ev_limit_ma(permyriad));
	}
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
