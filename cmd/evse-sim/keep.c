/* DIR/world.json: the world goes on where it was. Every input is saved, and what follows from it is
 * worked out again, so the energy counted while the simulator was dead is there too. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/state.h"
#include "sim.h"
#include "sim/save.h"

enum {
	SAVE_MAX = 1 << 20,
	SOON_US = 20000,
	SAME_BOOT_US = 60000000, /* wall clock − boot clock moves less than this within one boot */
};

static const char name[] = "world.json";

static void save_time(struct jw *w, const char *key, int64_t us)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, us);
	jw_kstr(w, key, text);
}

void keep_save(struct sim *s)
{
	struct now now = tool_now(s->tool);
	struct err err;
	struct buf data;
	struct jw w;

	loop_timer_cancel(s->tool->loop, &s->save_timer);
	if (s->tool->replaying)
		return;
	buf_init(&data, SAVE_MAX);
	jw_init(&w, &data);
	jw_obj(&w);
	save_time(&w, "booted_us", now.real_us - now.mono_us);
	if (s->script) {
		save_time(&w, "scenario_started_us", script_started_us(s->script));
		jw_kint(&w, "scenario_done", script_done(s->script));
		jw_kstr(&w, "scenario", s->opt.scenario);
	}
	jw_kint(&w, "meter_late_ms", s->hands.meter_late_ms);
	if (s->serial) {
		jw_key(&w, "controllers");
		serial_save(s, &w);
	}
	jw_key(&w, "world");
	sim_save(&s->world, &w);
	jw_end(&w);
	buf_addc(&data, '\n');
	if (jw_failed(&w))
		log_error("unable to save the world: it is too large");
	else if (state_save(s->opt.dir, name, SIM_SAVE_FORMAT, data.data, data.len, &err) < 0)
		log_error("%s", err.msg);
	buf_release(&data);
}

static void on_save(void *ctx)
{
	keep_save(ctx);
}

void keep_soon(struct sim *s)
{
	s->save_timer.name = "save";
	s->save_timer.fn = on_save;
	s->save_timer.ctx = s;
	if (!s->save_timer.armed)
		loop_timer_after(s->tool->loop, &s->save_timer, SOON_US);
}

static int64_t time_of(jv v, const char *key)
{
	const char *text = json_str(json_get(v, key));

	return text ? strtoll(text, NULL, 10) : 0;
}

/* After a reboot nothing flowed meanwhile: the world's instants are moved to the new clock. */
static int64_t shift_us(const struct sim *s, jv saved)
{
	struct now now = tool_now(s->tool);
	int64_t moved = now.real_us - now.mono_us - time_of(saved, "booted_us");
	int64_t then_us = time_of(json_get(saved, "world"), "now_us");

	if (llabs(moved) < SAME_BOOT_US && then_us <= now.mono_us)
		return 0;
	return now.mono_us - then_us;
}

/* Pulses are not saved: a line that was alive counts as alive until now. */
static void revive(struct sim *s)
{
	for (int i = 0; i < s->world.evses; i++)
		if (s->world.evse[i].board.alive_us != SIM_NEVER)
			sim_board_alive(&s->world.evse[i].board, tool_now(s->tool).mono_us);
}

static int take_up(struct sim *s, jv saved, struct err *err)
{
	int64_t shift = shift_us(s, saved), done = 0, late = s->hands.meter_late_ms;
	const char *scenario = json_str(json_get(saved, "scenario"));

	if (json_want_int(saved, "meter_late_ms", 0, 600000, &late, err) < 0 ||
	    json_want_int(saved, "scenario_done", 0, INT32_MAX, &done, err) < 0 ||
	    sim_load(&s->world, json_get(saved, "world"), shift, err) < 0)
		return -1;
	revive(s);
	if (s->serial && !json_absent(json_get(saved, "controllers")) &&
	    serial_load(s, json_get(saved, "controllers"), shift, err) < 0)
		return -1;
	s->hands.meter_late_ms = (int)late;
	if (s->script && scenario && strcmp(scenario, s->opt.scenario) == 0)
		script_start(s->script, time_of(saved, "scenario_started_us") + shift, done);
	return 0;
}

int keep_load(struct sim *s)
{
	int format = SIM_SAVE_FORMAT, code = 0;
	struct err err = {""};
	struct buf data;
	jv saved;

	if (s->opt.fresh || s->tool->replaying)
		return 0;
	buf_init(&data, SAVE_MAX);
	switch (state_load(s->opt.dir, name, &format, &data, &err)) {
	case STATE_NONE:
		break;
	case STATE_NEWER:
		log_error("%s/%s is of a newer version; --fresh begins anew", s->opt.dir, name);
		code = EXIT_CONFIG;
		break;
	case STATE_BAD:
		log_error("%s; --fresh begins anew", err.msg);
		code = EXIT_BAD_DATA;
		break;
	case STATE_OK:
		if (json_parse(buf_str(&data), data.len, &saved, &err) < 0) {
			log_error("%s/%s: %s; --fresh begins anew", s->opt.dir, name, err.msg);
			code = EXIT_BAD_DATA;
			break;
		}
		if (take_up(s, saved, &err) < 0) {
			log_error("%s/%s: %s; --fresh begins anew", s->opt.dir, name, err.msg);
			code = EXIT_BAD_DATA;
		}
		json_free(saved);
		break;
	}
	buf_release(&data);
	return code;
}
