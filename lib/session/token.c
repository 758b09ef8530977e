/* Tokens: whose session they are for, whom to ask, what the verdict does. */
#include "session/parts.h"

#include <stdio.h>
#include <string.h>

int session_place(const struct sessions *s, const char *id_hash)
{
	int idle = 0, idles = 0;

	for (int i = 0; i < s->conf.evses; i++)
		if (s->evse[i].now.connected && !s->evse[i].now.authorized &&
		    s->evse[i].asking == SESSION_ASK_NONE)
			return i + 1;
	for (int i = 0; i < s->conf.evses; i++) {
		const struct session_stored *x = &s->evse[i].now;

		if (x->authorized && !x->stopping && strcmp(x->id_hash, id_hash) == 0)
			return i + 1;
		if (!x->id[0] || (x->stopping && (x->end_read || !x->begun))) {
			idle = i + 1;
			idles++;
		}
	}
	return idles == 1 ? idle : s->conf.evses == 1 ? 1 : 0;
}

static bool accepted(const struct session_auth *a)
{
	return strcmp(a->verdict, "Accepted") == 0;
}

static void settle_start(struct sessions *s, struct session *x, const struct session_token *t,
			 const struct session_auth *auth, const struct session_now *now)
{
	struct session_auth said = *auth;

	if (auth->master)
		session_copy(said.verdict, sizeof said.verdict, "Invalid");
	if (accepted(&said))
		session_set_authorized(s, x, t, &said, now);
	else
		session_say_auth(s, x, t, &said);
	session_advance(s, x, now);
}

/* A second token stops a session of its own group, a master token any; else it has no business
 * here. */
static void settle_stop(struct sessions *s, struct session *x, const struct session_token *t,
			const struct session_auth *auth, const struct session_now *now)
{
	struct session_auth said = *auth;
	bool same_group =
	    auth->group_hash[0] && strcmp(auth->group_hash, x->now.auth.group_hash) == 0;

	if (accepted(auth) && !same_group && !auth->master)
		session_copy(said.verdict, sizeof said.verdict, "ConcurrentTx");
	session_say_auth(s, x, t, &said);
	if (accepted(&said))
		session_begin_stop(s, x, auth->master ? "MasterPass" : "Local", now);
	session_advance(s, x, now);
}

void session_settle(struct sessions *s, struct session *x, const struct session_auth *auth,
		    const struct session_now *now)
{
	enum session_ask asked = x->asking;

	x->asking = SESSION_ASK_NONE;
	if (asked == SESSION_ASK_START)
		settle_start(s, x, &x->asked, auth, now);
	else if (asked == SESSION_ASK_STOP)
		settle_stop(s, x, &x->asked, auth, now);
}

static void ask(struct sessions *s, struct session *x, enum session_ask what,
		const struct session_token *t, const struct session_auth *local,
		const struct session_now *now)
{
	struct session_action *a;

	x->asking = what;
	x->asked = *t;
	x->fallback = *local;
	if (t->authorized || !s->conf.ocpp) {
		struct session_auth yes = {.verdict = "Accepted", .by = "ocpp"};

		session_copy(yes.group_hash, sizeof yes.group_hash, t->group_hash);
		session_settle(s, x, t->authorized ? &yes : local, now);
		return;
	}
	snprintf(x->ask_id, sizeof x->ask_id, "%s.a%llu", s->conf.epoch,
		 (unsigned long long)++s->ids);
	x->ask_until_ms = now->mono_ms + s->conf.ask_ms;
	a = session_act(s, x, SESSION_DO_AUTHORIZE);
	a->token = *t;
	session_copy(a->id, sizeof a->id, x->ask_id);
}

static bool is_repeat(const struct sessions *s, struct session *x, const struct session_token *t,
		      const struct session_now *now)
{
	bool repeat = t->id_hash[0] && strcmp(t->id_hash, x->last_hash) == 0 &&
		      now->mono_ms - x->last_swipe_ms < s->conf.repeat_ms;

	if (!repeat)
		session_copy(x->last_hash, sizeof x->last_hash, t->id_hash);
	x->last_swipe_ms = now->mono_ms;
	return repeat;
}

const char *session_on_token(struct sessions *s, int evse, const struct session_token *t,
			     const struct session_auth *local, const struct session_now *now)
{
	struct session *x = session_get(s, evse ? evse : session_place(s, t->id_hash));

	if (!x)
		return "no_evse";
	if (x->asking != SESSION_ASK_NONE || (x->now.stopping && x->now.begun && !x->now.end_read))
		return "busy";
	if (!t->has_remote_start && is_repeat(s, x, t, now))
		return "repeat";
	if (x->now.authorized && !x->now.stopping) {
		if (t->has_remote_start)
			return "busy";
		if (strcmp(t->id_hash, x->now.id_hash) == 0)
			session_begin_stop(s, x, "Local", now);
		else
			ask(s, x, SESSION_ASK_STOP, t, local, now);
		session_advance(s, x, now);
		return NULL;
	}
	if (x->inoperative || x->pilot.fault_reason)
		return "inoperative";
	if (x->now.stopping) {
		/* The car stayed: its next session begins with this token. */
		session_end(s, x, now);
		session_follow_plug(s, x, now);
	}
	ask(s, x, SESSION_ASK_START, t, local, now);
	return NULL;
}

bool session_on_verdict(struct sessions *s, const char *ask_id, const struct session_auth *auth,
			const struct session_now *now)
{
	for (int i = 0; i < s->conf.evses; i++) {
		struct session *x = &s->evse[i];

		if (x->asking == SESSION_ASK_NONE || strcmp(x->ask_id, ask_id) != 0)
			continue;
		session_settle(s, x, auth ? auth : &x->fallback, now);
		return true;
	}
	return false;
}
