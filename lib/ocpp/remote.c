/* F: remote start and stop, unlock, trigger. Source: OCPP 2.0.1 Part 2, F01 to F06 */
#include "ocpp/block.h"

#include "ocpp/profile_json.h"

#include <stdio.h>
#include <string.h>

/* ---- start ---- */

/* Without an evseId: where a car waits, else where nobody is. */
static struct evse *choose(struct ocpp *o)
{
	struct evse *empty = NULL;

	for (int i = 1; i <= o->conf.evses; i++) {
		struct evse *e = &o->evse[i];

		if (e->tx.authorized || !e->operative || e->faulted)
			continue;
		if (e->plugged)
			return e;
		if (!empty)
			empty = e;
	}
	return empty;
}

static const char *why_not(struct ocpp *o, const struct evse *e)
{
	if (o->boot.state != BOOT_ACCEPTED)
		return "CSNotAccepted";
	if (!e)
		return "UnknownEvse";
	if (e->tx.authorized)
		return "TxInProgress";
	return e->operative && !e->faulted ? NULL : "UnsupportedRequest";
}

/* The profile of a remote start is kept until its transaction begins; without smart charging it is
 * ignored (F01.FR.12). */
static const char *take_profile(struct ocpp *o, struct evse *e, jv v)
{
	struct profile_fault fault;
	struct profile *p;

	profile_free(o->limits.starting[e->id]);
	o->limits.starting[e->id] = NULL;
	if (json_absent(v) || !var_bool(o, VAR_SMART_ENABLED))
		return NULL;
	p = profile_read(v, e->id, &fault);
	if (!p)
		return fault.reason;
	if (p->purpose != PROFILE_TX || p->transaction[0])
		fault.reason = "InvalidProfile";
	else if (profile_check_start(p, o->conf.evses, &fault) == 0)
		fault.reason = NULL;
	if (fault.reason) {
		profile_free(p);
		return fault.reason;
	}
	o->limits.starting[e->id] = p;
	return NULL;
}

static void emit_token(struct ocpp *o, const struct evse *e, jv call)
{
	jv token = json_get(call, "idToken"), group = json_get(call, "groupIdToken");
	struct jw *w =
	    out_begin(o->out, o->now, "token", (struct out_head){.item = "remote", .evse = e->id});

	jw_kobj(w, "token");
	jw_kstr(w, "id", str_of(token, "idToken"));
	jw_kstr(w, "kind", str_of(token, "type"));
	if (!json_absent(group))
		jw_kstr(w, "group", str_of(group, "idToken"));
	jw_end(w);
	jw_kint(w, "remote_start_id", int_of(call, "remoteStartId", 0));
	jw_kbool(w, "authorized", !var_bool(o, VAR_AUTH_REMOTE_START));
	out_send(o->out);
}

static void request_start(struct ocpp *o, const struct ocpp_frame *f)
{
	int64_t id = int_of(f->payload, "evseId", 0);
	struct evse *e = id ? evse_of(o, id) : choose(o);
	const char *reason = why_not(o, e);

	if (!reason)
		reason = take_profile(o, e, json_get(f->payload, "chargingProfile"));
	if (reason) {
		reply_status(o, "Rejected", reason, NULL);
		return;
	}
	emit_token(o, e, f->payload);
	struct jw *w = reply_begin(o);
	jw_kstr(w, "status", "Accepted");
	if (e->tx.id[0])
		jw_kstr(w, "transactionId", e->tx.id);
	reply_send(o);
}

/* ---- stop ---- */

static void request_stop(struct ocpp *o, const struct ocpp_frame *f)
{
	struct evse *e = tx_find(o, str_of(f->payload, "transactionId"));

	if (!e || o->boot.state != BOOT_ACCEPTED) {
		reply_status(o, "Rejected", e ? "CSNotAccepted" : "TxNotFound", NULL);
		return;
	}
	struct jw *w = command_begin(o, "session", "stop", e->id, NULL);
	jw_kstr(w, "reason", "Remote");
	command_send(o);
	reply_status(o, "Accepted", NULL, NULL);
}

/* ---- unlock ---- */

static void unlocked(struct ocpp *o, struct pending_command *p, const struct record *reply)
{
	const char *status = reply ? str_of(reply->body, "status") : "";

	reply_late(o, p->call_id, p->action,
		   strcmp(status, "accepted") == 0 ? "Unlocked" : "UnlockFailed");
}

static void unlock(struct ocpp *o, const struct ocpp_frame *f)
{
	struct evse *e = evse_of(o, int_of(f->payload, "evseId", 0));
	struct pending_command *slot;
	char to[16];

	if (!e || int_of(f->payload, "connectorId", 0) != 1) {
		reply_status(o, "UnknownConnector", NULL, NULL);
		return;
	}
	if (e->tx.authorized) {
		reply_status(o, "OngoingAuthorizedTransaction", NULL, NULL);
		return;
	}
	snprintf(to, sizeof(to), "pilot.%d", e->id);
	if (!command_begin(o, to, "unlock", e->id, &slot)) {
		reply_status(o, "UnlockFailed", NULL, NULL);
		return;
	}
	slot->done = unlocked;
	command_send(o);
	reply_later(o);
}

/* ---- trigger ---- */

static void trigger_boot(struct ocpp *o, struct evse *e)
{
	(void)e;
	boot_send(o, CALL_FORCED, "Triggered");
}

static void trigger_heartbeat(struct ocpp *o, struct evse *e)
{
	(void)e;
	heartbeat_send(o, CALL_FORCED);
}

static void trigger_status(struct ocpp *o, struct evse *e)
{
	status_send(o, e, CALL_FORCED);
}

static void trigger_meter(struct ocpp *o, struct evse *e)
{
	meter_values(o, e, "Trigger", CALL_FORCED);
}

static void trigger_tx(struct ocpp *o, struct evse *e)
{
	tx_sample(o, e, "Trigger");
}

static bool has_meter(const struct evse *e)
{
	return e->meter.any;
}

static bool has_tx(const struct evse *e)
{
	return e->tx.id[0] != '\0';
}

static bool always(const struct evse *e)
{
	(void)e;
	return true;
}

struct trigger {
	const char *word;
	void (*fn)(struct ocpp *o, struct evse *e);
	bool (*has)(const struct evse *e); /* what it takes; NULL: of no EVSE */
};

static const struct trigger triggers[] = {
    {"BootNotification", trigger_boot, NULL},       {"Heartbeat", trigger_heartbeat, NULL},
    {"StatusNotification", trigger_status, always}, {"MeterValues", trigger_meter, has_meter},
    {"TransactionEvent", trigger_tx, has_tx},
};

/* Sends it for the EVSE, 0 for all of them; or says for how many it could. */
static int fire(struct ocpp *o, const struct trigger *t, int64_t evse, bool send)
{
	int n = 0;

	if (!t->has) {
		if (send)
			t->fn(o, NULL);
		return 1;
	}
	for (int i = 1; i <= o->conf.evses; i++) {
		if ((evse != 0 && evse != i) || !t->has(&o->evse[i]))
			continue;
		n++;
		if (send)
			t->fn(o, &o->evse[i]);
	}
	return n;
}

/* Why a message can't be triggered; NULL when it can. */
static const char *why_not_trigger(struct ocpp *o, const struct trigger *t, jv where)
{
	int64_t evse = int_of(where, "id", 0), connector = int_of(where, "connectorId", 0);

	if (evse && !evse_of(o, evse))
		return "UnknownEvse";
	if (connector < 0 || connector > 1)
		return "UnknownConnectorId";
	if (t->fn == trigger_status && (!evse || !connector)) /* F06.FR.12 */
		return "MissingParam";
	if (t->fn == trigger_boot && o->boot.state == BOOT_ACCEPTED)
		return "InvalidMessageSeq";
	if (t->fn == trigger_tx && !fire(o, t, evse, false))
		return "TxNotFound";
	return fire(o, t, evse, false) ? NULL : "NotFound";
}

static void trigger_message(struct ocpp *o, const struct ocpp_frame *f)
{
	const char *word = str_of(f->payload, "requestedMessage"), *reason;
	jv where = json_get(f->payload, "evse");

	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		if (strcmp(triggers[i].word, word) != 0)
			continue;
		reason = why_not_trigger(o, &triggers[i], where);
		reply_status(o, reason ? "Rejected" : "Accepted", reason, NULL);
		if (!reason)
			fire(o, &triggers[i], int_of(where, "id", 0), true);
		return;
	}
	reply_status(o, "NotImplemented", NULL, NULL);
}

static const struct ocpp_handler handlers[] = {{"RequestStartTransaction", request_start},
					       {"RequestStopTransaction", request_stop},
					       {"UnlockConnector", unlock},
					       {"TriggerMessage", trigger_message},
					       {0}};

const struct ocpp_block block_remote = {.handlers = handlers};
