/* N: alerts of the charger's tools as NotifyEvent: what is raised, and the end of what was told as
 * raised. An alert that came while offline is told when the back office listens again, if it still
 * stands.
 *
 * Source: OCPP 2.0.1 Part 2, N07 (alerts) */
#include "ocpp/block.h"

#include "core/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_component(struct jw *w, const struct alert *a)
{
	jw_kobj(w, "component");
	jw_kstr(w, "name", a->component[0] ? a->component : "ChargingStation");
	if (a->evse) {
		jw_kobj(w, "evse");
		jw_kint(w, "id", a->evse);
		jw_end(w);
	}
	jw_end(w);
	jw_kobj(w, "variable");
	jw_kstr(w, "name", a->variable[0] ? a->variable : "Problem");
	jw_end(w);
}

/* An alert, or its end, that went down with the connection is told anew. */
static void notified(struct ocpp *o, const struct ocpp_call *call, const struct ocpp_frame *answer)
{
	const struct alert *said = call->cookie;

	if (answer || o->open)
		return;
	for (int i = 0; i < ALERTS_MAX; i++)
		if (strcmp(o->alerts[i].src, said->src) == 0)
			o->alerts[i].told = !said->raised;
}

static void notify(struct ocpp *o, const struct alert *a)
{
	struct jw *w = call_begin(o, "NotifyEvent");
	struct alert *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	*copy = *a;

	jw_ktime(w, "generatedAt", o->now.real_us);
	jw_kint(w, "seqNo", 0);
	jw_kbool(w, "tbc", false);
	jw_karr(w, "eventData");
	jw_obj(w);
	jw_kint(w, "eventId", ++o->event_id);
	jw_ktime(w, "timestamp", a->t_us);
	jw_kstr(w, "trigger", "Alerting");
	jw_kstr(w, "actualValue", a->raised ? "true" : "false");
	jw_kbool(w, "cleared", !a->raised);
	if (a->code[0])
		jw_kstr(w, "techCode", a->code);
	if (a->text[0])
		jw_kstr(w, "techInfo", a->text);
	jw_kstr(w, "eventNotificationType", "HardWiredNotification");
	write_component(w, a);
	jw_end(w);
	jw_end(w);
	call_send(o, CALL_NORMAL, notified, copy);
}

/* The alert of that src; else a place that holds nothing any more. */
static struct alert *place(struct ocpp *o, const char *src)
{
	struct alert *unused = NULL;

	for (int i = 0; i < ALERTS_MAX; i++) {
		struct alert *a = &o->alerts[i];

		if (strcmp(a->src, src) == 0)
			return a;
		if (!unused && !a->raised && !a->told)
			unused = a;
	}
	if (!unused)
		log_warning("%d alerts stand already: the one of %s is not told", ALERTS_MAX, src);
	return unused;
}

static void record(struct ocpp *o, const struct record *r)
{
	struct alert *a;

	if (!record_is(r, "alert") || !(a = place(o, record_src(r))))
		return;
	snprintf(a->src, sizeof(a->src), "%s", record_src(r));
	snprintf(a->code, sizeof(a->code), "%s", str_of(r->body, "code"));
	snprintf(a->text, sizeof(a->text), "%s", str_of(r->body, "text"));
	snprintf(a->component, sizeof(a->component), "%s", str_of(r->body, "component"));
	snprintf(a->variable, sizeof(a->variable), "%s", str_of(r->body, "variable"));
	a->evse = evse_of(o, r->head.evse) ? r->head.evse : 0;
	a->t_us = r->t_us;
	a->raised = !record_gone(r) && json_bool(record_get(r, "raised"), true);
}

static int64_t tick(struct ocpp *o)
{
	for (int i = 0; i < ALERTS_MAX && tells(o); i++) {
		struct alert *a = &o->alerts[i];

		if (a->raised == a->told)
			continue;
		a->told = a->raised;
		notify(o, a);
	}
	return CLOCK_NEVER;
}

const struct ocpp_block block_diagnostics = {.record = record, .tick = tick};
