#include "setpoint/lease.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lease_init(struct lease_table *t)
{
	memset(t, 0, sizeof *t);
}

void lease_release(struct lease_table *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->leases[i].limit.entries);
	t->count = 0;
}

int lease_add_source(struct lease_table *t, const struct lease_source *s)
{
	if (!s->pattern[0] || !s->scopes || s->max_valid_ms <= 0) {
		errno = EINVAL;
		return -1;
	}
	if (t->source_count == LEASE_SOURCES_MAX) {
		errno = ENOSPC;
		return -1;
	}
	t->sources[t->source_count++] = *s;
	return 0;
}

static bool pattern_matches(const char *pattern, const char *src)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, src, len - 1) == 0;
	return strcmp(pattern, src) == 0;
}

int lease_find_source(const struct lease_table *t, const char *src)
{
	for (int i = 0; i < t->source_count; i++)
		if (pattern_matches(t->sources[i].pattern, src))
			return i;
	return -1;
}

/* ---- checking and preparing a limit ---- */

static bool amount_ok(const struct lease_amount *a, bool may_be_negative)
{
	if (!a->set)
		return true;
	for (int i = 0; i < 3; i++)
		if (!isfinite(a->v[i]) || (!may_be_negative && a->v[i] < 0))
			return false;
	return true;
}

static bool entry_ok(const struct lease_entry *e)
{
	return amount_ok(&e->import_max_a, false) && amount_ok(&e->import_max_w, false) &&
	       amount_ok(&e->export_max_a, false) && amount_ok(&e->export_max_w, false) &&
	       amount_ok(&e->setpoint_a, true) && amount_ok(&e->setpoint_w, true) &&
	       e->phases >= 0 && e->phases <= 3;
}

static bool limit_ok(const struct lease_limit *l)
{
	if (l->valid_ms <= 0 || l->evse < 0 || l->count > LEASE_ENTRIES_MAX)
		return false;
	for (size_t i = 0; i < l->count; i++)
		if (!entry_ok(&l->entries[i]))
			return false;
	return true;
}

/* Insertion, as it keeps the order of equal times: the later of two entries for one instant holds.
 */
static void sort_entries(struct lease_entry *e, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct lease_entry moved = e[i];
		size_t j = i;

		for (; j > 0 && e[j - 1].at_ms > moved.at_ms; j--)
			e[j] = e[j - 1];
		e[j] = moved;
	}
}

/* A total and a per-phase power can't be compared phase by phase: the smaller sum, spread as a
 * total, is below both in sum; each phase alone is then bounded by the other entries' own sums. */
static void lower_amount(struct lease_amount *to, const struct lease_amount *from)
{
	double sum_to, sum_from;

	if (!from->set)
		return;
	if (!to->set) {
		*to = *from;
		return;
	}
	if (to->total == from->total) {
		for (int i = 0; i < 3; i++)
			to->v[i] = fmin(to->v[i], from->v[i]);
		return;
	}
	sum_to = to->total ? to->v[0] : 3 * fmin(to->v[0], fmin(to->v[1], to->v[2]));
	sum_from = from->total ? from->v[0] : 3 * fmin(from->v[0], fmin(from->v[1], from->v[2]));
	to->total = false;
	for (int i = 0; i < 3; i++)
		to->v[i] = fmin(sum_to, sum_from) / 3;
}

static void lowest_entry(struct lease_entry *low, const struct lease_entry *e, size_t count)
{
	memset(low, 0, sizeof *low);
	for (size_t i = 0; i < count; i++) {
		lower_amount(&low->import_max_a, &e[i].import_max_a);
		lower_amount(&low->import_max_w, &e[i].import_max_w);
		lower_amount(&low->export_max_a, &e[i].export_max_a);
		lower_amount(&low->export_max_w, &e[i].export_max_w);
		lower_amount(&low->setpoint_a, &e[i].setpoint_a);
		lower_amount(&low->setpoint_w, &e[i].setpoint_w);
		if (e[i].phases && (!low->phases || e[i].phases < low->phases))
			low->phases = e[i].phases;
	}
}

/* ---- the table ---- */

static struct lease *find_lease(struct lease_table *t, const char *src)
{
	for (int i = 0; i < t->count; i++)
		if (strcmp(t->leases[i].limit.src, src) == 0)
			return &t->leases[i];
	return NULL;
}

static struct lease *place_for(struct lease_table *t, const char *src, int source)
{
	struct lease *l = find_lease(t, src);

	if (!l) {
		if (t->count == LEASE_MAX)
			return NULL;
		l = &t->leases[t->count++];
		memset(l, 0, sizeof *l);
		snprintf(l->limit.src, sizeof l->limit.src, "%s", src);
	}
	l->source = source;
	return l;
}

bool lease_refuse(struct lease_table *t, const char *src, const char *n, int evse)
{
	int source = lease_find_source(t, src);
	struct lease *l;

	if (source < 0)
		return false;
	l = place_for(t, src, source);
	if (!l)
		return true; /* the source's other leases, or its silence, bound it */
	free(l->limit.entries);
	l->limit.entries = NULL;
	l->limit.count = 0;
	snprintf(l->limit.n, sizeof l->limit.n, "%s", n);
	l->limit.evse = evse > 0 ? evse : 0;
	l->refused = true;
	l->expires_ms = INT64_MIN;
	return true;
}

enum lease_verdict lease_take(struct lease_table *t, struct lease_limit *l, int64_t from_ms)
{
	int source = lease_find_source(t, l->src);
	enum lease_verdict bad = LEASE_TAKEN;
	struct lease *place;
	int64_t valid;

	if (source < 0)
		bad = LEASE_UNKNOWN_SOURCE;
	else if (!(t->sources[source].scopes & (1U << l->scope)))
		bad = LEASE_SCOPE_NOT_ALLOWED;
	else if (!limit_ok(l))
		bad = LEASE_BAD_VALUE;
	place = bad == LEASE_TAKEN ? place_for(t, l->src, source) : NULL;
	if (bad == LEASE_TAKEN && !place)
		bad = LEASE_TABLE_FULL;
	if (bad != LEASE_TAKEN) {
		lease_refuse(t, l->src, l->n, l->evse);
		free(l->entries);
		l->entries = NULL;
		return bad;
	}
	free(place->limit.entries);
	place->limit = *l;
	l->entries = NULL;
	place->refused = false;
	place->orphan = false;
	valid = l->valid_ms < t->sources[source].max_valid_ms ? l->valid_ms
							      : t->sources[source].max_valid_ms;
	place->expires_ms = from_ms + valid;
	sort_entries(place->limit.entries, place->limit.count);
	lowest_entry(&place->lowest, place->limit.entries, place->limit.count);
	return LEASE_TAKEN;
}

void lease_withdraw(struct lease_table *t, const char *src)
{
	struct lease *l = find_lease(t, src);

	if (!l)
		return;
	free(l->limit.entries);
	*l = t->leases[--t->count];
}

void lease_writer_restarted(struct lease_table *t, const char *service)
{
	size_t len = strlen(service);

	for (int i = 0; i < t->count; i++) {
		const char *src = t->leases[i].limit.src;

		if (strncmp(src, service, len) == 0 && (!src[len] || src[len] == '.'))
			t->leases[i].orphan = true;
	}
}

/* ---- what holds now ---- */

/* The entry in force, or NULL before the first; *next gets the instant of the following step. */
static const struct lease_entry *entry_at(const struct lease *l, const struct lease_clock *now,
					  int64_t *next)
{
	const struct lease_entry *held = NULL;

	if (!now->wall_set)
		return l->limit.count ? &l->lowest : NULL;
	for (size_t i = 0; i < l->limit.count; i++) {
		const struct lease_entry *e = &l->limit.entries[i];

		if (e->at_ms > now->wall_ms) {
			int64_t due = now->mono_ms + (e->at_ms - now->wall_ms);

			if (due < *next)
				*next = due;
			break;
		}
		held = e;
	}
	return held;
}

static struct lease_bound bound_of(const struct lease_table *t, const struct lease *l)
{
	struct lease_bound b = {
	    .src = l->limit.src,
	    .n = l->limit.n,
	    .rank = t->sources[l->source].rank,
	    .order = l->source,
	    .scope = l->limit.scope,
	    .evse = l->limit.evse,
	};
	return b;
}

/* The fail-safe for whom the lost limit was meant; one for a group becomes the source's own scope.
 */
static void fall_back(const struct lease_table *t, const struct lease *l, struct lease_bound *b)
{
	const struct lease_source *s = &t->sources[l->source];
	bool group = l->limit.scope == LEASE_STATION || l->limit.scope == LEASE_PCC;

	b->entry = &s->fail_safe;
	b->origin = l->refused ? LEASE_FROM_FAIL_SAFE : LEASE_FROM_EXPIRY;
	b->scope = s->fail_safe_scope;
	if (group || s->fail_safe_scope > LEASE_EVSE)
		b->evse = 0;
}

static struct lease_bound silence_of(const struct lease_table *t, int source)
{
	const struct lease_source *s = &t->sources[source];
	struct lease_bound b = {
	    .src = s->pattern,
	    .n = "",
	    .origin = LEASE_FROM_FAIL_SAFE,
	    .rank = s->rank,
	    .order = source,
	    .scope = s->fail_safe_scope,
	    .entry = &s->fail_safe,
	};
	return b;
}

size_t lease_bounds(const struct lease_table *t, const struct lease_clock *now,
		    struct lease_bound *out, size_t max, int64_t *next_ms)
{
	bool heard[LEASE_SOURCES_MAX] = {false};
	size_t count = 0;

	*next_ms = LEASE_NEVER;
	for (int i = 0; i < t->count && count < max; i++) {
		const struct lease *l = &t->leases[i];
		struct lease_bound b = bound_of(t, l);

		if (l->orphan && l->expires_ms <= now->mono_ms)
			continue;
		if (l->refused || l->expires_ms <= now->mono_ms) {
			fall_back(t, l, &b);
			heard[l->source] = heard[l->source] || !b.evse;
		} else {
			heard[l->source] = true;
			if (l->expires_ms < *next_ms)
				*next_ms = l->expires_ms;
			b.entry = entry_at(l, now, next_ms);
			b.origin = l->limit.count > 1 ? LEASE_FROM_SCHEDULE : LEASE_FROM_ENTRY;
			if (!b.entry)
				continue;
		}
		out[count++] = b;
	}
	for (int s = 0; s < t->source_count && count < max; s++)
		if (!heard[s])
			out[count++] = silence_of(t, s);
	return count;
}

const char *lease_verdict_word(enum lease_verdict v)
{
	switch (v) {
	case LEASE_TAKEN:
		return "taken";
	case LEASE_UNKNOWN_SOURCE:
		return "unknown_source";
	case LEASE_SCOPE_NOT_ALLOWED:
		return "scope_not_allowed";
	case LEASE_BAD_VALUE:
		return "bad_value";
	case LEASE_TABLE_FULL:
		return "table_full";
	}
	return "";
}
