/* A depot on one bus: EVSES services each with a meter at 10 Hz and a setpoint and a pilot record a
 * second, a log and a decider that listen.
 *
 *   bus_depot EVSE-BUS EVSES [SECONDS]
 *
 * Prints the share of one core that the bus takes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "bus/client.h"
#include "core/clock.h"

enum { EVSES_MAX = 64 };

static char dir[] = "/tmp/evse-depot-XXXXXX";

static pid_t reader(const char *topics)
{
	static char buf[1 << 16];
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = bus_connect(dir, "tap", NULL);
	bus_subscribe(fd, topics, NULL);
	while (read(fd, buf, sizeof buf) > 0)
		;
	_exit(0);
}

static void say(int fd, const char *type, const char *src, int evse, long count)
{
	char line[400];
	int n = snprintf(line, sizeof line,
			 "{\"t\":\"2026-11-22T10:00:00.123Z\",\"type\":\"%s\",\"src\":\"%s\",\"n\":"
			 "\"k.%ld\",\"m\":91422310,\"evse\":%d,"
			 "\"voltage_v\":[230.1,230.2,229.8],\"current_a\":[16.01,15.98,16],\"power_"
			 "w\":[3682,3677,3675],"
			 "\"import_wh\":1000000,\"register\":{\"import_wh\":\"1000000\"}}\n",
			 type, src, count, evse);

	if (write(fd, line, (size_t)n) != n)
		exit(74);
}

int main(int argc, char **argv)
{
	int evses = argc > 2 ? atoi(argv[2]) : 0, meter[EVSES_MAX], pilot[EVSES_MAX];
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 10, cpu;
	pid_t bus, reads[2];
	int64_t next, end;
	char name[32];

	if (evses < 1 || evses > EVSES_MAX || !mkdtemp(dir))
		return 64;
	signal(SIGPIPE, SIG_IGN);
	bus = bench_serve(argv[1], dir, argv[2], NULL);
	reads[0] = reader("*!");
	reads[1] = reader("meter~,pilot~");
	for (int i = 0; i < evses; i++) {
		snprintf(name, sizeof name, "meter.%d", i + 1);
		meter[i] = bus_connect(dir, name, NULL);
		snprintf(name, sizeof name, "pilot.%d", i + 1);
		pilot[i] = bus_connect(dir, name, NULL);
	}
	cpu = bench_cpu_s(bus);
	next = clock_read().mono_us;
	end = next + (int64_t)(seconds * 1e6);
	for (long tick = 1; next < end; tick++, next += 100000) {
		for (int i = 0; i < evses; i++) {
			snprintf(name, sizeof name, "meter.%d", i + 1);
			say(meter[i], "meter", name, i + 1, tick);
			snprintf(name, sizeof name, "pilot.%d", i + 1);
			if (tick % 10 == i % 10)
				say(pilot[i], "pilot", name, i + 1, tick);
		}
		while (clock_read().mono_us < next + 100000)
			poll(NULL, 0, 1);
	}
	cpu = bench_cpu_s(bus) - cpu;
	printf("%d EVSEs, meters at 10 Hz: cpu %.1f %% of a core\n", evses, cpu / seconds * 100);
	kill(bus, SIGTERM);
	waitpid(bus, NULL, 0);
	for (int i = 0; i < 2; i++)
		waitpid(reads[i], NULL, 0);
	bench_clean(dir);
	return 0;
}
