/* test-clock: the server of the test clock (lib/core/clock.h): one time for all tools of a test.
 *
 * usage: test-clock SOCKET START UNTIL_S PARTICIPANTS
 *
 * START is a UTC time. Waits until PARTICIPANTS tools have connected and wait; from then on,
 * whenever all wait and each has answered that nothing came for it meanwhile, sets the time to the
 * nearest deadline of all. After UNTIL_S seconds of that time prints the number of steps and ends;
 * the tools see the connection close and end as well. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/utc.h"

enum { PARTS_MAX = 200 };

struct part {
	bool idle, answered, woken;
	int64_t deadline_us;
};

static struct pollfd pfd[1 + PARTS_MAX];
static struct part part[1 + PARTS_MAX];
static nfds_t n = 1;
static struct clock_page *page;
static uint64_t round_no, steps;
static bool checking;

static void fail(const char *what)
{
	fprintf(stderr, "test-clock: %s: %s\n", what, strerror(errno));
	exit(71);
}

static void listen_on(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char page_path[200];
	int fd;

	snprintf(page_path, sizeof page_path, "%s.page", path);
	fd = open(page_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *page) < 0)
		fail(page_path);
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		fail("mmap");
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	unlink(path);
	pfd[0] = (struct pollfd){socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), POLLIN, 0};
	if (pfd[0].fd < 0 || bind(pfd[0].fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
	    listen(pfd[0].fd, 64) < 0)
		fail(path);
}

static void tell(nfds_t i, char word)
{
	struct clock_message m = {word, round_no, 0};

	if (send(pfd[i].fd, &m, sizeof m, MSG_NOSIGNAL) < 0)
		part[i].idle = false; /* it is gone: its hang-up comes next */
}

static void take(nfds_t i)
{
	struct clock_message m;

	if (recv(pfd[i].fd, &m, sizeof m, 0) != (ssize_t)sizeof m) {
		close(pfd[i].fd);
		n--;
		pfd[i] = pfd[n];
		part[i] = part[n];
		checking = false;
		return;
	}
	part[i].deadline_us = m.deadline_us;
	if (m.word == 'I') {
		part[i].idle = true;
		return;
	}
	if (m.word == 'B') {
		part[i].idle = false; /* it says 'I' again when it is done */
		checking = false;
	} else if (m.round == round_no) {
		part[i].answered = true;
	}
}

static bool all(bool answered)
{
	for (nfds_t i = 1; i < n; i++)
		if (!part[i].idle || (answered && !part[i].answered))
			return false;
	return true;
}

static void advance(void)
{
	int64_t next = CLOCK_NEVER, by;

	for (nfds_t i = 1; i < n; i++)
		if (part[i].deadline_us < next)
			next = part[i].deadline_us;
	by = next == CLOCK_NEVER ? 1000000 : next - page->mono_us;
	if (by < 0)
		by = 0;
	page->real_us += by;
	page->mono_us += by;
	steps++;
	for (nfds_t i = 1; i < n; i++) {
		if (part[i].deadline_us <= page->mono_us) {
			part[i].idle = false;
			tell(i, 'T');
		}
	}
}

static void step(void)
{
	if (!all(false))
		return;
	if (!checking) {
		checking = true;
		round_no++;
		for (nfds_t i = 1; i < n; i++) {
			part[i].answered = false;
			tell(i, 'C');
		}
	} else if (all(true)) {
		checking = false;
		advance();
	}
}

/* Says who keeps time from going on. */
static int stuck(nfds_t want)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	fprintf(stderr,
		"test-clock: nothing came for 20 s after %" PRIu64 " steps; %d of %d tools there\n",
		steps, (int)n - 1, (int)want);
	for (nfds_t i = 1; i < n; i++) {
		if (getsockopt(pfd[i].fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
			continue;
		fprintf(stderr, "  pid %d: %s%s, deadline in %" PRId64 " us\n", (int)cred.pid,
			part[i].idle ? "waits" : "works",
			checking && !part[i].answered ? ", has not answered" : "",
			part[i].deadline_us - page->mono_us);
	}
	return 75;
}

int main(int argc, char **argv)
{
	int64_t start, end;
	nfds_t want;
	bool begun = false;

	if (argc != 5 || utc_parse(argv[2], strlen(argv[2]), &start) < 0) {
		fprintf(stderr, "usage: test-clock SOCKET START UNTIL_S PARTICIPANTS\n");
		return 64;
	}
	listen_on(argv[1]);
	page->real_us = start;
	page->mono_us = 1000000000;
	end = page->mono_us + strtoll(argv[3], NULL, 10) * 1000000;
	want = strtoul(argv[4], NULL, 10);
	puts("ready");
	fflush(stdout);
	while (page->mono_us < end && (!begun || n > 1)) {
		if (poll(pfd, n, 20000) < 1)
			return stuck(want);
		for (nfds_t i = n; i-- > 1;)
			if (pfd[i].revents)
				take(i);
		if (pfd[0].revents && n <= PARTS_MAX) {
			pfd[n] = (struct pollfd){accept4(pfd[0].fd, NULL, NULL, SOCK_CLOEXEC),
						 POLLIN, 0};
			part[n] = (struct part){0};
			n++;
			checking = false;
		}
		begun = begun || n > want;
		if (begun)
			step();
	}
	printf("%" PRIu64 " steps, %" PRId64 " s\n", steps, (page->mono_us - 1000000000) / 1000000);
	return 0;
}
