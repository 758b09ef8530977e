#include "ocpp/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->schedule.periods);
	free(p->source);
	free(p);
}

void profile_set_clear(struct profile_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		profile_free(set->all[i]);
	set->n = 0;
}

static int fail(struct profile_fault *fault, const char *reason, const char *info)
{
	fault->reason = reason;
	fault->info = info;
	return -1;
}

static int check_periods(const struct profile_schedule *s, struct profile_fault *fault)
{
	if (s->n_periods == 0 || s->n_periods > PROFILE_PERIODS_MAX)
		return fail(fault, "InvalidSchedule", "a schedule needs 1 to 1024 periods");
	if (s->periods[0].start_s != 0)
		return fail(fault, "InvalidSchedule", "startPeriod of the first period is not 0");
	for (size_t i = 0; i < s->n_periods; i++) {
		const struct profile_period *p = &s->periods[i];

		if (i > 0 && p->start_s <= s->periods[i - 1].start_s)
			return fail(fault, "InvalidSchedule", "startPeriod does not rise");
		if (!isfinite(p->limit) || p->limit < 0)
			return fail(fault, "InvalidSchedule", "limit is not a number from 0");
		if (p->phase_to_use)
			return fail(fault, "UnsupportedParam",
				    "phaseToUse: no EVSE here can switch phases");
		if (p->phases < 0 || p->phases > 3)
			return fail(fault, "InvalidSchedule", "numberPhases is not 1 to 3");
	}
	return 0;
}

static int check_kind(const struct profile *p, struct profile_fault *fault)
{
	const struct profile_schedule *s = &p->schedule;

	switch (p->kind) {
	case PROFILE_RECURRING:
		if (p->recurrency == PROFILE_NOT_RECURRING)
			return fail(fault, "InvalidProfile", "Recurring needs recurrencyKind");
		if (!s->has_start)
			return fail(fault, "InvalidSchedule", "Recurring needs startSchedule");
		break;
	case PROFILE_ABSOLUTE:
		if (!s->has_start)
			return fail(fault, "InvalidSchedule", "Absolute needs startSchedule");
		break;
	case PROFILE_RELATIVE:
		if (s->has_start)
			return fail(fault, "InvalidSchedule", "Relative has no startSchedule");
		if (p->purpose == PROFILE_STATION_MAX)
			return fail(fault, "InvalidProfile",
				    "ChargingStationMaxProfile can't be Relative");
		break;
	}
	return 0;
}

static int check(const struct profile *p, int evses, bool starts, struct profile_fault *fault)
{
	if (p->evse < 0 || p->evse > evses)
		return fail(fault, "UnknownEvse", "no such EVSE");
	if (p->stack_level < 0 || p->stack_level > PROFILE_STACK_MAX)
		return fail(fault, "InvalidStackLevel", "stackLevel is not 0 to 99");
	switch (p->purpose) {
	case PROFILE_EXTERNAL:
		return fail(fault, "InvalidProfile",
			    "ChargingStationExternalConstraints is not the CSMS's to set");
	case PROFILE_STATION_MAX:
		if (p->evse != 0)
			return fail(fault, "InvalidProfile",
				    "ChargingStationMaxProfile belongs to evseId 0");
		break;
	case PROFILE_TX_DEFAULT:
		break;
	case PROFILE_TX:
		if (p->evse == 0)
			return fail(fault, "InvalidProfile", "TxProfile needs an EVSE");
		if (!starts && !p->transaction[0])
			return fail(fault, "MissingParam", "TxProfile needs transactionId");
		break;
	}
	if (p->purpose != PROFILE_TX && p->transaction[0])
		return fail(fault, "InvalidProfile", "transactionId goes with TxProfile only");
	if (p->valid_from_ms >= p->valid_to_ms)
		return fail(fault, "InvalidProfile", "validTo is not after validFrom");
	if (check_kind(p, fault) < 0)
		return -1;
	return check_periods(&p->schedule, fault);
}

int profile_check(const struct profile *p, int evses, struct profile_fault *fault)
{
	return check(p, evses, false, fault);
}

int profile_check_start(const struct profile *p, int evses, struct profile_fault *fault)
{
	return check(p, evses, true, fault);
}

static bool collide(const struct profile *a, const struct profile *b)
{
	if (a->purpose != b->purpose || a->stack_level != b->stack_level)
		return false;
	if (a->purpose == PROFILE_TX)
		return a->evse == b->evse && strcmp(a->transaction, b->transaction) == 0;
	if (a->evse != b->evse && a->evse != 0 && b->evse != 0)
		return false;
	return a->valid_from_ms < b->valid_to_ms && b->valid_from_ms < a->valid_to_ms;
}

int profile_set_add(struct profile_set *set, struct profile *p, struct profile_fault *fault)
{
	size_t place = set->n;

	for (size_t i = 0; i < set->n; i++) {
		if (set->all[i]->id == p->id) {
			if (set->all[i]->purpose == PROFILE_EXTERNAL &&
			    p->purpose != PROFILE_EXTERNAL)
				return fail(fault, "InvalidProfileId",
					    "the id is an external constraint's");
			place = i;
		} else if (collide(set->all[i], p)) {
			return fail(fault, "DuplicateProfile",
				    "another profile has this purpose and stackLevel");
		}
	}
	if (place == PROFILE_SET_MAX)
		return fail(fault, "TooManyElements", "no room for another profile");
	if (place < set->n)
		profile_free(set->all[place]);
	else
		set->n++;
	set->all[place] = p;
	return 0;
}

void profile_set_remove(struct profile_set *set, size_t index)
{
	profile_free(set->all[index]);
	set->n--;
	memmove(&set->all[index], &set->all[index + 1],
		(set->n - index) * sizeof(struct profile *));
}

static void lower(int64_t *next, int64_t t)
{
	if (t < *next)
		*next = t;
}

/* Index of the last period that has begun. The periods rise and the first begins at 0. */
static size_t period_at(const struct profile_schedule *s, int64_t elapsed_ms)
{
	size_t low = 0, high = s->n_periods;

	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (s->periods[mid].start_s * INT64_C(1000) <= elapsed_ms)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Whether one profile answers at t; next is lowered to where that answer may change. */
static bool answers(const struct profile *p, int64_t tx_start_ms, int64_t t,
		    struct profile_rate *rate, int64_t *next)
{
	const struct profile_schedule *s = &p->schedule;
	int64_t start = p->kind == PROFILE_RELATIVE ? tx_start_ms : s->start_ms;
	int64_t began = start > p->valid_from_ms ? start : p->valid_from_ms;

	if (t >= p->valid_to_ms)
		return false;
	if (t < began) {
		lower(next, began);
		return false;
	}
	lower(next, p->valid_to_ms);

	int64_t elapsed = t - start;
	if (p->kind == PROFILE_RECURRING) {
		int64_t cycle = p->recurrency == PROFILE_WEEKLY ? 7 * DAY_MS : DAY_MS;

		elapsed %= cycle;
		lower(next, t - elapsed + cycle);
	}
	if (s->duration_s > 0) {
		int64_t end = s->duration_s * INT64_C(1000);

		if (elapsed >= end)
			return false;
		lower(next, t - elapsed + end);
	}
	size_t i = period_at(s, elapsed);
	if (i + 1 < s->n_periods)
		lower(next, t - elapsed + s->periods[i + 1].start_s * INT64_C(1000));
	*rate = (struct profile_rate){
	    .any = true,
	    .limit = s->periods[i].limit,
	    .unit = s->unit,
	    .phases = s->periods[i].phases,
	    .min_rate = s->min_rate,
	    .profile = p->id,
	};
	return true;
}

static bool concerns(const struct profile *p, enum profile_purpose purpose,
		     const struct profile_who *who)
{
	if (p->purpose != purpose)
		return false;
	if (purpose == PROFILE_TX)
		return p->evse == who->evse && who->transaction &&
		       strcmp(p->transaction, who->transaction) == 0;
	return purpose == PROFILE_STATION_MAX || p->evse == 0 || p->evse == who->evse;
}

/* The highest level of one purpose that answers. On a level there is only one at a time. */
static void stack_at(const struct profile_set *set, enum profile_purpose purpose,
		     const struct profile_who *who, int64_t t, struct profile_rate *rate,
		     int64_t *next)
{
	int level = -1;

	for (size_t i = 0; i < set->n; i++) {
		const struct profile *p = set->all[i];
		struct profile_rate r;

		if (concerns(p, purpose, who) && answers(p, who->tx_start_ms, t, &r, next) &&
		    p->stack_level > level) {
			level = p->stack_level;
			*rate = r;
		}
	}
}

int64_t profile_rate_at(const struct profile_set *set, enum profile_purpose purpose,
			const struct profile_who *who, int64_t t_ms, struct profile_rate *rate)
{
	int64_t next = PROFILE_NEVER;

	*rate = (struct profile_rate){0};
	stack_at(set, purpose, who, t_ms, rate, &next);
	if (purpose == PROFILE_TX && !rate->any)
		stack_at(set, PROFILE_TX_DEFAULT, who, t_ms, rate, &next);
	return next;
}

static bool same_rate(const struct profile_rate *a, const struct profile_rate *b)
{
	if (a->any != b->any || !a->any)
		return a->any == b->any;
	return a->limit == b->limit && a->unit == b->unit && a->phases == b->phases &&
	       (a->min_rate == b->min_rate || (isnan(a->min_rate) && isnan(b->min_rate)));
}

/* Adds a step unless it says what the last one says. False when there is no room. */
static bool push(struct profile_step *steps, size_t *n, size_t max, int64_t t,
		 const struct profile_rate *rate)
{
	if (*n > 0 && same_rate(&steps[*n - 1].rate, rate))
		return true;
	if (*n == max)
		return false;
	steps[(*n)++] = (struct profile_step){t, *rate};
	return true;
}

size_t profile_plan(const struct profile_set *set, enum profile_purpose purpose,
		    const struct profile_who *who, int64_t from_ms, int64_t to_ms,
		    struct profile_step *steps, size_t max)
{
	struct profile_rate rate;
	int64_t next;
	size_t n = 0;

	for (int64_t t = from_ms; t < to_ms; t = next) {
		next = profile_rate_at(set, purpose, who, t, &rate);
		if (!push(steps, &n, max, t, &rate))
			break;
	}
	return n;
}

/* A limit in another unit, for a number of phases that really conduct. */
static double convert(const struct profile_rate *r, enum profile_unit unit, int phases,
		      double voltage_v)
{
	double w_per_a = voltage_v * phases;

	if (r->unit == unit)
		return r->limit;
	return unit == PROFILE_W ? r->limit * w_per_a : r->limit / w_per_a;
}

/* The intersection of several layers: the fewest phases, then the least limit for that many. */
static struct profile_rate intersect(const struct profile_rate *layers, size_t n,
				     const struct profile_site *site, enum profile_unit unit)
{
	struct profile_rate out = {
	    .any = true, .limit = INFINITY, .unit = unit, .phases = site->phases, .min_rate = NAN};

	for (size_t i = 0; i < n; i++)
		if (layers[i].any && layers[i].phases > 0 && layers[i].phases < out.phases)
			out.phases = layers[i].phases;
	for (size_t i = 0; i < n; i++) {
		if (!layers[i].any)
			continue;
		double v = convert(&layers[i], unit, out.phases, site->voltage_v);
		if (v < out.limit) {
			out.limit = v;
			out.profile = layers[i].profile;
		}
	}
	return out;
}

static struct profile_rate of_evse(const struct profile_set *set, const struct profile_who *who,
				   const struct profile_site *site, enum profile_unit unit,
				   int64_t t, int64_t *next)
{
	struct profile_rate layers[4] = {{.any = true, .limit = site->max_a, .unit = PROFILE_A}};

	lower(next, profile_rate_at(set, PROFILE_TX, who, t, &layers[1]));
	lower(next, profile_rate_at(set, PROFILE_STATION_MAX, who, t, &layers[2]));
	lower(next, profile_rate_at(set, PROFILE_EXTERNAL, who, t, &layers[3]));
	return intersect(layers, 4, site, unit);
}

static struct profile_rate of_station(const struct profile_set *set,
				      const struct profile_who *asked, size_t n_asked,
				      const struct profile_site *site, enum profile_unit unit,
				      int64_t t, int64_t *next)
{
	static const struct profile_who everywhere = {0};
	struct profile_rate layers[3] = {{.any = true, .unit = unit}};

	for (size_t i = 0; i < n_asked; i++)
		layers[0].limit += of_evse(set, &asked[i], site, unit, t, next).limit;
	lower(next, profile_rate_at(set, PROFILE_STATION_MAX, &everywhere, t, &layers[1]));
	lower(next, profile_rate_at(set, PROFILE_EXTERNAL, &everywhere, t, &layers[2]));
	return intersect(layers, 3, site, unit);
}

size_t profile_composite(const struct profile_set *set, const struct profile_who *asked,
			 size_t n_asked, bool station, const struct profile_site *site,
			 enum profile_unit unit, int64_t from_ms, int64_t to_ms,
			 struct profile_step *steps, size_t max)
{
	int64_t next;
	size_t n = 0;

	for (int64_t t = from_ms; t < to_ms; t = next) {
		next = PROFILE_NEVER;
		struct profile_rate rate =
		    station ? of_station(set, asked, n_asked, site, unit, t, &next)
			    : of_evse(set, &asked[0], site, unit, t, &next);
		if (!push(steps, &n, max, t, &rate))
			break;
	}
	return n;
}
