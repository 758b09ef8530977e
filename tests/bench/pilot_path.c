/* Unplug or S2 open -> contactor command, through the whole evse-pilot.
 *
 *   pilot_path [-n PILOTS] [-e EVENTS] [-r PRIO] [-l] [PATH/evse-pilot]
 *
 * Without -r it measures twice, with ordinary scheduling and under SCHED_FIFO where that is
 * allowed.
 *
 * Plays the boards of many evse-pilots at once: each car asks for power, gets it, and at a random
 * moment opens S2 or is pulled out; the time until the command to open arrives is the sample,
 * scheduling of this program included. With -l two processes spin and others are started and killed
 * all the while; with -r the pilots run under SCHED_FIFO with locked memory.
 *
 * On each processor a witness at the highest priority of all sleeps for a millisecond at a time.
 * Where it woke more than 15 ms late the machine itself stood still, as a virtual one may, and
 * where this program, at a priority above the pilots', took as long for a turn, it did: events in
 * such a moment count in the maximum, and a second maximum leaves them out. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PILOTS_MAX = 200,
	SPINNERS = 2,
	TOOLS = 3,
	CPUS_MAX = 64,
	STALLS_MAX = 4096,
	STALL_US = 15000
};

/* When a processor stood still. */
struct stall {
	int64_t from_us, to_us;
};
struct witness {
	pthread_t thread;
	struct stall seen[STALLS_MAX];
	int count;
};
struct sample {
	int64_t at_us, took_us;
};

enum stage { WAIT_B, WAIT_CLOSE, CLOSED, WAIT_OPEN };

struct board {
	pid_t pid;
	int listen_fd, fd, in;
	char path[120], buf[4096];
	size_t len;
	enum stage stage;
	int cp_mv, duty;
	bool contactor;
	int64_t event_us, next_us, said_us, want_us;
};

static struct board boards[PILOTS_MAX];
static struct witness *witnesses; /* one a processor, and one more: this program of itself */
static int cpus;
static struct sample *samples;
static size_t count, wanted = 4000;
static int pilots = 40, prio;
static bool load, measured_well;
static pid_t spinners[SPINNERS], tools[TOOLS];
static const char *program = "build/bin/evse-pilot";

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int random_to(int max)
{
	static uint64_t s = 88172645463325252U;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (int)(s % (unsigned)max);
}

static void die(const char *what)
{
	perror(what);
	exit(71);
}

static void say(struct board *b)
{
	char line[256];
	int neg = b->duty > 0 && b->duty < 10000 ? -12000 : b->cp_mv;
	int n = snprintf(line, sizeof line,
			 "{\"cp_pos_mv\":%d,\"cp_neg_mv\":%d,\"pp_ohm\":220,\"contactor\":[%s],"
			 "\"lock\":\"locked\",\"rcd\":false,\"pe\":true,\"estop\":false,"
			 "\"temp_c\":[25],\"current_a\":[0,0,0]}\n",
			 b->cp_mv, neg, b->contactor ? "true" : "false");

	if (b->fd >= 0 && send(b->fd, line, (size_t)n, MSG_NOSIGNAL) < 0)
		die("send");
	b->said_us = now_us();
}

static void start(struct board *b, int i, const char *dir)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char device[128], rt[16];
	int in[2];

	snprintf(b->path, sizeof b->path, "%s/%d", dir, i);
	memcpy(a.sun_path, b->path, strlen(b->path) + 1);
	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(b->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(b->listen_fd, 1) < 0 || pipe2(in, O_CLOEXEC) < 0)
		die(b->path);
	snprintf(device, sizeof device, "sim:%s", b->path);
	snprintf(rt, sizeof rt, "%d", prio);
	b->pid = fork();
	if (b->pid < 0)
		die("fork");
	if (b->pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(in[0], 0);
		dup2(null, 1);
		execl(program, "evse-pilot", "-D", device, "--min-close", "0", "--close-hold", "0",
		      "--no-rcd-test", "--realtime", rt, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	b->in = in[1];
	b->cp_mv = 9000;
	b->duty = 10000;
	b->fd = -1;
	b->fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (b->fd < 0)
		die("accept");
	b->next_us = now_us() + 200000 + random_to(300000);
}

static void want(struct board *b, int64_t now)
{
	static const char line[] =
	    "{\"t\":\"2026-11-22T10:00:00.000Z\",\"type\":\"setpoint\",\"src\":\"setpoint.1\","
	    "\"enable\":true,\"import_max_a\":16}\n";

	if (now < b->want_us)
		return;
	b->want_us = now + 1000000;
	if (write(b->in, line, sizeof line - 1) < 0)
		die("setpoint");
}

/* What the board's time has come for. */
static void turn(struct board *b, int64_t now)
{
	want(b, now);
	if (now < b->next_us) {
		if (now - b->said_us > 100000)
			say(b);
		return;
	}
	switch (b->stage) {
	case WAIT_B:
		b->cp_mv = 6000;
		b->stage = WAIT_CLOSE;
		b->next_us = INT64_MAX;
		say(b);
		break;
	case CLOSED:
		b->cp_mv = random_to(2) ? 9000 : 12000;
		b->stage = WAIT_OPEN;
		b->next_us = INT64_MAX;
		b->event_us = now_us();
		say(b);
		break;
	case WAIT_CLOSE:
	case WAIT_OPEN:
		break;
	}
}

static void obey(struct board *b, const char *line)
{
	const char *duty = strstr(line, "\"duty_permyriad\":");
	int64_t now = now_us();

	if (duty)
		b->duty = atoi(duty + strlen("\"duty_permyriad\":"));
	if (strstr(line, "\"contactor\":[true]") && b->stage == WAIT_CLOSE) {
		b->contactor = true;
		b->stage = CLOSED;
		b->next_us = now + 30000 + random_to(60000);
		say(b);
	} else if (strstr(line, "\"contactor\":[false]") && b->stage == WAIT_OPEN) {
		if (count < wanted)
			samples[count++] = (struct sample){b->event_us, now - b->event_us};
		b->contactor = false;
		b->cp_mv = 9000;
		b->stage = WAIT_B;
		b->next_us = now + 230000 + random_to(60000);
		say(b);
	} else if (duty) {
		say(b);
	}
}

static void hear(struct board *b)
{
	ssize_t n = read(b->fd, b->buf + b->len, sizeof b->buf - 1 - b->len);
	char *end, *at = b->buf;

	if (n <= 0)
		die("a pilot went away");
	b->len += (size_t)n;
	b->buf[b->len] = '\0';
	while ((end = strchr(at, '\n'))) {
		*end = '\0';
		obey(b, at);
		at = end + 1;
	}
	b->len -= (size_t)(at - b->buf);
	memmove(b->buf, at, b->len);
}

static pid_t spin(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (volatile unsigned i = 0;; i++)
			;
	}
	return pid;
}

/* Another tool of the charger, started to be killed. */
static pid_t victim(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execl(program, "evse-pilot", "--help", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void trouble(int64_t now)
{
	static int64_t next;
	static size_t i;
	pid_t pid;

	if (!load || now < next)
		return;
	next = now + 25000; /* each of them is started and killed in turn: a kill each 50 ms */
	/* One that the kernel is still reading from disk dies later: never waited for here. */
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (int k = 0; k < TOOLS; k++)
			if (tools[k] == pid)
				tools[k] = 0;
	if (tools[i] > 0)
		kill(tools[i], SIGKILL);
	else
		tools[i] = victim();
	i = (i + 1) % TOOLS;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = ((const struct sample *)a)->took_us, y = ((const struct sample *)b)->took_us;

	return (x > y) - (x < y);
}

/* Between @due and @now nothing ran here. */
static void stalled(struct witness *w, int64_t due, int64_t now)
{
	if (now - due > STALL_US && w->count < STALLS_MAX)
		w->seen[w->count++] = (struct stall){due, now};
}

static void *watch(void *arg)
{
	struct witness *w = arg;
	int64_t due = now_us() + 1000;

	for (;;) {
		struct timespec t = {.tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000};
		int64_t now;

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		now = now_us();
		stalled(w, due, now);
		due = now + 1000;
	}
	return NULL;
}

static void post_witnesses(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	cpus = n < CPUS_MAX ? (int)n : CPUS_MAX;
	witnesses = calloc((size_t)cpus + 1, sizeof *witnesses);
	if (!witnesses)
		die("memory");
	for (int i = 0; i < cpus; i++) {
		struct sched_param prio_max = {.sched_priority = 90};
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET((size_t)i, &one);
		if (pthread_create(&witnesses[i].thread, NULL, watch, &witnesses[i]) != 0 ||
		    pthread_setaffinity_np(witnesses[i].thread, sizeof one, &one) != 0 ||
		    pthread_setschedparam(witnesses[i].thread, SCHED_FIFO, &prio_max) != 0)
			measured_well = false;
	}
}

static bool stood_still(const struct sample *s)
{
	for (int i = 0; i <= cpus; i++)
		for (int k = 0; k < witnesses[i].count; k++)
			if (witnesses[i].seen[k].from_us < s->at_us + s->took_us &&
			    witnesses[i].seen[k].to_us > s->at_us)
				return true;
	return false;
}

/* What the machine's own pauses did to the tail.
 *
 * @return  the slowest event outside them, in ms */
static double tell_stalls(void)
{
	int64_t longest = 0, max = 0;
	int stalls = 0, touched = 0;

	for (int i = 0; i <= cpus; i++)
		for (int k = 0; k < witnesses[i].count; k++) {
			int64_t took = witnesses[i].seen[k].to_us - witnesses[i].seen[k].from_us;

			longest = took > longest ? took : longest;
			stalls++;
		}
	for (size_t i = count; i-- > 0 && !max;) {
		if (stood_still(&samples[i]))
			touched++;
		else
			max = samples[i].took_us;
	}
	printf(
	    "# a processor or this program stood still %d times for 15 ms or more, up to %.0f ms\n",
	    stalls, (double)longest / 1000);
	printf("# the slowest %d events fell into that\n", touched);
	return (double)max / 1000;
}

static void run(void)
{
	struct pollfd fds[PILOTS_MAX];
	int64_t now = now_us();

	for (int i = 0; i < pilots; i++)
		fds[i] = (struct pollfd){.fd = boards[i].fd, .events = POLLIN};
	while (count < wanted) {
		int64_t before = now;

		if (poll(fds, (nfds_t)pilots, 2) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < pilots; i++)
			if (fds[i].revents)
				hear(&boards[i]);
		now = now_us();
		for (int i = 0; i < pilots; i++)
			turn(&boards[i], now);
		trouble(now);
		stalled(&witnesses[cpus], before, now);
	}
}

static void report(void)
{
	double p50, p99, max, awake;

	qsort(samples, count, sizeof *samples, by_size);
	p50 = (double)samples[count / 2].took_us / 1000;
	p99 = (double)samples[count - count / 100 - 1].took_us / 1000;
	max = (double)samples[count - 1].took_us / 1000;
	printf("# %zu events, %d pilots, %s, %s%s\n", count, pilots,
	       load ? "2 spinning processes, a tool killed each 50 ms" : "no load of our own",
	       prio ? "SCHED_FIFO and mlockall" : "ordinary scheduling",
	       measured_well ? "" : "; the measuring program may have waited itself");
	printf("p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", p50, p99, max);
	awake = tell_stalls();
	printf("bench pilot_open_p99%s %.2f ms 30\n", prio ? "_rt" : "", p99);
	printf("bench pilot_open_max%s %.2f ms 80\n", prio ? "_rt" : "", max);
	printf("bench pilot_open_max_machine_running%s %.2f ms 80\n", prio ? "_rt" : "", awake);
	fflush(stdout);
}

static void measure(const char *dir)
{
	memset(boards, 0, sizeof boards);
	count = 0;
	for (int i = 0; i <= cpus; i++)
		witnesses[i].count = 0;
	for (int i = 0; i < pilots; i++)
		start(&boards[i], i, dir);
	for (int i = 0; load && i < SPINNERS; i++)
		spinners[i] = spin();
	run();
	for (int i = 0; i < SPINNERS + TOOLS && load; i++) {
		pid_t *pid = i < SPINNERS ? &spinners[i] : &tools[i - SPINNERS];

		if (*pid > 0 && kill(*pid, SIGKILL) == 0)
			waitpid(*pid, NULL, 0);
		*pid = 0;
	}
	for (int i = 0; i < pilots; i++) {
		char lock[130];

		kill(boards[i].pid, SIGKILL);
		waitpid(boards[i].pid, NULL, 0);
		close(boards[i].fd);
		close(boards[i].listen_fd);
		close(boards[i].in);
		snprintf(lock, sizeof lock, "%s.lock", boards[i].path);
		unlink(lock);
		unlink(boards[i].path);
	}
	report();
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/pilot-path-XXXXXX";
	int c;

	while ((c = getopt(argc, argv, "n:e:r:l")) != -1) {
		if (c == 'n')
			pilots = atoi(optarg);
		else if (c == 'e')
			wanted = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			prio = atoi(optarg);
		else if (c == 'l')
			load = true;
		else
			return 64;
	}
	if (optind < argc)
		program = argv[optind];
	if (pilots < 1 || pilots > PILOTS_MAX || wanted < 100 || !mkdtemp(dir))
		return 64;
	signal(SIGPIPE, SIG_IGN);
	measured_well = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
					   &(struct sched_param){.sched_priority = 60}) == 0;
	post_witnesses();
	samples = calloc(wanted, sizeof *samples);
	if (!samples)
		die("memory");
	measure(dir);
	if (!prio && measured_well) {
		prio = 20;
		measure(dir);
	}
	rmdir(dir);
	return 0;
}
