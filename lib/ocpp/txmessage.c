/* E: one TransactionEvent, built from the transaction as it stands, and queued. */
#include "ocpp/block.h"

#include "core/log.h"

#include <string.h>

static bool token_kind_known(const char *kind)
{
	static const char *const kinds[] = {"Central", "eMAID", "ISO14443",   "ISO15693",
					    "KeyCode", "Local", "MacAddress", "NoAuthorization"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static bool write_value(struct ocpp *o, struct jw *w, const struct evse *e, enum var_id list,
			const char *context, const struct reading *reading)
{
	bool present = !reading || meter_fresh(o, e);

	return write_meter_value(w, present ? e : NULL, var_text(o, list), context, reading,
				 reading ? reading->t_us : e->meter.t_us);
}

/* The reading at the end; where there is none, what the meter says now (NULL), else the last one.
 */
static const struct reading *end_reading(const struct ocpp *o, const struct evse *e)
{
	const struct reading *last = &e->tx.last;

	return last->any && (last->ends || !meter_fresh(o, e)) ? last : NULL;
}

static void write_meter_values(struct ocpp *o, struct jw *w, const struct evse *e,
			       const struct tx_event *ev)
{
	const struct transaction *tx = &e->tx;

	if (strcmp(ev->type, "Started") == 0) {
		if (ev->with_reading || meter_fresh(o, e))
			write_value(o, w, e, VAR_SAMPLED_STARTED_MEASURANDS, "Transaction.Begin",
				    ev->with_reading ? &tx->last : NULL);
	} else if (strcmp(ev->type, "Ended") == 0) {
		struct reading begin = tx->begin;

		if (begin.any)
			write_meter_value(w, NULL, var_text(o, VAR_SAMPLED_ENDED_MEASURANDS),
					  "Transaction.Begin", &begin, begin.t_us);
		if (tx->last.any || meter_fresh(o, e))
			write_value(o, w, e, VAR_SAMPLED_ENDED_MEASURANDS, "Transaction.End",
				    end_reading(o, e));
	} else if (ev->context && e->meter.any) {
		write_value(o, w, e,
			    strcmp(ev->context, "Sample.Clock") == 0
				? VAR_ALIGNED_MEASURANDS
				: VAR_SAMPLED_UPDATED_MEASURANDS,
			    ev->context, NULL);
	}
}

static void write_info(struct jw *w, const struct transaction *tx, const struct tx_event *ev)
{
	int64_t charged = tx->charged_us + (tx->energy ? ev->t_us - tx->energy_since_us : 0);

	jw_kobj(w, "transactionInfo");
	jw_kstr(w, "transactionId", tx->id);
	jw_kstr(w, "chargingState", tx->charging_state[0] ? tx->charging_state : "Idle");
	if (charged >= 0)
		jw_kint(w, "timeSpentCharging", charged / OCPP_S);
	if (strcmp(ev->type, "Ended") == 0)
		jw_kstr(w, "stoppedReason", tx->stop_reason);
	if (tx->remote_start_id)
		jw_kint(w, "remoteStartId", tx->remote_start_id);
	jw_end(w);
}

static void write_event(struct ocpp *o, struct jw *w, struct evse *e, const struct tx_event *ev)
{
	struct transaction *tx = &e->tx;
	struct buf values;
	struct jw vw;

	jw_kstr(w, "eventType", ev->type);
	buf_init(&values, 1 << 16);
	jw_init(&vw, &values);
	jw_arr(&vw);
	write_meter_values(o, &vw, e, ev);
	jw_end(&vw);
	if (values.len > 2 && !jw_failed(&vw)) {
		jw_key(w, "meterValue");
		jw_raw(w, values.data, values.len);
	}
	buf_release(&values);
	jw_ktime(w, "timestamp", ev->t_us);
	jw_kstr(w, "triggerReason", ev->trigger);
	jw_kint(w, "seqNo", tx->seq);
	jw_kbool(w, "offline", !online(o));
	write_info(w, tx, ev);
	jw_kobj(w, "evse");
	jw_kint(w, "id", e->id);
	jw_kint(w, "connectorId", 1);
	jw_end(w);
	bool stops = strcmp(ev->trigger, "StopAuthorized") == 0;
	if (((tx->authorized && !tx->told_token) || stops) && token_kind_known(tx->token_kind)) {
		write_token(w, tx->token, tx->token_kind);
		tx->told_token = true;
	}
}

void tx_message(struct ocpp *o, struct evse *e, const struct tx_event *ev)
{
	struct transaction *tx = &e->tx;
	enum queue_class class = strcmp(ev->type, "Started") == 0 ? QUEUE_STARTED
				 : strcmp(ev->type, "Ended") == 0 ? QUEUE_ENDED
								  : QUEUE_UPDATED;

	if (!tx->id[0])
		return;
	write_event(o, call_begin(o, "TransactionEvent"), e, ev);
	memcpy(tx->told_state, tx->charging_state, sizeof(tx->told_state));
	tx->seq++;
	if (class == QUEUE_ENDED) {
		tx->id[0] = '\0';
		tx->stopping = false;
		tx->begin.any = tx->last.any = false;
		tx->remote_start_id = 0;
	}
	tx_enqueue(o, e, class, ev->src, ev->n);
}
