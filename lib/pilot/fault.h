/* The faults of an AC charging point: one table says how each is reacted to, cleared and reported.
 */
#ifndef PILOT_FAULT_H
#define PILOT_FAULT_H

#include <stdint.h>

enum pilot_fault {
	FAULT_DIODE,
	FAULT_CP_SHORT,
	FAULT_PE,
	FAULT_RCD,
	FAULT_RCD_SELFTEST,
	FAULT_WELDED,
	FAULT_NOT_CLOSED,
	FAULT_LOCK,
	FAULT_OVERCURRENT,
	FAULT_TEMPERATURE,
	FAULT_ESTOP,
	FAULT_PP,
	FAULT_VENTILATION,
	FAULT_DRIVER,
	FAULT_COUNT
};

/* What the pilot line does. Whatever it is, a fault ends the offer and opens the contactor at once.
 */
enum pilot_fault_cp {
	FAULT_CP_X1,      /* +12 V while the fault stands */
	FAULT_CP_F_PULSE, /* -12 V for fault_f_ms, then X1 */
	FAULT_CP_F_COND,  /* -12 V while the cause is present (at least fault_f_ms), then X1 */
	FAULT_CP_F_HOLD   /* -12 V until cleared */
};

/* What ends it, once the cause is gone. A person's reset_fault ends every fault whose cause is
 * gone. */
enum pilot_fault_clear {
	FAULT_CLEAR_SELF,   /* by itself, once the cause is gone for its time (struct pilot_times,
			       clear) */
	FAULT_CLEAR_UNPLUG, /* state A */
	FAULT_CLEAR_RESET   /* only reset_fault */
};

struct pilot_fault_row {
	const char *code; /* as in the record `pilot` and in the alert */
	enum pilot_fault_cp cp;
	enum pilot_fault_clear clear;
	int severity;          /* OCPP 2.0.1 event severity, 0 (danger) to 9 */
	const char *component; /* OCPP 2.0.1 component and variable of NotifyEvent */
	const char *variable;
	const char *mrec; /* ChargeX minimum required error code, or "" */
	const char *text;
};

/** The table, indexed by enum pilot_fault. */
extern const struct pilot_fault_row pilot_fault_table[FAULT_COUNT];

/** Bit of a fault in a set of faults. */
static inline uint32_t pilot_fault_bit(enum pilot_fault f)
{
	return 1U << f;
}

#endif
