/* The writer of records: head, identity, one write(2) a line, and what happens when nobody reads.
 *
 * A line that the reader has no room for waits in a queue of OUT_QUEUE_MAX bytes; the loop sends it
 * later. Above OUT_HIGH bytes out_blocked() is true and a filter stops reading its input; an
 * actuator never waits: at the bound its lines are dropped, counted, and reported. Events
 * (core/types.h) go into the spool first, where there is one. */
#ifndef CORE_OUT_H
#define CORE_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/jw.h"
#include "core/loop.h"
#include "core/spool.h"

enum { OUT_QUEUE_MAX = 4 << 20, OUT_HIGH = 256 << 10 };

struct out {
	int fd;
	struct loop *loop; /* NULL: every write blocks */
	const char *src;
	char epoch[16];
	uint64_t count; /* of the record last begun */
	struct spool *spool;
	struct buf line, queue;
	struct jw w;
	uint64_t dropped, written;
	bool event;
	void (*on_error)(void *ctx, int code); /* errno of a failed write: EPIPE, ENOSPC … */
	void *ctx;
	void (*on_room)(void *ctx); /* the queue fell below OUT_HIGH */
};

/* What a record's head may have beside t, type, src, n, m. */
struct out_head {
	const char *item; /* appended to src: "tx.1" gives "ocpp.tx.1" */
	const char *src;  /* in place of the writer's own src */
	int evse, connector;
	const char *to;
	int64_t t_us; /* when the thing was true; 0: now */
};

/** @src is borrowed. A fresh epoch is made from the time and the process id. */
void out_init(struct out *o, int fd, struct loop *loop, const char *src, struct now now);
void out_release(struct out *o);

/** Begins a record; the members are then written to the jw that is given back. */
struct jw *out_begin(struct out *o, struct now now, const char *type, struct out_head head);
/**
 * Ends the record begun and sends it.
 *
 * @return  its count, for `n`; 0 when it could not be built (too long, or a jw mistake): nothing
 * was sent then
 */
uint64_t out_send(struct out *o);

/** Sends a line as it came (without newline). */
void out_line(struct out *o, const char *line, size_t len);

/** The `n` of the record last begun, as text; for naming it in other records. */
const char *out_n(const struct out *o, char text[32]);

bool out_blocked(const struct out *o);
/** Waits until all is written, at most @timeout_ms. @return 0, or -1 with errno. */
int out_flush(struct out *o, int timeout_ms);

#endif
