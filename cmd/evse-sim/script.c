/* A scenario: commands with the second at which each is given, counted from the start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { LINES_MAX = 10000 };

struct step {
	int64_t at_us;
	int line;
	jv body;
};

struct script {
	struct sim *sim;
	struct step *step;
	int64_t steps, done, started_us;
	struct loop_timer timer;
};

static void arm(struct script *sc)
{
	if (sc->done < sc->steps)
		loop_timer_set(sc->sim->tool->loop, &sc->timer,
			       sc->started_us + sc->step[sc->done].at_us);
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
	sc->timer = (struct loop_timer){.name = "scenario", .fn = on_time, .ctx = sc};
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
	for (int64_t i = 0; i < sc->steps; i++)
		json_free(sc->step[i].body);
	free(sc->step);
	free(sc);
}

static int check_step(const struct script *sc, jv body, int64_t *at_us, struct err *err)
{
	const char *kind;
	double at_s;

	if (json_want_num(body, "at_s", 0, 1e8, &at_s, err) <= 0)
		return err_set(err, "at_s: expected seconds from the start");
	if (json_want_str(body, "kind", 64, &kind, err) <= 0)
		return err_set(err, "kind: expected the name of a command");
	if (!sim_command_known(kind))
		return err_set(err, "no command is named '%.32s'", kind);
	*at_us = (int64_t)(at_s * 1e6 + 0.5);
	if (sc->steps > 0 && *at_us < sc->step[sc->steps - 1].at_us)
		return err_set(err, "at_s: earlier than the line before");
	return 0;
}

static int add_line(struct script *sc, const char *text, size_t len, int line, struct err *err)
{
	struct step *st = &sc->step[sc->steps];

	if (len == 0 || text[0] == '#')
		return 0;
	if (json_parse(text, len, &st->body, err) < 0)
		return -1;
	if (check_step(sc, st->body, &st->at_us, err) < 0) {
		json_free(st->body);
		return -1;
	}
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
	} else if (read_lines(sc, f, &err) < 0) {
		log_error("scenario %s: %s", name, err.msg);
		*code = EXIT_BAD_DATA;
	}
	fclose(f);
	if (*code) {
		script_free(sc);
		return NULL;
	}
	sc->sim = s;
	return sc;
}
