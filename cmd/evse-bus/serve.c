/* evse-bus serve: see lib/bus/router.h. Reads and writes the sockets RUN/<service>.sock; nothing on
 * standard input or output. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <unistd.h>

#include "bus/client.h"
#include "bus/router.h"
#include "core/cli.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/state.h"
#include "parts.h"

enum { NAMES_MAX = 192, EVSES_MAX = 64 };

static struct {
	bool help, version, table, print_config, check_config, quiet;
	int verbose;
	const char *dir, *config, *rights;
	struct cli_list services;
	int64_t evses, ring_kib, notify_fd;
} o = {.evses = 1, .ring_kib = 1024};

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir", "directory of the sockets (default $EVSE_RUN, else /run/evse)",
     CLI_STR, &o.dir, 0, 0, false, false},
    {0, "evses", "N", NULL, "EVSEs: sockets pilot.1 to .N and meter.1 to .N (default 1)", CLI_INT,
     &o.evses, 1, EVSES_MAX, false, false},
    {'s', "service", "NAME", NULL, "one more socket; may be repeated", CLI_LIST, &o.services, 0, 0,
     false, false},
    {0, "rights", "FILE", "@file", "who may say what, where it differs from the built-in table",
     CLI_STR, &o.rights, 0, 0, false, false},
    {0, "ring-kib", "N", NULL, "KiB of records kept for slow readers (default 1024)", CLI_INT,
     &o.ring_kib, 256, 1048576, false, false},
    {0},
};
static const struct cli_opt common[] = {
    {'c', "config", "FILE", "@file", "read options from section \"bus\" of FILE (JSON)", CLI_STR,
     &o.config, 0, 0, false, true},
    {0, "print-config", NULL, NULL, "print each option's value and where it came from, and exit",
     CLI_FLAG, &o.print_config, 0, 0, false, true},
    {0, "check-config", NULL, NULL, "exit with 0 when all options are right, else 64 or 78",
     CLI_FLAG, &o.check_config, 0, 0, false, true},
    {0, "notify-fd", "FD", NULL, "write a newline to FD when ready, and close it", CLI_INT,
     &o.notify_fd, 3, 1023, false, true},
    {'q', "quiet", NULL, NULL, "only errors on standard error", CLI_FLAG, &o.quiet, 0, 0, false,
     true},
    {'v', "verbose", NULL, NULL, "more messages; twice for debugging", CLI_COUNT, &o.verbose, 0, 0,
     false, true},
    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &o.help, 0, 0, false, true},
    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &o.version, 0, 0, false, true},
    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &o.table, 0, 0, true, true},
    {0},
};

static const char *const always[] = {
    "tap",   "operator", "session", "setpoint",   "ocpp",    "log",    "log.ship",
    "clock", "sim",      "charger", "meter.grid", "token",   "hems",   "openadr",
    "oscp",  "mqtt",     "plan",    "grid",       "display", "update", "uplink"};

static size_t sections(void *ctx, const char *names[4])
{
	(void)ctx;
	names[0] = "bus";
	return 1;
}

/* A name becomes a file's, and the start of a src. */
static void check_name(const char *const *names, size_t count, const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.");

	if (!len || name[len] || len > 48 || name[0] == '.' || name[len - 1] == '.')
		log_fatal(EXIT_USAGE,
			  "--service '%s': expected letters a-z, digits, '_', '-' and '.' inside, "
			  "at most 48",
			  name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			log_fatal(EXIT_USAGE, "--service '%s': there is one of this name", name);
	if (count == NAMES_MAX)
		log_fatal(EXIT_USAGE, "--service '%s': more than %d services", name, NAMES_MAX);
}

static size_t service_names(const char *names[NAMES_MAX], char text[][24])
{
	size_t n = 0, t = 0;

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		names[n++] = always[i];
	for (int64_t e = 1; e <= o.evses; e++) {
		snprintf(text[t], sizeof text[t], "pilot.%d", (int)e);
		names[n++] = text[t++];
		snprintf(text[t], sizeof text[t], "meter.%d", (int)e);
		names[n++] = text[t++];
	}
	for (size_t i = 0; i < o.services.count; i++) {
		check_name(names, n, o.services.item[i]);
		names[n++] = o.services.item[i];
	}
	return n;
}

/* Two routers on one directory would take each other's sockets away. */
static int lock_dir(const char *dir)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/bus.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		log_fatal(EXIT_OS, "unable to open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		log_fatal(EXIT_TEMPORARY, "%s: another evse-bus serves this directory", dir);
	return fd;
}

static void on_signal(void *ctx, int signo)
{
	(void)signo;
	loop_stop(ctx, EXIT_DONE);
}

static int serve(const char *dir)
{
	static struct router router;
	static char text[2 * EVSES_MAX][24];
	const char *names[NAMES_MAX];
	struct loop *loop;
	struct err err;
	int rc, lock;

	if (state_dir(dir, &err) < 0)
		log_fatal(EXIT_OS, "%s", err.msg);
	lock = lock_dir(dir);
	loop = loop_new(&err);
	rights_init(&router.rights);
	if (!loop || (o.rights && rights_load(&router.rights, o.rights, &err) < 0))
		log_fatal(loop ? EXIT_CONFIG : EXIT_OS, "%s", err.msg);
	if (loop_signal(loop, SIGTERM, on_signal, loop) < 0 ||
	    loop_signal(loop, SIGINT, on_signal, loop) < 0 ||
	    router_open(&router, loop, dir, names, service_names(names, text),
			(size_t)o.ring_kib * 1024, &err) < 0)
		log_fatal(EXIT_OS, "%s", err.msg);
	if (o.notify_fd && (write((int)o.notify_fd, "\n", 1) != 1 || close((int)o.notify_fd) < 0))
		log_warning("unable to say ready on descriptor %d: %s", (int)o.notify_fd,
			    strerror(errno));
	confine_tell(CONFINE_LOCAL | CONFINE_FILES);
	rc = loop_run(loop);
	router_close(&router, dir);
	loop_free(loop);
	close(lock);
	return rc;
}

int bus_serve(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-bus",
	    .about = "Passes records between the tools of one charger.",
	    .own = options,
	    .common = common,
	};
	int code;

	if (cli_parse(&c, argc, argv, sections, NULL, &code) != CLI_GO)
		return code;
	if (o.quiet || o.verbose)
		log_set_level(o.quiet         ? LOG_LEVEL_ERROR
			      : o.verbose > 1 ? LOG_LEVEL_DEBUG
					      : LOG_LEVEL_INFO);
	return serve(bus_dir(o.dir));
}
