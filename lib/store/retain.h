/* What goes when age, size or the disk's end demand it: the oldest data first (what was delivered
 * is always older than what was not), then the oldest events. Internal to the writer. */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include "store/store.h"

/** Makes the reserve file where it is missing; a full disk is no failure. */
void retain_reserve(struct store *s);

/** Frees something: the reserve, then old segments. @return false when there is nothing left to
 * free. */
bool retain_make_room(struct store *s, int64_t now_ms);

#endif
