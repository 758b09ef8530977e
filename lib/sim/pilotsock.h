/* The pilot sockets: DIR/pilot.N.sock, newline JSON both ways, any number of controllers each. */
#ifndef SIM_PILOTSOCK_H
#define SIM_PILOTSOCK_H

#include <stddef.h>

#include "core/err.h"
#include "core/loop.h"

struct sim_pilotsock;

struct sim_pilotsock_calls {
	/** A controller of EVSE @evse (from 0) wrote a line, without newline; NULL: an over-long
	 * one. */
	void (*line)(void *ctx, int evse, const char *line, size_t len);
	/** A controller came, or one that was behind has room: send it the present state. */
	void (*hello)(void *ctx, int evse);
	void *ctx;
};

/**
 * Makes and serves the sockets of EVSEs 1 to @evses in @dir, replacing what lies there.
 *
 * @return  NULL with @err on failure; the caller frees it with sim_pilotsock_free()
 */
struct sim_pilotsock *sim_pilotsock_new(struct loop *loop, const char *dir, int evses,
					const struct sim_pilotsock_calls *calls, struct err *err);
void sim_pilotsock_free(struct sim_pilotsock *s);

/** True when a controller of the EVSE is connected; never without sockets (@s NULL, as in a
 * replay). */
bool sim_pilotsock_heard(const struct sim_pilotsock *s, int evse);

/**
 * Sends a line (without newline) to every controller of an EVSE; to nobody when @s is NULL. Never
 * blocks: one that does not read misses lines, and gets the newest state when it reads again.
 */
void sim_pilotsock_send(struct sim_pilotsock *s, int evse, const char *line, size_t len);

#endif
