/* Who may charge, and since when: one session per EVSE, edge by edge.
 *
 * A session begins when a car plugs in or a token is accepted, whichever is first, and ends when
 * the car has left (or never came). Its edges, in the order in which they can come:
 *
 *   connected, authorized   in either order; a token waits for the plug, a plug for the token
 *   signed                  the begin reading is there (or 3 s have passed: flagged): energy is
 * allowed now path_closed, energy_on, energy_off, suspended_ev, suspended_evse   as often as they
 * happen deauthorized            energy is no longer allowed: a token, a command, a limit, a fault,
 * the plug path_open               the contactor is open and the end reading is there (or flagged)
 *   departed                the car has left
 *
 * So the begin reading precedes closing and the end reading follows opening. Inputs fill a short
 * queue of actions; the program stores the session first and carries the actions out afterwards, so
 * that a restart at any point finds the session as it was.
 *
 * Pure: no I/O, no clock, no JSON. Monotonic ms for waiting, UTC ms for what is recorded. A token's
 * clear value passes through a question and an auth action; the session keeps its keyed hash alone.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_EVSES_MAX   64
#define SESSION_ACTIONS_MAX 24
#define SESSION_ID_MAX      40
#define SESSION_TOKEN_MAX   256
#define SESSION_HASH_MAX    72
#define SESSION_WORD_MAX    32
#define SESSION_NEVER       INT64_MAX

enum session_state {
	SESSION_IDLE,
	SESSION_CONNECTED,
	SESSION_AUTHORIZED,
	SESSION_CHARGING,
	SESSION_SUSPENDED_EV,
	SESSION_SUSPENDED_EVSE,
	SESSION_FINISHING,
	SESSION_ENDED,
	SESSION_STATES
};

enum session_edge {
	SESSION_EDGE_NONE, /* first record after a start without a session */
	SESSION_EDGE_CONNECTED,
	SESSION_EDGE_AUTHORIZED,
	SESSION_EDGE_SIGNED,
	SESSION_EDGE_PATH_CLOSED,
	SESSION_EDGE_ENERGY_ON,
	SESSION_EDGE_ENERGY_OFF,
	SESSION_EDGE_SUSPENDED_EV,
	SESSION_EDGE_SUSPENDED_EVSE,
	SESSION_EDGE_DEAUTHORIZED,
	SESSION_EDGE_PATH_OPEN,
	SESSION_EDGE_DEPARTED,
	SESSION_EDGES
};

/** Monotonic and UTC ms of what is reported. */
struct session_now {
	int64_t mono_ms;
	int64_t wall_ms;
};

struct session_token {
	char id[SESSION_TOKEN_MAX]; /* clear; "" for free vending */
	char id_hash[SESSION_HASH_MAX];
	char kind[SESSION_WORD_MAX];
	bool authorized;                   /* the back office says that it need not be asked */
	char group_hash[SESSION_HASH_MAX]; /* … and the group that it belongs to; "" none */
	bool has_remote_start;
	int64_t remote_start_id;
};

/** A verdict: OCPP's word, who gave it, the group's hash ("" none) and its bounds. */
struct session_auth {
	char verdict[SESSION_WORD_MAX];
	char by[SESSION_WORD_MAX];
	char group_hash[SESSION_HASH_MAX];
	int64_t
	    until_ms; /* UTC until which the verdict is good; told on, ends nothing; 0 = not said */
	int64_t stop_ms;      /* UTC at which the session ends; 0 = no end */
	double energy_max_wh; /* 0 = no limit */
	bool master;          /* stops every session, starts none */
};

struct session_reading {
	bool have;
	bool flagged; /* not the legal reading asked for: the last known value, or none */
	double import_wh;
	char import_register[SESSION_WORD_MAX]; /* decimal string, "" unknown */
};

/** Of a pilot record. */
struct session_pilot {
	char state; /* 'A' to 'F' */
	bool pwm;   /* a duty cycle is offered (x2) */
	bool closed;
	const char *fault_reason; /* stop reason of a fault that ends a session, or NULL */
};

/** Configuration; session_conf_init() gives the defaults. */
struct session_conf {
	int evses;
	bool ocpp;                    /* ask `authorize`; else decide here at once */
	bool free;                    /* a car that plugs in is authorised without a token */
	int64_t plug_ms;              /* how long a token waits for the plug: 60 s */
	int64_t ask_ms;               /* how long a question may take: 5 s */
	int64_t reading_ms;           /* how long an edge waits for its reading: 3 s */
	int64_t open_ms;              /* how long the end waits for the contactor: 10 s */
	int64_t settle_ms;            /* allowed and not closed for so long: suspended: 10 s */
	int64_t repeat_ms;            /* the same token again within this is one swipe: 2 s */
	uint64_t seed;                /* of session ids: unpredictable */
	char epoch[SESSION_WORD_MAX]; /* makes command ids unique across restarts */
};

/** What is stored of a session: everything that a restart needs. */
struct session_stored {
	enum session_state state;
	char id[SESSION_ID_MAX]; /* "" = none */
	bool connected, authorized, begun, closed, energy, allow, stopping, end_read;
	char id_hash[SESSION_HASH_MAX];
	char kind[SESSION_WORD_MAX];
	struct session_auth auth;
	bool has_remote_start;
	int64_t remote_start_id;
	char reason[SESSION_WORD_MAX];
	struct session_reading begin;
};

enum session_ask { SESSION_ASK_NONE, SESSION_ASK_START, SESSION_ASK_STOP };

struct session {
	struct session_stored now;
	bool inoperative;
	bool pilot_known;
	struct session_pilot pilot;
	/* the question that is out */
	enum session_ask asking;
	char ask_id[SESSION_ID_MAX];
	int64_t ask_until_ms;
	struct session_token asked;
	struct session_auth fallback;
	/* the reading that is out */
	char read_id[SESSION_ID_MAX]; /* "" = none */
	int64_t read_until_ms;
	/* waiting */
	int64_t plug_until_ms, open_until_ms, settle_until_ms;
	/* the meter's last value */
	bool meter_known;
	double import_wh, current_a;
	char import_register[SESSION_WORD_MAX];
	/* the last swipe that did something */
	char last_hash[SESSION_HASH_MAX];
	int64_t last_swipe_ms;
	bool dirty; /* differs from what was stored */
};

enum session_action_kind {
	SESSION_SAY_SESSION,  /* publish the session: stored, edge, edge_ms, reading */
	SESSION_SAY_AUTH,     /* publish a verdict: token, auth */
	SESSION_DO_AUTHORIZE, /* command `authorize` to ocpp: id, token */
	SESSION_DO_READING    /* command `reading` to meter.N: id, context */
};

struct session_action {
	enum session_action_kind kind;
	int evse;
	struct session_stored stored;
	enum session_edge edge;
	int64_t edge_ms;
	struct session_reading reading;
	struct session_token token;
	struct session_auth auth;
	char id[SESSION_ID_MAX];
	const char *context;
};

struct sessions {
	struct session_conf conf;
	struct session evse[SESSION_EVSES_MAX];
	uint64_t random;
	uint64_t ids;
	struct session_action queue[SESSION_ACTIONS_MAX];
	size_t queued;
};

/** One EVSE, no back office, no free vending, the times above. */
void session_conf_init(struct session_conf *c);

/** All EVSEs idle, nothing heard. Ownership: conf is copied. */
void sessions_init(struct sessions *s, const struct session_conf *conf);

/**
 * A session as it was stored goes on: same id; what was waited for is waited for anew.
 *
 * @evse  1 to conf.evses
 * @return  false if there is no such EVSE
 */
bool session_restore(struct sessions *s, int evse, const struct session_stored *stored,
		     const struct session_now *now);

/** Say the state of every EVSE that has no session (after a start). One action per EVSE. */
void session_announce(struct sessions *s, int evse, const struct session_now *now);

/**
 * Inputs. Each may queue actions: drain the queue (`queue`, `queued`; set `queued` to 0) after
 * every call. An unknown EVSE changes nothing and gives false.
 */
bool session_on_pilot(struct sessions *s, int evse, const struct session_pilot *p,
		      const struct session_now *now);
bool session_on_meter(struct sessions *s, int evse, double import_wh, const char *import_register,
		      double current_a, const struct session_now *now);
bool session_on_availability(struct sessions *s, int evse, bool operative,
			     const struct session_now *now);

/**
 * A token was shown.
 *
 * @evse   0 = the reader serves several: the EVSE is found (see session_place())
 * @local  what the charger itself would decide: used where the back office is not asked or not
 * reached
 * @return  NULL if it was taken, else a word why not: "no_evse", "busy", "inoperative", "repeat"
 */
const char *session_on_token(struct sessions *s, int evse, const struct session_token *t,
			     const struct session_auth *local, const struct session_now *now);

/** The EVSE that a token without one is for: a car that waits for it, its own session, the only
 * idle one; or 0. */
int session_place(const struct sessions *s, const char *id_hash);

/**
 * The answer to a question.
 *
 * @auth  the verdict, or NULL: nobody could be reached
 * @return  false if no such question is out
 */
bool session_on_verdict(struct sessions *s, const char *ask_id, const struct session_auth *auth,
			const struct session_now *now);

/** A reading answered, or (NULL) can't be had. False if nobody waits for this id. */
bool session_on_reading(struct sessions *s, const char *read_id, const struct session_reading *r,
			const struct session_now *now);

/**
 * Stop from outside.
 *
 * @evse    the EVSE, or 0 where id names the session
 * @reason  OCPP's word
 * @return  false if there is no authorised session to stop
 */
bool session_stop(struct sessions *s, int evse, const char *id, const char *reason,
		  const struct session_now *now);

/** Time passed for this EVSE. */
void session_on_time(struct sessions *s, int evse, const struct session_now *now);

/** The next monotonic instant at which session_on_time() has something to do for this EVSE. */
int64_t session_next_ms(const struct sessions *s, int evse, const struct session_now *now);

const char *session_state_word(enum session_state st);
const char *session_edge_word(enum session_edge e);

/** The state of a word, or SESSION_STATES. */
enum session_state session_state_of(const char *word);

#endif
