/* G: StatusNotification and ChangeAvailability. Source: OCPP 2.0.1 Part 2, G01, G03, G04 */
#include "ocpp/block.h"

#include "core/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *status_of(const struct ocpp *o, const struct evse *e)
{
	(void)o;
	if (e->faulted)
		return "Faulted";
	if (!e->operative && !e->tx.id[0])
		return "Unavailable";
	return e->plugged || e->tx.id[0] ? "Occupied" : "Available";
}

/* A state that went down with the connection is told anew. */
static void status_done(struct ocpp *o, const struct ocpp_call *call,
			const struct ocpp_frame *answer)
{
	const int *id = call->cookie;

	if (!answer && !o->open)
		o->evse[*id].reported = NULL;
}

void status_send(struct ocpp *o, struct evse *e, enum call_rank rank)
{
	struct jw *w = call_begin(o, "StatusNotification");
	int *id = malloc(sizeof(*id));

	if (!id)
		return;
	*id = e->id;
	e->reported = status_of(o, e);
	jw_ktime(w, "timestamp", o->now.real_us);
	jw_kstr(w, "connectorStatus", e->reported);
	jw_kint(w, "evseId", e->id);
	jw_kint(w, "connectorId", 1);
	call_send(o, rank, status_done, id);
}

static bool changed(const struct ocpp *o, const struct evse *e)
{
	return !e->reported || strcmp(e->reported, status_of(o, e)) != 0;
}

static void accepted(struct ocpp *o, bool first)
{
	availability_apply(o);
	bool all =
	    first || o->now.mono_us - o->lost_us >= var_int(o, VAR_COMM_OFFLINE_THRESHOLD) * OCPP_S;

	for (int i = 1; i <= o->conf.evses; i++)
		if (all || changed(o, &o->evse[i]))
			status_send(o, &o->evse[i], CALL_NORMAL);
}

static void emit(struct ocpp *o, const struct evse *e)
{
	char item[16];

	snprintf(item, sizeof(item), "avail.%d", e->id);
	struct jw *w = out_begin(o->out, o->now, "availability",
				 (struct out_head){.item = item, .evse = e->id});
	jw_kbool(w, "operative", e->wanted_operative);
	out_send(o->out);
}

/* Station, EVSE and connector each have a state of their own, which the others don't change. */
static bool wanted(const struct ocpp *o, const struct evse *e)
{
	bool waits =
	    o->reset.waits || (!o->boot.was_accepted && !var_bool(o, VAR_TX_BEFORE_ACCEPTED));

	return !o->station_out && !e->out && !e->connector_out && !waits;
}

static void save(struct ocpp *o)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 1 << 16);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_karr(&w, "inoperative");
	for (int i = 1; i <= o->conf.evses; i++)
		if (o->evse[i].out)
			jw_int(&w, i);
	jw_end(&w);
	jw_karr(&w, "connectors");
	for (int i = 1; i <= o->conf.evses; i++)
		if (o->evse[i].connector_out)
			jw_int(&w, i);
	jw_end(&w);
	jw_kbool(&w, "station", o->station_out);
	jw_end(&w);
	keep(o, "availability", &b);
	buf_release(&b);
}

static int load(struct ocpp *o, struct err *err)
{
	jv v;
	int rc = kept(o, "availability", &v, err);
	jv list = json_get(v, "inoperative"), connectors = json_get(v, "connectors");
	int64_t id;

	for (int i = 0; i < json_len(list); i++)
		if (json_int(json_at(list, i), 1, o->conf.evses, &id))
			o->evse[id].out = true;
	for (int i = 0; i < json_len(connectors); i++)
		if (json_int(json_at(connectors, i), 1, o->conf.evses, &id))
			o->evse[id].connector_out = true;
	o->station_out = json_bool(json_get(v, "station"), false);
	json_free(v);
	for (int i = 1; i <= o->conf.evses; i++) {
		struct evse *e = &o->evse[i];

		e->operative = e->wanted_operative = wanted(o, e);
		emit(o, e);
	}
	return rc < 0 ? -1 : 0;
}

/* A running transaction ends first: the change is Scheduled. */
static bool settle(struct evse *e)
{
	if (!e->wanted_operative && e->tx.id[0])
		return false;
	e->operative = e->wanted_operative;
	return true;
}

void availability_apply(struct ocpp *o)
{
	for (int i = 1; i <= o->conf.evses; i++) {
		struct evse *e = &o->evse[i];
		bool now = wanted(o, e);

		if (now == e->wanted_operative)
			continue;
		e->wanted_operative = now;
		settle(e);
		emit(o, e);
	}
}

static void change_availability(struct ocpp *o, const struct ocpp_frame *f)
{
	jv where = json_get(f->payload, "evse");
	bool out = strcmp(str_of(f->payload, "operationalStatus"), "Inoperative") == 0, now = true;
	int64_t id = int_of(where, "id", 0), connector = int_of(where, "connectorId", 0);

	if (id < 0 || id > o->conf.evses) {
		reply_status(o, "Rejected", "UnknownEvse", NULL);
		return;
	}
	if (connector < 0 || connector > 1 || (connector && !id)) {
		reply_status(o, "Rejected", "UnknownConnectorId", NULL);
		return;
	}
	if (connector)
		o->evse[id].connector_out = out;
	else if (id)
		o->evse[id].out = out;
	else
		o->station_out = out;
	availability_apply(o);
	for (int i = 1; i <= o->conf.evses; i++)
		if (id == 0 || id == i)
			now &= settle(&o->evse[i]);
	save(o);
	reply_status(o, now ? "Accepted" : "Scheduled", NULL, NULL);
}

static bool is_faulted(jv faults)
{
	return json_len(faults) > 0;
}

static void take_pilot(struct ocpp *o, const struct record *r)
{
	struct evse *e = evse_of(o, r->head.evse);
	const char *state = json_str(record_get(r, "state"));

	if (!e || !state)
		return;
	snprintf(e->pilot, sizeof(e->pilot), "%.3s", state);
	if (strchr("ABCD", state[0]))
		e->plugged = state[0] != 'A';
	e->faulted = is_faulted(record_get(r, "faults"));
	e->offered_a = num_of(r->body, "limit_a", NAN);
}

static void record(struct ocpp *o, const struct record *r)
{
	if (record_is(r, "pilot") && !record_gone(r))
		take_pilot(o, r);
}

static int64_t tick(struct ocpp *o)
{
	for (int i = 1; i <= o->conf.evses; i++) {
		struct evse *e = &o->evse[i];

		settle(e);
		if (tells(o) && changed(o, e))
			status_send(o, e, CALL_NORMAL);
	}
	return CLOCK_NEVER;
}

static const struct ocpp_handler handlers[] = {{"ChangeAvailability", change_availability}, {0}};

const struct ocpp_block block_availability = {
    .load = load, .accepted = accepted, .record = record, .tick = tick, .handlers = handlers};
