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

/* The profile of a remote start is kept until its transaction begins. */
static const char *take_profile(struct ocpp *o, struct evse *e, jv v)
{
	struct profile_fault fault;
	struct profile *p;

	profile_free(o->limits.starting[e->id]);
	o->limits.starting[e->id] = NULL;
	if (json_absent(v))
		return NULL;
	p = profile_read(v, e->id, &fault);
	if (!p)
		return fault.reason;
	if (p->purpose != PROFILE_TX || p->transaction[0]) {
		profile_free(p);
		return "InvalidProfile";
	}
	o->limits.starting[e->id] = p;
	return NULL;
}

static void emit_token(struct ocpp *o, const struct evse *e, jv token, int64_t start_id)
{
	struct jw *w =
	    out_begin(o->out, o->now, "token", (struct out_head){.item = "remote", .evse = e->id});

	jw_kobj(w, "token");
	jw_kstr(w, "id", str_of(token, "idToken"));
	jw_kstr(w, "kind", str_of(token, "type"));
	jw_end(w);
	jw_kint(w, "remote_start_id", start_id);
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
	emit_token(o, e, json_get(f->payload, "idToken"), int_of(f->payload, "remoteStartId", 0));
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

	if (!e) {
		reply_status(o, "Rejected", "TxNotFound", NULL);
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
	if (e->meter.any)
		meter_values(o, e, "Trigger", CALL_FORCED);
}

static void trigger_tx(struct ocpp *o, struct evse *e)
{
	if (e->tx.id[0])
		tx_sample(o, e, "Trigger");
}

struct trigger {
	const char *word;
	void (*fn)(struct ocpp *o, struct evse *e);
	bool of_evse;
};

static const struct trigger triggers[] = {
    {"BootNotification", trigger_boot, false},    {"Heartbeat", trigger_heartbeat, false},
    {"StatusNotification", trigger_status, true}, {"MeterValues", trigger_meter, true},
    {"TransactionEvent", trigger_tx, true},
};

static void fire(struct ocpp *o, const struct trigger *t, int64_t evse)
{
	if (!t->of_evse) {
		t->fn(o, NULL);
		return;
	}
	for (int i = 1; i <= o->conf.evses; i++)
		if (evse == 0 || evse == i)
			t->fn(o, &o->evse[i]);
}

static void trigger_message(struct ocpp *o, const struct ocpp_frame *f)
{
	const char *word = str_of(f->payload, "requestedMessage");
	int64_t evse = int_of(json_get(f->payload, "evse"), "id", 0);

	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		if (strcmp(triggers[i].word, word) != 0)
			continue;
		if (evse && !evse_of(o, evse)) {
			reply_status(o, "Rejected", "UnknownEvse", NULL);
		} else if (triggers[i].fn == trigger_boot && o->boot.state == BOOT_ACCEPTED) {
			reply_status(o, "Rejected", "InvalidMessageSeq",
				     "the boot was accepted already");
		} else {
			reply_status(o, "Accepted", NULL, NULL);
			fire(o, &triggers[i], evse);
		}
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
