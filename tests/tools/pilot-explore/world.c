/* The world: what may happen to the machine at an instant. Contactor feedback and lock position are
 * free inputs too, so every way of sticking, welding and jamming is included. */
#include "explore.h"

#include <stddef.h>
#include <string.h>

struct action {
	const char *name;
	bool (*happen)(struct node *n, const struct action *a);
	size_t at;             /* of what is toggled, in struct node */
	int value;             /* level of the car, mA, ohm, 0.1 degrees, command */
	bool digital;          /* of a wish */
	uint8_t phases;        /* of a wish, where they can be switched */
	bool locked, unlocked; /* of the lock */
};

void read_now(struct node *n)
{
	static const int mv[] = {12000, 9000, 6000, 3000, 0, -5000};
	struct pilot_readings r;

	if (n->w.lost)
		return;
	memcpy(&r, &n->p.in, sizeof r);
	r.cp_pos_mv = n->p.out.duty == 0       ? -12000
		      : !n->p.out.cp_connected ? 12000
					       : mv[n->w.car - CAR_A];
	r.cp_neg_mv = !pilot_pwm(&n->p) ? r.cp_pos_mv : n->w.no_diode ? -r.cp_pos_mv : -12000;
	pilot_read(&n->p, 0, &r);
}

static void want(struct node *n, int ma, bool digital, int phases)
{
	struct pilot_wanted w;

	memset(&w, 0, sizeof w);
	w.enable = w.session = ma > 0;
	w.max_ma = ma;
	w.digital = digital;
	w.phases = phases;
	pilot_want(&n->p, 0, &w);
	n->w.since_want = 0;
}

static uint8_t up(uint8_t n, int max)
{
	return n < max ? (uint8_t)(n + 1) : n;
}

static bool tick(struct node *n, const struct action *a)
{
	const struct pilot_times *t = &conf.times;
	bool drawn = n->p.in.cp_pos_mv > 2000 && n->p.in.cp_pos_mv < 7000;

	(void)a;
	for (int i = 0; i < T_COUNT; i++)
		if (n->p.t[i] != PILOT_NEVER && n->p.t[i] > 0)
			n->p.t[i] -= TICK_US;
	if (!(now_in->actions & SILENT) && n->p.t[T_WATCH_STOP] != PILOT_NEVER)
		want(n, n->p.wanted.max_ma, n->p.wanted.digital, n->p.wanted.phases);
	n->w.since_close = up(n->w.since_close, t->min_close);
	n->w.since_want = up(n->w.since_want, t->watch_stop + 1);
	n->w.stopping_for = up(n->w.stopping_for, 100);
	n->w.gone_for = n->p.out.contactor && !drawn ? up(n->w.gone_for, 100) : 0;
	return true;
}

static bool car(struct node *n, const struct action *a)
{
	bool other = n->w.car != a->value;

	n->w.car = (uint8_t)a->value;
	return other;
}

static bool toggle(struct node *n, const struct action *a)
{
	bool *b = (bool *)((char *)n + a->at);

	*b = !*b;
	return true;
}

static bool lose(struct node *n, const struct action *a)
{
	toggle(n, a);
	if (n->w.lost)
		pilot_lost(&n->p);
	return true;
}

static bool wish(struct node *n, const struct action *a)
{
	want(n, a->value, a->digital, conf.phase_switch ? a->phases : 0);
	return true;
}

static bool operative(struct node *n, const struct action *a)
{
	(void)a;
	pilot_operative(&n->p, !n->p.operative);
	return true;
}

static bool stop(struct node *n, const struct action *a)
{
	(void)a;
	pilot_stop(&n->p);
	return true;
}

static bool command(struct node *n, const struct action *a)
{
	return pilot_command(&n->p, 0, (enum pilot_cmd)a->value) == NULL;
}

static bool lock(struct node *n, const struct action *a)
{
	n->p.in.locked = a->locked;
	n->p.in.unlocked = a->unlocked;
	return true;
}

static bool cable(struct node *n, const struct action *a)
{
	n->p.in.pp_ohm = a->value;
	return true;
}

static bool temperature(struct node *n, const struct action *a)
{
	n->p.in.temp_dc = (int16_t)a->value;
	return true;
}

static bool current(struct node *n, const struct action *a)
{
	n->p.in.current_ma = n->p.in.current_ma ? 0 : a->value;
	return true;
}

#define AT(member) .at = offsetof(struct node, member)

static const struct action actions[ACTIONS] = {
    [TICK] = {"tick", tick, .value = 0},
    [CAR_A] = {"car A", car, .value = CAR_A},
    [CAR_B] = {"car B", car, .value = CAR_B},
    [CAR_C] = {"car C", car, .value = CAR_C},
    [CAR_D] = {"car D", car, .value = CAR_D},
    [CAR_E] = {"CP short", car, .value = CAR_E},
    [CAR_BAD] = {"CP impossible", car, .value = CAR_BAD},
    [DIODE] = {"diode", toggle, AT(w.no_diode)},
    [FEEDBACK] = {"feedback", toggle, AT(p.in.contactor)},
    [LOST] = {"lost", lose, AT(w.lost)},
    [WANT_OFF] = {"want off", wish, .value = 0},
    [WANT_6] = {"want 6 A", wish, .value = 6000},
    [WANT_16] = {"want 16 A", wish, .value = 16000, .phases = 3},
    [WANT_DIGITAL] = {"want digital", wish, .value = 16000, .digital = true},
    [WANT_1PH] = {"want 1 phase", wish, .value = 16000, .phases = 1},
    [OPERATIVE] = {"operative", operative, .value = 0},
    [STOP] = {"stop", stop, .value = 0},
    [TRIP] = {"RCD", toggle, AT(p.in.rcd)},
    [RCD6] = {"rcd6", toggle, AT(p.in.rcd6)},
    [RCD30] = {"rcd30", toggle, AT(p.in.rcd30)},
    [RESET] = {"reset", command, .value = PILOT_RESET_FAULT},
    [LOCKED] = {"locked", lock, .locked = true},
    [UNLOCKED] = {"unlocked", lock, .unlocked = true},
    [MOVING] = {"lock moving", lock, .value = 0},
    [UNLOCK] = {"unlock", command, .value = PILOT_UNLOCK},
    [PP_OPEN] = {"PP open", cable, .value = -1},
    [PP_13A] = {"PP 13 A", cable, .value = 1500},
    [PP_32A] = {"PP 32 A", cable, .value = 220},
    [PE] = {"PE", toggle, AT(p.in.pe)},
    [ESTOP] = {"e-stop", toggle, AT(p.in.estop)},
    [TEMP_0] = {"cold", temperature, .value = 250},
    [TEMP_1] = {"warm", temperature, .value = 660},
    [TEMP_3] = {"hot", temperature, .value = 720},
    [CURRENT] = {"current", current, .value = 30000},
    [REPLUG] = {"replug", command, .value = PILOT_REPLUG},
};

const char *action_name(int action)
{
	return actions[action].name;
}

bool act(struct node *n, int action)
{
	return actions[action].happen(n, &actions[action]);
}
