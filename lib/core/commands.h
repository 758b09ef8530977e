/* Tools of several commands, as "evse-log show": one table, from which come the dispatch, --help,
 * and --option-table of all of them together. */
#ifndef CORE_COMMANDS_H
#define CORE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	bool elsewhere;                    /* another program, which has its own option table */
};

struct commands {
	const char *tool, *about;
	const struct command *list;
	size_t count;
};

/** Runs the command that argv[1] names, or answers --help and the like. @return the exit code. */
int commands_main(const struct commands *c, int argc, char **argv);

#endif
