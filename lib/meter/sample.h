/* One measurement: values of the registers brought into the charger's conventions (load signs, the
 * grid's phases).
 *
 * Pure. A number that is not measured is NAN. */
#ifndef METER_SAMPLE_H
#define METER_SAMPLE_H

#include "meter/epoch.h"
#include "meter/model.h"

enum meter_network { METER_TN, METER_TT, METER_IT, METER_SPLIT };

/** How the meter is wired into the grid. */
struct meter_wiring {
	int phase[3]; /* grid phase (0, 1, 2) at the meter's terminal l1, l2, l3 */
	enum meter_network network;
	bool invert; /* current flows through the meter against its arrow */
};

struct meter_sample {
	double voltage_v[3];    /* to neutral, by grid phase */
	double voltage_ll_v[3]; /* between lines, at the first line of L1-L2, L2-L3, L3-L1 */
	double current_a[3];    /* magnitudes */
	double power_w[3], reactive_var[3];
	double power_total_w, reactive_total_var;
	double cosphi; /* 0 to 1 */
	double freq_hz;
	struct meter_counter import, export;
	char serial[METER_SERIAL_MAX];
};

/**
 * Read a phase rotation: "RST" and its five permutations, as in OCPP; R S T are the grid's L1 L2
 * L3.
 *
 * @return  0, or -1 with errno EINVAL
 */
int meter_rotation_parse(const char *word, int phase[3]);

/** Read a network: "tn", "tt", "it", "split"; 0, or -1 with errno EINVAL. */
int meter_network_parse(const char *word, enum meter_network *out);

/**
 * Bring the values of a model's registers into a sample.
 *
 * @value  value[i] belongs to m->reg[i]; METER_NONE for what was not read
 *
 * Signs: power is + when drawn from the grid, reactive power + when inductive; a model in generator
 * convention or an inverted meter is turned round, with import and export changing places where it
 * is inverted. Network `it` has no neutral: voltages stand between lines and single phases have no
 * power of their own. There and with `split`, the current of a single-phase meter flows in two
 * lines.
 */
void meter_sample_make(const struct meter_model *m, const struct meter_wiring *w,
		       const struct meter_value *value, struct meter_sample *out);

#endif
