#include "meter/epoch.h"

#include <stdio.h>
#include <string.h>

#define SPAN (UINT64_C(1) << 32)

static bool below(const struct meter_counter *now, const struct meter_counter *before)
{
	return now->have && before->have && meter_dec_cmp(&now->value, &before->value) < 0;
}

/* The counter with its roll-overs added; one more where it fell from near the top to near the
 * bottom. */
static struct meter_counter unroll(const struct meter_counter *c, const struct meter_track *t,
				   unsigned *rolls)
{
	struct meter_counter out = *c;

	*rolls = t->rolls;
	if (!c->have || !c->rolls)
		return out;
	if (t->last.have && t->last.value.exp10 == c->value.exp10) {
		uint64_t was = t->last.value.mant - t->rolls * SPAN;

		if (was > SPAN / 4 * 3 && was < SPAN && c->value.mant < SPAN / 4)
			++*rolls;
	}
	out.value.mant += *rolls * SPAN;
	return out;
}

static void keep(struct meter_track *t, const struct meter_counter *c, unsigned rolls)
{
	t->rolls = rolls;
	if (c->have)
		t->last = *c;
}

static void begin(struct meter_epoch *e, const char *serial, const struct meter_counter *import,
		  const struct meter_counter *export)
{
	e->count++;
	if (*serial)
		snprintf(e->serial, sizeof(e->serial), "%s", serial);
	e->import = (struct meter_track){.last = *import};
	e->export = (struct meter_track){.last = *export};
	e->held = false;
}

enum meter_epoch_verdict meter_epoch_step(struct meter_epoch *e, const char *serial,
					  struct meter_counter *import,
					  struct meter_counter *export)
{
	struct meter_counter in, ex;
	unsigned in_rolls, ex_rolls;

	if (!e->count) {
		begin(e, serial, import, export);
		return METER_EPOCH_FIRST;
	}
	if (*serial && *e->serial && strcmp(serial, e->serial) != 0) {
		begin(e, serial, import, export);
		return METER_EPOCH_EXCHANGE;
	}
	if (*serial && !*e->serial)
		snprintf(e->serial, sizeof(e->serial), "%s", serial);
	in = unroll(import, &e->import, &in_rolls);
	ex = unroll(export, &e->export, &ex_rolls);
	if (!below(&in, &e->import.last) && !below(&ex, &e->export.last)) {
		keep(&e->import, &in, in_rolls);
		keep(&e->export, &ex, ex_rolls);
		e->held = false;
		*import = in;
		*export = ex;
		return METER_EPOCH_SAME;
	}
	if (e->held && !below(import, &e->low_import) && !below(export, &e->low_export)) {
		begin(e, serial, import, export);
		return METER_EPOCH_RESET;
	}
	e->held = true;
	e->low_import = *import;
	e->low_export = *export;
	return METER_EPOCH_HELD;
}

const char *meter_epoch_id(const struct meter_epoch *e, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%u", *e->serial ? e->serial : "-", e->count);
	return buf;
}
