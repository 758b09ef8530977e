/* E: transactions, from the edges of sessions. TxStartPoint and TxStopPoint decide where they begin
 * and end.
 *
 * A point is a condition; the transaction begins when one of TxStartPoint becomes true, and ends
 * when one of TxStopPoint becomes false. PowerPathClosed is "connected and authorised", as the
 * standard defines it. A car that has left ends it whatever the points say. Where a stop leaves the
 * contactor closed, the end waits for the open path and its reading, at most STOP_WAIT.
 *
 * Source: OCPP 2.0.1 Part 2, E01 to E15, and variables TxStartPoint, TxStopPoint */
#include "ocpp/block.h"

#include "core/log.h"
#include "core/utc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define STOP_WAIT (5 * OCPP_S)

struct points {
	bool connected, authorized, path, energy;
};

static struct points points_of(const struct transaction *tx)
{
	return (struct points){tx->connected, tx->authorized, tx->connected && tx->authorized,
			       tx->energy};
}

/* Whether a listed condition went from one value to the other. */
static bool crossed(const char *list, struct points from, struct points to)
{
	return (list_has(list, "EVConnected") && !from.connected && to.connected) ||
	       (list_has(list, "Authorized") && !from.authorized && to.authorized) ||
	       (list_has(list, "PowerPathClosed") && !from.path && to.path) ||
	       (list_has(list, "EnergyTransfer") && !from.energy && to.energy);
}

static bool word_in(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

static const char *stop_reason(const char *reason)
{
	static const char *const words[] = {"DeAuthorized",
					    "EmergencyStop",
					    "EnergyLimitReached",
					    "EVDisconnected",
					    "GroundFault",
					    "ImmediateReset",
					    "Local",
					    "Other",
					    "LocalOutOfCredit",
					    "MasterPass",
					    "Timeout",
					    "OvercurrentFault",
					    "PowerLoss",
					    "PowerQuality",
					    "Reboot",
					    "Remote",
					    "SOCLimitReached",
					    "StoppedByEV",
					    "TimeLimitReached",
					    NULL};

	return word_in(reason, words) ? reason : "Other";
}

/* What of a stop the trigger says. */
static const char *stop_trigger(const char *edge, const char *reason)
{
	static const struct {
		const char *reason, *trigger;
	} rows[] = {
	    {"Local", "StopAuthorized"},
	    {"MasterPass", "StopAuthorized"},
	    {"Remote", "RemoteStop"},
	    {"DeAuthorized", "Deauthorized"},
	    {"EnergyLimitReached", "EnergyLimitReached"},
	    {"TimeLimitReached", "TimeLimitReached"},
	    {"EVDisconnected", "EVCommunicationLost"},
	    {"ImmediateReset", "ResetCommand"},
	    {"Timeout", "EVConnectTimeout"},
	};

	if (strcmp(edge, "departed") == 0)
		return "EVCommunicationLost";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].reason, reason) == 0)
			return rows[i].trigger;
	return strcmp(edge, "deauthorized") == 0 ? "AbnormalCondition" : "ChargingStateChanged";
}

static const char *edge_trigger(const struct transaction *tx, const char *edge, const char *reason)
{
	if (strcmp(edge, "connected") == 0)
		return "CablePluggedIn";
	if (strcmp(edge, "authorized") == 0)
		return tx->remote_start_id ? "RemoteStart" : "Authorized";
	if (strcmp(edge, "deauthorized") == 0 || strcmp(edge, "departed") == 0)
		return stop_trigger(edge, reason);
	return "ChargingStateChanged";
}

static const char *charging_state(const struct transaction *tx, const char *state)
{
	if (strcmp(state, "charging") == 0)
		return "Charging";
	if (strcmp(state, "suspended_ev") == 0)
		return "SuspendedEV";
	if (strcmp(state, "suspended_evse") == 0)
		return "SuspendedEVSE";
	return tx->connected ? "EVConnected" : "Idle";
}

/* The state of the record first, since edges before our time were never seen; then its edge. */
static void take_state(struct transaction *tx, const char *state, const char *edge)
{
	static const char *const running[] = {"charging", "suspended_ev", "suspended_evse", NULL};
	bool live = word_in(state, running);

	if (live || strcmp(state, "connected") == 0 || strcmp(state, "finishing") == 0)
		tx->connected = true;
	if (live || strcmp(state, "authorized") == 0)
		tx->authorized = true;
	if (strcmp(edge, "connected") == 0)
		tx->connected = true;
	else if (strcmp(edge, "authorized") == 0)
		tx->authorized = true;
	else if (strcmp(edge, "path_closed") == 0)
		tx->path = true;
	else if (strcmp(edge, "path_open") == 0)
		tx->path = false;
	else if (strcmp(edge, "deauthorized") == 0)
		tx->authorized = false;
	if (strcmp(state, "idle") == 0 || strcmp(state, "ended") == 0 ||
	    strcmp(edge, "departed") == 0)
		tx->connected = tx->authorized = tx->path = false;
}

static void take_energy(struct transaction *tx, const char *state, int64_t t_us)
{
	bool energy = strcmp(state, "charging") == 0;

	if (energy && !tx->energy)
		tx->energy_since_us = t_us;
	if (!energy && tx->energy)
		tx->charged_us += t_us - tx->energy_since_us;
	tx->energy = energy;
}

static bool take_reading(struct transaction *tx, jv v, int64_t t_us, const char *edge)
{
	struct reading r = {.any = true, .t_us = t_us, .export_wh = num_of(v, "export_wh", NAN)};

	r.ends = strcmp(edge, "path_open") == 0 || strcmp(edge, "departed") == 0;

	if (!json_num(json_get(v, "import_wh"), 0, 1e15, &r.import_wh))
		return false;
	tx->last = r;
	if (!r.ends && (!tx->begin.any || tx->begin.sampled))
		tx->begin = r;
	return true;
}

static uint64_t fnv(uint64_t h, const void *data, size_t len)
{
	for (const unsigned char *p = data; len > 0; p++, len--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

/* The session's own id where that is a UUID, for its first transaction; else a UUID made of the
 * session and the instant, so that a replay gives it again. */
static void new_id(struct transaction *tx, int64_t t_us)
{
	snprintf(tx->id, sizeof(tx->id), "%.36s", tx->session);
	if (strlen(tx->session) == 36 && !tx->id_used) {
		tx->id_used = true;
		return;
	}
	uint64_t a = fnv(UINT64_C(0xcbf29ce484222325), tx->session, strlen(tx->session));
	a = fnv(a, &t_us, sizeof(t_us));
	uint64_t b = fnv(a, tx->last_id, strlen(tx->last_id));
	snprintf(tx->id, sizeof(tx->id), "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16) & 0xFFFF, (unsigned)a & 0xFFF,
		 ((unsigned)(b >> 48) & 0x3FFF) | 0x8000,
		 (unsigned long long)(b & UINT64_C(0xFFFFFFFFFFFF)));
}

static void start(struct ocpp *o, struct evse *e, const struct tx_event *cause)
{
	struct transaction *tx = &e->tx;
	struct tx_event ev = *cause;

	new_id(tx, ev.t_us);
	tx->seq = 0;
	tx->start_us = ev.t_us;
	tx->told_token = tx->stopping = tx->invalid = tx->suspended = false;
	if (!tx->begin.any)
		tx->begin = (struct reading){
		    .any = meter_fresh(o, e) && !isnan(e->meter.import_wh),
		    .sampled = true,
		    .t_us = e->meter.t_us,
		    .import_wh = e->meter.import_wh,
		    .export_wh = e->meter.export_wh,
		};
	tx->charged_us = 0;
	tx->sample_due_us = o->now.mono_us + var_int(o, VAR_SAMPLED_UPDATED_INTERVAL) * OCPP_S;
	ev.type = "Started";
	tx_message(o, e, &ev);
	tx_started_profiles(o, e);
}

static void end(struct ocpp *o, struct evse *e, const struct tx_event *cause)
{
	struct transaction *tx = &e->tx;
	struct tx_event ev = *cause;

	ev.type = "Ended";
	ev.trigger = tx->stop_trigger;
	snprintf(tx->last_id, sizeof(tx->last_id), "%s", tx->id);
	if (strcmp(tx->stop_reason, "EVDisconnected") == 0)
		snprintf(tx->charging_state, sizeof(tx->charging_state), "Idle");
	tx_message(o, e, &ev);
	tx_ended_profiles(o, e);
}

static void stop(struct ocpp *o, struct evse *e, const struct tx_event *ev, const char *edge,
		 const char *reason)
{
	struct transaction *tx = &e->tx;

	if (strcmp(edge, "departed") == 0 && !reason[0])
		reason = "EVDisconnected";
	if (strcmp(edge, "suspended_ev") == 0 && !reason[0])
		reason = "StoppedByEV";
	if (!tx->stopping) {
		snprintf(tx->stop_trigger, sizeof(tx->stop_trigger), "%s",
			 stop_trigger(edge, reason));
		snprintf(tx->stop_reason, sizeof(tx->stop_reason), "%s", stop_reason(reason));
	}
	/* a session that goes on has no end reading */
	if (!tx->path || (tx->connected && tx->authorized)) {
		end(o, e, ev);
		return;
	}
	tx->stopping = true;
	tx->stop_due_us = o->now.mono_us + STOP_WAIT;
}

static bool worth_telling(const struct transaction *tx, const struct tx_event *ev)
{
	return strcmp(ev->trigger, "ChargingStateChanged") != 0 ||
	       strcmp(tx->told_state, tx->charging_state) != 0;
}

/* A session that vanished without its end: the transaction is closed with what is known. */
static void abandon(struct ocpp *o, struct evse *e, int64_t t_us)
{
	struct tx_event ev = {.t_us = t_us};

	snprintf(e->tx.stop_trigger, sizeof(e->tx.stop_trigger), "AbnormalCondition");
	snprintf(e->tx.stop_reason, sizeof(e->tx.stop_reason), "Other");
	end(o, e, &ev);
}

static void new_session(struct ocpp *o, struct evse *e, const char *id, int64_t t_us)
{
	struct transaction *tx = &e->tx, fresh = {0};

	if (tx->id[0])
		abandon(o, e, t_us);
	if (strcmp(tx->token_session, id) == 0) {
		memcpy(fresh.token, tx->token, sizeof(fresh.token));
		memcpy(fresh.token_kind, tx->token_kind, sizeof(fresh.token_kind));
		memcpy(fresh.token_session, tx->token_session, sizeof(fresh.token_session));
	}
	memcpy(fresh.last_id, tx->last_id, sizeof(fresh.last_id));
	snprintf(fresh.session, sizeof(fresh.session), "%s", id);
	*tx = fresh;
}

static void take_session(struct ocpp *o, struct evse *e, const struct record *r)
{
	const char *id = str_of(r->body, "id"), *state = str_of(r->body, "state"),
		   *edge = str_of(r->body, "edge");
	const char *reason = str_of(r->body, "reason"), *at = str_of(r->body, "edge_t");
	struct tx_event ev = {.src = record_src(r), .n = record_n(r), .t_us = r->t_us};
	struct transaction *tx = &e->tx;

	utc_parse(at, strlen(at), &ev.t_us);
	if (id[0] && strcmp(id, tx->session) != 0)
		new_session(o, e, id, ev.t_us);
	struct points before = points_of(tx);
	take_state(tx, state, edge);
	take_energy(tx, state, ev.t_us);
	ev.with_reading = take_reading(tx, record_get(r, "reading"), ev.t_us, edge);
	tx->remote_start_id = int_of(r->body, "remote_start_id", tx->remote_start_id);
	snprintf(tx->charging_state, sizeof(tx->charging_state), "%s", charging_state(tx, state));
	ev.trigger = edge_trigger(tx, edge, reason);

	struct points after = points_of(tx);
	if (!tx->id[0] && crossed(var_text(o, VAR_TX_START_POINT), before, after))
		start(o, e, &ev);
	else if (tx->id[0] && (tx->stopping || strcmp(edge, "departed") == 0 ||
			       crossed(var_text(o, VAR_TX_STOP_POINT), after, before)))
		stop(o, e, &ev, edge, reason);
	else if (tx->id[0] && worth_telling(tx, &ev)) {
		ev.type = "Updated";
		tx_message(o, e, &ev);
	}
}

/* The clear token of a session, for the idToken of its messages. */
static void take_auth(struct evse *e, const struct record *r)
{
	jv token = record_get(r, "token");
	const char *id = str_of(token, "id"), *kind = str_of(token, "kind"),
		   *session = str_of(r->body, "session");
	struct transaction *tx = &e->tx;

	if (strcmp(str_of(r->body, "verdict"), "Accepted") != 0 ||
	    strlen(id) >= sizeof(tx->token) || !kind[0])
		return;
	snprintf(tx->token, sizeof(tx->token), "%s", id);
	snprintf(tx->token_kind, sizeof(tx->token_kind), "%.23s", kind);
	snprintf(tx->token_session, sizeof(tx->token_session), "%.39s", session);
}

static void record(struct ocpp *o, const struct record *r)
{
	bool session = record_is(r, "session"), auth = record_is(r, "auth"),
	     reading = record_is(r, "reading");
	struct evse *e = evse_of(o, r->head.evse);

	if ((!session && !auth && !reading) || record_gone(r))
		return;
	o->tx_kept = true;
	if (e &&
	    !seen_before(&o->seen, r->head.src.at, r->head.src.len, r->head.n.at, r->head.n.len)) {
		if (session)
			take_session(o, e, r);
		if (auth)
			take_auth(e, r);
		if (!reading && o->tx_kept && tx_save(o) < 0)
			o->tx_kept = false;
	}
	if (o->tx_kept)
		tx_ack(o, record_src(r), record_n(r));
}

void tx_sample(struct ocpp *o, struct evse *e, const char *trigger)
{
	struct tx_event ev = {.type = "Updated",
			      .trigger = trigger,
			      .t_us = o->now.real_us,
			      .context = strcmp(trigger, "MeterValueClock") == 0 ? "Sample.Clock"
					 : strcmp(trigger, "Trigger") == 0       ? "Trigger"
									   : "Sample.Periodic"};

	tx_message(o, e, &ev);
	tx_save(o);
}

static int64_t tick_evse(struct ocpp *o, struct evse *e)
{
	struct transaction *tx = &e->tx;
	int64_t next = CLOCK_NEVER, interval = var_int(o, VAR_SAMPLED_UPDATED_INTERVAL) * OCPP_S;

	if (!tx->id[0])
		return CLOCK_NEVER;
	if (tx->stopping && o->now.mono_us >= tx->stop_due_us) {
		struct tx_event ev = {.t_us = o->now.real_us};

		log_warning("EVSE %d: no open path within 5 s of the stop: the transaction ends "
			    "with the last reading",
			    e->id);
		end(o, e, &ev);
		tx_save(o);
		return CLOCK_NEVER;
	}
	if (tx->stopping)
		next = tx->stop_due_us;
	tx_deauthorized_tick(o, e);
	if (interval <= 0 || !var_bool(o, VAR_SAMPLED_ENABLED))
		return next;
	if (!tx->sample_due_us || tx->sample_due_us > o->now.mono_us + interval)
		tx->sample_due_us = o->now.mono_us + interval;
	if (o->now.mono_us >= tx->sample_due_us) {
		tx->sample_due_us += interval;
		if (tx->sample_due_us <= o->now.mono_us)
			tx->sample_due_us = o->now.mono_us + interval;
		if (meter_fresh(o, e))
			tx_sample(o, e, "MeterValuePeriodic");
	}
	return earlier(next, tx->sample_due_us);
}

static int64_t tick(struct ocpp *o)
{
	int64_t next = CLOCK_NEVER;

	for (int i = 1; i <= o->conf.evses; i++)
		next = earlier(next, tick_evse(o, &o->evse[i]));
	return earlier(next, tx_send_tick(o));
}

struct evse *tx_find(struct ocpp *o, const char *id)
{
	for (int i = 1; i <= o->conf.evses; i++)
		if (o->evse[i].tx.id[0] && strcmp(o->evse[i].tx.id, id) == 0)
			return &o->evse[i];
	return NULL;
}

static void get_status(struct ocpp *o, const struct ocpp_frame *f)
{
	const char *id = str_of(f->payload, "transactionId");
	struct jw *w = reply_begin(o);

	if (id[0])
		jw_kbool(w, "ongoingIndicator", tx_find(o, id) != NULL);
	jw_kbool(w, "messagesInQueue", id[0] ? tx_waits(o, id) : queue_count(o->queue) > 0);
	reply_send(o);
}

static int load(struct ocpp *o, struct err *err)
{
	return tx_keep_open(o, err);
}

static const struct ocpp_handler handlers[] = {{"GetTransactionStatus", get_status}, {0}};

const struct ocpp_block block_transactions = {
    .load = load, .record = record, .tick = tick, .handlers = handlers};
