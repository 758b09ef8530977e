/* Events that are not acknowledged yet, in a file that two processes map: the tool's writer adds
 * each event before it writes it to its output, the relay of `evse-bus attach` reads them again
 * after any restart and drops what every durable reader has acknowledged.
 *
 * The file outlives kill -9 of either (it is memory of the system), not a power cut: what must
 * outlive that the durable readers have fsynced. It holds SPOOL_BYTES; when full, the oldest event
 * is dropped and counted in spool_lost(). */
#ifndef CORE_SPOOL_H
#define CORE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { SPOOL_BYTES = 1 << 20 };

struct spool;

/** Opens or makes the file (mode 0600). A damaged one, or one of another format, is made anew. NULL
 * with @err. */
struct spool *spool_open(const char *path, struct err *err);
void spool_close(struct spool *s);

/** Adds one line (without newline). @return 0, or -1 when longer than a record may be. */
int spool_add(struct spool *s, const char *line, size_t len);

/**
 * Goes through the events, oldest first.
 *
 * @at      0 to begin; then as the last call left it
 * @return  the line (not NUL-terminated, valid until the next call that changes the spool), NULL at
 * the end
 */
const char *spool_next(struct spool *s, uint64_t *at, size_t *len);

/** Drops all events before position @at, as spool_next() left it. */
void spool_drop(struct spool *s, uint64_t at);

/** The position of the oldest event kept: what spool_next() gave below it is gone. */
uint64_t spool_oldest(const struct spool *s);

/** Events dropped unacknowledged because the spool was full, since the file was made. */
uint64_t spool_lost(const struct spool *s);

#endif
