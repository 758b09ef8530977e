#include "pilot/machine.h"

#include "pilot/duty.h"
#include "pilot/parts.h"

#include <string.h>

void pilot_conf_init(struct pilot_conf *c)
{
	*c = (struct pilot_conf){
	    .max_ma = 32000,
	    .failsafe_ma = DUTY_MIN_MA,
	    .step_ma = DUTY_STEP_MA,
	    .phases = 3,
	    .feedback = true,
	    .over_permille = 1100,
	    .over_add_ma = 500,
	    .pp = pilot_pp_default,
	    .temp_dc = {650, 680, 710},
	    .temp_back_dc = 30,
	    .temp_permille = {500, 250, 0},
	    .times =
		{
		    .open = 10, /* of 100 ms that the standard allows in all */
		    .level = 20,
		    .close_hold = 500, /* some cars show C for 250 ms when they wake */
		    .diode_good = 100,
		    .diode_bad = 100,
		    .cp_short = 100,
		    .bad_level = 100,
		    .settle = 30,
		    .feedback = 250,
		    .not_closed = 50,
		    .bounce = 10,
		    .min_close = 10000,
		    .stop = 6000,   /* Annex A sequence 10.2 */
		    .fault_f = 300, /* Annex A: at least 300 ms of F */
		    .unlock_f = 5000,
		    .lock = 4000,
		    .lock_retry = 5000,
		    .watch_low = 3000,
		    .watch_stop = 15000,
		    .stale = 1000,
		    .raise = 0,
		    .rcd_pulse = 250, /* 30 ms to 1.2 s */
		    .rcd_seen = 2000,
		    .rcd_clear = 3000,
		    .rcd_retry = 60000,
		    .rcd_retest = 86400000,
		    .pe = 100,
		    .pp = 10,
		    .pp_grace = 500,
		    .over = 7000,
		    .follow = 6000, /* the car follows within 5 s */
		    .wake_x1 = 750,
		    .phase_off = 100,
		    .phase_wait = 60000,
		    .phase_load = 60000,
		    .phase_back = 100,
		    .replug = 4000,
		    .hlc_x1 = 3000,
		    .clear = {[FAULT_PE] = 30000, [FAULT_LOCK] = 1000, [FAULT_DRIVER] = 1000},
		    .bcb_min = 150,
		    .bcb_max = 600,
		    .bcb_window = 3500,
		},
	};
}

void pilot_init(struct pilot *p, const struct pilot_conf *conf, int64_t now)
{
	memset(p, 0, sizeof *p);
	p->conf = conf;
	for (int i = 0; i < T_COUNT; i++)
		disarm(p, i);
	p->out.duty = DUTY_X1;
	p->out.cp_connected = true;
	p->out.phases = (uint8_t)conf->phases;
	p->operative = true;
	p->rcd_ok = !conf->rcd_test;
	p->rcd_due = conf->rcd_test;
	/* A crash loop must not make the contactor chatter, and one that an earlier run left closed
	 * gets the ordinary time to open before it counts as welded. */
	arm(p, T_MIN_CLOSE, now, conf->times.min_close);
	arm(p, T_FB, now, conf->times.feedback);
	arm(p, T_STALE, now, conf->times.stale);
}

void pilot_read(struct pilot *p, int64_t now, const struct pilot_readings *r)
{
	/* A board that was away hears its commands only now, and gets the time to follow them. */
	if (!p->valid)
		arm(p, T_FB, now, p->conf->times.feedback);
	p->in = *r;
	p->valid = true;
	arm(p, T_STALE, now, p->conf->times.stale);
}

void pilot_lost(struct pilot *p)
{
	p->valid = false;
	disarm(p, T_STALE);
}

void pilot_want(struct pilot *p, int64_t now, const struct pilot_wanted *w)
{
	p->wanted = *w;
	arm(p, T_WATCH_LOW, now, p->conf->times.watch_low);
	arm(p, T_WATCH_STOP, now, p->conf->times.watch_stop);
}

void pilot_operative(struct pilot *p, bool operative)
{
	p->operative = operative;
}

void pilot_stop(struct pilot *p)
{
	p->stopping = true;
}

bool pilot_stopped(const struct pilot *p)
{
	return p->stopping && contactor_open(p);
}

static const char *unlock(struct pilot *p)
{
	if (!p->conf->lock)
		return "no_lock";
	if (!contactor_open(p) || has_fault(p, FAULT_WELDED))
		return "contactor_closed";
	p->forced_unlock = true;
	return NULL;
}

static const char *replug(struct pilot *p, int64_t now)
{
	if (p->seq != SEQ_NONE)
		return "busy";
	if (!p->connected)
		return "no_car";
	if (!contactor_open(p))
		return "contactor_closed";
	p->seq = p->conf->cp_disconnect ? SEQ_CUT : SEQ_F;
	p->seq_phases = false;
	arm(p, T_SEQ, now, p->conf->times.replug);
	return NULL;
}

static const char *reset_fault(struct pilot *p)
{
	if (p->faults == 0)
		return "no_fault";
	if ((p->faults & ~p->causes) == 0)
		return "cause_present";
	/* What tripped is tested again before it is trusted. */
	if (has_fault(p, FAULT_RCD))
		p->rcd_due = p->conf->rcd_test;
	p->faults &= p->causes;
	return NULL;
}

const char *pilot_command(struct pilot *p, int64_t now, enum pilot_cmd cmd)
{
	switch (cmd) {
	case PILOT_UNLOCK:
		return unlock(p);
	case PILOT_RESET_FAULT:
		return reset_fault(p);
	case PILOT_REPLUG:
		return replug(p, now);
	}
	return "unknown";
}

int64_t pilot_step(struct pilot *p, int64_t now)
{
	struct pilot before;
	int64_t next = PILOT_NEVER;
	int turns = 0;

	/* The parts read each other's results, so an instant is walked through until it is settled;
	 * that every reachable one does is checked by tests/tools/pilot-explore. */
	do {
		memcpy(&before, p, sizeof before);
		pilot_sense(p, now);
		pilot_guard(p, now);
		pilot_selftest(p, now);
		pilot_sequence(p, now);
		pilot_supply(p, now);
		pilot_power(p, now);
	} while (memcmp(&before, p, sizeof before) != 0 && ++turns < 8);
	for (int i = 0; i < T_COUNT; i++)
		if (p->t[i] > now && p->t[i] < next)
			next = p->t[i];
	return next;
}

const char *pilot_state_name(const struct pilot *p)
{
	static const char *const names[LEVEL_COUNT][2] = {
	    [LEVEL_NONE] = {"E", "E"}, [LEVEL_A] = {"A1", "A2"}, [LEVEL_B] = {"B1", "B2"},
	    [LEVEL_C] = {"C1", "C2"},  [LEVEL_D] = {"D1", "D2"}, [LEVEL_E] = {"E", "E"},
	    [LEVEL_F] = {"F", "F"},    [LEVEL_BAD] = {"E", "E"}};

	return names[p->level][pilot_pwm(p)];
}

int pilot_cable_ma(const struct pilot *p)
{
	int max = p->conf->max_ma;
	int cable = p->conf->socket && p->connected ? pilot_pp_ma(p->pp, p->out.phases > 1) : max;

	return cable < max ? cable : max;
}
