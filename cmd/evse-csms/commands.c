/* Lines of standard input: calls to send, and commands to the back office itself. */
#include "csms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One line being carried out. */
struct order {
	struct office *o;
	jv line;
	const char *to; /* a charger's id, or "*" */
};

/* ---- what every line is answered with ---- */

static void say_done(struct order *od, const char *word, const char *reason)
{
	struct jw *w = say(od->o, NULL, false, "command");

	jw_kstr(w, "command", word);
	if (od->to)
		jw_kstr(w, "to", od->to);
	jw_kstr(w, "status", reason ? "rejected" : "accepted");
	if (reason)
		jw_kstr(w, "reason", reason);
	said(od->o);
}

static int refuse(struct order *od, const char *word, const char *reason)
{
	log_warning("standard input line %llu: %s; skipped", (unsigned long long)od->o->lines,
		    reason);
	say_done(od, word, reason);
	return -1;
}

/* ---- chargers addressed ---- */

static int for_each(struct order *od, bool connected, int (*fn)(struct charger *c, void *ctx),
		    void *ctx)
{
	int n = 0;

	if (strcmp(od->to, "*") != 0) {
		struct charger *c = charger_find(od->o, od->to, !connected);

		if (!c || (connected && !c->conn))
			return 0;
		return fn(c, ctx) < 0 ? -1 : 1;
	}
	for (struct charger *c = od->o->chargers; c; c = c->next) {
		if (!c->conn)
			continue;
		if (fn(c, ctx) < 0)
			return -1;
		n++;
	}
	return n;
}

/* ---- calls and raw text ---- */

struct calling {
	const char *id, *action, *payload;
	int64_t timeout_ms;
	struct err e;
};

static int call_one(struct charger *c, void *ctx)
{
	struct calling *k = ctx;

	return charger_call(c, k->id, k->action, k->payload, k->timeout_ms, &k->e);
}

static int do_call(struct order *od)
{
	struct calling k = {.timeout_ms = CALL_TIMEOUT_MS};
	jv payload = json_get(od->line, "payload");
	struct buf text;
	int n;

	if (json_want_str(od->line, "action", 63, &k.action, &k.e) <= 0 ||
	    json_want_str(od->line, "id", CSMS_ID_MAX, &k.id, &k.e) < 0 ||
	    json_want_int(od->line, "timeout_ms", 1, 86400000, &k.timeout_ms, &k.e) < 0)
		return refuse(od, "call", k.e.msg[0] ? k.e.msg : "action: expected a text");
	if (strpbrk(k.action, "\"\\") || (k.id && strpbrk(k.id, "\"\\")))
		return refuse(od, "call", "action, id: no quotes or backslashes");
	if (!json_absent(payload) && !json_is(payload, JV_KIND_OBJECT))
		return refuse(od, "call", "payload: expected an object");
	buf_init(&text, NDJSON_LINE_MAX);
	if (json_absent(payload))
		buf_adds(&text, "{}");
	else
		json_print(payload, &text);
	k.payload = buf_str(&text);
	n = for_each(od, !json_bool(json_get(od->line, "wait"), false), call_one, &k);
	buf_release(&text);
	if (n < 0)
		return refuse(od, "call", k.e.msg);
	if (n == 0)
		return refuse(od, "call", "not connected (\"wait\":true keeps the call for later)");
	return 0;
}

static int raw_one(struct charger *c, void *ctx)
{
	const char *text = ctx;

	return ws_conn_send(c->conn, text, strlen(text));
}

static int do_raw(struct order *od)
{
	const char *text = json_str(json_get(od->line, "raw"));
	char copy[NDJSON_LINE_MAX];
	int n;

	if (!text || strlen(text) >= sizeof(copy))
		return refuse(od, "raw", "raw: expected a text");
	memcpy(copy, text, strlen(text) + 1);
	n = for_each(od, true, raw_one, copy);
	if (n <= 0)
		return refuse(od, "raw", n < 0 ? "unable to send" : "not connected");
	say_done(od, "raw", NULL);
	return 0;
}

/* ---- rules ---- */

static int take_payload(struct csms_rule *r, jv payload, struct err *e)
{
	struct buf text;

	if (!json_is(payload, JV_KIND_OBJECT))
		return err_set(e, "payload: expected an object");
	buf_init(&text, NDJSON_LINE_MAX);
	json_print(payload, &text);
	r->payload = strdup(buf_str(&text));
	buf_release(&text);
	return r->payload ? 0 : err_sys(e, "unable to keep the payload");
}

static int read_rule(struct order *od, struct csms_rule *r, struct err *e)
{
	const char *action = "*", *code = "InternalError", *description = "told to";
	int64_t status = 503;

	r->left = -1;
	if (json_want_str(od->line, "action", sizeof(r->action) - 1, &action, e) < 0 ||
	    json_want_int(od->line, "count", 1, INT32_MAX, &r->left, e) < 0 ||
	    json_want_int(od->line, "skip", 0, INT32_MAX, &r->skip, e) < 0 ||
	    json_want_str(od->line, "code", sizeof(r->code) - 1, &code, e) < 0 ||
	    json_want_str(od->line, "description", sizeof(r->description) - 1, &description, e) < 0)
		return -1;
	if (r->what == CSMS_DELAY && json_want_int(od->line, "ms", 1, 3600000, &r->ms, e) <= 0)
		return e->msg[0] ? -1 : err_set(e, "ms: expected the delay in milliseconds");
	if (r->what == CSMS_REFUSE && json_want_int(od->line, "status", 400, 599, &status, e) < 0)
		return -1;
	if (r->what == CSMS_ANSWER && take_payload(r, json_get(od->line, "payload"), e) < 0)
		return -1;
	r->status = (int)status;
	snprintf(r->charger, sizeof(r->charger), "%s", od->to);
	snprintf(r->action, sizeof(r->action), "%s", action);
	snprintf(r->code, sizeof(r->code), "%s", code);
	snprintf(r->description, sizeof(r->description), "%s", description);
	return 0;
}

static int add_rule(struct order *od, enum csms_what what)
{
	struct csms_rule rule = {.what = what};
	struct err e = {""};

	if (read_rule(od, &rule, &e) < 0)
		return refuse(od, csms_what_word(what), e.msg);
	if (csms_rules_add(&od->o->rules, &rule) < 0)
		return refuse(od, csms_what_word(what), "out of memory");
	say_done(od, csms_what_word(what), NULL);
	return 0;
}

/* ---- other commands ---- */

static int break_one(struct charger *c, void *ctx)
{
	(void)ctx;
	ws_conn_break(c->conn);
	return 0;
}

/* Without an action: now. With one: when that call comes. */
static int do_break(struct order *od)
{
	if (!json_absent(json_get(od->line, "action")))
		return add_rule(od, CSMS_BREAK);
	if (for_each(od, true, break_one, NULL) <= 0)
		return refuse(od, "break", "not connected");
	say_done(od, "break", NULL);
	return 0;
}

static int close_one(struct charger *c, void *ctx)
{
	ws_conn_close(c->conn, (int)*(int64_t *)ctx, "told to");
	return 0;
}

static int do_close(struct order *od)
{
	int64_t code = 1000;
	struct err e = {""};

	if (json_want_int(od->line, "code", 1000, 4999, &code, &e) < 0)
		return refuse(od, "close", e.msg);
	if (for_each(od, true, close_one, &code) <= 0)
		return refuse(od, "close", "not connected");
	say_done(od, "close", NULL);
	return 0;
}

static int do_clear(struct order *od)
{
	csms_rules_clear(&od->o->rules, od->to);
	say_done(od, "clear", NULL);
	return 0;
}

static int do_card(struct order *od)
{
	const char *id = json_str(json_get(od->line, "card"));
	struct err e = {""};

	if (csms_cards_set(&od->o->cards, id ? id : "", od->line, &e) < 0)
		return refuse(od, "card", e.msg);
	say_done(od, "card", NULL);
	return 0;
}

static int do_boot(struct order *od)
{
	static const char *const words[] = {"Accepted", "Pending", "Rejected"};
	const char *word = json_str(json_get(od->line, "status"));

	for (int i = 0; word && i < 3; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		od->o->boot = i;
		say_done(od, "boot", NULL);
		return 0;
	}
	return refuse(od, "boot", "status: expected Accepted, Pending or Rejected");
}

static int do_interval(struct order *od)
{
	struct err e = {""};

	if (json_want_int(od->line, "interval_s", 0, 86400, &od->o->interval_s, &e) <= 0)
		return refuse(od, "interval", "interval_s: expected 0 to 86400");
	say_done(od, "interval", NULL);
	return 0;
}

static int do_list(struct order *od)
{
	struct jw *w = say(od->o, NULL, false, "list");

	jw_karr(w, "chargers");
	for (struct charger *c = od->o->chargers; c; c = c->next) {
		jw_obj(w);
		jw_kstr(w, "id", c->id);
		jw_kbool(w, "connected", c->conn != NULL);
		jw_kint(w, "waiting", (int64_t)c->nqueued + (c->pending != NULL));
		jw_end(w);
	}
	jw_end(w);
	said(od->o);
	return 0;
}

static const struct {
	const char *word;
	int (*fn)(struct order *od);
} commands[] = {
    {"break", do_break}, {"close", do_close},       {"clear", do_clear}, {"card", do_card},
    {"boot", do_boot},   {"interval", do_interval}, {"list", do_list},
};

static int do_command(struct order *od, const char *word)
{
	char text[128];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].word, word) == 0)
			return commands[i].fn(od);
	for (int what = 0; what < CSMS_WHATS; what++)
		if (strcmp(csms_what_word((enum csms_what)what), word) == 0)
			return add_rule(od, (enum csms_what)what);
	snprintf(text, sizeof(text), "unknown command \"%.40s\"", word);
	return refuse(od, word, text);
}

bool on_command(struct tool *t, const char *line, size_t len)
{
	struct order od = {.o = t->ctx, .to = NULL};
	struct err e = {""};
	const char *word;

	od.o->lines = t->line;
	if (json_parse(line, len, &od.line, &e) < 0) {
		refuse(&od, "line", e.msg);
		return true;
	}
	if (!json_is(od.line, JV_KIND_OBJECT)) {
		refuse(&od, "line", "expected an object");
		goto out;
	}
	od.to = json_str(json_get(od.line, "to"));
	word = json_str(json_get(od.line, "command"));
	if (word) {
		if (!od.to)
			od.to = "*";
		do_command(&od, word);
	} else if (!od.to || !*od.to || strlen(od.to) > 64) {
		refuse(&od, "line", "to: expected a charger's id, or \"*\"");
	} else if (!json_absent(json_get(od.line, "raw"))) {
		do_raw(&od);
	} else {
		do_call(&od);
	}
out:
	json_free(od.line);
	return true;
}
