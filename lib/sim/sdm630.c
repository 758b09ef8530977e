#include "sim/sdm630.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
	INPUT_END = 382,
	REQUEST_MAX = 80,
	SERIAL_ADDR = 64512,
	FIRMWARE_ADDR = 64515,
	FIRMWARE = 0x0119,
};

enum quantity {
	VOLTAGE,
	CURRENT,
	POWER,
	APPARENT,
	REACTIVE,
	FACTOR,
	ANGLE,
	FREQUENCY,
	NEUTRAL,
	IMPORT,
	EXPORT,
	TOTAL,
	Q_IMPORT,
	Q_EXPORT,
	Q_TOTAL,
};

/* First address of a run of values: the three phases, or the sum alone. */
static const struct run {
	int addr;
	enum quantity q;
	bool phases;
} runs[] = {
    {0, VOLTAGE, true},    {6, CURRENT, true},  {12, POWER, true},     {18, APPARENT, true},
    {24, REACTIVE, true},  {30, FACTOR, true},  {52, POWER, false},    {56, APPARENT, false},
    {60, REACTIVE, false}, {62, FACTOR, false}, {66, ANGLE, false},    {70, FREQUENCY, false},
    {72, IMPORT, false},   {74, EXPORT, false}, {76, Q_IMPORT, false}, {78, Q_EXPORT, false},
    {224, NEUTRAL, false}, {342, TOTAL, false}, {344, Q_TOTAL, false}, {346, IMPORT, true},
    {352, EXPORT, true},   {358, TOTAL, true},  {364, Q_IMPORT, true}, {370, Q_EXPORT, true},
};
enum { RUNS = sizeof(runs) / sizeof(runs[0]) };

static double sum(const int64_t v[SIM_PHASES], int phase)
{
	return phase >= 0 ? (double)v[phase] : (double)(v[0] + v[1] + v[2]);
}

static double kwh(const struct sim_energy each[SIM_PHASES], const struct sim_energy *all, int phase)
{
	return sim_energy_wh(phase >= 0 ? &each[phase] : all) / 1000;
}

/* The three currents are 120° apart: what is left flows in the neutral. */
static double neutral_a(const struct sim_flow *f)
{
	double a = (double)f->current_ma[0], b = (double)f->current_ma[1],
	       c = (double)f->current_ma[2];
	double square = a * a + b * b + c * c - a * b - b * c - c * a;

	return sqrt(square > 0 ? square : 0) / 1000;
}

/* @phase  0 to 2, or -1 for the sum */
static double value(const struct sim_display *d, enum quantity q, int phase)
{
	const struct sim_meter *m = d->meter;
	const struct sim_flow *f = d->flow;
	double p = sum(f->power_mw, phase) / 1000, r = sum(f->reactive_mvar, phase) / 1000;

	switch (q) {
	case VOLTAGE:
		return (double)f->voltage_mv[phase] / 1000;
	case CURRENT:
		return (double)f->current_ma[phase] / 1000;
	case POWER:
		return p;
	case REACTIVE:
		return r;
	case APPARENT:
		return hypot(p, r);
	case FACTOR:
		return hypot(p, r) > 0 ? p / hypot(p, r) : 1;
	case ANGLE:
		return atan2(r, p) * 180 / M_PI;
	case FREQUENCY:
		return d->freq_mhz / 1000.0;
	case NEUTRAL:
		return neutral_a(f);
	case IMPORT:
		return kwh(m->import, &m->import_sum, phase);
	case EXPORT:
		return kwh(m->export, &m->export_sum, phase);
	case TOTAL:
		return kwh(m->import, &m->import_sum, phase) +
		       kwh(m->export, &m->export_sum, phase);
	case Q_IMPORT:
		return kwh(m->q_import, &m->q_import_sum, phase);
	case Q_EXPORT:
		return kwh(m->q_export, &m->q_export_sum, phase);
	case Q_TOTAL:
		return kwh(m->q_import, &m->q_import_sum, phase) +
		       kwh(m->q_export, &m->q_export_sum, phase);
	}
	return 0;
}

/* The value at an even address; what lies between the known ones reads 0. */
static float parameter(const struct sim_display *d, int addr)
{
	for (int i = 0; i < RUNS; i++) {
		int offset = addr - runs[i].addr;

		if (runs[i].phases && offset >= 0 && offset < 2 * SIM_PHASES)
			return (float)value(d, runs[i].q, offset / 2);
		if (!runs[i].phases && offset == 0)
			return (float)value(d, runs[i].q, -1);
	}
	return 0;
}

static int read_input(const struct sim_display *d, int addr, int count, uint16_t *out)
{
	if (count > REQUEST_MAX || count % 2)
		return SIM_MB_ILLEGAL_VALUE;
	if (addr % 2 || addr + count > INPUT_END)
		return SIM_MB_ILLEGAL_ADDRESS;
	for (int i = 0; i < count; i += 2) {
		float v = parameter(d, addr + i);
		uint32_t bits;

		memcpy(&bits, &v, sizeof(bits));
		out[i] = (uint16_t)(bits >> 16);
		out[i + 1] = (uint16_t)bits;
	}
	return 0;
}

static int read_holding(const struct sim_display *d, int addr, int count, uint16_t *out)
{
	uint16_t page[] = {(uint16_t)(d->meter->serial >> 16), (uint16_t)d->meter->serial, 0,
			   FIRMWARE};

	if (addr < SERIAL_ADDR || addr + count > FIRMWARE_ADDR + 1)
		return SIM_MB_ILLEGAL_ADDRESS;
	memcpy(out, page + (addr - SERIAL_ADDR), (size_t)count * sizeof(*out));
	return 0;
}

int sim_sdm630_read(const struct sim_display *d, int fc, int addr, int count, uint16_t *out)
{
	if (fc != 3 && fc != 4)
		return SIM_MB_ILLEGAL_FUNCTION;
	if (count < 1 || count > 125)
		return SIM_MB_ILLEGAL_VALUE;
	return fc == 4 ? read_input(d, addr, count, out) : read_holding(d, addr, count, out);
}
