/* A controller board with a mind of its own: it runs the pilot and the contactor by itself, as an
 * OpenEVSE does, and is only told wishes. Pure: it reads the world's wires and drives the world's
 * outputs. */
#ifndef SIM_OPENEVSE_H
#define SIM_OPENEVSE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world.h"

/** What the controller says it is in. Source: RAPI 5.2.1 of OpenEVSE's firmware */
enum openevse_state {
	OPENEVSE_A = 0x01,
	OPENEVSE_B = 0x02,
	OPENEVSE_C = 0x03,
	OPENEVSE_VENT = 0x04,
	OPENEVSE_DIODE = 0x05,
	OPENEVSE_GFCI = 0x06,
	OPENEVSE_NO_GROUND = 0x07,
	OPENEVSE_STUCK = 0x08,
	OPENEVSE_SELFTEST = 0x09,
	OPENEVSE_HOT = 0x0a,
	OPENEVSE_NOT_CLOSED = 0x0e,
	OPENEVSE_SLEEPING = 0xfe,
	OPENEVSE_DISABLED = 0xff,
};

enum openevse_mode { OPENEVSE_ENABLE, OPENEVSE_SLEEP, OPENEVSE_DISABLE };

enum openevse_flag {
	OPENEVSE_FLAG_HARD_FAULT = 0x0002,
	OPENEVSE_FLAG_AUTH_LOCKED = 0x0008,
	OPENEVSE_FLAG_GROUND_ONCE = 0x0020,
	OPENEVSE_FLAG_RELAY = 0x0040,
	OPENEVSE_FLAG_GFCI_ONCE = 0x0080,
	OPENEVSE_FLAG_CONNECTED = 0x0100,
	OPENEVSE_FLAG_BOOT_LOCK = 0x4000,
};

enum { OPENEVSE_MIN_A = 6, OPENEVSE_HW_MAX_A = 80 };

struct openevse {
	int evse; /* whose board it is, from 0 */
	enum openevse_mode mode;
	int amps, max_amps;
	int pilot, candidate; /* OPENEVSE_A to OPENEVSE_VENT as read, and what is being debounced */
	int fault;            /* 0, or the state of a fault */
	bool relay;
	bool auth_locked, boot_locked;
	int once; /* flags of what happened since the start */
	int gfci_count, ground_count, stuck_count;
	int heartbeat_s, heartbeat_a;
	bool heartbeat_missed;
	int64_t debounce_us, relay_us, sleep_us, retry_us,
	    heartbeat_us; /* deadlines, SIM_NEVER if none */
	int64_t closed_us,
	    charged_us; /* since when, and how long before, it charged in this session */
	struct sim_energy session_start;
};

/** A controller at its start: enabled, 16 A, at most max_a. */
void openevse_init(struct openevse *o, int evse, int max_a, const struct sim_world *w);

/** Looks at the wires, decides, and drives the outputs. After each change of the world and at each
 * deadline. */
void openevse_run(struct openevse *o, struct sim_world *w);

/** Instant of its next deadline, SIM_NEVER if none. */
int64_t openevse_next(const struct openevse *o);

/** Enable, sleep (X1, opens when the car lets it, at most 3 s later) or disable (F, opens at once).
 */
void openevse_mode(struct openevse *o, enum openevse_mode mode, struct sim_world *w);

/** Starts over: faults are forgotten. */
void openevse_restart(struct openevse *o, struct sim_world *w);

/** A sign of life; supervision with an interval of 0 is off. @acknowledge  a miss is forgiven */
void openevse_pulse(struct openevse *o, bool acknowledge, struct sim_world *w);

enum openevse_state openevse_state(const struct openevse *o);
int openevse_flags(const struct openevse *o);
/** Current that the pilot offers now. */
int openevse_amps(const struct openevse *o);
/** Seconds charged in this session. */
int64_t openevse_elapsed_s(const struct openevse *o, int64_t now_us);

#endif
