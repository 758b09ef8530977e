/* Exact energy counters: whole Wh and a rest in nanojoule.
 *
 * Power is an integer in mW and time an integer in µs, so power × time is an integer in nJ and
 * nothing is ever rounded: what one meter counts, every other meter in the path counts too, to the
 * last nanojoule. */
#ifndef SIM_ENERGY_H
#define SIM_ENERGY_H

#include <stdint.h>

#define SIM_NJ_PER_WH INT64_C(3600000000000)

/** An energy of `wh` × 1 Wh + `nj` × 1 nJ, with 0 ≤ nj < SIM_NJ_PER_WH and wh ≥ 0. */
struct sim_energy {
	int64_t wh;
	int64_t nj;
};

/**
 * Adds power × time.
 *
 * @power_mw  0 to 10⁹ mW (or mvar)
 * @dt_us     0 to 3.6·10⁹ µs (an hour): the product stays inside 64 bits
 */
void sim_energy_add(struct sim_energy *e, int64_t power_mw, int64_t dt_us);

/** The energy in Wh as a floating point number, for display. */
double sim_energy_wh(const struct sim_energy *e);

/** a − b in nJ; the caller makes sure that it is below 2.5 MWh. */
int64_t sim_energy_diff_nj(const struct sim_energy *a, const struct sim_energy *b);

#endif
