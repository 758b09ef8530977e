/* Records become inputs of the sessions. */
#include "evse-session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens, by way of their hash ---- */

static void reply(struct tool *t, const char *status, const char *reason)
{
	struct session_tool *s = t->ctx;
	struct jw *w = tool_record(t, "reply", (struct out_head){.evse = s->evse, .to = s->from});

	jw_kstr(w, "id", s->command_id);
	jw_kstr(w, "status", status);
	if (reason)
		jw_kstr(w, "reason", reason);
	tool_send(t);
}

static void use_token(struct tool *t, const struct session_auth *local)
{
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	const char *refused = session_on_token(&s->core, s->evse, &s->token, local, &now);

	if (refused)
		log_notice("token for EVSE %d not taken: %s", s->evse, refused);
	if (s->waiting == WAIT_START)
		reply(t, refused ? "rejected" : "accepted", refused);
}

/* "HASH", or of a token "HASH VERDICT GROUPHASH OWNGROUPHASH": what the own list says of it, and
 * the group that the token itself names; "-" for none. */
void session_on_hash(void *ctx, const char *data, size_t len)
{
	struct tool *t = ctx;
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	struct session_auth local = {.by = "list"};
	char hash[SESSION_HASH_MAX] = "";

	if (s->waiting == WAIT_NOTHING || len >= (size_t)4 * SESSION_HASH_MAX)
		return;
	sscanf(data, "%71s %31s %71s %71s", hash, local.verdict, local.group_hash,
	       s->token.group_hash);
	if (strcmp(local.group_hash, "-") == 0)
		local.group_hash[0] = '\0';
	if (strcmp(s->token.group_hash, "-") == 0)
		s->token.group_hash[0] = '\0';
	if (s->waiting == WAIT_VERDICT) {
		memcpy(s->auth.group_hash, hash, sizeof hash);
		session_on_verdict(&s->core, s->ask_id, &s->auth, &now);
	} else {
		memcpy(s->token.id_hash, hash, sizeof hash);
		if (s->conf.free && strcmp(local.verdict, "Accepted") != 0)
			local = (struct session_auth){.verdict = "Accepted", .by = "free"};
		use_token(t, &local);
	}
	s->waiting = WAIT_NOTHING;
	explicit_bzero(s->token.id, sizeof s->token.id);
	explicit_bzero(s->token_group, sizeof s->token_group);
	session_settle_all(t);
}

static void ask_hash(struct tool *t, enum waiting what, const char *clear)
{
	struct session_tool *s = t->ctx;
	char hash[SESSION_HASH_MAX], group[SESSION_HASH_MAX] = "", text[4 * SESSION_HASH_MAX];
	struct session_auth local;

	s->waiting = what;
	if (t->replaying)
		return; /* the journal's next line holds it */
	token_hash(&s->key, clear, hash);
	token_list_verdict(&s->list, hash, &local);
	if (s->token_group[0])
		token_hash(&s->key, s->token_group, group);
	snprintf(text, sizeof text, "%s %s %s %s", hash, local.verdict,
		 local.group_hash[0] ? local.group_hash : "-", group[0] ? group : "-");
	tool_feed(t, s->hash_channel, what == WAIT_VERDICT ? hash : text,
		  strlen(what == WAIT_VERDICT ? hash : text));
}

static bool read_token(struct tool *t, const struct record *r, struct err *err)
{
	struct session_tool *s = t->ctx;
	jv token = record_get(r, "token");
	const char *id, *kind = "ISO14443", *group = "";
	int has;

	memset(&s->token, 0, sizeof s->token);
	if (json_want_str(token, "id", SESSION_TOKEN_MAX - 1, &id, err) <= 0)
		return false;
	if (json_want_str(token, "kind", SESSION_WORD_MAX - 1, &kind, err) < 0 ||
	    json_want_str(token, "group", SESSION_TOKEN_MAX - 1, &group, err) < 0)
		return false;
	has = json_want_int(r->body, "remote_start_id", -(1LL << 52), 1LL << 52,
			    &s->token.remote_start_id, err);
	if (has < 0)
		return false;
	snprintf(s->token.id, sizeof s->token.id, "%s", id);
	snprintf(s->token.kind, sizeof s->token.kind, "%s", kind);
	snprintf(s->token_group, sizeof s->token_group, "%s", group);
	s->token.has_remote_start = has > 0;
	s->token.authorized = json_bool(record_get(r, "authorized"), false);
	s->evse = r->head.evse;
	return true;
}

static void take_token(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	struct err err = {"token.id: expected a string"};

	if (!read_token(t, r, &err))
		log_warning("token record of %s not understood: %s", record_src(r), err.msg);
	else
		ask_hash(t, WAIT_TOKEN, s->token.id);
}

/* ---- other input ---- */

static int evse_of(const struct record *r)
{
	const char *dot = strrchr(record_src(r), '.');

	return r->head.evse > 0 ? r->head.evse : dot ? (int)strtol(dot + 1, NULL, 10) : 0;
}

/* A fault that ends the session, as the reason that OCPP has for it; others only interrupt. */
static const char *fault_reason(jv faults)
{
	static const struct {
		const char *code, *reason;
	} ends[] = {{"estop", "EmergencyStop"}, {"rcd", "GroundFault"},
		    {"pe", "GroundFault"},      {"overcurrent", "OvercurrentFault"},
		    {"temperature", "Other"},   {"lock", "Other"}};

	for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
		for (int i = 0; i < json_len(faults); i++) {
			const char *code = json_str(json_at(faults, i));

			if (code && strcmp(code, ends[k].code) == 0)
				return ends[k].reason;
		}
	}
	return NULL;
}

static void take_pilot(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	const char *state = json_str(record_get(r, "state"));
	jv contactor = record_get(r, "contactor");
	jv feedback = json_get(contactor, "feedback");
	struct session_now now = now_of(t);
	struct session_pilot p = {0};

	if (!state || state[0] < 'A' || state[0] > 'F') {
		if (!record_gone(r))
			log_warning("pilot record of %s not understood: state: expected A to F",
				    record_src(r));
		return;
	}
	p.state = state[0];
	p.pwm = state[1] == '2';
	p.closed = json_bool(feedback, json_bool(json_get(contactor, "commanded"), false));
	p.fault_reason = fault_reason(record_get(r, "faults"));
	now.wall_ms = r->t_us / 1000;
	session_on_pilot(&s->core, evse_of(r), &p, &now);
}

static const char *register_of(jv body)
{
	const char *text = json_str(json_get(json_get(body, "register"), "import_wh"));

	return text ? text : "";
}

static void take_meter(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	double import_wh, amps = 0;

	if (!json_num(record_get(r, "import_wh"), -1e15, 1e15, &import_wh))
		return;
	for (int i = 0; i < 3; i++) {
		double a;

		if (json_num(json_at(record_get(r, "current_a"), i), -1e6, 1e6, &a))
			amps = fmax(amps, fabs(a));
	}
	session_on_meter(&s->core, evse_of(r), import_wh, register_of(r->body), amps, &now);
}

static void take_reading(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	const char *id = json_str(record_get(r, "command_id"));
	struct session_reading reading = {.have = true};
	struct session_now now = now_of(t);

	if (!id || !json_num(record_get(r, "import_wh"), -1e15, 1e15, &reading.import_wh))
		return;
	snprintf(reading.import_register, sizeof reading.import_register, "%s",
		 register_of(r->body));
	session_on_reading(&s->core, id, &reading, &now);
}

static const char *group_of(jv auth)
{
	jv group = json_get(auth, "group");
	const char *id = json_str(group);

	return id ? id : json_str(json_get(group, "id"));
}

/* The answer to `authorize`; what came without a verdict counts as "nobody reached". */
static void take_verdict(struct tool *t, const struct record *r, const char *id)
{
	struct session_tool *s = t->ctx;
	jv auth = record_get(r, "auth");
	const char *verdict = json_str(json_get(auth, "verdict"));
	const char *by = json_str(json_get(auth, "by"));
	struct session_now now = now_of(t);
	int64_t until_us, stop_us;
	struct err err;

	if (!verdict) {
		session_on_verdict(&s->core, id, NULL, &now);
		return;
	}
	memset(&s->auth, 0, sizeof s->auth);
	snprintf(s->auth.verdict, sizeof s->auth.verdict, "%s", verdict);
	snprintf(s->auth.by, sizeof s->auth.by, "%s", by ? by : "ocpp");
	if (json_want_time(auth, "until", &until_us, &err) > 0)
		s->auth.until_ms = until_us / 1000;
	if (json_want_time(auth, "stop_at", &stop_us, &err) > 0)
		s->auth.stop_ms = stop_us / 1000;
	json_num(json_get(auth, "energy_max_wh"), 0, 1e12, &s->auth.energy_max_wh);
	s->auth.master = json_bool(json_get(auth, "master"), false);
	snprintf(s->ask_id, sizeof s->ask_id, "%s", id);
	if (group_of(auth))
		ask_hash(t, WAIT_VERDICT, group_of(auth));
	else
		session_on_verdict(&s->core, id, &s->auth, &now);
}

static void take_reply(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	const char *id = json_str(record_get(r, "id"));
	const char *status = json_str(record_get(r, "status"));
	struct session_now now = now_of(t);

	if (strcmp(record_to(r), t->src) != 0 || !id || !status)
		return;
	if (strncmp(record_src(r), "meter", 5) == 0) {
		if (strcmp(status, "accepted") != 0)
			session_on_reading(&s->core, id, NULL, &now);
		return; /* the reading itself is a record of its own */
	}
	if (strcmp(status, "accepted") != 0 && session_on_reading(&s->core, id, NULL, &now))
		return; /* the bus says that there is no such meter */
	take_verdict(t, r, id);
}

static void take_availability(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	bool operative = record_gone(r) || json_bool(record_get(r, "operative"), true);

	for (int i = 1; i <= s->conf.evses; i++)
		if (!r->head.evse || r->head.evse == i)
			session_on_availability(&s->core, i, operative, &now);
}

static void take_command(struct tool *t, const struct record *r)
{
	struct session_tool *s = t->ctx;
	const char *kind = json_str(record_get(r, "kind"));
	const char *id = json_str(record_get(r, "session"));
	const char *reason = json_str(record_get(r, "reason"));
	struct session_now now = now_of(t);
	struct err err = {"token.id: expected a string"};

	if (!tool_addressed(t, r))
		return;
	snprintf(s->from, sizeof s->from, "%s", record_src(r));
	snprintf(s->command_id, sizeof s->command_id, "%s",
		 json_str(record_get(r, "id")) ? json_str(record_get(r, "id")) : "");
	if (kind && strcmp(kind, "stop") == 0) {
		bool done = session_stop(&s->core, r->head.evse, id ? id : "",
					 reason ? reason : "Remote", &now);

		tool_reply_simple(t, r, done ? "accepted" : "rejected",
				  done ? NULL : "no such session is authorised");
	} else if (kind && strcmp(kind, "start") == 0) {
		if (read_token(t, r, &err))
			ask_hash(t, WAIT_START, s->token.id);
		else
			tool_reply_simple(t, r, "rejected", err.msg);
	} else {
		tool_reply_simple(t, r, "unknown_kind", kind ? kind : "no kind");
	}
}

static const struct {
	const char *type;
	void (*take)(struct tool *t, const struct record *r);
} takers[] = {
    {"pilot", take_pilot},     {"meter", take_meter},     {"token", take_token},
    {"reply", take_reply},     {"reading", take_reading}, {"availability", take_availability},
    {"command", take_command},
};

const char *const session_wants[] = {"pilot",   "meter",        "token",   "reply",
				     "reading", "availability", "command", NULL};

void session_on_record(struct tool *t, const struct record *r)
{
	for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
		if (record_is(r, takers[i].type))
			takers[i].take(t, r);
	session_settle_all(t);
}
