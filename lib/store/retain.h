/* What goes when age, size or the disk's end demand it: the oldest data first (what was delivered
 * is always older than what was not), then the oldest events. Internal to the writer. */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include "store/store.h"

/** Makes the reserve file where it is missing; a full disk is no failure. */
void retain_reserve(struct store *s);

/**
 * Frees something: old segments; and for packing the reserve, which no row may take: a packed
 * segment is smaller than its rows, so that packing always ends with more room than it began with.
 *
 * @return  false when there is nothing left to free
 */
bool retain_make_room(struct store *s, bool to_pack, int64_t now_ms);

#endif
