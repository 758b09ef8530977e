/* Requests of the back office: checked, given to the block that answers, and the response checked
 * too. */
#include "ocpp/block.h"

#include "core/log.h"

#include <stdio.h>
#include <string.h>

static void send_frame(struct ocpp *o)
{
	if (buf_failed(&o->frame) || o->hooks.send(o->hooks.ctx, o->frame.data, o->frame.len) < 0)
		log_notice("an answer could not be sent: the connection is gone");
}

static void send_error(struct ocpp *o, const char *id, enum ocpp_error code, const char *text)
{
	buf_reset(&o->frame);
	ocpp_write_error(&o->frame, id, code, text);
	send_frame(o);
}

static void send_result(struct ocpp *o, const char *id, const char *action)
{
	const struct ocpp_message *m = ocpp_find(o->schema, action);
	struct ocpp_fault fault = {0};
	struct err err;
	jv v;

	jw_end(&o->rw);
	int rc = json_parse(buf_str(&o->reply), o->reply.len, &v, &err);
	if (rc == 0)
		rc = ocpp_check(o->schema, m->response, v, &fault);
	json_free(v);
	if (jw_failed(&o->rw) || rc < 0) {
		log_error("our answer to %s is wrong at %s: expected %s", action, fault.where,
			  fault.expected);
		send_error(o, id, OCPP_INTERNAL_ERROR, "");
		return;
	}
	buf_reset(&o->frame);
	ocpp_write_result(&o->frame, id, buf_str(&o->reply));
	send_frame(o);
}

struct jw *reply_begin(struct ocpp *o)
{
	buf_reset(&o->reply);
	jw_init(&o->rw, &o->reply);
	jw_obj(&o->rw);
	return &o->rw;
}

void reply_send(struct ocpp *o)
{
	o->answered = true;
	send_result(o, o->answering->id, o->answering->action);
}

static void write_status(struct jw *w, const char *status, const char *reason, const char *info)
{
	jw_kstr(w, "status", status);
	if (!reason)
		return;
	jw_kobj(w, "statusInfo");
	jw_kstr(w, "reasonCode", reason);
	if (info)
		jw_kstr(w, "additionalInfo", info);
	jw_end(w);
}

void reply_status(struct ocpp *o, const char *status, const char *reason, const char *info)
{
	write_status(reply_begin(o), status, reason, info);
	reply_send(o);
}

void reply_error(struct ocpp *o, enum ocpp_error code, const char *text)
{
	o->answered = true;
	send_error(o, o->answering->id, code, text);
}

void reply_later(struct ocpp *o)
{
	o->answered = true;
}

void reply_late(struct ocpp *o, const char *call_id, const char *action, const char *status)
{
	if (!o->open || !call_id[0])
		return;
	write_status(reply_begin(o), status, NULL, NULL);
	send_result(o, call_id, action);
}

static const struct ocpp_handler *find_handler(const char *action)
{
	for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
		for (const struct ocpp_handler *h = (*b)->handlers; h && h->action; h++)
			if (strcmp(h->action, action) == 0)
				return h;
	return NULL;
}

static void answer(struct ocpp *o, const struct ocpp_frame *f)
{
	const struct ocpp_message *m = ocpp_find(o->schema, f->action);
	const struct ocpp_handler *h = find_handler(f->action);
	struct ocpp_fault fault = {0};
	char text[280];

	if (!m) {
		reply_error(o, OCPP_NOT_IMPLEMENTED, "no such action in this version");
	} else if (!(m->by & OCPP_BY_CSMS) || !h) {
		reply_error(o, OCPP_NOT_SUPPORTED, "this station doesn't answer that action");
	} else if (ocpp_check(o->schema, m->request, f->payload, &fault) < 0) {
		snprintf(text, sizeof(text), "%s: expected %s",
			 fault.where[0] ? fault.where : "payload", fault.expected);
		log_warning("%s is wrong at %s", f->action, text);
		reply_error(o, fault.code, text);
		security_event(o, "InvalidMessages", f->action);
	} else if (o->boot.state != BOOT_ACCEPTED && o->boot.state != BOOT_PENDING) {
		reply_error(o, OCPP_SECURITY_ERROR, "the boot was not accepted");
	} else {
		h->fn(o, f);
		if (!o->answered)
			reply_error(o, OCPP_INTERNAL_ERROR, "");
	}
}

void answer_call(struct ocpp *o, const struct ocpp_frame *f)
{
	o->answering = f;
	o->answered = false;
	answer(o, f);
	o->answering = NULL;
}
