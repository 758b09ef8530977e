/* A tool's variables: its options, read and changed while it runs.
 *
 * Each option of the tool's own table is a variable, except paths and devices (hint @…), secrets
 * (CLI_HIDE) and what only the command line has. Those with CLI_SET can be changed: validated as
 * the command line validates, all of a `set` or nothing, and kept as a JSON object of what was set.
 * What the installer gave (file, environment, command line) is the base: CLI_LOWER and CLI_RAISE
 * bind a value to one side of it, and a value that is removed gives way to it again.
 *
 * Here no record, file or message; see core/tool_vars.h. Source: design, section 6. */
#ifndef CORE_VARS_H
#define CORE_VARS_H

#include "core/buf.h"
#include "core/cli.h"
#include "core/jw.h"

enum { VARS_MAX = 64 };

union cli_value {
	bool flag;
	int64_t whole;
	double num;
	int word;
};

struct var {
	const struct cli_opt *o;
	size_t index;          /* in cli->origin */
	const char *base_from; /* where the base came from; NULL: built in */
	union cli_value base, kept;
	bool stored; /* kept holds, from now or from the next start */
};

struct vars {
	struct cli *cli;
	struct var item[VARS_MAX];
	size_t count;
};

/* What a `set` asks for; of each variable in order. */
struct vars_change {
	enum { VARS_LEAVE, VARS_STORE, VARS_REMOVE } what[VARS_MAX];
	union cli_value value[VARS_MAX];
};

/** Finds the variables of @c, whose options are parsed; borrows it. */
void vars_init(struct vars *v, struct cli *c);

/**
 * Takes over what was stored, and sets the options.
 *
 * @stored  the text of vars_text(); what does not fit any more is left out
 * @say     appended: "ceiling 16 for 40 (evse.json), …"; and of what was left out, why
 * @return  how many were taken, -1 with @err when @stored is no such text
 */
int vars_load(struct vars *v, const char *stored, size_t len, struct buf *say, struct buf *refused,
	      struct err *err);

/**
 * Checks a `set` whole and changes nothing.
 *
 * @values  object of names and values; null removes what was stored
 * @return  0, or -1 with @err: which, what was expected, what came
 */
int vars_plan(const struct vars *v, jv values, struct vars_change *change, struct err *err);

/** What is to be stored after @change (NULL: what is stored now), as one line of JSON. */
void vars_text(const struct vars *v, const struct vars_change *change, struct buf *text);

/** True when @change has a variable that takes effect at the next start only, and alters it. */
bool vars_at_boot(const struct vars *v, const struct vars_change *change);

/** Carries out what vars_plan() gave. @return true when an option has another value now. */
bool vars_apply(struct vars *v, const struct vars_change *change);

/** Writes the member "vars" of a `var` record. */
void vars_write(const struct vars *v, struct jw *w);

/** Checks the names of a `get`: an array, or absent. @return 0, or -1 with @err. */
int vars_known(const struct vars *v, jv names, struct err *err);
/** Writes the member "values" of a reply; @names as vars_known() took them; absent: all. */
void vars_values(const struct vars *v, jv names, struct jw *w);

/** Writes the names of those that wait for the next start, as an array @key; nothing when none
 * does. */
void vars_waiting(const struct vars *v, struct jw *w, const char *key);

#endif
