/* evse-clock: how wrong may the wall clock be?
 *
 * Reads   uplink (the back office's clock); chronyd's socket, timedatectl, the RTC
 * Writes  clock (every 64 s and on change), alert, security (a step)
 * Uses    lib/clocks for the bound and for what the sources say, lib/core for everything else
 *
 * Here options, turns, and what becomes of each fact; ask.c asks the sources, say.c writes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "clocks/chrony.h"
#include "clocks/timesync.h"

enum { POLL_S = 16, ANSWER_US = 1000000 };

/* The address by which chronyd names its own clock as reference: that is no synchronisation. */
#define CHRONY_SELF 0x7f7f0101u

bool clock_wants(const struct clock_tool *c, enum clocks_source source)
{
	return c->source == 0 || c->source == 1 + (int)source;
}

/* ---- facts ---- */

static bool unhex(const char *hex, unsigned char *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'}, *end;

		out[i] = (unsigned char)strtoul(pair, &end, 16);
		if (*end)
			return false;
	}
	return true;
}

/* When the source measured: its wall-clock time on the forward clock, never in the future. */
static int64_t mono_of(const struct clock_tool *c, int64_t real_us)
{
	struct now now = tool_now(c->tool);
	int64_t age = now.real_us - real_us;

	return age > 0 ? now.mono_us - age : now.mono_us;
}

static void take_chrony(struct clock_tool *c, const char *text)
{
	unsigned char data[CHRONY_REPLY];
	struct chrony_tracking t;
	struct err err;
	char *hex;
	uint32_t sequence = (uint32_t)strtoul(text, &hex, 10);

	c->pending &= ~(unsigned)BIT_CHRONY;
	if (*hex != ' ' || strlen(hex + 1) != 2 * sizeof data ||
	    !unhex(hex + 1, data, sizeof data) ||
	    chrony_reply(data, sizeof data, sequence, &t, &err) < 0) {
		clocks_silent(&c->core, CLOCKS_CHRONY);
		return;
	}
	clocks_take(&c->core, CLOCKS_CHRONY,
		    &(struct clocks_sample){
			.synced = t.leap != 3 && t.ref_id != 0 && t.ref_id != CHRONY_SELF,
			.offset_ms = t.correction_s * 1e3,
			.error_ms = (t.root_dispersion_s + t.root_delay_s / 2) * 1e3,
			.drift_ppm = t.freq_ppm,
			.skew_ppm = t.skew_ppm,
			.interval_s = t.interval_s,
			.mono_us = mono_of(c, t.ref_us),
			.real_us = t.ref_us,
		    },
		    tool_now(c->tool).mono_us);
}

static void take_timesync(struct clock_tool *c, const char *text)
{
	struct timesync t;
	char *rest;
	int64_t at_us = strtoll(text, &rest, 10);

	c->pending &= ~(unsigned)BIT_TIMESYNC;
	if (rest == text || timesync_parse(rest, &t) < 0) {
		clocks_silent(&c->core, CLOCKS_TIMESYNC);
		return;
	}
	clocks_take(&c->core, CLOCKS_TIMESYNC,
		    &(struct clocks_sample){
			.synced = t.measured && t.leap_known && at_us > 0,
			.offset_ms = t.offset_ms,
			.error_ms = t.distance_ms + t.delay_ms / 2 + t.jitter_ms,
			.drift_ppm = t.frequency_ppm,
			.skew_ppm = NAN,
			.interval_s = t.interval_s,
			.mono_us = mono_of(c, at_us),
			.real_us = at_us,
		    },
		    tool_now(c->tool).mono_us);
}

static void take_rtc(struct clock_tool *c, const char *text)
{
	/* The RTC counts whole seconds: in the middle of this one, on average. */
	c->has_rtc = true;
	c->rtc_offset_ms =
	    (double)strtoll(text, NULL, 10) * 1e3 + 500 - (double)tool_now(c->tool).real_us / 1e3;
}

static double poll_s(const struct clock_tool *c)
{
	return c->interval_s < POLL_S ? c->interval_s : POLL_S;
}

static void settle(struct clock_tool *c)
{
	int64_t mono = tool_now(c->tool).mono_us;
	/* A turn that came a little early because the last answer came a little late is in time. */
	bool due =
	    c->said_us < 0 || mono - c->said_us >= (int64_t)((c->interval_s - poll_s(c) / 2) * 1e6);

	if (due)
		c->said_us = mono;
	say(c, due);
}

static bool word(const char **text, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(*text, name, len) != 0 || (*text)[len] != ' ')
		return false;
	*text += len + 1;
	return true;
}

static void on_fact(void *ctx, const char *text, size_t len)
{
	struct clock_tool *c = ctx;
	unsigned before = c->pending;

	if (word(&text, "chrony")) {
		take_chrony(c, text);
	} else if (word(&text, "timesync")) {
		take_timesync(c, text);
	} else if (word(&text, "rtc")) {
		take_rtc(c, text);
	} else if (word(&text, "boot")) {
		snprintf(c->boot_id, sizeof c->boot_id, "%s", text);
	} else if (word(&text, "saved")) {
		say_restore(c, text, len - strlen("saved "));
	} else if (word(&text, "step")) {
		c->step_us = strtoll(text, NULL, 10);
		clocks_stepped(&c->core, c->step_us);
		say_step(c);
	} else if (word(&text, "asked")) {
		c->pending = (unsigned)strtoul(text, NULL, 10);
		if (!c->pending)
			settle(c);
	}
	if (before && !c->pending) {
		loop_timer_cancel(c->tool->loop, &c->deadline);
		settle(c);
	}
}

/* ---- turns ---- */

static void poll_sources(struct clock_tool *c)
{
	if (!c->tool->replaying)
		ask_all(c);
	if (c->pending)
		loop_timer_after(c->tool->loop, &c->deadline, ANSWER_US);
}

static void on_tick(void *ctx)
{
	struct clock_tool *c = ctx;

	loop_timer_after(c->tool->loop, &c->tick, (int64_t)(poll_s(c) * 1e6));
	poll_sources(c);
}

static void on_deadline(void *ctx)
{
	struct clock_tool *c = ctx;

	if (!c->tool->replaying)
		ask_give_up(c);
}

/* The size goes out at once; what it means the sources know: they are asked next. */
static void on_step(void *ctx, int64_t step_us)
{
	struct clock_tool *c = ctx;

	ask_fact(c, "step %" PRId64, step_us);
	loop_timer_after(c->tool->loop, &c->tick, 0);
}

/* ---- records ---- */

/* evse-ocpp tells what BootNotification and Heartbeat said of the time. */
static void on_record(struct tool *t, const struct record *r)
{
	struct clock_tool *c = t->ctx;
	jv clock = record_get(r, "clock");
	struct now now = tool_now(t);
	struct clocks_sample s = {.synced = true, .drift_ppm = NAN, .skew_ppm = NAN};
	double rtt = 0, resolution = 1000;

	if (!clock_wants(c, CLOCKS_OCPP) ||
	    !json_num(json_get(clock, "offset_ms"), -1e15, 1e15, &s.offset_ms) ||
	    json_want_time(clock, "at", &s.real_us, NULL) <= 0)
		return;
	json_num(json_get(clock, "rtt_ms"), 0, 1e6, &rtt);
	json_num(json_get(clock, "resolution_ms"), 0, 1e6, &resolution);
	s.error_ms = rtt / 2 + resolution / 2;
	/* A retained record may be old: its place on the forward clock tells. */
	s.mono_us = r->head.m >= 0 && r->head.m * 1000 <= now.mono_us ? r->head.m * 1000
								      : mono_of(c, s.real_us);
	clocks_take(&c->core, CLOCKS_OCPP, &s, now.mono_us);
	say(c, false);
}

static int start(struct tool *t)
{
	struct clock_tool *c = t->ctx;
	int code;

	c->tool = t;
	c->said_us = -1;
	buf_init(&c->text, 4096);
	clocks_init(&c->core, c->worst_ppm, tool_now(t).mono_us);
	c->tick = (struct loop_timer){.name = "tick", .fn = on_tick, .ctx = c};
	c->deadline = (struct loop_timer){.name = "deadline", .fn = on_deadline, .ctx = c};
	c->facts = tool_channel(t, "facts", on_fact, c);
	if (!t->replaying) {
		loop_on_step(t->loop, on_step, c);
		if ((code = ask_open(c)) != 0 || (code = say_load(c)) != 0)
			return code;
		if (clock_wants(c, CLOCKS_TIMESYNC))
			t->needs |= CONFINE_EXEC;
	}
	loop_timer_after(t->loop, &c->tick, 0);
	return 0;
}

static void on_end(struct tool *t, enum tool_end why)
{
	struct clock_tool *c = t->ctx;

	if (c->tool) /* the output may end before the start */
		say_save(c);
	tool_exit(t, why == TOOL_END_OUTPUT ? EXIT_IO : EXIT_DONE);
}

static void stop(struct tool *t)
{
	struct clock_tool *c = t->ctx;

	if (c->tool)
		ask_close(c);
}

static const char *const wants[] = {"uplink", NULL};

int main(int argc, char **argv)
{
	static struct clock_tool c = {.chrony = "127.0.0.1:323",
				      .timesync_dir = "/run/systemd/timesync",
				      .timedatectl = "timedatectl",
				      .rtc = "/sys/class/rtc/rtc0",
				      .interval_s = 64,
				      .worst_ppm = 50,
				      .chrony_fd = -1,
				      .child_fd = -1};
	const struct cli_opt options[] = {
	    {'s', "source", "NAME", "auto|chrony|timesyncd|ocpp|rtc",
	     "take time's quality from NAME; auto (default): the best that answers", CLI_WORD,
	     &c.source, 0, 0, false, CLI_SET | CLI_BOOT},
	    {'n', "interval", "S", NULL, "write a record every S seconds and on change (64)",
	     CLI_NUM, &c.interval_s, 0.05, 3600, false, CLI_SET},
	    {'w', "worst-ppm", "PPM", NULL,
	     "growth of the bound without a source, beyond the measured drift (50)", CLI_NUM,
	     &c.worst_ppm, 0, 10000, false, CLI_SET | CLI_RAISE | CLI_BOOT},
	    {'d', "dir", "DIR", "@dir", "keep the last synchronisation in DIR over a restart",
	     CLI_STR, &c.dir, 0, 0, false, false},
	    {0, "chrony", "ADDR:PORT", NULL, "chronyd's command port (127.0.0.1:323)", CLI_STR,
	     &c.chrony, 0, 0, false, false},
	    {0, "timesync-dir", "DIR", "@dir",
	     "where systemd-timesyncd leaves its mark (/run/systemd/timesync)", CLI_STR,
	     &c.timesync_dir, 0, 0, false, false},
	    {0, "timedatectl", "PROGRAM", NULL, "program that tells its state (timedatectl)",
	     CLI_STR, &c.timedatectl, 0, 0, false, false},
	    {0, "rtc", "DIR", "@dir", "the hardware clock (/sys/class/rtc/rtc0)", CLI_STR, &c.rtc,
	     0, 0, false, false},
	    {0},
	};
	const struct tool_def def = {
	    .name = "evse-clock",
	    .src = "clock",
	    .about = "Tell how wrong the wall clock may be.",
	    .examples = "  evse-clock --interval 1 --count 3\n"
			"  evse-bus attach -S clock -s uplink~ -- evse-clock",
	    .kind = TOOL_SOURCE,
	    .options = options,
	    .wants = wants,
	    .needs = CONFINE_FILES,
	    .ctx = &c,
	    .start = start,
	    .on_record = on_record,
	    .on_end = on_end,
	    .stop = stop,
	    .state_dir = &c.dir,
	};

	return tool_main(&def, argc, argv);
}
