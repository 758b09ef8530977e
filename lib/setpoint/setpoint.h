/* How much each EVSE may take, and why: the decision of evse-setpoint.
 *
 * The core keeps what was last heard of each pilot, meter and session and the table of leases
 * (lease.h). setpoint_decide() turns that into one decision per EVSE:
 *
 *   1. the EVSE's own ceiling: cable and board, configured maximum, ceilings of scope connector and
 * evse;
 *   2. among setpoints of that scope the highest rank, clamped into the ceiling;
 *   3. the share of the station and of the grid connection (share.h): ceilings and setpoints of
 * scope station and pcc, configured supply, house load as the connection's meter tells it;
 *   4. optional ramp and randomised delay for what would rise;
 *   5. before the bus has ended the retained set: nothing above what the pilot signals already, and
 * for two seconds nothing at all, since half of what is known would wrongly stop a car under way;
 *   6. rounded down to what the wire can do; below the minimum it is 0.
 *
 * Zero is always allowed. Export is 0: an EVSE whose only stage is the control pilot cannot export.
 *
 * Pure: no I/O, no clock, no JSON. Times in ms, currents in A, powers in W, load convention.
 * Everything that raises a value stems from a live record; a pilot or meter not heard for its
 * maximum age counts as absent. */
#ifndef SETPOINT_SETPOINT_H
#define SETPOINT_SETPOINT_H

#include "setpoint/lease.h"
#include "setpoint/share.h"

#define SETPOINT_EVSES_MAX   SHARE_USERS_MAX
#define SETPOINT_BECAUSE_MAX 12
#define SETPOINT_SESSION_MAX 48

/** The closed list of rule tags in `because`. */
enum setpoint_rule {
	SETPOINT_CEILING,
	SETPOINT_SETPOINT,
	SETPOINT_SCHEDULE,
	SETPOINT_FAIL_SAFE,
	SETPOINT_LEASE_EXPIRED,
	SETPOINT_STATION_SHARE,
	SETPOINT_MINIMUM_WAIT,
	SETPOINT_PHASE_MIN,
	SETPOINT_CABLE,
	SETPOINT_THERMAL,
	SETPOINT_FAULT,
	SETPOINT_NO_SESSION,
	SETPOINT_NOT_ALLOWED,
	SETPOINT_START_HOLD,
	SETPOINT_NO_LIVE,
	SETPOINT_RAMP,
	SETPOINT_RANDOM_DELAY,
	SETPOINT_RULES /* their count */
};

/** Configuration. A current that is not finite means "none". */
struct setpoint_conf {
	int evses;            /* 1 to SETPOINT_EVSES_MAX */
	bool managed;         /* enable follows session.allow; else it follows the pilot */
	double evse_max_a;    /* of each EVSE */
	double ceiling_a;     /* supply of the station, each phase */
	double pcc_ceiling_a; /* grid connection, each phase, house included */
	double pcc_unseen_a;  /* what the station may take while the connection's meter is silent */
	double min_a;         /* least current of a car; IEC 61851-1: 6 A */
	double nominal_v;     /* phase to neutral, where no meter tells */
	int64_t meter_age_ms; /* older counts as absent */
	int64_t pilot_age_ms;
	double ramp_a_per_s;  /* each EVSE's rise; 0 = at once */
	int64_t delay_max_ms; /* randomised delay before a start from 0 A; 0 = none */
	uint64_t seed;
	int64_t idle_ms;   /* offered current unused for so long, a car makes room for who waits; 0:
			      never */
	int64_t resume_ms; /* who lost its minimum to others waits so long; spares contactors */
	int first_phase[SETPOINT_EVSES_MAX]; /* the grid phase that the EVSE's L1 stands on, 0 to 2
					      */
};

/** Of a pilot record. */
struct setpoint_pilot {
	char src[LEASE_SRC_MAX];
	char n[LEASE_N_MAX];
	char state;     /* 'A' to 'F' */
	bool pwm;       /* state x2: a duty cycle is offered */
	double limit_a; /* signalled; 0 while none is */
	double cable_a;
	double thermal_a; /* derating by temperature; not finite = none */
	double step_a;
	int phases; /* 1 or 3, wired and selected */
	bool fault;
};

/** Of a meter record. Not finite = unmeasured. */
struct setpoint_meter {
	char src[LEASE_SRC_MAX];
	char n[LEASE_N_MAX];
	int64_t t_ms; /* when it was measured, UTC */
	double voltage_v[3], current_a[3], power_w[3];
	double power_total_w;
};

/** Of a session record. */
struct setpoint_session {
	char src[LEASE_SRC_MAX];
	char n[LEASE_N_MAX];
	char id[SETPOINT_SESSION_MAX];
	bool allow;
	bool ended; /* state idle or ended: as if there were none */
};

struct setpoint_because {
	char src[LEASE_SRC_MAX];
	char n[LEASE_N_MAX];
	enum setpoint_rule rule;
	double value_a; /* not finite = says nothing about amperes */
	bool winner;
};

struct setpoint_decision {
	bool known; /* false: nothing may be said yet */
	bool enable;
	char session[SETPOINT_SESSION_MAX]; /* "" = none */
	double import_max_a;
	double export_max_a;
	double min_a;
	int phases; /* asked for; 0 = not known */
	struct setpoint_because because[SETPOINT_BECAUSE_MAX];
	int because_count;
};

struct setpoint_evse {
	struct setpoint_pilot pilot;
	struct setpoint_meter meter, meter_before;
	struct setpoint_session session;
	int64_t pilot_ms, meter_ms; /* when heard; INT64_MIN = never */
	bool session_known;
	long arrival; /* order of plugging in; 0 = no car */
	int wired_phases;
	double released_a; /* what ramp and delay let through last */
	int64_t released_ms;
	int64_t start_ms;     /* end of a randomised delay; INT64_MIN = none runs */
	int64_t resume_at_ms; /* end of the wait of who lost its minimum; INT64_MIN = none */
	char lost_to[LEASE_SRC_MAX];
	int64_t idle_since_ms; /* offered current and in state B; INT64_MIN = not so */
};

/** What the house at the connection draws without the EVSEs. */
struct setpoint_house {
	double amps[3], watts; /* HUGE_VAL: not measured */
	int64_t heard_ms;      /* INT64_MIN: never */
};

struct setpoint {
	struct setpoint_conf conf;
	struct lease_table leases;
	struct setpoint_evse evse[SETPOINT_EVSES_MAX];
	struct setpoint_meter pcc;
	int64_t pcc_ms;
	struct setpoint_house house;
	bool live;        /* the retained set has ended */
	int64_t begun_ms; /* of the first decision; INT64_MIN = none yet */
	long arrivals;
	uint64_t random;
};

/**
 * The defaults of a configuration: one EVSE, unmanaged, no ceilings, 6 A minimum, 230 V, ages 5 s
 * and 15 s.
 */
void setpoint_conf_init(struct setpoint_conf *c);

/**
 * A core that has heard nothing, held until setpoint_go_live().
 *
 * Ownership: conf is copied; setpoint_release() frees the leases.  Blocking: never.
 */
void setpoint_init(struct setpoint *s, const struct setpoint_conf *conf);
void setpoint_release(struct setpoint *s);

/** The retained set has ended (or, without a bus, the first input is drained): rising is allowed.
 */
void setpoint_go_live(struct setpoint *s);

/**
 * Take what a record says. EVSEs count from 1.
 *
 * @return  false if there is no such EVSE (nothing changes)
 *
 * Ownership: copied.  Blocking: never.
 */
bool setpoint_on_pilot(struct setpoint *s, int evse, const struct setpoint_pilot *p,
		       int64_t now_ms);
bool setpoint_on_meter(struct setpoint *s, int evse, const struct setpoint_meter *m,
		       int64_t now_ms);
bool setpoint_on_session(struct setpoint *s, int evse, const struct setpoint_session *r);

/** The session or pilot record of this EVSE was withdrawn. */
void setpoint_forget_session(struct setpoint *s, int evse);
void setpoint_forget_pilot(struct setpoint *s, int evse);

/** The meter of the grid connection. */
void setpoint_on_pcc(struct setpoint *s, const struct setpoint_meter *m, int64_t now_ms);

/** An urgent command: a running randomised delay of this EVSE ends now (0 = of every EVSE). */
void setpoint_cancel_delay(struct setpoint *s, int evse);

/**
 * Decide for every EVSE.
 *
 * @out      room for conf.evses decisions
 * @next_ms  monotonic instant at which time alone may change the answer, or LEASE_NEVER
 *
 * Ownership: none taken.  Blocking: never.
 * Source: IEC 61851-1:2017, table A.8 (least current 6 A); for all else evse-tools(7), limits
 */
void setpoint_decide(struct setpoint *s, const struct lease_clock *now,
		     struct setpoint_decision *out, int64_t *next_ms);

/** Whether two decisions differ in what an actuator or a reader must learn at once. */
bool setpoint_differs(const struct setpoint_decision *a, const struct setpoint_decision *b);

/** The word of a rule tag: "ceiling", "minimum_wait", … */
const char *setpoint_rule_word(enum setpoint_rule r);

#endif
