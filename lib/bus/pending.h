/* The events of one service that its durable readers have not all acknowledged: the spool, and who
 * still owes what.
 *
 * evse-log acknowledges every event, evse-ocpp those of the types marked in core/types.h. An
 * acknowledgement of (src, n) covers all earlier events of that src. */
#ifndef BUS_PENDING_H
#define BUS_PENDING_H

#include "core/head.h"
#include "core/spool.h"

enum { PENDING_READERS = 4 };

struct pending {
	struct spool *spool;
	struct pending_entry *entry;
	size_t count, cap;
	uint64_t at; /* the spool is known up to here */
	char reader[PENDING_READERS][32];
	int nreaders;
};

/** @readers  "log,ocpp": the durable readers. Takes over @spool and reads what is in it. */
int pending_init(struct pending *p, struct spool *spool, const char *readers, struct err *err);
void pending_release(struct pending *p);

/** Notes the event @line that went by; adds it to the spool when the tool's writer has not. */
void pending_event(struct pending *p, const char *line, size_t len, const struct head *h);

/** @reader has acknowledged @src up to @n. Unknown readers are ignored. */
void pending_ack(struct pending *p, const char *reader, const char *src, const char *n);

/** Calls @fn for each event that @reader (NULL: any) still owes, oldest first. */
void pending_each(struct pending *p, const char *reader,
		  void (*fn)(void *ctx, const char *line, size_t len), void *ctx);

#endif
