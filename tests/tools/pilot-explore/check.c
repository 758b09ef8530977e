/* What must hold in every reachable state. */
#include "explore.h"
#include "pilot/duty.h"

#include <string.h>

static const char *check_standing(const struct node *n)
{
	const struct pilot *p = &n->p;
	const struct pilot_times *t = &conf.times;
	bool drawing = p->level == LEVEL_C || (p->level == LEVEL_D && conf.ventilation);
	int least = p->wanted.max_ma < conf.max_ma ? p->wanted.max_ma : conf.max_ma;

	if (p->out.contactor && !drawing)
		return "closed outside C and D";
	if (p->out.contactor && p->faults)
		return "closed with a fault";
	if (p->out.contactor && p->out.duty == 0)
		return "closed in F";
	if (p->out.contactor && !pilot_pwm(p) && p->t[T_STOP] == PILOT_NEVER)
		return "closed without duty and without a stop under way";
	if (p->out.contactor && (!p->wanted.enable || n->w.since_want >= t->watch_stop) &&
	    p->t[T_STOP] == PILOT_NEVER)
		return "closed without a wish and without a stop under way";
	if (n->w.stopping_for > t->stop)
		return "a stop did not end in time";
	if (n->w.gone_for > t->open)
		return "the car left C and the contactor stayed";
	if (p->out.contactor && p->out.rcd_test)
		return "self-test under power";
	if (p->out.contactor && !p->out.cp_connected)
		return "closed with the pilot cut";
	if (pilot_pwm(p) &&
	    (!p->wanted.enable || n->w.since_want >= t->watch_stop || p->faults || p->stopping))
		return "duty without an offer";
	if (conf.socket && pilot_pp_of(p->in.pp_ohm, &conf.pp) == p->pp &&
	    pilot_cable_ma(p) < least)
		least = pilot_cable_ma(p);
	if (n->w.since_want >= t->watch_low && least > conf.failsafe_ma)
		least = conf.failsafe_ma;
	if (pilot_pwm(p) && duty_car_ma(p->out.duty) > least)
		return "more signalled than the least of the limits";
	if (p->limit_ma > least && pilot_pwm(p))
		return "more published than the least of the limits";
	return NULL;
}

static const char *check_change(const struct node *was, const struct node *n)
{
	const struct pilot *a = &was->p, *b = &n->p;
	bool closes = !a->out.contactor && b->out.contactor;

	if (closes && (!pilot_pwm(b) || !b->wanted.enable || !b->diode_ok || b->fb || !b->rcd_ok))
		return "closed without every check";
	if (closes && conf.lock && !b->in.locked)
		return "closed without the lock";
	if (closes && conf.socket && pilot_cable_ma(b) == 0)
		return "closed without a cable";
	if (closes && n->w.since_close < conf.times.min_close)
		return "closed again too soon";
	if (a->out.lock && !b->out.lock && (b->out.contactor || b->fb))
		return "unlocked while closed";
	if (a->out.lock && !b->out.lock && b->faults & pilot_fault_bit(FAULT_WELDED))
		return "unlocked while welded";
	if (a->out.phases != b->out.phases && (a->out.contactor || b->out.contactor || b->fb))
		return "phases switched under power";
	return NULL;
}

/* The same instant, stepped again, changes nothing; and the next deadline lies ahead. */
static const char *check_settled(const struct node *n, int64_t next)
{
	struct pilot again;

	if (next <= 0)
		return "a deadline that has passed";
	memcpy(&again, &n->p, sizeof again);
	pilot_step(&again, 0);
	return memcmp(&again, &n->p, sizeof again) == 0 ? NULL : "an instant that does not settle";
}

const char *broken(const struct node *was, const struct node *n, int64_t next)
{
	const char *what = check_standing(n);

	if (!what)
		what = check_change(was, n);
	return what ? what : check_settled(n, next);
}
