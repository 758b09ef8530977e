/* The command line: one option table a tool, from which come parsing, --help, the synopsis,
 * --option-table (for completions and for the check of the manual page), the configuration file's
 * keys and the environment.
 *
 * Order, the later wins: built-in default, configuration file, environment EVSE_<TOOL>_<OPTION>,
 * command line. */
#ifndef CORE_CLI_H
#define CORE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

enum cli_kind {
	CLI_FLAG, /* bool: no argument; in files true or false */
	CLI_STR,  /* const char *: lives as long as the process */
	CLI_INT,  /* int64_t, from min to max */
	CLI_NUM,  /* double, from min to max */
	CLI_WORD, /* int: index of the word in hint ("tn|tt|it") */
	CLI_LIST, /* struct cli_list: may be repeated; in files an array of strings */
	CLI_JSON, /* jv: any JSON; on the command line as text. For what is structured. */
	CLI_COUNT /* int: each use adds one (-v -v) */
};

struct cli_list {
	const char *item[32];
	size_t count;
};

/* Who may give an option, and when. What is settable can be changed by a `set` command while the
 * tool runs, see core/vars.h: for CLI_FLAG, CLI_INT, CLI_NUM and CLI_WORD. */
enum cli_use {
	CLI_LINE = 1,  /* not a key of the file: --help and the like */
	CLI_SET = 2,   /* settable; takes effect at once, through on_set() */
	CLI_LOWER = 4, /* … but never above what file, environment and command line give */
	CLI_RAISE = 8, /* … but never below that */
	CLI_BOOT = 16, /* … and takes effect at the tool's next start */
	CLI_HIDE = 32, /* a secret, or what only its host knows: no variable */
};

struct cli_opt {
	char letter;      /* 0: none */
	const char *name; /* long option and key in the file; NULL ends a table */
	const char *arg;  /* "FILE"; NULL for flags */
	const char *hint; /* for completions: "@file", "@dir", "@device", or words "a|b|c" */
	const char *help; /* one line; with unit and default */
	enum cli_kind kind;
	void *dest;
	double min, max; /* CLI_INT, CLI_NUM */
	bool hidden;     /* not in --help */
	unsigned use;    /* of enum cli_use, together; true is CLI_LINE, false nothing special */
};

struct cli {
	const char *tool; /* "evse-meter" */
	const char
	    *synopsis; /* what stands behind the options: "COMMAND [ARG …]"; NULL: nothing may */
	const char *about;                  /* a sentence or a short paragraph for --help */
	const struct cli_opt *own, *common; /* two tables; either may be NULL */
	const char *examples;               /* lines for the end of --help; may be NULL */
	const char *
	    *origin; /* filled: of each option in order own, common: where its value came from */
	char **args; /* filled: what is not an option */
	int nargs;
	const char *command; /* filled: the word of a tool's command, as "tap"; NULL: none */
};

/** --help, --version and --option-table, for the common table of a tool that has no more. */
extern const struct cli_opt cli_answers[];

enum cli_result { CLI_GO, CLI_DONE, CLI_BAD };

/**
 * Reads the command line; a usage error, --help, --version and --option-table are answered here.
 *
 * Expects in the common table the options config, print-config, check-config where the tool has
 * them. @section names the sections of the file to read, most general first; it is called after the
 * command line was read once.
 * @return  CLI_GO; CLI_DONE and CLI_BAD with the exit code in @code
 */
enum cli_result cli_parse(struct cli *c, int argc, char **argv,
			  size_t (*sections)(void *ctx, const char *names[4]), void *ctx,
			  int *code);

/** Applies the members of @section (an object) as cli_parse does; unknown keys are errors with a
 * hint. */
int cli_apply(struct cli *c, jv section, const char *origin, struct err *err);

/** Sets @o from @text, as the command line does; strings are borrowed. @return 0, or -1 with @err.
 */
int cli_set_text(const struct cli_opt *o, const char *text, struct err *err);
/** Sets @o from a member of a file; strings are borrowed from @v's tree. */
int cli_set_json(const struct cli_opt *o, jv v, struct err *err);

/** Number from @text: whole text, finite, from @min to @max. @return 0, or -1 with @err. */
int cli_number(const char *text, double min, double max, double *out, struct err *err);

/** The nearest of the names by edit distance, NULL when none is near. For "did you mean". */
const char *cli_nearest(const char *given, const char *const *names, size_t count);

/** Prints usage on stdout. @return 0, or 74 when stdout did not take it. */
int cli_help(const struct cli *c);

/** Opens /dev/null on any of 0, 1, 2 that is closed, and sets what SIGPIPE does. Call first in
 * main(). */
void cli_init(bool sigpipe_kills);

/** Flushes and checks stdout before exit. @return @code, or 74 when the output was not taken. */
int cli_close(int code);

#endif
