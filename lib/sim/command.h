/* The hands that act on the world: commands as JSON objects, by their "kind". */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include "core/err.h"
#include "core/json.h"
#include "sim/world.h"

/** What a command may act upon. */
struct sim_hands {
	struct sim_world *world;
	int meter_late_ms; /* how late a meter with the fault meter_late answers */
	bool end;          /* the command "end" came */
	bool rehearsal;    /* only look at the values: cars come and go later; world is a copy */
	/** A card was shown at an EVSE (number from 1). @id, @kind borrowed. */
	void (*swipe)(void *ctx, int evse, const char *id, const char *kind);
	void *ctx;
};

enum sim_verdict { SIM_ACCEPTED, SIM_REJECTED, SIM_UNKNOWN_KIND };

/**
 * Carries out a command whole, or not at all.
 *
 * @body  the object, with "kind" and what the kind needs
 * @err   says why, where it is not accepted
 */
enum sim_verdict sim_command(struct sim_hands *h, jv body, struct err *err);

/** True when there is a command of this kind. */
bool sim_command_known(const char *kind);

#endif
