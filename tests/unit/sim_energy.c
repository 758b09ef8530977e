/* Conservation over random histories, exact to the nanojoule. */
#include "sim_rig.h"

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
