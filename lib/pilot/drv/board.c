#include "pilot/drv/board.h"

#include <stdio.h>
#include <string.h>

#include "core/cli.h"
#include "core/json.h"

/* The watchdog leaves --safe, which waits 10 s for the next evse-pilot, the first move. */
enum { BOARD_FILE_MAX = 65536, WATCHDOG_S = 15, SAMPLES_LEAST = 100 };

struct members {
	const char *const *names;
	size_t count;
	struct err *err;
};

static int known(void *ctx, const char *key, jv value)
{
	const struct members *m = ctx;
	const char *near;

	(void)value;
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->names[i], key) == 0)
			return 0;
	near = cli_nearest(key, m->names, m->count);
	return err_set(m->err, "%s: no such member%s%s", key, near ? "; did you mean " : "",
		       near ? near : "");
}

/* A misspelt member would leave a protection out in silence. @list  NULL-terminated */
static int only(jv v, const char *const *list, struct err *err)
{
	struct members m = {.names = list, .err = err};

	if (json_absent(v))
		return 0;
	if (!json_is(v, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	while (list[m.count])
		m.count++;
	return json_each(v, known, &m) == 0 ? 0 : -1;
}

#define ONLY(v, err, ...) only(v, (const char *const[]){__VA_ARGS__, NULL}, err)

static int text(jv v, const char *name, char out[BOARD_NAME], bool needed, struct err *err)
{
	const char *s;
	int rc = json_want_str(v, name, BOARD_NAME - 1, &s, err);

	if ((rc > 0 && !*s) || (rc == 0 && needed))
		return err_set(err, "%s: expected a name", name);
	if (rc > 0)
		snprintf(out, BOARD_NAME, "%s", s);
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
		if (!*json_str(v) || strlen(json_str(v)) >= sizeof l->name)
			return err_set(err, "expected the name of a GPIO line");
		snprintf(l->name, sizeof l->name, "%s", json_str(v));
		return 0;
	}
	if (json_is(json_get(v, "line"), JV_KIND_OBJECT))
		return err_set(err, "line: expected a name; \"active\" stands beside it");
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
	jv o = json_get(v, name);

	if ((!json_str(o) && ONLY(o, err, "line", "active") < 0) || line(o, l, err) < 0)
		return err_prefix(err, "%s", name);
	return 0;
}

static int adc(jv v, const char *name, struct board_adc *a, struct err *err)
{
	jv o = json_get(v, name);

	if (json_absent(o))
		return 0;
	/* What stands beside them is read where the adc is used: above_mv of pp, the ranges of a
	 * lock. */
	if (ONLY(o, err, "iio", "channel", "scale", "offset_mv", "above_mv", "locked_mv",
		 "unlocked_mv") < 0 ||
	    text(o, "iio", a->iio, true, err) < 0 ||
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
	if (ONLY(o, err, "chip", "channel", "period_ns", "offset_ns", "polarity") < 0 ||
	    text(o, "chip", b->pwm.chip, true, err) < 0 ||
	    whole(o, "channel", 0, 64, &b->pwm.channel, err) < 0 ||
	    whole(o, "period_ns", 900000, 1100000, &b->pwm.period_ns, err) < 0 ||
	    whole(o, "offset_ns", -5000, 5000, &b->pwm.offset_ns, err) < 0 ||
	    json_want_str(o, "polarity", 16, &polarity, err) < 0)
		return err_prefix(err, "pwm");
	b->pwm.inversed = strcmp(polarity, "inversed") == 0;
	if (!b->pwm.inversed && strcmp(polarity, "normal") != 0)
		return err_set(err, "pwm: polarity: expected \"normal\" or \"inversed\"");
	return 0;
}

static int cp(jv v, struct board *b, struct err *err)
{
	jv o = json_get(v, "cp"), resets = json_get(o, "reset_lines");

	b->cp.reset_us = 1500;
	b->cp.settle_us = 2000;
	b->cp.samples = 1;
	if (ONLY(o, err, "pos", "neg", "reset_lines", "reset_us", "settle_us", "samples") < 0 ||
	    adc(o, "pos", &b->cp.pos, err) < 0 || adc(o, "neg", &b->cp.neg, err) < 0 ||
	    whole(o, "reset_us", 100, 10000, &b->cp.reset_us, err) < 0 ||
	    whole(o, "settle_us", 100, 10000, &b->cp.settle_us, err) < 0 ||
	    whole(o, "samples", 1, 1000, &b->cp.samples, err) < 0)
		return err_prefix(err, "cp");
	if (!b->cp.pos.iio[0])
		return err_set(err, "cp: pos: expected an IIO channel");
	if (!b->cp.neg.iio[0] && (json_len(resets) > 0 || b->cp.samples < SAMPLES_LEAST))
		return err_set(err,
			       "cp: neg: expected an IIO channel, or at least %d samples of pos: "
			       "without the negative half no car's diode is tested",
			       SAMPLES_LEAST);
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

		if ((!json_str(o) && ONLY(o, err, "line", "active", "sense", "three_phase") < 0) ||
		    line(o, &b->contactor[i].line, err) < 0 ||
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
	if (ONLY(o, err, "in1", "in2", "pulse_ms", "locked", "pos") < 0 ||
	    named_line(o, "in1", &b->lock.in1, err) < 0 ||
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
	if (b->lock.pos.iio[0] && (b->lock.locked_mv[0] == b->lock.locked_mv[1] ||
				   b->lock.unlocked_mv[0] == b->lock.unlocked_mv[1] ||
				   (b->lock.locked_mv[0] <= b->lock.unlocked_mv[1] &&
				    b->lock.unlocked_mv[0] <= b->lock.locked_mv[1])))
		return err_set(err, "lock: pos: expected locked_mv and unlocked_mv, apart");
	return 0;
}

static int rest(jv v, struct board *b, struct err *err)
{
	jv temps = json_get(v, "temp"), rcd = json_get(v, "rcd");

	b->watchdog_s = WATCHDOG_S;
	if (ONLY(rcd, err, "trip", "trip6", "test") < 0 ||
	    named_line(rcd, "trip", &b->rcd.trip, err) < 0 ||
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
	if (!json_absent(temps) && !json_is(temps, JV_KIND_ARRAY))
		return err_set(err, "temp: expected a list of thermometers");
	b->temps = json_len(temps);
	if (b->temps > BOARD_TEMPS)
		return err_set(err, "temp: at most %d", BOARD_TEMPS);
	for (int i = 0; i < b->temps; i++) {
		jv o = json_at(temps, i);

		if (ONLY(o, err, "iio", "channel", "scale", "offset") < 0 ||
		    text(o, "iio", b->temp[i].iio, true, err) < 0 ||
		    text(o, "channel", b->temp[i].channel, true, err) < 0 ||
		    json_want_num(o, "scale", -1e6, 1e6, &b->temp[i].scale, err) < 0 ||
		    json_want_num(o, "offset", -1e6, 1e6, &b->temp[i].offset, err) < 0)
			return err_prefix(err, "temp: %d", i + 1);
	}
	return 0;
}

static int members(jv v, struct board *b, struct err *err)
{
	const char *connector = "tethered", *driver = "linux";
	double max_a = 32;

	if (!json_is(v, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	if (ONLY(v, err, "name", "connector", "phases", "max_a", "pwm", "cp", "pp", "contactors",
		 "rcd", "lock", "pe", "estop", "cp_disconnect", "one_phase", "trip_upstream",
		 "alive_line", "watchdog", "watchdog_s", "temp", "ventilation", "driver",
		 "note") < 0 ||
	    json_want_str(v, "driver", 16, &driver, err) < 0)
		return -1;
	if (strcmp(driver, "linux") != 0)
		return err_set(err,
			       "driver: this is a board of %s:, expected one of linux:", driver);
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
