/* What the parts of the decision share; only lib/setpoint/setpoint.c and its siblings include this.
 */
#ifndef SETPOINT_PARTS_H
#define SETPOINT_PARTS_H

#include "setpoint/setpoint.h"

/** One EVSE on its way through a decision. */
struct part {
	struct setpoint_decision *d;
	bool asks;       /* takes part in the sharing */
	unsigned mask;   /* grid phases that it may load, bit 0 = L1 */
	double volts[3]; /* of the grid phases */
	double cap_a;    /* its own ceiling, setpoint applied */
	enum setpoint_rule cap_rule;
	const char *cap_src, *cap_n;
	int group_rule; /* place of the sharing rule that held it, or SHARE_BY_CAP */
	bool waits;
};

/** A sharing rule with the one whose word it is. */
struct group_rule {
	const char *src, *n;
	enum setpoint_rule tag;
};

/**
 * Phases, voltages and the EVSE's own ceiling and setpoint from the bounds in force; every bound
 * that names it is noted in d->because (as a loser for now).
 */
void own_ceiling(const struct setpoint *s, int evse, const struct lease_clock *now,
		 const struct lease_bound *bounds, size_t count, struct part *p);

/**
 * The rules of station and grid connection.
 *
 * @parts  of conf.evses EVSEs; those that ask are users, in order
 * @return the count of rules; `why` tells whose each is
 */
size_t group_rules(const struct setpoint *s, const struct lease_clock *now,
		   const struct lease_bound *bounds, size_t count, const struct part *parts,
		   struct share_rule *rules, struct group_rule *why);

/**
 * What ramp and randomised delay let through of `want_a`.
 *
 * @rule     the tag of what held it back; untouched where nothing did
 * @next_ms  lowered to the instant at which more is let through
 */
double release_a(struct setpoint *s, struct setpoint_evse *e, double want_a, int64_t now_ms,
		 enum setpoint_rule *rule, int64_t *next_ms);

/** Amperes per phase that a ceiling or setpoint leaves on the phases of mask; HUGE_VAL if it says
 * nothing. */
double amount_amps(const struct lease_amount *a, const struct lease_amount *w, unsigned mask,
		   const double volts[3]);

/** The tag of a bound's origin. */
enum setpoint_rule origin_rule(enum lease_origin o);

/** Note who said what; a full list loses its highest value. */
void because_add(struct setpoint_decision *d, const char *src, const char *n,
		 enum setpoint_rule rule, double value_a);

/** Make the entry (src, n) the winner under this tag, first in the list; added if it is not there.
 */
void because_win(struct setpoint_decision *d, const char *src, const char *n,
		 enum setpoint_rule rule, double value_a);

/** Whether something heard at heard_ms still counts. */
bool still_fresh(int64_t heard_ms, int64_t age_ms, int64_t now_ms);

/** Work out the house's load anew, after any meter was heard. */
void house_update(struct setpoint *s, int64_t now_ms);

/** Signed current into the grid phase as a meter tells it; 0 where unmeasured. */
double setpoint_meter_amps(const struct setpoint_meter *m, int phase);

#endif
