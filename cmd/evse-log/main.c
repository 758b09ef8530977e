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
#include <string.h>
#include <unistd.h>

#include "core/commands.h"
#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

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

static const struct command list[] = {
    {"record", "take records from standard input into a store", log_record, false},
    {"show", "print the kept records", log_show, false},
    {"export", "the same: everything, with a progress bar on a terminal", log_show, false},
    {"verify", "check a store with public keys alone", log_verify, false},
    {"stat", "tell what a store holds", log_stat, false},
    {"prove", "print a proof of one record", log_prove, false},
    {"verify-proof", "check such a proof", log_verify_proof, false},
    {"erase", "destroy the keys of a person's data", log_erase, false},
    {"rotate", "make new keys", log_rotate, false},
    {"ship", "deliver sealed segments", log_ship, true},
};

int main(int argc, char **argv)
{
	const struct commands commands = {
	    .tool = "evse-log",
	    .about = "Keeps records safe, small, secret and tamper-evident.",
	    .list = list,
	    .count = sizeof list / sizeof *list,
	};

	return commands_main(&commands, argc, argv);
}
