/* The newest record of each (type,src): the retained state of the bus, and of each relay. */
#ifndef BUS_KEEP_H
#define BUS_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/head.h"

struct kept {
	char *line; /* without newline, ends in NUL; NULL: none was ever there */
	size_t len;
	char type[33], src[64];
	uint64_t seq;     /* order of arrival over all keys */
	int64_t until_us; /* mono: from then on it counts as absent; CLOCK_NEVER: no bound */
	bool gone;        /* the line withdraws the state: for who has seen it before only */
	uint32_t next;    /* in the hash chain, index + 1 */
};

struct keep {
	struct kept *item;
	size_t count, cap, max;
	uint32_t *hash; /* index + 1 of the first in each chain */
	size_t nhash;
};

/** @max  keys at most; more are refused by keep_find(). */
void keep_init(struct keep *k, size_t max);
void keep_release(struct keep *k);

/** The place of (type,src); -1 when it has none. */
long keep_lookup(const struct keep *k, struct slice type, struct slice src);
/** Makes a place for a (type,src) that has none. @return -1 when full or out of memory. */
long keep_add(struct keep *k, struct slice type, struct slice src);
/** The place of (type,src), made when it is new. @return its index, or -1 when full or out of
 * memory. */
long keep_find(struct keep *k, struct slice type, struct slice src);

/** Replaces what stands at @index; @gone: by a record that withdraws it. @return 0, or -1 when out
 * of memory. */
int keep_put(struct keep *k, long index, const char *line, size_t len, uint64_t seq,
	     int64_t until_us, bool gone);

/** True when the record at @index is there, not withdrawn, and not too old at @now_us. */
bool keep_live(const struct keep *k, size_t index, int64_t now_us);

#endif
