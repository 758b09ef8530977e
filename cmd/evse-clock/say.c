/* What evse-clock says: the clock record, alert, audit entry; and what it keeps over a restart. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "core/clock.h"
#include "core/state.h"
#include "core/utc.h"

enum { FORMAT = 1, STATE_MAX = 4096, RTC_RESOLUTION_MS = 1000 };
#define SAVE_EVERY_US INT64_C(3600000000)
#define MS(us)        ((double)(us) / 1000)

static enum clocks_source source_of(const struct clock_tool *c, const struct clocks_view *v)
{
	if (v->source != CLOCKS_NONE || !clock_is_set(tool_now(c->tool)))
		return v->source;
	return c->has_rtc && clock_wants(c, CLOCKS_RTC) ? CLOCKS_RTC : CLOCKS_NONE;
}

static void add_pair(struct clock_tool *c, struct jw *w)
{
	struct now now = tool_now(c->tool);
	char text[UTC_LEN + 1];

	/* The same instant on both clocks: `real` is cut to the millisecond, so is `boot_ms`. */
	utc_format(now.real_us, text);
	jw_kstr(w, "boot_id", c->boot_id);
	jw_kstr(w, "real", text);
	jw_knum(w, "boot_ms", MS(now.mono_us - now.real_us % 1000), 3);
}

static void record(struct clock_tool *c, const struct clocks_view *v, const char *cause)
{
	struct jw *w = tool_record(c->tool, "clock", (struct out_head){0});
	char text[UTC_LEN + 1];

	jw_kbool(w, "synced", v->synced);
	jw_kstr(w, "source", clocks_name(source_of(c, v)));
	jw_knum(w, "offset_ms", v->offset_ms, 3);
	jw_knum(w, "bound_ms", v->bound_ms, 3);
	jw_kbool(w, "within_10ms", v->within);
	if (v->ever)
		utc_format(v->last_real_us, text);
	jw_kstr(w, "last_sync", v->ever ? text : NULL);
	jw_knum(w, "holdover_s", MS(v->holdover_us) / 1000, 0);
	jw_knum(w, "drift_ppm", v->drift_ppm, 3);
	jw_knum(w, "growth_ppm", v->ever ? v->rate_ppm : (double)NAN, 3);
	if (c->has_rtc)
		jw_knum(w, "rtc_offset_ms", c->rtc_offset_ms, 0);
	if (c->stepped)
		jw_knum(w, "step_ms", MS(c->step_us), 3);
	jw_kint(w, "steps", (int64_t)c->steps);
	jw_kstr(w, "cause", cause);
	add_pair(c, w);
	tool_send(c->tool);
}

static const char *cause_of(struct clock_tool *c, const struct clocks_view *v)
{
	const struct clocks_view *s = &c->said;

	if (c->stepped)
		return "step";
	if (!c->any_said)
		return "start";
	if (v->synced != s->synced)
		return v->synced ? "synced" : "lost";
	if (v->source != s->source)
		return "source";
	return v->within != s->within ? "bound" : NULL;
}

static void alert(struct clock_tool *c, const struct clocks_view *v)
{
	char text[120];

	if (v->overdue == c->overdue)
		return;
	c->overdue = v->overdue;
	snprintf(text, sizeof text, "the clock was not synchronised for %.0f h",
		 MS(v->holdover_us) / 3.6e6);
	tool_alert(c->tool, "unsynchronised", 0, 5, v->overdue, false, "ClockCtrlr",
		   v->overdue ? text : "the clock is synchronised again");
	if (v->overdue)
		log_warning("%s", text);
}

void say(struct clock_tool *c, bool due)
{
	struct clocks_view v = clocks_judge(&c->core, tool_now(c->tool).mono_us);
	const char *cause = cause_of(c, &v);

	if (cause && c->any_said && !c->stepped)
		log_notice("%s by %s, bound %.3f ms",
			   v.synced ? "synchronised" : "not synchronised",
			   clocks_name(source_of(c, &v)), v.bound_ms);
	if (cause || due) {
		record(c, &v, cause ? cause : "periodic");
		c->said = v;
		c->any_said = true;
		c->stepped = false;
	}
	alert(c, &v);
	say_save(c);
}

void say_step(struct clock_tool *c)
{
	char text[120];
	struct jw *w;

	snprintf(text, sizeof text, "the wall clock was stepped by %+.3f s", MS(c->step_us) / 1000);
	log_notice("%s", text);
	c->stepped = true;
	c->steps++;
	say(c, true);
	w = tool_record(c->tool, "security", (struct out_head){0});
	jw_kstr(w, "event", "SettingSystemTime");
	jw_kstr(w, "text", text);
	jw_knum(w, "step_ms", MS(c->step_us), 3);
	tool_send(c->tool);
}

/* ---- over a restart ---- */

/* A change of the alert at once, a newer synchronisation once an hour and at the end: flash wears.
 */
static bool save_due(const struct clock_tool *c, const struct clocks_entry *e)
{
	if (c->overdue != c->saved_overdue || !c->saved_us)
		return true;
	return e->mono_us != c->saved_us &&
	       (c->tool->ending || e->mono_us - c->saved_us >= SAVE_EVERY_US);
}

void say_save(struct clock_tool *c)
{
	int64_t mono = tool_now(c->tool).mono_us;
	struct clocks_view v = clocks_judge(&c->core, mono);
	const struct clocks_entry *e = &c->core.entry[v.source];
	char text[UTC_LEN + 1];
	struct buf b;
	struct jw w;
	struct err err;

	if (!c->dir || c->tool->replaying || !v.ever || !save_due(c, e))
		return;
	c->saved_overdue = c->overdue;
	c->saved_us = e->mono_us;
	buf_init(&b, STATE_MAX);
	jw_init(&w, &b);
	utc_format(e->real_us, text);
	jw_obj(&w);
	jw_kstr(&w, "source", clocks_name(v.source));
	jw_kstr(&w, "boot_id", c->boot_id);
	jw_kint(&w, "sync_boot_ms", e->mono_us / 1000);
	jw_kstr(&w, "last_sync", text);
	jw_knum(&w, "offset_ms", e->offset_ms, 3);
	jw_knum(&w, "base_ms", e->base_ms + e->stepped_ms, 3);
	jw_knum(&w, "drift_ppm", e->drift_ppm, 6);
	jw_knum(&w, "skew_ppm", e->skew_ppm, 6);
	jw_kbool(&w, "overdue", c->overdue);
	jw_end(&w);
	if (jw_failed(&w) || state_save(c->dir, "clock", FORMAT, b.data, b.len, &err) < 0)
		log_warning("the last synchronisation is not stored: %s", err.msg);
	buf_release(&b);
}

int say_load(struct clock_tool *c)
{
	enum state_result found;
	int format = FORMAT;
	struct err err = {""};
	struct buf b;

	if (!c->dir)
		return 0;
	if (state_dir(c->dir, &err) < 0) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	buf_init(&b, STATE_MAX);
	found = state_load(c->dir, "clock", &format, &b, &err);
	if (found == STATE_OK)
		ask_fact(c, "saved %.*s", (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
	else if (found != STATE_NONE)
		log_warning("%s", err.msg);
	buf_release(&b);
	return found == STATE_NEWER ? EXIT_CONFIG : 0;
}

void say_restore(struct clock_tool *c, const char *json, size_t len)
{
	struct clocks_entry e = {.drift_ppm = NAN, .skew_ppm = NAN};
	struct now now = tool_now(c->tool);
	const char *source = NULL, *boot = NULL;
	int64_t boot_ms = 0, age_us;
	struct err err;
	bool same;
	jv v;

	if (json_parse(json, len, &v, &err) < 0 ||
	    json_want_str(v, "source", 16, &source, &err) <= 0 ||
	    json_want_str(v, "boot_id", 39, &boot, &err) < 0 ||
	    json_want_int(v, "sync_boot_ms", 0, INT64_C(1) << 52, &boot_ms, &err) <= 0 ||
	    json_want_time(v, "last_sync", &e.real_us, &err) <= 0 ||
	    json_want_num(v, "base_ms", 0, 1e15, &e.base_ms, &err) <= 0 ||
	    clocks_named(source) == CLOCKS_NONE) {
		log_warning("the stored synchronisation is not understood: %s", err.msg);
		json_free(v);
		return;
	}
	json_num(json_get(v, "offset_ms"), -1e15, 1e15, &e.offset_ms);
	json_num(json_get(v, "drift_ppm"), -1e6, 1e6, &e.drift_ppm);
	json_num(json_get(v, "skew_ppm"), 0, 1e6, &e.skew_ppm);
	/* Within one boot the age is exact. After it the RTC kept the time, with a quartz that the
	 * growth covers, to the second; a clock that lies before the last synchronisation did not.
	 */
	same = boot && c->boot_id[0] && strcmp(boot, c->boot_id) == 0;
	c->overdue = c->saved_overdue = same && json_bool(json_get(v, "overdue"), false);
	age_us = same ? now.mono_us - boot_ms * 1000 : now.real_us - e.real_us;
	if (age_us < 0 || (!same && !clock_is_set(now)))
		log_notice("the clock was lost since %s; its bound is not known until it is set",
			   json_str(json_get(v, "last_sync")));
	else
		clocks_restore(&c->core, clocks_named(source), &e, age_us,
			       same ? 0 : RTC_RESOLUTION_MS, now.mono_us);
	json_free(v);
}
