/* The hardware of one EVSE: contactor with feedback, RCD with self-test, lock, PE, emergency stop,
 * temperature, upstream breaker. Pure: time and input are arguments, times in µs on one monotonic
 * clock. */
#ifndef SIM_BOARD_H
#define SIM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/** Faults of the board, one bit each; sim_fault_find() knows their names. */
enum sim_fault {
	SIM_FAULT_WELDED = 1 << 0,       /* the contactor does not open */
	SIM_FAULT_NOT_CLOSED = 1 << 1,   /* the contactor does not close */
	SIM_FAULT_FEEDBACK = 1 << 2,     /* the feedback line says the opposite */
	SIM_FAULT_RCD = 1 << 3,          /* 30 mA AC trip */
	SIM_FAULT_RCD6 = 1 << 4,         /* 6 mA DC trip */
	SIM_FAULT_RCD_SELFTEST = 1 << 5, /* the self-test is not answered */
	SIM_FAULT_PE = 1 << 6,
	SIM_FAULT_LOCK = 1 << 7, /* the lock does not move */
	SIM_FAULT_ESTOP = 1 << 8,
	SIM_FAULT_PP_OPEN = 1 << 9,
	SIM_FAULT_PP_SHORT = 1 << 10,
	SIM_FAULT_CP_SHORT = 1 << 11,
	SIM_FAULT_CP_OPEN = 1 << 12,
	SIM_FAULT_METER_SILENT = 1 << 13,
	SIM_FAULT_METER_LATE = 1 << 14,
	SIM_FAULT_METER_EXCEPTION = 1 << 15,
	SIM_FAULT_METER_GARBAGE = 1 << 16,
};

/**
 * The fault of a name ("welded", "meter_late" …).
 *
 * @return  its bit, or 0 when there is none
 */
int sim_fault_find(const char *name);

/** The name of the index-th fault, NULL at the end. */
const char *sim_fault_name(int index);

/** What the EVSE's builder chose. */
struct sim_board_model {
	int close_ms, open_ms; /* of the contactor */
	int lock_ms;           /* the lock's motor */
	int interlock; /* the hardware itself drops the contactor at RCD trip, e-stop, or CP outside
			  C and D */
	int alive_ms;  /* without an alive pulse for so long the outputs fall to X1 and open; 0 =
			  they hold */
};

struct sim_board {
	struct sim_board_model model;
	int faults; /* enum sim_fault, or-ed */
	/* outputs as commanded */
	int duty_permyriad;
	bool contactor_cmd, lock_cmd, cp_connected;
	int phases;   /* 1 or 3, what the phase relay passes */
	bool breaker; /* upstream breaker closed */
	/* what is */
	bool contactor, locked;
	bool rcd6_test, rcd30_test;
	int temp_mc;
	int64_t contactor_us, lock_us, test_us, alive_us; /* deadlines, SIM_NEVER if none */
	int test_step;
	int closings, opened_under_load;
};

/** A board at rest: X1, contactor open, unlocked, breaker closed, 25 °C. */
void sim_board_init(struct sim_board *b, const struct sim_board_model *m);

/** Commands to the outputs; each acts at once and the mechanics follow in their time. */
void sim_board_contactor(struct sim_board *b, bool on, int64_t now_us);
void sim_board_lock(struct sim_board *b, bool on, int64_t now_us);
void sim_board_rcd_test(struct sim_board *b, int64_t now_us);
void sim_board_alive(struct sim_board *b, int64_t now_us);

/** Sets or clears a fault; mechanics that it freed or stuck follow in their time. */
void sim_board_fault(struct sim_board *b, int fault, bool on, int64_t now_us);

/** The safety chain where the board has one (model.interlock): cp_ok says that CP is in C or D. */
void sim_board_interlock(struct sim_board *b, bool cp_ok, int64_t now_us);

/** Instant of the next event, SIM_NEVER if none. */
int64_t sim_board_next(const struct sim_board *b);

/** Lets every event that is due happen. @under_load  a current flows through the contactor now. */
void sim_board_step(struct sim_board *b, bool under_load, int64_t now_us);

/** The lines as the controller reads them. */
bool sim_board_feedback(const struct sim_board *b);
bool sim_board_rcd_tripped(const struct sim_board *b);

/** Phases with mains behind the contactor: 0, 1 or 3. */
int sim_board_phases_live(const struct sim_board *b);

#endif
