/* evse-bus: passes records between the tools of one charger.
 *
 * main.c    picks the command
 * serve.c   the router: Unix sockets in a run directory (lib/bus/router.h)
 * attach.c  runs a tool on ordinary pipes with a relay beside it (lib/bus/relay.h)
 * tap.c     prints records, for people and scripts
 * put.c     says records and commands, for people and scripts */
#include "core/commands.h"
#include "parts.h"

static const struct command list[] = {
    {"serve", "pass records between the tools of one charger", bus_serve, false},
    {"attach", "run a tool with its input and output on the bus", bus_attach, false},
    {"tap", "print records", bus_tap, false},
    {"put", "say records and commands read from standard input", bus_put, false},
};

int main(int argc, char **argv)
{
	const struct commands commands = {
	    .tool = "evse-bus",
	    .about = "Passes records between the tools of one charger.",
	    .list = list,
	    .count = sizeof list / sizeof *list,
	};

	return commands_main(&commands, argc, argv);
}
