/* Readings become settled values: pilot level, cable, feedback, inputs; and plug-in and unplug. */
#include "pilot/parts.h"

#include <string.h>

static int level_ms(const struct pilot *p, enum pilot_level next)
{
	const struct pilot_times *t = &p->conf->times;

	/* What ends power counts soon; what might start it may take its time. */
	return pilot_level_wants(p->level) && !pilot_level_wants(next) ? t->open : t->level;
}

static void unplugged(struct pilot *p)
{
	p->simplified = false;
	p->forced_unlock = false;
	p->seen_c = false;
	p->woken = 0;
	p->bcb = 0;
	disarm(p, T_CLOSE_HOLD);
	if (p->connected)
		p->rcd_due = p->conf->rcd_test;
	p->connected = false;
}

/* ISO 15118-3: the car asks the EVSE to wake by short pulses of C while the duty is off. */
static void pulse(struct pilot *p, int64_t now, enum pilot_level was)
{
	const struct pilot_times *t = &p->conf->times;

	if (expired(p, T_BCB_WINDOW, now)) {
		p->bcb = 0;
		disarm(p, T_BCB_WINDOW);
	}
	if (was == LEVEL_B && p->level == LEVEL_C && !pilot_pwm(p)) {
		arm(p, T_BCB_MIN, now, t->bcb_min);
		arm(p, T_BCB_MAX, now, t->bcb_max);
		if (!armed(p, T_BCB_WINDOW))
			arm(p, T_BCB_WINDOW, now, t->bcb_window);
		return;
	}
	if (was == LEVEL_C && p->level == LEVEL_B && expired(p, T_BCB_MIN, now) &&
	    running(p, T_BCB_MAX, now) && p->bcb < 3)
		p->bcb++;
	disarm(p, T_BCB_MIN);
	disarm(p, T_BCB_MAX);
}

static void level_changed(struct pilot *p, int64_t now, enum pilot_level was)
{
	const struct pilot_times *t = &p->conf->times;

	if (p->level == LEVEL_A)
		unplugged(p);
	if (pilot_level_has_car(p->level)) {
		if (was == LEVEL_A && pilot_level_wants(p->level))
			p->simplified = true;
		p->connected = true;
	}
	if (!pilot_level_wants(p->level))
		disarm(p, T_CLOSE_HOLD);
	else if (!pilot_level_wants(was))
		arm(p, T_CLOSE_HOLD, now, t->close_hold);
	if (p->level == LEVEL_B || p->level == LEVEL_C)
		pulse(p, now, was);
}

static void set_level(struct pilot *p, int64_t now, enum pilot_level l)
{
	enum pilot_level was = p->level;

	disarm(p, T_LEVEL);
	p->level = p->level_next = l;
	if (l != was)
		level_changed(p, now, was);
}

static void sense_level(struct pilot *p, int64_t now)
{
	enum pilot_level l;
	bool keep;

	/* While the line is held at -12 V or cut it says nothing about the car. */
	if (p->out.duty == 0) {
		set_level(p, now, LEVEL_F);
		return;
	}
	if (!p->out.cp_connected) {
		set_level(p, now, LEVEL_E);
		return;
	}
	if (!p->valid || running(p, T_BLIND, now))
		return;
	l = pilot_level_of(p->in.cp_pos_mv, p->level);
	if (l == LEVEL_F)
		l = LEVEL_BAD;
	/* Some cars show 9 V for a moment after a new duty; an unplugged or broken line is
	 * believed at once all the same. */
	if (l == LEVEL_B && running(p, T_BLANK, now) && pilot_level_wants(p->level))
		l = p->level;
	if (l == p->level) {
		disarm(p, T_LEVEL);
		p->level_next = l;
		return;
	}
	/* A level on its way keeps its time while the voltage only sweeps on through levels that
	 * all end power, as at unplugging. */
	keep = armed(p, T_LEVEL) &&
	       (l == p->level_next || (pilot_level_wants(p->level) && !pilot_level_wants(l) &&
				       !pilot_level_wants(p->level_next)));
	if (!keep)
		arm(p, T_LEVEL, now, level_ms(p, l));
	p->level_next = l;
	if (expired(p, T_LEVEL, now))
		set_level(p, now, l);
}

static void sense_diode(struct pilot *p, int64_t now)
{
	const struct pilot_times *t = &p->conf->times;
	bool judged =
	    pilot_pwm(p) && pilot_level_has_car(p->level) && p->valid && !running(p, T_PWM, now);
	bool bad = p->in.cp_neg_mv > -10000;

	p->diode_ok = held(p, T_DIODE_GOOD, now, judged && !bad, t->diode_good);
	held(p, T_DIODE_BAD, now, judged && bad, t->diode_bad);
}

static void sense_pp(struct pilot *p, int64_t now)
{
	enum pilot_pp pp;

	if (!p->conf->socket || !p->valid)
		return;
	pp = pilot_pp_of(p->in.pp_ohm, &p->conf->pp);
	if (pp != p->pp_next) {
		p->pp_next = pp;
		disarm(p, T_PP);
	}
	if (held(p, T_PP, now, pp != p->pp, p->conf->times.pp)) {
		p->pp = pp;
		disarm(p, T_PP);
	}
	held(p, T_PP_GRACE, now, p->connected && (p->pp == PP_NONE || p->pp == PP_FAULT),
	     p->conf->times.pp_grace);
}

/* Rising past a step counts at once, falling below it only with the hysteresis. */
static void sense_temperature(struct pilot *p)
{
	const struct pilot_conf *c = p->conf;
	uint8_t reached = 0, kept = 0;

	if (!p->valid || p->in.temp_dc == PILOT_TEMP_ABSENT)
		return;
	for (int i = 0; i < PILOT_TEMP_STEPS; i++) {
		if (p->in.temp_dc >= c->temp_dc[i])
			reached++;
		if (p->in.temp_dc >= c->temp_dc[i] - c->temp_back_dc)
			kept++;
	}
	if (p->temp_step < reached)
		p->temp_step = reached;
	if (p->temp_step > kept)
		p->temp_step = kept;
}

void pilot_sense(struct pilot *p, int64_t now)
{
	const struct pilot_times *t = &p->conf->times;

	if (expired(p, T_STALE, now)) {
		p->valid = false;
		disarm(p, T_STALE);
	}
	sense_level(p, now);
	sense_diode(p, now);
	sense_pp(p, now);
	sense_temperature(p);
	held(p, T_SHORT, now, p->level == LEVEL_E && p->out.cp_connected, t->cp_short);
	held(p, T_BAD_LEVEL, now, p->level == LEVEL_BAD, t->bad_level);
	if (!p->valid)
		return;
	if (p->conf->feedback)
		settle(p, T_FB_BOUNCE, now, p->in.contactor, &p->fb, t->bounce);
	else
		p->fb = p->out.contactor;
	settle(p, T_RCD_BOUNCE, now, p->in.rcd, &p->rcd_trip, t->bounce);
	settle(p, T_ESTOP, now, p->in.estop, &p->estop, t->bounce);
	settle(p, T_PE, now, !p->in.pe, &p->pe_lost, t->pe);
}
