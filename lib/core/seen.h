/* Which records were already taken, by (writer, epoch): the counts last seen.
 *
 * A record's `n` is "epoch.count", +1 for each record of the writer; a new start of the writer is a
 * new epoch. Repeats come after a restart of a relay, a reader or the bus, possibly behind newer
 * records; so the last SEEN_COUNTS counts are kept one by one, and what is not above those that
 * were pushed out counts as seen. */
#ifndef CORE_SEEN_H
#define CORE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_COUNTS = 32, SEEN_KEY_MAX = 104 };

struct seen {
	struct seen_entry *entries;
	size_t count, cap, max;
};

/** @max  how many (writer, epoch) pairs are kept; at the bound the one used longest ago is
 * forgotten. */
void seen_init(struct seen *s, size_t max);
void seen_release(struct seen *s);

/**
 * Takes note of a record.
 *
 * @key  its writer: the src, or type and src where types may overtake each other
 * @n    of its head; an @n that is not "epoch.count" (lines typed by people have none) is never
 * "seen"
 * @return   true when it was noted before, or is too old to tell
 */
bool seen_before(struct seen *s, const char *key, size_t key_len, const char *n, size_t n_len);

/** Calls @fn for each count kept, lowest first within a pair, for writing them down; and takes one
 * back in. */
void seen_each(const struct seen *s,
	       void (*fn)(void *ctx, const char *key, const char *epoch, uint64_t count),
	       void *ctx);
int seen_restore(struct seen *s, const char *key, const char *epoch, uint64_t count);

/** Splits "epoch.count". @return 0, or -1 with errno EINVAL. */
int seen_split(const char *n, size_t n_len, size_t *epoch_len, uint64_t *count);

#endif
