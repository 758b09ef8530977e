/* Why a current is what it is: from setpoint, limit, pilot and session records up to an instant.
 *
 * why_take() keeps the newest of each and since when the decision has stood; why_tell() says it in
 * one sentence and a table, why_json() as one JSON object. */
#ifndef WHY_WHY_H
#define WHY_WHY_H

#include "core/buf.h"
#include "core/record.h"

#define WHY_EVSES_MAX  64
#define WHY_LIMITS_MAX 256
#define WHY_FRESH_US   15000000 /* a decision older than that drives no pilot any more */

struct why_evse {
	char *setpoint, *pilot, *session; /* the newest line of each, malloc; NULL: none */
	int64_t since_us;                 /* since when value and winner are the same */
	char stands[192];                 /* value, winner and rule, for telling a change */
};

struct why_limit {
	char src[96];
	char *line;
};

struct why {
	int64_t at_us;  /* records after this don't count; INT64_MAX: all do */
	int64_t now_us; /* leases are judged at this instant, and only the newest records come: the
			 * bus; 0: at the setpoint's own time */
	struct why_evse evse[WHY_EVSES_MAX];
	struct why_limit limit[WHY_LIMITS_MAX];
	int limits;
};

void why_init(struct why *w, int64_t at_us);
void why_release(struct why *w);

/** Take note of a record; types that don't matter are ignored. Blocking: never. */
void why_take(struct why *w, const struct record *r);

/** Whether there is a decision to explain for this EVSE (1 …). */
bool why_knows(const struct why *w, int evse);

/**
 * Explain one EVSE's decision: a sentence, what the pilot makes of it, and a table of winner and
 * losers.
 *
 * @out     appended
 * @return  0, or -1 where there is none, or the buffer is full
 */
int why_tell(const struct why *w, int evse, struct buf *out);

/** The same as one line of JSON. */
int why_json(const struct why *w, int evse, struct buf *out);

#endif
