/* pilot-explore: enumerate every reachable state of the pilot machine and check what must always
 * hold.
 *
 *   pilot-explore [-m MAX_STATES] [SLICE…]
 *
 * Each slice is a configuration with its own set of inputs. Durations are shrunk to a few ticks,
 * their order kept; since the machine keeps all time as deadlines, a state is everything but the
 * absolute time. From each state every input may change at the same instant, and one tick may pass.
 * Contactor feedback and lock position are free inputs too, so every way of sticking, welding and
 * jamming is included. Prints the number of states and transitions of each slice; the trace that
 * led to a violation; exit 1. */
#include "pilot/duty.h"
#include "pilot/machine.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK,
	CAR_A,
	CAR_B,
	CAR_C,
	CAR_D,
	CAR_E,
	CAR_BAD,
	DIODE,
	FEEDBACK,
	LOST,
	WANT_OFF,
	WANT_6,
	WANT_16,
	WANT_DIGITAL,
	WANT_1PH,
	OPERATIVE,
	STOP,
	TRIP,
	RCD6,
	RCD30,
	RESET,
	LOCKED,
	UNLOCKED,
	MOVING,
	UNLOCK,
	PP_OPEN,
	PP_13A,
	PP_32A,
	PE,
	ESTOP,
	TEMP_0,
	TEMP_1,
	TEMP_3,
	CURRENT,
	REPLUG,
	ACTIONS
};

static const char *const action_names[ACTIONS] = {
    "tick",          "car A",        "car B",        "car C",     "car D",    "CP short",
    "CP impossible", "diode",        "feedback",     "lost",      "want off", "want 6 A",
    "want 16 A",     "want digital", "want 1 phase", "operative", "stop",     "RCD",
    "rcd6",          "rcd30",        "reset",        "locked",    "unlocked", "lock moving",
    "unlock",        "PP open",      "PP 13 A",      "PP 32 A",   "PE",       "e-stop",
    "cold",          "warm",         "hot",          "current",   "replug"};

/* What the machine can't see by itself, and the checker's own clocks. */
struct world {
	uint8_t car; /* action CAR_A … CAR_BAD */
	bool no_diode, lost;
	uint8_t since_close;  /* ticks since the last closing or the start, saturated */
	uint8_t stopping_for; /* ticks closed without an offer */
	uint8_t gone_for;     /* ticks since the line last read C or D */
	uint8_t since_want;   /* ticks since the last setpoint, saturated */
};

struct node {
	struct pilot p;
	struct world w;
};

/* As stored: deadlines as bytes. */
struct packed {
	uint8_t t[T_COUNT];
	struct world w;
	struct pilot_out out;
	unsigned char
	    rest[sizeof(struct pilot) - offsetof(struct pilot, in) - sizeof(struct pilot_counts)];
};

struct slice {
	const char *name;
	const char *about;
	void (*conf)(struct pilot_conf *);
	uint64_t actions;
};

/* A tick is the machine's millisecond. */
#define TICK_US 1000
#define BIT(a)  (1ULL << (a))
/* The setpoint may fall silent; else it comes anew with each tick. */
#define SILENT (1ULL << 63)
#define CARS   (BIT(CAR_A) | BIT(CAR_B) | BIT(CAR_C) | BIT(CAR_E))
#define BASE   (BIT(TICK) | CARS | BIT(FEEDBACK) | BIT(WANT_OFF) | BIT(WANT_16))

static struct pilot_conf conf;
static struct packed *nodes;
static uint32_t *parents, *table;
static uint8_t *how;
static size_t count, max_states = 6000000, table_size;
static const struct slice *now_in;

static void base_conf(struct pilot_conf *c)
{
	pilot_conf_init(c);
	c->max_ma = 32000;
	c->times =
	    (struct pilot_times){.open = 1,
				 .level = 1,
				 .close_hold = 2,
				 .diode_good = 1,
				 .diode_bad = 1,
				 .cp_short = 1,
				 .bad_level = 1,
				 .settle = 1,
				 .feedback = 2,
				 .not_closed = 1,
				 .bounce = 1,
				 .min_close = 4,
				 .stop = 3,
				 .fault_f = 1,
				 .unlock_f = 2,
				 .lock = 2,
				 .lock_retry = 3,
				 .watch_low = 2,
				 .watch_stop = 4,
				 .stale = 2,
				 .raise = 0,
				 .rcd_pulse = 1,
				 .rcd_seen = 2,
				 .rcd_clear = 2,
				 .rcd_retry = 2,
				 .rcd_retest = 12,
				 .pe = 1,
				 .pp = 1,
				 .pp_grace = 2,
				 .over = 2,
				 .follow = 2,
				 .wake_x1 = 1,
				 .phase_off = 1,
				 .phase_wait = 2,
				 .phase_load = 3,
				 .phase_back = 2,
				 .replug = 2,
				 .hlc_x1 = 2,
				 .bcb_min = 1,
				 .bcb_max = 2,
				 .bcb_window = 4,
				 .clear = {[FAULT_PE] = 2, [FAULT_LOCK] = 1, [FAULT_DRIVER] = 1}};
}

/* Where filtering is not the question, it is off; then fewer moments have to be told apart. */
static void plain(struct pilot_conf *c)
{
	struct pilot_times *t = &c->times;

	t->open = t->level = t->bounce = t->settle = t->pp = t->pe = 0;
	t->close_hold = t->diode_good = t->diode_bad = t->cp_short = t->feedback = 1;
	t->min_close = 2;
	t->stop = 2;
	t->follow = 0;
	t->bcb_min = 0;
	t->bcb_max = t->bcb_window = 0;
}

static void service_conf(struct pilot_conf *c)
{
	plain(c);
	c->times.open = c->times.level = 1;
}

static void lock_conf(struct pilot_conf *c)
{
	plain(c);
	c->lock = c->socket = true;
	c->times.pp_grace = c->times.lock = c->times.unlock_f = 1;
	c->times.lock_retry = 2;
}

static void rcd_conf(struct pilot_conf *c)
{
	plain(c);
	c->times.bounce = 1;
	c->rcd_test = true;
	c->times.rcd_seen = c->times.rcd_clear = 1;
	c->times.rcd_retest = 4;
}

static void sequence_conf(struct pilot_conf *c)
{
	plain(c);
	c->times.settle = 1;
	c->phase_switch = c->cp_disconnect = true;
	c->wake[0] = (struct pilot_wake){2, 2, false};
}

static void digital_conf(struct pilot_conf *c)
{
	plain(c);
	c->times.settle = 1;
	c->hlc = true;
	c->wake[0] = (struct pilot_wake){2, 2, false};
}

static void guard_conf(struct pilot_conf *c)
{
	plain(c);
	c->ventilation = true;
}

static void heat_conf(struct pilot_conf *c)
{
	plain(c);
	c->times.follow = 2;
}

static const struct slice slices[] = {
    {"line", "every level, diode, feedback", NULL, BASE | BIT(CAR_D) | BIT(CAR_BAD) | BIT(DIODE)},
    {"service", "watch times, lower limits, out of service, planned stop, lost board", service_conf,
     SILENT | BASE | BIT(WANT_6) | BIT(OPERATIVE) | BIT(STOP) | BIT(LOST)},
    {"lock", "socket outlet: lock, cable coding, unlock", lock_conf,
     BASE | BIT(LOCKED) | BIT(UNLOCKED) | BIT(MOVING) | BIT(UNLOCK) | BIT(PP_OPEN) | BIT(PP_13A) |
	 BIT(PP_32A)},
    {"rcd", "trip, self-test, reset", rcd_conf,
     BASE | BIT(TRIP) | BIT(RCD6) | BIT(RCD30) | BIT(RESET)},
    {"sequence", "phase switch, wake-up, replug with a cut pilot", sequence_conf,
     BASE | BIT(WANT_1PH) | BIT(REPLUG) | BIT(DIODE)},
    {"digital", "5 % and back, wake-up by F", digital_conf,
     BASE | BIT(WANT_DIGITAL) | BIT(LOST) | BIT(STOP)},
    {"guard", "earth, e-stop, ventilation, reset", guard_conf,
     BASE | BIT(CAR_D) | BIT(PE) | BIT(ESTOP) | BIT(RESET)},
    {"heat", "temperature, overcurrent, lower limits", heat_conf,
     BASE | BIT(WANT_6) | BIT(TEMP_0) | BIT(TEMP_1) | BIT(TEMP_3) | BIT(CURRENT)},
};

static void pack(struct packed *k, const struct node *n)
{
	memset(k, 0, sizeof *k);
	for (int i = 0; i < T_COUNT; i++)
		k->t[i] = n->p.t[i] == PILOT_NEVER ? 255 : (uint8_t)(n->p.t[i] / TICK_US);
	k->w = n->w;
	k->out = n->p.out;
	memcpy(k->rest, &n->p.in, sizeof k->rest);
}

static void unpack(struct node *n, const struct packed *k)
{
	memset(n, 0, sizeof *n);
	n->p.conf = &conf;
	for (int i = 0; i < T_COUNT; i++)
		n->p.t[i] = k->t[i] == 255 ? PILOT_NEVER : k->t[i] * TICK_US;
	n->w = k->w;
	n->p.out = k->out;
	memcpy(&n->p.in, k->rest, sizeof k->rest);
}

static uint64_t hash(const void *data, size_t len)
{
	const unsigned char *b = data;
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3U;
	return h ^ h >> 32;
}

static void trace(size_t i)
{
	if (i != 0) {
		trace(parents[i]);
		printf("  %s\n", action_names[how[i]]);
	}
}

static void violated(const char *what, size_t from, int action, const struct node *n)
{
	printf("%s: VIOLATED: %s\nafter:\n", now_in->name, what);
	trace(from);
	printf("  %s\nstate %s duty %d contactor %d fb %d lock %d faults %#x seq %d\n",
	       action_names[action], pilot_state_name(&n->p), n->p.out.duty, n->p.out.contactor,
	       n->p.fb, n->p.out.lock, n->p.faults, (int)n->p.seq);
	exit(1);
}

/* ---- the world ---- */

static void read_now(struct node *n)
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

static void want(struct node *n, bool enable, int ma, bool digital, int phases)
{
	struct pilot_wanted w;

	memset(&w, 0, sizeof w);
	w.enable = w.session = enable;
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

static void tick(struct node *n)
{
	const struct pilot_times *t = &conf.times;
	bool drawn = n->p.in.cp_pos_mv > 2000 && n->p.in.cp_pos_mv < 7000;

	for (int i = 0; i < T_COUNT; i++)
		if (n->p.t[i] != PILOT_NEVER && n->p.t[i] > 0)
			n->p.t[i] -= TICK_US;
	if (!(now_in->actions & SILENT) && n->p.t[T_WATCH_STOP] != PILOT_NEVER)
		want(n, n->p.wanted.enable, n->p.wanted.max_ma, n->p.wanted.digital,
		     n->p.wanted.phases);
	n->w.since_close = up(n->w.since_close, t->min_close);
	n->w.since_want = up(n->w.since_want, t->watch_stop + 1);
	n->w.stopping_for = up(n->w.stopping_for, 100);
	n->w.gone_for = n->p.out.contactor && !drawn ? up(n->w.gone_for, 100) : 0;
}

/* Returns false where the action changes nothing worth a transition. */
static bool act(struct node *n, int action)
{
	struct pilot_readings *r = &n->p.in;

	switch (action) {
	case TICK:
		tick(n);
		return true;
	case CAR_A:
	case CAR_B:
	case CAR_C:
	case CAR_D:
	case CAR_E:
	case CAR_BAD:
		if (n->w.car == action)
			return false;
		n->w.car = (uint8_t)action;
		return true;
	case DIODE:
		n->w.no_diode = !n->w.no_diode;
		return true;
	case FEEDBACK:
		r->contactor = !r->contactor;
		return true;
	case LOST:
		n->w.lost = !n->w.lost;
		if (n->w.lost)
			pilot_lost(&n->p);
		return true;
	case WANT_OFF:
		want(n, false, 0, false, 0);
		return true;
	case WANT_6:
		want(n, true, 6000, false, 0);
		return true;
	case WANT_16:
		want(n, true, 16000, false, conf.phase_switch ? 3 : 0);
		return true;
	case WANT_DIGITAL:
		want(n, true, 16000, true, 0);
		return true;
	case WANT_1PH:
		want(n, true, 16000, false, 1);
		return true;
	case OPERATIVE:
		pilot_operative(&n->p, !n->p.operative);
		return true;
	case STOP:
		pilot_stop(&n->p);
		return true;
	case TRIP:
		r->rcd = !r->rcd;
		return true;
	case RCD6:
		r->rcd6 = !r->rcd6;
		return true;
	case RCD30:
		r->rcd30 = !r->rcd30;
		return true;
	case RESET:
		return pilot_command(&n->p, 0, PILOT_RESET_FAULT) == NULL;
	case UNLOCK:
		return pilot_command(&n->p, 0, PILOT_UNLOCK) == NULL;
	case REPLUG:
		return pilot_command(&n->p, 0, PILOT_REPLUG) == NULL;
	case LOCKED:
		r->locked = true;
		r->unlocked = false;
		return true;
	case UNLOCKED:
		r->locked = false;
		r->unlocked = true;
		return true;
	case MOVING:
		r->locked = r->unlocked = false;
		return true;
	case PP_OPEN:
		r->pp_ohm = -1;
		return true;
	case PP_13A:
		r->pp_ohm = 1500;
		return true;
	case PP_32A:
		r->pp_ohm = 220;
		return true;
	case PE:
		r->pe = !r->pe;
		return true;
	case ESTOP:
		r->estop = !r->estop;
		return true;
	case TEMP_0:
		r->temp_dc = 250;
		return true;
	case TEMP_1:
		r->temp_dc = 660;
		return true;
	case TEMP_3:
		r->temp_dc = 720;
		return true;
	case CURRENT:
		r->current_ma = r->current_ma ? 0 : 30000;
		return true;
	}
	return false;
}

/* ---- what must hold ---- */

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

/* ---- the search ---- */

static bool add(const struct node *n, size_t from, int action)
{
	struct packed k;
	size_t at;

	pack(&k, n);
	for (at = hash(&k, sizeof k) & (table_size - 1); table[at];
	     at = (at + 1) & (table_size - 1))
		if (memcmp(&nodes[table[at] - 1], &k, sizeof k) == 0)
			return false;
	if (count == max_states) {
		printf("%s: more than %zu states\n", now_in->name, max_states);
		exit(1);
	}
	nodes[count] = k;
	parents[count] = (uint32_t)from;
	how[count] = (uint8_t)action;
	table[at] = (uint32_t)++count;
	return true;
}

static void normalise(struct node *n)
{
	memset(&n->p.counts, 0, sizeof n->p.counts);
	for (int i = 0; i < T_COUNT; i++)
		if (n->p.t[i] < 0)
			n->p.t[i] = 0;
}

static void follow(size_t from, const struct node *was, int action)
{
	struct node n;
	const char *what;
	int64_t next;

	memcpy(&n, was, sizeof n);
	if (!act(&n, action))
		return;
	read_now(&n);
	next = pilot_step(&n.p, 0);
	normalise(&n);
	if (!n.p.out.contactor || n.p.offer)
		n.w.stopping_for = 0;
	what = check_standing(&n);
	if (!what)
		what = check_change(was, &n);
	if (!was->p.out.contactor && n.p.out.contactor)
		n.w.since_close = 0;
	if (!what)
		what = check_settled(&n, next);
	if (what)
		violated(what, from, action, &n);
	add(&n, from, action);
}

static void explore(const struct slice *s)
{
	struct node n;
	size_t transitions = 0, closed = 0;

	now_in = s;
	base_conf(&conf);
	if (s->conf)
		s->conf(&conf);
	count = 0;
	memset(table, 0, table_size * sizeof *table);
	memset(&n, 0, sizeof n);
	pilot_init(&n.p, &conf, 0);
	n.p.in.pe = true;
	n.p.in.unlocked = true;
	n.p.in.temp_dc = 250;
	n.p.in.pp_ohm = -1;
	n.w.car = CAR_A;
	n.w.since_want = (uint8_t)(conf.times.watch_stop + 1);
	add(&n, 0, TICK);
	for (size_t i = 0; i < count; i++) {
		unpack(&n, &nodes[i]);
		closed += n.p.out.contactor;
		for (int a = 0; a < ACTIONS; a++)
			if (s->actions & BIT(a)) {
				transitions++;
				follow(i, &n, a);
			}
	}
	printf("%-9s %9zu states %11zu transitions %8zu closed  %s\n", s->name, count, transitions,
	       closed, s->about);
	fflush(stdout);
}

static void *get(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		perror("pilot-explore");
		exit(71);
	}
	return p;
}

int main(int argc, char **argv)
{
	const size_t n = sizeof slices / sizeof slices[0];
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		max_states = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	for (table_size = 1024; table_size < max_states * 2;)
		table_size *= 2;
	nodes = get(max_states, sizeof *nodes);
	parents = get(max_states, sizeof *parents);
	how = get(max_states, sizeof *how);
	table = get(table_size, sizeof *table);
	for (size_t i = 0; i < n; i++) {
		bool chosen = first >= argc;

		for (int a = first; a < argc; a++)
			chosen = chosen || strcmp(argv[a], slices[i].name) == 0;
		if (chosen)
			explore(&slices[i]);
	}
	return 0;
}
