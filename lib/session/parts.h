/* What the parts of the session machine share; only lib/session includes this. */
#ifndef SESSION_PARTS_H
#define SESSION_PARTS_H

#include "session/session.h"

/** Bounded copy of a string that may be longer: cut. */
void session_copy(char *to, size_t size, const char *from);

/** The session of an EVSE number, or NULL. */
struct session *session_get(struct sessions *s, int evse);

/** Queue an action with the session as it is now. */
struct session_action *session_act(struct sessions *s, struct session *x,
				   enum session_action_kind kind);

void session_say_auth(struct sessions *s, struct session *x, const struct session_token *t,
		      const struct session_auth *auth);

/** An accepted token: begins or completes the session. */
void session_set_authorized(struct sessions *s, struct session *x, const struct session_token *t,
			    const struct session_auth *auth, const struct session_now *now);

/** Energy is no longer allowed; what follows (opening, reading, leaving) is session_advance()'s. */
void session_begin_stop(struct sessions *s, struct session *x, const char *reason,
			const struct session_now *now);

/** The session is over: its last edge, then nothing of it is left. */
void session_end(struct sessions *s, struct session *x, const struct session_now *now);

/** The question that is out is answered (or its fallback holds). */
void session_settle(struct sessions *s, struct session *x, const struct session_auth *auth,
		    const struct session_now *now);

/** Plug and unplug against what was last said. */
void session_follow_plug(struct sessions *s, struct session *x, const struct session_now *now);

/** Bring the session as far as what is known allows. */
void session_advance(struct sessions *s, struct session *x, const struct session_now *now);

#endif
