/* Limit in -> setpoint out, and the lateness of schedule steps, through the whole evse-setpoint on
 * pipes.
 *
 *   setpoint_path [-n LIMITS] [-s STEPS] [PATH/evse-setpoint]
 *
 * A limit at a time, each another value; the sample ends when the setpoint with that value has
 * arrived here, scheduling of this program included. Idle first, then while 2000 meter records a
 * second go in as well. The steps are 40 ms apart; their lateness is that of the record's own time.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/utc.h"

enum { MAX = 100000, STEP_MS = 40, FLOOD_BURST = 8, RENEW = 1000 };

static const char *program = "build/bin/evse-setpoint";
static int to_tool, from_tool;
static char got[1 << 17];
static size_t got_len;
static unsigned count;
static double sample[MAX];

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static pid_t start(void)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) < 0 || pipe(out) < 0 || (pid = fork()) < 0)
		exit(71);
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(program, "evse-setpoint", "--source", "site", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_tool = in[1];
	from_tool = out[0];
	return pid;
}

static void say(const char *type, const char *src, const char *members)
{
	char line[8192];
	int n = snprintf(line, sizeof line,
			 "{\"t\":\"2026-11-22T10:00:00.000Z\",\"type\":\"%s\",\"src\":\"%s\","
			 "\"n\":\"b.%u\",\"evse\":1,%s}\n",
			 type, src, ++count, members);

	if (write(to_tool, line, (size_t)n) != n)
		exit(74);
}

static void pilot(void)
{
	say("pilot", "pilot.1",
	    "\"state\":\"C2\",\"limit_a\":16,\"cable_a\":32,\"step_a\":0.1,\"phases\":3");
}

/* The next whole line of the tool, without its newline; it stands until the next call. */
static char *next_line(void)
{
	static size_t used;
	char *nl;

	memmove(got, got + used, got_len -= used);
	used = 0;
	while (!(nl = memchr(got, '\n', got_len))) {
		ssize_t n = read(from_tool, got + got_len, sizeof got - got_len);

		if (n <= 0)
			exit(76);
		got_len += (size_t)n;
	}
	*nl = 0;
	used = (size_t)(nl - got) + 1;
	return got;
}

static void flood(int *value)
{
	char members[200];

	for (int i = 0; i < FLOOD_BURST; i++) {
		snprintf(members, sizeof members,
			 "\"voltage_v\":[230,230,%d],\"current_a\":[9,9,9],\"power_w\":[1,1,1]",
			 220 + ++*value % 20);
		say("meter", "meter.1", members);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void row(const char *name, double value, const char *unit, double budget)
{
	if (budget > 0)
		printf("%s\t%.3f\t%s\t%g\t%s\n", name, value, unit, budget,
		       value <= budget ? "ok" : "missed");
	else
		printf("%s\t%.3f\t%s\t-\tok\n", name, value, unit);
}

static void limits(int n, bool flooded)
{
	char members[200], want[40];
	int value = 0;

	for (int i = 0; i < n; i++) {
		struct timespec pause = {0, 4000000};
		int amps = 10 + i % 2 * 6;
		int64_t begun;

		if (i % RENEW == 0)
			pilot();
		if (flooded)
			flood(&value);
		snprintf(members, sizeof members,
			 "\"scope\":\"evse\",\"valid_s\":60,\"schedule\":[{\"import_max_a\":%d}]",
			 amps);
		snprintf(want, sizeof want, "\"import_max_a\":%d,", amps);
		begun = now_ns(CLOCK_MONOTONIC);
		say("limit", "site", members);
		while (!strstr(next_line(), want))
			;
		sample[i] = (double)(now_ns(CLOCK_MONOTONIC) - begun) / 1e6;
		if (flooded || i % 8 == 0)
			nanosleep(&pause, NULL);
	}
	qsort(sample, (size_t)n, sizeof *sample, by_value);
	row(flooded ? "limit_to_setpoint_flood_p99" : "limit_to_setpoint_p99",
	    sample[(size_t)(n * 0.99)], "ms", flooded ? 10 : 2);
	row(flooded ? "limit_to_setpoint_flood_max" : "limit_to_setpoint_max", sample[n - 1], "ms",
	    50);
}

static void steps(int n)
{
	char members[8000];
	int64_t base = now_ns(CLOCK_REALTIME) / 1000 + 500000, t;
	size_t at;
	int seen = 0;

	pilot();
	at = (size_t)snprintf(members, sizeof members,
			      "\"scope\":\"evse\",\"valid_s\":60,\"schedule\":[");
	for (int i = 0; i < n; i++) {
		char text[UTC_LEN + 1];

		utc_format((base / 1000 + i * STEP_MS) * 1000, text);
		at += (size_t)snprintf(members + at, sizeof members - at,
				       "%s{\"at\":\"%s\",\"import_max_a\":%d}", i ? "," : "", text,
				       10 + i % 15);
	}
	snprintf(members + at, sizeof members - at, "]");
	say("limit", "site", members);
	while (seen < n) {
		char *line = next_line(), want[40];

		snprintf(want, sizeof want, "\"import_max_a\":%d,", 10 + seen % 15);
		if (!strstr(line, want) || utc_parse(line + 6, UTC_LEN, &t) < 0)
			continue;
		sample[seen] = (double)(t / 1000 - (base / 1000 + seen * STEP_MS));
		seen += sample[seen] >= 0;
	}
	qsort(sample, (size_t)n, sizeof *sample, by_value);
	row("schedule_step_late_p50", sample[n / 2], "ms", 0);
	row("schedule_step_late_max", sample[n - 1], "ms", 20);
}

int main(int argc, char **argv)
{
	int n = 2000, nsteps = 100, c;
	pid_t pid;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		if (c == 'n')
			n = (int)strtol(optarg, NULL, 10);
		else if (c == 's')
			nsteps = (int)strtol(optarg, NULL, 10);
		else
			return 64;
	}
	if (n < 1 || n > MAX || nsteps < 1 || nsteps > 100)
		return 64;
	if (optind < argc)
		program = argv[optind];
	pid = start();
	limits(n, false);
	limits(n, true);
	steps(nsteps);
	close(to_tool);
	waitpid(pid, NULL, 0);
	return 0;
}
