#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool tried;
	int fd;
	const struct clock_page *page;
} test = {.fd = -1};

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A test clock that was asked for and is not there would make a test pass for the wrong reason:
 * stop. */
static void test_fail(const char *path, const char *what)
{
	char line[256];
	int len = snprintf(line, sizeof line, "evse: error: EVSE_CLOCK=%s: %s: %s\n", path, what,
			   strerror(errno));

	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		_exit(71);
	_exit(71);
}

static void test_connect(void)
{
	const char *path = getenv("EVSE_CLOCK");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char page_path[sizeof sa.sun_path + 8];
	int fd;

	test.tried = true;
	if (!path || !*path)
		return;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	snprintf(page_path, sizeof page_path, "%s.page", sa.sun_path);
	fd = open(page_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		test_fail(path, "unable to open the time page");
	test.page = mmap(NULL, sizeof *test.page, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (test.page == MAP_FAILED)
		test_fail(path, "unable to map the time page");
	test.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (test.fd < 0 || connect(test.fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		test_fail(path, "unable to connect");
}

struct now clock_read(void)
{
	if (!test.tried)
		test_connect();
	if (test.page)
		return (struct now){test.page->real_us, test.page->mono_us};
	return (struct now){read_us(CLOCK_REALTIME), read_us(CLOCK_BOOTTIME)};
}

bool clock_is_set(struct now now)
{
	return now.real_us >= INT64_C(1577836800000000); /* 2020-01-01: before that nobody set it */
}

bool clock_is_test(void)
{
	if (!test.tried)
		test_connect();
	return test.fd >= 0;
}

int clock_test_fd(void)
{
	return clock_is_test() ? test.fd : -1;
}

static void say(char word, uint64_t round, int64_t deadline_us)
{
	struct clock_message m = {word, round, deadline_us};

	if (send(test.fd, &m, sizeof m, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		test_fail("test clock", "unable to send");
}

void clock_test_idle(int64_t deadline_us)
{
	say('I', 0, deadline_us);
}

void clock_test_answer(uint64_t round, bool idle, int64_t deadline_us)
{
	say(idle ? 'A' : 'B', round, deadline_us);
}

enum clock_test_word clock_test_read(uint64_t *round)
{
	struct clock_message m;
	ssize_t n = recv(test.fd, &m, sizeof m, MSG_DONTWAIT);

	if (n == (ssize_t)sizeof m) {
		*round = m.round;
		return m.word == 'C' ? CLOCK_TEST_CHECK : CLOCK_TEST_ADVANCED;
	}
	return n == 0 ? CLOCK_TEST_GONE : CLOCK_TEST_NONE;
}
