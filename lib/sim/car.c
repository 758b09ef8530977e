#include "sim/car.h"

#include "sim/energy.h"

enum {
	RAMP_STEP_US = 100000,
	SOC_STEPS = 200, /* the charge curve is followed in steps of 0.5 % */
	SIMPLIFIED_MA =
	    10000, /* IEC 61851-1 A.2.3: a car with the simplified pilot limits itself */
	PULSE_DELAY_US = 200000, /* the wake-up pulse begins so long after its cause */
};

static int64_t ms(int v)
{
	return (int64_t)v * 1000;
}

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

static int64_t min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t capacity_nj(const struct sim_car *c)
{
	return (int64_t)c->model.capacity_wh * SIM_NJ_PER_WH;
}

int sim_car_soc_cpct(const struct sim_car *c)
{
	int64_t soc = c->battery_nj / (capacity_nj(c) / 10000);

	return soc > 10000 ? 10000 : (int)soc;
}

static int64_t target_nj(const struct sim_car *c)
{
	return capacity_nj(c) / 10000 * c->model.target_cpct;
}

static bool wants_energy(const struct sim_car *c)
{
	return !c->asleep && !c->broken && c->taken_nj < c->want_nj && c->battery_nj < target_nj(c);
}

/* The charge curve: flat, then a straight line to full_w, taken at the lower end of a 0.5 % step.
 */
static int curve_w(const struct sim_car *c)
{
	const struct sim_car_model *m = &c->model;
	int step = (int)(c->battery_nj / (capacity_nj(c) / SOC_STEPS));
	int soc = min_int(step, SOC_STEPS) * (10000 / SOC_STEPS);

	if (soc <= m->taper_cpct || m->taper_cpct >= 10000)
		return m->max_w;
	return m->max_w - (int)((int64_t)(m->max_w - m->full_w) * (soc - m->taper_cpct) /
				(10000 - m->taper_cpct));
}

int sim_car_phases(const struct sim_car *c)
{
	return min_int(c->model.phases, c->in.phases_live);
}

static int target_ma(const struct sim_car *c)
{
	int phases = sim_car_phases(c);
	int64_t va_ma;

	if (!c->s2 || phases == 0 || c->offer_ma == 0 || c->in.voltage_mv == 0)
		return 0;
	if (!wants_energy(c))
		return 0;
	va_ma = (int64_t)curve_w(c) * 1000000 * 1000 / c->in.voltage_mv / phases /
		c->model.cosphi_permille;
	if (c->model.ignores_limit)
		return min_int(c->model.max_ma, c->offer_ma);
	return va_ma < c->offer_ma ? (int)va_ma : c->offer_ma;
}

/* What the car believes it may draw, from the pilot as it has seen it. */
static int offer_ma(const struct sim_car *c)
{
	const struct sim_car_model *m = &c->model;
	int limit = c->pilot_seen ? sim_cp_ev_limit_ma(c->duty_seen) : 0;

	if (limit == 0)
		return m->draws_on ? c->offer_ma : 0;
	if (m->ignores_limit)
		return m->max_ma;
	if (m->simplified)
		limit = min_int(limit, SIMPLIFIED_MA);
	limit += m->over_ma;
	return limit < m->min_ma ? 0 : min_int(limit, m->max_ma);
}

static void decide_s2(struct sim_car *c, int64_t now_us)
{
	bool want = wants_energy(c) && c->offer_ma > 0;

	if (c->model.simplified) {
		c->s2 = true;
		return;
	}
	if (want == c->s2) {
		c->s2_us = SIM_NEVER;
	} else if (want) {
		c->s2_us = min_time(c->s2_us, now_us + ms(c->model.s2_close_ms));
	} else if ((c->current_ma == 0 || c->model.opens_loaded) && !c->model.keeps_s2) {
		c->s2_us = min_time(c->s2_us, now_us + ms(c->model.s2_open_ms));
	}
}

void sim_car_decide(struct sim_car *c, int64_t now_us)
{
	c->offer_ma = offer_ma(c);
	decide_s2(c, now_us);
	if (c->current_ma == target_ma(c))
		c->ramp_us = SIM_NEVER;
	else if (c->ramp_us == SIM_NEVER)
		c->ramp_us = now_us + RAMP_STEP_US;
	if (c->model.sleep_after_s == 0 || c->offer_ma > 0 || c->asleep)
		c->sleep_us = SIM_NEVER;
	else if (c->sleep_us == SIM_NEVER)
		c->sleep_us = now_us + ms(c->model.sleep_after_s) * 1000;
	if (c->model.dropout_ms > 0 && c->model.dropout_every_s > 0 && c->dropout_us == SIM_NEVER)
		c->dropout_us = now_us + ms(c->model.dropout_every_s) * 1000;
}

void sim_car_init(struct sim_car *c, const struct sim_car_model *m, int64_t now_us)
{
	*c = (struct sim_car){.model = *m, .want_nj = SIM_NEVER};
	c->battery_nj = capacity_nj(c) / 10000 * m->soc_cpct;
	c->duty_seen = SIM_DUTY_X1;
	c->in.duty_permyriad = SIM_DUTY_X1;
	c->react_us = c->s2_us = c->ramp_us = c->pulse_us = SIM_NEVER;
	c->glitch_us = c->sleep_us = c->trouble_us = c->dropout_us = SIM_NEVER;
	sim_car_decide(c, now_us);
}

static bool is_trouble(const struct sim_inlet *in)
{
	return !in->pilot || in->duty_permyriad == SIM_DUTY_F;
}

static bool is_pwm(const struct sim_inlet *in)
{
	return in->pilot && in->duty_permyriad > SIM_DUTY_F && in->duty_permyriad < SIM_DUTY_X1;
}

/* E and F wake a sleeping car when they end after wake_hold_ms; X1 wakes it by the edge to PWM. */
static void watch_wake(struct sim_car *c, const struct sim_inlet *was, int64_t now_us)
{
	const struct sim_car_model *m = &c->model;
	bool wake = false;

	if (is_trouble(&c->in)) {
		if (c->trouble_us == SIM_NEVER)
			c->trouble_us = now_us;
		c->trouble_was_f = c->in.pilot;
		return;
	}
	if (c->trouble_us != SIM_NEVER && now_us - c->trouble_us >= ms(m->wake_hold_ms))
		wake = c->trouble_was_f ? m->wakes_on_f : m->wakes_on_e;
	c->trouble_us = SIM_NEVER;
	if (m->wakes_on_x1 && !is_pwm(was) && is_pwm(&c->in))
		wake = true;
	if (wake)
		c->asleep = false;
}

static void start_pulses(struct sim_car *c, const struct sim_inlet *was, int64_t now_us)
{
	const struct sim_car_model *m = &c->model;
	bool pwm_starts = !is_pwm(was) && is_pwm(&c->in);
	bool pwm_ends = is_pwm(was) && !is_pwm(&c->in) && c->in.pilot;

	if ((m->pulse_on_pwm && pwm_starts) || (m->pulse_on_x1 && pwm_ends)) {
		c->pulses_left = m->pulse_count;
		c->pulse_us = now_us + PULSE_DELAY_US;
	}
	if (m->glitch_ms && is_pwm(was) && is_pwm(&c->in))
		c->glitch_us = now_us + ms(m->glitch_after_ms);
}

void sim_car_inlet(struct sim_car *c, const struct sim_inlet *in, int64_t now_us)
{
	struct sim_inlet was = c->in;

	c->in = *in;
	if (in->pilot != was.pilot || in->duty_permyriad != was.duty_permyriad) {
		int delay = is_trouble(in) ? c->model.lost_ms : c->model.reaction_ms;

		/* A later change does not put off an earlier one: the car follows the newest when
		 * it acts. */
		c->react_us = min_time(c->react_us, now_us + ms(delay));
		watch_wake(c, &was, now_us);
		start_pulses(c, &was, now_us);
	}
	if (c->model.fragile && c->current_ma > 0 && in->phases_live > 0 &&
	    in->phases_live != was.phases_live)
		c->broken = true;
	if (sim_car_phases(c) == 0 && c->current_ma > 0)
		c->current_ma = 0;
	if (in->phases_live != was.phases_live)
		sim_car_decide(c, now_us);
}

static void ramp(struct sim_car *c)
{
	int target = target_ma(c);
	int step = (target > c->current_ma ? c->model.ramp_up_ma_s : c->model.ramp_down_ma_s) / 10;

	if (target > c->current_ma)
		c->current_ma = min_int(target, c->current_ma + step);
	else
		c->current_ma = target > c->current_ma - step ? target : c->current_ma - step;
}

static void step_pulse(struct sim_car *c, int64_t now_us)
{
	if (c->pulse) {
		c->pulse = false;
		c->pulses_left--;
		c->pulse_us = c->pulses_left > 0 ? now_us + ms(c->model.pulse_gap_ms) : SIM_NEVER;
	} else {
		c->pulse = true;
		c->pulse_us = now_us + ms(c->model.pulse_ms);
	}
}

static void step_dropout(struct sim_car *c, int64_t now_us)
{
	c->dropped = !c->dropped;
	c->dropout_us = c->dropped ? now_us + ms(c->model.dropout_ms) : SIM_NEVER;
}

static void step_react(struct sim_car *c)
{
	c->react_us = SIM_NEVER;
	c->pilot_seen = c->in.pilot;
	c->duty_seen = c->in.duty_permyriad;
	if (is_trouble(&c->in) && !c->model.draws_on) {
		c->current_ma = 0;
		if (!c->model.keeps_s2)
			c->s2 = false;
	}
}

void sim_car_step(struct sim_car *c, int64_t now_us)
{
	if (c->react_us <= now_us)
		step_react(c);
	if (c->s2_us <= now_us) {
		c->s2_us = SIM_NEVER;
		c->s2 = !c->s2;
	}
	if (c->ramp_us <= now_us) {
		c->ramp_us = SIM_NEVER;
		ramp(c);
	}
	if (c->pulse_us <= now_us)
		step_pulse(c, now_us);
	if (c->glitch_us <= now_us) {
		c->glitch_us = c->glitch ? SIM_NEVER : now_us + ms(c->model.glitch_ms);
		c->glitch = !c->glitch;
	}
	if (c->sleep_us <= now_us) {
		c->sleep_us = SIM_NEVER;
		c->asleep = true;
	}
	if (c->dropout_us <= now_us)
		step_dropout(c, now_us);
	sim_car_decide(c, now_us);
}

static int64_t battery_mw(const struct sim_car *c)
{
	return c->power_mw * c->model.efficiency_cpct / 10000;
}

void sim_car_take(struct sim_car *c, int64_t dt_us)
{
	int64_t stored = battery_mw(c) * dt_us;
	int64_t taken = c->power_mw * dt_us;

	c->battery_nj += stored;
	c->taken_nj += taken;
	c->lost_nj += taken - stored;
}

static int64_t time_to(int64_t energy_nj, int64_t power_mw)
{
	return (energy_nj + power_mw - 1) / power_mw;
}

/* When the energy passes the next mark: a step of the charge curve, the target, the wanted energy.
 */
static int64_t next_mark(const struct sim_car *c, int64_t now_us)
{
	int64_t step = capacity_nj(c) / SOC_STEPS, at = SIM_NEVER, mw = battery_mw(c);
	int64_t mark = (c->battery_nj / step + 1) * step;

	if (mw > 0) {
		if (c->battery_nj < target_nj(c))
			mark = min_time(mark, target_nj(c));
		at = now_us + time_to(mark - c->battery_nj, mw);
	}
	if (c->power_mw > 0 && c->want_nj != SIM_NEVER && c->taken_nj < c->want_nj)
		at = min_time(at, now_us + time_to(c->want_nj - c->taken_nj, c->power_mw));
	return at;
}

int64_t sim_car_next(const struct sim_car *c, int64_t now_us)
{
	int64_t at = min_time(c->react_us, min_time(c->s2_us, c->ramp_us));

	at = min_time(at, min_time(c->pulse_us, min_time(c->glitch_us, c->sleep_us)));
	at = min_time(at, c->dropout_us);
	return min_time(at, next_mark(c, now_us));
}

struct sim_cp_load sim_car_cp(const struct sim_car *c)
{
	struct sim_cp_load load = {.diode = !c->model.no_diode, .shorted = c->model.cp_short};
	bool closed = (c->s2 && !c->glitch) || c->pulse;

	load.ohm = c->dropped             ? 0
		   : !closed              ? SIM_CP_OHM_B
		   : c->model.ventilation ? SIM_CP_OHM_D
					  : SIM_CP_OHM_C;
	return load;
}
