/* Requests to the back office: one at a time, each with its answer or the end of its wait. */
#include "ocpp/block.h"

#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX   256 /* requests that wait; beyond that new ones are refused and logged */
#define OFFLINE_MAX 200 /* of them, those that wait for a connection: the oldest makes room */

struct jw *call_begin(struct ocpp *o, const char *action)
{
	o->calls.action = action;
	buf_reset(&o->payload);
	jw_init(&o->w, &o->payload);
	jw_obj(&o->w);
	return &o->w;
}

/* What we send is checked like what we receive: a mistake of ours is found here, not by the other
 * side. */
static int payload_right(struct ocpp *o, uint16_t type, const char *what)
{
	struct ocpp_fault fault = {0};
	struct err err;
	jv v;
	int rc = json_parse(buf_str(&o->payload), o->payload.len, &v, &err);

	if (rc == 0)
		rc = ocpp_check(o->schema, type, v, &fault);
	json_free(v);
	if (rc < 0)
		log_error("our %s is wrong at %s: expected %s; not sent", what, fault.where,
			  fault.expected);
	return rc;
}

static void enqueue(struct calls *c, struct ocpp_call *call)
{
	struct ocpp_call **at = &c->first;

	while (*at && !(call->rank == CALL_FIRST && (*at)->rank != CALL_FIRST))
		at = &(*at)->next;
	call->next = *at;
	*at = call;
	c->n++;
}

/* QueueAllMessages: what tells something outlives the connection; what asks does not, and
 * TransactionEvents have their own queue. */
static bool outlives(const struct ocpp *o, const struct ocpp_call *call)
{
	static const char *const not_these[] = {"BootNotification", "Heartbeat", "Authorize",
						"TransactionEvent"};

	for (size_t i = 0; i < sizeof(not_these) / sizeof(not_these[0]); i++)
		if (strcmp(not_these[i], call->action) == 0)
			return false;
	return var_bool(o, VAR_COMM_QUEUE_ALL);
}

static void free_call(struct ocpp_call *call)
{
	if (!call)
		return;
	free(call->payload);
	free(call->cookie);
	free(call);
}

/* The oldest of those that wait for a connection makes room. */
static void make_room(struct ocpp *o)
{
	struct ocpp_call **at = &o->calls.first, *oldest;

	if (online(o) || o->calls.n < OFFLINE_MAX)
		return;
	while (*at && !outlives(o, *at))
		at = &(*at)->next;
	oldest = *at;
	if (!oldest)
		return;
	if (o->calls.dropped++ == 0)
		log_warning("%d messages wait for the back office: the oldest are dropped",
			    OFFLINE_MAX);
	*at = oldest->next;
	o->calls.n--;
	free_call(oldest);
}

static struct ocpp_call *new_call(struct ocpp *o, enum call_rank rank, const char *action,
				  const char *payload, ocpp_done_fn *done)
{
	struct ocpp_call *call = calloc(1, sizeof(*call));

	make_room(o);
	if (!call || o->calls.n >= CALLS_MAX || !(call->payload = strdup(payload))) {
		log_warning("%s is not sent: %d requests wait already", action, CALLS_MAX);
		free(call);
		return NULL;
	}
	snprintf(call->id, sizeof(call->id), "%.15s.%" PRIu64, o->out->epoch, ++o->calls.last_id);
	call->action = action;
	call->rank = rank;
	call->done = done;
	enqueue(&o->calls, call);
	return call;
}

int call_send_text(struct ocpp *o, enum call_rank rank, const char *action, const char *payload,
		   ocpp_done_fn *done)
{
	return new_call(o, rank, action, payload, done) ? 0 : -1;
}

int call_send(struct ocpp *o, enum call_rank rank, ocpp_done_fn *done, void *cookie)
{
	const char *action = o->calls.action;
	const struct ocpp_message *m = ocpp_find(o->schema, action);
	struct ocpp_call *call = NULL;

	jw_end(&o->w);
	if (!jw_failed(&o->w) && m && payload_right(o, m->request, action) == 0)
		call = new_call(o, rank, action, buf_str(&o->payload), done);
	if (!call) {
		free(cookie);
		return -1;
	}
	call->cookie = cookie;
	return 0;
}

/* Ends the running call; its own follow-up may queue new ones. */
static void finish(struct ocpp *o, const struct ocpp_frame *answer)
{
	struct ocpp_call *call = o->calls.running;

	o->calls.running = NULL;
	if (call->done)
		call->done(o, call, answer);
	free_call(call);
}

void calls_opened(struct ocpp *o)
{
	o->calls.dropped = 0;
	o->calls.last_sent_us = o->now.mono_us;
}

bool calls_room(const struct ocpp *o, size_t n)
{
	return o->calls.n + n <= CALLS_MAX;
}

static void append(struct ocpp_call ***end, struct ocpp_call *call)
{
	**end = call;
	*end = &call->next;
}

/* The one that has no answer yet goes before those that wait. What ends here may begin others: they
 * come behind those that stay. */
void calls_closed(struct ocpp *o)
{
	struct ocpp_call *gone = NULL, **stay = &o->calls.first, **go = &gone;
	struct ocpp_call *waiting = o->calls.running;

	if (waiting)
		waiting->next = o->calls.first;
	else
		waiting = o->calls.first;
	o->calls.running = NULL;
	o->calls.n = 0;
	for (; waiting; waiting = waiting->next) {
		bool stays = outlives(o, waiting);

		append(stays ? &stay : &go, waiting);
		o->calls.n += stays;
	}
	*stay = *go = NULL;
	while (gone) {
		struct ocpp_call *call = gone;

		gone = call->next;
		if (call->done)
			call->done(o, call, NULL);
		free_call(call);
	}
}

void calls_free(struct ocpp *o)
{
	free_call(o->calls.running);
	while (o->calls.first) {
		struct ocpp_call *next = o->calls.first->next;

		free_call(o->calls.first);
		o->calls.first = next;
	}
}

void calls_answer(struct ocpp *o, const struct ocpp_frame *f)
{
	struct ocpp_call *call = o->calls.running;
	const struct ocpp_message *m;
	struct ocpp_fault fault = {0};

	if (!call || strcmp(call->id, f->id) != 0) {
		log_info("an answer to no request of ours was ignored");
		return;
	}
	m = ocpp_find(o->schema, call->action);
	if (f->kind == OCPP_CALLRESULT &&
	    ocpp_check(o->schema, m->response, f->payload, &fault) < 0) {
		log_warning("the answer to %s is wrong at \"%s\": expected %s", call->action,
			    fault.where, fault.expected);
		security_event(o, "InvalidMessages", call->action);
		finish(o, NULL);
		return;
	}
	if (f->kind == OCPP_CALLERROR)
		log_notice("%s was answered with %s: %s", call->action, f->error, f->text);
	finish(o, f);
}

void calls_spoilt(struct ocpp *o, const char *id)
{
	if (o->calls.running && strcmp(o->calls.running->id, id) == 0)
		finish(o, NULL);
}

static bool may_send(const struct ocpp *o, const struct ocpp_call *call)
{
	if (!o->open)
		return false;
	if (o->boot.state == BOOT_ACCEPTED || strcmp(call->action, "BootNotification") == 0)
		return true;
	return o->boot.state == BOOT_PENDING && call->rank == CALL_FORCED;
}

static void send_next(struct ocpp *o)
{
	struct ocpp_call **at = &o->calls.first;

	while (*at && !may_send(o, *at))
		at = &(*at)->next;
	if (!*at)
		return;
	struct ocpp_call *call = *at;
	buf_reset(&o->frame);
	ocpp_write_call(&o->frame, call->id, call->action, call->payload);
	if (buf_failed(&o->frame) || o->hooks.send(o->hooks.ctx, o->frame.data, o->frame.len) < 0)
		return;
	*at = call->next;
	o->calls.n--;
	o->calls.running = call;
	o->calls.last_sent_us = o->now.mono_us;
	o->calls.deadline_us = o->now.mono_us + network_timeout_s(o) * OCPP_S;
}

int64_t calls_tick(struct ocpp *o)
{
	if (o->calls.running && o->now.mono_us >= o->calls.deadline_us) {
		log_notice("%s was not answered in time", o->calls.running->action);
		finish(o, NULL);
	}
	if (!o->calls.running)
		send_next(o);
	return o->calls.running ? o->calls.deadline_us : CLOCK_NEVER;
}
