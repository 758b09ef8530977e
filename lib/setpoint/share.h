/* Sharing what several EVSEs may take together: the minimum first, in order of arrival, then
 * fairly.
 *
 * Each user asks for a current between its minimum and its own cap. Rules are linear: the sum of
 * the users' currents, each times its coefficient, stays at or below the rule's capacity (a phase
 * of the supply: coefficient 1 for who uses it; a power: the volts that a user's ampere costs).
 * First each user in order of arrival gets its minimum if every rule still holds, else it waits
 * with nothing. Then the level rises for all alike until a cap or a rule stops each of them
 * (max-min fairness); users of the lower tier rise only with what the others left.
 *
 * Pure arithmetic on the caller's arrays. */
#ifndef SETPOINT_SHARE_H
#define SETPOINT_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#define SHARE_USERS_MAX 64
#define SHARE_RULES_MAX 16
#define SHARE_BY_CAP    (-1)

struct share_user {
	double cap;   /* what it may take alone, A, 0 or more; below min: it gets nothing */
	double min;   /* the least useful current, A, above 0 */
	long arrival; /* smaller came first */
	int tier;     /* 0 rises first, 1 with what is left */
	/* results */
	double got;  /* A */
	bool waits;  /* had to go without its minimum because of rule `held_by` */
	int held_by; /* the rule that stopped it, or SHARE_BY_CAP */
};

struct share_rule {
	double capacity;
	double coef[SHARE_USERS_MAX];
};

/**
 * Share out; fills the results of each user.
 *
 * @users  at most SHARE_USERS_MAX
 * @rules  at most SHARE_RULES_MAX; coefficients 0 or more
 *
 * Ownership: none taken.  Blocking: never.
 */
void share_out(struct share_user *users, size_t nusers, const struct share_rule *rules,
	       size_t nrules);

#endif
