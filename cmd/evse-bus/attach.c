/* evse-bus attach: forks; the child carries records between the bus and two pipes, the parent
 * becomes the tool. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bus/client.h"
#include "bus/relay.h"
#include "bus/topics.h"
#include "core/cli.h"
#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

static struct {
	bool help, version, table, quiet;
	int verbose;
	const char *dir, *topics, *service, *durable;
} o;

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir", "directory of the sockets (default $EVSE_RUN, else /run/evse)",
     CLI_STR, &o.dir, 0, 0, false, false},
    {'s', "subscribe", "LIST", NULL,
     "record types for the tool's input: 'meter~,pilot,session!' or '*'", CLI_STR, &o.topics, 0, 0,
     false, false},
    {'S', "service", "NAME", NULL,
     "the socket to speak through; the tool's records must have this src", CLI_STR, &o.service, 0,
     0, false, false},
    {0, "durable", "LIST", NULL,
     "readers that acknowledge events (default $EVSE_DURABLE, else none)", CLI_STR, &o.durable, 0,
     0, false, false},
    {0},
};
static const struct cli_opt common[] = {
    {'q', "quiet", NULL, NULL, "only errors on standard error", CLI_FLAG, &o.quiet, 0, 0, false,
     true},
    {'v', "verbose", NULL, NULL, "more messages; twice for debugging", CLI_COUNT, &o.verbose, 0, 0,
     false, true},
    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &o.help, 0, 0, false, true},
    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &o.version, 0, 0, false, true},
    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &o.table, 0, 0, true, true},
    {0},
};

static void become_tool(char **args, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		log_fatal(EXIT_OS, "unable to set the tool's input and output: %s",
			  strerror(errno));
	signal(SIGPIPE, SIG_DFL);
	execvp(args[0], args);
	log_fatal(errno == ENOENT ? EXIT_NO_INPUT : EXIT_OS, "unable to run %s: %s", args[0],
		  strerror(errno));
}

static int attach(char **args)
{
	struct relay_config config = {bus_dir(o.dir), o.service, o.topics ? o.topics : "",
				      o.durable,      -1,        -1};
	int in[2], out[2];
	char path[256];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		log_fatal(EXIT_OS, "unable to make pipes: %s", strerror(errno));
	relay_spool_path(config.dir, config.service, path, sizeof path);
	setenv("EVSE_BUS", config.dir, 1); /* tools on a bus wait for its mark */
	if (*config.durable)
		setenv("EVSE_SPOOL", path, 1);
	else
		unsetenv("EVSE_SPOOL");
	pid = fork();
	if (pid < 0)
		log_fatal(EXIT_OS, "unable to fork: %s", strerror(errno));
	if (pid > 0) {
		become_tool(args, in[0], out[1]);
	}
	prctl(PR_SET_NAME, "evse-relay");
	close(in[0]);
	close(out[1]);
	close(STDIN_FILENO);
	config.from_tool = out[0];
	config.to_tool = in[1];
	return relay_run(&config);
}

int bus_attach(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-bus",
	    .synopsis = "-S NAME -- TOOL [ARG...]",
	    .about = "Runs TOOL with its input and output on the bus.",
	    .own = options,
	    .common = common,
	};
	struct topics topics;
	struct err err;
	int code;

	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	if (!o.service || !c.nargs)
		log_fatal(
		    EXIT_USAGE,
		    "attach: expected -S NAME and a tool to run; try 'evse-bus attach --help'");
	if (o.topics && topics_parse(o.topics, &topics, &err) < 0)
		log_fatal(EXIT_USAGE, "attach: -s: %s", err.msg);
	if (o.quiet || o.verbose)
		log_set_level(o.quiet         ? LOG_LEVEL_ERROR
			      : o.verbose > 1 ? LOG_LEVEL_DEBUG
					      : LOG_LEVEL_INFO);
	if (!o.durable)
		o.durable = getenv("EVSE_DURABLE") ? getenv("EVSE_DURABLE") : "";
	return attach(c.args);
}
