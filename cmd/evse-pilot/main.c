/* evse-pilot: the control pilot of one AC charging point.
 *
 * Reads `setpoint`, `availability`, `command` and `meter` records; writes `pilot`, `lock`, `temp`,
 * `alert` and `reply` records. The logic is lib/pilot/machine.h, the board a driver of
 * lib/pilot/drv/.
 *
 *   main.c     options, wiring, start and end        report.c   records
 *   command.c  commands and replies                  safe.c     --safe
 *   tech.c     probe, test, scope       priority.c  its place in scheduling */
#include "app.h"
#include "priority.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD_US = 5000000, SAME_READING_US = 100000, METER_US = 5000000 };

static char **self_argv;

/* ---- options to configuration ---- */

/* "AFTER:f|cut:HOLD" in milliseconds. */
static bool wake_step(const char *text, struct pilot_wake *w)
{
	char *end;
	long after = strtol(text, &end, 10), hold;

	w->cut = strncmp(end, ":cut:", 5) == 0;
	if (!w->cut && strncmp(end, ":f:", 3) != 0)
		return false;
	hold = strtol(end + (w->cut ? 5 : 3), &end, 10);
	if (*end || after < 1000 || after > 3600000 || hold < 100 || hold > 60000)
		return false;
	w->after = (int)after;
	w->hold = (int)hold;
	return true;
}

static int parse_wake(const struct cli_list *list, struct pilot_conf *c)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i == PILOT_WAKE_STEPS || !wake_step(list->item[i], &c->wake[i])) {
			log_error(
			    "--wake %s: expected AFTER:f|cut:HOLD in milliseconds, at most %d "
			    "times",
			    list->item[i], PILOT_WAKE_STEPS);
			return EXIT_CONFIG;
		}
	}
	return 0;
}

/* What can be set while it runs. */
static void follow_options(struct app *a)
{
	struct pilot_conf *c = &a->conf;
	double max_a = a->o.max_a;

	if (a->o.tethered_a > 0 && a->o.tethered_a < max_a)
		max_a = a->o.tethered_a;
	c->max_ma = (int)(max_a * 1000 + 0.5);
	if (c->max_ma > a->board_ma)
		c->max_ma = a->board_ma;
	c->failsafe_ma = (int)(a->o.failsafe_a * 1000 + 0.5);
	c->times.raise = (int)a->o.raise_ms;
}

static int configure(struct app *a)
{
	struct options *o = &a->o;
	struct pilot_conf *c = &a->conf;
	struct err err;
	int code;

	pilot_conf_init(c);
	if (o->socket && o->tethered_a > 0) {
		log_error("--socket and --tethered exclude each other");
		return EXIT_USAGE;
	}
	if (o->phases == 2) {
		log_error("--phases 2: expected 1 or 3");
		return EXIT_USAGE;
	}
	c->max_ma = INT_MAX; /* the board's */
	c->phases = (int)o->phases;
	c->socket = c->lock = o->socket;
	c->lock_in_session = o->lock_in_session;
	c->rcd_test = !o->no_rcd_test;
	c->ventilation = o->ventilation;
	c->phase_switch = !o->no_phase_switch && o->phases == 3;
	c->cp_disconnect = c->hlc = true;
	c->limit_simplified = o->simplified_10a;
	c->times.duty_blank = (int)o->duty_blank_ms;
	c->times.switch_blank = (int)o->switch_blank_ms;
	c->times.open = (int)o->open_ms;
	c->times.close_hold = (int)o->close_ms;
	c->times.min_close = (int)o->min_close_ms;
	c->times.fault_f = (int)o->fault_f_ms;
	c->times.phase_wait = (int)o->phase_wait_ms;
	code = parse_wake(&o->wake, c);
	if (code)
		return code;
	if (!o->device) {
		log_error("no device given: -D sim:SOCKET");
		return EXIT_USAGE;
	}
	if (driver_describe(o->device, &a->caps, c, &err, &code) < 0) {
		log_error("%s", err.msg);
		return code;
	}
	a->board_ma = c->max_ma;
	follow_options(a);
	return 0;
}

/* ---- set ---- */

static void on_set(struct tool *t)
{
	struct app *a = t->ctx;

	follow_options(a);
	app_step(a, "command");
}

/* Storing waits for the disk, and nothing may wait while the contactor may have to open. */
static const char *set_refused(struct tool *t)
{
	struct app *a = t->ctx;

	return a->p.out.contactor || a->p.in.contactor
		   ? "the contactor is closed: stop charging first"
		   : NULL;
}

/* ---- input ---- */

static void store_setpoint(struct app *a, const struct record *r)
{
	struct pilot_wanted w;
	double max_a = 0;
	int64_t phases = 0;
	struct err err;
	jv must = record_get(r, "must");

	memset(&w, 0, sizeof w);
	for (int i = 0; i < json_len(must); i++) {
		static const char *const known[] = {"enable", "session",      "import_max_a",
						    "phases", "export_max_a", "because"};
		const char *name = json_str(json_at(must, i));
		bool found = false;

		for (size_t k = 0; name && k < sizeof known / sizeof *known; k++)
			found = found || strcmp(known[k], name) == 0;
		if (!found) {
			tool_alert(a->t, "setpoint_refused", (int)a->o.evse, 5, true, false,
				   "Controller", name ? name : "must is not a list of names");
			return;
		}
	}
	if (json_want_bool(r->body, "enable", &w.enable, &err) < 0 ||
	    json_want_num(r->body, "import_max_a", 0, 1000, &max_a, &err) < 0 ||
	    json_want_int(r->body, "phases", 0, 3, &phases, &err) < 0 ||
	    json_want_bool(r->body, "digital", &w.digital, &err) < 0) {
		log_warning("setpoint %s from %s refused: %s", record_n(r), record_src(r), err.msg);
		return;
	}
	/* The current is rounded down to whole mA, with room for a decimal's binary tail. */
	w.max_ma = (int)(max_a * 1000 + 0.001);
	w.phases = phases == 2 ? 1 : (int)phases;
	w.session = json_str(record_get(r, "session")) != NULL;
	pilot_want(&a->p, app_now(a), &w);
	snprintf(a->setpoint_n, sizeof a->setpoint_n, "%s", record_n(r));
	snprintf(a->setpoint_src, sizeof a->setpoint_src, "%s", record_src(r));
	a->cause = "setpoint";
}

/* Where the board measures no current, the meter of this EVSE does, for the overcurrent watch. */
static void store_meter(struct app *a, const struct record *r)
{
	jv list = record_get(r, "current_a");
	double highest = -1, v;

	for (int i = 0; i < json_len(list); i++)
		if (json_num(json_at(list, i), -1000, 1000, &v) && fabs(v) > highest)
			highest = fabs(v);
	if (highest < 0)
		return;
	a->meter_ma = (int)(highest * 1000);
	a->meter_us = app_now(a);
}

static void on_record(struct tool *t, const struct record *r)
{
	struct app *a = t->ctx;
	struct err err;
	bool operative;

	if (a->o.safe || a->o.safe_f)
		return;
	if (record_is(r, "command")) {
		if (tool_addressed(t, r))
			app_command(a, r);
		return;
	}
	if (r->head.evse && r->head.evse != (int)a->o.evse)
		return;
	if (record_is(r, "meter")) {
		if (r->head.evse == (int)a->o.evse)
			store_meter(a, r);
		return;
	}
	if (record_is(r, "setpoint")) {
		if (!record_gone(r))
			store_setpoint(a, r);
		return;
	}
	if (record_gone(r))
		return;
	if (json_want_bool(r->body, "operative", &operative, &err) < 1) {
		log_warning("availability %s from %s refused: operative: expected true or false",
			    record_n(r), record_src(r));
		return;
	}
	pilot_operative(&a->p, operative);
	a->cause = "availability";
}

static void on_drained(struct tool *t)
{
	struct app *a = t->ctx;

	if (a->started && a->cause)
		app_step(a, a->cause);
}

/* From the driver, live: equal readings only refresh, ten times a second. */
static void on_readings(void *ctx, const struct pilot_readings *r)
{
	struct app *a = ctx;
	int64_t now = app_now(a);
	char text[96];
	int len;

	if (a->ready && now - a->last_us < SAME_READING_US && memcmp(r, &a->last, sizeof *r) == 0)
		return;
	a->last_us = now;
	len = driver_print(r, text, sizeof text);
	tool_feed(a->t, a->channel, text, (size_t)len);
}

static void on_lost(void *ctx, const char *why)
{
	struct app *a = ctx;

	log_warning("the board at %s does not answer: %s", a->o.device, why);
	tool_feed(a->t, a->channel, "lost", 4);
}

/* Live or from a journal. */
static void on_channel(void *ctx, const char *text, size_t len)
{
	struct app *a = ctx;
	struct pilot_readings r;

	(void)len;
	if (strcmp(text, "lost") == 0) {
		pilot_lost(&a->p);
		app_step(a, "driver");
		return;
	}
	if (driver_scan(text, &r) < 0) {
		log_warning("journal: not a reading: %s", text);
		return;
	}
	a->last = r;
	a->ready = true;
	if (!a->caps.current)
		r.current_ma =
		    a->meter_us && app_now(a) - a->meter_us < METER_US ? a->meter_ma : -1;
	pilot_read(&a->p, app_now(a), &r);
	app_step(a, "cp");
}

static void on_step(void *ctx)
{
	app_step(ctx, "timer");
}

static void on_periodic(void *ctx)
{
	struct app *a = ctx;

	loop_timer_after(a->t->loop, &a->periodic, PERIOD_US);
	app_periodic(a);
}

/* ---- one step ---- */

static void finish(struct app *a)
{
	if (a->t->ending && pilot_stopped(&a->p))
		tool_exit(a->t, EXIT_DONE);
}

void app_step(struct app *a, const char *cause)
{
	int64_t next = pilot_step(&a->p, app_now(a));

	if (a->driver)
		driver_apply(a->driver, &a->p.out);
	a->cause = cause;
	app_unlock_step(a);
	app_report(a, false);
	a->cause = NULL;
	if (a->unlock.pending && a->unlock.until_us < next)
		next = a->unlock.until_us;
	if (next == PILOT_NEVER)
		loop_timer_cancel(a->t->loop, &a->step);
	else
		loop_timer_set(a->t->loop, &a->step, next);
	finish(a);
}

/* ---- start and end ---- */

static int setup(struct tool *t)
{
	struct app *a = t->ctx;
	static char src[32];
	const char *dot = strrchr(t->src, '.');

	a->t = t;
	/* The EVSE's number names the instance, or the other way round. */
	if (!a->o.evse)
		a->o.evse = dot && dot[1] ? strtol(dot + 1, NULL, 10) : 1;
	if (a->o.evse < 1)
		a->o.evse = 1;
	if (t->src == t->def->src) {
		snprintf(src, sizeof src, "pilot.%d", (int)a->o.evse);
		t->src = src;
	}
	return configure(a);
}

/* The board may be opened anew; with --safe-f it is not open yet. */
static unsigned needs(const struct options *o)
{
	bool simulated = strncmp(o->device, "sim:", 4) == 0;

	return CONFINE_NO_KILL | (simulated ? CONFINE_LOCAL : CONFINE_DEVICE) |
	       (simulated && !o->safe_f ? 0 : CONFINE_FILES);
}

static int start(struct tool *t)
{
	struct app *a = t->ctx;
	struct driver_host host = {
	    .loop = t->loop, .ctx = a, .readings = on_readings, .lost = on_lost};
	struct err err;
	int code;

	t->needs = needs(&a->o);
	if (a->o.safe || a->o.safe_f)
		return safe_start(a, self_argv);
	a->channel = tool_channel(t, "board", on_channel, a);
	a->step = (struct loop_timer){.name = "step", .fn = on_step, .ctx = a};
	a->periodic = (struct loop_timer){.name = "periodic", .fn = on_periodic, .ctx = a};
	pilot_init(&a->p, &a->conf, app_now(a));
	if (!t->replaying) {
		a->driver = driver_open(a->o.device, &host, &err, &code);
		if (!a->driver) {
			log_error("%s", err.msg);
			return code;
		}
		priority_take((int)a->o.realtime);
	}
	a->started = true;
	loop_timer_after(t->loop, &a->periodic, PERIOD_US);
	/* Linux PWM and lines outlive a killed process: the first act is the safe one. */
	app_step(a, "start");
	return 0;
}

static void on_give_up(void *ctx)
{
	struct app *a = ctx;

	log_error("the contactor is not known to be open at the end");
	tool_exit(a->t, EXIT_UNAVAILABLE);
}

static void on_end(struct tool *t, enum tool_end why)
{
	struct app *a = t->ctx;

	(void)why;
	if (!a->started) {
		tool_exit(t, EXIT_DONE);
		return;
	}
	pilot_stop(&a->p);
	a->give_up = (struct loop_timer){.name = "give-up", .fn = on_give_up, .ctx = a};
	loop_timer_after(t->loop, &a->give_up,
			 (int64_t)(a->conf.times.stop + 2 * a->conf.times.feedback) * 1000);
	app_step(a, "stop");
}

static void stop(struct tool *t)
{
	struct app *a = t->ctx;

	driver_close(a->driver);
}

int main(int argc, char **argv)
{
	static struct app a;
	struct options *o = &a.o;
	static const char *const wants[] = {"setpoint", "availability", "command", "meter", NULL};
	struct cli_opt options[] = {
	    {'D', "device", "ADDRESS", NULL, "the board: sim:SOCKET, linux:BOARD.json or rapi:TTY",
	     CLI_STR, &o->device, 0, 0, false, CLI_HIDE},
	    {0, "evse", "N", NULL, "number of the EVSE (default: from the name, else 1)", CLI_INT,
	     &o->evse, 1, 9999, false, false},
	    {0, "max-a", "A", NULL, "what board, fuse and cable carry, 6 to 80 (default 32)",
	     CLI_NUM, &o->max_a, 6, 80, false, CLI_SET | CLI_LOWER},
	    {0, "tethered", "A", NULL, "fixed cable of that rating (default: of max-a)", CLI_NUM,
	     &o->tethered_a, 6, 80, false, false},
	    {0, "socket", NULL, NULL, "socket outlet: PP is read and the plug is locked", CLI_FLAG,
	     &o->socket, 0, 0, false, false},
	    {0, "phases", "N", NULL, "phases wired, 1 or 3 (default 3)", CLI_INT, &o->phases, 1, 3,
	     false, false},
	    {0, "failsafe-a", "A", NULL, "limit without a setpoint for 3 s (default 6)", CLI_NUM,
	     &o->failsafe_a, 0, 80, false, CLI_SET | CLI_LOWER},
	    {0, "min-increase-interval", "MS", NULL,
	     "from a change of the duty to an increase, 0 to 5000 (default 0)", CLI_INT, &o->raise_ms,
	     0, 5000, false, CLI_SET | CLI_RAISE},
	    {0, "open-debounce", "MS", NULL,
	     "how long a level that ends power must stand, 0 to 50 (default 10)", CLI_INT,
	     &o->open_ms, 0, 50, false, false},
	    {0, "duty-blank", "MS", NULL,
	     "C to B is not believed so long after a new duty, 0 to 600 (default 0)", CLI_INT,
	     &o->duty_blank_ms, 0, 600, false, false},
	    {0, "switch-blank", "MS", NULL,
	     "C to B is not believed so long after closing, 0 to 300 (default 0)", CLI_INT,
	     &o->switch_blank_ms, 0, 300, false, false},
	    {0, "close-hold", "MS", NULL,
	     "how long C must stand before closing, 0 to 2500 (default 500)", CLI_INT, &o->close_ms,
	     0, 2500, false, CLI_SET | CLI_RAISE | CLI_BOOT},
	    {0, "min-close", "MS", NULL,
	     "time between two closings and from the start, 0 to 60000 (default 10000)", CLI_INT,
	     &o->min_close_ms, 0, 60000, false, CLI_SET | CLI_RAISE | CLI_BOOT},
	    {0, "fault-f", "MS", NULL,
	     "state F after a fault, 300 to 10000 (default 300); 0: X1 only, not conformant",
	     CLI_INT, &o->fault_f_ms, 0, 10000, false, false},
	    {0, "phase-wait", "MS", NULL,
	     "pilot cut while phases change, 10000 to 120000 (default 60000)", CLI_INT,
	     &o->phase_wait_ms, 100, 120000, false, CLI_SET | CLI_RAISE | CLI_BOOT},
	    {0, "no-phase-switch", NULL, NULL, "the board's phase relay is not to be used",
	     CLI_FLAG, &o->no_phase_switch, 0, 0, false, false},
	    {0, "wake", "AFTER:KIND:HOLD", NULL,
	     "wake a car that stays in B2 after AFTER ms by KIND f or cut for HOLD ms; up to 4 "
	     "times",
	     CLI_LIST, &o->wake, 0, 0, false, false},
	    {0, "ventilation", NULL, NULL, "ventilation is fitted: state D charges", CLI_FLAG,
	     &o->ventilation, 0, 0, false, false},
	    {0, "lock-in-session", NULL, NULL,
	     "lock the plug only in a session (default: while a car is connected)", CLI_FLAG,
	     &o->lock_in_session, 0, 0, false, false},
	    {0, "simplified-10a", NULL, NULL,
	     "hold cars with the simplified pilot to 10 A from our side too", CLI_FLAG,
	     &o->simplified_10a, 0, 0, false, false},
	    {0, "no-rcd-test", NULL, NULL, "the RCD has no self-test", CLI_FLAG, &o->no_rcd_test, 0,
	     0, false, false},
	    {0, "realtime", "PRIO", NULL,
	     "SCHED_FIFO at PRIO and locked memory, where permitted (default 20; 0: ordinary)",
	     CLI_INT, &o->realtime, 0, 99, false, false},
	    {0, "safe", NULL, NULL,
	     "open the contactor, X1, exit; F if no evse-pilot is back in 10 s", CLI_FLAG, &o->safe,
	     0, 0, false, true},
	    {0, "safe-f", NULL, NULL, "second half of --safe", CLI_FLAG, &o->safe_f, 0, 0, true,
	     true},
	    {0},
	};
	struct tool_def def = {
	    .name = "evse-pilot",
	    .src = "pilot",
	    .about =
		"Drives the control pilot, contactor and plug lock of one AC charging point by "
		"IEC 61851-1, following setpoint records.",
	    .kind = TOOL_ACTUATOR,
	    .options = options,
	    .wants = wants,
	    .ctx = &a,
	    .setup = setup,
	    .start = start,
	    .on_record = on_record,
	    .on_drained = on_drained,
	    .on_end = on_end,
	    .stop = stop,
	    .on_set = on_set,
	    .set_refused = set_refused,
	};

	if (argc > 1 && technician_word(argv[1]))
		return technician(argc, argv);
	*o = (struct options){.max_a = 32,
			      .failsafe_a = 6,
			      .phases = 3,
			      .open_ms = 10,
			      .close_ms = 500,
			      .min_close_ms = 10000,
			      .fault_f_ms = 300,
			      .phase_wait_ms = 60000,
			      .realtime = 20};
	self_argv = argv;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--safe") == 0 || strcmp(argv[i], "--safe-f") == 0) {
			def.no_boot = true;
			def.kind = TOOL_SOURCE; /* its input is not read */
		}
	return tool_main(&def, argc, argv);
}
