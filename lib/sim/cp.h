/* The control pilot as resistances and voltages, and what a duty cycle tells a car. Pure.
 *
 * The charger drives ±12 V through 1 kΩ; the car answers with a diode and a resistor to earth. */
#ifndef SIM_CP_H
#define SIM_CP_H

#include <stdbool.h>

#define SIM_DUTY_F  0     /* steady −12 V */
#define SIM_DUTY_X1 10000 /* steady +12 V */

enum {
	SIM_CP_OHM_B = 2740, /* R3 alone */
	SIM_CP_OHM_C = 882,  /* R3 with 1.3 kΩ beside it */
	SIM_CP_OHM_D = 246,  /* and with 270 Ω beside both */
};

/** What hangs on the pilot wire. */
struct sim_cp_load {
	int ohm;      /* 0 = nothing: open wire */
	bool diode;   /* the car's diode is in series */
	bool shorted; /* the wire lies on earth */
};

/**
 * Highest and lowest level of one pilot period at the charger's measuring point.
 *
 * @duty_permyriad  0 = steady −12 V, 10000 = steady +12 V, between: square wave
 * @pos_mv, @neg_mv  result in mV; a steady level gives the same value twice
 * Source: IEC 61851-1 Annex A circuit (1 kΩ source, 2.74 kΩ, 882 Ω, 246 Ω), diode taken as 0.7 V
 */
void sim_cp_levels(int duty_permyriad, const struct sim_cp_load *load, int *pos_mv, int *neg_mv);

/**
 * Highest current that a car may draw at a duty cycle, in mA; 0 where it must not draw, and in 3 …
 * 7 % where only digital communication can allow it.
 *
 * Source: IEC 61851-1 Annex A, duty cycle as the vehicle reads it
 */
int sim_cp_ev_limit_ma(int duty_permyriad);

#endif
