/* What several EVSEs share: the station's supply and the grid connection with the house on it. */
#include "setpoint/parts.h"

#include <math.h>
#include <string.h>

/* One group at one instant, before it becomes rules: per phase and in total, with whose word each
 * is. */
struct group {
	double amps[3], watts;
	struct group_rule amps_why[3], watts_why;
};

static void least(double *have, struct group_rule *why, double value, struct group_rule whose)
{
	if (value < *have) {
		*have = value;
		*why = whose;
	}
}

static void add_amounts(struct group *g, const struct lease_amount *a, const struct lease_amount *w,
			const double volts[3], struct group_rule whose)
{
	for (int ph = 0; ph < 3; ph++) {
		if (a->set)
			least(&g->amps[ph], &g->amps_why[ph], a->v[ph], whose);
		if (w->set && !w->total)
			least(&g->amps[ph], &g->amps_why[ph], w->v[ph] / volts[ph], whose);
	}
	if (w->set && w->total)
		least(&g->watts, &g->watts_why, w->v[0], whose);
}

static void group_init(struct group *g)
{
	memset(g, 0, sizeof *g);
	g->watts = HUGE_VAL;
	for (int ph = 0; ph < 3; ph++)
		g->amps[ph] = HUGE_VAL;
}

/* Ceilings of this scope into `ceiling`, the highest setpoint of it into `wanted`. */
static void collect(const struct setpoint *s, enum lease_scope scope, const double volts[3],
		    const struct lease_bound *bounds, size_t count, struct group *ceiling,
		    struct group *wanted)
{
	const struct lease_bound *highest = NULL;
	double conf_a = scope == LEASE_PCC ? s->conf.pcc_ceiling_a : s->conf.ceiling_a;
	struct group_rule conf_why = {scope == LEASE_PCC ? "setpoint.pcc" : "setpoint.station", "",
				      SETPOINT_CEILING};

	group_init(ceiling);
	group_init(wanted);
	for (int ph = 0; ph < 3 && isfinite(conf_a); ph++)
		least(&ceiling->amps[ph], &ceiling->amps_why[ph], conf_a, conf_why);
	for (size_t i = 0; i < count; i++) {
		const struct lease_bound *b = &bounds[i];
		struct group_rule why = {b->src, b->n, origin_rule(b->origin)};

		if (b->scope != scope)
			continue;
		add_amounts(ceiling, &b->entry->import_max_a, &b->entry->import_max_w, volts, why);
		if ((b->entry->setpoint_a.set || b->entry->setpoint_w.set) &&
		    (!highest || b->rank < highest->rank ||
		     (b->rank == highest->rank && b->order < highest->order)))
			highest = b;
	}
	if (highest)
		add_amounts(wanted, &highest->entry->setpoint_a, &highest->entry->setpoint_w, volts,
			    (struct group_rule){highest->src, highest->n, SETPOINT_SETPOINT});
}

static bool says_something(const struct group *g)
{
	return isfinite(g->watts) || isfinite(g->amps[0]) || isfinite(g->amps[1]) ||
	       isfinite(g->amps[2]);
}

/* The house comes off what the connection may carry. Unseen house: no more than the configured
 * current, and of a power only what that current makes. */
static void take_house(const struct setpoint *s, int64_t now_ms, const double volts[3],
		       struct group *g)
{
	bool seen = still_fresh(s->house.heard_ms, s->conf.meter_age_ms, now_ms);
	const double *amps = s->house.amps, watts = s->house.watts;
	double unseen = s->conf.pcc_unseen_a;

	if (!says_something(g))
		return;
	for (int ph = 0; ph < 3; ph++) {
		double left = g->amps[ph] - amps[ph];

		if (seen && isfinite(amps[ph])) {
			g->amps[ph] = left;
		} else if (isfinite(g->amps[ph]) && unseen < g->amps[ph]) {
			g->amps[ph] = unseen;
			g->amps_why[ph].tag = SETPOINT_FAIL_SAFE;
		}
	}
	if (!isfinite(g->watts))
		return;
	if (seen && isfinite(watts)) {
		g->watts -= watts;
	} else {
		g->watts = fmin(g->watts, unseen * (volts[0] + volts[1] + volts[2]));
		g->watts_why.tag = SETPOINT_FAIL_SAFE;
	}
}

static size_t add_rules(const struct group *g, const struct part *parts, int evses,
			struct share_rule *rules, struct group_rule *why, size_t count)
{
	for (int ph = 0; ph <= 3; ph++) {
		double capacity = ph < 3 ? g->amps[ph] : g->watts;
		size_t user = 0;

		if (!isfinite(capacity))
			continue;
		why[count] = ph < 3 ? g->amps_why[ph] : g->watts_why;
		rules[count].capacity = fmax(capacity, 0);
		for (int i = 0; i < evses; i++) {
			double watts_per_amp = 0;

			if (!parts[i].asks)
				continue;
			for (int k = 0; k < 3; k++)
				if (parts[i].mask & (1U << k))
					watts_per_amp += parts[i].volts[k];
			rules[count].coef[user++] =
			    ph == 3 ? watts_per_amp : (double)((parts[i].mask >> ph) & 1U);
		}
		count++;
	}
	return count;
}

size_t group_rules(const struct setpoint *s, const struct lease_clock *now,
		   const struct lease_bound *bounds, size_t count, const struct part *parts,
		   struct share_rule *rules, struct group_rule *why)
{
	double volts[3];
	size_t made = 0;

	/* A power per phase becomes amperes at the highest voltage that any EVSE sees: never too
	 * much. */
	for (int ph = 0; ph < 3; ph++) {
		volts[ph] = 0;
		for (int i = 0; i < s->conf.evses; i++)
			volts[ph] = fmax(volts[ph], parts[i].volts[ph]);
		if (volts[ph] <= 0)
			volts[ph] = s->conf.nominal_v;
	}
	for (enum lease_scope scope = LEASE_STATION; scope <= LEASE_PCC; scope++) {
		struct group ceiling, wanted;

		collect(s, scope, volts, bounds, count, &ceiling, &wanted);
		if (scope == LEASE_PCC) {
			take_house(s, now->mono_ms, volts, &ceiling);
			take_house(s, now->mono_ms, volts, &wanted);
		}
		made = add_rules(&ceiling, parts, s->conf.evses, rules, why, made);
		made = add_rules(&wanted, parts, s->conf.evses, rules, why, made);
	}
	return made;
}
