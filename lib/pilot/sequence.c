/* What takes several steps of the line: phase switching, waking a sleeping car, replug, 5 % and
 * back. While a sequence runs nothing is offered, so the contactor is open or about to open. */
#include "pilot/parts.h"

static void enter(struct pilot *p, int64_t now, enum pilot_seq seq, int ms)
{
	p->seq = seq;
	arm(p, T_SEQ, now, ms);
}

static void leave(struct pilot *p)
{
	p->seq = SEQ_NONE;
	p->seq_phases = false;
	disarm(p, T_SEQ);
}

static bool phases_wanted(const struct pilot *p)
{
	return p->conf->phase_switch && p->wanted.phases != 0 &&
	       p->wanted.phases != p->out.phases && p->wanted.phases <= p->conf->phases;
}

static void start_phases(struct pilot *p, int64_t now)
{
	if (!p->connected) {
		/* Nobody is there to be confused; the relay moves without load. */
		if (p->level == LEVEL_A && contactor_open(p) && !running(p, T_FB, now))
			p->out.phases = (uint8_t)p->wanted.phases;
		return;
	}
	if (p->faults != 0 || p->stopping)
		return;
	p->seq = SEQ_STOP;
	p->seq_phases = true;
	p->under_load = false;
	disarm(p, T_SEQ);
}

/* Waking: the duty is on, the car stays in B and has not asked for power since. */
static void start_wake(struct pilot *p, int64_t now)
{
	const struct pilot_wake *w;

	if (p->woken >= PILOT_WAKE_STEPS) {
		disarm(p, T_WAKE);
		return;
	}
	w = &p->conf->wake[p->woken];
	if (!held(p, T_WAKE, now,
		  w->hold > 0 && p->offer && !p->digital && p->level == LEVEL_B && !p->seen_c,
		  w->after))
		return;
	disarm(p, T_WAKE);
	p->woken++;
	enter(p, now, w->cut && p->conf->cp_disconnect ? SEQ_CUT : SEQ_F, w->hold);
}

/* Between nominal and digital duty lies X1; while there is no duty the choice is free. */
static void start_digital(struct pilot *p, int64_t now)
{
	bool want = p->wanted.digital && p->conf->hlc;

	if (want == p->digital)
		return;
	if (pilot_pwm(p))
		enter(p, now, SEQ_X1, p->conf->times.hlc_x1);
	else
		p->digital = want;
}

static void cut_done(struct pilot *p, int64_t now)
{
	enter(p, now, SEQ_BACK, p->conf->times.phase_back);
}

void pilot_sequence(struct pilot *p, int64_t now)
{
	const struct pilot_times *t = &p->conf->times;

	if (pilot_level_wants(p->level) && p->offer)
		p->seen_c = true;
	if (p->seq == SEQ_NONE || !pilot_pwm(p))
		start_digital(p, now);
	switch (p->seq) {
	case SEQ_NONE:
		if (phases_wanted(p))
			start_phases(p, now);
		if (p->seq == SEQ_NONE)
			start_wake(p, now);
		break;
	case SEQ_STOP:
		if (!phases_wanted(p) || !p->connected || p->stopping)
			leave(p);
		else if (contactor_open(p))
			enter(p, now, SEQ_OFF, t->phase_off);
		break;
	case SEQ_OFF:
		if (!expired(p, T_SEQ, now))
			break;
		if (!contactor_open(p)) {
			leave(p);
			break;
		}
		if (phases_wanted(p))
			p->out.phases = (uint8_t)p->wanted.phases;
		enter(p, now, SEQ_CUT,
		      p->under_load && t->phase_load > t->phase_wait ? t->phase_load
								     : t->phase_wait);
		break;
	case SEQ_CUT:
		if (expired(p, T_SEQ, now) || (p->out.cp_connected && !p->connected))
			cut_done(p, now);
		break;
	case SEQ_BACK:
		if (expired(p, T_SEQ, now))
			leave(p);
		break;
	case SEQ_F:
		if (expired(p, T_SEQ, now))
			enter(p, now, SEQ_X1, t->wake_x1);
		break;
	case SEQ_X1:
		if (expired(p, T_SEQ, now))
			leave(p);
		break;
	}
}
