#include "sim/meter.h"

#define PIECE_US INT64_C(3600000000)

void sim_meter_init(struct sim_meter *m, int serial, int64_t base_wh)
{
	*m = (struct sim_meter){.serial = serial, .import_sum.wh = base_wh};
	for (int i = 0; i < SIM_PHASES; i++)
		m->import[i].wh = base_wh / SIM_PHASES;
}

static void count(struct sim_energy *import, struct sim_energy *export, int64_t power,
		  int64_t dt_us)
{
	if (power >= 0)
		sim_energy_add(import, power, dt_us);
	else
		sim_energy_add(export, -power, dt_us);
}

static void count_piece(struct sim_meter *m, const struct sim_flow *f, int64_t dt_us)
{
	int64_t power = 0, reactive = 0;

	for (int i = 0; i < SIM_PHASES; i++) {
		count(&m->import[i], &m->export[i], f -> power_mw[i], dt_us);
		count(&m->q_import[i], &m->q_export[i], f->reactive_mvar[i], dt_us);
		power += f->power_mw[i];
		reactive += f->reactive_mvar[i];
	}
	count(&m->import_sum, &m->export_sum, power, dt_us);
	count(&m->q_import_sum, &m->q_export_sum, reactive, dt_us);
}

void sim_meter_count(struct sim_meter *m, const struct sim_flow *f, int64_t dt_us)
{
	for (; dt_us > PIECE_US; dt_us -= PIECE_US)
		count_piece(m, f, PIECE_US);
	count_piece(m, f, dt_us);
}
