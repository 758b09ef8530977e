/* Routing: records a second through evse-bus, one record a write, four subscribers of every record.
 *
 *   bus_routing EVSE-BUS [SECONDS]
 *
 * The bus runs on one processor, writer and readers on the others where there are any. Prints
 * records per second of the bus's own CPU time (what one core can do) and of the wall clock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "bus/client.h"
#include "core/clock.h"

enum { READERS = 4 };

static char dir[] = "/tmp/evse-bench-XXXXXX";

static void pin(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set); /* one processor only: then all share it */
}

static void pin_first(void)
{
	pin(0);
}

/* Tells that it hears, by the bus's live mark; then counts lines until the writer is done and
 * nothing more comes. */
static void reader(int report)
{
	static char buf[1 << 16];
	struct pollfd pfd = {.events = POLLIN};
	long lines = -1; /* the mark is none of them */
	ssize_t n;

	pin(1);
	pfd.fd = bus_connect(dir, "tap", NULL);
	bus_subscribe(pfd.fd, "meter!", NULL);
	while (poll(&pfd, 1, 1500) > 0 && (n = read(pfd.fd, buf, sizeof buf)) > 0)
		for (char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))); p++)
			if (lines++ < 0 && write(report, &lines, sizeof lines) != sizeof lines)
				_exit(74);
	if (write(report, &lines, sizeof lines) != sizeof lines)
		_exit(74);
	_exit(0);
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 3, cpu, wall;
	pid_t bus, child[READERS];
	int report[2], fd;
	long lines, least = 0, sent = 0;
	struct now start, now;
	char line[300];

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || !mkdtemp(dir) || pipe(report) < 0)
		return 64;
	bus = bench_serve(argv[1], dir, "1", pin_first);
	for (int i = 0; i < READERS; i++)
		if ((child[i] = fork()) == 0)
			reader(report[1]);
	for (int i = 0; i < READERS; i++)
		if (read(report[0], &lines, sizeof lines) != sizeof lines)
			return 74;
	pin(1);
	fd = bus_connect(dir, "meter.1", NULL);
	cpu = bench_cpu_s(bus);
	start = now = clock_read();
	while ((double)(now.mono_us - start.mono_us) < seconds * 1e6) {
		for (int i = 0; i < 200; i++) {
			int len = snprintf(line, sizeof line,
					   "{\"t\":\"2026-11-22T10:00:00.123Z\",\"type\":\"meter\","
					   "\"src\":\"meter.1\",\"n\":\"k3f9.%ld\","
					   "\"m\":91422310,\"evse\":1,\"voltage_v\":[230.1,230.2,"
					   "229.8],\"current_a\":[16.01,15.98,16],"
					   "\"power_w\":[3682,3677,3675]}\n",
					   ++sent);
			if (write(fd, line, (size_t)len) != len)
				return 74;
		}
		now = clock_read();
	}
	wall = (double)(now.mono_us - start.mono_us) / 1e6;
	for (int i = 0; i < READERS; i++) {
		if (read(report[0], &lines, sizeof lines) != sizeof lines)
			return 74;
		if (!i || lines < least)
			least = lines;
		waitpid(child[i], NULL, 0);
	}
	cpu = bench_cpu_s(bus) - cpu;
	kill(bus, SIGTERM);
	waitpid(bus, NULL, 0);
	printf("sent %ld in %.2f s, every reader got at least %ld, bus CPU %.2f s: %.0f records/s "
	       "of a core, %.0f records/s by the clock\n",
	       sent, wall, least, cpu, (double)sent / cpu, (double)sent / wall);
	bench_clean(dir);
	return least >= sent ? 0 : 1;
}
