/* The list of persons in memory, found by tag or by value: for persons.c alone. */
#ifndef STORE_PERSONS_LIST_H
#define STORE_PERSONS_LIST_H

#include "store/persons.h"

/** Empties it, and forgets the file that it came from, but for the keys of values. */
void persons_list_clear(struct persons *p);
/** Takes a copy: a new entry, or a newer one of the same tag. NULL without memory. */
struct person *persons_list_put(struct persons *p, const struct person *e);
struct person *persons_list_tag(const struct persons *p, const uint8_t tag[PERSONS_TAG]);
/** Finds all again after entries moved. @return 0, or -1 without memory. */
int persons_list_index(struct persons *p);
/** For qsort: who was seen last comes last. */
int persons_list_by_seen(const void *a, const void *b);

/**
 * Removes the quarter not seen for longest. So many persons are far more than a week's: better that
 * old values become tags than that new ones are stored for good.
 *
 * @return 0, or -1 without memory
 */
int persons_list_forget(struct persons *p);

#endif
