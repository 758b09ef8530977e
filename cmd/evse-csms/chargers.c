/* Who is there; calls that come, their answers, or what the rules make of them; calls that go. */
#include "csms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "csms/answers.h"

static const char *const boots[] = {"Accepted", "Pending", "Rejected"};

struct charger *charger_find(struct office *o, const char *id, bool make)
{
	struct charger *c = o->chargers;

	while (c && strcmp(c->id, id) != 0)
		c = c->next;
	if (c || !make || strlen(id) >= sizeof(c->id))
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->office = o;
	memcpy(c->id, id, strlen(id) + 1);
	c->next = o->chargers;
	o->chargers = c;
	return c;
}

static void send_text(struct charger *c, const char *text, size_t len)
{
	if (c->conn && ws_conn_send(c->conn, text, len) < 0)
		log_warning("unable to send to %s: %s", c->id, strerror(errno));
}

/* ---- calls to a charger: one at a time ---- */

static void send_next(struct charger *c);

static void call_free(struct call *call)
{
	if (call)
		free(call->payload);
	free(call);
}

static void call_done(struct charger *c)
{
	struct office *o = c->office;

	loop_timer_cancel(o->t->loop, &c->timer);
	call_free(c->pending);
	c->pending = NULL;
	send_next(c);
	if (o->ending && !o->closing && !office_busy(o))
		loop_timer_after(o->t->loop, &o->end_timer, 0); /* the last answer has come */
}

/* A call that gets no answer from the charger gets one from here. */
static void call_failed(struct charger *c, const char *code, const char *why)
{
	struct office *o = c->office;
	struct jw *w = say(o, c->id, true, "error");

	jw_kstr(w, "action", c->pending->action);
	jw_kstr(w, "id", c->pending->id);
	jw_kstr(w, "code", code);
	jw_kstr(w, "description", why);
	jw_kbool(w, "local", true);
	said(o);
	call_done(c);
}

static void on_call_timer(void *ctx)
{
	call_failed(ctx, "Timeout", "no answer in time");
}

static void send_next(struct charger *c)
{
	struct office *o = c->office;
	struct call *call = c->queue;
	struct jw *w;

	if (c->pending || !call || !c->conn)
		return;
	c->queue = call->next;
	c->nqueued--;
	c->pending = call;
	c->timer = (struct loop_timer){.name = "csms.call", .fn = on_call_timer, .ctx = c};
	loop_timer_after(o->t->loop, &c->timer, call->timeout_ms * 1000);
	buf_reset(&o->frame);
	buf_addf(&o->frame, "[2,\"%s\",\"%s\",%s]", call->id, call->action, call->payload);
	w = say(o, c->id, false, "call");
	jw_kstr(w, "action", call->action);
	jw_kstr(w, "id", call->id);
	say_raw(o, "payload", call->payload, strlen(call->payload));
	said(o);
	send_text(c, buf_str(&o->frame), o->frame.len);
}

int charger_call(struct charger *c, const char *id, const char *action, const char *payload,
		 int64_t timeout_ms, struct err *e)
{
	struct office *o = c->office;
	struct call *call, **tail = &c->queue;

	if (c->nqueued >= QUEUE_MAX)
		return err_set(e, "%d calls wait for %s already", QUEUE_MAX, c->id);
	call = calloc(1, sizeof(*call));
	if (!call || !(call->payload = strdup(payload))) {
		free(call);
		return err_sys(e, "unable to queue the call");
	}
	if (id)
		snprintf(call->id, sizeof(call->id), "%s", id);
	else
		snprintf(call->id, sizeof(call->id), "%s-%llu", o->call_prefix,
			 (unsigned long long)++o->calls);
	snprintf(call->action, sizeof(call->action), "%s", action);
	call->timeout_ms = timeout_ms;
	while (*tail)
		tail = &(*tail)->next;
	*tail = call;
	c->nqueued++;
	send_next(c);
	return 0;
}

/* ---- answers to a charger ---- */

static void send_result(struct charger *c, const char *id, const char *action, const char *payload,
			size_t len)
{
	struct office *o = c->office;
	struct jw *w = say(o, c->id, false, "result");

	jw_kstr(w, "action", action);
	jw_kstr(w, "id", id);
	say_raw(o, "payload", payload, len);
	said(o);
	buf_reset(&o->frame);
	jw_init(&o->w, &o->frame);
	jw_arr(&o->w);
	jw_int(&o->w, CSMS_RESULT);
	jw_str(&o->w, id);
	jw_raw(&o->w, payload, len);
	jw_end(&o->w);
	send_text(c, buf_str(&o->frame), o->frame.len);
}

static void send_error(struct charger *c, const char *id, const char *action, const char *code,
		       const char *description)
{
	struct office *o = c->office;
	struct jw *w = say(o, c->id, false, "error");

	jw_kstr(w, "action", *action ? action : NULL);
	jw_kstr(w, "id", id);
	jw_kstr(w, "code", code);
	jw_kstr(w, "description", description);
	said(o);
	buf_reset(&o->frame);
	jw_init(&o->w, &o->frame);
	jw_arr(&o->w);
	jw_int(&o->w, CSMS_ERROR);
	jw_str(&o->w, id);
	jw_str(&o->w, code);
	jw_str(&o->w, description);
	jw_obj(&o->w);
	jw_end(&o->w);
	jw_end(&o->w);
	send_text(c, buf_str(&o->frame), o->frame.len);
}

static void late_free(struct late *late)
{
	struct late **p = &late->office->held;

	while (*p != late)
		p = &(*p)->next;
	*p = late->next;
	loop_timer_cancel(late->office->t->loop, &late->timer);
	free(late->payload);
	free(late);
}

static void on_late(void *ctx)
{
	struct late *late = ctx;

	send_result(late->charger, late->id, late->action, late->payload, strlen(late->payload));
	late_free(late);
}

static void send_late(struct charger *c, const struct csms_frame *f, const char *payload,
		      int64_t ms)
{
	struct office *o = c->office;
	struct late *late = calloc(1, sizeof(*late));

	if (!late || !(late->payload = strdup(payload))) {
		free(late);
		log_error("out of memory: an answer to %s is lost", c->id);
		return;
	}
	late->office = o;
	late->charger = c;
	late->conn = c->conn;
	memcpy(late->id, f->id, sizeof(late->id));
	memcpy(late->action, f->action, sizeof(late->action));
	late->timer = (struct loop_timer){.name = "csms.late", .fn = on_late, .ctx = late};
	late->next = o->held;
	o->held = late;
	loop_timer_after(o->t->loop, &late->timer, ms * 1000);
}

/* ---- calls from a charger ---- */

static enum csms_known make_answer(struct office *o, const struct csms_frame *f)
{
	struct csms_facts facts = {.cards = &o->cards,
				   .now_us = tool_now(o->t).real_us,
				   .interval_s = o->interval_s,
				   .boot = boots[o->boot]};
	enum csms_known known;
	struct err e;
	jv request;

	buf_reset(&o->payload);
	if (json_parse(f->payload.at, f->payload.len, &request, &e) < 0)
		return CSMS_UNSUPPORTED;
	known = csms_answer(f->action, request, &facts, &o->payload);
	json_free(request);
	return known;
}

/* What a rule does in place of the answer. @return false when the proper answer is still to go */
static bool misbehave(struct charger *c, const struct csms_frame *f, const struct csms_rule *r)
{
	struct office *o = c->office;
	struct jw *w;

	switch (r->what) {
	case CSMS_REJECT:
		send_error(c, f->id, f->action, r->code, r->description);
		return true;
	case CSMS_ANSWER:
		send_result(c, f->id, f->action, r->payload, strlen(r->payload));
		return true;
	case CSMS_DROP:
	case CSMS_BREAK:
		w = say(o, c->id, false, r->what == CSMS_DROP ? "dropped" : "broken");
		jw_kstr(w, "action", f->action);
		jw_kstr(w, "id", f->id);
		said(o);
		if (r->what == CSMS_BREAK)
			ws_conn_break(c->conn);
		return true;
	case CSMS_DELAY:
	case CSMS_REFUSE:
	case CSMS_WHATS:
		break;
	}
	return false;
}

static void answer(struct charger *c, const struct csms_frame *f)
{
	struct office *o = c->office;
	const struct csms_rule *r = csms_rules_take(&o->rules, c->id, f->action, false);
	int64_t delay_ms = r && r->what == CSMS_DELAY ? r->ms : 0;

	if (r && misbehave(c, f, r))
		return;
	switch (make_answer(o, f)) {
	case CSMS_UNKNOWN_ACTION:
		send_error(c, f->id, f->action, "NotImplemented", "no such action here");
		return;
	case CSMS_UNSUPPORTED:
		send_error(c, f->id, f->action, "NotSupported",
			   "this back office does not do that");
		return;
	case CSMS_ANSWERED:
		break;
	}
	if (delay_ms)
		send_late(c, f, buf_str(&o->payload), delay_ms);
	else
		send_result(c, f->id, f->action, buf_str(&o->payload), o->payload.len);
}

/* ---- what comes ---- */

static void say_frame(struct charger *c, const struct csms_frame *f, const struct ocpp_fault *fault)
{
	static const char *const kinds[] = {
	    [CSMS_CALL] = "call",
	    [CSMS_RESULT] = "result",
	    [CSMS_ERROR] = "error",
	    [CSMS_SEND] = "send",
	    [CSMS_RESULT_ERROR] = "result_error",
	};
	struct office *o = c->office;
	struct jw *w = say(o, c->id, true, kinds[f->kind]);
	bool answers = f->kind == CSMS_RESULT || f->kind == CSMS_ERROR;
	bool ours = c->pending && strcmp(c->pending->id, f->id) == 0;

	jw_kstr(w, "action", answers ? (ours ? c->pending->action : NULL) : f->action);
	jw_kstr(w, "id", f->id);
	if (f->code[0]) {
		jw_kstr(w, "code", f->code);
		say_raw(o, "description", f->description.at, f->description.len);
		say_raw(o, "details", f->payload.at, f->payload.len);
	} else {
		say_raw(o, "payload", f->payload.at, f->payload.len);
	}
	if (answers && !ours)
		jw_kbool(w, "unexpected", true);
	if (fault) {
		jw_kobj(w, "violation");
		jw_kstr(w, "code", ocpp_error_word(fault->code));
		jw_kstr(w, "where", fault->where);
		jw_kstr(w, "expected", fault->expected);
		jw_end(w);
	}
	said(o);
	if (answers && ours)
		call_done(c);
}

static void malformed(struct charger *c, const struct csms_frame *f, const struct ws_event *ev,
		      const char *why)
{
	struct office *o = c->office;
	struct jw *w = say(o, c->id, true, "malformed");

	jw_kstr(w, "reason", why);
	jw_key(w, "text");
	jw_strn(w, ev->data, ev->len < 8192 ? ev->len : 8192);
	said(o);
	/* an answer that can't be read gets none: two sides could complain to each other for ever
	 */
	if (f->kind == 0 || f->kind == CSMS_CALL)
		send_error(c, f->id, f->action,
			   f->action[0] ? "FormatViolation" : "RpcFrameworkError", why);
}

static void reject_fault(struct charger *c, const struct csms_frame *f,
			 const struct ocpp_fault *fault)
{
	char text[256];

	snprintf(text, sizeof(text), "%.150s: expected %.90s", fault->where, fault->expected);
	send_error(c, f->id, f->action, ocpp_error_word(fault->code), text);
}

static void on_message(struct charger *c, const struct ws_event *ev)
{
	struct csms_frame f;
	struct ocpp_fault fault;
	struct err e = {""};
	bool good;

	if (csms_frame_cut(&f, ev->data, ev->len, &e) < 0) {
		malformed(c, &f, ev, e.msg);
		return;
	}
	good = strict_good(c, &f, &fault);
	say_frame(c, &f, good ? NULL : &fault);
	if (f.kind == CSMS_CALL && good)
		answer(c, &f);
	else if (f.kind == CSMS_CALL)
		reject_fault(c, &f, &fault);
}

static void on_open(struct office *o, struct ws_conn *conn, const struct ws_event *ev)
{
	struct charger *c = charger_find(o, ws_conn_identity(conn), true);
	struct jw *w;

	if (!c) {
		ws_conn_close(conn, 1011, "out of memory");
		return;
	}
	if (c->conn) { /* the newer connection is the charger; the older is a leftover of it */
		ws_conn_set_user(c->conn, NULL);
		ws_conn_close(c->conn, 1008, "replaced by a newer connection");
	}
	c->conn = conn;
	ws_conn_set_user(conn, c);
	snprintf(c->subprotocol, sizeof(c->subprotocol), "%s", ev->subprotocol);
	w = say(o, c->id, true, "open");
	jw_kstr(w, "subprotocol", ev->subprotocol);
	jw_kstr(w, "tls", ev->tls);
	jw_kstr(w, "certificate", ev->peer_name);
	jw_kstr(w, "peer", ev->peer);
	jw_kstr(w, "path", ev->path);
	said(o);
	send_next(c);
}

static void end_held(struct office *o, const struct ws_conn *conn)
{
	for (struct late *late = o->held, *next; late; late = next) {
		next = late->next;
		if (late->conn == conn)
			late_free(late);
	}
}

static void on_closed(struct office *o, struct ws_conn *conn, const struct ws_event *ev)
{
	struct charger *c = ws_conn_user(conn);
	struct jw *w = say(o, ws_conn_identity(conn), true, "close");

	jw_kstr(w, "reason", ws_reason_word(ev->reason));
	jw_kint(w, "code", ev->close_code);
	jw_kstr(w, "text", ev->text);
	if (!c)
		jw_kbool(w, "replaced", true);
	said(o);
	end_held(o, conn);
	if (!c)
		return;
	c->conn = NULL;
	if (c->pending)
		call_failed(c, "ConnectionLost", "the connection ended before the answer");
}

void on_ws(void *user, struct ws_conn *conn, const struct ws_event *ev)
{
	struct office *o = user;
	struct jw *w;

	switch (ev->kind) {
	case WS_OPEN:
		on_open(o, conn, ev);
		break;
	case WS_MESSAGE:
		if (ws_conn_user(conn))
			on_message(ws_conn_user(conn), ev);
		break;
	case WS_CLOSED:
		on_closed(o, conn, ev);
		if (o->closing && !office_busy(o))
			tool_exit(o->t, EXIT_DONE);
		break;
	case WS_REFUSED:
		w = say(o, NULL, true, "refused");
		jw_kstr(w, "reason", ws_reason_word(ev->reason));
		jw_kint(w, "status", ev->http_status);
		jw_kstr(w, "text", ev->text);
		jw_kstr(w, "peer", ev->peer);
		jw_kstr(w, "path", ev->path);
		said(o);
		break;
	case WS_DRAINED:
		break;
	}
}

/* While ending: connections; before that: calls without an answer. */
bool office_busy(const struct office *o)
{
	for (const struct charger *c = o->chargers; c; c = c->next)
		if (o->closing ? c->conn != NULL : c->conn && (c->pending || c->queue))
			return true;
	return false;
}

void office_release(struct office *o)
{
	for (struct late *late = o->held, *next; late; late = next) {
		next = late->next;
		late_free(late);
	}
	while (o->chargers) {
		struct charger *c = o->chargers;

		o->chargers = c->next;
		loop_timer_cancel(o->t->loop, &c->timer);
		call_free(c->pending);
		while (c->queue) {
			struct call *call = c->queue;

			c->queue = call->next;
			call_free(call);
		}
		free(c);
	}
}
