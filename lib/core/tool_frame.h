/* The frame's own state; for lib/core/tool*.c alone. */
#ifndef CORE_TOOL_FRAME_H
#define CORE_TOOL_FRAME_H

#include "core/tool.h"
#include "core/vars.h"

enum { CHANNEL_MAX = 8, SEEN_MAX = 512, ASKED_MAX = 64, VARS_TEXT_MAX = 16 << 10 };

struct channel {
	const char *name;
	tool_channel_fn *fn;
	void *ctx;
};

struct input {
	struct tool *t;
	int fd;
	bool main; /* standard input: its end is the end */
	const char *name;
	struct lines lines;
};

/* A `set` between its check and what became of storing it. */
struct vars_pending {
	bool open;
	char src[64], id[80];
	int evse;
	struct vars_change change;
};

/* The variables of the tool; tool_vars.c alone. */
struct tool_vars {
	bool on;
	struct vars v;
	const char *dir; /* where they are kept; NULL: nowhere */
	struct buf kept; /* what was loaded, for the journal */
	int channel;     /* what became of storing */
	struct vars_pending pending;
};

struct tool_frame {
	/* options */
	bool help, version, table, print_config, check_config, pass, quiet;
	int verbose, log_format;
	const char *config, *src, *journal_path, *replay_path, *vars_dir;
	struct cli_list inputs;
	int64_t count, idle_ms, notify_fd;
	/* state */
	struct input input[1 + 32];
	size_t ninputs;
	struct seen seen;
	uint32_t asked[ASKED_MAX]; /* hashes of (src, id) of the last commands to this tool */
	unsigned asked_next;
	struct journal *journal;
	struct channel channel[CHANNEL_MAX];
	int nchannels, code;
	uint64_t bad_lines, uncounted; /* records that --count does not count */
	struct tool_vars vars;
	struct loop_timer idle, flush;
	bool output_gone;
	bool started,
	    end_soon; /* an end before the start waits for it: on_end needs what start made */
	enum tool_end why_end;
};

/** The option table that every tool has beside its own; values go to @f. */
const struct cli_opt *tool_common_options(struct tool_frame *f);

/** Writes the `boot` record. */
void tool_boot_record(struct tool *t);

/** Before the tool sees its options: loads what was set, from the file or, in a replay, the
 * journal.
 * @return 0, or the exit code after a message. */
int tool_vars_load(struct tool *t);
/** The journal stands: what was loaded is its first line. */
void tool_vars_journal(struct tool *t);
/** Makes the channel and writes the `var` record. */
void tool_vars_begin(struct tool *t);
/** Takes a command `get` or `set` to this tool. @return false when it is another. */
bool tool_vars_take(struct tool *t, const struct record *r);
void tool_vars_release(struct tool *t);

#endif
