/* The event loop: descriptors, deadlines, signals. One thread, one "now" per turn.
 *
 * A turn: wait; take the time; signals; ready descriptors; due timers in order of their deadlines;
 * then, when no watched input was readable in this turn any more, the drained hook ("input is
 * drained before a decision").
 *
 * Two things can replace the waiting: a backend (lib/ws/ gives one that lets libwebsockets wait)
 * and the test clock of $EVSE_CLOCK: then time only goes on when every tool of the test waits, to
 * the nearest deadline of all, so that a day passes in seconds and nothing depends on the machine's
 * speed. */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/err.h"

struct loop;

/** @return  a new loop, NULL with @err on failure. The caller frees it with loop_free(). */
struct loop *loop_new(struct err *err);
void loop_free(struct loop *l);

/** The time of this turn. Never blocks, never changes within a turn. */
struct now loop_now(const struct loop *l);

/** Runs turns until loop_stop(). @return  the code that loop_stop() gave. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code);
bool loop_stopping(const struct loop *l);

/* ---- descriptors ---- */

typedef void loop_fd_fn(void *ctx, int fd, short revents);

/**
 * Watches @fd, or changes what is watched.
 *
 * @events  POLLIN, POLLOUT or both; errors and hang-up always wake. 0 keeps the place but watches
 * nothing.
 * @fn      called in the loop; may watch, unwatch and stop freely
 * @return  0, or -1 with errno ENOMEM
 */
int loop_watch(struct loop *l, int fd, short events, loop_fd_fn *fn, void *ctx);
/** Forgets @fd; call before closing it. Unknown descriptors are ignored. */
void loop_unwatch(struct loop *l, int fd);

/* ---- timers ---- */

/* Lives in the owner's structure; zero it, then set name, fn and ctx. */
struct loop_timer {
	const char *name; /* in journals; unique within a tool */
	void (*fn)(void *ctx);
	void *ctx;
	int64_t deadline_us; /* mono; meaningful while armed */
	bool armed;
	struct loop_timer *next; /* the loop's */
};

/** Arms @t for @deadline_us on the forward clock (a past one fires in the next turn); re-arms when
 * armed. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t deadline_us);
/** As loop_timer_set, @after_us from this turn's now. */
void loop_timer_after(struct loop *l, struct loop_timer *t, int64_t after_us);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* ---- signals, clock steps, drained input ---- */

/** Calls @fn in the loop after signal @signo came (self-pipe). @return 0, or -1 with errno. */
int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);
/** Calls @fn when the wall clock was stepped by @step_us (50 ms or more) against the forward clock.
 */
void loop_on_step(struct loop *l, void (*fn)(void *ctx, int64_t step_us), void *ctx);
/** Calls @fn at the end of each turn that finds no descriptor ready any more; in a flood every 5
 * ms. */
void loop_on_drained(struct loop *l, void (*fn)(void *ctx), void *ctx);
/** Calls @fn before each timer's own function, for journals. */
void loop_on_timer(struct loop *l, void (*fn)(void *ctx, const struct loop_timer *t), void *ctx);

/* ---- who waits ---- */

struct loop_backend {
	/** @fd is watched for @events from now on (0: only errors); @gone: no longer. */
	void (*watch)(void *ctx, int fd, short events, bool gone);
	/**
	 * Waits at most @timeout_us (-1: for ever, 0: not at all), calling loop_dispatch() for each
	 * ready descriptor and doing its own work. @return how many things it did, 0 when the time
	 * ran out.
	 */
	int (*wait)(void *ctx, int64_t timeout_us);
};

/** Lets @backend wait from now on; before any descriptor is watched. @backend and @ctx outlive the
 * loop. */
void loop_set_backend(struct loop *l, const struct loop_backend *backend, void *ctx);
/** For backends: @fd is ready with @revents. */
void loop_dispatch(struct loop *l, int fd, short revents);

/** For replay: sets this turn's time, and fires a timer by its name. @return false when none is
 * armed so. */
void loop_replay_now(struct loop *l, struct now now);
bool loop_replay_timer(struct loop *l, const char *name);

#endif
