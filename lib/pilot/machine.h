/* The control-pilot machine of one AC charging point: IEC 61851-1 Annex A, Mode 3.
 *
 * Pure: readings, wishes and time go in, outputs come out; no I/O, no clock, no memory. The caller
 *   1. stores what it learnt: pilot_read, pilot_lost, pilot_want, pilot_operative, pilot_command …,
 *   2. calls pilot_step(p, now), which settles the machine for that instant,
 *   3. makes the hardware follow p->out and calls again at the returned deadline at the latest.
 *
 * `now` is monotonic microseconds and never runs back; no duration ends early by rounding. All
 * durations are kept as deadlines, so the machine's future depends only on (deadline - now), and
 * its states can be enumerated. Currents are mA, voltages mV, temperatures tenths of a degree
 * Celsius. */
#ifndef PILOT_MACHINE_H
#define PILOT_MACHINE_H

#include "pilot/fault.h"
#include "pilot/level.h"

#include <stdbool.h>
#include <stdint.h>

#define PILOT_NEVER       INT64_MAX
#define PILOT_TEMP_ABSENT INT16_MIN

enum { PILOT_WAKE_STEPS = 4, PILOT_HISTORY = 4, PILOT_TEMP_STEPS = 3 };

/* All durations in ms. pilot_conf_init() gives the defaults and says where each comes from. */
struct pilot_times {
	int open;               /* a level that ends power must stand this long */
	int level;              /* any other new level must stand this long */
	int duty_blank;         /* a car in C that seems to open S2 is not believed so long after a
				   new duty, */
	int switch_blank;       /* or after the contactor closed */
	int close_hold;         /* C or D must stand this long before the contactor closes */
	int diode_good;         /* negative half seen good this long before the contactor closes */
	int diode_bad;          /* negative half bad this long: diode fault */
	int cp_short;           /* level E this long: fault */
	int bad_level;          /* impossible level this long: fault */
	int settle;             /* readings ignored after the line was switched */
	int feedback;           /* contactor must follow its command within */
	int not_closed;         /* … and an unexplained opening is a fault after */
	int bounce;             /* contactor, RCD and e-stop inputs must stand this long */
	int min_close;          /* between two closings, and from start-up */
	int stop;               /* the car may take this long to open S2 after X1 */
	int fault_f;            /* state F after a fault; 0 = X1 only */
	int unlock_f;           /* plug freed after this long in E or F */
	int lock;               /* lock must confirm within */
	int lock_retry;         /* next try of a lock that did not */
	int watch_low;          /* no setpoint: fall to the fail-safe current */
	int watch_stop;         /* no setpoint: stop */
	int stale;              /* no reading: driver fault */
	int raise;              /* from a change of the duty to the next increase */
	int rcd_pulse;          /* length of the self-test pulse */
	int rcd_seen;           /* both RCD outputs seen active within, after the pulse */
	int rcd_clear;          /* … and inactive again within */
	int rcd_retry;          /* next try after a failed self-test */
	int rcd_retest;         /* self-test valid for */
	int pe;                 /* earth missing this long: fault */
	int pp;                 /* new PP code must stand this long */
	int pp_grace;           /* a missing code this long, without power: fault */
	int over;               /* overcurrent this long: fault */
	int follow;             /* the car may take this long to follow a lower duty */
	int wake_x1;            /* X1 after a wake-up step */
	int phase_off;          /* contactor open before the phase relay moves */
	int phase_wait;         /* pilot cut while phases change */
	int phase_load;         /* the same, at least, where the contactor opened under load */
	int phase_back;         /* after the pilot is reconnected */
	int replug;             /* replug simulation */
	int hlc_x1;             /* X1 between nominal and digital duty */
	int clear[FAULT_COUNT]; /* a cause gone this long clears its fault, where that clears itself
				 */
	int bcb_min, bcb_max, bcb_window; /* a wake-up pulse of the car while the duty is off */
};

/* One attempt to wake a sleeping car: after `after` ms in B2 without C, state F or a cut pilot for
 * `hold`. */
struct pilot_wake {
	int after, hold;
	bool cut;
};

struct pilot_conf {
	int max_ma;           /* what cable, fuse and contactor carry */
	int failsafe_ma;      /* without a setpoint for times.watch_low */
	int step_ma;          /* the driver's granularity */
	int phases;           /* wired: 1 or 3 */
	bool socket;          /* PP is read; false: tethered */
	bool lock;            /* there is a plug lock with feedback */
	bool lock_in_session; /* lock only with a session or an offer, else whenever a car is
				 connected */
	bool feedback;        /* contactor feedback is wired */
	bool rcd_test;        /* the RCD has a self-test input and outputs */
	bool ventilation;
	bool phase_switch;              /* 1/3 phase relay */
	bool cp_disconnect;             /* the pilot line can be cut */
	bool hlc;                       /* 5 % can be made */
	bool limit_simplified;          /* hold a simplified-pilot car to 10 A from our side too */
	int over_permille, over_add_ma; /* overcurrent: I > (signalled + add) * permille / 1000 */
	struct pilot_pp_bands pp;
	int temp_dc[PILOT_TEMP_STEPS];            /* rising: derate, derate more, stop */
	int temp_back_dc;                         /* hysteresis */
	int temp_permille[PILOT_TEMP_STEPS];      /* part of max_ma left at each step; 0 = stop */
	struct pilot_wake wake[PILOT_WAKE_STEPS]; /* up to the first with hold 0 */
	struct pilot_times times;
};

/** Defaults: 32 A, three phases, tethered, everything that needs extra hardware off. */
void pilot_conf_init(struct pilot_conf *c);

/* What the board reports. */
struct pilot_readings {
	int cp_pos_mv, cp_neg_mv;
	int pp_ohm;     /* negative = open */
	bool contactor; /* feedback: closed */
	bool locked;    /* lock feedback: locked */
	bool unlocked;  /* lock feedback: unlocked (neither: on its way, or unknown) */
	bool rcd, rcd6, rcd30;
	bool pe; /* protective earth present */
	bool estop;
	int16_t temp_dc;    /* hottest sensor, PILOT_TEMP_ABSENT if none */
	int32_t current_ma; /* highest phase, negative if not measured */
};

/* The setpoint followed. */
struct pilot_wanted {
	bool enable;
	bool session; /* a session exists: going out of service waits for its end */
	bool digital; /* 5 %: the current goes by digital communication */
	int max_ma;
	int phases; /* 1 or 3; 0 = no wish */
};

enum pilot_cmd { PILOT_UNLOCK, PILOT_RESET_FAULT, PILOT_REPLUG };

/* What the board must do. All of it is to be held until it changes. */
struct pilot_out {
	int duty;       /* 1/100 %; 10000 = X1, 0 = F */
	bool contactor; /* true = close */
	bool lock;      /* true = locked */
	bool lock_try;  /* turns over with each new attempt at the same position */
	bool rcd_test;
	bool cp_connected;
	bool trip_upstream; /* second means of disconnection */
	uint8_t phases;
};

enum pilot_timer {
	T_LEVEL,
	T_BLANK,
	T_CLOSE_HOLD,
	T_DIODE_GOOD,
	T_DIODE_BAD,
	T_SHORT,
	T_BAD_LEVEL,
	T_BLIND,
	T_PWM,
	T_FB,
	T_FB_BOUNCE,
	T_NOT_CLOSED,
	T_MIN_CLOSE,
	T_STOP,
	T_F,
	T_FREE,
	T_LOCK,
	T_LOCK_RETRY,
	T_WATCH_LOW,
	T_WATCH_STOP,
	T_STALE,
	T_RAISE,
	T_RCD,
	T_RCD_BOUNCE,
	T_RCD_RETRY,
	T_RCD_RETEST,
	T_PE,
	T_ESTOP,
	T_PP,
	T_PP_GRACE,
	T_OVER,
	T_HISTORY,
	T_SEQ = T_HISTORY + PILOT_HISTORY,
	T_WAKE,
	T_BCB_MIN,
	T_BCB_MAX,
	T_BCB_WINDOW,
	T_CLEAR,
	T_COUNT = T_CLEAR + FAULT_COUNT
};

/* What is being walked through, besides charging. */
enum pilot_seq {
	SEQ_NONE,
	SEQ_STOP, /* phases: waiting for the contactor to open */
	SEQ_OFF,  /* phases: contactor open, before the relay moves */
	SEQ_CUT,  /* pilot cut (or X1, where it can't be cut) */
	SEQ_BACK, /* pilot reconnected */
	SEQ_F,    /* wake-up or replug by state F */
	SEQ_X1    /* X1 before the duty returns */
};

enum pilot_rcd { RCD_IDLE, RCD_PULSE, RCD_WAIT, RCD_CLEAR };

struct pilot {
	const struct pilot_conf *conf;
	struct pilot_out out;
	int64_t t[T_COUNT];

	struct pilot_readings in;
	bool valid; /* the driver delivers */
	struct pilot_wanted wanted;
	bool operative, stopping;

	enum pilot_level level, level_next; /* debounced, and the one on its way */
	enum pilot_pp pp, pp_next;
	bool fb, rcd_trip, estop, pe_lost; /* debounced */
	bool connected;                    /* a car was seen and has not left */
	bool simplified;                   /* it came A to C without B */
	bool diode_ok;
	uint32_t faults, causes; /* bits of enum pilot_fault: latched, present now */

	bool offer;                    /* the duty is to be on */
	bool asked;                    /* … leaving out sequences: its rise arms the wake-up */
	bool digital;                  /* … at 5 % */
	int limit_ma;                  /* signalled; 0 without duty */
	int history_ma[PILOT_HISTORY]; /* signalled before and still to be tolerated */
	uint8_t temp_step;

	bool forced_unlock;
	enum pilot_rcd rcd_stage;
	bool rcd_ok, rcd_due, rcd_failed, rcd6_seen, rcd30_seen;

	enum pilot_seq seq;
	bool seq_phases; /* the sequence is a phase switch */
	bool under_load; /* the contactor opened under load on the way */
	uint8_t woken;   /* wake-up steps done */
	bool seen_c;     /* the car asked for power since the offer rose */
	uint8_t bcb;     /* wake-up pulses of the car, 0 to 3 */

	/* Counters only grow and decide nothing; the enumeration of states leaves them out. */
	struct pilot_counts {
		uint32_t closings, opened_under_load, rcd_tests;
	} counts;
};

/**
 * Start-up state: everything off, X1, the contactor not to be closed for times.min_close.
 *
 * @conf  borrowed for the machine's life
 */
void pilot_init(struct pilot *p, const struct pilot_conf *conf, int64_t now);

/** A fresh reading of the board. */
void pilot_read(struct pilot *p, int64_t now, const struct pilot_readings *r);

/** The board can't be reached. The next pilot_read ends that. */
void pilot_lost(struct pilot *p);

/** A fresh setpoint: it is followed, and its watch times start again. */
void pilot_want(struct pilot *p, int64_t now, const struct pilot_wanted *w);

/** In or out of service. Out of service the pilot goes to F once there is no session. */
void pilot_operative(struct pilot *p, bool operative);

/** Planned stop for the end of the program: X1, open after S2 or at times.stop. See pilot_stopped.
 */
void pilot_stop(struct pilot *p);

/** Whether the planned stop is done: contactor commanded open and, where it reports, open. */
bool pilot_stopped(const struct pilot *p);

/**
 * Carry out a command.
 *
 * @return  NULL if accepted, else the reason of the refusal (a fixed word)
 */
const char *pilot_command(struct pilot *p, int64_t now, enum pilot_cmd cmd);

/**
 * Settle the machine for this instant.
 *
 * @return  the next time at which something happens by itself; PILOT_NEVER if nothing
 */
int64_t pilot_step(struct pilot *p, int64_t now);

/** The state to report: "A1" … "D2", "E", "F". */
const char *pilot_state_name(const struct pilot *p);

/** What cable and board carry now, mA: the published limit of the hardware. */
int pilot_cable_ma(const struct pilot *p);

/** Whether the duty is between 0 and 100 %. */
static inline bool pilot_pwm(const struct pilot *p)
{
	return p->out.duty > 0 && p->out.duty < 10000;
}

#endif
