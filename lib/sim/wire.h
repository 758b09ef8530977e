/* The pilot socket's lines: what the hardware says and what it is told. JSON objects, one a line.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "sim/world.h"

/** What one line of the controller sets; only what has its `has_` flag (or is a pulse) is meant. */
struct sim_outputs {
	bool has_duty, has_contactor, has_lock, has_cp, has_phases;
	int duty_permyriad;
	bool contactor, locked, cp_connected;
	int phases;
	bool rcd_test, alive, trip_upstream; /* pulses */
};

/**
 * Reads a controller's line.
 *
 * @return  0, or -1 with @err naming the member and what was expected; then nothing of the line
 * counts
 */
int sim_wire_parse(const char *line, size_t len, struct sim_outputs *out, struct err *err);

/** True when a line sets more than the pulse of the alive line, which comes several times a second.
 */
bool sim_wire_lasts(const struct sim_outputs *out);

/** Sets the outputs of an EVSE (index from 0). The world stands at the present instant already. */
void sim_wire_apply(struct sim_world *w, int evse, const struct sim_outputs *out);

/** Appends what the hardware says, without newline. */
void sim_wire_print(const struct sim_wire *wire, struct buf *out);

#endif
