/* When to read, and what follows from what came.
 *
 * All that the device says goes through the channel "device" as a line, so that a journal holds it:
 * "more", "later US", "failed WHY", "done {…}". A replay gets the lines from the journal and
 * touches no device. */
#include "app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After this many failures in a row the device is tried less often, up to BACKOFF_MAX_MS. */
#define BACKOFF_AFTER  3
#define BACKOFF_MAX_MS 30000

static void arm(struct app *a, int64_t after_us)
{
	loop_timer_after(a->t->loop, &a->next, after_us);
}

/* 1, 2, 4 … 30 s, less up to a fifth, by the tool's name: tools that fail together do not retry
 * together. */
static int64_t backoff_ms(const struct app *a)
{
	int doublings = a->failures - BACKOFF_AFTER;
	uint32_t hash = (uint32_t)a->failures;
	int64_t ms;

	if (doublings < 0)
		return 0;
	ms = doublings > 5 ? BACKOFF_MAX_MS : (int64_t)1000 << doublings;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	for (const char *p = a->t->src; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return ms - ms / 5 * (hash >> 16 & 0xff) / 255;
}

/* Wait for the next instant, or go on at once for a command that waits. */
static void plan_next(struct app *a)
{
	struct now now = tool_now(a->t);
	int64_t wait_ms = backoff_ms(a), start_ms;

	a->in_turn = false;
	if (a->n_asked && a->failures < BACKOFF_AFTER) {
		a->slot_ms = 0;
		arm(a, 0);
		return;
	}
	start_ms = meter_align_next(&a->align, now.real_us / 1000 + wait_ms,
				    (int)a->opt.interval_ms, &a->slot_ms);
	arm(a, start_ms * 1000 - now.real_us);
}

void schedule_hurry(struct app *a)
{
	if (a->in_turn)
		return;
	a->slot_ms = 0;
	arm(a, 0);
}

/* ---- live: ask the device ---- */

static void collect(struct app *a)
{
	static struct meter_turn turn;
	struct now now = clock_read();

	memset(&turn, 0, sizeof(turn));
	turn.begin_us = meter_reader_begin_us(a->reader);
	turn.end_us = meter_reader_end_us(a->reader);
	turn.begin_mono_us = now.mono_us - (now.real_us - turn.begin_us);
	snprintf(turn.serial, sizeof(turn.serial), "%s", meter_reader_serial(a->reader));
	for (int i = 0; i < a->model.n; i++)
		if (meter_register_is_live(&a->model.reg[i]))
			meter_reader_value(a->reader, i, &turn.value[i]);
	buf_adds(&a->outcome, "done ");
	if (meter_turn_write(&turn, a->model.n, &a->outcome)) {
		buf_reset(&a->outcome);
		buf_adds(&a->outcome, "failed out of memory");
	}
}

static void say(struct app *a, const char *text)
{
	tool_feed(a->t, a->device, text, strlen(text));
}

static void step(struct app *a)
{
	struct err err = {""};
	char text[40];

	switch (meter_reader_step(a->reader, &err)) {
	case METER_STEP_MORE:
		say(a, "more");
		return;
	case METER_STEP_LATER:
		snprintf(text, sizeof(text), "later %" PRId64, meter_reader_wait_us(a->reader));
		say(a, text);
		return;
	case METER_STEP_DONE:
		collect(a);
		break;
	case METER_STEP_FAILED:
		buf_addf(&a->outcome, "failed %s", err.msg);
		break;
	}
	/* The request took time: publish with the time of a new turn of the loop. */
	arm(a, 0);
}

static void on_next(void *ctx)
{
	struct app *a = ctx;

	a->in_turn = true;
	if (a->t->replaying) {
		arm(a, 0);
		return;
	}
	if (a->outcome.len) {
		tool_feed(a->t, a->device, buf_str(&a->outcome), a->outcome.len);
		buf_reset(&a->outcome);
		return;
	}
	step(a);
}

/* ---- live and replay: what the device said ---- */

static void turn_done(struct app *a, const char *text, size_t len)
{
	static struct meter_turn turn;
	int64_t width_us;
	struct err err;

	if (meter_turn_read(text, len, a->model.n, &turn, &err)) {
		log_warning("what the device said is not understood: %s", err.msg);
		plan_next(a);
		return;
	}
	a->failures = 0;
	width_us = turn.end_us - turn.begin_us;
	/* Only a turn for an instant teaches; one that a clock step fell into does not. */
	if (a->slot_ms)
		meter_align_done(&a->align, a->slot_ms,
				 width_us < 0 || width_us > 10000000 ? -1 : (int)(width_us / 1000));
	publish_turn(a, &turn);
	plan_next(a);
}

static void turn_failed(struct app *a, const char *why)
{
	a->failures++;
	if (a->slot_ms)
		meter_align_done(&a->align, a->slot_ms, -1);
	publish_failure(a, why);
	plan_next(a);
}

void schedule_outcome(void *ctx, const char *data, size_t len)
{
	struct app *a = ctx;

	if (strncmp(data, "done ", 5) == 0)
		turn_done(a, data + 5, len - 5);
	else if (strncmp(data, "failed ", 7) == 0)
		turn_failed(a, data + 7);
	else if (strncmp(data, "later ", 6) == 0)
		arm(a, strtoll(data + 6, NULL, 10));
	else
		arm(a, 0);
}

void schedule_start(struct app *a)
{
	a->next = (struct loop_timer){.name = "read", .fn = on_next, .ctx = a};
	a->overdue = (struct loop_timer){.name = "overdue", .fn = command_overdue, .ctx = a};
	arm(a, 0);
}
