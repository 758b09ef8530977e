/* N: alerts of the charger's tools as NotifyEvent. Source: OCPP 2.0.1 Part 2, N07 (alerts) */
#include "ocpp/block.h"

#include <stdio.h>
#include <string.h>

static void write_component(struct jw *w, const char *component, const struct evse *e)
{
	jw_kobj(w, "component");
	jw_kstr(w, "name", component[0] ? component : "ChargingStation");
	if (e) {
		jw_kobj(w, "evse");
		jw_kint(w, "id", e->id);
		jw_end(w);
	}
	jw_end(w);
	jw_kobj(w, "variable");
	jw_kstr(w, "name", "Problem");
	jw_end(w);
}

static void record(struct ocpp *o, const struct record *r)
{
	const char *code = str_of(r->body, "code"), *text = str_of(r->body, "text");
	bool raised = json_bool(record_get(r, "raised"), true);

	if (!record_is(r, "alert") || record_gone(r) || !online(o))
		return;
	struct jw *w = call_begin(o, "NotifyEvent");
	jw_ktime(w, "generatedAt", o->now.real_us);
	jw_kint(w, "seqNo", 0);
	jw_kbool(w, "tbc", false);
	jw_karr(w, "eventData");
	jw_obj(w);
	jw_kint(w, "eventId", ++o->event_id);
	jw_ktime(w, "timestamp", r->t_us);
	jw_kstr(w, "trigger", "Alerting");
	jw_kstr(w, "actualValue", raised ? "true" : "false");
	jw_kbool(w, "cleared", !raised);
	if (code[0] && strlen(code) <= 50)
		jw_kstr(w, "techCode", code);
	if (text[0] && strlen(text) <= 500)
		jw_kstr(w, "techInfo", text);
	jw_kstr(w, "eventNotificationType", "HardWiredNotification");
	write_component(w, str_of(r->body, "component"), evse_of(o, r->head.evse));
	jw_end(w);
	jw_end(w);
	call_send(o, CALL_NORMAL, NULL, NULL);
}

const struct ocpp_block block_diagnostics = {.record = record};
