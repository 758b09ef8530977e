/* Commands and their replies. A command is executed at most once per (src, id). */
#include "app.h"

#include <stdio.h>
#include <string.h>

static uint32_t hash(const char *src, const char *id)
{
	uint32_t h = 2166136261U;

	for (const char *s = src; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	h = (h ^ '\n') * 16777619U;
	for (const char *s = id; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h ? h : 1;
}

static bool repeated(struct app *a, const struct record *r, const char *id)
{
	uint32_t h = hash(record_src(r), id);

	for (int i = 0; i < SEEN_COMMANDS; i++)
		if (a->seen[i] == h)
			return true;
	a->seen[a->seen_next++ % SEEN_COMMANDS] = h;
	return false;
}

/* Only what was sent since this boot can be told to be too old. */
static bool too_old(struct app *a, const struct record *r)
{
	int64_t valid_ms = 5000;

	json_int(record_get(r, "valid_ms"), 0, 86400000, &valid_ms);
	return r->head.m >= 0 && app_now(a) / 1000 - r->head.m > valid_ms;
}

static void reply_unlock(struct app *a, const char *status, const char *reason)
{
	struct jw *w = tool_record(
	    a->t, "reply", (struct out_head){.evse = (int)options.evse, .to = a->unlock.src});

	jw_kstr(w, "id", a->unlock.id);
	jw_kstr(w, "status", status);
	if (reason)
		jw_kstr(w, "reason", reason);
	tool_send(a->t);
	a->unlock.pending = false;
}

void app_unlock_step(struct app *a)
{
	if (!a->unlock.pending)
		return;
	if (a->p.in.unlocked && !a->p.out.lock)
		reply_unlock(a, "accepted", NULL);
	else if (app_now(a) >= a->unlock.until_us)
		reply_unlock(a, "failed", "lock");
}

void app_command(struct app *a, const struct record *r)
{
	static const struct {
		const char *kind;
		enum pilot_cmd cmd;
	} kinds[] = {
	    {"unlock", PILOT_UNLOCK}, {"reset_fault", PILOT_RESET_FAULT}, {"replug", PILOT_REPLUG}};
	const char *kind = json_str(record_get(r, "kind")), *id = json_str(record_get(r, "id"));

	if (!kind || !id) {
		log_warning("command %s from %s refused: kind and id: expected words", record_n(r),
			    record_src(r));
		return;
	}
	if (repeated(a, r, id))
		return;
	if (too_old(a, r)) {
		tool_reply_simple(a->t, r, "expired", NULL);
		return;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const char *refused;

		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		if (kinds[i].cmd == PILOT_UNLOCK && a->unlock.pending)
			refused = "busy";
		else
			refused = pilot_command(&a->p, app_now(a), kinds[i].cmd);
		if (refused) {
			tool_reply_simple(a->t, r, "rejected", refused);
		} else if (kinds[i].cmd == PILOT_UNLOCK) {
			/* Answered when the lock has moved, or has not. */
			a->unlock.pending = true;
			a->unlock.until_us = app_now(a) + (int64_t)a->conf.times.lock * 1000;
			snprintf(a->unlock.src, sizeof a->unlock.src, "%s", record_src(r));
			snprintf(a->unlock.id, sizeof a->unlock.id, "%s", id);
		} else {
			tool_reply_simple(a->t, r, "accepted", NULL);
		}
		a->cause = "command";
		return;
	}
	tool_reply_simple(a->t, r, "unknown_kind", NULL);
}
