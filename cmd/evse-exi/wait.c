#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/log.h"

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

void wait_begin(sigset_t *waiting)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigprocmask(SIG_BLOCK, &ours, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

bool wait_input(int fd, const sigset_t *waiting)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};

	while (!stopped && ppoll(&in, 1, NULL, waiting) < 0) {
		if (errno != EINTR)
			log_fatal(EXIT_OS, "unable to wait for input: %s", strerror(errno));
	}
	return !stopped;
}
