/* evse-log: keeps records, so that nobody can lose, read or rewrite them.
 *
 * main.c    picks the command
 * record.c  takes records from standard input into a store (lib/store/store.h)
 * show.c    gives them back
 * verify.c  checks a store with public keys
 * stat.c    what a store holds
 * prove.c   a proof of one record, and its check
 * erase.c   destroys a person's keys
 * rotate.c  makes new keys
 * common.c  options and keys that the commands share */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

static int log_ship(int argc, char **argv);

static const struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"record", "take records from standard input into a store", log_record},
    {"show", "print the kept records", log_show},
    {"export", "the same: everything, with a progress bar on a terminal", log_show},
    {"verify", "check a store with public keys alone", log_verify},
    {"stat", "tell what a store holds", log_stat},
    {"prove", "print a proof of one record", log_prove},
    {"verify-proof", "check such a proof", log_verify_proof},
    {"erase", "destroy the keys of a person's data", log_erase},
    {"rotate", "make new keys", log_rotate},
    {"ship", "deliver sealed segments", log_ship},
};

/* Delivery is a program of its own, beside this one, so that this one needs neither TLS nor HTTP.
 */
static int log_ship(int argc, char **argv)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "-ship");

	(void)argc;
	if (n > 0) {
		memcpy(path + n, "-ship", sizeof "-ship");
		execv(path, argv);
	}
	log_error("unable to run %s: %s", n > 0 ? path : "evse-log-ship", strerror(errno));
	return EXIT_OS;
}

enum { COMMANDS = sizeof commands / sizeof *commands };

static int usage(void)
{
	puts("Usage: evse-log COMMAND [OPTION...]\n"
	     "Keeps records safe, small, secret and tamper-evident.\n\nCommands:");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-13s %s\n", commands[i].name, commands[i].help);
	puts("\n'evse-log COMMAND --help' tells more. The manual: man evse-log");
	return cli_close(EXIT_DONE);
}

/* One table for completions and the manual's check: those of the commands, one after the other;
 * evse-log-ship has its own. */
static int option_tables(char **argv)
{
	char *args[] = {argv[0], argv[1], NULL};
	int rc = EXIT_DONE;

	for (size_t i = 0; i < COMMANDS && !rc; i++) {
		printf("@\t%s\t%s\n", commands[i].name, commands[i].help);
		if (commands[i].run != log_ship)
			rc = commands[i].run(2, args);
	}
	return rc;
}

int main(int argc, char **argv)
{
	const char *names[COMMANDS], *near;

	cli_init(false);
	log_init("evse-log");
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++) {
		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage();
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		printf("evse-log %s\n", EVSE_VERSION);
		return cli_close(EXIT_DONE);
	}
	if (argc > 1 && strcmp(argv[1], "--option-table") == 0)
		return option_tables(argv);
	near = argc > 1 ? cli_nearest(argv[1], names, COMMANDS) : NULL;
	if (near)
		log_error("unknown command '%s'; did you mean '%s'?", argv[1], near);
	else
		log_error(
		    "expected a command: record, show, verify, stat ...; try 'evse-log --help'");
	return EXIT_USAGE;
}
