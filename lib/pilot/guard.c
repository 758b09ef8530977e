/* Faults: one condition each, raised and cleared as the table in fault.c says. */
#include "pilot/parts.h"

static bool diode(const struct pilot *p, int64_t now)
{
	return expired(p, T_DIODE_BAD, now);
}

static bool cp_short(const struct pilot *p, int64_t now)
{
	return expired(p, T_SHORT, now);
}

static bool pe(const struct pilot *p, int64_t now)
{
	(void)now;
	return p->pe_lost;
}

static bool rcd(const struct pilot *p, int64_t now)
{
	(void)now;
	return p->rcd_trip && p->rcd_stage == RCD_IDLE;
}

static bool rcd_selftest(const struct pilot *p, int64_t now)
{
	(void)now;
	return p->rcd_failed;
}

static bool welded(const struct pilot *p, int64_t now)
{
	return p->valid && !p->out.contactor && p->fb && expired(p, T_FB, now);
}

static bool not_closed(const struct pilot *p, int64_t now)
{
	return expired(p, T_NOT_CLOSED, now);
}

static bool lock(const struct pilot *p, int64_t now)
{
	bool there = p->out.lock ? p->in.locked : p->in.unlocked;

	if (!p->conf->lock || !p->valid)
		return false;
	/* With power on the lock may not be lost for a moment; else it has its time to move. The
	 * fault then stands until the lock is where it should be. */
	return (p->out.contactor && !p->in.locked) || expired(p, T_LOCK, now) ||
	       (has_fault(p, FAULT_LOCK) && !there);
}

static bool overcurrent(const struct pilot *p, int64_t now)
{
	return expired(p, T_OVER, now);
}

static bool temperature(const struct pilot *p, int64_t now)
{
	(void)now;
	/* Once stopped, the fault stands until every step is left again. */
	return has_fault(p, FAULT_TEMPERATURE) ? p->temp_step > 0
					       : p->temp_step == PILOT_TEMP_STEPS;
}

static bool estop(const struct pilot *p, int64_t now)
{
	(void)now;
	return p->estop;
}

static bool pp(const struct pilot *p, int64_t now)
{
	bool missing = p->conf->socket && p->connected && (p->pp == PP_NONE || p->pp == PP_FAULT);

	/* At plug-in and unplug the contacts move one after the other; under power a lost code is a
	 * plug on its way out. */
	return missing &&
	       (p->out.contactor || has_fault(p, FAULT_PP) || expired(p, T_PP_GRACE, now));
}

static bool ventilation(const struct pilot *p, int64_t now)
{
	(void)now;
	return p->level == LEVEL_D && !p->conf->ventilation;
}

static bool driver(const struct pilot *p, int64_t now)
{
	/* After start the board has its time for a first word. */
	return (!p->valid && !running(p, T_STALE, now)) || expired(p, T_BAD_LEVEL, now);
}

static bool (*const conditions[FAULT_COUNT])(const struct pilot *, int64_t) = {
    [FAULT_DIODE] = diode,
    [FAULT_CP_SHORT] = cp_short,
    [FAULT_PE] = pe,
    [FAULT_RCD] = rcd,
    [FAULT_RCD_SELFTEST] = rcd_selftest,
    [FAULT_WELDED] = welded,
    [FAULT_NOT_CLOSED] = not_closed,
    [FAULT_LOCK] = lock,
    [FAULT_OVERCURRENT] = overcurrent,
    [FAULT_TEMPERATURE] = temperature,
    [FAULT_ESTOP] = estop,
    [FAULT_PP] = pp,
    [FAULT_VENTILATION] = ventilation,
    [FAULT_DRIVER] = driver,
};

static bool cleared(struct pilot *p, int64_t now, enum pilot_fault f)
{
	const struct pilot_fault_row *row = &pilot_fault_table[f];

	switch (row->clear) {
	case FAULT_CLEAR_SELF:
		return held(p, T_CLEAR + (int)f, now, true, p->conf->times.clear[f]);
	case FAULT_CLEAR_UNPLUG:
		return p->level == LEVEL_A;
	case FAULT_CLEAR_RESET:
		break;
	}
	return false;
}

static void raise_fault(struct pilot *p, int64_t now, enum pilot_fault f)
{
	p->faults |= pilot_fault_bit(f);
	if (pilot_fault_table[f].cp != FAULT_CP_X1 && p->conf->times.fault_f > 0)
		arm(p, T_F, now, p->conf->times.fault_f);
}

/* The car's current against the highest limit signalled in the time it has to follow. */
static void watch_current(struct pilot *p, int64_t now)
{
	const struct pilot_conf *c = p->conf;
	int ref = p->limit_ma;

	for (int i = 0; i < PILOT_HISTORY; i++)
		if (running(p, T_HISTORY + i, now) && p->history_ma[i] > ref)
			ref = p->history_ma[i];
	held(p, T_OVER, now,
	     p->fb && p->valid &&
		 p->in.current_ma > (int64_t)(ref + c->over_add_ma) * c->over_permille / 1000,
	     c->times.over);
}

void pilot_guard(struct pilot *p, int64_t now)
{
	watch_current(p, now);
	/* A hardware interlock may open a moment before the reason for it is known here. */
	held(p, T_NOT_CLOSED, now, p->out.contactor && !p->fb && expired(p, T_FB, now),
	     p->conf->times.not_closed);
	p->causes = 0;
	for (enum pilot_fault f = 0; f < FAULT_COUNT; f++) {
		if (conditions[f](p, now)) {
			p->causes |= pilot_fault_bit(f);
			disarm(p, T_CLEAR + (int)f);
			if (!has_fault(p, f))
				raise_fault(p, now, f);
		} else if (has_fault(p, f) && cleared(p, now, f)) {
			p->faults &= ~pilot_fault_bit(f);
			disarm(p, T_CLEAR + (int)f);
		}
	}
	if (expired(p, T_F, now))
		disarm(p, T_F);
}
