#include "core/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/journal.h"
#include "core/tool_frame.h"

enum { COMMAND_VALID_MS = 5000 };

/* Sections of the file, most general first: "pilot", then "pilot.1". */
static size_t sections(void *ctx, const char *names[4])
{
	struct tool *t = ctx;

	names[0] = t->def->name + strlen("evse-");
	names[1] = t->frame->src ? t->frame->src : t->def->src;
	return names[1] && strcmp(names[0], names[1]) != 0 ? 2 : 1;
}

/* ---- end ---- */

void tool_exit(struct tool *t, int code)
{
	if (!t->frame->code)
		t->frame->code = code;
	loop_stop(t->loop, t->frame->code);
}

static void end(struct tool *t, enum tool_end why)
{
	if (t->ending)
		return;
	if (why == TOOL_END_OUTPUT)
		t->frame->code = EXIT_IO;
	if (!t->frame->started) {
		t->frame->end_soon = true;
		t->frame->why_end = why;
		return;
	}
	t->ending = true;
	if (t->def->on_end)
		t->def->on_end(t, why);
	else
		tool_exit(t, EXIT_DONE);
}

static void on_signal(void *ctx, int signo)
{
	(void)signo;
	end(ctx, TOOL_END_SIGNAL);
}

static void on_output_error(void *ctx, int code)
{
	struct tool *t = ctx;

	if (t->frame->output_gone)
		return;
	t->frame->output_gone = true;
	if (code != EPIPE || t->def->kind >= TOOL_BRIDGE)
		log_error("unable to write records to standard output: %s", strerror(code));
	end(t, TOOL_END_OUTPUT);
	if (t->def->kind < TOOL_BRIDGE)
		tool_exit(t, EXIT_IO);
}

/* ---- input ---- */

static bool wanted(const struct tool *t, struct slice type)
{
	if (!t->def->on_record)
		return false;
	if (!t->def->wants)
		return true;
	for (const char *const *w = t->def->wants; *w; w++)
		if (slice_is(type, *w))
			return true;
	return false;
}

static void refuse(struct tool *t, const char *where, uint64_t number, const char *why)
{
	t->frame->bad_lines++;
	log_warning("%s line %" PRIu64 ": not a record: %s; skipped", where, number, why);
}

/* By type and src: on the bus urgent types overtake the others of the same writer. */
static bool repeated(struct tool *t, const struct head *h)
{
	char key[SEEN_KEY_MAX];
	int len = snprintf(key, sizeof key, "%.*s %.*s", (int)h->type.len, h->type.at,
			   (int)h->src.len, h->src.at);

	return seen_before(&t->frame->seen, key, (size_t)len, h->n.at, h->n.len);
}

/* "setpoint" wrote "setpoint.1" as well. */
static bool is_own(const struct tool *t, struct slice src)
{
	size_t len = strlen(t->src);

	return src.len >= len && memcmp(src.at, t->src, len) == 0 &&
	       (src.len == len || src.at[len] == '.');
}

/* A command is executed at most once per (src, id), also when it comes as another record. */
static bool asked_before(struct tool_frame *f, const char *src, const char *id)
{
	uint32_t h = 2166136261U;

	for (const char *s = src; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	h = (h ^ '\n') * 16777619U;
	for (const char *s = id; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	h = h ? h : 1;
	for (int i = 0; i < ASKED_MAX; i++)
		if (f->asked[i] == h)
			return true;
	f->asked[f->asked_next++ % ASKED_MAX] = h;
	return false;
}

/* A command that lay too long, in a pipe or before a tool that stood still, is not carried out any
 * more. One without `m` was typed by a person: when, nobody knows. */
static bool too_late(struct tool *t, const struct record *r)
{
	double valid_ms = COMMAND_VALID_MS;

	json_num(record_get(r, "valid_ms"), 0, 1e9, &valid_ms);
	if (r->head.m < 0 || (double)(now_boot_ms(tool_now(t)) - r->head.m) <= valid_ms)
		return false;
	tool_reply_simple(t, r, "expired", NULL);
	return true;
}

static bool not_again(struct tool *t, const struct record *r)
{
	const char *id = json_str(record_get(r, "id"));

	if (!tool_addressed(t, r))
		return false;
	return (id && *id && asked_before(t->frame, record_src(r), id)) || too_late(t, r);
}

static void take_line(struct tool *t, const char *line, size_t len, const char *where,
		      uint64_t number)
{
	struct record r;
	struct head h;
	struct err err;
	bool command, taken;

	t->line = number;
	if (!line) {
		refuse(t, where, number,
		       len >= NDJSON_LINE_MAX ? "longer than 65536 bytes"
					      : "no newline at the end");
		return;
	}
	if (t->def->on_other && t->def->on_other(t, line, len))
		return;
	if (head_scan(line, len, &h, &err) < 0) {
		refuse(t, where, number, err.msg);
		return;
	}
	command = slice_is(h.type, "command");
	if (!t->frame->pass && !command && !wanted(t, h.type))
		return;
	if (is_own(t, h.src) || repeated(t, &h))
		return;
	if (record_parse(line, len, &r, &err) < 0) {
		refuse(t, where, number, err.msg);
		return;
	}
	if (t->frame->pass)
		out_line(&t->out, line, len);
	/* who wants every record gets also what is answered here */
	taken = command && (not_again(t, &r) || (tool_vars_take(t, &r) && t->def->wants));
	if (wanted(t, h.type) && !taken)
		t->def->on_record(t, &r);
	record_release(&r);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct input *in = ctx;
	struct tool *t = in->t;

	if (line)
		journal_line(t->frame->journal, tool_now(t), "in", line, len);
	take_line(t, line, len, in->name, in->lines.number);
}

static void on_input(void *ctx, int fd, short revents);

static void watch_inputs(struct tool *t, bool on)
{
	for (size_t i = 0; i < t->frame->ninputs; i++)
		if (t->frame->input[i].fd >= 0)
			loop_watch(t->loop, t->frame->input[i].fd, on ? POLLIN : 0, on_input,
				   &t->frame->input[i]);
}

static void on_room(void *ctx)
{
	watch_inputs(ctx, true);
}

static void input_ended(struct input *in)
{
	struct tool *t = in->t;

	loop_unwatch(t->loop, in->fd);
	if (in->fd != STDIN_FILENO)
		close(in->fd);
	in->fd = -1;
	if (!in->main || t->def->kind == TOOL_SOURCE)
		return;
	journal_end(t->frame->journal, tool_now(t));
	if (t->def->on_drained)
		t->def->on_drained(t);
	end(t, TOOL_END_INPUT);
}

static void on_input(void *ctx, int fd, short revents)
{
	struct input *in = ctx;
	struct tool *t = in->t;
	long n = lines_read(&in->lines, fd, on_line, in);

	(void)revents;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		log_error("unable to read %s: %s", in->name, strerror(errno));
		if (in->main && !t->frame->code)
			t->frame->code = EXIT_IO;
	}
	if (n <= 0) {
		input_ended(in);
		return;
	}
	if (t->frame->idle_ms)
		loop_timer_after(t->loop, &t->frame->idle, t->frame->idle_ms * 1000);
	if (out_blocked(&t->out) && t->def->kind != TOOL_ACTUATOR)
		watch_inputs(t, false);
}

static int add_input(struct tool *t, int fd, const char *name, bool is_main)
{
	struct input *in = &t->frame->input[t->frame->ninputs++];

	*in = (struct input){.t = t, .fd = fd, .main = is_main, .name = name};
	lines_init(&in->lines);
	return loop_watch(t->loop, fd, POLLIN, on_input, in);
}

/* A FIFO opened for both ends never ends and never blocks the start. */
static int open_inputs(struct tool *t)
{
	struct tool_frame *f = t->frame;

	if (add_input(t, STDIN_FILENO, "standard input", true) < 0)
		return EXIT_OS;
	for (size_t i = 0; i < f->inputs.count; i++) {
		int fd = open(f->inputs.item[i], O_RDWR | O_CLOEXEC | O_NONBLOCK);

		if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EISDIR))
			fd = open(f->inputs.item[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || add_input(t, fd, f->inputs.item[i], false) < 0) {
			log_error("unable to open %s: %s", f->inputs.item[i], strerror(errno));
			return EXIT_NO_INPUT;
		}
	}
	return 0;
}

/* ---- channels ---- */

int tool_channel(struct tool *t, const char *name, tool_channel_fn *fn, void *ctx)
{
	if (t->frame->nchannels == CHANNEL_MAX)
		return -1;
	t->frame->channel[t->frame->nchannels] = (struct channel){name, fn, ctx};
	return t->frame->nchannels++;
}

void tool_feed(struct tool *t, int channel, const char *data, size_t len)
{
	struct channel *c = &t->frame->channel[channel];

	journal_line(t->frame->journal, tool_now(t), c->name, data, len);
	c->fn(c->ctx, data, len);
}

/* ---- replay ---- */

static void replay_line(struct tool *t, const struct journal_entry *e, uint64_t number)
{
	if (strcmp(e->name, "in") == 0) {
		take_line(t, e->text, e->len, "journal", number);
		return;
	}
	for (int i = 0; i < t->frame->nchannels; i++) {
		if (strcmp(t->frame->channel[i].name, e->name) == 0) {
			t->frame->channel[i].fn(t->frame->channel[i].ctx, e->text, e->len);
			return;
		}
	}
	log_warning("journal line %" PRIu64 ": no channel '%s' here; skipped", number, e->name);
}

static int replay(struct tool *t, struct journal *j)
{
	struct journal_entry e;
	uint64_t number = 1;
	struct err err;
	int rc;

	confine_tell(t->needs);
	while (!loop_stopping(t->loop) && (rc = journal_next(j, &e, &err)) != 0) {
		number++;
		if (rc < 0) {
			log_error("%s line %" PRIu64 ": %s", t->frame->replay_path, number,
				  err.msg);
			return EXIT_BAD_DATA;
		}
		loop_replay_now(t->loop, e.now);
		switch (e.kind) {
		case JOURNAL_LINE:
			replay_line(t, &e, number);
			break;
		case JOURNAL_TIMER:
			if (!loop_replay_timer(t->loop, e.name))
				log_warning("journal line %" PRIu64 ": timer '%s' is not armed",
					    number, e.name);
			break;
		case JOURNAL_DRAINED:
			if (t->def->on_drained)
				t->def->on_drained(t);
			break;
		case JOURNAL_END:
			if (t->def->on_drained)
				t->def->on_drained(t);
			end(t, TOOL_END_INPUT);
			break;
		case JOURNAL_START:
			break;
		}
	}
	return t->frame->code;
}

/* ---- start and run ---- */

static void on_drained(void *ctx)
{
	struct tool *t = ctx;

	journal_drained(t->frame->journal, tool_now(t));
	t->def->on_drained(t);
}

static void on_timer(void *ctx, const struct loop_timer *timer)
{
	struct tool *t = ctx;

	/* a connection's own timers act on the wire, which a replay does not touch */
	if (strncmp(timer->name, "ws.", 3) == 0)
		return;
	if (timer != &t->frame->idle && timer != &t->frame->flush)
		journal_timer(t->frame->journal, tool_now(t), timer->name);
}

static void on_idle(void *ctx)
{
	end(ctx, TOOL_END_INPUT);
}

static void notify(struct tool *t)
{
	int fd = (int)t->frame->notify_fd;

	if (!fd)
		return;
	if (write(fd, "\n", 1) != 1)
		log_warning("unable to say ready on descriptor %d: %s", fd, strerror(errno));
	close(fd);
}

static void open_spool(struct tool *t)
{
	const char *path = getenv("EVSE_SPOOL");
	struct err err;

	if (!path || !*path || t->replaying)
		return;
	t->out.spool = spool_open(path, &err);
	if (!t->out.spool)
		log_warning("%s; events are not kept through a crash of the relay", err.msg);
}

static int prepare(struct tool *t)
{
	struct tool_frame *f = t->frame;
	struct err err;
	struct now first;
	int rc;

	t->replaying = f->replay_path != NULL;
	t->loop = loop_new(&err);
	if (!t->loop) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	if (t->replaying) {
		f->journal =
		    journal_open(f->replay_path, &first, t->out.epoch, sizeof t->out.epoch, &err);
		if (!f->journal) {
			log_error("%s", err.msg);
			return EXIT_NO_INPUT;
		}
		loop_replay_now(t->loop, first);
	}
	rc = tool_vars_load(t);
	if (rc)
		return rc;
	return t->def->setup ? t->def->setup(t) : 0;
}

static int begin_output(struct tool *t)
{
	char epoch[sizeof t->out.epoch];
	struct tool_frame *f = t->frame;
	struct err err;

	memcpy(epoch, t->out.epoch, sizeof epoch);
	out_init(&t->out, STDOUT_FILENO,
		 t->replaying || t->def->kind == TOOL_SOURCE ? NULL : t->loop, t->src, tool_now(t));
	if (t->replaying)
		memcpy(t->out.epoch, epoch, sizeof epoch);
	t->out.on_error = on_output_error;
	t->out.on_room = on_room;
	t->out.ctx = t;
	open_spool(t);
	if (f->journal_path) {
		f->journal = journal_create(f->journal_path, tool_now(t), t->out.epoch, &err);
		if (!f->journal) {
			log_error("%s", err.msg);
			return EXIT_IO;
		}
	}
	tool_vars_journal(t);
	return 0;
}

/* Variables that are set go to a file. */
static void confine_tool(const struct tool *t)
{
	confine_tell(t->needs | (t->frame->vars.dir ? CONFINE_FILES : CONFINE_NOTHING));
}

/* Before anybody can know that the tool runs, so that whoever stops it gets an orderly end. */
static int take_signals(struct tool *t)
{
	if (loop_signal(t->loop, SIGTERM, on_signal, t) == 0 &&
	    loop_signal(t->loop, SIGINT, on_signal, t) == 0)
		return 0;
	log_error("unable to take signals: %s", strerror(errno));
	return EXIT_OS;
}

static int live(struct tool *t)
{
	struct tool_frame *f = t->frame;
	int rc = open_inputs(t);

	if (rc)
		return rc;
	if (f->idle_ms) {
		f->idle = (struct loop_timer){.name = "idle", .fn = on_idle, .ctx = t};
		loop_timer_after(t->loop, &f->idle, f->idle_ms * 1000);
	}
	confine_tool(t);
	loop_on_timer(t->loop, on_timer, t);
	if (t->def->on_drained)
		loop_on_drained(t->loop, on_drained, t);
	notify(t);
	loop_run(t->loop);
	if (!f->output_gone && out_flush(&t->out, 2000) < 0 && !f->output_gone) {
		log_error("unable to write the last records: %s", strerror(errno));
		return EXIT_IO;
	}
	return f->code;
}

static int run(struct tool *t)
{
	int rc = prepare(t);

	if (!rc)
		rc = begin_output(t);
	if (!rc && !t->replaying)
		rc = take_signals(t);
	if (rc)
		return rc;
	if (!t->def->no_boot)
		tool_boot_record(t);
	tool_vars_begin(t);
	rc = t->def->start ? t->def->start(t) : 0;
	t->frame->started = true;
	if (!rc && t->frame->end_soon)
		end(t, t->frame->why_end);
	if (!rc)
		rc = t->replaying ? replay(t, t->frame->journal) : live(t);
	if (t->def->stop)
		t->def->stop(t);
	return rc;
}

static void release(struct tool *t)
{
	struct tool_frame *f = t->frame;

	for (size_t i = 0; i < f->ninputs; i++)
		lines_release(&f->input[i].lines);
	seen_release(&f->seen);
	tool_vars_release(t);
	journal_close(f->journal);
	spool_close(t->out.spool);
	out_release(&t->out);
	loop_free(t->loop);
	free(t->cli.args);
	free(t->cli.origin);
}

int tool_main(const struct tool_def *def, int argc, char **argv)
{
	struct tool_frame f = {0};
	struct tool t = {.def = def, .ctx = def->ctx, .needs = def->needs, .frame = &f};
	int code;

	cli_init(def->kind < TOOL_BRIDGE);
	log_init(def->name);
	seen_init(&f.seen, SEEN_MAX);
	t.cli = (struct cli){
	    .tool = def->name,
	    .synopsis = def->synopsis,
	    .about = def->about,
	    .own = def->options,
	    .common = tool_common_options(&f),
	    .examples = def->examples,
	};
	if (cli_parse(&t.cli, argc, argv, sections, &t, &code) == CLI_GO) {
		if (f.quiet)
			log_set_level(LOG_LEVEL_ERROR);
		if (f.verbose)
			log_set_level(f.verbose > 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
		log_set_json(f.log_format == 1);
		t.src = f.src ? f.src : def->src;
		code = run(&t);
	}
	release(&t);
	return code;
}

/* ---- writing ---- */

struct jw *tool_record(struct tool *t, const char *type, struct out_head head)
{
	return out_begin(&t->out, tool_now(t), type, head);
}

uint64_t tool_send(struct tool *t)
{
	uint64_t n = out_send(&t->out);

	if (t->frame->count && (int64_t)(t->out.written - t->frame->uncounted) >= t->frame->count)
		end(t, TOOL_END_INPUT);
	return n;
}

void tool_send_event(struct tool *t, const char *line, size_t len)
{
	if (t->out.spool)
		spool_add(t->out.spool, line, len);
	out_line(&t->out, line, len);
	if (t->frame->count && (int64_t)(t->out.written - t->frame->uncounted) >= t->frame->count)
		end(t, TOOL_END_INPUT);
}
