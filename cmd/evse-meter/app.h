/* evse-meter's own state, shared by its files. */
#ifndef EVSE_METER_APP_H
#define EVSE_METER_APP_H

#include "core/tool.h"
#include "meter/align.h"
#include "meter/reader.h"
#include "meter/sample.h"
#include "meter/turn.h"

/* Commands that may wait for a reading at once. */
#define ASKED_MAX 8
/* Commands remembered, so that none is executed twice. */
#define KNOWN_MAX 64

struct asked {
	char id[80], from[80], context[40], session[80];
	int evse;
	int64_t arrived_us, until_us; /* forward clock */
};

struct options {
	const char *device, *model, *rotation, *state_dir;
	int64_t evse, interval_ms, timeout_ms;
	int network;
	bool invert;
};

struct app {
	struct tool *t;
	struct options opt;
	char src[32];
	struct meter_model model;
	struct meter_wiring wiring;
	struct meter_reader *reader; /* NULL in a replay */
	int device;                  /* channel: what the device said */
	int kept;                    /* channel: the epoch of an earlier run */
	struct loop_timer next;      /* the next step of reading */
	struct loop_timer overdue;   /* the first command that waits too long */
	struct buf outcome; /* of a turn; given to the channel in the next turn of the loop */

	struct meter_align align;
	int64_t slot_ms; /* the instant that the present turn is for */
	int failures;    /* turns in a row */
	bool in_turn, had_any, comm_raised, comm_told, epoch_raised;
	char trouble[300];

	struct meter_epoch epoch;
	int64_t saved_us; /* forward clock */
	double t_err_ms;  /* NAN while no clock record said it */

	struct asked asked[ASKED_MAX];
	int n_asked;
	char known[KNOWN_MAX][96];
	int n_known;
};

/* schedule.c: when to read, and what to do with what comes */

/** Arm the first read. */
void schedule_start(struct app *a);
/** What the device said, through the journal. */
void schedule_outcome(void *ctx, const char *data, size_t len);
/** A command wants a reading: begin a turn unless one is under way. */
void schedule_hurry(struct app *a);

/* publish.c: records */

/** Take a complete turn: epoch, meter record, readings that were asked for. */
void publish_turn(struct app *a, const struct meter_turn *turn);
/** A turn failed. */
void publish_failure(struct app *a, const char *why);
/** Write the epoch to the state directory, where there is one. */
void publish_save(struct app *a);

/* command.c: readings on request */

void command_take(struct app *a, const struct record *r);
/** Answer what a turn that began at @begin_mono_us answers. */
void command_serve(struct app *a, const struct meter_turn *turn, const struct meter_sample *s);
void command_overdue(void *ctx);

/* probe.c: for people */

int probe_main(int argc, char **argv);
int models_main(int argc, char **argv);

/* main.c */

/** Load the model and complete the device's address from it. @return 0, or an exit code after a
 * message. */
int device_setup(const char *device, const char *model, int64_t timeout_ms, struct meter_model *m,
		 struct meter_link **link);
/** A number and its exact text. */
void put_counter(struct jw *w, const char *name, const struct meter_counter *c);
void put_register(struct jw *w, const struct meter_counter *import,
		  const struct meter_counter *export);

#endif
