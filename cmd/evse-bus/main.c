/* evse-bus: passes records between the tools of one charger.
 *
 * main.c    picks the command
 * serve.c   the router: Unix sockets in a run directory (lib/bus/router.h)
 * attach.c  runs a tool on ordinary pipes with a relay beside it (lib/bus/relay.h)
 * tap.c     prints records, for people and scripts
 * put.c     says records and commands, for people and scripts */
#include <stdio.h>
#include <string.h>

#include "core/cli.h"
#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

static const struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "pass records between the tools of one charger", bus_serve},
    {"attach", "run a tool with its input and output on the bus", bus_attach},
    {"tap", "print records", bus_tap},
    {"put", "say records and commands read from standard input", bus_put},
};

static int usage(void)
{
	puts("Usage: evse-bus COMMAND [OPTION...]\n"
	     "Passes records between the tools of one charger.\n\nCommands:");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	puts("\n'evse-bus COMMAND --help' tells more. The manual: man evse-bus");
	return cli_close(EXIT_DONE);
}

/* One table for completions and the manual's check: those of the commands, one after the other. */
static int option_tables(char **argv)
{
	char *args[] = {argv[0], argv[1], NULL};
	int rc = EXIT_DONE;

	for (size_t i = 0; i < sizeof commands / sizeof *commands && !rc; i++) {
		printf("@\t%s\t%s\n", commands[i].name, commands[i].help);
		rc = commands[i].run(2, args);
	}
	return rc;
}

int main(int argc, char **argv)
{
	const char *names[sizeof commands / sizeof *commands], *near;

	cli_init(false);
	log_init("evse-bus");
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage();
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		printf("evse-bus %s\n", EVSE_VERSION);
		return cli_close(EXIT_DONE);
	}
	if (argc > 1 && strcmp(argv[1], "--option-table") == 0)
		return option_tables(argv);
	near = argc > 1 ? cli_nearest(argv[1], names, sizeof names / sizeof *names) : NULL;
	if (near)
		log_error("unknown command '%s'; did you mean '%s'?", argv[1], near);
	else
		log_error("expected a command: serve, attach, tap or put; try 'evse-bus --help'");
	return EXIT_USAGE;
}
