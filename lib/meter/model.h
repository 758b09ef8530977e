/* A meter model: what stands in which register, and what the device admits. Facts only; filled from
 * a file by meter/model_file.h, used by the reader and by `evse-meter probe`.
 *
 * Quantities are named as in the model files; units are always V, A, W, var, Hz, Wh. Pure data and
 * functions. */
#ifndef METER_MODEL_H
#define METER_MODEL_H

#include "meter/plan.h"
#include "meter/value.h"

#define METER_REGISTERS_MAX   96
#define METER_SUNSPEC_IDS_MAX 8

enum meter_quantity {
	METER_VOLTAGE,
	METER_CURRENT,
	METER_POWER,
	METER_POWER_IMPORT,
	METER_POWER_EXPORT,
	METER_REACTIVE,
	METER_APPARENT,
	METER_POWER_FACTOR,
	METER_FREQUENCY,
	METER_ENERGY_IMPORT,
	METER_ENERGY_EXPORT,
	METER_ENERGY_TOTAL,
	METER_TEMPERATURE,
	METER_SERIAL,
	METER_FIRMWARE,
	METER_MODEL,
	METER_QUANTITIES
};

/** Where: the meter's own terminals, not yet the grid's phases. */
enum meter_phase { METER_L1, METER_L2, METER_L3, METER_TOTAL };

struct meter_register {
	enum meter_quantity q;
	enum meter_phase ph;
	struct meter_span at;
	struct meter_layout layout;
	int exp10;        /* value = raw * 10^exp10 … */
	int scale_addr;   /* … * 10^(register there), -1 for none … */
	int scale_offset; /* … + this */
};

struct meter_model {
	char name[32], vendor[48], product[96];
	int phases; /* 1, 2, 3 */
	int unit;   /* factory unit id */
	int baud, data, stop;
	char parity; /* 'N' 'E' 'O' */
	struct meter_plan_limits limits;
	int min_gap_ms;                     /* rest between requests that the device needs */
	int refresh_ms;                     /* the meter's own update period, 0 where not known */
	bool generator;                     /* power counts + towards the grid */
	bool little;                        /* word order */
	unsigned invalid;                   /* enum meter_invalid */
	int sunspec[METER_SUNSPEC_IDS_MAX]; /* addresses are offsets in the first of these models
					       found */
	int n_sunspec;
	struct meter_register reg[METER_REGISTERS_MAX];
	int n;
};

/** The word for a quantity ("energy_import"), a phase ("l1"), the unit of a quantity ("Wh", "" for
 * text). */
const char *meter_quantity_name(enum meter_quantity q);
const char *meter_phase_name(enum meter_phase ph);
const char *meter_quantity_unit(enum meter_quantity q);

/** The quantity or phase of a word: 0, or -1 with errno EINVAL. */
int meter_quantity_parse(const char *word, enum meter_quantity *out);
int meter_phase_parse(const char *word, enum meter_phase *out);

/** True for what a `meter` record carries each interval; the rest is read once or by `probe`. */
bool meter_register_is_live(const struct meter_register *r);

/** True for what is read once per connection: it says which device this is. */
bool meter_register_is_identity(const struct meter_register *r);

/**
 * Plan the reads for the registers that a filter admits, with the scale registers that they need.
 *
 * @base  added to each address (0 but for SunSpec)
 * @return  0, or -1 with errno as meter_plan_make()
 */
int meter_model_plan(const struct meter_model *m, bool (*admit)(const struct meter_register *),
		     int base, struct meter_plan *out);

/**
 * The value of one register out of the blocks that were read.
 *
 * @base, @plan  as planned
 * @data   data[i] holds the registers of plan block i, or is NULL where the device refused that
 * block
 * @out    the scaled value; METER_NONE where it has none
 */
void meter_model_value(const struct meter_model *m, int i, int base, const struct meter_plan *plan,
		       const uint16_t *const *data, struct meter_value *out);

/** Find a register: its index, or -1. */
int meter_model_find(const struct meter_model *m, enum meter_quantity q, enum meter_phase ph);

#endif
