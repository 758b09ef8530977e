#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SIGNAL_MAX = 8 };
#define STEP_US  INT64_C(50000)
#define DRAIN_US INT64_C(5000)

struct watch {
	int fd;
	loop_fd_fn *fn;
	void *ctx;
};

struct on_signal {
	int signo;
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

struct loop {
	struct now now;
	bool stopping;
	int code;
	/* parallel arrays: what poll wants, and whom to call; removed entries have fd -1 until the
	 * turn ends */
	struct pollfd *poll;
	struct watch *watch;
	size_t nwatch, cap;
	bool removed;
	struct loop_timer *timers; /* by deadline, soonest first */
	struct on_signal signals[SIGNAL_MAX];
	size_t nsignals;
	int signal_pipe[2];
	int step_fd;
	void (*step_fn)(void *ctx, int64_t step_us);
	void *step_ctx;
	void (*drained_fn)(void *ctx);
	void *drained_ctx;
	void (*timer_fn)(void *ctx, const struct loop_timer *t);
	void *timer_ctx;
	const struct loop_backend *backend;
	void *backend_ctx;
	bool clock_ready;     /* the test clock's server has said something */
	int64_t undrained_us; /* since when input waits for the drained hook; 0: none waits */
};

/* A signal handler has no argument: the write end of the one loop that takes signals in this
 * process. */
static int signal_write_fd = -1;

static void on_signal_raw(int signo)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signo;

	if (write(signal_write_fd, &byte, 1) < 0)
		errno = 0; /* pipe full: a wake-up is pending anyway */
	errno = saved;
}

/* ---- waiting with poll ---- */

static int poll_wait(void *ctx, int64_t timeout_us)
{
	struct loop *l = ctx;
	struct timespec ts, *tsp = NULL;
	size_t n = l->nwatch;
	int ready, done = 0;

	if (timeout_us >= 0) {
		ts = (struct timespec){timeout_us / 1000000, (long)(timeout_us % 1000000) * 1000};
		tsp = &ts;
	}
	ready = ppoll(l->poll, (nfds_t)n, tsp, NULL);
	if (ready <= 0)
		return 0;
	l->now = clock_read();
	for (size_t i = 0; i < n && ready; i++) {
		short revents = l->poll[i].revents;

		if (!revents || l->poll[i].fd < 0)
			continue;
		ready--;
		done++;
		l->poll[i].revents = 0;
		loop_dispatch(l, l->poll[i].fd, revents);
	}
	return done;
}

static const struct loop_backend poll_backend = {NULL, poll_wait};

/* ---- life ---- */

static void on_signal_pipe(void *ctx, int fd, short revents)
{
	struct loop *l = ctx;
	unsigned char byte;

	(void)revents;
	while (read(fd, &byte, 1) == 1)
		for (size_t i = 0; i < l->nsignals; i++)
			if (l->signals[i].signo == byte)
				l->signals[i].fn(l->signals[i].ctx, byte);
}

static void on_clock_fd(void *ctx, int fd, short revents)
{
	(void)fd, (void)revents;
	((struct loop *)ctx)->clock_ready = true;
}

struct loop *loop_new(struct err *err)
{
	struct loop *l = calloc(1, sizeof *l);

	if (!l) {
		err_sys(err, "unable to make the event loop");
		return NULL;
	}
	l->backend = &poll_backend;
	l->backend_ctx = l;
	l->signal_pipe[0] = l->signal_pipe[1] = l->step_fd = -1;
	l->now = clock_read();
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_pipe[1] >= 0 && l->signal_pipe[1] == signal_write_fd) {
		for (size_t i = 0; i < l->nsignals; i++)
			signal(l->signals[i].signo, SIG_DFL);
		signal_write_fd = -1;
	}
	for (int i = 0; i < 2; i++)
		if (l->signal_pipe[i] >= 0)
			close(l->signal_pipe[i]);
	if (l->step_fd >= 0)
		close(l->step_fd);
	free(l->poll);
	free(l->watch);
	free(l);
}

struct now loop_now(const struct loop *l)
{
	return l->now;
}

void loop_stop(struct loop *l, int code)
{
	if (!l->stopping)
		l->code = code;
	l->stopping = true;
}

bool loop_stopping(const struct loop *l)
{
	return l->stopping;
}

void loop_set_backend(struct loop *l, const struct loop_backend *backend, void *ctx)
{
	l->backend = backend;
	l->backend_ctx = ctx;
}

/* ---- descriptors ---- */

static size_t find(const struct loop *l, int fd)
{
	size_t i = 0;

	while (i < l->nwatch && l->poll[i].fd != fd)
		i++;
	return i;
}

static int grow(struct loop *l)
{
	size_t cap = l->cap ? l->cap * 2 : 8;
	struct pollfd *p = realloc(l->poll, cap * sizeof *p);
	struct watch *w;

	if (!p)
		return -1;
	l->poll = p;
	w = realloc(l->watch, cap * sizeof *w);
	if (!w)
		return -1;
	l->watch = w;
	l->cap = cap;
	return 0;
}

int loop_watch(struct loop *l, int fd, short events, loop_fd_fn *fn, void *ctx)
{
	size_t i = find(l, fd);

	if (i == l->nwatch) {
		if (l->nwatch == l->cap && grow(l) < 0)
			return -1;
		l->nwatch++;
		l->poll[i] = (struct pollfd){.fd = fd};
	}
	l->poll[i].events = events;
	l->watch[i] = (struct watch){fd, fn, ctx};
	if (l->backend->watch)
		l->backend->watch(l->backend_ctx, fd, events, false);
	return 0;
}

void loop_unwatch(struct loop *l, int fd)
{
	size_t i = find(l, fd);

	if (fd < 0 || i == l->nwatch)
		return;
	l->poll[i].fd = -1;
	l->removed = true;
	if (l->backend->watch)
		l->backend->watch(l->backend_ctx, fd, 0, true);
}

void loop_dispatch(struct loop *l, int fd, short revents)
{
	size_t i = find(l, fd);

	if (fd >= 0 && i < l->nwatch &&
	    (l->poll[i].events | POLLERR | POLLHUP | POLLNVAL) & revents)
		l->watch[i].fn(l->watch[i].ctx, fd, revents);
}

static void sweep_removed(struct loop *l)
{
	size_t to = 0;

	if (!l->removed)
		return;
	for (size_t i = 0; i < l->nwatch; i++) {
		if (l->poll[i].fd < 0)
			continue;
		l->poll[to] = l->poll[i];
		l->watch[to++] = l->watch[i];
	}
	l->nwatch = to;
	l->removed = false;
}

/* ---- timers ---- */

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	if (!t->armed)
		return;
	for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->armed = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t deadline_us)
{
	struct loop_timer **p = &l->timers;

	loop_timer_cancel(l, t);
	t->deadline_us = deadline_us;
	t->armed = true;
	while (*p && (*p)->deadline_us <= deadline_us)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

void loop_timer_after(struct loop *l, struct loop_timer *t, int64_t after_us)
{
	loop_timer_set(l, t, l->now.mono_us + after_us);
}

static void fire(struct loop *l, struct loop_timer *t)
{
	loop_timer_cancel(l, t);
	if (l->timer_fn)
		l->timer_fn(l->timer_ctx, t);
	t->fn(t->ctx);
}

static void run_timers(struct loop *l)
{
	while (!l->stopping && l->timers && l->timers->deadline_us <= l->now.mono_us)
		fire(l, l->timers);
}

void loop_on_timer(struct loop *l, void (*fn)(void *ctx, const struct loop_timer *t), void *ctx)
{
	l->timer_fn = fn;
	l->timer_ctx = ctx;
}

void loop_replay_now(struct loop *l, struct now now)
{
	l->now = now;
}

bool loop_replay_timer(struct loop *l, const char *name)
{
	for (struct loop_timer *t = l->timers; t; t = t->next) {
		if (strcmp(t->name, name) == 0) {
			fire(l, t);
			return true;
		}
	}
	return false;
}

/* ---- signals, steps ---- */

int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	struct sigaction sa = {.sa_handler = on_signal_raw, .sa_flags = SA_RESTART};

	if (l->nsignals == SIGNAL_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if (l->signal_pipe[0] < 0) {
		if (pipe2(l->signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
			return -1;
		signal_write_fd = l->signal_pipe[1];
		if (loop_watch(l, l->signal_pipe[0], POLLIN, on_signal_pipe, l) < 0)
			return -1;
	}
	l->signals[l->nsignals++] = (struct on_signal){signo, fn, ctx};
	sigemptyset(&sa.sa_mask);
	return sigaction(signo, &sa, NULL);
}

/* Absolute and far away: it only ever wakes because the wall clock was set. */
static void arm_step_fd(struct loop *l)
{
	struct itimerspec far = {.it_value.tv_sec = INT64_C(1) << 40};

	timerfd_settime(l->step_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_step_fd(void *ctx, int fd, short revents)
{
	struct loop *l = ctx;
	uint64_t count;

	(void)revents;
	if (read(fd, &count, sizeof count) < 0 && errno == ECANCELED)
		arm_step_fd(l);
}

void loop_on_step(struct loop *l, void (*fn)(void *ctx, int64_t step_us), void *ctx)
{
	l->step_fn = fn;
	l->step_ctx = ctx;
	if (clock_is_test() || l->step_fd >= 0)
		return;
	l->step_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->step_fd < 0)
		return; /* steps are then seen at the next turn */
	arm_step_fd(l);
	loop_watch(l, l->step_fd, POLLIN, on_step_fd, l);
}

static void notice_step(struct loop *l, struct now before)
{
	int64_t step = (l->now.real_us - before.real_us) - (l->now.mono_us - before.mono_us);

	if (l->step_fn && (step >= STEP_US || step <= -STEP_US))
		l->step_fn(l->step_ctx, step);
}

void loop_on_drained(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->drained_fn = fn;
	l->drained_ctx = ctx;
}

/* ---- turns ---- */

static int64_t until_next(const struct loop *l)
{
	int64_t left;

	if (!l->timers || l->timers->deadline_us == CLOCK_NEVER)
		return -1;
	left = l->timers->deadline_us - clock_read().mono_us;
	return left > 0 ? left : 0;
}

/* Waits under the test clock: says "idle until", then answers checks until time has gone on or work
 * came. */
static void test_clock_wait(struct loop *l)
{
	int64_t deadline = l->timers ? l->timers->deadline_us : CLOCK_NEVER;
	uint64_t round;
	int work;

	l->clock_ready = false;
	if (l->backend->wait(l->backend_ctx, 0) - l->clock_ready > 0 ||
	    deadline <= clock_read().mono_us)
		return;
	clock_test_idle(deadline);
	for (;;) {
		l->clock_ready = false;
		work = l->backend->wait(l->backend_ctx, -1) - l->clock_ready;
		if (!l->clock_ready) {
			if (work > 0)
				return;
			continue;
		}
		switch (clock_test_read(&round)) {
		case CLOCK_TEST_CHECK:
			if (work <= 0) {
				l->clock_ready = false;
				work = l->backend->wait(l->backend_ctx, 0) - l->clock_ready;
			}
			clock_test_answer(round, work <= 0, deadline);
			break;
		case CLOCK_TEST_ADVANCED:
			return;
		case CLOCK_TEST_GONE:
			loop_stop(l, 75);
			return;
		case CLOCK_TEST_NONE:
			break;
		}
		if (work > 0)
			return;
	}
}

/* Input is drained before a decision, but a flood must not put the decision off: at most DRAIN_US.
 */
static void run_drained(struct loop *l)
{
	if (!l->drained_fn || l->stopping)
		return;
	if (ppoll(l->poll, (nfds_t)l->nwatch, &(struct timespec){0}, NULL) > 0) {
		if (!l->undrained_us)
			l->undrained_us = l->now.mono_us;
		if (l->now.mono_us - l->undrained_us < DRAIN_US)
			return;
	}
	l->undrained_us = 0;
	l->drained_fn(l->drained_ctx);
}

int loop_run(struct loop *l)
{
	struct now before;

	if (clock_is_test())
		loop_watch(l, clock_test_fd(), POLLIN, on_clock_fd, l);
	while (!l->stopping) {
		before = l->now;
		if (clock_is_test())
			test_clock_wait(l);
		else
			l->backend->wait(l->backend_ctx, until_next(l));
		l->now = clock_read();
		notice_step(l, before);
		run_timers(l);
		sweep_removed(l);
		run_drained(l);
	}
	return l->code;
}
