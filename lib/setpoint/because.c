/* The reasons of a decision: who won, by which rule, and who lost. */
#include "setpoint/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void fill(struct setpoint_because *b, const char *src, const char *n,
		 enum setpoint_rule rule, double value_a)
{
	memset(b, 0, sizeof *b);
	snprintf(b->src, sizeof b->src, "%s", src);
	snprintf(b->n, sizeof b->n, "%s", n);
	b->rule = rule;
	b->value_a = value_a;
}

static double weight(const struct setpoint_because *b)
{
	return isfinite(b->value_a) ? b->value_a : HUGE_VAL;
}

/* Whether the same word of the same source stands here as low already; a higher one is taken out.
 */
static bool said_lower(struct setpoint_decision *d, const struct setpoint_because *new)
{
	for (int i = 0; i < d->because_count; i++) {
		struct setpoint_because *b = &d->because[i];

		if (b->rule != new->rule || strcmp(b->src, new->src) != 0 ||
		    strcmp(b->n, new->n) != 0)
			continue;
		if (weight(b) <= weight(new))
			return true;
		d->because_count--;
		memmove(b, b + 1, (size_t)(d->because_count - i) * sizeof *b);
		return false;
	}
	return false;
}

void because_add(struct setpoint_decision *d, const char *src, const char *n,
		 enum setpoint_rule rule, double value_a)
{
	struct setpoint_because new;
	int at;

	fill(&new, src, n, rule, value_a);
	if (said_lower(d, &new))
		return;
	for (at = d->because_count; at > 0 && weight(&d->because[at - 1]) > weight(&new); at--)
		;
	if (at == SETPOINT_BECAUSE_MAX)
		return;
	if (d->because_count == SETPOINT_BECAUSE_MAX)
		d->because_count--;
	memmove(&d->because[at + 1], &d->because[at],
		(size_t)(d->because_count - at) * sizeof d->because[0]);
	d->because[at] = new;
	d->because_count++;
}

/* The entry that the winner replaces: the same word of the same source, else any of its words. */
static int place_of(const struct setpoint_decision *d, const struct setpoint_because *won)
{
	int found = -1;

	for (int i = 0; i < d->because_count; i++) {
		if (strcmp(d->because[i].src, won->src) != 0)
			continue;
		if (d->because[i].rule == won->rule)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

void because_win(struct setpoint_decision *d, const char *src, const char *n,
		 enum setpoint_rule rule, double value_a)
{
	struct setpoint_because won;
	int at;

	fill(&won, src, n, rule, value_a);
	won.winner = true;
	at = place_of(d, &won);
	if (at < 0)
		at = d->because_count < SETPOINT_BECAUSE_MAX ? d->because_count++
							     : SETPOINT_BECAUSE_MAX - 1;
	for (int i = 0; i < d->because_count; i++)
		d->because[i].winner = false;
	memmove(&d->because[1], &d->because[0], (size_t)at * sizeof d->because[0]);
	d->because[0] = won;
}

const char *setpoint_rule_word(enum setpoint_rule r)
{
	switch (r) {
	case SETPOINT_CEILING:
		return "ceiling";
	case SETPOINT_SETPOINT:
		return "setpoint";
	case SETPOINT_SCHEDULE:
		return "schedule";
	case SETPOINT_FAIL_SAFE:
		return "fail_safe";
	case SETPOINT_LEASE_EXPIRED:
		return "lease_expired";
	case SETPOINT_STATION_SHARE:
		return "station_share";
	case SETPOINT_MINIMUM_WAIT:
		return "minimum_wait";
	case SETPOINT_PHASE_MIN:
		return "phase_min";
	case SETPOINT_CABLE:
		return "cable";
	case SETPOINT_THERMAL:
		return "thermal";
	case SETPOINT_FAULT:
		return "fault";
	case SETPOINT_NO_SESSION:
		return "no_session";
	case SETPOINT_NOT_ALLOWED:
		return "not_allowed";
	case SETPOINT_START_HOLD:
		return "start_hold";
	case SETPOINT_NO_LIVE:
		return "no_live";
	case SETPOINT_RAMP:
		return "ramp";
	case SETPOINT_RANDOM_DELAY:
		return "random_delay";
	case SETPOINT_RULES:
		break;
	}
	return "";
}
