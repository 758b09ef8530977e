#include "core/commands.h"

#include <stdio.h>
#include <string.h>

#include "core/cli.h"
#include "core/exit.h"
#include "core/log.h"

enum { NAMES = 16 };

static int help(const struct commands *c)
{
	int width = 0;

	for (size_t i = 0; i < c->count; i++)
		if ((int)strlen(c->list[i].name) > width)
			width = (int)strlen(c->list[i].name);
	printf("Usage: %s COMMAND [OPTION...]\n%s\n\nCommands:\n", c->tool, c->about);
	for (size_t i = 0; i < c->count; i++)
		printf("  %-*s  %s\n", width, c->list[i].name, c->list[i].help);
	printf("\n'%s COMMAND --help' tells more. The manual: man %s\n", c->tool, c->tool);
	return cli_close(EXIT_DONE);
}

/* One table for completions and the manual's check: those of the commands, one after the other. */
static int tables(const struct commands *c, char **argv)
{
	char *args[] = {argv[0], argv[1], NULL};
	int rc = EXIT_DONE;

	for (size_t i = 0; i < c->count && !rc; i++) {
		printf("@\t%s\t%s\n", c->list[i].name, c->list[i].help);
		if (!c->list[i].elsewhere)
			rc = c->list[i].run(2, args);
	}
	return rc;
}

static int unknown(const struct commands *c, const char *word)
{
	const char *names[NAMES], *near;
	size_t n = c->count < NAMES ? c->count : NAMES;
	char all[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		names[i] = c->list[i].name;
		if (len < sizeof all)
			len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
						i == 0       ? ""
						: i + 1 == n ? " or "
							     : ", ",
						names[i]);
	}
	near = word ? cli_nearest(word, names, n) : NULL;
	if (near)
		log_error("unknown command '%s'; did you mean '%s'?", word, near);
	else
		log_error("expected a command: %s; try '%s --help'", all, c->tool);
	return EXIT_USAGE;
}

int commands_main(const struct commands *c, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	cli_init(false);
	log_init(c->tool);
	for (size_t i = 0; word && i < c->count; i++)
		if (strcmp(word, c->list[i].name) == 0)
			return c->list[i].run(argc - 1, argv + 1);
	if (word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
		return help(c);
	if (word && (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)) {
		printf("%s %s\n", c->tool, EVSE_VERSION);
		return cli_close(EXIT_DONE);
	}
	if (word && strcmp(word, "--option-table") == 0)
		return tables(c, argv);
	return unknown(c, word);
}
