/* The registers of an Eastron SDM630 in front of a simulated meter. Pure.
 *
 * Source: register facts of the model (float32, high word first, input registers from 0 to 381; at
 * most 80 registers a request, start and count even; serial number in holding registers 64512 and
 * 64513) */
#ifndef SIM_SDM630_H
#define SIM_SDM630_H

#include <stdint.h>

#include "sim/meter.h"

enum {
	SIM_MB_ILLEGAL_FUNCTION = 1,
	SIM_MB_ILLEGAL_ADDRESS = 2,
	SIM_MB_ILLEGAL_VALUE = 3,
	SIM_MB_DEVICE_FAILURE = 4,
	SIM_MB_DEVICE_BUSY = 6,
};

/** A meter as its display knows it. All borrowed. */
struct sim_display {
	const struct sim_meter *meter;
	const struct sim_flow *flow;
	int freq_mhz;
};

/**
 * Reads registers.
 *
 * @fc     function code: 3 holding, 4 input
 * @addr   first register, as on the wire (from 0)
 * @count  1 to 125
 * @out    count registers
 * @return 0, or the exception code that the meter answers
 */
int sim_sdm630_read(const struct sim_display *d, int fc, int addr, int count, uint16_t *out);

#endif
