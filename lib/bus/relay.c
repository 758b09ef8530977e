#include "bus/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/client.h"
#include "bus/keep.h"
#include "bus/pending.h"
#include "bus/topics.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/out.h"
#include "core/record.h"
#include "core/types.h"

enum { KEYS = 256, HIGH = 128 << 10, RETRY_FIRST_MS = 20, RETRY_MAX_MS = 1000, LAST_MS = 1000 };

struct relay {
	const struct relay_config *config;
	struct loop *loop;
	struct lines from_tool, from_bus;
	struct out to_tool, to_bus; /* only their queues and writes are used */
	int bus;                    /* -1 while away */
	int hear_fd;                /* the tool's input once more, to notice that nobody reads it */
	bool tool_mute;             /* its output has ended */
	bool gone;                  /* lost, not cleaned up yet */
	struct keep keep;
	uint64_t seq;
	struct pending pending;
	bool durable, want_ack, was_up;
	struct topics topics;
	struct loop_timer retry, last;
	int retry_ms;
	uint64_t lost_said;
	struct out own; /* builds the relay's own alert */
};

void relay_spool_path(const char *dir, const char *service, char *path, unsigned long size)
{
	snprintf(path, size, "%s/%s.spool", dir, service);
}

static void stop_reading(struct relay *r);

/* ---- towards the bus ---- */

/* Only marked: this may be deep inside reading from it. The retry timer cleans up. */
static void bus_lost(struct relay *r)
{
	if (r->bus < 0 || r->gone)
		return;
	r->gone = true;
	loop_timer_after(r->loop, &r->retry, 0);
}

static void clean_up(struct relay *r)
{
	loop_unwatch(r->loop, r->bus);
	loop_unwatch(r->loop, r->to_bus.fd);
	close(r->bus);
	close(r->to_bus.fd);
	r->bus = -1;
	r->gone = false;
	buf_reset(&r->to_bus.queue);
	lines_release(&r->from_bus);
	lines_init(&r->from_bus);
	r->retry_ms = RETRY_FIRST_MS;
	stop_reading(r); /* nothing waits to be sent any more: the tool is heard again */
}

static void on_bus_error(void *ctx, int code)
{
	(void)code;
	bus_lost(ctx);
}

static void to_bus(struct relay *r, const char *line, size_t len)
{
	if (r->bus >= 0 && !r->gone)
		out_line(&r->to_bus, line, len);
}

static void resend_line(void *ctx, const char *line, size_t len)
{
	to_bus(ctx, line, len);
}

static void resend_events(struct relay *r, const char *reader)
{
	if (!r->durable)
		return;
	to_bus(r, "{\"resend\":true}", 15);
	pending_each(&r->pending, reader, resend_line, r);
	to_bus(r, "{\"resend\":false}", 16);
}

/* The newest of each state, in the order in which they were said; events among them were sent again
 * already. */
static void resend_states(struct relay *r)
{
	uint64_t from = 0;

	for (;;) {
		struct kept *best = NULL;

		for (size_t i = 0; i < r->keep.count; i++) {
			struct kept *k = &r->keep.item[i];

			if (k->line && k->seq >= from && (!best || k->seq < best->seq))
				best = k;
		}
		if (!best)
			return;
		from = best->seq + 1;
		to_bus(r, best->line, best->len);
	}
}

static void keep_state(struct relay *r, const char *line, size_t len, const struct head *h)
{
	const struct record_type *row = record_type(h->type.at, h->type.len);
	long i = row && row->retained ? keep_find(&r->keep, h->type, h->src) : -1;

	if (i >= 0)
		keep_put(&r->keep, i, line, len, ++r->seq, CLOCK_NEVER, false);
}

static void say_lost(struct relay *r)
{
	uint64_t lost = spool_lost(r->pending.spool);
	struct head h;
	struct jw *w;

	if (lost == r->lost_said)
		return;
	r->lost_said = lost;
	w = out_begin(&r->own, loop_now(r->loop), "alert",
		      (struct out_head){.item = "alert.spool_full"});
	jw_kstr(w, "code", "spool_full");
	jw_kint(w, "severity", 3);
	jw_kstr(w, "component", r->config->service);
	jw_kbool(w, "raised", true);
	jw_kbool(w, "latched", true);
	jw_kstr(w, "text", "events were dropped before every durable reader had them");
	jw_kint(w, "lost", (int64_t)lost);
	jw_end(w);
	if (head_scan(buf_str(&r->own.line), r->own.line.len, &h, NULL) == 0) {
		keep_state(r, buf_str(&r->own.line), r->own.line.len, &h);
		to_bus(r, buf_str(&r->own.line), r->own.line.len);
	}
}

static void on_tool_line(void *ctx, const char *line, size_t len)
{
	struct relay *r = ctx;
	const struct record_type *row;
	struct head h;
	struct err err;

	if (!line || head_scan(line, len, &h, &err) < 0) {
		log_warning("%s: output line %llu: not a record: %s; skipped", r->config->service,
			    (unsigned long long)r->from_tool.number,
			    line ? err.msg : "over-long, or cut at the end");
		return;
	}
	row = record_type(h.type.at, h.type.len);
	if (r->durable && row && row->event) {
		pending_event(&r->pending, line, len, &h);
		say_lost(r);
	}
	keep_state(r, line, len, &h);
	to_bus(r, line, len);
}

static void on_last(void *ctx)
{
	loop_stop(((struct relay *)ctx)->loop, EXIT_DONE);
}

/* The tool is gone when it neither speaks nor listens; one may well only listen. What it said last
 * goes out. */
static void tool_ended(struct relay *r)
{
	struct pollfd pfd = {.fd = r->hear_fd};

	if (r->tool_mute && (poll(&pfd, 1, 0) < 0 || pfd.revents & (POLLERR | POLLNVAL)))
		loop_timer_after(r->loop, &r->last, r->to_bus.queue.len ? LAST_MS * 1000 : 0);
}

static void on_tool_deaf(void *ctx, int fd, short revents)
{
	struct relay *r = ctx;

	(void)revents;
	loop_unwatch(r->loop, fd);
	tool_ended(r);
}

static void on_bus_room(void *ctx)
{
	stop_reading(ctx);
}

static void on_tool_readable(void *ctx, int fd, short revents)
{
	struct relay *r = ctx;
	long n = lines_read(&r->from_tool, fd, on_tool_line, r);

	(void)revents;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		loop_unwatch(r->loop, fd);
		r->tool_mute = true;
		tool_ended(r);
		return;
	}
	stop_reading(r);
}

/* ---- towards the tool ---- */

static void on_ack(struct relay *r, const char *line, size_t len);

static int ack_member(void *ctx, const char *src, jv n)
{
	struct relay *r = ((void **)ctx)[0];
	const char *reader = ((void **)ctx)[1];

	if (json_str(n))
		pending_ack(&r->pending, reader, src, json_str(n));
	return 0;
}

static void on_ack(struct relay *r, const char *line, size_t len)
{
	struct record rec;
	char reader[32];

	if (!r->durable || record_parse(line, len, &rec, NULL) < 0)
		return;
	snprintf(reader, sizeof reader, "%.*s", (int)strcspn(record_src(&rec), "."),
		 record_src(&rec));
	json_each(record_get(&rec, "upto"), ack_member, (void *[]){r, reader});
	record_release(&rec);
}

static void on_bus_state(struct relay *r, const char *line, size_t len)
{
	struct record rec;
	const char *peer, *state;

	if (record_parse(line, len, &rec, NULL) < 0)
		return;
	peer = json_str(record_get(&rec, "peer"));
	state = json_str(record_get(&rec, "state"));
	if (peer && state && strcmp(state, "joined") == 0)
		resend_events(r, peer);
	record_release(&rec);
}

static void on_bus_line(void *ctx, const char *line, size_t len)
{
	struct relay *r = ctx;
	struct head h;

	if (!line || head_scan(line, len, &h, NULL) < 0)
		return;
	if (slice_is(h.type, "ack")) {
		on_ack(r, line, len);
		if (!r->want_ack)
			return;
	}
	if (r->durable && slice_is(h.type, "bus") && memmem(line, len, "\"joined\"", 8))
		on_bus_state(r, line, len);
	out_line(&r->to_tool, line, len);
}

static void on_bus_readable(void *ctx, int fd, short revents)
{
	struct relay *r = ctx;
	long n = lines_read(&r->from_bus, fd, on_bus_line, r);

	(void)revents;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		bus_lost(r);
	else
		stop_reading(r);
}

/* Each direction is read only while the other side takes what came. */
static void stop_reading(struct relay *r)
{
	if (!r->tool_mute)
		loop_watch(r->loop, r->config->from_tool, r->to_bus.queue.len > HIGH ? 0 : POLLIN,
			   on_tool_readable, r);
	if (r->bus >= 0 && !r->gone)
		loop_watch(r->loop, r->bus, r->to_tool.queue.len > HIGH ? 0 : POLLIN,
			   on_bus_readable, r);
}

static void on_tool_error(void *ctx, int code)
{
	(void)code;
	tool_ended(ctx);
}

static void on_tool_room(void *ctx)
{
	stop_reading(ctx);
}

/* ---- connecting ---- */

static int try_bus(struct relay *r, struct err *err)
{
	char list[1024];
	int fd = bus_connect(r->config->dir, r->config->service, err);

	if (fd < 0)
		return -1;
	snprintf(list, sizeof list, "%s%s%s", r->config->topics, *r->config->topics ? "," : "",
		 r->durable ? "ack!,bus!" : "bus!");
	if (bus_subscribe(fd, list, err) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return -1;
	}
	r->bus = fd;
	r->to_bus.fd = fcntl(fd, F_DUPFD_CLOEXEC,
			     0); /* of its own, since the loop watches each direction by itself */
	if (r->to_bus.fd < 0)
		return err_sys(err, "unable to write to the bus");
	loop_watch(r->loop, fd, POLLIN, on_bus_readable, r);
	resend_events(r, NULL);
	resend_states(r);
	return 0;
}

static void on_retry(void *ctx)
{
	struct relay *r = ctx;
	struct err err;

	if (r->gone)
		clean_up(r);
	if (try_bus(r, &err) == 0) {
		r->retry_ms = RETRY_FIRST_MS;
		if (!r->was_up)
			log_info("%s: on the bus", r->config->service);
		r->was_up = true;
		return;
	}
	if (r->retry_ms >= RETRY_MAX_MS)
		log_warning("%s: %s; trying again", r->config->service, err.msg);
	r->retry_ms = r->retry_ms * 2 < RETRY_MAX_MS ? r->retry_ms * 2 : RETRY_MAX_MS;
	loop_timer_after(r->loop, &r->retry, (int64_t)r->retry_ms * 1000);
}

static int prepare(struct relay *r, struct err *err)
{
	char path[256];
	struct spool *spool;

	if (topics_parse(r->config->topics, &r->topics, err) < 0)
		return EXIT_USAGE;
	r->want_ack = topics_mode(&r->topics, "ack", 3) != TOPIC_NONE;
	if (*r->config->durable) {
		relay_spool_path(r->config->dir, r->config->service, path, sizeof path);
		spool = spool_open(path, err);
		if (!spool || pending_init(&r->pending, spool, r->config->durable, err) < 0)
			return EXIT_OS;
		r->durable = true;
		r->lost_said = spool_lost(spool);
	}
	return EXIT_DONE;
}

static void init(struct relay *r)
{
	struct now now = loop_now(r->loop);

	out_init(&r->to_tool, r->config->to_tool, r->loop, "", now);
	out_init(&r->to_bus, -1, r->loop, "", now);
	out_init(&r->own, -1, NULL, r->config->service, now);
	r->to_tool.on_error = on_tool_error;
	r->to_tool.on_room = on_tool_room;
	r->to_bus.on_error = on_bus_error;
	r->to_bus.on_room = on_bus_room;
	r->to_tool.ctx = r->to_bus.ctx = r;
	r->retry = (struct loop_timer){.name = "retry", .fn = on_retry, .ctx = r};
	r->last = (struct loop_timer){.name = "last", .fn = on_last, .ctx = r};
	lines_init(&r->from_tool);
	lines_init(&r->from_bus);
	keep_init(&r->keep, KEYS);
}

int relay_run(const struct relay_config *config)
{
	struct relay r = {.config = config, .bus = -1, .retry_ms = RETRY_FIRST_MS};
	struct err err;
	int rc = EXIT_OS;

	signal(SIGPIPE, SIG_IGN);
	r.loop = loop_new(&err);
	if (!r.loop || (rc = prepare(&r, &err)) != EXIT_DONE) {
		log_error("%s: %s", config->service, err.msg);
		return rc;
	}
	init(&r);
	r.hear_fd = fcntl(config->to_tool, F_DUPFD_CLOEXEC, 0);
	loop_watch(r.loop, r.hear_fd, 0, on_tool_deaf, &r);
	loop_watch(r.loop, config->from_tool, POLLIN, on_tool_readable, &r);
	confine_tell(CONFINE_LOCAL);
	on_retry(&r);
	rc = loop_run(r.loop);
	if (r.durable)
		pending_release(&r.pending);
	keep_release(&r.keep);
	lines_release(&r.from_tool);
	lines_release(&r.from_bus);
	out_release(&r.to_tool);
	out_release(&r.to_bus);
	out_release(&r.own);
	loop_free(r.loop);
	return rc;
}
