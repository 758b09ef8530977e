/* A stored session as JSON, and back: for the state file of evse-session. */
#ifndef SESSION_STORE_H
#define SESSION_STORE_H

#include "core/err.h"
#include "core/json.h"
#include "core/jw.h"
#include "session/session.h"

enum { STORE_FORMAT = 1 };

/** Write the members of one stored session into the object that is open. */
void store_write(struct jw *w, const struct session_stored *s);

/** @return  0, or -1 with @err when a member is missing or wrong. */
int store_read(jv obj, struct session_stored *s, struct err *err);

#endif
