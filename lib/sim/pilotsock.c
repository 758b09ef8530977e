#include "sim/pilotsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/head.h"

enum {
	BACKLOG = 8,
	PENDING_MAX = 4096, /* of one controller that does not read */
};

struct door {
	struct sim_pilotsock *s;
	int fd, evse;
	char path[108];
};

struct peer {
	struct sim_pilotsock *s;
	int fd, evse;
	struct lines lines;
	struct buf pending;
	bool behind; /* missed a line */
	struct peer *next;
};

struct sim_pilotsock {
	struct loop *loop;
	struct sim_pilotsock_calls calls;
	int doors;
	struct door *door;
	struct peer *peers;
};

static void close_peer(struct peer *p)
{
	struct peer **at = &p->s->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	loop_unwatch(p->s->loop, p->fd);
	close(p->fd);
	lines_release(&p->lines);
	buf_release(&p->pending);
	free(p);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct peer *p = ctx;

	p->s->calls.line(p->s->calls.ctx, p->evse, line, len);
}

static void on_peer(void *ctx, int fd, short revents);

static void flush(struct peer *p)
{
	ssize_t n;

	while (p->pending.len > 0) {
		n = send(p->fd, p->pending.data, p->pending.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		buf_drop(&p->pending, (size_t)n);
	}
	loop_watch(p->s->loop, p->fd, p->pending.len > 0 ? POLLIN | POLLOUT : POLLIN, on_peer, p);
}

static void on_peer(void *ctx, int fd, short revents)
{
	struct peer *p = ctx;
	long n;

	if (revents & POLLOUT) {
		flush(p);
		if (p->pending.len == 0 && p->behind) {
			p->behind = false;
			p->s->calls.hello(p->s->calls.ctx, p->evse);
		}
	}
	if (!(revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = lines_read(&p->lines, fd, on_line, p);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		close_peer(p);
}

static void on_door(void *ctx, int fd, short revents)
{
	struct door *d = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *p;

	(void)revents;
	if (conn < 0)
		return;
	p = calloc(1, sizeof(*p));
	if (!p || loop_watch(d->s->loop, conn, POLLIN, on_peer, p) < 0) {
		free(p);
		close(conn);
		return;
	}
	p->s = d->s;
	p->fd = conn;
	p->evse = d->evse;
	lines_init(&p->lines);
	buf_init(&p->pending, PENDING_MAX);
	p->next = d->s->peers;
	d->s->peers = p;
	d->s->calls.hello(d->s->calls.ctx, d->evse);
}

static int open_door(struct door *d, const char *dir, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int len = snprintf(d->path, sizeof(d->path), "%s/pilot.%d.sock", dir, d->evse + 1);

	if (len < 0 || (size_t)len >= sizeof(addr.sun_path))
		return err_set(err, "%s: the path is too long for a socket", dir);
	memcpy(addr.sun_path, d->path, (size_t)len + 1);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(d->path);
	if (d->fd < 0 || bind(d->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(d->fd, BACKLOG) < 0)
		return err_sys(err, "unable to listen on %s", d->path);
	if (loop_watch(d->s->loop, d->fd, POLLIN, on_door, d) < 0)
		return err_sys(err, "unable to watch %s", d->path);
	return 0;
}

struct sim_pilotsock *sim_pilotsock_new(struct loop *loop, const char *dir, int evses,
					const struct sim_pilotsock_calls *calls, struct err *err)
{
	struct sim_pilotsock *s = calloc(1, sizeof(*s));

	if (s)
		s->door = calloc((size_t)evses, sizeof(*s->door));
	if (!s || !s->door) {
		free(s);
		err_sys(err, "unable to make the pilot sockets");
		return NULL;
	}
	s->loop = loop;
	s->calls = *calls;
	for (int i = 0; i < evses; i++) {
		s->door[i] = (struct door){.s = s, .evse = i, .fd = -1};
		s->doors++;
		if (open_door(&s->door[i], dir, err) < 0) {
			sim_pilotsock_free(s);
			return NULL;
		}
	}
	return s;
}

void sim_pilotsock_free(struct sim_pilotsock *s)
{
	if (!s)
		return;
	for (struct peer *p = s->peers, *next; p; p = next) {
		next = p->next;
		close_peer(p);
	}
	for (int i = 0; i < s->doors; i++) {
		if (s->door[i].fd < 0)
			continue;
		loop_unwatch(s->loop, s->door[i].fd);
		close(s->door[i].fd);
		unlink(s->door[i].path);
	}
	free(s->door);
	free(s);
}

bool sim_pilotsock_heard(const struct sim_pilotsock *s, int evse)
{
	for (const struct peer *p = s ? s->peers : NULL; p; p = p->next)
		if (p->evse == evse)
			return true;
	return false;
}

static void send_to(struct peer *p, const char *line, size_t len)
{
	if (p->pending.len + len + 1 > PENDING_MAX) {
		p->behind = true;
		return;
	}
	buf_add(&p->pending, line, len);
	buf_addc(&p->pending, '\n');
	flush(p);
}

void sim_pilotsock_send(struct sim_pilotsock *s, int evse, const char *line, size_t len)
{
	for (struct peer *p = s ? s->peers : NULL; p; p = p->next)
		if (p->evse == evse)
			send_to(p, line, len);
}
