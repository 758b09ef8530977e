/* Inside the machine: the timers, and the parts that one pass goes through in this order. Not for
 * callers. */
#ifndef PILOT_PARTS_H
#define PILOT_PARTS_H

#include "pilot/machine.h"

static inline void arm(struct pilot *p, int timer, int64_t now, int ms)
{
	p->t[timer] = now + (int64_t)ms * 1000;
}

static inline void disarm(struct pilot *p, int timer)
{
	p->t[timer] = PILOT_NEVER;
}

static inline bool armed(const struct pilot *p, int timer)
{
	return p->t[timer] != PILOT_NEVER;
}

static inline bool running(const struct pilot *p, int timer, int64_t now)
{
	return armed(p, timer) && now < p->t[timer];
}

static inline bool expired(const struct pilot *p, int timer, int64_t now)
{
	return now >= p->t[timer] && armed(p, timer);
}

/* Keep the later of two ends. */
static inline void extend(struct pilot *p, int timer, int64_t now, int ms)
{
	if (ms > 0 && (!armed(p, timer) || p->t[timer] < now + (int64_t)ms * 1000))
		arm(p, timer, now, ms);
}

/* True once `cond` has held for `ms`: the timer runs while it holds and is off otherwise. */
static inline bool held(struct pilot *p, int timer, int64_t now, bool cond, int ms)
{
	if (!cond)
		disarm(p, timer);
	else if (!armed(p, timer))
		arm(p, timer, now, ms);
	return expired(p, timer, now);
}

/* Follow a raw input once it has differed from the settled value for `ms`. */
static inline void settle(struct pilot *p, int timer, int64_t now, bool raw, bool *settled, int ms)
{
	if (held(p, timer, now, raw != *settled, ms)) {
		*settled = raw;
		disarm(p, timer);
	}
}

static inline bool has_fault(const struct pilot *p, enum pilot_fault f)
{
	return p->faults & pilot_fault_bit(f);
}

/* Contactor neither commanded nor reported closed. */
static inline bool contactor_open(const struct pilot *p)
{
	return !p->out.contactor && !p->fb;
}

void pilot_sense(struct pilot *p, int64_t now);    /* readings, debounced; plug-in and unplug */
void pilot_guard(struct pilot *p, int64_t now);    /* faults raised and cleared */
void pilot_selftest(struct pilot *p, int64_t now); /* residual current device */
void pilot_sequence(struct pilot *p, int64_t now); /* phases, wake-up, replug */
void pilot_supply(struct pilot *p, int64_t now);   /* limit and pilot line */
void pilot_power(struct pilot *p, int64_t now);    /* contactor and plug lock */

#endif
