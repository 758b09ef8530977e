/* Readings on request: a command is answered from a read that began after it came. */
#include "app.h"

#include <stdio.h>
#include <string.h>

#define VALID_MS     5000
#define VALID_MAX_MS 60000

/* A command is executed at most once per (src, id). */
static bool is_known(struct app *a, const char *from, const char *id)
{
	char key[sizeof(a->known[0])];

	snprintf(key, sizeof(key), "%s %s", from, id);
	for (int i = 0; i < KNOWN_MAX; i++)
		if (strcmp(a->known[i], key) == 0)
			return true;
	memcpy(a->known[a->n_known++ % KNOWN_MAX], key, sizeof(key));
	return false;
}

static void copy_member(const struct record *r, const char *name, char *out, size_t size)
{
	const char *s = json_str(record_get(r, name));

	snprintf(out, size, "%s", s ? s : "");
}

static void arm_overdue(struct app *a)
{
	int64_t first = CLOCK_NEVER;

	for (int i = 0; i < a->n_asked; i++)
		if (a->asked[i].until_us < first)
			first = a->asked[i].until_us;
	if (a->n_asked)
		loop_timer_set(a->t->loop, &a->overdue, first);
	else
		loop_timer_cancel(a->t->loop, &a->overdue);
}

static void ask(struct app *a, const struct record *r, const char *id, int64_t valid_ms)
{
	struct asked *q;
	struct now now = tool_now(a->t);

	if (a->n_asked == ASKED_MAX) {
		tool_reply_simple(a->t, r, "rejected", "too many readings are asked for at once");
		return;
	}
	q = &a->asked[a->n_asked++];
	*q = (struct asked){.arrived_us = now.mono_us,
			    .until_us = now.mono_us + valid_ms * 1000,
			    .evse = (int)a->opt.evse};
	snprintf(q->id, sizeof(q->id), "%s", id);
	snprintf(q->from, sizeof(q->from), "%s", record_src(r));
	copy_member(r, "context", q->context, sizeof(q->context));
	copy_member(r, "session", q->session, sizeof(q->session));
	arm_overdue(a);
	schedule_hurry(a);
}

void command_take(struct app *a, const struct record *r)
{
	const char *id = json_str(record_get(r, "id")), *kind = json_str(record_get(r, "kind"));
	int64_t valid_ms = VALID_MS, age_us = tool_now(a->t).real_us - r->t_us;
	struct err err;

	if (!id || !*id || strlen(id) >= sizeof(a->asked[0].id)) {
		log_warning("a command without a usable id is ignored");
		return;
	}
	if (is_known(a, record_src(r), id))
		return;
	if (json_want_int(r->body, "valid_ms", 1, VALID_MAX_MS, &valid_ms, &err) < 0)
		tool_reply_simple(a->t, r, "rejected", err.msg);
	else if (!kind || strcmp(kind, "reading") != 0)
		tool_reply_simple(a->t, r, "unknown_kind", NULL);
	else if (age_us > valid_ms * 1000)
		tool_reply_simple(a->t, r, "expired", "the command is older than its valid_ms");
	else
		ask(a, r, id, valid_ms);
}

static void reply(struct app *a, const struct asked *q, const char *status, const char *reason,
		  const char *n)
{
	struct jw *w =
	    tool_record(a->t, "reply", (struct out_head){.evse = q->evse, .to = q->from});

	jw_kstr(w, "id", q->id);
	jw_kstr(w, "status", status);
	if (reason)
		jw_kstr(w, "reason", reason);
	if (n)
		jw_kstr(w, "reading", n);
	tool_send(a->t);
}

static void drop(struct app *a, int i)
{
	memmove(&a->asked[i], &a->asked[i + 1], (size_t)(a->n_asked - i - 1) * sizeof(a->asked[0]));
	a->n_asked--;
}

static void give(struct app *a, const struct asked *q, const struct meter_turn *turn,
		 const struct meter_sample *s)
{
	struct out_head head = {.evse = q->evse, .t_us = (turn->begin_us + turn->end_us) / 2};
	char id[METER_SERIAL_MAX + 16], n[32];
	struct jw *w;

	if (!s->import.have && !s->export.have) {
		reply(a, q, "failed", "the meter has no counter to read", NULL);
		return;
	}
	w = tool_record(a->t, "reading", head);
	jw_kstr(w, "context", *q->context ? q->context : "Trigger");
	if (*q->session)
		jw_kstr(w, "session", q->session);
	put_counter(w, "import_wh", &s->import);
	put_counter(w, "export_wh", &s->export);
	put_register(w, &s->import, &s->export);
	jw_kstr(w, "epoch", meter_epoch_id(&a->epoch, id, sizeof(id)));
	if (*turn->serial)
		jw_kstr(w, "serial", turn->serial);
	jw_knum(w, "t_half_ms", (double)(turn->end_us - turn->begin_us) / 2000, 1);
	jw_kstr(w, "command_id", q->id);
	tool_send(a->t);
	reply(a, q, "accepted", NULL, out_n(&a->t->out, n));
	publish_save(a);
}

void command_serve(struct app *a, const struct meter_turn *turn, const struct meter_sample *s)
{
	for (int i = 0; i < a->n_asked;) {
		struct asked q = a->asked[i];

		if (q.arrived_us > turn->begin_mono_us) {
			i++;
			continue;
		}
		drop(a, i);
		give(a, &q, turn, s);
	}
	arm_overdue(a);
}

void command_overdue(void *ctx)
{
	struct app *a = ctx;
	int64_t now = tool_now(a->t).mono_us;

	for (int i = 0; i < a->n_asked;) {
		struct asked q = a->asked[i];

		if (q.until_us > now) {
			i++;
			continue;
		}
		drop(a, i);
		reply(a, &q, "failed",
		      *a->trouble ? a->trouble : "no answer from the meter in time", NULL);
	}
	arm_overdue(a);
}
