/* What is known of tokens: the authorisation cache and the local list are each one of these. Pure.
 *
 * Source: OCPP 2.0.1 Part 2, C10 to C14 (cache) and D01, D02 (local list) */
#ifndef OCPP_CACHE_H
#define OCPP_CACHE_H

#include <stddef.h>
#include <stdint.h>

enum { CACHE_MAX = 1000 };
#define CACHE_FOREVER INT64_MAX

struct cache_entry {
	char id[256]; /* compared without regard to case, as identifierString is */
	char kind[24];
	char status[24]; /* "" = the entry has no verdict */
	char group[256], group_kind[24];
	int64_t until_us; /* UTC; CACHE_FOREVER = no end given */
	uint64_t evses;   /* bit N-1: good at EVSE N; 0 = at all of them */
	int64_t used_us;  /* UTC, last use; the one longest ago makes room */
};

struct cache {
	struct cache_entry **entries; /* owned */
	size_t n, cap;
};

/** Find a token. @return the entry, borrowed until the next change; NULL when unknown */
struct cache_entry *cache_find(const struct cache *c, const char *id, const char *kind);

/**
 * Make or replace an entry; at CACHE_MAX the one used longest ago goes.
 *
 * @return the new entry, empty but for id and kind; NULL when out of memory
 */
struct cache_entry *cache_put(struct cache *c, const char *id, const char *kind);

/** Remove a token; unknown ones are ignored. */
void cache_remove(struct cache *c, const char *id, const char *kind);

/** Remove all and free. */
void cache_clear(struct cache *c);

#endif
