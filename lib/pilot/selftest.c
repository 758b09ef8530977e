/* Self-test of the residual current device: at start, after each unplug, and when the last is too
 * old; always with the contactor open, and never trusted without an answer and its end. */
#include "pilot/parts.h"

static void finish(struct pilot *p, int64_t now, bool passed)
{
	p->rcd_stage = RCD_IDLE;
	p->out.rcd_test = false;
	disarm(p, T_RCD);
	p->rcd_ok = passed;
	p->rcd_failed = !passed;
	p->rcd_due = !passed;
	if (passed) {
		p->counts.rcd_tests++;
		arm(p, T_RCD_RETEST, now, p->conf->times.rcd_retest);
		disarm(p, T_RCD_RETRY);
	} else {
		arm(p, T_RCD_RETRY, now, p->conf->times.rcd_retry);
	}
}

static void idle(struct pilot *p, int64_t now)
{
	bool due = p->rcd_due || expired(p, T_RCD_RETEST, now);

	if (!due || !p->valid || !contactor_open(p) || p->rcd_trip ||
	    running(p, T_RCD_RETRY, now) || has_fault(p, FAULT_WELDED))
		return;
	p->rcd_stage = RCD_PULSE;
	p->rcd_ok = false;
	p->rcd6_seen = p->rcd30_seen = false;
	p->out.rcd_test = true;
	arm(p, T_RCD, now, p->conf->times.rcd_pulse);
	disarm(p, T_RCD_RETEST);
}

static void note_outputs(struct pilot *p)
{
	p->rcd6_seen |= p->valid && p->in.rcd6;
	p->rcd30_seen |= p->valid && p->in.rcd30;
}

void pilot_selftest(struct pilot *p, int64_t now)
{
	if (!p->conf->rcd_test)
		return;
	switch (p->rcd_stage) {
	case RCD_IDLE:
		idle(p, now);
		break;
	case RCD_PULSE:
		note_outputs(p);
		if (expired(p, T_RCD, now)) {
			p->out.rcd_test = false;
			p->rcd_stage = RCD_WAIT;
			arm(p, T_RCD, now, p->conf->times.rcd_seen);
		}
		break;
	case RCD_WAIT:
		note_outputs(p);
		if (p->rcd6_seen && p->rcd30_seen) {
			p->rcd_stage = RCD_CLEAR;
			arm(p, T_RCD, now, p->conf->times.rcd_clear);
		} else if (expired(p, T_RCD, now)) {
			finish(p, now, false);
		}
		break;
	case RCD_CLEAR:
		/* The trip output must be released too, settled, before trips count again. */
		if (p->valid && !p->in.rcd && !p->in.rcd6 && !p->in.rcd30 && !p->rcd_trip)
			finish(p, now, true);
		else if (expired(p, T_RCD, now))
			finish(p, now, false);
		break;
	}
}
