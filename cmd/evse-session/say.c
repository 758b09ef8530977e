/* Actions become lines: stored first, sent afterwards. */
#include "evse-session.h"

#include <string.h>

#include "core/state.h"
#include "core/utc.h"

static struct jw *begin(struct tool *t, const char *type, const struct session_action *a)
{
	char item[16];

	snprintf(item, sizeof item, "%d", a->evse);
	return tool_record(
	    t, type, (struct out_head){.item = item, .evse = a->evse, .t_us = a->edge_ms * 1000});
}

static void write_reading(struct jw *w, const struct session_action *a)
{
	const struct session_reading *r = &a->reading;

	if (!r->have && !r->flagged)
		return;
	jw_kobj(w, "reading");
	if (r->have)
		jw_knum(w, "import_wh", r->import_wh, 6);
	else
		jw_knull(w, "import_wh");
	if (r->import_register[0]) {
		jw_kobj(w, "register");
		jw_kstr(w, "import_wh", r->import_register);
		jw_end(w);
	}
	jw_kstr(w, "context",
		a->edge == SESSION_EDGE_SIGNED ? "Transaction.Begin" : "Transaction.End");
	if (r->flagged)
		jw_kbool(w, "flagged", true);
	jw_end(w);
}

static void write_time(struct jw *w, const char *key, int64_t ms)
{
	char text[UTC_LEN + 1];

	utc_format(ms * 1000, text);
	jw_kstr(w, key, text);
}

static void build_session(struct tool *t, const struct session_action *a)
{
	const struct session_stored *x = &a->stored;
	struct jw *w = begin(t, "session", a);

	if (x->id[0])
		jw_kstr(w, "id", x->id);
	jw_kstr(w, "state", session_state_word(x->state));
	jw_kbool(w, "allow", x->allow);
	if (x->authorized) {
		jw_kobj(w, "token");
		jw_kstr(w, "id_hash", x->id_hash);
		jw_kstr(w, "kind", x->kind);
		jw_end(w);
		jw_kobj(w, "auth");
		jw_kstr(w, "verdict", x->auth.verdict);
		jw_kstr(w, "by", x->auth.by);
		jw_end(w);
	}
	if (a->edge != SESSION_EDGE_NONE) {
		jw_kstr(w, "edge", session_edge_word(a->edge));
		write_time(w, "edge_t", a->edge_ms);
	}
	if (x->reason[0])
		jw_kstr(w, "reason", x->reason);
	write_reading(w, a);
	if (x->has_remote_start)
		jw_kint(w, "remote_start_id", x->remote_start_id);
}

static void build_auth(struct tool *t, const struct session_action *a)
{
	struct jw *w = begin(t, "auth", a);

	jw_kstr(w, "verdict", a->auth.verdict);
	jw_kstr(w, "by", a->auth.by);
	jw_kstr(w, "id_hash", a->token.id_hash);
	jw_kobj(w, "token");
	jw_kstr(w, "id", a->token.id);
	jw_kstr(w, "kind", a->token.kind);
	jw_end(w);
	if (a->auth.group_hash[0])
		jw_kstr(w, "group_hash", a->auth.group_hash);
	if (a->auth.until_ms)
		write_time(w, "until", a->auth.until_ms);
	if (a->auth.stop_ms)
		write_time(w, "stop_at", a->auth.stop_ms);
	if (a->auth.energy_max_wh > 0)
		jw_knum(w, "energy_max_wh", a->auth.energy_max_wh, 3);
	if (a->stored.id[0])
		jw_kstr(w, "session", a->stored.id);
}

static void build_authorize(struct tool *t, const struct session_action *a)
{
	const struct session_tool *s = t->ctx;
	struct jw *w = tool_record(t, "command", (struct out_head){.evse = a->evse, .to = "ocpp"});

	jw_kstr(w, "id", a->id);
	jw_kstr(w, "kind", "authorize");
	jw_kint(w, "valid_ms", s->conf.ask_ms);
	jw_kobj(w, "token");
	jw_kstr(w, "id", a->token.id);
	jw_kstr(w, "kind", a->token.kind);
	jw_end(w);
}

static void build_reading(struct tool *t, const struct session_action *a)
{
	const struct session_tool *s = t->ctx;
	char to[24];
	struct jw *w;

	snprintf(to, sizeof to, "meter.%d", a->evse);
	w = tool_record(t, "command", (struct out_head){.evse = a->evse, .to = to});
	jw_kstr(w, "id", a->id);
	jw_kstr(w, "kind", "reading");
	jw_kint(w, "valid_ms", s->conf.reading_ms);
	jw_kstr(w, "context", a->context);
	jw_kstr(w, "session", a->stored.id);
}

/* One line after another in s->lines, each ended by a newline. */
static void build(struct tool *t, const struct session_action *a)
{
	struct session_tool *s = t->ctx;

	switch (a->kind) {
	case SESSION_SAY_SESSION:
		build_session(t, a);
		break;
	case SESSION_SAY_AUTH:
		build_auth(t, a);
		break;
	case SESSION_DO_AUTHORIZE:
		build_authorize(t, a);
		break;
	case SESSION_DO_READING:
		build_reading(t, a);
		break;
	}
	if (s->line_count == LINES_MAX || !tool_build(t, &s->lines))
		return;
	buf_addc(&s->lines, '\n');
	s->line_is_state[s->line_count] =
	    a->kind == SESSION_SAY_SESSION || a->kind == SESSION_SAY_AUTH;
	s->line_evse[s->line_count++] = a->evse;
}

/* Calls fn for each line of a buffer. */
static void each_line(const struct buf *b,
		      void (*fn)(void *ctx, int i, const char *line, size_t len), void *ctx)
{
	const char *at = buf_str(b), *end = at + b->len;

	for (int i = 0; at < end; i++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		if (!nl)
			return;
		fn(ctx, i, at, (size_t)(nl - at));
		at = nl + 1;
	}
}

static void send_line(void *ctx, int i, const char *line, size_t len)
{
	(void)i;
	tool_send_event(ctx, line, len);
}

static void keep_line(void *ctx, int i, const char *line, size_t len)
{
	struct session_tool *s = ((struct tool *)ctx)->ctx;
	struct buf *last = &s->last[s->line_evse[i] - 1];

	if (!s->line_is_state[i])
		return;
	buf_add(last, line, len);
	buf_addc(last, '\n');
}

/* ---- storing ---- */

static void write_line(void *ctx, int i, const char *line, size_t len)
{
	(void)i;
	jw_strn(ctx, line, len);
}

static void save(struct tool *t)
{
	struct session_tool *s = t->ctx;
	struct buf text;
	struct jw w;
	struct err err;

	if (!s->dir || t->replaying)
		return;
	buf_init(&text, STATE_MAX);
	jw_init(&w, &text);
	jw_arr(&w);
	for (int i = 0; i < s->conf.evses; i++) {
		jw_obj(&w);
		store_write(&w, &s->core.evse[i].now);
		jw_karr(&w, "lines");
		each_line(&s->last[i], write_line, &w);
		jw_end(&w);
		jw_end(&w);
	}
	jw_end(&w);
	if (jw_failed(&w) ||
	    state_save(s->dir, "session", STORE_FORMAT, text.data, text.len, &err) < 0)
		log_error("sessions not stored, a restart would lose their last change: %s",
			  jw_failed(&w) ? "too long" : err.msg);
	buf_release(&text);
}

/* Stores what changed, then says and does it: a restart in between says it again, under the same n.
 */
void session_carry_out(struct tool *t)
{
	struct session_tool *s = t->ctx;
	bool dirty = false;

	for (size_t i = 0; i < s->core.queued; i++)
		build(t, &s->core.queue[i]);
	s->core.queued = 0;
	for (int i = 0; i < s->conf.evses; i++) {
		if (!s->core.evse[i].dirty)
			continue;
		dirty = true;
		s->core.evse[i].dirty = false;
		for (int k = 0; k < s->line_count; k++) {
			if (s->line_is_state[k] && s->line_evse[k] == i + 1) {
				buf_reset(&s->last[i]);
				break;
			}
		}
	}
	each_line(&s->lines, keep_line, t);
	if (dirty)
		save(t);
	each_line(&s->lines, send_line, t);
	buf_reset(&s->lines);
	s->line_count = 0;
}

/* After each input: carry out, then wait for the next deadline. */
void session_settle_all(struct tool *t)
{
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	int64_t next = SESSION_NEVER;

	session_carry_out(t);
	for (int i = 1; i <= s->conf.evses; i++) {
		int64_t at = session_next_ms(&s->core, i, &now);

		if (at < next)
			next = at;
	}
	if (next == SESSION_NEVER)
		loop_timer_cancel(t->loop, &s->timer);
	else
		loop_timer_set(t->loop, &s->timer, next * 1000);
}

void session_on_wait(void *ctx)
{
	struct tool *t = ctx;
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);

	for (int i = 1; i <= s->conf.evses; i++) {
		session_on_time(&s->core, i, &now);
		session_carry_out(t);
	}
	session_settle_all(t);
}

void session_say_again(struct tool *t, int evse)
{
	struct session_tool *s = t->ctx;

	each_line(&s->last[evse - 1], send_line, t);
}
