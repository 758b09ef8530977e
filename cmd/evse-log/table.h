/* Records as CSV (RFC 4180) or as a table for people. */
#ifndef EVSE_LOG_TABLE_H
#define EVSE_LOG_TABLE_H

#include <stdbool.h>

#include "core/buf.h"

struct table;

struct table *table_new(bool csv);
/** Adds one record, or the lines that a filter made; prints to @out as soon as the columns are
 * known. */
void table_add(struct table *t, const char *line, size_t len, struct buf *out);
/** Prints what is left and frees. */
void table_free(struct table *t, struct buf *out);

#endif
