/* The world as text, so that it goes on where it was after the simulator was killed. */
#ifndef SIM_SAVE_H
#define SIM_SAVE_H

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/jw.h"
#include "sim/openevse.h"
#include "sim/world.h"

enum { SIM_SAVE_FORMAT = 1 };

/** Writes the world as one JSON object. */
void sim_save(const struct sim_world *w, struct jw *out);

/**
 * Reads what sim_save() wrote into a world made by sim_world_init() with the same number of EVSEs.
 *
 * @shift_us  added to each instant: 0 when the clock is the one it was saved under
 * @return  0, or -1 with @err; the world is then to be made anew
 */
int sim_load(struct sim_world *w, jv from, int64_t shift_us, struct err *err);

/** The same for a controller board. */
void sim_save_openevse(const struct openevse *o, struct jw *out);
int sim_load_openevse(struct openevse *o, jv from, int64_t shift_us, struct err *err);

#endif
