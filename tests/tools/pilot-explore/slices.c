/* The slices: configurations with shrunk durations, each with its own inputs. */
#include "explore.h"

#define CARS (BIT(CAR_A) | BIT(CAR_B) | BIT(CAR_C) | BIT(CAR_E))
#define BASE (BIT(TICK) | CARS | BIT(FEEDBACK) | BIT(WANT_OFF) | BIT(WANT_16))

struct pilot_conf conf;
const struct slice *now_in;

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

const struct slice slices[] = {
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

const size_t slice_count = sizeof slices / sizeof slices[0];

void slice_begin(const struct slice *s)
{
	now_in = s;
	base_conf(&conf);
	if (s->conf)
		s->conf(&conf);
}
