/* E04: transaction messages survive in the queue, the transactions themselves beside it, and both
 * agree.
 *
 * Each queue entry carries the transaction as it stood after it and a version that counts up; the
 * state file carries the version of its last change. At the start the file is read, then what the
 * queue knows later. So kill -9 between the two loses nothing and repeats nothing. */
#include "ocpp/block.h"

#include "core/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct queue_conf bounds = {.max_entries = 10000, .max_bytes = 4 << 20};

/* ---- a transaction as JSON ---- */

static void write_reading(struct jw *w, const char *name, const struct reading *r)
{
	if (!r->any)
		return;
	jw_kobj(w, name);
	jw_kint(w, "t_us", r->t_us);
	jw_knum(w, "import_wh", r->import_wh, 3);
	jw_kbool(w, "sampled", r->sampled);
	jw_kbool(w, "ends", r->ends);
	jw_end(w);
}

static void read_reading(jv v, struct reading *r)
{
	*r = (struct reading){
	    .any = !json_absent(v), .t_us = int_of(v, "t_us", 0), .export_wh = NAN};
	r->import_wh = num_of(v, "import_wh", NAN);
	r->sampled = json_bool(json_get(v, "sampled"), false);
	r->ends = json_bool(json_get(v, "ends"), false);
}

static void write_tx(struct jw *w, const struct evse *e)
{
	const struct transaction *tx = &e->tx;

	jw_obj(w);
	jw_kint(w, "evse", e->id);
	jw_kstr(w, "session", tx->session);
	jw_kstr(w, "id", tx->id);
	jw_kstr(w, "last_id", tx->last_id);
	jw_kbool(w, "id_used", tx->id_used);
	jw_kint(w, "seq", tx->seq);
	jw_kint(w, "start_us", tx->start_us);
	jw_kbool(w, "connected", tx->connected);
	jw_kbool(w, "authorized", tx->authorized);
	jw_kbool(w, "path", tx->path);
	jw_kbool(w, "energy", tx->energy);
	jw_kbool(w, "told_token", tx->told_token);
	jw_kbool(w, "stopping", tx->stopping);
	jw_kstr(w, "stop_trigger", tx->stop_trigger);
	jw_kstr(w, "stop_reason", tx->stop_reason);
	jw_kstr(w, "charging_state", tx->charging_state);
	jw_kstr(w, "told_state", tx->told_state);
	jw_kstr(w, "token", tx->token);
	jw_kstr(w, "token_kind", tx->token_kind);
	jw_kstr(w, "token_session", tx->token_session);
	jw_kint(w, "remote_start_id", tx->remote_start_id);
	jw_kint(w, "energy_since_us", tx->energy_since_us);
	jw_kint(w, "charged_us", tx->charged_us);
	jw_kbool(w, "invalid", tx->invalid);
	jw_kbool(w, "suspended", tx->suspended);
	if (!isnan(tx->invalid_wh))
		jw_knum(w, "invalid_wh", tx->invalid_wh, 3);
	write_reading(w, "begin", &tx->begin);
	write_reading(w, "last", &tx->last);
	jw_end(w);
}

static void read_tx(struct ocpp *o, jv v)
{
	struct evse *e = evse_of(o, int_of(v, "evse", 0));
	struct transaction *tx;

	if (!e)
		return;
	tx = &e->tx;
	snprintf(tx->session, sizeof(tx->session), "%s", str_of(v, "session"));
	snprintf(tx->id, sizeof(tx->id), "%s", str_of(v, "id"));
	snprintf(tx->last_id, sizeof(tx->last_id), "%s", str_of(v, "last_id"));
	tx->id_used = json_bool(json_get(v, "id_used"), strcmp(tx->last_id, tx->session) == 0);
	tx->seq = int_of(v, "seq", 0);
	tx->start_us = int_of(v, "start_us", 0);
	tx->connected = json_bool(json_get(v, "connected"), false);
	tx->authorized = json_bool(json_get(v, "authorized"), false);
	tx->path = json_bool(json_get(v, "path"), false);
	tx->energy = json_bool(json_get(v, "energy"), false);
	tx->told_token = json_bool(json_get(v, "told_token"), false);
	tx->stopping = json_bool(json_get(v, "stopping"), false);
	tx->stop_due_us = 0;
	snprintf(tx->stop_trigger, sizeof(tx->stop_trigger), "%s", str_of(v, "stop_trigger"));
	snprintf(tx->stop_reason, sizeof(tx->stop_reason), "%s", str_of(v, "stop_reason"));
	snprintf(tx->charging_state, sizeof(tx->charging_state), "%s", str_of(v, "charging_state"));
	snprintf(tx->told_state, sizeof(tx->told_state), "%s", str_of(v, "told_state"));
	snprintf(tx->token, sizeof(tx->token), "%s", str_of(v, "token"));
	snprintf(tx->token_kind, sizeof(tx->token_kind), "%s", str_of(v, "token_kind"));
	snprintf(tx->token_session, sizeof(tx->token_session), "%s", str_of(v, "token_session"));
	tx->remote_start_id = int_of(v, "remote_start_id", 0);
	tx->energy_since_us = int_of(v, "energy_since_us", 0);
	tx->charged_us = int_of(v, "charged_us", 0);
	tx->invalid = json_bool(json_get(v, "invalid"), false);
	tx->suspended = json_bool(json_get(v, "suspended"), false);
	tx->invalid_wh = num_of(v, "invalid_wh", NAN);
	read_reading(json_get(v, "begin"), &tx->begin);
	read_reading(json_get(v, "last"), &tx->last);
}

/* ---- keeping ---- */

static void write_seen(void *ctx, const char *src, const char *epoch, uint64_t count)
{
	struct jw *w = ctx;

	jw_arr(w);
	jw_str(w, src);
	jw_str(w, epoch);
	jw_int(w, (int64_t)count);
	jw_end(w);
}

int tx_save(struct ocpp *o)
{
	struct buf b;
	struct jw w;
	int rc;

	o->tx_version++;
	if (!o->conf.state_dir)
		return 0;
	buf_init(&b, 1 << 20);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kint(&w, "version", o->tx_version);
	jw_karr(&w, "seen");
	seen_each(&o->seen, write_seen, &w);
	jw_end(&w);
	jw_karr(&w, "evses");
	for (int i = 1; i <= o->conf.evses; i++)
		write_tx(&w, &o->evse[i]);
	jw_end(&w);
	jw_end(&w);
	rc = keep(o, "transactions", &b);
	buf_release(&b);
	return rc;
}

/* An entry that the state file doesn't know yet: the process died between the two. */
static void scan(void *ctx, const char *data, size_t len)
{
	struct ocpp *o = ctx;
	struct err err;
	jv v;

	if (json_parse(data, len, &v, &err) == 0 && int_of(v, "version", 0) > o->tx_version) {
		const char *src = str_of(v, "src"), *n = str_of(v, "n");

		o->tx_version = int_of(v, "version", 0);
		read_tx(o, json_get(v, "after"));
		seen_before(&o->seen, src, strlen(src), n, strlen(n));
	}
	json_free(v);
}

static int load(struct ocpp *o, struct err *err)
{
	jv v;
	int rc = kept(o, "transactions", &v, err);
	jv list = json_get(v, "seen");

	for (int i = 0; i < json_len(list); i++) {
		jv row = json_at(list, i);
		const char *src = json_str(json_at(row, 0)), *epoch = json_str(json_at(row, 1));
		int64_t count;

		if (src && epoch && json_int(json_at(row, 2), 0, INT64_C(1) << 53, &count))
			seen_restore(&o->seen, src, epoch, (uint64_t)count);
	}
	o->tx_version = int_of(v, "version", 0);
	list = json_get(v, "evses");
	for (int i = 0; i < json_len(list); i++)
		read_tx(o, json_at(list, i));
	json_free(v);
	return rc < 0 ? -1 : 0;
}

int tx_keep_open(struct ocpp *o, struct err *err)
{
	char *path = NULL;

	if (load(o, err) < 0)
		return -1;
	if (o->conf.state_dir && asprintf(&path, "%s/txqueue", o->conf.state_dir) < 0)
		return err_sys(err, "no memory");
	o->queue = queue_open(path, &bounds, scan, o, err);
	free(path);
	if (!o->queue)
		return -1;
	if (queue_damaged(o->queue))
		log_error(
		    "%llu damaged lines in the queue of transaction messages were passed over",
		    (unsigned long long)queue_damaged(o->queue));
	if (queue_count(o->queue))
		log_notice("%zu transaction messages wait from before", queue_count(o->queue));
	return 0;
}

int tx_enqueue(struct ocpp *o, struct evse *e, enum queue_class class, const char *src,
	       const char *n)
{
	const struct ocpp_message *m = ocpp_find(o->schema, "TransactionEvent");
	struct ocpp_fault fault = {0};
	struct buf entry;
	struct jw w;
	struct err err;
	jv v;

	jw_end(&o->w);
	int rc = json_parse(buf_str(&o->payload), o->payload.len, &v, &err);
	if (rc == 0)
		rc = ocpp_check(o->schema, m->request, v, &fault);
	json_free(v);
	if (rc < 0) {
		log_error("our TransactionEvent is wrong at %s: expected %s; not sent", fault.where,
			  fault.expected);
		return -1;
	}
	buf_init(&entry, 1 << 18);
	jw_init(&w, &entry);
	jw_obj(&w);
	jw_kint(&w, "version", ++o->tx_version);
	jw_kstr(&w, "src", src ? src : "");
	jw_kstr(&w, "n", n ? n : "");
	jw_key(&w, "after");
	write_tx(&w, e);
	jw_key(&w, "payload");
	jw_raw(&w, o->payload.data, o->payload.len);
	jw_end(&w);
	rc = jw_failed(&w) ? -1 : queue_add(o->queue, class, entry.data, entry.len);
	if (rc != 0) {
		o->tx_kept = false;
		log_error("a transaction message %s: %s",
			  rc < 0 ? "is lost" : "can't be written and waits in memory",
			  strerror(errno));
	}
	if (queue_dropped(o->queue) != o->tx_dropped) {
		o->tx_dropped = queue_dropped(o->queue);
		log_error("the queue of transaction messages is full: %llu intermediate ones were "
			  "dropped",
			  (unsigned long long)o->tx_dropped);
	}
	buf_release(&entry);
	return rc;
}

void tx_ack(struct ocpp *o, const char *src, const char *n)
{
	if (!n[0])
		return;
	struct jw *w = out_begin(o->out, o->now, "ack", (struct out_head){0});
	jw_kobj(w, "upto");
	jw_kstr(w, src, n);
	jw_end(w);
	out_send(o->out);
}

/* ---- sending, in order ---- */

bool tx_waits(struct ocpp *o, const char *id)
{
	char text[64];

	snprintf(text, sizeof(text), "\"transactionId\":\"%.36s\"", id);
	return queue_find(o->queue, text);
}

static void take_answer(struct ocpp *o, const char *sent, jv answer)
{
	jv info = json_get(answer, "idTokenInfo"), v;
	struct cache_entry said = {.until_us = CACHE_FOREVER};
	struct err err;

	if (json_absent(info) || json_parse(sent, strlen(sent), &v, &err) < 0)
		return;
	jv token = json_get(v, "idToken");
	take_token_info(o, str_of(token, "idToken"), str_of(token, "type"), info);
	read_token_info(&said, info);
	bool good = strcmp(said.status, "Accepted") == 0 &&
		    token_fits(&said, (int)int_of(json_get(v, "evse"), "id", 0));
	struct evse *e = tx_find(o, str_of(json_get(v, "transactionInfo"), "transactionId"));
	if (!good && e)
		tx_deauthorize(o, e);
	json_free(v);
}

static void done_with_head(struct ocpp *o)
{
	o->tx_attempts = 0;
	o->tx_retry_us = 0;
	if (queue_done(o->queue) < 0)
		log_error("the queue of transaction messages can't be written: %s",
			  strerror(errno));
}

static void sent(struct ocpp *o, const struct ocpp_call *call, const struct ocpp_frame *answer)
{
	o->tx_running = false;
	if (answer && answer->kind == OCPP_CALLRESULT) {
		take_answer(o, call->payload, answer->payload);
		done_with_head(o);
	} else if (o->open && ++o->tx_attempts >= var_int(o, VAR_COMM_ATTEMPTS)) {
		log_error("a TransactionEvent is given up after %d attempts", o->tx_attempts);
		done_with_head(o);
	} else if (o->open) {
		o->tx_retry_us = o->now.mono_us +
				 o->tx_attempts * var_int(o, VAR_COMM_ATTEMPT_INTERVAL) * OCPP_S;
	}
}

int64_t tx_send_tick(struct ocpp *o)
{
	static const char mark[] = ",\"payload\":";
	char *payload;

	if (!online(o) || o->tx_running || queue_count(o->queue) == 0)
		return CLOCK_NEVER;
	if (o->now.mono_us < o->tx_retry_us)
		return o->tx_retry_us;
	if (queue_head(o->queue, &o->queue_head) != 1) {
		log_error("the queue of transaction messages can't be read: %s", strerror(errno));
		done_with_head(o);
		return o->now.mono_us;
	}
	payload = strstr(o->queue_head.data, mark);
	if (!payload) {
		done_with_head(o);
		return o->now.mono_us;
	}
	payload += sizeof(mark) - 1;
	o->queue_head.data[o->queue_head.len - 1] = '\0';
	o->tx_running = call_send_text(o, CALL_NORMAL, "TransactionEvent", payload, sent) == 0;
	return CLOCK_NEVER;
}
