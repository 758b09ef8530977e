#include "sim/world.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
	NOMINAL_MV = 230000,
	NOMINAL_MHZ = 50000,
	SETTLE_ROUNDS =
	    4, /* voltage and current depend on each other weakly; four rounds reach 1 mV */
};

/* Resistor in the plug, by what the cable carries. Source: IEC 61851-1 Annex B */
static const struct {
	int cable_ma, ohm;
} pp_code[] = {{13000, 1500}, {20000, 680}, {32000, 220}, {63000, 100}};
enum { PP_CODES = sizeof(pp_code) / sizeof(pp_code[0]) };

static int pp_ohm_of(int cable_ma)
{
	for (int i = 0; i < PP_CODES; i++)
		if (cable_ma <= pp_code[i].cable_ma)
			return pp_code[i].ohm;
	return pp_code[PP_CODES - 1].ohm;
}

void sim_world_init(struct sim_world *w, const struct sim_world_config *cfg, int64_t now_us)
{
	*w = (struct sim_world){
	    .evses = cfg->evses,
	    .grid = {.freq_mhz = NOMINAL_MHZ, .impedance_mohm = cfg->impedance_mohm},
	    .cp_noise_mv = cfg->cp_noise_mv,
	    .rng = cfg->seed * 2 + 1,
	    .now_us = now_us,
	};
	for (int i = 0; i < SIM_PHASES; i++) {
		w->grid.voltage_mv[i] = NOMINAL_MV;
		w->house_mw[i] = (int64_t)cfg->house_w * 1000 / SIM_PHASES;
	}
	for (int i = 0; i < w->evses; i++) {
		struct sim_evse *e = &w->evse[i];

		sim_board_init(&e->board, &cfg->board);
		sim_meter_init(&e->meter, 1000 + i + 1, cfg->base_wh);
		e->tethered_ma = cfg->tethered_ma;
	}
	sim_meter_init(&w->meter, 1000, cfg->house_base_wh);
	sim_world_settle(w);
}

static int64_t min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- flows ---- */

static int grid_phase(const struct sim_evse *e, int phase)
{
	return (phase + e->rotation) % SIM_PHASES;
}

static struct sim_cp_load cp_load(const struct sim_evse *e)
{
	struct sim_cp_load load = {0};

	if (e->plugged && e->board.cp_connected && !(e->board.faults & SIM_FAULT_CP_OPEN))
		load = sim_car_cp(&e->car);
	if (e->board.faults & SIM_FAULT_CP_SHORT)
		load.shorted = true;
	return load;
}

static void show_inlet(struct sim_world *w, struct sim_evse *e)
{
	struct sim_cp_load load = cp_load(e);
	struct sim_inlet in = {
	    .pilot = load.ohm != 0 && !load.shorted,
	    .duty_permyriad = e->board.duty_permyriad,
	    .phases_live = sim_board_phases_live(&e->board),
	};
	int phases = in.phases_live > 0 ? in.phases_live : 1;
	int64_t sum = 0;

	for (int i = 0; i < phases; i++)
		sum += w->flow.voltage_mv[grid_phase(e, i)];
	in.voltage_mv = (int)(sum / phases);
	sim_car_inlet(&e->car, &in, w->now_us);
}

static int64_t reactive(int64_t power_mw, int cosphi_permille)
{
	double c = cosphi_permille / 1000.0;

	return llround((double)power_mw * sqrt(1 - c * c) / c);
}

static void evse_flow(struct sim_world *w, struct sim_evse *e)
{
	int phases = e->plugged ? sim_car_phases(&e->car) : 0;
	int64_t total = 0;

	for (int i = 0; i < SIM_PHASES; i++) {
		int64_t mv = e->board.breaker ? w->flow.voltage_mv[grid_phase(e, i)] : 0;
		int64_t ma = i < phases ? e->car.current_ma : 0;

		e->flow.voltage_mv[i] = mv;
		e->flow.current_ma[i] = ma;
		e->flow.power_mw[i] =
		    phases ? ma * mv / 1000 * e->car.model.cosphi_permille / 1000 : 0;
		e->flow.reactive_mvar[i] =
		    phases ? reactive(e->flow.power_mw[i], e->car.model.cosphi_permille) : 0;
		total += e->flow.power_mw[i];
	}
	if (e->plugged)
		e->car.power_mw = total;
}

static void house_flow(struct sim_world *w)
{
	struct sim_flow *f = &w->flow;

	for (int i = 0; i < SIM_PHASES; i++) {
		f->power_mw[i] = w->house_mw[i];
		f->reactive_mvar[i] = 0;
	}
	for (int n = 0; n < w->evses; n++) {
		for (int i = 0; i < SIM_PHASES; i++) {
			int g = grid_phase(&w->evse[n], i);

			f->power_mw[g] += w->evse[n].flow.power_mw[i];
			f->reactive_mvar[g] += w->evse[n].flow.reactive_mvar[i];
		}
	}
	for (int i = 0; i < SIM_PHASES; i++) {
		int64_t drop_uv, sign = f->power_mw[i] < 0 ? -1 : 1;
		double va = hypot((double)f->power_mw[i], (double)f->reactive_mvar[i]);

		f->current_ma[i] =
		    llround(va * 1000 / (double)(f->voltage_mv[i] ? f->voltage_mv[i] : NOMINAL_MV));
		drop_uv = sign * f->current_ma[i] * w->grid.impedance_mohm;
		f->voltage_mv[i] = w->grid.voltage_mv[i] - drop_uv / 1000;
		if (f->voltage_mv[i] < 0)
			f->voltage_mv[i] = 0;
	}
}

static void interlock(struct sim_world *w, struct sim_evse *e)
{
	struct sim_cp_load load = cp_load(e);
	bool cp_ok = !load.shorted && load.ohm != 0 && load.ohm < SIM_CP_OHM_B &&
		     e->board.duty_permyriad != SIM_DUTY_F;

	sim_board_interlock(&e->board, cp_ok, w->now_us);
}

/* The plug of a socket leaves with its car as soon as the lock lets it. */
static void free_cable(struct sim_evse *e)
{
	if (e->tethered_ma == 0 && !e->plugged && !e->board.locked)
		e->cable = false;
}

void sim_world_settle(struct sim_world *w)
{
	for (int i = 0; i < SIM_PHASES; i++)
		w->flow.voltage_mv[i] = w->grid.voltage_mv[i];
	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		for (int n = 0; n < w->evses; n++) {
			struct sim_evse *e = &w->evse[n];

			interlock(w, e);
			free_cable(e);
			if (e->plugged)
				show_inlet(w, e);
			evse_flow(w, e);
		}
		house_flow(w);
	}
}

/* ---- time ---- */

int64_t sim_world_next(const struct sim_world *w)
{
	int64_t at = SIM_NEVER;

	for (int n = 0; n < w->evses; n++) {
		const struct sim_evse *e = &w->evse[n];

		at = min_time(at, sim_board_next(&e->board));
		if (e->plugged)
			at = min_time(at, sim_car_next(&e->car, w->now_us));
	}
	return at;
}

/* Everything is constant up to to_us: count it, once for all who look at it. */
static void flow_until(struct sim_world *w, int64_t to_us)
{
	int64_t dt_us = to_us - w->now_us;

	if (dt_us <= 0)
		return;
	for (int n = 0; n < w->evses; n++) {
		sim_meter_count(&w->evse[n].meter, &w->evse[n].flow, dt_us);
		if (w->evse[n].plugged)
			sim_car_take(&w->evse[n].car, dt_us);
	}
	sim_meter_count(&w->meter, &w->flow, dt_us);
	w->now_us = to_us;
}

static void step(struct sim_world *w)
{
	for (int n = 0; n < w->evses; n++) {
		struct sim_evse *e = &w->evse[n];

		if (sim_board_next(&e->board) <= w->now_us)
			sim_board_step(&e->board, e->plugged && e->car.current_ma > 0, w->now_us);
		if (e->plugged)
			sim_car_step(&e->car, w->now_us);
	}
	sim_world_settle(w);
}

void sim_world_advance(struct sim_world *w, int64_t now_us)
{
	for (;;) {
		int64_t at = sim_world_next(w);

		if (at > now_us)
			break;
		flow_until(w, at);
		step(w);
	}
	flow_until(w, now_us);
}

/* ---- hands ---- */

int sim_world_plug(struct sim_world *w, int evse, const struct sim_car_model *m, int cable_ma)
{
	struct sim_evse *e = &w->evse[evse];

	if (e->plugged) {
		errno = EBUSY;
		return -1;
	}
	sim_car_init(&e->car, m, w->now_us);
	e->plugged = true;
	e->cable = true;
	e->cable_ma = e->tethered_ma ? e->tethered_ma : cable_ma;
	sim_world_settle(w);
	return 0;
}

int sim_world_unplug(struct sim_world *w, int evse)
{
	struct sim_evse *e = &w->evse[evse];

	if (!e->plugged) {
		errno = ENODEV;
		return -1;
	}
	e->plugged = false;
	sim_world_settle(w);
	return 0;
}

void sim_world_want(struct sim_world *w, int evse, int64_t wh)
{
	struct sim_car *c = &w->evse[evse].car;

	c->want_nj = wh == SIM_NEVER ? SIM_NEVER : c->taken_nj + wh * SIM_NJ_PER_WH;
	c->asleep = false;
	sim_car_decide(c, w->now_us);
	sim_world_settle(w);
}

void sim_world_remodel(struct sim_world *w, int evse, const struct sim_car_model *m)
{
	struct sim_car *c = &w->evse[evse].car;

	c->model = *m;
	sim_car_decide(c, w->now_us);
	sim_world_settle(w);
}

void sim_world_grid(struct sim_world *w, const struct sim_grid *g)
{
	w->grid = *g;
	sim_world_settle(w);
	for (int n = 0; n < w->evses; n++)
		if (w->evse[n].plugged)
			sim_car_decide(&w->evse[n].car, w->now_us);
}

void sim_world_meter_reset(struct sim_world *w, int evse)
{
	struct sim_meter *m = evse < 0 ? &w->meter : &w->evse[evse].meter;

	sim_meter_init(m, m->serial, 0);
}

/* ---- wires ---- */

/* xorshift64: the same seed gives the same noise. */
static int noise_mv(struct sim_world *w)
{
	if (w->cp_noise_mv == 0)
		return 0;
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (int)(w->rng % (uint64_t)(2 * w->cp_noise_mv + 1)) - w->cp_noise_mv;
}

static int pp_ohm(const struct sim_evse *e)
{
	if (e->board.faults & SIM_FAULT_PP_OPEN)
		return -1;
	if (e->board.faults & SIM_FAULT_PP_SHORT)
		return 10;
	if (e->tethered_ma > 0 || !e->cable)
		return -1;
	return pp_ohm_of(e->cable_ma);
}

void sim_world_wire(struct sim_world *w, int evse, struct sim_wire *out)
{
	const struct sim_evse *e = &w->evse[evse];
	const struct sim_board *b = &e->board;
	struct sim_cp_load load = cp_load(e);

	*out = (struct sim_wire){
	    .pp_ohm = pp_ohm(e),
	    .contactor = sim_board_feedback(b),
	    .locked = b->locked,
	    .rcd = sim_board_rcd_tripped(b),
	    .rcd6 = b->rcd6_test || (b->faults & SIM_FAULT_RCD6),
	    .rcd30 = b->rcd30_test || (b->faults & SIM_FAULT_RCD),
	    .pe = !(b->faults & SIM_FAULT_PE),
	    .estop = (b->faults & SIM_FAULT_ESTOP) != 0,
	    .temp_mc = b->temp_mc,
	};
	sim_cp_levels(b->duty_permyriad, &load, &out->cp_pos_mv, &out->cp_neg_mv);
	out->cp_pos_mv += noise_mv(w);
	out->cp_neg_mv += noise_mv(w);
	for (int i = 0; i < SIM_PHASES; i++)
		out->current_ma[i] = e->flow.current_ma[i];
}

bool sim_wire_differs(const struct sim_wire *a, const struct sim_wire *b, int noise_mv)
{
	if (abs(a->cp_pos_mv - b->cp_pos_mv) > 2 * noise_mv ||
	    abs(a->cp_neg_mv - b->cp_neg_mv) > 2 * noise_mv)
		return true;
	for (int i = 0; i < SIM_PHASES; i++)
		if (a->current_ma[i] != b->current_ma[i])
			return true;
	return a->pp_ohm != b->pp_ohm || a->contactor != b->contactor || a->locked != b->locked ||
	       a->rcd != b->rcd || a->rcd6 != b->rcd6 || a->rcd30 != b->rcd30 || a->pe != b->pe ||
	       a->estop != b->estop || a->temp_mc != b->temp_mc;
}
