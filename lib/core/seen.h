/* Which records were already taken: by source, the highest count of its recent epochs.
 *
 * A record's `n` is "epoch.count", +1 for each record of the writer; a new start of the writer is a
 * new epoch. A repeat, or an older one of a known epoch, was seen. */
#ifndef CORE_SEEN_H
#define CORE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * @src, @n  of its head; an @n that is not "epoch.count" (lines typed by people have none) is never
 * "seen"
 * @return   true when it, or a later one of the same writer and epoch, was noted before
 */
bool seen_before(struct seen *s, const char *src, size_t src_len, const char *n, size_t n_len);

/** Calls @fn for each pair kept, for writing them down; and takes one back in. */
void seen_each(const struct seen *s,
	       void (*fn)(void *ctx, const char *src, const char *epoch, uint64_t count),
	       void *ctx);
int seen_restore(struct seen *s, const char *src, const char *epoch, uint64_t count);

/** Splits "epoch.count". @return 0, or -1 with errno EINVAL. */
int seen_split(const char *n, size_t n_len, size_t *epoch_len, uint64_t *count);

#endif
