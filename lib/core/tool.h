/* The frame of every tool that reads or writes records: options, input, output, end, journal and
 * replay.
 *
 * A tool states what it is in a `struct tool_def` and calls tool_main(). The frame then
 *  - parses the command line and the file, prints --help, sets up messages, the loop and the
 * signals;
 *  - reads records on standard input (and on each -i FILE), refuses what is none with its line
 * number, drops repeats and the tool's own records, copies the rest to the output with -p, and
 * gives them to on_record();
 *  - calls on_drained() when all input that was there has been given: that is the place for
 * decisions;
 *  - calls on_end() at the end of input, on SIGTERM and SIGINT, and when the output is gone;
 *  - writes with --journal all that came in, with its time, and gives it again with --replay, so
 * that the output is the same byte for byte. Therefore a tool takes time only from tool_now(), and
 * other input through a channel. */
#ifndef CORE_TOOL_H
#define CORE_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "core/cli.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/out.h"
#include "core/record.h"
#include "core/seen.h"

enum tool_kind {
	TOOL_SOURCE,   /* end of input means nothing; dies quietly when nobody reads */
	TOOL_FILTER,   /* end of input: on_end, exit 0 */
	TOOL_BRIDGE,   /* as a filter; output gone: on_end, exit 74 */
	TOOL_ACTUATOR, /* as a bridge, and never waits for its reader */
};

enum tool_end { TOOL_END_INPUT, TOOL_END_SIGNAL, TOOL_END_OUTPUT };

struct tool;

struct tool_def {
	const char *name;                /* "evse-setpoint" */
	const char *src;                 /* default of -S: "setpoint" */
	const char *about;               /* for --help */
	const char *synopsis, *examples; /* for --help; may be NULL */
	enum tool_kind kind;
	const struct cli_opt *options; /* its own; ends in a NULL name */
	const char *const *wants;      /* types given to on_record, NULL-terminated; NULL: all */
	unsigned needs;                /* what it does after start(): core/confine.h */
	bool no_boot; /* don't write a boot record at the start; it has no variables either */
	const char *const *state_dir; /* dest of the option with its state directory; may be NULL */
	void *ctx;                    /* the tool's own state, as tool->ctx */

	/* Each may be NULL. */
	/** Before anything is watched: set a loop backend, fill src. @return 0, or the exit code
	 * after a message. */
	int (*setup)(struct tool *t);
	/** Options are set, the loop stands: open devices, arm timers. @return 0, or the exit code
	 * after a message. */
	int (*start)(struct tool *t);
	void (*on_record)(struct tool *t, const struct record *r);
	void (*on_drained)(struct tool *t);
	/** Finish: the tool calls tool_exit() now or later; without on_end the frame does. */
	void (*on_end)(struct tool *t, enum tool_end why);
	/** A line on input that is no record (a bare command, say). @return true when it was taken.
	 */
	bool (*on_other)(struct tool *t, const char *line, size_t len);
	void (*stop)(struct tool *t); /* free what start made */
	/** Options with CLI_SET have other values now: take them over. */
	void (*on_set)(struct tool *t);
	/** Why no `set` is taken now ("energy flows"), since storing may block; NULL: it is. */
	const char *(*set_refused)(struct tool *t);
};

struct tool {
	const struct tool_def *def;
	const char *src; /* this instance's name: -S */
	struct loop *loop;
	struct out out;
	struct cli cli;
	void *ctx;
	unsigned needs; /* as in def; start() may change it: the process is confined to it then */
	bool replaying; /* devices are not to be touched */
	bool ending;
	uint64_t line;            /* number of the input line at hand */
	struct tool_frame *frame; /* the frame's own */
};

/** Runs a tool to its end. @return the exit code for main(). */
int tool_main(const struct tool_def *def, int argc, char **argv);

/** The time of this turn. */
static inline struct now tool_now(const struct tool *t)
{
	return loop_now(t->loop);
}

/** Ends the tool: the output is flushed, then tool_main() returns @code. The first code stays. */
void tool_exit(struct tool *t, int code);

/* ---- writing ---- */

/** Begins a record of this tool; write its members to the jw given, then tool_send(). */
struct jw *tool_record(struct tool *t, const char *type, struct out_head head);
/** @return  the record's count, 0 when it could not be built. */
uint64_t tool_send(struct tool *t);

/**
 * Ends the record begun as a line in @line (appended, without newline) and sends nothing: for who
 * must store an event before it is sent.
 *
 * @return  false when it could not be built; @line is then as before
 */
bool tool_build(struct tool *t, struct buf *line);
/** Sends an event that tool_build() gave, now or before a restart. */
void tool_send_event(struct tool *t, const char *line, size_t len);

/** An alert record, src `<src>.alert.<code>`: raised or cleared. @severity as OCPP: 0 danger … 9
 * debug. */
void tool_alert(struct tool *t, const char *code, int evse, int severity, bool raised, bool latched,
		const char *component, const char *text);

/** True when @r is a command with "to" this tool (its src, or the part before a dot). */
bool tool_addressed(const struct tool *t, const struct record *r);

/** Begins the reply to command @r with its id, "to" its sender, and @status; then members, then
 * tool_send(). */
struct jw *tool_reply(struct tool *t, const struct record *r, const char *status);
/** A whole reply with an optional "reason". */
void tool_reply_simple(struct tool *t, const struct record *r, const char *status,
		       const char *reason);

/** For a tool that takes its lines by on_other(): a `get` or `set` among them is answered here. */
void tool_command_line(struct tool *t, const char *line, size_t len);

/* ---- input beside records: a device, a socket, a frame ---- */

typedef void tool_channel_fn(void *ctx, const char *data, size_t len);

/** Makes a channel; @name (one word) stands in the journal. In start(), always in the same order.
 */
int tool_channel(struct tool *t, const char *name, tool_channel_fn *fn, void *ctx);
/** Gives @data (no newline or NUL inside) to the channel's function, through the journal. */
void tool_feed(struct tool *t, int channel, const char *data, size_t len);

/* ---- finding data ---- */

/** Finds share/evse/NAME: $EVSE_SHARE, beside the program (../share/evse), then the installed
 * place. */
bool tool_share(const char *name, char *path, size_t size);

#endif
