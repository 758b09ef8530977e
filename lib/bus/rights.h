/* Who may say what on the bus: by the name of the service's socket.
 *
 * A service `pilot.1` speaks as src `pilot.1` or `pilot.1.…` only, and only the record types and
 * commands of its row. The built-in table below can be extended by a file:
 * {"SERVICE":{"types":["limit",…],"commands":["session:stop",…], "users":["evse-pilot"]}}; a row
 * there replaces the built-in one. */
#ifndef BUS_RIGHTS_H
#define BUS_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"
#include "core/head.h"
#include "core/json.h"

struct rights {
	jv file; /* invalid when there is none */
};

void rights_init(struct rights *r);
void rights_release(struct rights *r);
/** Reads and checks the file. @return 0, or -1 with @err (file, service and member). */
int rights_load(struct rights *r, const char *path, struct err *err);

/** @service may write records of @type. */
bool rights_type(const struct rights *r, const char *service, struct slice type);
/** @service may command @kind of @to. */
bool rights_command(const struct rights *r, const char *service, struct slice to,
		    struct slice kind);
/** @src is @service or lies below it. */
bool rights_src(const char *service, struct slice src);
/** A process of user @uid may use @service's socket: root, the bus's own user, or one named in the
 * file. */
bool rights_user(const struct rights *r, const char *service, uid_t uid);

#endif
