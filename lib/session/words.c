/* The words of the session record; the order is that of the enumerations. */
#include "session/session.h"

#include <string.h>

static const char *const states[SESSION_STATES] = {"idle",      "connected",    "authorized",
						   "charging",  "suspended_ev", "suspended_evse",
						   "finishing", "ended"};

static const char *const edges[SESSION_EDGES] = {
    "",           "connected",    "authorized",     "signed",       "path_closed", "energy_on",
    "energy_off", "suspended_ev", "suspended_evse", "deauthorized", "path_open",   "departed"};

const char *session_state_word(enum session_state st)
{
	return states[st];
}

const char *session_edge_word(enum session_edge e)
{
	return edges[e];
}

enum session_state session_state_of(const char *word)
{
	enum session_state st = SESSION_IDLE;

	while (st < SESSION_STATES && strcmp(states[st], word) != 0)
		st++;
	return st;
}
