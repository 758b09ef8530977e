#include "core/out.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/head.h"
#include "core/log.h"
#include "core/types.h"
#include "core/utc.h"

static void make_epoch(char *epoch, size_t size, struct now now)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t v = (uint64_t)now.real_us / 1000 * 32768 + (uint64_t)getpid() % 32768;
	size_t i = 0;

	for (; v && i + 1 < size && i < 12; v /= 36)
		epoch[i++] = digits[v % 36];
	epoch[i] = '\0';
}

void out_init(struct out *o, int fd, struct loop *loop, const char *src, struct now now)
{
	*o = (struct out){.fd = fd, .loop = loop, .src = src};
	make_epoch(o->epoch, sizeof o->epoch, now);
	buf_init(&o->line, NDJSON_LINE_MAX);
	buf_init(&o->queue, OUT_QUEUE_MAX);
}

void out_release(struct out *o)
{
	buf_release(&o->line);
	buf_release(&o->queue);
}

static void write_src(struct out *o, const struct out_head *h)
{
	char src[128];
	const char *base = h->src ? h->src : o->src;

	if (h->item) {
		snprintf(src, sizeof src, "%s.%s", base, h->item);
		base = src;
	}
	jw_kstr(&o->w, "src", base);
}

struct jw *out_begin(struct out *o, struct now now, const char *type, struct out_head head)
{
	const struct record_type *rt = record_type(type, strlen(type));
	char t[UTC_LEN + 1], n[32];

	o->event = rt && rt->event;
	o->count++;
	buf_reset(&o->line);
	jw_init(&o->w, &o->line);
	jw_obj(&o->w);
	utc_format(head.t_us ? head.t_us : now.real_us, t);
	jw_kstr(&o->w, "t", t);
	jw_kstr(&o->w, "type", type);
	write_src(o, &head);
	jw_kstr(&o->w, "n", out_n(o, n));
	jw_kint(&o->w, "m", now_boot_ms(now));
	if (head.evse)
		jw_kint(&o->w, "evse", head.evse);
	if (head.connector)
		jw_kint(&o->w, "connector", head.connector);
	if (head.to)
		jw_kstr(&o->w, "to", head.to);
	if (!clock_is_set(now))
		jw_kbool(&o->w, "unsynced", true);
	return &o->w;
}

const char *out_n(const struct out *o, char text[32])
{
	snprintf(text, 32, "%s.%" PRIu64, o->epoch, o->count);
	return text;
}

static void report(struct out *o, int code)
{
	if (o->on_error)
		o->on_error(o->ctx, code);
}

/* Writes what the descriptor takes without waiting; PIPE_BUF at a time where others may write too.
 */
static size_t write_now(struct out *o, const char *p, size_t len, bool wait)
{
	struct pollfd pfd = {.fd = o->fd, .events = POLLOUT};
	size_t done = 0, part;
	ssize_t n;

	while (done < len) {
		if (!wait && poll(&pfd, 1, 0) < 1)
			break;
		part = len - done > PIPE_BUF && !wait ? PIPE_BUF : len - done;
		n = write(o->fd, p + done, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (wait)
				poll(&pfd, 1, 100);
			else
				break;
			continue;
		}
		if (n < 0) {
			report(o, errno);
			return len; /* lost: the reader is gone */
		}
		done += (size_t)n;
	}
	return done;
}

static void on_writable(void *ctx, int fd, short revents)
{
	struct out *o = ctx;
	bool blocked = out_blocked(o);

	(void)revents;
	buf_drop(&o->queue, write_now(o, buf_str(&o->queue), o->queue.len, false));
	if (!o->queue.len)
		loop_unwatch(o->loop, fd);
	if (blocked && !out_blocked(o) && o->on_room)
		o->on_room(o->ctx);
}

static void queue(struct out *o, const char *p, size_t len)
{
	bool first = !o->queue.len;

	if (buf_add(&o->queue, p, len) < 0) {
		o->queue.failed = false;
		o->dropped++;
		log_warning("output is full (%d bytes wait): %" PRIu64 " lines dropped",
			    OUT_QUEUE_MAX, o->dropped);
		return;
	}
	if (first)
		loop_watch(o->loop, o->fd, POLLOUT, on_writable, o);
}

/* A line starts in the queue only behind others or when it could not be written at once; a line
 * begun is finished. */
static void send_line(struct out *o, const char *p, size_t len)
{
	size_t done = 0;

	o->written++;
	if (!o->loop) {
		write_now(o, p, len, true);
		return;
	}
	if (!o->queue.len)
		done = write_now(o, p, len, false);
	if (done < len)
		queue(o, p + done, len - done);
}

uint64_t out_send(struct out *o)
{
	jw_end(&o->w);
	if (jw_failed(&o->w) || buf_addc(&o->line, '\n') < 0) {
		log_error("a record of %zu bytes or more could not be built and was not sent",
			  o->line.len);
		return 0;
	}
	if (o->event && o->spool)
		spool_add(o->spool, o->line.data, o->line.len - 1);
	send_line(o, o->line.data, o->line.len);
	return o->count;
}

void out_line(struct out *o, const char *line, size_t len)
{
	buf_reset(&o->line);
	buf_add(&o->line, line, len);
	if (buf_addc(&o->line, '\n') == 0)
		send_line(o, o->line.data, o->line.len);
}

bool out_blocked(const struct out *o)
{
	return o->queue.len > OUT_HIGH;
}

int out_flush(struct out *o, int timeout_ms)
{
	struct pollfd pfd = {.fd = o->fd, .events = POLLOUT};
	int64_t end = clock_read().mono_us + (int64_t)timeout_ms * 1000;

	while (o->queue.len) {
		buf_drop(&o->queue, write_now(o, buf_str(&o->queue), o->queue.len, false));
		if (!o->queue.len)
			break;
		if (clock_read().mono_us >= end) {
			errno = ETIMEDOUT;
			return -1;
		}
		poll(&pfd, 1, 20);
	}
	return 0;
}
