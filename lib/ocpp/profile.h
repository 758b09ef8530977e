/* Charging profiles: the stack, what rules at an instant, and the composite schedule.
 *
 * Pure: instants come in as milliseconds since 1970 UTC, nothing is read or written. A profile
 * answers at an instant when that lies in its validity and in its schedule. Of one purpose the
 * profile with the highest stack level that answers rules; a TxProfile that answers overrules every
 * TxDefaultProfile; what the purposes say is intersected. Where no profile answers there is no
 * limit.
 *
 * Source for all rules here: OCPP 2.0.1 Part 2, K (smart charging), 3.2 to 3.6 and use case K01. */
#ifndef OCPP_PROFILE_H
#define OCPP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_NEVER       INT64_MAX
#define PROFILE_STACK_MAX   99   /* highest stack level taken */
#define PROFILE_PERIODS_MAX 1024 /* periods a schedule (the schema's bound) */
#define PROFILE_SET_MAX     128  /* profiles kept */

enum profile_purpose { PROFILE_EXTERNAL, PROFILE_STATION_MAX, PROFILE_TX_DEFAULT, PROFILE_TX };
enum profile_kind { PROFILE_ABSOLUTE, PROFILE_RECURRING, PROFILE_RELATIVE };
enum profile_recurrency { PROFILE_NOT_RECURRING, PROFILE_DAILY, PROFILE_WEEKLY };
enum profile_unit { PROFILE_A, PROFILE_W };

struct profile_period {
	int start_s;      /* from the start of the schedule */
	double limit;     /* in the unit of the schedule; A is per phase, W the sum */
	int phases;       /* 1 to 3, 0 = not said */
	int phase_to_use; /* 0 = not said */
};

struct profile_schedule {
	int id;
	bool has_start;
	int64_t start_ms;
	int duration_s; /* 0 = without end */
	enum profile_unit unit;
	double min_rate; /* what the EV needs at least, NAN = not said */
	size_t n_periods;
	struct profile_period *periods;
};

struct profile {
	int id, stack_level, evse; /* evse 0 = all */
	enum profile_purpose purpose;
	enum profile_kind kind;
	enum profile_recurrency recurrency;
	int64_t valid_from_ms, valid_to_ms; /* INT64_MIN and PROFILE_NEVER = not said */
	char transaction[37];               /* "" = none */
	struct profile_schedule schedule;   /* the first one; the others are for ISO 15118 cars */
	char *source;                       /* the profile as it came, JSON; or NULL */
};

struct profile_set {
	size_t n;
	struct profile *all[PROFILE_SET_MAX]; /* owned */
};

/* Whose limits are asked for. */
struct profile_who {
	int evse;                /* 1… */
	const char *transaction; /* NULL = none runs */
	int64_t tx_start_ms;     /* start of relative schedules */
};

/* What can be wrong with a profile: a standard reason code and a text for people. */
struct profile_fault {
	const char *reason, *info;
};

/* A limit at an instant. */
struct profile_rate {
	bool any; /* false: no limit, the rest is 0 */
	double limit;
	enum profile_unit unit;
	int phases; /* 0 = not said */
	double min_rate;
	int profile; /* id of the profile that rules */
};

struct profile_step {
	int64_t at_ms;
	struct profile_rate rate;
};

/* What the wires can do; converts between A and W and bounds a composite schedule. */
struct profile_site {
	double voltage_v; /* line to neutral */
	int phases;       /* wired, 1 to 3 */
	double max_a;     /* per phase and EVSE */
};

/** Free a profile and what it owns; NULL is allowed. */
void profile_free(struct profile *p);

/** Free the profiles of a set; it is empty afterwards. */
void profile_set_clear(struct profile_set *set);

/**
 * Check a profile by itself: the rules that need no knowledge of other profiles or transactions.
 *
 * @evses  number of EVSEs of the station
 * @fault  filled when -1 is answered, with constant strings
 * @return 0, or -1
 *
 * Ownership: none taken.  Blocking: never.
 * Source: OCPP 2.0.1 Part 2, K01.FR.16, .22, .28, .31, .35, .38, .40, .41
 */
int profile_check(const struct profile *p, int evses, struct profile_fault *fault);

/** The same for the TxProfile of a remote start, whose transaction has no id yet. */
int profile_check_start(const struct profile *p, int evses, struct profile_fault *fault);

/**
 * Take a checked profile into the set. One with the same id is replaced; one that would stand on
 * the same level of the same stack at the same time makes the new one refused.
 *
 * @return  0 and the set owns `p`; or -1, fault says why, and the caller keeps `p`
 *
 * Blocking: never.
 * Source: OCPP 2.0.1 Part 2, K01.FR.05, .06, .39, .52, .53
 */
int profile_set_add(struct profile_set *set, struct profile *p, struct profile_fault *fault);

/** Free the profile at an index of the set; later ones move down. */
void profile_set_remove(struct profile_set *set, size_t index);

/**
 * What one layer says at an instant.
 *
 * @purpose  PROFILE_TX means: TxProfile, and where none answers, TxDefaultProfile
 * @rate     the answer; rate->any false where nothing limits
 * @return   the next instant, after t_ms, at which the answer may change; PROFILE_NEVER if none
 *
 * Ownership: none taken.  Blocking: never.
 */
int64_t profile_rate_at(const struct profile_set *set, enum profile_purpose purpose,
			const struct profile_who *who, int64_t t_ms, struct profile_rate *rate);

/**
 * What one layer says over a span: the first step is at from_ms, each later one where the answer
 * changes.
 *
 * @steps   at most `max` are filled; a plan that does not fit is cut
 * @return  number of steps, at least 1 when max is
 *
 * Ownership: none taken.  Blocking: never.
 */
size_t profile_plan(const struct profile_set *set, enum profile_purpose purpose,
		    const struct profile_who *who, int64_t from_ms, int64_t to_ms,
		    struct profile_step *steps, size_t max);

/**
 * The composite schedule: the intersection of all layers, in one unit, never above what the wires
 * can do.
 *
 * @asked    the EVSEs: one for the schedule of an EVSE; all of the station for that of the
 * connection, which is the sum of theirs under the station's own limits
 * @unit    unit of the answer
 * @steps   at most `max` are filled
 * @return  number of steps
 *
 * Ownership: none taken.  Blocking: never.
 * Source: OCPP 2.0.1 Part 2, K 3.6 and use case K08
 */
size_t profile_composite(const struct profile_set *set, const struct profile_who *asked,
			 size_t n_asked, bool station, const struct profile_site *site,
			 enum profile_unit unit, int64_t from_ms, int64_t to_ms,
			 struct profile_step *steps, size_t max);

#endif
