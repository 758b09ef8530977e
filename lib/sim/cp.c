#include "sim/cp.h"

enum {
	SOURCE_MV = 12000,
	SOURCE_OHM = 1000,
	DIODE_MV = 700,
};

/* One half wave: the source pushes through 1 kΩ into the load. */
static int level_mv(int source_mv, const struct sim_cp_load *load)
{
	int drop_mv = load->diode ? DIODE_MV : 0;

	if (load->shorted)
		return 0;
	if (load->ohm == 0)
		return source_mv;
	if (load->diode && source_mv <= drop_mv)
		return source_mv;
	return drop_mv + (source_mv - drop_mv) * load->ohm / (load->ohm + SOURCE_OHM);
}

void sim_cp_levels(int duty_permyriad, const struct sim_cp_load *load, int *pos_mv, int *neg_mv)
{
	*pos_mv = level_mv(duty_permyriad <= SIM_DUTY_F ? -SOURCE_MV : SOURCE_MV, load);
	*neg_mv = level_mv(duty_permyriad >= SIM_DUTY_X1 ? SOURCE_MV : -SOURCE_MV, load);
}

int sim_cp_ev_limit_ma(int duty_permyriad)
{
	if (duty_permyriad < 800 || duty_permyriad > 9700)
		return 0;
	if (duty_permyriad < 1000)
		return 6000;
	if (duty_permyriad <= 8500)
		return duty_permyriad * 6;
	if (duty_permyriad <= 9600)
		return (duty_permyriad - 6400) * 25;
	return 80000;
}
