/* An energy meter: it sees a flow and counts it. Pure. */
#ifndef SIM_METER_H
#define SIM_METER_H

#include <stdint.h>

#include "sim/energy.h"

enum { SIM_PHASES = 3 };

/** What flows past a meter now; + is towards the car or out of the grid; reactive + is inductive.
 */
struct sim_flow {
	int64_t power_mw[SIM_PHASES];
	int64_t reactive_mvar[SIM_PHASES];
	int64_t current_ma[SIM_PHASES];
	int64_t voltage_mv[SIM_PHASES];
};

struct sim_meter {
	struct sim_energy import[SIM_PHASES], export[SIM_PHASES];
	struct sim_energy import_sum, export_sum; /* of the sum over the phases at each instant */
	struct sim_energy q_import[SIM_PHASES], q_export[SIM_PHASES];
	struct sim_energy q_import_sum, q_export_sum;
	int serial;
};

/** A new meter that has already counted base_wh, a third of it on each phase. */
void sim_meter_init(struct sim_meter *m, int serial, int64_t base_wh);

/** Counts a constant flow for dt_us ≥ 0; long times are taken in pieces, nothing overflows. */
void sim_meter_count(struct sim_meter *m, const struct sim_flow *f, int64_t dt_us);

#endif
