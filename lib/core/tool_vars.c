/* The variables of a tool on the bus: the `var` record, the commands `get` and `set`, the file.
 *
 * What a file gave and what became of writing it goes through the journal (channel "vars"), so that
 * a replay reads and writes none. */
#include "core/tool_frame.h"

#include <stdio.h>
#include <string.h>

#include "core/journal.h"
#include "core/state.h"

enum { VARS_FORMAT = 1 };

static const char file_name[] = "vars", channel_name[] = "vars";

/* ---- start ---- */

static int take_stored(struct tool *t, const char *text, size_t len, const char *where)
{
	struct tool_vars *x = &t->frame->vars;
	struct buf say, refused;
	struct err err;
	int n;

	buf_init(&say, VARS_TEXT_MAX);
	buf_init(&refused, VARS_TEXT_MAX);
	n = vars_load(&x->v, text, len, &say, &refused, &err);
	if (n < 0)
		log_error("%s: %s; what was set is not used", where, err.msg);
	if (refused.len)
		log_warning("%s: not used: %s", where, buf_str(&refused));
	if (n > 0) {
		log_notice("set earlier, kept in %s: %s", where, buf_str(&say));
		vars_text(&x->v, NULL, &x->kept);
	}
	buf_release(&say);
	buf_release(&refused);
	return n;
}

static int load_file(struct tool *t, const char *dir)
{
	char where[300];
	struct buf data;
	struct err err;
	int format = VARS_FORMAT, code = 0;

	snprintf(where, sizeof where, "%s/%s", dir, file_name);
	buf_init(&data, VARS_TEXT_MAX);
	switch (state_load(dir, file_name, &format, &data, &err)) {
	case STATE_OK:
		take_stored(t, buf_str(&data), data.len, where);
		break;
	case STATE_NONE:
		break;
	case STATE_NEWER:
		log_error("%s", err.msg);
		code = EXIT_CONFIG;
		break;
	case STATE_BAD:
		log_error("%s; what was set is not used", err.msg);
		break;
	}
	buf_release(&data);
	return code;
}

/* The first line of a journal, where something had been set. */
static void load_journal(struct tool *t)
{
	struct journal_entry e;
	struct err err;
	int rc = journal_next(t->frame->journal, &e, &err);

	if (rc == 1 && e.kind == JOURNAL_LINE && strcmp(e.name, channel_name) == 0)
		take_stored(t, e.text, e.len, t->frame->replay_path);
	else if (rc == 1)
		journal_again(t->frame->journal);
}

int tool_vars_load(struct tool *t)
{
	struct tool_vars *x = &t->frame->vars;
	const char *dir = t->frame->vars_dir;

	x->on = !t->def->no_boot;
	if (!x->on)
		return 0;
	buf_init(&x->kept, VARS_TEXT_MAX);
	vars_init(&x->v, &t->cli);
	if (!dir && t->def->state_dir)
		dir = *t->def->state_dir;
	if (t->replaying) {
		load_journal(t);
		return 0;
	}
	x->dir = dir;
	return dir ? load_file(t, dir) : 0;
}

void tool_vars_journal(struct tool *t)
{
	struct tool_vars *x = &t->frame->vars;

	if (x->kept.len)
		journal_line(t->frame->journal, tool_now(t), channel_name, buf_str(&x->kept),
			     x->kept.len);
}

static void say_var(struct tool *t)
{
	t->frame->uncounted++;
	vars_write(&t->frame->vars.v, tool_record(t, "var", (struct out_head){0}));
	tool_send(t);
}

static void on_outcome(void *ctx, const char *data, size_t len);

void tool_vars_begin(struct tool *t)
{
	struct tool_vars *x = &t->frame->vars;

	if (!x->on)
		return;
	x->channel = tool_channel(t, channel_name, on_outcome, t);
	say_var(t);
}

void tool_vars_release(struct tool *t)
{
	buf_release(&t->frame->vars.kept);
}

/* ---- set ---- */

static struct jw *begin_reply(struct tool *t, const char *status)
{
	struct vars_pending *p = &t->frame->vars.pending;
	struct jw *w = tool_record(t, "reply", (struct out_head){.evse = p->evse, .to = p->src});

	p->open = false;
	jw_kstr(w, "id", p->id);
	jw_kstr(w, "status", status);
	return w;
}

static void reject(struct tool *t, const char *reason)
{
	jw_kstr(begin_reply(t, "rejected"), "reason", reason);
	tool_send(t);
}

static void accept(struct tool *t, bool stored)
{
	struct tool_vars *x = &t->frame->vars;
	bool boot = vars_at_boot(&x->v, &x->pending.change);
	char reason[160] = "";
	struct jw *w;

	if (vars_apply(&x->v, &x->pending.change) && t->def->on_set)
		t->def->on_set(t);
	if (boot)
		snprintf(reason, sizeof reason,
			 "stored; takes effect at the next start: evse-charger restart %s", t->src);
	else if (!stored)
		snprintf(reason, sizeof reason,
			 "holds until %s ends: it has no directory to keep it (--vars DIR)",
			 t->def->name);
	w = begin_reply(t, boot ? "reboot_required" : "accepted");
	jw_kbool(w, "stored", stored);
	if (boot)
		vars_waiting(&x->v, w, "restart");
	if (*reason)
		jw_kstr(w, "reason", reason);
	tool_send(t);
	say_var(t);
}

/* "stored", "unstored", or "failed WHY". */
static void on_outcome(void *ctx, const char *data, size_t len)
{
	static const char failed[] = "failed ";
	struct tool *t = ctx;
	struct tool_vars *x = &t->frame->vars;
	size_t skip = sizeof failed - 1;
	bool stored = len == strlen("stored") && memcmp(data, "stored", len) == 0;
	char reason[sizeof(struct err)];

	if (!x->pending.open)
		return;
	if (len > skip && memcmp(data, failed, skip) == 0) {
		snprintf(reason, sizeof reason, "%.*s; nothing is changed", (int)(len - skip),
			 data + skip);
		reject(t, reason);
	} else if (!stored && vars_at_boot(&x->v, &x->pending.change)) {
		snprintf(reason, sizeof reason,
			 "takes effect at the next start only, and %s has no directory to keep it "
			 "(--vars DIR); nothing is changed",
			 t->def->name);
		reject(t, reason);
	} else {
		accept(t, stored);
	}
}

static void store(struct tool *t)
{
	struct tool_vars *x = &t->frame->vars;
	char word[sizeof(struct err) + 16] = "unstored";
	struct buf text;
	struct err err;

	buf_init(&text, VARS_TEXT_MAX);
	vars_text(&x->v, &x->pending.change, &text);
	buf_addc(&text, '\n');
	if (x->dir) {
		if (state_dir(x->dir, &err) < 0 ||
		    state_save(x->dir, file_name, VARS_FORMAT, buf_str(&text), text.len, &err) < 0)
			snprintf(word, sizeof word, "failed %s", err.msg);
		else
			snprintf(word, sizeof word, "stored");
	}
	buf_release(&text);
	tool_feed(t, x->channel, word, strlen(word));
}

static void set(struct tool *t, const struct record *r)
{
	struct tool_vars *x = &t->frame->vars;
	const char *why = t->def->set_refused ? t->def->set_refused(t) : NULL;
	struct err err;

	if (why) {
		tool_reply_simple(t, r, "rejected", why);
		return;
	}
	if (vars_plan(&x->v, record_get(r, "values"), &x->pending.change, &err) < 0) {
		tool_reply_simple(t, r, "rejected", err.msg);
		return;
	}
	x->pending.open = true;
	x->pending.evse = r->head.evse;
	snprintf(x->pending.src, sizeof x->pending.src, "%s", record_src(r));
	snprintf(x->pending.id, sizeof x->pending.id, "%s", json_str(record_get(r, "id")));
	/* in a replay the journal's next line says what became of it */
	if (!t->replaying)
		store(t);
}

/* ---- get, and which it is ---- */

static void get(struct tool *t, const struct record *r)
{
	struct tool_vars *x = &t->frame->vars;
	jv names = record_get(r, "names");
	struct err err;

	if (vars_known(&x->v, names, &err) < 0) {
		tool_reply_simple(t, r, "rejected", err.msg);
		return;
	}
	vars_values(&x->v, names, tool_reply(t, r, "accepted"));
	tool_send(t);
}

bool tool_vars_take(struct tool *t, const struct record *r)
{
	struct tool_vars *x = &t->frame->vars;
	const char *kind = json_str(record_get(r, "kind")), *id = json_str(record_get(r, "id"));
	bool is_set = kind && strcmp(kind, "set") == 0;

	if (!x->on || !tool_addressed(t, r) || !(is_set || (kind && strcmp(kind, "get") == 0)))
		return false;
	if (!id || !*id || strlen(id) >= sizeof x->pending.id)
		log_warning("command %s from %s refused: id: expected a word", record_n(r),
			    record_src(r));
	else if (is_set)
		set(t, r);
	else
		get(t, r);
	return true;
}

void tool_command_line(struct tool *t, const char *line, size_t len)
{
	struct record r;

	if (record_parse(line, len, &r, NULL) < 0)
		return;
	tool_vars_take(t, &r);
	record_release(&r);
}
