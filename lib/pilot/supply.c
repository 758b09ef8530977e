/* How much is offered, and what the pilot line says. */
#include "pilot/duty.h"
#include "pilot/parts.h"

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The least of everything that limits, before the driver's step. */
static int allowed_ma(const struct pilot *p, int64_t now)
{
	const struct pilot_conf *c = p->conf;
	int ma = least(p->wanted.max_ma, pilot_cable_ma(p));

	if (expired(p, T_WATCH_LOW, now))
		ma = least(ma, c->failsafe_ma);
	if (p->simplified && c->limit_simplified)
		ma = least(ma, 10000);
	if (p->temp_step > 0 && p->temp_step <= PILOT_TEMP_STEPS) {
		int part = (int)((int64_t)c->max_ma * c->temp_permille[p->temp_step - 1] / 1000);

		/* Derating ends at the least that can be said; the stop is its own step. */
		if (part > 0 && part < DUTY_MIN_MA)
			part = DUTY_MIN_MA;
		ma = least(ma, part);
	}
	return duty_floor_ma(ma, c->step_ma);
}

/* A car is there, all is well and somebody wants it charged; sequences aside. */
static bool asked(const struct pilot *p, int64_t now, int ma)
{
	return p->wanted.enable && armed(p, T_WATCH_STOP) && !expired(p, T_WATCH_STOP, now) &&
	       ma > 0 && p->connected && p->faults == 0 && p->valid && !p->stopping;
}

static bool wants_f(const struct pilot *p, int64_t now)
{
	bool served = p->operative || p->wanted.session || p->wanted.enable || p->stopping;

	if (running(p, T_F, now) || p->seq == SEQ_F)
		return true;
	for (enum pilot_fault f = 0; f < FAULT_COUNT; f++) {
		enum pilot_fault_cp cp = pilot_fault_table[f].cp;

		if (!has_fault(p, f) || p->conf->times.fault_f == 0)
			continue;
		if (cp == FAULT_CP_F_HOLD ||
		    (cp == FAULT_CP_F_COND && p->causes & pilot_fault_bit(f)))
			return true;
	}
	return !served && contactor_open(p);
}

/* A lower limit leaves the higher one to be tolerated while the car follows. */
static void remember(struct pilot *p, int64_t now, int old_ma)
{
	int slot = -1, lowest = 0;

	for (int i = 0; i < PILOT_HISTORY; i++) {
		if (!running(p, T_HISTORY + i, now) || p->history_ma[i] <= old_ma) {
			p->history_ma[i] = 0;
			disarm(p, T_HISTORY + i);
			slot = i;
		} else if (p->history_ma[i] < p->history_ma[lowest]) {
			lowest = i;
		}
	}
	if (slot < 0) /* full of higher ones: the lowest of them stays longer */
		arm(p, T_HISTORY + lowest, now, p->conf->times.follow);
	else {
		p->history_ma[slot] = old_ma;
		arm(p, T_HISTORY + slot, now, p->conf->times.follow);
	}
}

static void set_limit(struct pilot *p, int64_t now, int ma)
{
	if (ma == p->limit_ma)
		return;
	if (ma > p->limit_ma && p->limit_ma > 0 && running(p, T_RAISE, now))
		return;
	if (ma < p->limit_ma)
		remember(p, now, p->limit_ma);
	p->limit_ma = ma;
	if (p->conf->times.raise > 0)
		arm(p, T_RAISE, now, p->conf->times.raise);
}

static void set_line(struct pilot *p, int64_t now, int duty, bool connected)
{
	bool was_f = p->out.duty == 0, was_pwm = pilot_pwm(p);

	if (was_pwm && duty != p->out.duty && duty != DUTY_X1 && duty != DUTY_F)
		extend(p, T_BLANK, now, p->conf->times.duty_blank);
	p->out.duty = duty;
	if (was_f != (duty == 0) || connected != p->out.cp_connected)
		arm(p, T_BLIND, now, p->conf->times.settle);
	p->out.cp_connected = connected;
	if (was_pwm != pilot_pwm(p))
		arm(p, T_PWM, now, p->conf->times.settle);
}

static void expire_history(struct pilot *p, int64_t now)
{
	for (int i = 0; i < PILOT_HISTORY; i++)
		if (expired(p, T_HISTORY + i, now)) {
			p->history_ma[i] = 0;
			disarm(p, T_HISTORY + i);
		}
	if (expired(p, T_RAISE, now))
		disarm(p, T_RAISE);
	if (expired(p, T_BLIND, now))
		disarm(p, T_BLIND);
	if (expired(p, T_PWM, now))
		disarm(p, T_PWM);
	if (expired(p, T_BLANK, now))
		disarm(p, T_BLANK);
}

void pilot_supply(struct pilot *p, int64_t now)
{
	int ma = allowed_ma(p, now);
	bool ask = asked(p, now, ma), f = wants_f(p, now);
	bool cut = p->seq == SEQ_CUT && p->conf->cp_disconnect;

	expire_history(p, now);
	if (ask && !p->asked) {
		p->seen_c = false;
		p->woken = 0;
	}
	p->asked = ask;
	p->offer = ask && p->seq == SEQ_NONE && !f && pilot_level_has_car(p->level);
	set_limit(p, now, p->offer ? ma : 0);
	if (f)
		set_line(p, now, DUTY_F, !cut);
	else if (p->offer)
		set_line(p, now, p->digital ? DUTY_HLC : duty_of_ma(p->limit_ma), !cut);
	else
		set_line(p, now, DUTY_X1, !cut);
}
