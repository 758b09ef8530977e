/* What voltages and resistances mean: pilot levels with hysteresis, cable coding by PP.
 *
 * Tables of bands, read by pure functions. A board may bring its own PP bands; the CP bands are
 * those of the standard. */
#ifndef PILOT_LEVEL_H
#define PILOT_LEVEL_H

#include <stdbool.h>

/* The level of the pilot's positive half, or of the steady level. LEVEL_NONE: nothing read yet. */
enum pilot_level {
	LEVEL_NONE,
	LEVEL_A,
	LEVEL_B,
	LEVEL_C,
	LEVEL_D,
	LEVEL_E,
	LEVEL_F,
	LEVEL_BAD, /* no car and no standard makes this voltage */
	LEVEL_COUNT
};

/* What the plug's coding resistor says. */
enum pilot_pp { PP_NONE, PP_13, PP_20, PP_32, PP_63, PP_FAULT, PP_COUNT };

/* Upper edges in ohm, falling: at or above none_ohm there is no plug, from r13_ohm up a 13 A cable
 * … and below fault_ohm a short. */
struct pilot_pp_bands {
	int none_ohm, r13_ohm, r20_ohm, r32_ohm, fault_ohm;
};

/** The bands used where a board file gives none. */
extern const struct pilot_pp_bands pilot_pp_default;

/**
 * Level of a voltage, with hysteresis: between two bands the level read before decides.
 *
 * @cp_mv  positive half (or steady level) in mV
 * @was    the level before, LEVEL_NONE at the start
 *
 * Source: IEC 61851-1 Annex A, table of voltages at the EVSE as implementers quote it
 */
enum pilot_level pilot_level_of(int cp_mv, enum pilot_level was);

/** Whether a car is connected and answers at this level. */
bool pilot_level_has_car(enum pilot_level l);

/** Whether the car asks for power at this level (C or D). */
bool pilot_level_wants(enum pilot_level l);

/**
 * Cable coding.
 *
 * @ohm    resistance PP to PE; negative = open
 * @bands  pilot_pp_default or a board's own
 */
enum pilot_pp pilot_pp_of(int ohm, const struct pilot_pp_bands *bands);

/**
 * Current that a cable carries.
 *
 * @three_phase  the 100 ohm code means 63 A on three phases, 70 A on one
 * @return  mA, 0 for no plug or a fault
 */
int pilot_pp_ma(enum pilot_pp pp, bool three_phase);

#endif
