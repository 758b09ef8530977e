/* One EVSE by itself: its phases and voltages, its ceilings, its setpoint. */
#include "setpoint/parts.h"

#include <math.h>
#include <string.h>

/* Below this a phase is dead or unmeasured: no divisor. */
#define LEAST_VOLTS 50.0

double amount_amps(const struct lease_amount *a, const struct lease_amount *w, unsigned mask,
		   const double volts[3])
{
	double amps = HUGE_VAL, sum = 0;

	for (int ph = 0; ph < 3; ph++) {
		if (!(mask & (1U << ph)))
			continue;
		sum += volts[ph];
		if (a->set)
			amps = fmin(amps, a->v[ph]);
		if (w->set && !w->total)
			amps = fmin(amps, w->v[ph] / volts[ph]);
	}
	if (w->set && w->total && sum > 0)
		amps = fmin(amps, w->v[0] / sum);
	return amps;
}

enum setpoint_rule origin_rule(enum lease_origin o)
{
	switch (o) {
	case LEASE_FROM_ENTRY:
		return SETPOINT_CEILING;
	case LEASE_FROM_SCHEDULE:
		return SETPOINT_SCHEDULE;
	case LEASE_FROM_FAIL_SAFE:
		return SETPOINT_FAIL_SAFE;
	case LEASE_FROM_EXPIRY:
		return SETPOINT_LEASE_EXPIRED;
	}
	return SETPOINT_CEILING;
}

bool still_fresh(int64_t heard_ms, int64_t age_ms, int64_t now_ms)
{
	return heard_ms != INT64_MIN && now_ms - heard_ms < age_ms;
}

static bool names(const struct lease_bound *b, int evse)
{
	return (b->scope == LEASE_EVSE || b->scope == LEASE_CONNECTOR) &&
	       (b->evse == 0 || b->evse == evse);
}

static unsigned phase_mask(int first, int phases)
{
	unsigned mask = 0;

	for (int i = 0; i < phases; i++)
		mask |= 1U << (first + i) % 3;
	return mask;
}

/* The car may use what is selected now until the switch is done, so both count where they differ.
 */
static void choose_phases(const struct setpoint *s, int evse, const struct lease_bound *bounds,
			  size_t count, struct part *p)
{
	const struct setpoint_evse *e = &s->evse[evse - 1];
	int want = e->wired_phases, used;

	for (size_t i = 0; i < count; i++)
		if (names(&bounds[i], evse) && bounds[i].entry->phases &&
		    bounds[i].entry->phases < want)
			want = bounds[i].entry->phases;
	used = e->pilot.phases > want ? e->pilot.phases : want;
	p->d->phases = want;
	p->mask = phase_mask(s->conf.first_phase[evse - 1], used ? used : 3);
}

static void choose_volts(const struct setpoint *s, int evse, int64_t now_ms, struct part *p)
{
	const struct setpoint_evse *e = &s->evse[evse - 1];
	bool own = still_fresh(e->meter_ms, s->conf.meter_age_ms, now_ms);
	bool pcc = still_fresh(s->pcc_ms, s->conf.meter_age_ms, now_ms);

	for (int ph = 0; ph < 3; ph++) {
		p->volts[ph] = s->conf.nominal_v;
		if (own && e->meter.voltage_v[ph] > LEAST_VOLTS)
			p->volts[ph] = e->meter.voltage_v[ph];
		else if (pcc && s->pcc.voltage_v[ph] > LEAST_VOLTS)
			p->volts[ph] = s->pcc.voltage_v[ph];
	}
}

static void lower(struct part *p, double amps, enum setpoint_rule rule, const char *src,
		  const char *n)
{
	if (!isfinite(amps))
		return;
	because_add(p->d, src, n, rule, amps);
	if (amps < p->cap_a) {
		p->cap_a = amps;
		p->cap_rule = rule;
		p->cap_src = src;
		p->cap_n = n;
	}
}

static bool outranks(const struct lease_bound *a, const struct lease_bound *b)
{
	return !b || a->rank < b->rank || (a->rank == b->rank && a->order < b->order);
}

void own_ceiling(const struct setpoint *s, int evse, const struct lease_clock *now,
		 const struct lease_bound *bounds, size_t count, struct part *p)
{
	const struct setpoint_pilot *pilot = &s->evse[evse - 1].pilot;
	const struct lease_bound *highest = NULL;
	double wanted = HUGE_VAL;

	choose_phases(s, evse, bounds, count, p);
	choose_volts(s, evse, now->mono_ms, p);
	p->cap_a = HUGE_VAL;
	lower(p, pilot->cable_a, SETPOINT_CABLE, pilot->src, pilot->n);
	lower(p, pilot->thermal_a, SETPOINT_THERMAL, pilot->src, pilot->n);
	lower(p, s->conf.evse_max_a, SETPOINT_CEILING, "setpoint.evse", "");
	for (size_t i = 0; i < count; i++) {
		const struct lease_bound *b = &bounds[i];
		double amps;

		if (!names(b, evse))
			continue;
		lower(p,
		      amount_amps(&b->entry->import_max_a, &b->entry->import_max_w, p->mask,
				  p->volts),
		      origin_rule(b->origin), b->src, b->n);
		amps = amount_amps(&b->entry->setpoint_a, &b->entry->setpoint_w, p->mask, p->volts);
		if (!isfinite(amps))
			continue;
		amps = fmax(amps, 0);
		because_add(p->d, b->src, b->n, SETPOINT_SETPOINT, amps);
		if (outranks(b, highest)) {
			highest = b;
			wanted = amps;
		}
	}
	if (highest && wanted < p->cap_a) {
		p->cap_a = wanted;
		p->cap_rule = SETPOINT_SETPOINT;
		p->cap_src = highest->src;
		p->cap_n = highest->n;
	}
}
