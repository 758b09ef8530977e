/* evse-bus tap: prints the records of the bus, for people and scripts. Speaks through the socket
 * `tap`, which may say nothing. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/client.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/head.h"
#include "core/jqf.h"
#include "core/log.h"
#include "parts.h"

static struct {
	bool until_live;
	const char *dir, *topics;
	int64_t count, idle_ms;
} o = {.topics = "*"};

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir", "directory of the sockets (default $EVSE_RUN, else /run/evse)",
     CLI_STR, &o.dir, 0, 0, false, false},
    {'s', "subscribe", "LIST", NULL,
     "record types (default '*': all, with the retained state first)", CLI_STR, &o.topics, 0, 0,
     false, false},
    {'r', "retained", NULL, NULL, "print the retained state and end", CLI_FLAG, &o.until_live, 0, 0,
     false, false},
    {0, "count", "N", NULL, "end after N lines", CLI_INT, &o.count, 1, 1e15, false, true},
    {0, "idle-timeout", "MS", NULL, "end when nothing came for MS milliseconds", CLI_INT,
     &o.idle_ms, 1, 1e9, false, true},
    {0},
};

struct tap {
	struct jqf *filter;
	struct buf out;
	int64_t printed;
	bool done;
};

static void print(struct tap *t, const char *text, size_t len, int64_t lines)
{
	ssize_t n;

	for (; len && !t->done; text += n, len -= (size_t)n) {
		n = write(STDOUT_FILENO, text, len);
		if (n < 0)
			log_fatal(EXIT_IO, "unable to write to standard output: %s",
				  strerror(errno));
	}
	t->printed += lines;
	if (o.count && t->printed >= o.count)
		t->done = true;
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct tap *t = ctx;
	struct head h;
	struct err err;
	int n;

	if (!line || t->done)
		return;
	if (o.until_live && head_scan(line, len, &h, NULL) == 0 && slice_is(h.type, "bus") &&
	    memmem(line, len, "\"live\"", 6)) {
		t->done = true;
		return;
	}
	buf_reset(&t->out);
	n = 1;
	if (!t->filter) {
		buf_add(&t->out, line, len);
		buf_addc(&t->out, '\n');
	} else if ((n = jqf_run(t->filter, line, len, &t->out, &err)) < 0) {
		log_warning("filter: %s", err.msg);
		return;
	}
	print(t, buf_str(&t->out), t->out.len, n);
}

int bus_tap(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-bus",
	    .synopsis = "[JQ-PROGRAM]",
	    .about = "Prints the records of the bus, as they come or through a jq program.",
	    .own = options,
	    .common = cli_answers,
	    .examples = "  evse-bus tap -r                          the whole present state\n"
			"  evse-bus tap -s pilot,session            what happens\n"
			"  evse-bus tap -s meter '[.src,.power_w]'  powers\n",
	};
	struct pollfd pfd = {.events = POLLIN};
	struct tap t = {0};
	struct lines lines;
	struct err err;
	int code;

	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	signal(SIGPIPE, SIG_DFL);
	buf_init(&t.out, 1 << 20);
	lines_init(&lines);
	if (c.nargs > 1)
		log_fatal(EXIT_USAGE, "tap: expected one jq program, got '%s' too", c.args[1]);
	if (c.nargs && !(t.filter = jqf_new(c.args[0], &err)))
		log_fatal(EXIT_USAGE, "tap: jq program: %s", err.msg);
	pfd.fd = bus_connect(bus_dir(o.dir), "tap", &err);
	if (pfd.fd < 0 || bus_subscribe(pfd.fd, o.topics, &err) < 0)
		log_fatal(EXIT_UNAVAILABLE, "%s", err.msg);
	confine_tell(CONFINE_NOTHING);
	while (!t.done && poll(&pfd, 1, o.idle_ms ? (int)o.idle_ms : -1) > 0)
		if (lines_read(&lines, pfd.fd, on_line, &t) <= 0)
			break;
	lines_release(&lines);
	buf_release(&t.out);
	jqf_free(t.filter);
	close(pfd.fd);
	return o.count && !t.done && t.printed < o.count ? EXIT_NO : EXIT_DONE;
}
