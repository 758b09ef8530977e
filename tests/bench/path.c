/* Limit in -> CP duty out, through bus, evse-setpoint, bus, evse-pilot, as in a charger; idle and
 * in a flood of records; and how late a step of a schedule acts.
 *
 *   path BINDIR [LIMITS [STEPS]]
 *
 * This program is the operator who sets limits, the board that gets the duty, and the meters that
 * flood. The time of this program's own scheduling is in each sample. Prints a line per figure:
 * name, p50, p99, max in ms. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/client.h"
#include "core/clock.h"
#include "core/utc.h"

enum { TOOLS = 3, SAMPLES = 100000, FLOOD_PER_S = 5000 };

static char dir[] = "/tmp/evse-path-XXXXXX", board_path[64];
static pid_t tool[TOOLS];
static int ntools, listen_fd, board = -1, operator_fd, flood_fd;
static double sample[SAMPLES];
static int count, duty = -1;
static int64_t said_us, flood_from_us;
static long flooded, limits;

static int64_t now_us(void)
{
	return clock_read().mono_us;
}

static void run(const char *bin, const char *const *argv)
{
	char path[256];
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(path, sizeof path, "%s/evse-bus", bin);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	tool[ntools++] = pid;
}

static void start(const char *bin)
{
	char device[80], setpoint[256], pilot[256];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(board_path, sizeof board_path, "%s/board", dir);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", board_path);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(listen_fd, 4) < 0)
		exit(71);
	snprintf(device, sizeof device, "sim:%s", board_path);
	snprintf(setpoint, sizeof setpoint, "%s/evse-setpoint", bin);
	snprintf(pilot, sizeof pilot, "%s/evse-pilot", bin);
	run(bin, (const char *[]){"evse-bus", "serve", "-d", dir, "-q", NULL});
	run(bin,
	    (const char *[]){
		"evse-bus", "attach", "-d", dir, "-S", "setpoint", "-s",
		"limit~,pilot~,meter~,bus~", "--", setpoint, "-q", "--bus", "--sources",
		"[{\"src\":\"operator\",\"rank\":\"site\",\"scopes\":[\"evse\"],\"valid_s\":600}]",
		NULL});
	run(bin, (const char *[]){"evse-bus", "attach", "-d", dir, "-S", "pilot.1", "-s",
				  "setpoint~,meter~", "--", pilot, "-q", "-S", "pilot.1", "-D",
				  device, "--tethered", "32", "--no-rcd-test", NULL});
}

static int connect_as(const char *service)
{
	int fd = -1;

	for (int i = 0; i < 200 && (fd = bus_connect(dir, service, NULL)) < 0; i++)
		usleep(20000);
	if (fd < 0)
		exit(69);
	bus_subscribe(fd, "", NULL);
	return fd;
}

/* A car that is connected and asks for nothing: the pilot follows the setpoint with its duty. */
static void board_line(void)
{
	char line[300];
	int n = snprintf(line, sizeof line,
			 "{\"cp_pos_mv\":9000,\"cp_neg_mv\":%d,\"pp_ohm\":220,\"contactor\":[false]"
			 ",\"lock\":\"locked\",\"rcd\":false,"
			 "\"rcd6\":false,\"rcd30\":false,\"pe\":true,\"estop\":false,\"temp_c\":["
			 "25],\"current_a\":[0,0,0]}\n",
			 duty > 0 && duty < 10000 ? -12000 : 9000);

	if (board >= 0 && send(board, line, (size_t)n, MSG_NOSIGNAL) < 0)
		board = -1;
	said_us = now_us();
}

static void read_board(void)
{
	static char buf[4096];
	ssize_t n = recv(board, buf, sizeof buf - 1, MSG_DONTWAIT);
	char *p = buf;

	if (n == 0) {
		close(board);
		board = -1;
	}
	if (n <= 0)
		return;
	buf[n] = '\0';
	while ((p = strstr(p, "\"duty_permyriad\":"))) {
		p += 17;
		duty = atoi(p);
	}
}

static void flood(void)
{
	char line[300];
	long due;

	if (!flood_from_us)
		return;
	due = (long)((now_us() - flood_from_us) * FLOOD_PER_S / 1000000);
	for (; flooded < due; flooded++) {
		int n = snprintf(line, sizeof line,
				 "{\"t\":\"2026-11-22T10:00:00.123Z\",\"type\":\"meter\",\"src\":"
				 "\"meter.1\",\"n\":\"f.%ld\",\"m\":1,\"evse\":1,"
				 "\"voltage_v\":[230,230,230],\"current_a\":[0,0,0],\"power_w\":[0,"
				 "0,0],\"power_total_w\":0}\n",
				 flooded + 1);
		if (send(flood_fd, line, (size_t)n, MSG_NOSIGNAL) != n)
			return;
	}
}

/* Turns until @done or @timeout_us. */
static bool turn_until(bool (*done)(void), int64_t timeout_us)
{
	int64_t end = now_us() + timeout_us;

	while (!done()) {
		struct pollfd pfd[2] = {{listen_fd, POLLIN, 0}, {board, POLLIN, 0}};

		if (now_us() > end)
			return false;
		flood();
		poll(pfd, 2, flood_from_us ? 1 : 20);
		if (pfd[0].revents) {
			board = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
			board_line();
		}
		if (pfd[1].revents && board >= 0)
			read_board();
		if (now_us() - said_us > 100000)
			board_line();
	}
	return true;
}

static int want;

static bool reached(void)
{
	return duty == want;
}

static bool never(void)
{
	return false;
}

static void limit(double a, int64_t at_us)
{
	char line[512], at[64] = "", t[UTC_LEN + 1];
	struct now now = clock_read();
	int n;

	utc_format(now.real_us, t);
	if (at_us) {
		char when[UTC_LEN + 1];

		utc_format(at_us, when);
		snprintf(at, sizeof at, ",{\"at\":\"%s\",\"import_max_a\":%.1f}", when, a);
	}
	n = snprintf(line, sizeof line,
		     "{\"t\":\"%s\",\"type\":\"limit\",\"src\":\"operator\",\"n\":\"o.%ld\",\"m\":"
		     "%lld,\"evse\":1,\"scope\":\"evse\",\"valid_s\":600,"
		     "\"schedule\":[{\"import_max_a\":%.1f}%s]}\n",
		     t, ++limits, (long long)now_boot_ms(now), at_us ? 10.0 : a, at);
	if (send(operator_fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		exit(74);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name)
{
	qsort(sample, (size_t)count, sizeof *sample, by_value);
	if (count)
		printf("%s p50 %.3f p99 %.3f max %.3f ms n %d\n", name, sample[count / 2],
		       sample[(int)(count * 0.99)], sample[count - 1], count);
	fflush(stdout);
	count = 0;
}

static void paths(const char *name, int n)
{
	for (int i = 0; i < n; i++) {
		double a = i % 2 ? 12.0 : 24.0;
		int64_t begun;

		want = i % 2 ? 2000 : 4000;
		turn_until(never, 1500 + rand() % 3000);
		begun = now_us();
		limit(a, 0);
		if (!turn_until(reached, 2000000)) {
			fprintf(stderr, "path: %s %d: duty %d did not become %d\n", name, i, duty,
				want);
			exit(1);
		}
		sample[count++] = (double)(now_us() - begun) / 1000;
	}
	print(name);
}

static void steps(int n)
{
	for (int i = 0; i < n; i++) {
		int64_t at = clock_read().real_us / 1000 * 1000 + 40000;

		want = 1666;
		limit(10.0, 0);
		turn_until(reached, 1000000);
		want = 2666;
		at = clock_read().real_us / 1000 * 1000 + 40000;
		limit(16.0, at);
		if (!turn_until(reached, 2000000))
			exit(1);
		sample[count++] = (double)(clock_read().real_us - at) / 1000;
	}
	print("schedule_step");
}

/* At every end, or the tools would go on for ever. */
static void stop_tools(void)
{
	for (int i = ntools; i-- > 0;) {
		kill(tool[i], SIGTERM);
		waitpid(tool[i], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 2000;

	if (argc < 2 || !mkdtemp(dir))
		return 64;
	signal(SIGPIPE, SIG_IGN);
	atexit(stop_tools);
	start(argv[1]);
	operator_fd = connect_as("operator");
	flood_fd = connect_as("meter.1");
	want = 2000;
	limit(12.0, 0);
	if (!turn_until(reached, 20000000)) {
		fprintf(stderr, "path: no duty: %d\n", duty);
		return 1;
	}
	paths("limit_to_duty_idle", n);
	steps(argc > 3 ? atoi(argv[3]) : 200);
	flood_from_us = now_us();
	paths("limit_to_duty_flood", n);
	return 0;
}
