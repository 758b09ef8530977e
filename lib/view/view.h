/* What a charger looks like now: the newest record of each (type,src), for the tools that show it
 * to people. */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include "core/buf.h"
#include "core/record.h"

enum { VIEW_STATES = 1024, VIEW_EVSES = 64 };
enum { VIEW_SERIOUS = 5 }; /* an alert of this severity (OCPP) or worse is not healthy */

struct view_state {
	char type[33], src[64];
	jv body;
	int evse;
	int64_t t_us, heard_us; /* what the record says; wall clock when it came */
};

struct view {
	struct view_state *state;
	size_t count, cap;
	int64_t now_us; /* wall clock, set by the owner before it asks */
};

void view_init(struct view *v);
void view_release(struct view *v);

/** Takes a record in; one that is no state changes nothing. @now_us wall clock. */
void view_take(struct view *v, const struct record *r, int64_t now_us);

/** The body of (type, src): absent when there is none. Borrowed until the next view_take(). */
jv view_get(const struct view *v, const char *type, const char *src);
/** As view_get for @type of EVSE @evse. */
jv view_evse(const struct view *v, const char *type, int evse);
/** Age of the same in ms; -1 when there is none. */
int64_t view_age_ms(const struct view *v, const char *type, int evse);
/** The numbers of the EVSEs that any record names, ascending. @return how many. */
int view_evses(const struct view *v, int evse[VIEW_EVSES]);
/** Calls @fn for each state of @type, newest first. */
void view_each(const struct view *v, const char *type,
	       void (*fn)(void *ctx, const struct view_state *s), void *ctx);

/* ---- words for people ---- */

/** The text or number of a member, else @fallback. The text is borrowed from @v. */
const char *view_word(jv v, const char *fallback);
double view_number(jv v, double fallback);

/** One line why EVSE @evse has its current: "16 A by ocpp.tx.1 (ceiling)". */
void view_why(const struct view *v, int evse, char *text, size_t size);

struct view_health {
	bool healthy;
	int alerts;
	struct buf reasons; /* a line for each thing that is wrong: "who: what" */
	struct buf steps;   /* as many lines: what to do about each */
};

/** Judges the whole: pilots and setpoints fresh, no fault, no serious alert, back office connected
 * where there is one, clock set. @run  where the services of a running charger stand; NULL: none */
void view_judge(const struct view *v, const char *run, struct view_health *h);
/** Adds to @h the services below RUN/sv that are not running, as runit tells. No services, or none
 * that may be read, change nothing. Blocking: reads small files. */
void view_services(struct view_health *h, const char *run);
/** Adds what is wrong; @step NULL where there is nothing to do about it. */
void view_wrong(struct view_health *h, const char *who, const char *what, const char *step);
void view_health_release(struct view_health *h);

#endif
