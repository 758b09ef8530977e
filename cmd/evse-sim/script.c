/* A scenario: commands, each at a second counted from the start, or so long after a car did
 * something. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { LINES_MAX = 10000 };

/* What a line can wait for at its EVSE. */
enum when { AT_TIME, WHEN_OFFERED, WHEN_CHARGING, WHEN_DONE, WHENS };
static const char *const when_words[WHENS] = {"", "offered", "charging", "done"};

struct step {
	enum when when;
	int64_t at_us; /* from the start, or from the moment waited for */
	int line, evse;
	jv body;
};

struct script {
	struct sim *sim;
	struct step *step;
	int64_t steps, done, started_us, last_us;
	struct loop_timer timer;
};

static bool is_true(const struct sim_evse *e, enum when when)
{
	const struct sim_car *c = &e->car;

	if (!e->plugged)
		return false;
	switch (when) {
	case AT_TIME:
	case WHENS:
		return true;
	case WHEN_OFFERED:
		return c->offer_ma > 0;
	case WHEN_CHARGING:
		return c->current_ma > 0;
	case WHEN_DONE:
		return c->taken_nj > 0 && c->current_ma == 0 && !c->s2;
	}
	return false;
}

void script_check(struct script *sc)
{
	const struct step *st;

	if (!sc || sc->done >= sc->steps || sc->timer.armed)
		return;
	st = &sc->step[sc->done];
	if (st->when != AT_TIME && is_true(&sc->sim->world.evse[st->evse], st->when))
		loop_timer_after(sc->sim->tool->loop, &sc->timer, st->at_us);
}

static void arm(struct script *sc)
{
	if (sc->done >= sc->steps)
		return;
	if (sc->step[sc->done].when == AT_TIME)
		loop_timer_set(sc->sim->tool->loop, &sc->timer,
			       sc->started_us + sc->step[sc->done].at_us);
	else
		script_check(sc);
}

/* Counted as done before it is carried out: the saved state holds both, or neither. */
static void on_time(void *ctx)
{
	struct script *sc = ctx;
	struct step *st = &sc->step[sc->done++];
	char id[32];

	snprintf(id, sizeof(id), "scenario.%d", st->line);
	arm(sc);
	sim_bare_command(sc->sim, st->body, id);
}

void script_start(struct script *sc, int64_t started_us, int64_t done)
{
	sc->started_us = started_us;
	sc->done = done < sc->steps ? done : sc->steps;
	loop_timer_cancel(sc->sim->tool->loop, &sc->timer);
	arm(sc);
}

int64_t script_started_us(const struct script *sc)
{
	return sc->started_us;
}

int64_t script_done(const struct script *sc)
{
	return sc->done;
}

void script_free(struct script *sc)
{
	if (!sc)
		return;
	if (sc->timer.armed)
		loop_timer_cancel(sc->sim->tool->loop, &sc->timer);
	for (int64_t i = 0; i < sc->steps; i++)
		json_free(sc->step[i].body);
	free(sc->step);
	free(sc);
}

static int check_when(const struct script *sc, struct step *st, struct err *err)
{
	const char *word = NULL;
	double after_s = 0;
	int64_t evse = 1;

	if (json_want_str(st->body, "when", 16, &word, err) < 0 ||
	    json_want_num(st->body, "after_s", 0, 1e8, &after_s, err) < 0 ||
	    json_want_int(st->body, "evse", 1, sc->sim->world.evses, &evse, err) < 0)
		return -1;
	st->evse = (int)evse - 1;
	if (!word)
		return 0;
	for (st->when = WHEN_OFFERED; st->when < WHENS; st->when++)
		if (strcmp(word, when_words[st->when]) == 0)
			break;
	if (st->when == WHENS)
		return err_set(err, "when: expected offered, charging or done");
	st->at_us = (int64_t)(after_s * 1e6 + 0.5);
	return 0;
}

/* @last_us  at_s of the lines before must not be later */
static int check_step(const struct script *sc, struct step *st, int64_t last_us, struct err *err)
{
	const char *kind;
	double at_s;

	if (json_want_str(st->body, "kind", 64, &kind, err) <= 0)
		return err_set(err, "kind: expected the name of a command");
	if (!sim_command_known(kind))
		return err_set(err, "no command is named '%.32s'", kind);
	if (check_when(sc, st, err) < 0)
		return -1;
	if (st->when != AT_TIME)
		return 0;
	if (json_want_num(st->body, "at_s", 0, 1e8, &at_s, err) <= 0)
		return err_set(err, "at_s: expected seconds from the start");
	st->at_us = (int64_t)(at_s * 1e6 + 0.5);
	return st->at_us < last_us ? err_set(err, "at_s: earlier than a line before") : 0;
}

/* What is wrong with a value is told before anything begins, not at its hour. */
static int rehearse(const struct script *sc, jv body, struct err *err)
{
	struct sim_world *world = malloc(sizeof *world);
	struct sim_hands hands = {.world = world, .rehearsal = true};
	int rc;

	if (!world)
		return err_set(err, "out of memory");
	*world = sc->sim->world;
	rc = sim_command(&hands, body, err) == SIM_ACCEPTED ? 0 : -1;
	free(world);
	return rc;
}

static int add_line(struct script *sc, const char *text, size_t len, int line, struct err *err)
{
	struct step *st = &sc->step[sc->steps];

	if (len == 0 || text[0] == '#')
		return 0;
	if (json_parse(text, len, &st->body, err) < 0)
		return -1;
	if (check_step(sc, st, sc->last_us, err) < 0 || rehearse(sc, st->body, err) < 0) {
		json_free(st->body);
		return -1;
	}
	if (st->when == AT_TIME)
		sc->last_us = st->at_us;
	st->line = line;
	sc->steps++;
	return 0;
}

static int read_lines(struct script *sc, FILE *f, struct err *err)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	int line = 0, rc = 0;

	while (rc == 0 && (len = getline(&text, &cap, f)) >= 0) {
		line++;
		if (line > LINES_MAX)
			rc = err_set(err, "more than %d lines", LINES_MAX);
		else
			rc = add_line(sc, text, (size_t)(len - (text[len - 1] == '\n')), line, err);
	}
	free(text);
	return rc == 0 ? 0 : err_prefix(err, "line %d", line);
}

/* A path, or the name of a scenario that comes with the program. */
static FILE *open_scenario(const char *name)
{
	char shared[80], path[512];

	if (!strchr(name, '/') && strlen(name) < 40) {
		snprintf(shared, sizeof(shared), "scenarios/%s.ndjson", name);
		if (tool_share(shared, path, sizeof(path)))
			return fopen(path, "re");
	}
	return fopen(name, "re");
}

struct script *script_load(struct sim *s, const char *name, int *code)
{
	FILE *f = open_scenario(name);
	struct script *sc;
	struct err err;

	if (!f) {
		err_sys(&err, "unable to open scenario %s", name);
		log_error("%s", err.msg);
		*code = EXIT_NO_INPUT;
		return NULL;
	}
	sc = calloc(1, sizeof(*sc));
	if (sc)
		sc->step = calloc(LINES_MAX, sizeof(*sc->step));
	if (!sc || !sc->step) {
		log_error("out of memory");
		*code = EXIT_OS;
	} else {
		sc->sim = s;
		sc->timer = (struct loop_timer){.name = "scenario", .fn = on_time, .ctx = sc};
		if (read_lines(sc, f, &err) < 0) {
			log_error("scenario %s: %s", name, err.msg);
			*code = EXIT_BAD_DATA;
		} else if (ferror(f)) {
			err_sys(&err, "unable to read scenario %s", name);
			log_error("%s", err.msg);
			*code = EXIT_IO;
		}
	}
	fclose(f);
	if (*code) {
		script_free(sc);
		return NULL;
	}
	return sc;
}
