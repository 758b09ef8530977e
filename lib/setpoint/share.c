#include "setpoint/share.h"

#include <math.h>

/* Capacities are amperes or watts of some ten thousand at most: this is far below any step on the
 * wire. */
#define TINY 1e-7

static double used(const struct share_rule *r, const struct share_user *u, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += r->coef[i] * u[i].got;
	return sum;
}

/* The first rule that breaks if user i takes `add` more, or -1. */
static int breaks(const struct share_rule *rules, size_t nrules, const struct share_user *u,
		  size_t n, size_t i, double add)
{
	for (size_t k = 0; k < nrules; k++)
		if (rules[k].coef[i] > 0 &&
		    used(&rules[k], u, n) + rules[k].coef[i] * add > rules[k].capacity + TINY)
			return (int)k;
	return -1;
}

static void give_minima(struct share_user *u, size_t n, const struct share_rule *rules,
			size_t nrules)
{
	bool done[SHARE_USERS_MAX] = {false};

	for (size_t turn = 0; turn < n; turn++) {
		size_t next = n;

		for (size_t i = 0; i < n; i++)
			if (!done[i] && (next == n || u[i].arrival < u[next].arrival))
				next = i;
		done[next] = true;
		if (u[next].cap < u[next].min)
			continue;
		u[next].held_by = breaks(rules, nrules, u, n, next, u[next].min);
		u[next].waits = u[next].held_by >= 0;
		if (!u[next].waits)
			u[next].got = u[next].min;
	}
}

/* How far the level can rise from `level` before a cap, a higher user or a rule is met. */
static double room(const struct share_user *u, size_t n, const bool *open, double level,
		   const struct share_rule *rules, size_t nrules)
{
	double rise = HUGE_VAL;

	for (size_t i = 0; i < n; i++) {
		if (!open[i])
			continue;
		rise = fmin(rise, (u[i].got > level + TINY ? u[i].got : u[i].cap) - level);
	}
	for (size_t k = 0; k < nrules; k++) {
		double slope = 0;

		for (size_t i = 0; i < n; i++)
			if (open[i] && u[i].got <= level + TINY)
				slope += rules[k].coef[i];
		if (slope > 0)
			rise = fmin(rise, (rules[k].capacity - used(&rules[k], u, n)) / slope);
	}
	return rise > 0 ? rise : 0;
}

/* Close who has met its cap or a full rule. */
static void close_full(struct share_user *u, size_t n, bool *open, double level,
		       const struct share_rule *rules, size_t nrules)
{
	bool full[SHARE_RULES_MAX];

	for (size_t k = 0; k < nrules; k++)
		full[k] = used(&rules[k], u, n) >= rules[k].capacity - TINY * 10;
	for (size_t i = 0; i < n; i++) {
		if (!open[i] || u[i].got > level + TINY)
			continue;
		if (u[i].got >= u[i].cap - TINY) {
			u[i].held_by = SHARE_BY_CAP;
			open[i] = false;
			continue;
		}
		for (size_t k = 0; k < nrules && open[i]; k++) {
			if (rules[k].coef[i] > 0 && full[k]) {
				u[i].held_by = (int)k;
				open[i] = false;
			}
		}
	}
}

static void fill_tier(struct share_user *u, size_t n, int tier, const struct share_rule *rules,
		      size_t nrules)
{
	bool open[SHARE_USERS_MAX] = {false};
	double level = HUGE_VAL;

	for (size_t i = 0; i < n; i++) {
		open[i] = u[i].tier == tier && u[i].got > 0;
		if (open[i])
			level = fmin(level, u[i].got);
	}
	/* Each turn closes a user or lifts the level to the next one's: 2n turns at most. */
	for (size_t turn = 0; turn < 2 * n && isfinite(level); turn++) {
		double rise = room(u, n, open, level, rules, nrules);

		if (!isfinite(rise))
			break;
		for (size_t i = 0; i < n; i++)
			if (open[i] && u[i].got <= level + TINY)
				u[i].got = fmin(level + rise, u[i].cap);
		level += rise;
		close_full(u, n, open, level, rules, nrules);
	}
}

void share_out(struct share_user *users, size_t nusers, const struct share_rule *rules,
	       size_t nrules)
{
	for (size_t i = 0; i < nusers; i++) {
		users[i].got = 0;
		users[i].waits = false;
		users[i].held_by = SHARE_BY_CAP;
	}
	give_minima(users, nusers, rules, nrules);
	fill_tier(users, nusers, 0, rules, nrules);
	fill_tier(users, nusers, 1, rules, nrules);
}
