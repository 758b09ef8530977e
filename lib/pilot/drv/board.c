#include "pilot/drv/board.h"

#include <stdio.h>
#include <string.h>

#include "core/cli.h"
#include "core/json.h"

/* The watchdog leaves --safe, which waits 10 s for the next evse-pilot, the first move. */
enum { BOARD_FILE_MAX = 65536, WATCHDOG_S = 15 };

static int known(void *ctx, const char *key, jv value)
{
	static const char *const names[] = {
	    "name",       "connector", "phases",        "max_a",     "pwm",
	    "cp",         "pp",        "contactors",    "rcd",       "lock",
	    "pe",         "estop",     "cp_disconnect", "one_phase", "trip_upstream",
	    "alive_line", "watchdog",  "watchdog_s",    "temp",      "ventilation",
	    "driver",     "note"};
	const size_t n = sizeof names / sizeof *names;
	const char *near;

	(void)value;
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], key) == 0)
			return 0;
	near = cli_nearest(key, names, n);
	return err_set(ctx, "%s: no such member%s%s", key, near ? "; did you mean " : "",
		       near ? near : "");
}

static int text(jv v, const char *name, char out[BOARD_NAME], bool needed, struct err *err)
{
	const char *s;
	int rc = json_want_str(v, name, BOARD_NAME - 1, &s, err);

	if (rc > 0)
		snprintf(out, BOARD_NAME, "%s", s);
	else if (rc == 0 && needed)
		return err_set(err, "%s: expected a name", name);
	return rc < 0 ? -1 : 0;
}

static int whole(jv v, const char *name, int min, int max, int *out, struct err *err)
{
	int64_t n = *out;

	if (json_want_int(v, name, min, max, &n, err) < 0)
		return -1;
	*out = (int)n;
	return 0;
}

/* "NAME" or {"line":"NAME","active":"low"}. */
static int line(jv v, struct board_line *l, struct err *err)
{
	const char *active = "high";

	if (json_absent(v))
		return 0;
	if (json_str(v)) {
		snprintf(l->name, sizeof l->name, "%s", json_str(v));
		return 0;
	}
	if (text(v, "line", l->name, true, err) < 0 ||
	    json_want_str(v, "active", 8, &active, err) < 0)
		return -1;
	if (strcmp(active, "low") != 0 && strcmp(active, "high") != 0)
		return err_set(err, "active: expected \"high\" or \"low\"");
	l->active_low = active[0] == 'l';
	return 0;
}

static int named_line(jv v, const char *name, struct board_line *l, struct err *err)
{
	return line(json_get(v, name), l, err) < 0 ? err_prefix(err, "%s", name) : 0;
}

static int adc(jv v, const char *name, struct board_adc *a, struct err *err)
{
	jv o = json_get(v, name);

	if (json_absent(o))
		return 0;
	if (text(o, "iio", a->iio, true, err) < 0 ||
	    text(o, "channel", a->channel, true, err) < 0 ||
	    json_want_num(o, "scale", -1e6, 1e6, &a->scale, err) < 0 ||
	    json_want_num(o, "offset_mv", -1e6, 1e6, &a->offset, err) < 0)
		return err_prefix(err, "%s", name);
	return 0;
}

static int pwm(jv v, struct board *b, struct err *err)
{
	jv o = json_get(v, "pwm");
	const char *polarity = "normal";

	b->pwm.period_ns = 1000000;
	if (text(o, "chip", b->pwm.chip, true, err) < 0 ||
	    whole(o, "channel", 0, 64, &b->pwm.channel, err) < 0 ||
	    whole(o, "period_ns", 900000, 1100000, &b->pwm.period_ns, err) < 0 ||
	    whole(o, "offset_ns", -5000, 5000, &b->pwm.offset_ns, err) < 0 ||
	    json_want_str(o, "polarity", 16, &polarity, err) < 0)
		return err_prefix(err, "pwm");
	b->pwm.inversed = strcmp(polarity, "inversed") == 0;
	return 0;
}

static int cp(jv v, struct board *b, struct err *err)
{
	jv o = json_get(v, "cp"), resets = json_get(o, "reset_lines");

	b->cp.reset_us = 1500;
	b->cp.settle_us = 2000;
	b->cp.samples = 1;
	if (adc(o, "pos", &b->cp.pos, err) < 0 || adc(o, "neg", &b->cp.neg, err) < 0 ||
	    whole(o, "reset_us", 100, 10000, &b->cp.reset_us, err) < 0 ||
	    whole(o, "settle_us", 100, 10000, &b->cp.settle_us, err) < 0 ||
	    whole(o, "samples", 1, 1000, &b->cp.samples, err) < 0)
		return err_prefix(err, "cp");
	if (!b->cp.pos.iio[0])
		return err_set(err, "cp: pos: expected an IIO channel");
	if (json_len(resets) > BOARD_RESETS)
		return err_set(err, "cp: reset_lines: at most %d", BOARD_RESETS);
	for (int i = 0; i < json_len(resets); i++)
		if (line(json_at(resets, i), &b->cp.reset[i], err) < 0)
			return err_prefix(err, "cp: reset_lines");
	return 0;
}

static int pp(jv v, struct board *b, struct err *err)
{
	static const char *const names[] = {"none", "13", "20", "32", "63"};
	jv o = json_get(v, "pp"), bands;
	int *const at[] = {&b->pp.none_mv, &b->pp.r13_mv, &b->pp.r20_mv, &b->pp.r32_mv,
			   &b->pp.fault_mv};

	if (json_absent(o))
		return 0;
	bands = json_get(o, "above_mv");
	if (adc(v, "pp", &b->pp.adc, err) < 0)
		return -1;
	for (int i = 0; i < 5; i++) {
		if (json_absent(json_get(bands, names[i])))
			return err_set(err, "pp: above_mv: %s: expected a number", names[i]);
		if (whole(bands, names[i], 0, 20000, at[i], err) < 0)
			return err_prefix(err, "pp: above_mv");
		if (i > 0 && *at[i] >= *at[i - 1])
			return err_set(err, "pp: above_mv: %s: expected less than %s", names[i],
				       names[i - 1]);
	}
	return 0;
}

static int contactors(jv v, struct board *b, struct err *err)
{
	jv list = json_get(v, "contactors");

	b->contactors = json_len(list);
	if (b->contactors < 1 || b->contactors > BOARD_CONTACTORS)
		return err_set(err, "contactors: expected one or %d", BOARD_CONTACTORS);
	for (int i = 0; i < b->contactors; i++) {
		jv o = json_at(list, i);

		if (line(o, &b->contactor[i].line, err) < 0 ||
		    named_line(o, "sense", &b->contactor[i].sense, err) < 0 ||
		    json_want_bool(o, "three_phase", &b->contactor[i].three_phase, err) < 0)
			return err_prefix(err, "contactors: %d", i + 1);
	}
	if (b->contactor[0].three_phase)
		return err_set(err, "contactors: the first carries one phase at least");
	return 0;
}

static int range(jv v, const char *name, int out[2], struct err *err)
{
	jv a = json_get(v, name);
	int64_t lo, hi;

	if (json_absent(a))
		return 0;
	if (json_len(a) != 2 || !json_int(json_at(a, 0), -20000, 20000, &lo) ||
	    !json_int(json_at(a, 1), -20000, 20000, &hi) || lo >= hi)
		return err_set(err, "%s: expected two numbers, rising", name);
	out[0] = (int)lo;
	out[1] = (int)hi;
	return 0;
}

static int lock(jv v, struct board *b, struct err *err)
{
	jv o = json_get(v, "lock");

	b->lock.pulse_ms = 600;
	if (json_absent(o))
		return 0;
	if (named_line(o, "in1", &b->lock.in1, err) < 0 ||
	    named_line(o, "in2", &b->lock.in2, err) < 0 ||
	    named_line(o, "locked", &b->lock.locked, err) < 0 ||
	    whole(o, "pulse_ms", 50, 4000, &b->lock.pulse_ms, err) < 0 ||
	    adc(o, "pos", &b->lock.pos, err) < 0 ||
	    range(json_get(o, "pos"), "locked_mv", b->lock.locked_mv, err) < 0 ||
	    range(json_get(o, "pos"), "unlocked_mv", b->lock.unlocked_mv, err) < 0)
		return err_prefix(err, "lock");
	if (!b->lock.in1.name[0] || !b->lock.in2.name[0] ||
	    (!b->lock.locked.name[0] && !b->lock.pos.iio[0]))
		return err_set(err, "lock: expected in1, in2, and locked or pos");
	return 0;
}

static int rest(jv v, struct board *b, struct err *err)
{
	jv temps = json_get(v, "temp"), rcd = json_get(v, "rcd");

	b->watchdog_s = WATCHDOG_S;
	if (named_line(rcd, "trip", &b->rcd.trip, err) < 0 ||
	    named_line(rcd, "trip6", &b->rcd.trip6, err) < 0 ||
	    named_line(rcd, "test", &b->rcd.test, err) < 0)
		return err_prefix(err, "rcd");
	if (named_line(v, "pe", &b->pe, err) < 0 || named_line(v, "estop", &b->estop, err) < 0 ||
	    named_line(v, "cp_disconnect", &b->cp_disconnect, err) < 0 ||
	    named_line(v, "one_phase", &b->one_phase, err) < 0 ||
	    named_line(v, "trip_upstream", &b->trip_upstream, err) < 0 ||
	    named_line(v, "alive_line", &b->alive, err) < 0 ||
	    text(v, "watchdog", b->watchdog, false, err) < 0 ||
	    whole(v, "watchdog_s", 1, 60, &b->watchdog_s, err) < 0)
		return -1;
	b->temps = json_len(temps);
	if (b->temps > BOARD_TEMPS)
		return err_set(err, "temp: at most %d", BOARD_TEMPS);
	for (int i = 0; i < b->temps; i++) {
		jv o = json_at(temps, i);

		if (text(o, "iio", b->temp[i].iio, true, err) < 0 ||
		    text(o, "channel", b->temp[i].channel, true, err) < 0 ||
		    json_want_num(o, "scale", -1e6, 1e6, &b->temp[i].scale, err) < 0 ||
		    json_want_num(o, "offset", -1e6, 1e6, &b->temp[i].offset, err) < 0)
			return err_prefix(err, "temp: %d", i + 1);
	}
	return 0;
}

static int members(jv v, struct board *b, struct err *err)
{
	const char *connector = "tethered";
	double max_a = 32;

	if (!json_is(v, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	if (json_each(v, known, err) != 0)
		return -1;
	b->phases = 3;
	if (text(v, "name", b->name, true, err) < 0 ||
	    json_want_str(v, "connector", 16, &connector, err) < 0 ||
	    whole(v, "phases", 1, 3, &b->phases, err) < 0 ||
	    json_want_num(v, "max_a", 6, 80, &max_a, err) < 0 ||
	    json_want_bool(v, "ventilation", &b->ventilation, err) < 0)
		return -1;
	if (strcmp(connector, "socket") != 0 && strcmp(connector, "tethered") != 0)
		return err_set(err, "connector: expected \"socket\" or \"tethered\"");
	if (b->phases == 2)
		return err_set(err, "phases: expected 1 or 3");
	b->socket = connector[0] == 's';
	b->max_ma = (int)(max_a * 1000 + 0.5);
	if (pwm(v, b, err) < 0 || cp(v, b, err) < 0 || pp(v, b, err) < 0 ||
	    contactors(v, b, err) < 0 || lock(v, b, err) < 0 || rest(v, b, err) < 0)
		return -1;
	if (b->socket && (!b->pp.adc.iio[0] || !b->lock.in1.name[0]))
		return err_set(err, "connector: a socket needs pp and lock");
	return 0;
}

int board_load(const char *path, struct board *b, struct err *err)
{
	jv v;
	int rc;

	memset(b, 0, sizeof *b);
	if (json_load(path, BOARD_FILE_MAX, &v, err) < 0)
		return -1;
	rc = members(v, b, err);
	json_free(v);
	return rc < 0 ? err_prefix(err, "%s", path) : 0;
}

bool board_guarded(const struct board *b)
{
	return b->alive.name[0] || b->watchdog[0];
}
