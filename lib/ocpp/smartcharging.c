/* K: SetChargingProfile, ClearChargingProfile, GetChargingProfiles, GetCompositeSchedule.
 *
 * A profile that is taken is in force (a limit record is out) before it is written to the disk and
 * before the answer goes. Source: OCPP 2.0.1 Part 2, K01 to K10 */
#include "ocpp/block.h"

#include "core/log.h"
#include "ocpp/profile_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMPOSITE_MAX   1024            /* periods of an answer: the schema's bound */
#define COMPOSITE_MAX_S INT64_C(604800) /* longest span answered */

static void save(struct ocpp *o)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 4 << 20);
	jw_init(&w, &b);
	jw_arr(&w);
	for (size_t i = 0; i < o->limits.set.n; i++) {
		const struct profile *p = o->limits.set.all[i];

		jw_obj(&w);
		jw_kint(&w, "evse", p->evse);
		jw_key(&w, "profile");
		jw_raw(&w, p->source, strlen(p->source));
		jw_end(&w);
	}
	jw_end(&w);
	keep(o, "profiles", &b);
	buf_release(&b);
}

/* The rules that need to know of transactions: K01.FR.09 and .33. */
static int check_transaction(struct ocpp *o, const struct profile *p, struct profile_fault *fault)
{
	const struct evse *e = evse_of(o, p->evse);

	if (p->purpose != PROFILE_TX || (e && e->tx.id[0] && strcmp(e->tx.id, p->transaction) == 0))
		return 0;
	*fault = (struct profile_fault){"TxNotFound", "no such transaction runs on that EVSE"};
	return -1;
}

static int load(struct ocpp *o, struct err *err)
{
	struct profile_fault fault;
	jv v;
	int rc = kept(o, "profiles", &v, err);

	for (int i = 0; rc > 0 && i < json_len(v); i++) {
		jv item = json_at(v, i);
		struct profile *p =
		    profile_read(json_get(item, "profile"), (int)int_of(item, "evse", 0), &fault);

		if (!p || profile_check(p, o->conf.evses, &fault) < 0 ||
		    check_transaction(o, p, &fault) < 0 ||
		    profile_set_add(&o->limits.set, p, &fault) < 0) {
			log_warning("a kept charging profile is not taken: %s", fault.info);
			profile_free(p);
		}
	}
	json_free(v);
	return rc < 0 ? -1 : 0;
}

/* K01.FR.29: without the feature no message of it is answered. */
static bool disabled(struct ocpp *o)
{
	if (var_bool(o, VAR_SMART_ENABLED))
		return false;
	reply_error(o, OCPP_NOT_SUPPORTED, "SmartChargingCtrlr.Enabled is false");
	return true;
}

static void set_profile(struct ocpp *o, const struct ocpp_frame *f)
{
	struct profile_fault fault;
	int evse = (int)int_of(f->payload, "evseId", 0);

	if (disabled(o))
		return;
	struct profile *p = profile_read(json_get(f->payload, "chargingProfile"), evse, &fault);

	if (!p || profile_check(p, o->conf.evses, &fault) < 0 ||
	    check_transaction(o, p, &fault) < 0 || profile_set_add(&o->limits.set, p, &fault) < 0) {
		profile_free(p);
		reply_status(o, "Rejected", fault.reason, fault.info);
		return;
	}
	limits_emit(o);
	reply_status(o, "Accepted", NULL, NULL);
	save(o);
}

static void clear_profile(struct ocpp *o, const struct ocpp_frame *f)
{
	jv criteria = json_get(f->payload, "chargingProfileCriteria");
	int64_t id, evse;
	bool by_id = json_int(json_get(f->payload, "chargingProfileId"), INT32_MIN, INT32_MAX, &id);
	bool by_evse = json_int(json_get(criteria, "evseId"), INT32_MIN, INT32_MAX, &evse);
	size_t before = o->limits.set.n;

	if (disabled(o))
		return;
	for (size_t i = o->limits.set.n; i-- > 0;) {
		const struct profile *p = o->limits.set.all[i];

		if (p->purpose == PROFILE_EXTERNAL)
			continue;
		if (by_id ? p->id == id : profile_fits(p, criteria, by_evse ? &evse : NULL))
			profile_set_remove(&o->limits.set, i);
	}
	if (o->limits.set.n == before) {
		reply_status(o, "Unknown", NULL, NULL);
		return;
	}
	limits_emit(o);
	reply_status(o, "Accepted", NULL, NULL);
	save(o);
}

/* One message for each EVSE and purpose that has something; tbc on all but the last. */
static void report(struct ocpp *o, int64_t request, const bool *chosen)
{
	size_t left = 0;

	for (size_t i = 0; i < o->limits.set.n; i++)
		left += chosen[i];
	for (int evse = 0; evse <= o->conf.evses; evse++) {
		for (size_t i = 0; i < o->limits.set.n; i++) {
			const struct profile *p = o->limits.set.all[i];

			if (!chosen[i] || p->evse != evse)
				continue;
			struct jw *w = call_begin(o, "ReportChargingProfiles");
			jw_kint(w, "requestId", request);
			jw_kstr(w, "chargingLimitSource",
				p->purpose == PROFILE_EXTERNAL ? "Other" : "CSO");
			jw_karr(w, "chargingProfile");
			jw_raw(w, p->source, strlen(p->source));
			jw_end(w);
			jw_kbool(w, "tbc", --left > 0);
			jw_kint(w, "evseId", evse);
			call_send(o, CALL_NORMAL, NULL, NULL);
		}
	}
}

static bool source_wanted(jv criterion, const struct profile *p)
{
	jv sources = json_get(criterion, "chargingLimitSource");
	const char *ours = p->purpose == PROFILE_EXTERNAL ? "Other" : "CSO";

	for (int i = 0; i < json_len(sources); i++)
		if (strcmp(json_str(json_at(sources, i)), ours) == 0)
			return true;
	return json_len(sources) == 0;
}

static void get_profiles(struct ocpp *o, const struct ocpp_frame *f)
{
	jv criterion = json_get(f->payload, "chargingProfile");
	bool chosen[PROFILE_SET_MAX] = {false}, any = false;
	int64_t evse;
	bool by_evse = json_int(json_get(f->payload, "evseId"), INT32_MIN, INT32_MAX, &evse);

	if (disabled(o))
		return;
	for (size_t i = 0; i < o->limits.set.n; i++) {
		const struct profile *p = o->limits.set.all[i];

		chosen[i] = profile_fits(p, criterion, by_evse ? &evse : NULL) &&
			    source_wanted(criterion, p);
		any |= chosen[i];
	}
	if (!calls_room(o, PROFILE_SET_MAX)) {
		reply_error(o, OCPP_INTERNAL_ERROR, "earlier reports wait to be taken");
		return;
	}
	reply_status(o, any ? "Accepted" : "NoProfiles", NULL, NULL);
	report(o, int_of(f->payload, "requestId", 0), chosen);
}

static void write_composite(struct ocpp *o, int64_t evse, int64_t duration_s,
			    enum profile_unit unit, int64_t from_ms,
			    const struct profile_step *steps, size_t n)
{
	struct jw *w = reply_begin(o);

	jw_kstr(w, "status", "Accepted");
	jw_kobj(w, "schedule");
	jw_karr(w, "chargingSchedulePeriod");
	for (size_t i = 0; i < n; i++) {
		/* of several within one second the last one counts */
		if (i + 1 < n &&
		    (steps[i + 1].at_ms - from_ms) / 1000 == (steps[i].at_ms - from_ms) / 1000)
			continue;
		jw_obj(w);
		jw_kint(w, "startPeriod", (steps[i].at_ms - from_ms) / 1000);
		jw_knum(w, "limit", floor(steps[i].rate.limit * 10) / 10, 1);
		jw_kint(w, "numberPhases", steps[i].rate.phases);
		jw_end(w);
	}
	jw_end(w);
	jw_kint(w, "evseId", evse);
	jw_kint(w, "duration", duration_s);
	jw_ktime(w, "scheduleStart", from_ms * 1000);
	jw_kstr(w, "chargingRateUnit", unit == PROFILE_A ? "A" : "W");
	jw_end(w);
	reply_send(o);
}

static void get_composite(struct ocpp *o, const struct ocpp_frame *f)
{
	struct profile_site site = {o->conf.voltage_v, o->conf.phases, o->conf.max_a};
	struct profile_who asked[OCPP_EVSES_MAX];
	int64_t evse = int_of(f->payload, "evseId", 0),
		duration_s = int_of(f->payload, "duration", 0);
	enum profile_unit unit =
	    strcmp(str_of(f->payload, "chargingRateUnit"), "W") == 0 ? PROFILE_W : PROFILE_A;
	int64_t from_ms = o->now.real_us / 1000000 * 1000;
	size_t n_asked = 0;

	if (disabled(o))
		return;
	if (evse < 0 || evse > o->conf.evses) {
		reply_status(o, "Rejected", "UnknownEvse", NULL);
		return;
	}
	if (duration_s < 1 || duration_s > COMPOSITE_MAX_S) {
		reply_status(o, "Rejected", "ValueOutOfRange", "duration is 1 s to 7 days");
		return;
	}
	for (int i = 1; i <= o->conf.evses; i++)
		if (evse == 0 || evse == i)
			asked[n_asked++] = limits_who(o, &o->evse[i]);
	struct profile_step *steps = calloc(COMPOSITE_MAX, sizeof(*steps));
	size_t n =
	    steps ? profile_composite(&o->limits.set, asked, n_asked, evse == 0, &site, unit,
				      from_ms, from_ms + duration_s * 1000, steps, COMPOSITE_MAX)
		  : 0;
	if (n)
		write_composite(o, evse, duration_s, unit, from_ms, steps, n);
	else
		reply_status(o, "Rejected", "OutOfMemory", NULL);
	free(steps);
}

/* A TxProfile that came with RequestStartTransaction is bound to the transaction that it started.
 */
void tx_started_profiles(struct ocpp *o, struct evse *e)
{
	struct profile *p = o->limits.starting[e->id];
	struct profile_fault fault;

	o->limits.starting[e->id] = NULL;
	if (p && e->tx.remote_start_id) {
		fault = (struct profile_fault){"OutOfMemory", "no memory"};
		if (profile_bind(p, e->tx.id) == 0 &&
		    profile_check(p, o->conf.evses, &fault) == 0 &&
		    profile_set_add(&o->limits.set, p, &fault) == 0) {
			p = NULL;
			save(o);
		} else {
			log_warning("the profile of the remote start is not taken: %s", fault.info);
		}
	}
	profile_free(p);
	limits_emit(o);
}

void tx_ended_profiles(struct ocpp *o, struct evse *e)
{
	bool any = false;

	for (size_t i = o->limits.set.n; i-- > 0;) {
		if (o->limits.set.all[i]->purpose == PROFILE_TX &&
		    o->limits.set.all[i]->evse == e->id) {
			profile_set_remove(&o->limits.set, i);
			any = true;
		}
	}
	limits_emit(o);
	if (any)
		save(o);
}

static const struct ocpp_handler handlers[] = {{"SetChargingProfile", set_profile},
					       {"ClearChargingProfile", clear_profile},
					       {"GetChargingProfiles", get_profiles},
					       {"GetCompositeSchedule", get_composite},
					       {0}};

const struct ocpp_block block_smartcharging = {.load = load, .handlers = handlers};
