/* The transaction messages that the back office has not answered yet: a file that survives kill -9
 * and a power cut, read back in order.
 *
 * Each line of the file is "CRC A SEQ CLASS DATA" (added) or "CRC D SEQ" (everything up to SEQ is
 * done); CRC is the CRC-32 of what follows it, in 8 hex digits. A torn last line, as a power cut
 * leaves it, is cut off when the file is opened. An addition is on the disk (fsync) when
 * queue_add() returns. A removal is only written: after a power cut an answered message may be sent
 * a second time, never lost.
 *
 * The queue is bounded. At the bound every second QUEUE_UPDATED entry, oldest first, is dropped;
 * first and last messages of a transaction never are: when nothing can be dropped any more,
 * queue_add() fails. Source: OCPP 2.0.1 Part 2, E04.FR.07 to .10 (offline behaviour of
 * TransactionEvent) */
#ifndef OCPP_QUEUE_H
#define OCPP_QUEUE_H

#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum queue_class { QUEUE_STARTED = 's', QUEUE_UPDATED = 'u', QUEUE_ENDED = 'e' };

struct queue_conf {
	size_t max_entries;
	size_t max_bytes; /* of waiting entries; the file itself may be twice that before it is
			     rewritten */
};

struct queue;

/* Called at opening for every addition that is still in the file, done or not, oldest first. */
typedef void queue_scan_fn(void *ctx, const char *data, size_t len);

/**
 * Open or make the queue file.
 *
 * @path   NULL: in memory, for a station that keeps nothing
 * @scan   NULL, or called for what the file holds
 * @return the queue, or NULL with `err`: the file can't be opened, read, locked or made whole
 *
 * Ownership: the caller closes it with queue_close().  Blocking: on the disk.
 */
struct queue *queue_open(const char *path, const struct queue_conf *conf, queue_scan_fn *scan,
			 void *ctx, struct err *err);

/** Close the file; what waits stays in it. NULL is allowed. */
void queue_close(struct queue *q);

/**
 * Add an entry at the end. When this answers 0 it is on the disk. When the disk refuses (it is
 * full, say) the entry waits in memory, and each later addition tries to write it first.
 *
 * @data   one line of text, without newline
 * @return 0; 1 with errno when it is in memory alone; or -1 with errno: ENOSPC at the bound,
 * EMSGSIZE when longer than the bound, EINVAL for a newline, ENOMEM; then nothing was added
 *
 * Blocking: on the disk.
 */
int queue_add(struct queue *q, enum queue_class class, const char *data, size_t len);

/**
 * Read the oldest entry.
 *
 * @out    gets the data, replacing what was there
 * @return 1, 0 when the queue is empty, or -1 with errno
 *
 * Blocking: on the disk.
 */
int queue_head(struct queue *q, struct buf *out);

/** Remove the oldest entry. @return 0, or -1 with errno when the disk refuses; it is removed in
 * memory. */
int queue_done(struct queue *q);

/** Whether the text stands in an entry that waits. Blocks on the disk. */
bool queue_find(struct queue *q, const char *text);

/** Entries that wait. */
size_t queue_count(const struct queue *q);

/** Entries dropped at the bound since the file was opened. */
uint64_t queue_dropped(const struct queue *q);

/** Lines that were passed over when the file was opened, because their CRC was wrong. */
uint64_t queue_damaged(const struct queue *q);

#endif
