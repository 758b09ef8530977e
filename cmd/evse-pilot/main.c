/* evse-pilot: the control pilot of one AC charging point.
 *
 * Reads `setpoint`, `availability`, `command` and `meter` records; writes `pilot`, `lock`, `temp`,
 * `alert` and `reply` records. The logic is lib/pilot/machine.h, the board a driver of
 * lib/pilot/drv/.
 *
 *   main.c     wiring, input, start and end    options.c   options, and what they mean
 *   command.c  commands and replies            report.c    records
 *   tech.c     probe, test, scope              safe.c      --safe
 *   priority.c its place in scheduling */
#include "app.h"
#include "priority.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD_US = 5000000, SAME_READING_US = 100000, METER_US = 5000000 };

static char **self_argv;

/* ---- set ---- */

static void on_set(struct tool *t)
{
	struct app *a = t->ctx;

	options_follow(a);
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
			tool_alert(a->t, "setpoint_refused", (int)options.evse, 5, true, false,
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

	if (options.safe || options.safe_f)
		return;
	if (record_is(r, "command")) {
		if (tool_addressed(t, r))
			app_command(a, r);
		return;
	}
	if (r->head.evse && r->head.evse != (int)options.evse)
		return;
	if (record_is(r, "meter")) {
		if (r->head.evse == (int)options.evse)
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

	log_warning("the board at %s does not answer: %s", options.device, why);
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
	if (!options.evse)
		options.evse = dot && dot[1] ? strtol(dot + 1, NULL, 10) : 1;
	if (options.evse < 1)
		options.evse = 1;
	if (t->src == t->def->src) {
		snprintf(src, sizeof src, "pilot.%d", (int)options.evse);
		t->src = src;
	}
	return options_apply(a);
}

/* The board may be opened anew; with --safe-f it is not open yet. */
static unsigned needs(void)
{
	bool simulated = strncmp(options.device, "sim:", 4) == 0;

	return CONFINE_NO_KILL | (simulated ? CONFINE_LOCAL : CONFINE_DEVICE) |
	       (simulated && !options.safe_f ? 0 : CONFINE_FILES);
}

static int start(struct tool *t)
{
	struct app *a = t->ctx;
	struct driver_host host = {
	    .loop = t->loop, .ctx = a, .readings = on_readings, .lost = on_lost};
	struct err err;
	int code;

	t->needs = needs();
	if (options.safe || options.safe_f)
		return safe_start(a, self_argv);
	a->channel = tool_channel(t, "board", on_channel, a);
	a->step = (struct loop_timer){.name = "step", .fn = on_step, .ctx = a};
	a->periodic = (struct loop_timer){.name = "periodic", .fn = on_periodic, .ctx = a};
	pilot_init(&a->p, &a->conf, app_now(a));
	if (!t->replaying) {
		a->driver = driver_open(options.device, &host, &err, &code);
		if (!a->driver) {
			log_error("%s", err.msg);
			return code;
		}
		priority_take((int)options.realtime);
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
	static const char *const wants[] = {"setpoint", "availability", "command", "meter", NULL};
	struct tool_def def = {
	    .name = "evse-pilot",
	    .src = "pilot",
	    .about =
		"Drives the control pilot, contactor and plug lock of one AC charging point by "
		"IEC 61851-1, following setpoint records.",
	    .examples =
		"  evse-pilot probe                what this machine offers a board\n"
		"  evse-pilot test linux:BOARD     walk through a board's inputs and outputs\n"
		"  evse-pilot scope linux:BOARD    draw the pilot line\n"
		"  evse-setpoint --ceiling 16 -i back | evse-pilot -D sim:SOCKET | tee -p back\n",
	    .kind = TOOL_ACTUATOR,
	    .options = option_table,
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

	if (argc > 1 && technician_word(argv[1]) >= 0)
		return technician(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--option-table") == 0)
		technician_table();
	self_argv = argv;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--safe") == 0 || strcmp(argv[i], "--safe-f") == 0) {
			def.no_boot = true;
			def.kind = TOOL_SOURCE; /* its input is not read */
		}
	return tool_main(&def, argc, argv);
}
