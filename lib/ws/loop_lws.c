/* libwebsockets does the loop's waiting.
 *
 * Debian 12's libwebsockets polls for itself and offers no hook. But a set of descriptors is a
 * descriptor: all that the loop watches goes into one epoll set, which libwebsockets polls as one
 * raw file beside its own sockets. A timerfd in the same set ends the wait at the loop's next
 * deadline. */
#include "ws/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const struct lws_protocols loop_protocols[] = {
    {.name = "evse-loop", .callback = ws_loop_callback},
    {.name = NULL},
};

int ws_loop_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		     size_t len)
{
	(void)wsi, (void)reason, (void)user, (void)in, (void)len;
	return 0; /* that libwebsockets has woken is all we need */
}

static void timer_arm(struct ws *ws, int64_t after_us)
{
	struct itimerspec at = {
	    .it_value = {(time_t)(after_us / 1000000), (long)(after_us % 1000000) * 1000}};

	timerfd_settime(ws->timer_fd, 0, &at, NULL);
}

int ws_loop_init(struct ws *ws, struct err *e)
{
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN, .protocols = loop_protocols, .vhost_name = "evse-loop"};
	struct epoll_event ev = {.events = EPOLLIN};
	lws_sock_file_fd_type adopted;

	ws->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ws->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ws->epoll_fd < 0 || ws->timer_fd < 0)
		return err_sys(e, "unable to make the descriptors to wait on");
	ev.data.fd = ws->timer_fd;
	adopted.filefd = dup(ws->epoll_fd);
	if (adopted.filefd < 0 || epoll_ctl(ws->epoll_fd, EPOLL_CTL_ADD, ws->timer_fd, &ev) < 0)
		return err_sys(e, "unable to set up the descriptors to wait on");
	ws->loop_vhost = lws_create_vhost(ws->lws, &info);
	if (!ws->loop_vhost || !lws_adopt_descriptor_vhost(ws->loop_vhost, LWS_ADOPT_RAW_FILE_DESC,
							   adopted, loop_protocols[0].name, NULL))
		return err_set(e, "libwebsockets does not take the loop's descriptors");
	return 0;
}

void ws_loop_release(struct ws *ws)
{
	if (ws->epoll_fd >= 0)
		close(ws->epoll_fd);
	if (ws->timer_fd >= 0)
		close(ws->timer_fd);
	free(ws->always);
	free(ws->always_events);
}

void ws_noted(struct ws *ws)
{
	ws->work++;
	if (!ws->fresh)
		loop_replay_now(ws->loop, clock_read());
	ws->fresh = true;
	if (ws->waiting)
		timer_arm(ws, 1);
}

/* ---- what is watched ---- */

static void always_set(struct ws *ws, int fd, short events, bool gone)
{
	size_t i = 0;

	while (i < ws->nalways && ws->always[i] != fd)
		i++;
	if (gone) {
		if (i < ws->nalways) {
			ws->always[i] = ws->always[--ws->nalways];
			ws->always_events[i] = ws->always_events[ws->nalways];
		}
		return;
	}
	if (i == ws->always_cap) {
		size_t cap = ws->always_cap + 4;
		int *fds = realloc(ws->always, cap * sizeof(*fds));
		short *evs;

		if (!fds)
			return;
		ws->always = fds;
		evs = realloc(ws->always_events, cap * sizeof(*evs));
		if (!evs)
			return;
		ws->always_events = evs;
		ws->always_cap = cap;
	}
	ws->always[i] = fd;
	ws->always_events[i] = events;
	if (i == ws->nalways)
		ws->nalways++;
}

static void backend_watch(void *ctx, int fd, short events, bool gone)
{
	struct ws *ws = ctx;
	struct epoll_event ev = {.data.fd = fd};

	if (gone) {
		epoll_ctl(ws->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		always_set(ws, fd, 0, true);
		return;
	}
	ev.events = (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u);
	if (epoll_ctl(ws->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
		return;
	if (errno == EEXIST)
		epoll_ctl(ws->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
	else if (errno == EPERM)
		always_set(ws, fd, events, false);
}

/* ---- waiting ---- */

static bool always_ready(const struct ws *ws)
{
	for (size_t i = 0; i < ws->nalways; i++)
		if (ws->always_events[i])
			return true;
	return false;
}

static void dispatch_always(struct ws *ws)
{
	for (size_t i = 0; i < ws->nalways; i++) {
		if (!ws->always_events[i])
			continue;
		ws_noted(ws);
		loop_dispatch(ws->loop, ws->always[i], ws->always_events[i]);
	}
}

static void dispatch_epoll(struct ws *ws)
{
	struct epoll_event evs[32];
	int n = epoll_wait(ws->epoll_fd, evs, 32, 0);

	for (int i = 0; i < n; i++) {
		uint64_t expired;

		if (evs[i].data.fd == ws->timer_fd) {
			if (read(ws->timer_fd, &expired, sizeof(expired)) < 0)
				continue; /* disarmed meanwhile */
			continue;
		}
		ws_noted(ws);
		loop_dispatch(ws->loop, evs[i].data.fd,
			      (short)((evs[i].events & EPOLLIN ? POLLIN : 0) |
				      (evs[i].events & EPOLLOUT ? POLLOUT : 0) |
				      (evs[i].events & EPOLLERR ? POLLERR : 0) |
				      (evs[i].events & EPOLLHUP ? POLLHUP : 0)));
	}
}

/* Frees what died; never inside libwebsockets, and before a wait that may be long. */
static void reap(struct ws *ws)
{
	if (!ws->reap)
		return;
	ws->reap = false;
	ws_client_reap(ws);
	ws_server_reap(ws);
}

static int backend_wait(void *ctx, int64_t timeout_us)
{
	struct ws *ws = ctx;

	reap(ws);
	if (always_ready(ws))
		timeout_us = 0;
	timer_arm(ws, timeout_us > 0 ? timeout_us : 0);
	ws->work = 0;
	ws->fresh = false;
	ws->waiting = true;
	/* a negative time means: look, do not wait; any other: until something comes */
	lws_service(ws->lws, timeout_us == 0 ? -1 : 0);
	ws->waiting = false;
	dispatch_epoll(ws);
	dispatch_always(ws);
	reap(ws);
	return ws->work;
}

const struct loop_backend ws_loop_backend = {backend_watch, backend_wait};

/* What stays with the loop when the websocket side has gone: it may still be tidied, not run. */
static int ended_wait(void *ctx, int64_t timeout_us)
{
	(void)ctx, (void)timeout_us;
	return 0;
}

const struct loop_backend ws_loop_ended = {NULL, ended_wait};
