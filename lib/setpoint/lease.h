/* Limits as leases: who may say what, for how long, and what holds when he falls silent.
 *
 * A source is a configured pattern of `src` names with its rank, its allowed scopes, its longest
 * lease and its fail-safe. A lease is the newest limit of one `src`. At any instant each live lease
 * gives one entry of its schedule as a bound; a lease that ran out or was refused gives its
 * source's fail-safe; a source without any live lease gives its fail-safe too, from the start on. A
 * withdrawn lease is gone.
 *
 * Pure: time comes as an argument, nothing is read or printed. All times are in ms. Leases run on
 * the monotonic clock; the steps of a schedule on the wall clock (UTC), as long as that was ever
 * set. */
#ifndef SETPOINT_LEASE_H
#define SETPOINT_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_SRC_MAX     64
#define LEASE_N_MAX       48
#define LEASE_MAX         128
#define LEASE_SOURCES_MAX 32
#define LEASE_ENTRIES_MAX 1024
#define LEASE_NEVER       INT64_MAX

/** The clocks of one instant; wall_set is false while the wall clock was never set. */
struct lease_clock {
	int64_t mono_ms;
	int64_t wall_ms;
	bool wall_set;
};

enum lease_scope { LEASE_CONNECTOR, LEASE_EVSE, LEASE_STATION, LEASE_PCC };

/** Highest first, as in evse-records(7); a lower number wins. */
enum lease_rank {
	LEASE_PHYSICAL,
	LEASE_GRID_CODE,
	LEASE_GRID_OPERATOR,
	LEASE_SITE,
	LEASE_CONTRACT,
	LEASE_ECONOMIC
};

/** A value per grid phase, or (`total`, powers only) one for all phases together. */
struct lease_amount {
	bool set;
	bool total;
	double v[3];
};

/** One step of a schedule. at_ms INT64_MIN = from the beginning. phases 0 = not said. */
struct lease_entry {
	int64_t at_ms;
	struct lease_amount import_max_a, import_max_w;
	struct lease_amount export_max_a, export_max_w;
	struct lease_amount setpoint_a, setpoint_w;
	int phases;
};

/** A limit as received. evse 0 = every EVSE, each by itself (scopes connector and evse). */
struct lease_limit {
	char src[LEASE_SRC_MAX];
	char n[LEASE_N_MAX];
	enum lease_scope scope;
	int evse;
	int64_t valid_ms;
	struct lease_entry *entries;
	size_t count;
};

/** A configured source. The pattern is a src, or ends in '*'. fail_safe.at_ms is unused. */
struct lease_source {
	char pattern[LEASE_SRC_MAX];
	enum lease_rank rank;
	unsigned scopes; /* bit 1 << enum lease_scope */
	int64_t max_valid_ms;
	struct lease_entry fail_safe;
	enum lease_scope fail_safe_scope; /* LEASE_EVSE: each EVSE by itself */
};

enum lease_origin {
	LEASE_FROM_ENTRY,     /* the only, or the first, entry of a live lease */
	LEASE_FROM_SCHEDULE,  /* an entry of a plan of several */
	LEASE_FROM_FAIL_SAFE, /* no live lease since the start, or a limit refused */
	LEASE_FROM_EXPIRY     /* the lease ran out */
};

/** What one source demands at one instant. The pointers live until the table is changed. */
struct lease_bound {
	const char *src, *n; /* n is "" where no record stands behind it */
	enum lease_origin origin;
	enum lease_rank rank;
	int order; /* place in the configuration: the tie-break within a rank */
	enum lease_scope scope;
	int evse;
	const struct lease_entry *entry;
};

enum lease_verdict {
	LEASE_TAKEN,
	LEASE_UNKNOWN_SOURCE,
	LEASE_SCOPE_NOT_ALLOWED,
	LEASE_BAD_VALUE,
	LEASE_TABLE_FULL
};

struct lease {
	struct lease_limit limit;
	int source;
	bool refused;
	bool orphan; /* its writer started anew since: after its end it counts as withdrawn */
	int64_t expires_ms;
	struct lease_entry
	    lowest; /* the least of every member: holds while the clock was never set */
};

struct lease_table {
	struct lease_source sources[LEASE_SOURCES_MAX];
	int source_count;
	struct lease leases[LEASE_MAX];
	int count;
};

/**
 * An empty table without sources.
 *
 * Ownership: lease_release() frees what limits brought.  Blocking: never.
 */
void lease_init(struct lease_table *t);

/** Free the entries of every lease; the table may then only be initialised again. */
void lease_release(struct lease_table *t);

/**
 * Add a source; earlier ones match first and win ties.
 *
 * @return  0, or -1 with errno ENOSPC (too many) or EINVAL (empty pattern, no scope, no lease time)
 *
 * Ownership: copied.  Blocking: never.
 */
int lease_add_source(struct lease_table *t, const struct lease_source *s);

/**
 * The source that a src belongs to.
 *
 * @return  its place in the table, or -1
 */
int lease_find_source(const struct lease_table *t, const char *src);

/**
 * Take a limit that replaces the older one of its src.
 *
 * @l        its entries are sorted here by time; values must be finite, maxima not negative
 * @from_ms  when the lease begins to run (receipt; for a retained record its writing), monotonic
 * @return   LEASE_TAKEN, else why not; of a configured source the fail-safe then holds for this src
 *
 * Ownership: l->entries (malloc) becomes the table's or is freed, whatever the verdict.  Blocking:
 * never.
 */
enum lease_verdict lease_take(struct lease_table *t, struct lease_limit *l, int64_t from_ms);

/**
 * A limit of this src could not be understood: its source's fail-safe holds until the next good
 * one.
 *
 * @n     identity of the refused record
 * @evse  what it named, 0 for every EVSE
 * @return  true if the src is configured (else nothing changes)
 */
bool lease_refuse(struct lease_table *t, const char *src, const char *n, int evse);

/** The src withdraws its limit: nothing of it holds any more, save the source's silence. */
void lease_withdraw(struct lease_table *t, const char *src);

/**
 * A service started anew: what its former self promised ends as a withdrawal, not in the fail-safe,
 * unless the new one renews it. (While the new one says nothing at all, its source is silent:
 * fail-safe.)
 *
 * @service  the src of its boot record; its leases are that src and "service.…"
 */
void lease_writer_restarted(struct lease_table *t, const char *service);

/**
 * All bounds in force at an instant, in no particular order.
 *
 * @out      room for `max` bounds; LEASE_MAX + LEASE_SOURCES_MAX always suffices
 * @next_ms  monotonic instant of the next change by time alone (step or expiry), or LEASE_NEVER
 * @return   their count
 *
 * Ownership: the bounds borrow from the table.  Blocking: never.
 */
size_t lease_bounds(const struct lease_table *t, const struct lease_clock *now,
		    struct lease_bound *out, size_t max, int64_t *next_ms);

/** The word of a verdict, for an alert: "unknown_source", "scope_not_allowed", … */
const char *lease_verdict_word(enum lease_verdict v);

#endif
