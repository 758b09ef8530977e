/* The serial commands of an OpenEVSE controller (RAPI), the controller's side. Pure: bytes in,
 * bytes out.
 *
 * "$GS^30\r" asks, "$OK 01 0 01 0000^xx\r" answers; "$AT …" comes by itself at each change. */
#ifndef SIM_RAPI_H
#define SIM_RAPI_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "sim/openevse.h"

enum { RAPI_LINE_MAX = 32 }; /* of the controller's input buffer */

struct rapi {
	struct openevse *controller;
	struct sim_world *world;
	char line[RAPI_LINE_MAX];
	size_t len;
	/* what it said last without being asked */
	int state, pilot, amps, flags;
};

/** @controller and @world are borrowed. */
void rapi_init(struct rapi *r, struct openevse *controller, struct sim_world *world);

/** Takes bytes of the serial line; answers are appended to @out. */
void rapi_feed(struct rapi *r, const char *bytes, size_t len, struct buf *out);

/** Appends what the controller says by itself at its start. */
void rapi_boot(struct rapi *r, struct buf *out);

/** Appends a notice when something changed since the last one. */
void rapi_notice(struct rapi *r, struct buf *out);

/** XOR of the bytes, as it stands behind '^'. */
int rapi_checksum(const char *bytes, size_t len);

#endif
