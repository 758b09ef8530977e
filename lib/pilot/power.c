/* The contactor and the plug lock. */
#include "pilot/parts.h"

/* Power may stand: the car asks for it and nothing forbids it. Whether it is offered is another
 * matter, since a planned stop first gives the car its time. */
static bool may_stand(const struct pilot *p)
{
	return p->faults == 0 && p->valid && p->out.cp_connected && p->out.duty != 0 &&
	       (p->level == LEVEL_C || (p->level == LEVEL_D && p->conf->ventilation));
}

/* The checks before closing, in the order of the standard's sequence. */
static bool may_close(const struct pilot *p, int64_t now)
{
	const struct pilot_conf *c = p->conf;

	return may_stand(p) && p->offer && pilot_pwm(p) && expired(p, T_CLOSE_HOLD, now) &&
	       (!c->socket || pilot_cable_ma(p) > 0) &&
	       (!c->lock || (p->out.lock && p->in.locked)) && p->diode_ok &&
	       (!c->rcd_test || (p->rcd_ok && !expired(p, T_RCD_RETEST, now))) && !p->fb &&
	       !running(p, T_FB, now) && expired(p, T_MIN_CLOSE, now);
}

static void set_open(struct pilot *p, int64_t now)
{
	p->out.contactor = false;
	disarm(p, T_BLANK);
	arm(p, T_FB, now, p->conf->times.feedback);
	disarm(p, T_STOP);
	if (pilot_level_wants(p->level)) {
		p->counts.opened_under_load++;
		p->under_load = true;
	}
}

static void set_closed(struct pilot *p, int64_t now)
{
	p->out.contactor = true;
	p->counts.closings++;
	arm(p, T_FB, now, p->conf->times.feedback);
	arm(p, T_MIN_CLOSE, now, p->conf->times.min_close);
	extend(p, T_BLANK, now, p->conf->times.switch_blank);
}

static void drive_contactor(struct pilot *p, int64_t now)
{
	if (!p->out.contactor) {
		if (may_close(p, now))
			set_closed(p, now);
	} else if (!may_stand(p)) {
		set_open(p, now);
	} else if (held(p, T_STOP, now, !p->offer, p->conf->times.stop)) {
		set_open(p, now);
	}
	p->out.trip_upstream = has_fault(p, FAULT_WELDED);
}

static bool lock_wanted(struct pilot *p, int64_t now)
{
	bool idle_line = (p->level == LEVEL_E || p->level == LEVEL_F) && p->seq == SEQ_NONE;
	bool freed = held(p, T_FREE, now, idle_line, p->conf->times.unlock_f);

	if (!p->connected || p->forced_unlock || freed)
		return false;
	return !p->conf->lock_in_session || p->wanted.session || p->wanted.enable;
}

static void drive_lock(struct pilot *p, int64_t now)
{
	const struct pilot_times *t = &p->conf->times;
	bool want, there;

	if (!p->conf->lock)
		return;
	want = lock_wanted(p, now);
	/* Never free the plug before the contactor is known to be open. */
	if (!want && (!contactor_open(p) || !p->valid || has_fault(p, FAULT_WELDED)))
		want = p->out.lock;
	there = want ? p->in.locked : p->in.unlocked;
	if (want != p->out.lock) {
		p->out.lock = want;
		disarm(p, T_LOCK);
		disarm(p, T_LOCK_RETRY);
	}
	held(p, T_LOCK, now, !there && p->valid, t->lock);
	if (held(p, T_LOCK_RETRY, now, !there && p->valid, t->lock_retry)) {
		p->out.lock_try = !p->out.lock_try;
		arm(p, T_LOCK_RETRY, now, t->lock_retry);
	}
}

void pilot_power(struct pilot *p, int64_t now)
{
	drive_contactor(p, now);
	drive_lock(p, now);
}
