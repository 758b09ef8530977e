/* The back office's profiles as leases of limit records, renewed while this tool lives.
 *
 * ocpp.max      the station: ChargingStationMaxProfile; always out, so that the source never falls
 * silent ocpp.ext      the station: ChargingStationExternalConstraints, while there are any
 * ocpp.tx.N     the EVSE: TxProfile of the running transaction, TxDefaultProfile where that says
 * nothing; 0 A where its token was refused ocpp.default.N the EVSE: TxDefaultProfile, while no
 * TxProfile exists
 *
 * A lease states the plan ahead, so that each step acts at its instant without us. Where no profile
 * answers the lease says what the wires can do. */
#include "ocpp/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define VALID_S   30
#define RENEW_S   10
#define STEPS_MAX 24 /* of the plan that is told ahead */
#define AHEAD_MS  (INT64_C(24) * 3600 * 1000)

struct profile_who limits_who(const struct ocpp *o, const struct evse *e)
{
	bool running = e->tx.id[0] != '\0';

	return (struct profile_who){
	    .evse = e->id,
	    .transaction = running ? e->tx.id : NULL,
	    .tx_start_ms = (running ? e->tx.start_us : o->now.real_us) / 1000,
	};
}

/* A limit beyond the wires says nothing more than they do, and readers bound what they take. */
static void write_step(struct ocpp *o, struct jw *w, const struct profile_step *s, double most_a)
{
	double most_w = most_a * 3 * 2 * o->conf.voltage_v;

	jw_obj(w);
	jw_ktime(w, "at", s->at_ms * 1000);
	if (!s->rate.any)
		jw_knum(w, "import_max_a", most_a, 1);
	else if (s->rate.unit == PROFILE_A)
		jw_knum(w, "import_max_a", fmin(s->rate.limit, most_a), 3);
	else
		jw_knum(w, "import_max_w", fmin(s->rate.limit, most_w), 1);
	if (s->rate.any && s->rate.phases > 0 && s->rate.phases < o->conf.phases)
		jw_kint(w, "phases", s->rate.phases);
	if (s->rate.any && !isnan(s->rate.min_rate))
		jw_knum(w, "min_w",
			s->rate.unit == PROFILE_W
			    ? s->rate.min_rate
			    : s->rate.min_rate * o->conf.voltage_v * o->conf.phases,
			1);
	jw_end(w);
}

static void emit(struct ocpp *o, const char *item, int evse, const struct profile_step *steps,
		 size_t n, double most_a)
{
	struct jw *w =
	    out_begin(o->out, o->now, "limit", (struct out_head){.item = item, .evse = evse});

	jw_kstr(w, "scope", evse ? "evse" : "station");
	jw_kint(w, "valid_s", VALID_S);
	jw_karr(w, "schedule");
	for (size_t i = 0; i < n; i++)
		write_step(o, w, &steps[i], most_a);
	jw_end(w);
	out_send(o->out);
}

static void withdraw(struct ocpp *o, const char *item, int evse)
{
	struct jw *w =
	    out_begin(o->out, o->now, "limit", (struct out_head){.item = item, .evse = evse});

	jw_kbool(w, "gone", true);
	out_send(o->out);
}

const struct profile_set *limits_set(const struct ocpp *o)
{
	static const struct profile_set none;

	return var_bool(o, VAR_SMART_ENABLED) ? &o->limits.set : &none;
}

static bool any_profile(const struct ocpp *o, enum profile_purpose purpose, const struct evse *e)
{
	const struct profile_set *set = limits_set(o);

	for (size_t i = 0; i < set->n; i++) {
		const struct profile *p = set->all[i];

		if (p->purpose == purpose && (!e || p->evse == 0 || p->evse == e->id) &&
		    (purpose != PROFILE_TX || strcmp(p->transaction, e->tx.id) == 0))
			return true;
	}
	return false;
}

/* What a transaction gets whose token was refused. */
static size_t no_energy(int64_t ms, struct profile_step *steps)
{
	steps[0] = (struct profile_step){.at_ms = ms,
					 .rate = {.any = true, .unit = PROFILE_A, .min_rate = NAN}};
	return 1;
}

static void emit_evse(struct ocpp *o, const struct evse *e)
{
	struct profile_step steps[STEPS_MAX];
	struct profile_who who = limits_who(o, e);
	char was = o->limits.layer[e->id], now = 0, item[24];
	int64_t ms = o->now.real_us / 1000;

	if (e->tx.id[0] && (e->tx.suspended || any_profile(o, PROFILE_TX, e)))
		now = 't';
	else if (any_profile(o, PROFILE_TX_DEFAULT, e))
		now = 'd';
	if (now) {
		size_t n = e->tx.suspended ? no_energy(ms, steps)
					   : profile_plan(limits_set(o), PROFILE_TX, &who, ms,
							  ms + AHEAD_MS, steps, STEPS_MAX);

		snprintf(item, sizeof(item), "%s.%d", now == 't' ? "tx" : "default", e->id);
		emit(o, item, e->id, steps, n, o->conf.max_a);
	}
	if (was && was != now) {
		snprintf(item, sizeof(item), "%s.%d", was == 't' ? "tx" : "default", e->id);
		withdraw(o, item, e->id);
	}
	o->limits.layer[e->id] = now;
}

static void emit_station(struct ocpp *o)
{
	static const struct profile_who everywhere = {0};
	struct profile_step steps[STEPS_MAX];
	int64_t ms = o->now.real_us / 1000;
	double most_a = o->conf.max_a * o->conf.evses;
	size_t n = profile_plan(limits_set(o), PROFILE_STATION_MAX, &everywhere, ms, ms + AHEAD_MS,
				steps, STEPS_MAX);

	emit(o, "max", 0, steps, n, most_a);
	if (any_profile(o, PROFILE_EXTERNAL, NULL)) {
		n = profile_plan(limits_set(o), PROFILE_EXTERNAL, &everywhere, ms, ms + AHEAD_MS,
				 steps, STEPS_MAX);
		emit(o, "ext", 0, steps, n, most_a);
	}
}

void limits_emit(struct ocpp *o)
{
	for (int i = 1; i <= o->conf.evses; i++)
		emit_evse(o, &o->evse[i]);
	emit_station(o);
	o->limits.due_us = o->now.mono_us + RENEW_S * OCPP_S;
}

static int64_t tick(struct ocpp *o)
{
	if (o->now.mono_us >= o->limits.due_us)
		limits_emit(o);
	return o->limits.due_us;
}

const struct ocpp_block block_limits = {.tick = tick};
