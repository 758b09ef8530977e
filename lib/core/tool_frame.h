/* The frame's own state; for lib/core/tool*.c alone. */
#ifndef CORE_TOOL_FRAME_H
#define CORE_TOOL_FRAME_H

#include "core/tool.h"

enum { CHANNEL_MAX = 8, SEEN_MAX = 512 };

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

struct tool_frame {
	/* options */
	bool help, version, table, print_config, check_config, pass, quiet;
	int verbose, log_format;
	const char *config, *src, *journal_path, *replay_path;
	struct cli_list inputs;
	int64_t count, idle_ms, notify_fd;
	/* state */
	struct input input[1 + 32];
	size_t ninputs;
	struct seen seen;
	struct journal *journal;
	struct channel channel[CHANNEL_MAX];
	int nchannels, code;
	uint64_t bad_lines;
	struct loop_timer idle, flush;
	bool output_gone;
	bool started,
	    end_soon; /* an end before the start waits for it: on_end needs what start made */
	enum tool_end why_end;
};

/** The option table that every tool has beside its own; values go to @f. */
const struct cli_opt *tool_common_options(struct tool_frame *f);

#endif
