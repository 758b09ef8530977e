/* A bench for the pilot machine: a car, a contactor and a lock of a few lines each, in 1 ms steps.
 */
#ifndef PILOT_RIG_H
#define PILOT_RIG_H

#include "harness.h"
#include "pilot/duty.h"
#include "pilot/machine.h"

struct rig {
	struct pilot_conf c;
	struct pilot p;
	struct pilot_readings r;
	int64_t now; /* us */
	char car;    /* A, B, C, D as the car's resistors say; E = short */
	bool no_diode;
	int neg_mv; /* of the negative half; 0: -12 V */
	bool stuck_open, stuck_closed, lock_jams;
	int contactor_ms, lock_ms; /* how long they take */
	int64_t contactor_at, lock_at;
	bool contactor_to, lock_to;
	int period;     /* ms between readings */
	bool setpoints; /* a fresh setpoint each second */
	struct pilot_wanted want;
	bool rcd_dead;
	int64_t rcd_at;
	void (*watch)(struct rig *);
};

static void rig_readings(struct rig *g)
{
	static const int mv[] = {12000, 9000, 6000, 3000, 0};
	const struct pilot_out *o = &g->p.out;
	int pos = o->duty == 0 ? -12000 : o->cp_connected ? mv[g->car - 'A'] : 12000;
	bool pwm = pilot_pwm(&g->p);

	g->r.cp_pos_mv = pos;
	g->r.cp_neg_mv = !pwm                           ? pos
			 : g->no_diode && g->car != 'A' ? -pos
			 : g->neg_mv                    ? g->neg_mv
							: -12000;
	if (o->contactor != g->contactor_to) {
		g->contactor_to = o->contactor;
		g->contactor_at = g->now + g->contactor_ms * 1000;
	}
	if (g->now >= g->contactor_at && !(g->stuck_open && g->contactor_to) &&
	    !(g->stuck_closed && !g->contactor_to))
		g->r.contactor = g->contactor_to;
	if (o->lock != g->lock_to) {
		g->lock_to = o->lock;
		g->lock_at = g->now + g->lock_ms * 1000;
	}
	if (g->now >= g->lock_at && !g->lock_jams) {
		g->r.locked = g->lock_to;
		g->r.unlocked = !g->lock_to;
	}
	if (o->rcd_test && g->rcd_at < 0)
		g->rcd_at = g->now;
	if (g->rcd_at >= 0 && !g->rcd_dead) {
		int64_t d = (g->now - g->rcd_at) / 1000;

		g->r.rcd6 = d >= 700 && d < 2100;
		g->r.rcd30 = g->r.rcd = d >= 1400 && d < 2100;
		if (d > 2100)
			g->rcd_at = -1;
	}
}

/* Let `ms` pass. The machine is read every g->period and stepped at each of its own deadlines. */
static void rig_run(struct rig *g, int ms)
{
	int64_t end = g->now + (int64_t)ms * 1000, next = 0;

	for (;;) {
		rig_readings(g);
		if (g->setpoints && g->now % 1000000 == 0)
			pilot_want(&g->p, g->now, &g->want);
		if (g->now / 1000 % g->period == 0)
			pilot_read(&g->p, g->now, &g->r);
		if (g->now / 1000 % g->period == 0 || g->now >= next)
			next = pilot_step(&g->p, g->now);
		if (g->watch)
			g->watch(g);
		if (g->now >= end)
			break;
		g->now += 1000;
	}
}

static void rig_want(struct rig *g, bool enable, int ma)
{
	g->want.enable = enable;
	g->want.session = enable;
	g->want.max_ma = ma;
	pilot_want(&g->p, g->now, &g->want);
	pilot_step(&g->p, g->now);
}

/* A rig with a quiet board and no car; change g->c, then rig_start(). */
static void rig_init(struct rig *g)
{
	*g = (struct rig){.car = 'A',
			  .contactor_ms = 20,
			  .lock_ms = 300,
			  .period = 5,
			  .setpoints = true,
			  .rcd_at = -1,
			  .now = 1000000000};
	pilot_conf_init(&g->c);
	g->r = (struct pilot_readings){
	    .pp_ohm = -1, .unlocked = true, .pe = true, .temp_dc = 250, .current_ma = 0};
}

static void rig_start(struct rig *g)
{
	pilot_init(&g->p, &g->c, g->now);
	rig_run(g, 25);
}

/* A rig whose car charges at `ma` on a tethered board. */
static void rig_charging(struct rig *g, int ma)
{
	rig_start(g);
	g->car = 'B';
	rig_want(g, true, ma);
	rig_run(g, 11000);
	g->car = 'C';
	rig_run(g, 1000);
}

#endif
