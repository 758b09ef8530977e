/* The carrier between a tool's ordinary pipes and the bus: the child of `evse-bus attach`.
 *
 * To the bus: what the tool writes, line by line. While the bus is away the tool goes on
 * undisturbed; of each state only the newest is kept, events stay in the spool. When the bus (or a
 * durable reader) comes back, both are sent again in order. To the tool: what it subscribed to. It
 * stops reading from the bus while the tool does not take what came. */
#ifndef BUS_RELAY_H
#define BUS_RELAY_H

#include "core/err.h"

struct relay_config {
	const char *dir, *service, *topics; /* topics "" when the tool wants nothing */
	const char *durable;                /* "log,ocpp"; "": no spool */
	int from_tool, to_tool;             /* the other ends of its output and input */
};

/** Where the spool of @service lies. */
void relay_spool_path(const char *dir, const char *service, char *path, unsigned long size);

/** Carries until the tool is gone. @return an exit code. */
int relay_run(const struct relay_config *config);

#endif
