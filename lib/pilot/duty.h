/* Duty cycle and current: the two directions of IEC 61851-1 Annex A.
 *
 * Duty is in 1/100 of a percent ("permyriad", 0 to 10000), current in mA. Both directions are pure.
 * The two are not inverse everywhere: between 51 A and 52.5 A no duty is defined, and a duty is
 * always rounded down, so that the car never reads more than was meant. */
#ifndef PILOT_DUTY_H
#define PILOT_DUTY_H

#include <stdbool.h>

enum {
	DUTY_F = 0,      /* steady -12 V */
	DUTY_HLC = 500,  /* 5 %: digital communication only */
	DUTY_X1 = 10000, /* steady +12 V */
	DUTY_MIN_MA = 6000,
	DUTY_MAX_MA = 80000,
	DUTY_STEP_MA = 100
};

/**
 * The current that can be signalled and is not above the wanted one.
 *
 * @want_ma  wanted upper limit, any value
 * @step_ma  granularity of the driver (100, or 1000 for a driver of whole amperes), > 0
 * @return   a multiple of step_ma from 6000 to 80000, outside the undefined gap (51 A, exclusive,
 * to 52.5 A); 0 below 6 A (pause)
 *
 * Source: IEC 61851-1 Annex A, duty cycle by EVSE (table as implementers quote it)
 */
int duty_floor_ma(int want_ma, int step_ma);

/**
 * The duty that signals a current, rounded down to 0.01 %.
 *
 * @ma      current; it is taken through duty_floor_ma(ma, 100) first
 * @return  1000 to 9600, or DUTY_X1 where nothing can be signalled (below 6 A)
 */
int duty_of_ma(int ma);

/**
 * What a car may draw at a duty.
 *
 * @permyriad  0 to 10000
 * @return     mA; 0 where the car must not charge or may charge only by digital communication
 *
 * Source: IEC 61851-1 Annex A, maximum current by vehicle
 */
int duty_car_ma(int permyriad);

/** Whether a duty calls for digital communication (3 % to 7 %). */
bool duty_is_hlc(int permyriad);

#endif
