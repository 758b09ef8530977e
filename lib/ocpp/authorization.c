/* C: who may charge. evse-session asks with a command; the local list, the cache or the back office
 * answers.
 *
 * Source: OCPP 2.0.1 Part 2, C01 (Authorize), C10 to C14 (cache, local list, offline) */
#include "ocpp/block.h"

#include "core/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ASK_MS 5000 /* how long a command waits for its reply, where it doesn't say */

/* A question of evse-session that waits for the back office. */
struct question {
	char id[64], to[64];
	int evse;
	char token[256], kind[24];
	int64_t due_us; /* mono: who asks waits no longer */
	bool decided;   /* without the back office, which was too slow */
};

static void reply_begin_to(struct ocpp *o, const struct question *q, const char *status)
{
	struct jw *w =
	    out_begin(o->out, o->now, "reply", (struct out_head){.evse = q->evse, .to = q->to});

	jw_kstr(w, "id", q->id);
	jw_kstr(w, "status", status);
}

static void refuse(struct ocpp *o, const struct question *q, const char *status, const char *reason)
{
	reply_begin_to(o, q, status);
	jw_kstr(&o->out->w, "reason", reason);
	out_send(o->out);
}

/* C16: such a token stops whatever runs, and starts nothing. */
static bool is_master(const struct ocpp *o, const struct cache_entry *e)
{
	const char *group = var_text(o, VAR_AUTH_MASTER_GROUP);

	return group[0] && strcasecmp(e->group, group) == 0;
}

static void decide(struct ocpp *o, const struct question *q, const char *verdict,
		   const struct cache_entry *e, const char *by)
{
	struct jw *w = &o->out->w;

	reply_begin_to(o, q, "accepted");
	jw_kobj(w, "auth");
	jw_kstr(w, "verdict", verdict);
	if (e && e->group[0])
		jw_kstr(w, "group", e->group);
	if (e && is_master(o, e))
		jw_kbool(w, "master", true);
	if (e && e->until_us != CACHE_FOREVER)
		jw_ktime(w, "until", e->until_us);
	jw_kstr(w, "by", by);
	jw_end(w);
	out_send(o->out);
}

static const char *verdict_of(const struct ocpp *o, const struct question *q,
			      const struct cache_entry *e)
{
	if (strcmp(e->status, "Accepted") != 0)
		return e->status;
	if (e->until_us <= o->now.real_us)
		return "Expired";
	return token_fits(e, q->evse) ? "Accepted" : "NotAllowedTypeEVSE";
}

/* What is known here. The list goes before the cache. */
static struct cache_entry *known(struct ocpp *o, const struct question *q, const char **by)
{
	struct cache_entry *e = NULL;

	*by = "local_list";
	if (var_bool(o, VAR_LIST_ENABLED))
		e = cache_find(&o->list, q->token, q->kind);
	if (e || !var_bool(o, VAR_CACHE_ENABLED))
		return e;
	*by = "cache";
	e = cache_find(&o->cache, q->token, q->kind);
	int64_t life = var_int(o, VAR_CACHE_LIFETIME) * OCPP_S;
	if (e && life > 0 && o->now.real_us - e->used_us > life) {
		cache_remove(&o->cache, q->token, q->kind);
		return NULL;
	}
	return e;
}

/* LifeTime counts from the last use, and the token used longest ago makes room. */
static void decide_by(struct ocpp *o, const struct question *q, struct cache_entry *e,
		      const char *by)
{
	decide(o, q, verdict_of(o, q, e), e, by);
	if (strcmp(by, "cache") != 0)
		return;
	e->used_us = o->now.real_us;
	tokens_save(o, "cache", &o->cache, 0);
}

static void decide_offline(struct ocpp *o, const struct question *q)
{
	const char *by;
	struct cache_entry *e = known(o, q, &by);

	if (e && var_bool(o, VAR_AUTH_LOCAL_OFFLINE))
		decide_by(o, q, e, by);
	else
		decide(o, q, !e && var_bool(o, VAR_AUTH_UNKNOWN_OFFLINE) ? "Accepted" : "Unknown",
		       NULL, "ocpp");
}

void take_token_info(struct ocpp *o, const char *id, const char *kind, jv info)
{
	struct cache_entry *e;

	if (json_absent(info) || !var_bool(o, VAR_CACHE_ENABLED) || !id[0])
		return;
	e = cache_put(&o->cache, id, kind);
	if (!e)
		return;
	read_token_info(e, info);
	e->used_us = o->now.real_us;
	tokens_save(o, "cache", &o->cache, 0);
}

static void authorize_done(struct ocpp *o, const struct ocpp_call *call,
			   const struct ocpp_frame *answer)
{
	const struct question *q = call->cookie;
	struct cache_entry e = {.until_us = CACHE_FOREVER};

	if (!answer || answer->kind == OCPP_CALLERROR) {
		if (!q->decided)
			decide_offline(o, q);
		return;
	}
	jv info = json_get(answer->payload, "idTokenInfo");
	read_token_info(&e, info);
	if (!q->decided)
		decide(o, q, verdict_of(o, q, &e), &e, "ocpp");
	take_token_info(o, q->token, q->kind, info);
}

static void ask(struct ocpp *o, const struct question *q)
{
	struct question *copy = malloc(sizeof(*copy));

	if (!copy) {
		refuse(o, q, "failed", "no memory");
		return;
	}
	*copy = *q;
	write_token(call_begin(o, "Authorize"), q->token, q->kind);
	if (call_send(o, CALL_FIRST, authorize_done, copy) < 0)
		refuse(o, q, "failed", "the token can't be put to the back office");
}

static void authorize(struct ocpp *o, const struct question *q)
{
	const char *by;
	struct cache_entry *e = known(o, q, &by);

	if (e && strcmp(verdict_of(o, q, e), "Accepted") == 0 && var_bool(o, VAR_AUTH_LOCAL_PRE))
		decide_by(o, q, e, by);
	else if (online(o))
		ask(o, q);
	else
		decide_offline(o, q);
}

static void record(struct ocpp *o, const struct record *r)
{
	struct question q = {.evse = r->head.evse};
	const char *kind = json_str(record_get(r, "kind"));

	if (!record_is(r, "command") || strcmp(record_to(r), o->out->src) != 0)
		return;
	snprintf(q.id, sizeof(q.id), "%s", str_of(r->body, "id"));
	snprintf(q.to, sizeof(q.to), "%s", record_src(r));
	if (!kind || strcmp(kind, "authorize") != 0) {
		refuse(o, &q, "unknown_kind", "authorize is what evse-ocpp does");
		return;
	}
	jv token = record_get(r, "token");
	const char *id = str_of(token, "id"), *type = str_of(token, "kind");
	if (!id[0] || strlen(id) >= sizeof(q.token) || !type[0] || strlen(type) >= sizeof(q.kind)) {
		refuse(o, &q, "rejected", "expected token:{id,kind}");
		return;
	}
	int64_t valid_ms = ASK_MS;
	json_int(record_get(r, "valid_ms"), 0, 600000, &valid_ms);
	q.due_us = o->now.mono_us + valid_ms * 900; /* nine tenths of it */
	snprintf(q.token, sizeof(q.token), "%s", id);
	snprintf(q.kind, sizeof(q.kind), "%s", type);
	authorize(o, &q);
}

/* A back office that is slow to answer is as good as none: who asked is answered a little before
 * the command expires. Its answer then still goes to the cache. */
static int64_t hurry(struct ocpp *o, struct ocpp_call *call)
{
	struct question *q = call->cookie;

	if (call->done != authorize_done || q->decided)
		return CLOCK_NEVER;
	if (o->now.mono_us < q->due_us)
		return q->due_us;
	q->decided = true;
	decide_offline(o, q);
	return CLOCK_NEVER;
}

static int64_t tick(struct ocpp *o)
{
	int64_t next = o->calls.running ? hurry(o, o->calls.running) : CLOCK_NEVER;

	for (struct ocpp_call *call = o->calls.first; call; call = call->next)
		next = earlier(next, hurry(o, call));
	return next;
}

static void clear_cache(struct ocpp *o, const struct ocpp_frame *f)
{
	(void)f;
	if (!var_bool(o, VAR_CACHE_ENABLED)) {
		reply_status(o, "Rejected", "NotEnabled", NULL);
		return;
	}
	cache_clear(&o->cache);
	tokens_save(o, "cache", &o->cache, 0);
	reply_status(o, "Accepted", NULL, NULL);
}

static int load(struct ocpp *o, struct err *err)
{
	return tokens_load(o, "cache", &o->cache, NULL, err);
}

static const struct ocpp_handler handlers[] = {{"ClearCache", clear_cache}, {0}};

const struct ocpp_block block_authorization = {
    .load = load, .record = record, .tick = tick, .handlers = handlers};
