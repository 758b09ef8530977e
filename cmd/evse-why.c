/* evse-why: why this current, now or at any logged moment.
 *
 * Reads   setpoint, limit, pilot, session: from standard input, from the bus (through evse-bus tap)
 * or from the log (through evse-log show) Writes  for each EVSE one sentence and a table, or a line
 * of JSON Uses    lib/why
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/clock.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/utc.h"
#include "why/why.h"

enum { OUT_MAX = 1 << 20, ARGS_MAX = 16, US = 1000000 };

static struct {
	bool json;
	const char *run, *log, *at;
	int64_t evse;
	double back_s;
} o = {.back_s = 3600};

static const struct cli_opt options[] = {
    {'a', "at", "TIME", NULL, "explain the moment TIME (UTC, RFC 3339), not the newest", CLI_STR,
     &o.at, 0, 0, false, true},
    {'d', "dir", "RUN", "@dir", "ask the bus whose sockets are in RUN", CLI_STR, &o.run, 0, 0,
     false, true},
    {'l', "log", "DIR", "@dir", "look in the log in DIR", CLI_STR, &o.log, 0, 0, false, true},
    {'b', "back", "S", NULL, "look in the log so many seconds back (3600)", CLI_NUM, &o.back_s, 1,
     1e7, false, true},
    {'e', "evse", "N", NULL, "explain this EVSE only", CLI_INT, &o.evse, 1, WHY_EVSES_MAX, false,
     true},
    {'j', "json", NULL, NULL, "print a line of JSON for each EVSE", CLI_FLAG, &o.json, 0, 0, false,
     true},
    {0},
};

struct reading {
	struct why why;
	struct lines lines;
	uint64_t bad;
};

static void on_line(void *ctx, const char *line, size_t len)
{
	struct reading *rd = ctx;
	struct record r;
	struct err err = {"over-long, or cut short"};

	if (!line || record_parse(line, len, &r, &err) < 0) {
		rd->bad++;
		log_warning("line %llu: not a record: %s; skipped",
			    (unsigned long long)rd->lines.number, err.msg);
		return;
	}
	why_take(&rd->why, &r);
	record_release(&r);
}

static int read_all(struct reading *rd, int fd)
{
	confine_tell(CONFINE_NOTHING);
	if (lines_read_all(&rd->lines, fd, on_line, rd) == 0)
		return 0;
	log_error("unable to read: %s", strerror(errno));
	return EXIT_IO;
}

/* The program beside this one, else in PATH. */
static void run_child(const char *const args[])
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	char *argv[ARGS_MAX + 1] = {0};
	char *slash;

	for (int i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i] = strdup(args[i]);
	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash && (size_t)(slash - path) + strlen(args[0]) + 2 < sizeof path) {
		memcpy(slash + 1, args[0], strlen(args[0]) + 1);
		execv(path, argv);
	}
	execvp(args[0], argv);
	log_fatal(EXIT_UNAVAILABLE, "unable to run %s: %s", args[0], strerror(errno));
}

static int read_from(struct reading *rd, const char *const args[])
{
	int fds[2], status, rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_error("unable to start %s: %s", args[0], strerror(errno));
		return EXIT_OS;
	}
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		run_child(args);
	}
	close(fds[1]);
	rc = read_all(rd, fds[0]);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return rc;
	if (!WIFEXITED(status))
		return EXIT_UNAVAILABLE;
	return WEXITSTATUS(status);
}

static int read_log(struct reading *rd, int64_t at_us)
{
	char from[UTC_LEN + 1], to[UTC_LEN + 1];
	const char *const args[] = {
	    "evse-log", "show", "-d",   o.log, "--type", "setpoint,limit,pilot,session",
	    "--from",   from,   "--to", to,    NULL};
	int64_t end_us = at_us == INT64_MAX ? clock_read().real_us : at_us;

	utc_format(end_us - (int64_t)(o.back_s * US), from);
	utc_format(end_us + 1000, to); /* --to is exclusive, in ms */
	return read_from(rd, args);
}

static int read_bus(struct reading *rd)
{
	const char *const args[] = {"evse-bus",   "tap", "-d",
				    o.run,        "-s",  "setpoint,limit,pilot,session",
				    "--retained", NULL};

	rd->why.now_us = clock_read().real_us;
	return read_from(rd, args);
}

/* What was looked for, where, and what there is instead. */
static void nothing_told(const struct reading *rd)
{
	char which[32] = "", at[64] = "", back[96] = "", known[160] = "";
	size_t len = 0;

	if (o.evse)
		snprintf(which, sizeof which, " of EVSE %d", (int)o.evse);
	if (o.at)
		snprintf(at, sizeof at, " at or before %.40s", o.at);
	if (o.log)
		snprintf(back, sizeof back, " in the %s%g s%s; --back S looks further",
			 o.at ? "" : "last ", o.back_s, o.at ? " before it" : "");
	for (int i = 1; i <= WHY_EVSES_MAX && len < sizeof known - 8; i++)
		if (why_knows(&rd->why, i))
			len += (size_t)snprintf(known + len, sizeof known - len, "%s %d",
						len ? "," : "; there is EVSE", i);
	log_error("no setpoint record%s%s%s%s", which, at, back, known);
}

static int print(const struct reading *rd)
{
	struct buf out;
	int told = 0, rc = 0;

	buf_init(&out, OUT_MAX);
	for (int i = 1; i <= WHY_EVSES_MAX; i++) {
		if ((o.evse && o.evse != i) || !why_knows(&rd->why, i))
			continue;
		if (told++ && !o.json)
			buf_addc(&out, '\n');
		rc = o.json ? why_json(&rd->why, i, &out) : why_tell(&rd->why, i, &out);
		if (rc < 0)
			break;
	}
	if (rc == 0 && fwrite(buf_str(&out), 1, out.len, stdout) != out.len)
		rc = -1;
	buf_release(&out);
	if (rc < 0) {
		log_error("unable to write the answer");
		return EXIT_IO;
	}
	if (!told)
		nothing_told(rd);
	return told ? EXIT_DONE : EXIT_NO;
}

/* Records come in a pipe or a file; a terminal or /dev/null gives none. */
static bool input_given(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && !S_ISCHR(st.st_mode);
}

/* Where evse-charger's log stands: of a moment that is past, only it can tell. */
static const char *charger_log(void)
{
	static char path[PATH_MAX];
	const char *state = getenv("EVSE_STATE");

	snprintf(path, sizeof path, "%s/log", state && *state ? state : "/var/lib/evse");
	return path;
}

static int answer(void)
{
	static struct reading rd;
	const char *run = getenv("EVSE_RUN");
	int64_t at_us = INT64_MAX;
	int rc;

	if (o.at && utc_parse(o.at, strlen(o.at), &at_us) < 0) {
		log_error("--at: expected a time like 2026-11-22T10:00:00Z, got '%s'", o.at);
		return EXIT_USAGE;
	}
	if (o.run && (o.log || o.at)) {
		log_error("--dir asks the bus for now: not with --log or --at");
		return EXIT_USAGE;
	}
	if (!o.run && !o.log && !input_given()) {
		if (o.at)
			o.log = charger_log();
		else
			o.run = run && *run ? run : "/run/evse";
	}
	why_init(&rd.why, at_us);
	rc = o.run ? read_bus(&rd) : o.log ? read_log(&rd, at_us) : read_all(&rd, STDIN_FILENO);
	if (!rc)
		rc = print(&rd);
	why_release(&rd.why);
	return rc;
}

static size_t sections(void *ctx, const char *names[4])
{
	(void)ctx;
	names[0] = "why";
	return 1;
}

int main(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-why",
	    .about = "Say why each EVSE may take the current that it may take.",
	    .own = options,
	    .common = cli_answers,
	    .examples = "  evse-log show -d log | evse-why --at 2026-11-22T10:00:00Z",
	};
	int code;

	cli_init(true);
	log_init("evse-why");
	if (cli_parse(&c, argc, argv, sections, NULL, &code) == CLI_GO)
		code = answer();
	free(c.args);
	free(c.origin);
	return cli_close(code);
}
