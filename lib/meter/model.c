#include "meter/model.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name, *unit;
} quantities[METER_QUANTITIES] = {
    [METER_VOLTAGE] = {"voltage", "V"},
    [METER_CURRENT] = {"current", "A"},
    [METER_POWER] = {"power_active", "W"},
    [METER_POWER_IMPORT] = {"power_import", "W"},
    [METER_POWER_EXPORT] = {"power_export", "W"},
    [METER_REACTIVE] = {"power_reactive", "var"},
    [METER_APPARENT] = {"power_apparent", "VA"},
    [METER_POWER_FACTOR] = {"power_factor", ""},
    [METER_FREQUENCY] = {"frequency", "Hz"},
    [METER_ENERGY_IMPORT] = {"energy_import", "Wh"},
    [METER_ENERGY_EXPORT] = {"energy_export", "Wh"},
    [METER_ENERGY_TOTAL] = {"energy_total", "Wh"},
    [METER_TEMPERATURE] = {"temperature", "Celsius"},
    [METER_SERIAL] = {"serial", ""},
    [METER_FIRMWARE] = {"firmware", ""},
    [METER_MODEL] = {"model", ""},
};

static const char *const phases[] = {"l1", "l2", "l3", "total"};

const char *meter_quantity_name(enum meter_quantity q)
{
	return quantities[q].name;
}

const char *meter_quantity_unit(enum meter_quantity q)
{
	return quantities[q].unit;
}

const char *meter_phase_name(enum meter_phase ph)
{
	return phases[ph];
}

int meter_quantity_parse(const char *word, enum meter_quantity *out)
{
	for (int i = 0; i < METER_QUANTITIES; i++) {
		if (strcmp(word, quantities[i].name) == 0) {
			*out = (enum meter_quantity)i;
			return 0;
		}
	}
	errno = EINVAL;
	return -1;
}

int meter_phase_parse(const char *word, enum meter_phase *out)
{
	for (int i = METER_L1; i <= METER_TOTAL; i++) {
		if (strcmp(word, phases[i]) == 0) {
			*out = (enum meter_phase)i;
			return 0;
		}
	}
	errno = EINVAL;
	return -1;
}

bool meter_register_is_live(const struct meter_register *r)
{
	switch (r->q) {
	case METER_VOLTAGE:
	case METER_CURRENT:
	case METER_POWER:
	case METER_POWER_IMPORT:
	case METER_POWER_EXPORT:
	case METER_REACTIVE:
		return true;
	case METER_POWER_FACTOR:
	case METER_FREQUENCY:
	case METER_ENERGY_IMPORT:
	case METER_ENERGY_EXPORT:
		return r->ph == METER_TOTAL;
	case METER_APPARENT:
	case METER_ENERGY_TOTAL:
	case METER_TEMPERATURE:
	case METER_SERIAL:
	case METER_FIRMWARE:
	case METER_MODEL:
	case METER_QUANTITIES:
		return false;
	}
	return false;
}

bool meter_register_is_identity(const struct meter_register *r)
{
	return r->q == METER_SERIAL;
}

static struct meter_span at(const struct meter_register *r, int base)
{
	return (struct meter_span){r->at.fc, base + r->at.addr, r->at.count};
}

static struct meter_span scale_at(const struct meter_register *r, int base)
{
	return (struct meter_span){r->at.fc, base + r->scale_addr, 1};
}

int meter_model_plan(const struct meter_model *m, bool (*admit)(const struct meter_register *),
		     int base, struct meter_plan *out)
{
	struct meter_span want[2 * METER_REGISTERS_MAX];
	int n = 0;

	for (int i = 0; i < m->n; i++) {
		const struct meter_register *r = &m->reg[i];

		if (!admit(r))
			continue;
		want[n++] = at(r, base);
		if (r->scale_addr >= 0)
			want[n++] = scale_at(r, base);
	}
	return meter_plan_make(want, n, &m->limits, out);
}

/* The registers of a span, or NULL where they were not read. */
static const uint16_t *fetch(const struct meter_plan *plan, const uint16_t *const *data,
			     const struct meter_span *s)
{
	int i = meter_plan_find(plan, s);

	return i < 0 || !data[i] ? NULL : data[i] + (s->addr - plan->block[i].addr);
}

void meter_model_value(const struct meter_model *m, int i, int base, const struct meter_plan *plan,
		       const uint16_t *const *data, struct meter_value *out)
{
	static const struct meter_layout scale_layout = {METER_S16, 1, false, METER_INVALID_MIN};
	const struct meter_register *r = &m->reg[i];
	struct meter_span where = at(r, base);
	const uint16_t *regs = fetch(plan, data, &where);
	int exp10 = r->exp10;

	memset(out, 0, sizeof(*out));
	if (!regs)
		return;
	if (r->scale_addr >= 0) {
		struct meter_span where_scale = scale_at(r, base);
		const uint16_t *scale = fetch(plan, data, &where_scale);
		struct meter_value v;

		if (!scale)
			return;
		meter_value_decode(&scale_layout, scale, &v);
		if (v.kind != METER_NUMBER || v.num.mant > METER_DEC_EXP_MAX)
			return;
		exp10 += (v.num.neg ? -(int)v.num.mant : (int)v.num.mant) + r->scale_offset;
	}
	meter_value_decode(&r->layout, regs, out);
	meter_value_scale(out, exp10);
}

int meter_model_find(const struct meter_model *m, enum meter_quantity q, enum meter_phase ph)
{
	for (int i = 0; i < m->n; i++)
		if (m->reg[i].q == q && m->reg[i].ph == ph)
			return i;
	return -1;
}
