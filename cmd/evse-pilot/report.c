/* The records: pilot, lock, temp, alerts. */
#include "app.h"

#include <stdio.h>
#include <string.h>

#include "core/utc.h"

static void look(const struct app *a, struct shown *s)
{
	const struct pilot *p = &a->p;

	/* memcmp() tells a change, so that padding has to be the same too. */
	memset(s, 0, sizeof *s);
	snprintf(s->state, sizeof s->state, "%s", pilot_state_name(p));
	s->duty = p->out.duty;
	s->limit_ma = p->limit_ma;
	s->cable_ma = pilot_cable_ma(p);
	s->pp = a->conf.socket ? (int)p->pp : 0;
	s->contactor = p->out.contactor;
	s->fb = p->fb;
	s->lock = p->out.lock;
	s->locked = p->in.locked;
	s->unlocked = p->in.unlocked;
	s->rcd_ok = p->rcd_ok;
	s->simplified = p->simplified;
	s->operative = p->operative;
	s->valid = p->valid;
	s->phases = p->out.phases;
	s->bcb = p->bcb;
	s->faults = p->faults;
}

static const char *lock_word(const struct app *a)
{
	return a->p.in.locked ? "locked" : a->p.in.unlocked ? "unlocked" : NULL;
}

static void write_lock(struct app *a, struct jw *w)
{
	jw_kstr(w, "commanded", a->p.out.lock ? "locked" : "unlocked");
	jw_kstr(w, "feedback", a->p.valid ? lock_word(a) : NULL);
}

static void write_faults(struct app *a, struct jw *w)
{
	jw_karr(w, "faults");
	for (enum pilot_fault f = 0; f < FAULT_COUNT; f++)
		if (a->p.faults & pilot_fault_bit(f))
			jw_str(w, pilot_fault_table[f].code);
	jw_end(w);
}

static void write_rcd(struct app *a, struct jw *w)
{
	bool tripped =
	    a->p.faults & (pilot_fault_bit(FAULT_RCD) | pilot_fault_bit(FAULT_RCD_SELFTEST));
	char t[UTC_LEN + 1];

	jw_kobj(w, "rcd");
	jw_kbool(w, "ok", a->p.rcd_ok && !tripped);
	if (a->rcd_tested_us) {
		utc_format(a->rcd_tested_us, t);
		jw_kstr(w, "tested_at", t);
	}
	jw_end(w);
}

static void write_levels(struct app *a, struct jw *w)
{
	const struct pilot *p = &a->p;

	if (a->caps.voltages && p->valid) {
		jw_knum(w, "cp_pos_v", p->in.cp_pos_mv / 1000.0, 2);
		jw_knum(w, "cp_neg_v", p->in.cp_neg_mv / 1000.0, 2);
	}
	if (a->conf.socket && pilot_pp_ma(p->pp, p->out.phases > 1) > 0)
		jw_knum(w, "pp_a", pilot_pp_ma(p->pp, p->out.phases > 1) / 1000.0, 1);
	jw_knum(w, "cable_a", pilot_cable_ma(p) / 1000.0, 1);
	jw_knum(w, "step_a", a->conf.step_ma / 1000.0, 1);
}

static void pilot_record(struct app *a)
{
	const struct pilot *p = &a->p;
	struct jw *w = tool_record(a->t, "pilot", (struct out_head){.evse = (int)options.evse});

	jw_kstr(w, "state", pilot_state_name(p));
	jw_knum(w, "duty_pct", p->out.duty / 100.0, 2);
	if (p->limit_ma > 0)
		jw_knum(w, "limit_a", p->limit_ma / 1000.0, 1);
	else
		jw_knull(w, "limit_a");
	write_levels(a, w);
	jw_kint(w, "phases", p->out.phases);
	jw_kobj(w, "contactor");
	jw_kbool(w, "commanded", p->out.contactor);
	if (a->conf.feedback && p->valid)
		jw_kbool(w, "feedback", p->fb);
	else
		jw_knull(w, "feedback");
	jw_end(w);
	if (a->conf.lock) {
		jw_kobj(w, "lock");
		write_lock(a, w);
		jw_end(w);
	}
	if (a->conf.rcd_test)
		write_rcd(a, w);
	write_faults(a, w);
	jw_kbool(w, "simplified", p->simplified);
	jw_kbool(w, "available", p->operative);
	jw_kstr(w, "setpoint", a->setpoint_n[0] ? a->setpoint_n : NULL);
	jw_kstr(w, "setpoint_src", a->setpoint_src[0] ? a->setpoint_src : NULL);
	jw_kstr(w, "cause", a->cause ? a->cause : "periodic");
	if (p->bcb)
		jw_kint(w, "bcb", p->bcb);
	jw_kint(w, "closings", p->counts.closings);
	jw_kint(w, "opened_under_load", p->counts.opened_under_load);
	tool_send(a->t);
}

/* As tool_alert(), with what OCPP and the maintenance codes call it. */
static void fault_alert(struct app *a, const struct pilot_fault_row *row, bool raised)
{
	char item[48];
	struct jw *w;

	snprintf(item, sizeof item, "alert.%s", row->code);
	w = tool_record(a->t, "alert", (struct out_head){.item = item, .evse = (int)options.evse});
	jw_kstr(w, "code", row->code);
	jw_kint(w, "severity", row->severity);
	jw_kstr(w, "component", row->component);
	jw_kstr(w, "variable", row->variable);
	jw_kbool(w, "raised", raised);
	jw_kbool(w, "latched", raised && row->clear != FAULT_CLEAR_SELF);
	jw_kstr(w, "text", row->text);
	if (row->mrec[0])
		jw_kstr(w, "mrec", row->mrec);
	tool_send(a->t);
}

static void fault_alerts(struct app *a)
{
	uint32_t changed = a->alerted ^ a->p.faults;

	for (enum pilot_fault f = 0; f < FAULT_COUNT; f++) {
		const struct pilot_fault_row *row = &pilot_fault_table[f];
		bool raised = a->p.faults & pilot_fault_bit(f);

		if (!(changed & pilot_fault_bit(f)))
			continue;
		fault_alert(a, row, raised);
		a->cause = "fault";
	}
	a->alerted = a->p.faults;
}

/* A silent setpoint is no fault of the board, but somebody must know. */
static void silence_alert(struct app *a)
{
	bool quiet = a->p.t[T_WATCH_LOW] != PILOT_NEVER && app_now(a) >= a->p.t[T_WATCH_LOW] &&
		     a->p.wanted.enable;

	if (quiet == a->quiet_alert)
		return;
	a->quiet_alert = quiet;
	if (quiet)
		a->cause = "watch";
	tool_alert(a->t, "no_setpoint", (int)options.evse, 5, quiet, false, "SmartChargingCtrlr",
		   "no setpoint for 3 s: the fail-safe current holds, at 15 s charging stops");
}

static bool lock_changed(const struct shown *was, const struct shown *is)
{
	return was->lock != is->lock || was->locked != is->locked || was->unlocked != is->unlocked;
}

void app_report(struct app *a, bool force)
{
	struct shown was = a->shown;

	/* Nothing is said before the first settled level, unless that is a fault. */
	if (a->p.level == LEVEL_NONE && !a->p.faults && !force)
		return;
	look(a, &a->shown);
	if (a->shown.rcd_ok && !was.rcd_ok)
		a->rcd_tested_us = tool_now(a->t).real_us;
	if (!force && memcmp(&was, &a->shown, sizeof was) == 0) {
		silence_alert(a);
		return;
	}
	/* A level is settled when its time has passed: the line is the cause, not the timer. */
	if (a->cause && strcmp(a->cause, "timer") == 0 && was.state[0] != a->shown.state[0])
		a->cause = "cp";
	fault_alerts(a);
	silence_alert(a);
	if (a->ready && a->conf.lock && (lock_changed(&was, &a->shown) || !was.state[0])) {
		struct jw *w =
		    tool_record(a->t, "lock", (struct out_head){.evse = (int)options.evse});

		write_lock(a, w);
		tool_send(a->t);
	}
	pilot_record(a);
}

void app_periodic(struct app *a)
{
	a->cause = "periodic";
	app_report(a, true);
	a->cause = NULL;
	if (a->p.valid && a->p.in.temp_dc != PILOT_TEMP_ABSENT) {
		struct jw *w =
		    tool_record(a->t, "temp", (struct out_head){.evse = (int)options.evse});

		jw_knum(w, "temp_c", a->p.in.temp_dc / 10.0, 1);
		tool_send(a->t);
	}
}
