#include "sim/mbserve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/pty.h"

enum {
	BACKLOG = 16,
	IN_MAX = 512,
	LATE_MAX = 8,     /* answers under way on one line */
	QUIET_US = 50000, /* half a request that stays alone so long is thrown away (RTU) */
};

struct late {
	int64_t due_us;
	size_t len;
	uint8_t bytes[SIM_MB_FRAME_MAX];
};

/* A TCP client or a serial line. */
struct wire {
	struct sim_mbserve *s;
	enum sim_framing framing;
	int line, fd;
	struct sim_pty pty;
	uint8_t in[IN_MAX];
	size_t len;
	struct late late[LATE_MAX];
	int late_count;
	struct loop_timer quiet, later;
	struct wire *next;
};

struct sim_mbserve {
	struct loop *loop;
	sim_mb_ask_fn *ask;
	void *ctx;
	int listener;
	struct wire *wires;
};

struct sim_mbserve *sim_mbserve_new(struct loop *loop, sim_mb_ask_fn *ask, void *ctx)
{
	struct sim_mbserve *s = calloc(1, sizeof(*s));

	if (s)
		*s = (struct sim_mbserve){.loop = loop, .ask = ask, .ctx = ctx, .listener = -1};
	return s;
}

static void close_wire(struct wire *w)
{
	struct wire **at = &w->s->wires;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	loop_unwatch(w->s->loop, w->fd);
	loop_timer_cancel(w->s->loop, &w->quiet);
	loop_timer_cancel(w->s->loop, &w->later);
	if (w->framing == SIM_MB_RTU)
		sim_pty_close(&w->pty);
	else
		close(w->fd);
	free(w);
}

void sim_mbserve_free(struct sim_mbserve *s)
{
	if (!s)
		return;
	while (s->wires)
		close_wire(s->wires);
	if (s->listener >= 0) {
		loop_unwatch(s->loop, s->listener);
		close(s->listener);
	}
	free(s);
}

/* A frame fits any socket buffer or pty; a client that does not read loses it, as on a real line.
 */
static void put(struct wire *w, const uint8_t *bytes, size_t len)
{
	ssize_t n = w->framing == SIM_MB_TCP ? send(w->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT)
					     : write(w->fd, bytes, len);

	(void)n;
}

static void put_later(struct wire *w, const uint8_t *bytes, size_t len, int late_ms)
{
	struct late *l = &w->late[w->late_count];

	if (w->late_count == LATE_MAX)
		return;
	w->late_count++;
	l->due_us = loop_now(w->s->loop).mono_us + (int64_t)late_ms * 1000;
	l->len = len;
	memcpy(l->bytes, bytes, len);
	if (!w->later.armed || l->due_us < w->later.deadline_us)
		loop_timer_set(w->s->loop, &w->later, l->due_us);
}

static void on_later(void *ctx)
{
	struct wire *w = ctx;
	int64_t now_us = loop_now(w->s->loop).mono_us, next_us = CLOCK_NEVER;
	int kept = 0;

	for (int i = 0; i < w->late_count; i++) {
		if (w->late[i].due_us <= now_us) {
			put(w, w->late[i].bytes, w->late[i].len);
			continue;
		}
		if (w->late[i].due_us < next_us)
			next_us = w->late[i].due_us;
		w->late[kept++] = w->late[i];
	}
	w->late_count = kept;
	if (kept > 0)
		loop_timer_set(w->s->loop, &w->later, next_us);
}

/* What noise on the line makes of an answer: every third bit pattern inverted. */
static void spoil(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3)
		bytes[i] ^= 0xa5;
}

static void answer(struct wire *w, const struct sim_mb_request *r)
{
	struct sim_mb_reply a = {0};
	uint8_t out[SIM_MB_FRAME_MAX];
	size_t len;

	w->s->ask(w->s->ctx, w->line, r, &a);
	if (a.silent)
		return;
	len = sim_mb_answer(w->framing, r, a.exception, a.registers, out);
	if (a.garbage)
		spoil(out, len);
	if (a.late_ms > 0)
		put_later(w, out, len, a.late_ms);
	else
		put(w, out, len);
}

/* @return  false when the wire was closed */
static bool take_requests(struct wire *w)
{
	struct sim_mb_request r;
	size_t used;
	int found;

	do {
		found = sim_mb_take(w->framing, w->in, w->len, &used, &r);
		if (found < 0) {
			close_wire(w);
			return false;
		}
		w->len -= used;
		memmove(w->in, w->in + used, w->len);
		if (found > 0)
			answer(w, &r);
	} while (found > 0);
	return true;
}

static void on_wire(void *ctx, int fd, short revents)
{
	struct wire *w = ctx;
	ssize_t n = read(fd, w->in + w->len, sizeof(w->in) - w->len);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR || w->framing == SIM_MB_RTU))
		return;
	if (n <= 0) {
		close_wire(w);
		return;
	}
	w->len += (size_t)n;
	if (!take_requests(w))
		return;
	if (w->framing == SIM_MB_RTU && w->len > 0)
		loop_timer_after(w->s->loop, &w->quiet, QUIET_US);
	else
		loop_timer_cancel(w->s->loop, &w->quiet);
}

static void on_quiet(void *ctx)
{
	struct wire *w = ctx;

	w->len = 0;
}

static struct wire *new_wire(struct sim_mbserve *s, enum sim_framing framing, int line)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->s = s;
	w->framing = framing;
	w->line = line;
	w->quiet = (struct loop_timer){.name = "modbus-quiet", .fn = on_quiet, .ctx = w};
	w->later = (struct loop_timer){.name = "modbus-late", .fn = on_later, .ctx = w};
	return w;
}

static int join(struct sim_mbserve *s, struct wire *w, int fd)
{
	w->fd = fd;
	if (loop_watch(s->loop, fd, POLLIN, on_wire, w) < 0)
		return -1;
	w->next = s->wires;
	s->wires = w;
	return 0;
}

static void on_listener(void *ctx, int fd, short revents)
{
	struct sim_mbserve *s = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct wire *w;

	(void)revents;
	if (conn < 0)
		return;
	setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	w = new_wire(s, SIM_MB_TCP, 0);
	if (!w || join(s, w, conn) < 0) {
		free(w);
		close(conn);
	}
}

int sim_mbserve_tcp(struct sim_mbserve *s, const char *host, int *port, struct err *err)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	socklen_t len = sizeof(addr);
	int on = 1;

	if (inet_pton(AF_INET, host, &addr.sin_addr) != 1)
		return err_set(err, "%s: expected an IPv4 address", host);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listener < 0)
		return err_sys(err, "unable to make a socket");
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(s->listener, BACKLOG) < 0 ||
	    getsockname(s->listener, (struct sockaddr *)&addr, &len) < 0)
		return err_sys(err, "unable to listen on %s port %d", host, *port);
	*port = ntohs(addr.sin_port);
	if (loop_watch(s->loop, s->listener, POLLIN, on_listener, s) < 0)
		return err_sys(err, "unable to watch port %d", *port);
	return 0;
}

int sim_mbserve_tty(struct sim_mbserve *s, int line, const char *path, struct err *err)
{
	struct wire *w = new_wire(s, SIM_MB_RTU, line);

	if (!w)
		return err_sys(err, "unable to make %s", path);
	if (sim_pty_open(&w->pty, path, err) < 0) {
		free(w);
		return -1;
	}
	if (join(s, w, w->pty.fd) < 0) {
		sim_pty_close(&w->pty);
		free(w);
		return err_sys(err, "unable to watch %s", path);
	}
	return 0;
}
