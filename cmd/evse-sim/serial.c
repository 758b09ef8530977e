/* OpenEVSE controllers on pseudo-terminals: with --rapi each EVSE has one, and it alone drives the
 * board. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "sim/pty.h"
#include "sim/rapi.h"
#include "sim/save.h"

enum { MAX_A = 32, ANSWER_MAX = 4096 };

struct serial {
	struct sim *sim;
	struct sim_pty pty;
	struct openevse controller;
	struct rapi rapi;
	struct buf out;
};

static void flush(struct serial *p)
{
	ssize_t n;

	if (p->out.len == 0)
		return;
	/* What nobody reads is lost, as on a real line. */
	n = p->sim->tool->replaying ? 0 : write(p->pty.fd, p->out.data, p->out.len);
	(void)n;
	buf_reset(&p->out);
}

/* Through the journal: "EVSE BYTES". */
static void on_bytes(void *ctx, const char *data, size_t len)
{
	struct sim *s = ctx;
	char *bytes;
	int n = (int)strtol(data, &bytes, 10);

	if (n < 0 || n >= s->world.evses || *bytes++ != ' ')
		return;
	sim_now(s);
	rapi_feed(&s->serial[n].rapi, bytes, len - (size_t)(bytes - data), &s->serial[n].out);
	sim_sync(s);
	keep_soon(s);
}

static void on_tty(void *ctx, int fd, short revents)
{
	struct serial *p = ctx;
	struct buf data;
	char *room;
	ssize_t n;

	(void)revents;
	buf_init(&data, 512);
	buf_addf(&data, "%d ", p->controller.evse);
	room = buf_room(&data, 256);
	n = room ? read(fd, room, 256) : -1;
	for (ssize_t i = 0; i < n; i++)
		if (room[i] == '\n' || room[i] == '\0')
			room[i] = ' ';
	if (n > 0) {
		buf_added(&data, (size_t)n);
		tool_feed(p->sim->tool, p->sim->serial_channel, data.data, data.len);
	}
	buf_release(&data);
}

/* A controller looks again as long as its own doing has just changed what it sees. */
void serial_sync(struct sim *s)
{
	int64_t next_us = SIM_NEVER;

	if (!s->serial)
		return;
	for (int i = 0; i < s->world.evses; i++) {
		struct serial *p = &s->serial[i];

		openevse_run(&p->controller, &s->world);
		rapi_notice(&p->rapi, &p->out);
		flush(p);
		if (openevse_next(&p->controller) < next_us)
			next_us = openevse_next(&p->controller);
	}
	if (next_us == SIM_NEVER)
		loop_timer_cancel(s->tool->loop, &s->serial_timer);
	else
		loop_timer_set(s->tool->loop, &s->serial_timer, next_us);
}

static void on_timer(void *ctx)
{
	sim_now(ctx);
	sim_sync(ctx);
}

void serial_make(struct sim *s)
{
	s->serial = calloc((size_t)s->world.evses, sizeof(*s->serial));
	if (!s->serial)
		log_fatal(EXIT_OS, "out of memory");
	for (int i = 0; i < s->world.evses; i++) {
		struct serial *p = &s->serial[i];

		p->sim = s;
		p->pty.fd = -1;
		openevse_init(&p->controller, i, MAX_A, &s->world);
		rapi_init(&p->rapi, &p->controller, &s->world);
		buf_init(&p->out, ANSWER_MAX);
	}
}

int serial_start(struct sim *s, struct err *err)
{
	char path[256];

	s->serial_channel = tool_channel(s->tool, "rapi", on_bytes, s);
	s->serial_timer = (struct loop_timer){.name = "controller", .fn = on_timer, .ctx = s};
	for (int i = 0; i < s->world.evses && !s->tool->replaying; i++) {
		struct serial *p = &s->serial[i];

		snprintf(path, sizeof(path), "%s/rapi.%d.tty", s->opt.dir, i + 1);
		if (sim_pty_open(&p->pty, path, err) < 0) {
			p->pty.fd = -1;
			return -1;
		}
		if (loop_watch(s->tool->loop, p->pty.fd, POLLIN, on_tty, p) < 0)
			return err_sys(err, "unable to watch %s", path);
		rapi_boot(&p->rapi, &p->out);
	}
	return 0;
}

void serial_stop(struct sim *s)
{
	if (!s->serial)
		return;
	for (int i = 0; i < s->world.evses; i++) {
		buf_release(&s->serial[i].out);
		if (s->serial[i].pty.fd < 0)
			continue;
		loop_unwatch(s->tool->loop, s->serial[i].pty.fd);
		sim_pty_close(&s->serial[i].pty);
	}
	free(s->serial);
}

void serial_save(const struct sim *s, struct jw *out)
{
	jw_arr(out);
	for (int i = 0; i < s->world.evses; i++)
		sim_save_openevse(&s->serial[i].controller, out);
	jw_end(out);
}

int serial_load(struct sim *s, jv from, int64_t shift_us, struct err *err)
{
	for (int i = 0; i < s->world.evses; i++) {
		struct openevse *o = &s->serial[i].controller;

		if (sim_load_openevse(o, json_at(from, i), shift_us, err) < 0)
			return err_prefix(err, "controller %d", i + 1);
	}
	return 0;
}
