/* evse-clock's parts: main.c options and turns, ask.c the sources, say.c records and the state
 * file. */
#ifndef EVSE_CLOCK_H
#define EVSE_CLOCK_H

#include <sys/types.h>

#include "clocks/bound.h"
#include "core/buf.h"
#include "core/tool.h"

enum { BIT_CHRONY = 1 << CLOCKS_CHRONY, BIT_TIMESYNC = 1 << CLOCKS_TIMESYNC };

struct clock_tool {
	/* options */
	const char *chrony, *timesync_dir, *timedatectl, *rtc, *dir;
	int source; /* 0: auto, else 1 + enum clocks_source */
	double interval_s, worst_ppm;

	struct tool *tool;
	struct clocks core;
	int facts; /* the channel of all that is not a record */
	struct loop_timer tick, deadline;
	unsigned pending; /* bits of the sources that were asked */
	int64_t said_us;  /* mono, of the last periodic record; -1: none yet */
	int64_t step_us;
	bool stepped;
	uint64_t steps;
	char boot_id[40];
	bool has_rtc;
	double rtc_offset_ms;

	/* what was said last */
	struct clocks_view said;
	bool any_said, overdue, saved_overdue;
	int64_t saved_us;

	/* ask.c */
	int chrony_fd, child_fd;
	uint32_t sequence;
	pid_t child;
	struct buf text;
};

/* ---- ask.c: never called in a replay ---- */

/** Opens what can stay open. @return 0, or an exit code after a message. */
int ask_open(struct clock_tool *c);
/** Asks each source that is there; answers come as facts: "chrony …", "timesync …", "rtc …". */
void ask_all(struct clock_tool *c);
/** Gives up on what did not answer. */
void ask_give_up(struct clock_tool *c);
void ask_close(struct clock_tool *c);
/** A fact, through the journal. */
void ask_fact(struct clock_tool *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- main.c ---- */

bool clock_wants(const struct clock_tool *c, enum clocks_source source);

/* ---- say.c ---- */

/** Writes the record when it is due, or something changed. */
void say(struct clock_tool *c, bool due);
/** A step of the wall clock: a record, an entry for the audit, a message. */
void say_step(struct clock_tool *c);
/** Reads the state file as the fact "saved …". @return 0, or an exit code after a message. */
int say_load(struct clock_tool *c);
/** Takes the fact "saved …". */
void say_restore(struct clock_tool *c, const char *json, size_t len);
/** Writes the state file, when there is something new in it. */
void say_save(struct clock_tool *c);

#endif
