#include "sim/energy.h"

void sim_energy_add(struct sim_energy *e, int64_t power_mw, int64_t dt_us)
{
	int64_t nj = power_mw * dt_us;

	e->wh += nj / SIM_NJ_PER_WH;
	e->nj += nj % SIM_NJ_PER_WH;
	if (e->nj >= SIM_NJ_PER_WH) {
		e->nj -= SIM_NJ_PER_WH;
		e->wh++;
	}
}

double sim_energy_wh(const struct sim_energy *e)
{
	return (double)e->wh + (double)e->nj / (double)SIM_NJ_PER_WH;
}

int64_t sim_energy_diff_nj(const struct sim_energy *a, const struct sim_energy *b)
{
	return (a->wh - b->wh) * SIM_NJ_PER_WH + a->nj - b->nj;
}
