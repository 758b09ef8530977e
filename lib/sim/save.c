#include "sim/save.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { BOOL, INT, I64, INSTANT };

/* One member of a struct. 64-bit values stand as decimal strings: a number keeps only 53 bits. */
struct member {
	const char *name;
	size_t offset;
	enum kind kind;
};

#define M(type, kind, name)                              \
	{                                                \
#name, offsetof(struct type, name), kind \
	}

static const struct member car_members[] = {
    M(sim_car, I64, battery_nj),
    M(sim_car, I64, taken_nj),
    M(sim_car, I64, lost_nj),
    M(sim_car, I64, want_nj),
    M(sim_car, BOOL, pilot_seen),
    M(sim_car, INT, duty_seen),
    M(sim_car, INT, offer_ma),
    M(sim_car, BOOL, s2),
    M(sim_car, BOOL, pulse),
    M(sim_car, BOOL, glitch),
    M(sim_car, INT, pulses_left),
    M(sim_car, BOOL, asleep),
    M(sim_car, BOOL, broken),
    M(sim_car, INT, current_ma),
    M(sim_car, INSTANT, react_us),
    M(sim_car, INSTANT, s2_us),
    M(sim_car, INSTANT, ramp_us),
    M(sim_car, INSTANT, pulse_us),
    M(sim_car, INSTANT, glitch_us),
    M(sim_car, BOOL, dropped),
    M(sim_car, INSTANT, dropout_us),
    M(sim_car, INSTANT, sleep_us),
    M(sim_car, INSTANT, trouble_us),
    M(sim_car, BOOL, trouble_was_f),
    {"in_pilot", offsetof(struct sim_car, in.pilot), BOOL},
    {"in_duty_permyriad", offsetof(struct sim_car, in.duty_permyriad), INT},
    {"in_phases_live", offsetof(struct sim_car, in.phases_live), INT},
    {"in_voltage_mv", offsetof(struct sim_car, in.voltage_mv), INT},
    {NULL, 0, INT},
};

static const struct member board_members[] = {
    M(sim_board, INT, faults),
    M(sim_board, INT, duty_permyriad),
    M(sim_board, BOOL, contactor_cmd),
    M(sim_board, BOOL, lock_cmd),
    M(sim_board, BOOL, cp_connected),
    M(sim_board, INT, phases),
    M(sim_board, BOOL, breaker),
    M(sim_board, BOOL, contactor),
    M(sim_board, BOOL, locked),
    M(sim_board, BOOL, rcd6_test),
    M(sim_board, BOOL, rcd30_test),
    M(sim_board, INT, temp_mc),
    M(sim_board, INSTANT, contactor_us),
    M(sim_board, INSTANT, lock_us),
    M(sim_board, INSTANT, test_us),
    M(sim_board, INSTANT, alive_us),
    M(sim_board, INT, test_step),
    M(sim_board, INT, closings),
    M(sim_board, INT, opened_under_load),
    {NULL, 0, INT},
};

static const struct member evse_members[] = {
    M(sim_evse, INT, rotation), M(sim_evse, BOOL, cable), M(sim_evse, INT, cable_ma),
    M(sim_evse, BOOL, plugged), {NULL, 0, INT},
};

static const struct member openevse_members[] = {
    {"mode", offsetof(struct openevse, mode), INT},
    M(openevse, INT, amps),
    M(openevse, INT, max_amps),
    M(openevse, INT, pilot),
    M(openevse, INT, candidate),
    M(openevse, INT, fault),
    M(openevse, BOOL, relay),
    M(openevse, BOOL, auth_locked),
    M(openevse, BOOL, boot_locked),
    M(openevse, INT, once),
    M(openevse, INT, gfci_count),
    M(openevse, INT, ground_count),
    M(openevse, INT, stuck_count),
    M(openevse, INT, heartbeat_s),
    M(openevse, INT, heartbeat_a),
    M(openevse, BOOL, heartbeat_missed),
    M(openevse, INSTANT, debounce_us),
    M(openevse, INSTANT, relay_us),
    M(openevse, INSTANT, sleep_us),
    M(openevse, INSTANT, retry_us),
    M(openevse, INSTANT, heartbeat_us),
    M(openevse, INSTANT, closed_us),
    M(openevse, I64, charged_us),
    M(openevse, I64, session_start.wh),
    M(openevse, I64, session_start.nj),
    {NULL, 0, INT},
};

#define PHASE(type, kind, name, i)                                                               \
	{                                                                                        \
#name "_" #i,                                                                    \
		    offsetof(struct type, name) + ((i)-1) * sizeof(((struct type *)0)->name[0]), \
		    kind                                                                         \
	}
#define PHASES(type, kind, name) \
	PHASE(type, kind, name, 1), PHASE(type, kind, name, 2), PHASE(type, kind, name, 3)

static const struct member world_members[] = {
    PHASES(sim_world, I64, house_mw),
    PHASES(sim_world, INT, grid.voltage_mv),
    M(sim_world, INT, grid.freq_mhz),
    M(sim_world, INT, grid.impedance_mohm),
    M(sim_world, INT, house_faults),
    M(sim_world, INSTANT, now_us),
    {NULL, 0, INT},
};

#define ENERGY(name)                                                                             \
	{#name "_wh", offsetof(struct sim_meter, name) + offsetof(struct sim_energy, wh), I64},  \
	{                                                                                        \
#name "_nj", offsetof(struct sim_meter, name) + offsetof(struct sim_energy, nj), \
		    I64                                                                          \
	}

static const struct member meter_members[] = {
    ENERGY(import[0]),         ENERGY(import[1]),   ENERGY(import[2]),    ENERGY(export[0]),
    ENERGY(export[1]),         ENERGY(export[2]),   ENERGY(import_sum),   ENERGY(export_sum),
    ENERGY(q_import[0]),       ENERGY(q_import[1]), ENERGY(q_import[2]),  ENERGY(q_export[0]),
    ENERGY(q_export[1]),       ENERGY(q_export[2]), ENERGY(q_import_sum), ENERGY(q_export_sum),
    M(sim_meter, INT, serial), {NULL, 0, INT},
};

/* ---- writing ---- */

static void save_i64(struct jw *out, const char *name, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	jw_kstr(out, name, text);
}

static void save_members(const struct member *m, const void *from, struct jw *out)
{
	for (; m->name; m++) {
		const char *at = (const char *)from + m->offset;
		int64_t wide;
		int narrow;
		bool flag;

		switch (m->kind) {
		case BOOL:
			memcpy(&flag, at, sizeof(flag));
			jw_kbool(out, m->name, flag);
			break;
		case INT:
			memcpy(&narrow, at, sizeof(narrow));
			jw_kint(out, m->name, narrow);
			break;
		case I64:
		case INSTANT:
			memcpy(&wide, at, sizeof(wide));
			save_i64(out, m->name, wide);
			break;
		}
	}
}

static void save_part(const char *name, const struct member *m, const void *from, struct jw *out)
{
	jw_kobj(out, name);
	save_members(m, from, out);
	jw_end(out);
}

static void save_car(const struct sim_car *c, struct jw *out)
{
	jw_kobj(out, "car");
	jw_kobj(out, "model");
	jw_kstr(out, "name", c->model.name);
	for (size_t i = 0; i < sim_car_field_count; i++)
		jw_kint(out, sim_car_fields[i].name,
			*(const int *)(const void *)((const char *)&c->model +
						     sim_car_fields[i].offset));
	jw_end(out);
	save_members(car_members, c, out);
	jw_end(out);
}

void sim_save(const struct sim_world *w, struct jw *out)
{
	jw_obj(out);
	save_members(world_members, w, out);
	save_part("meter", meter_members, &w->meter, out);
	jw_karr(out, "evse");
	for (int i = 0; i < w->evses; i++) {
		const struct sim_evse *e = &w->evse[i];

		jw_obj(out);
		save_members(evse_members, e, out);
		save_part("board", board_members, &e->board, out);
		save_part("meter", meter_members, &e->meter, out);
		if (e->plugged)
			save_car(&e->car, out);
		jw_end(out);
	}
	jw_end(out);
	jw_end(out);
}

/* ---- reading ---- */

static int load_i64(jv from, const char *name, int64_t *v, struct err *err)
{
	const char *text = json_str(json_get(from, name));
	char *end;

	if (!text || !*text)
		return err_set(err, "%s: expected a number as text", name);
	*v = strtoll(text, &end, 10);
	return *end ? err_set(err, "%s: expected a number as text", name) : 0;
}

static int load_int(jv from, const char *name, int *v, struct err *err)
{
	int64_t wide = 0;

	if (json_want_int(from, name, INT32_MIN, INT32_MAX, &wide, err) <= 0)
		return err_set(err, "%s: expected a number", name);
	*v = (int)wide;
	return 0;
}

static int load_member(const struct member *m, jv from, char *at, int64_t shift_us, struct err *err)
{
	int64_t wide = 0;
	int narrow = 0;
	bool flag = false;

	switch (m->kind) {
	case BOOL:
		if (json_want_bool(from, m->name, &flag, err) <= 0)
			return err_set(err, "%s: expected true or false", m->name);
		memcpy(at, &flag, sizeof(flag));
		return 0;
	case INT:
		if (load_int(from, m->name, &narrow, err) < 0)
			return -1;
		memcpy(at, &narrow, sizeof(narrow));
		return 0;
	case I64:
	case INSTANT:
		if (load_i64(from, m->name, &wide, err) < 0)
			return -1;
		if (m->kind == INSTANT && wide != SIM_NEVER)
			wide += shift_us;
		memcpy(at, &wide, sizeof(wide));
		return 0;
	}
	return 0;
}

static int load_members(const struct member *m, jv from, void *to, int64_t shift_us,
			struct err *err)
{
	for (; m->name; m++)
		if (load_member(m, from, (char *)to + m->offset, shift_us, err) < 0)
			return -1;
	return 0;
}

static int load_car(struct sim_car *c, jv from, int64_t shift_us, struct err *err)
{
	jv model = json_get(from, "model");
	const char *name = json_str(json_get(model, "name"));

	memset(c, 0, sizeof(*c));
	snprintf(c->model.name, sizeof(c->model.name), "%s", name ? name : "");
	for (size_t i = 0; i < sim_car_field_count; i++) {
		const struct sim_field *f = &sim_car_fields[i];
		int v = 0;

		if (load_int(model, f->name, &v, err) < 0)
			return -1;
		if (v < f->min || v > f->max)
			return err_set(err, "%s: out of range", f->name);
		memcpy((char *)&c->model + f->offset, &v, sizeof(v));
	}
	return load_members(car_members, from, c, shift_us, err);
}

static int load_evse(struct sim_evse *e, jv from, int64_t shift_us, struct err *err)
{
	if (load_members(evse_members, from, e, shift_us, err) < 0 ||
	    load_members(board_members, json_get(from, "board"), &e->board, shift_us, err) < 0 ||
	    load_members(meter_members, json_get(from, "meter"), &e->meter, shift_us, err) < 0)
		return -1;
	return e->plugged ? load_car(&e->car, json_get(from, "car"), shift_us, err) : 0;
}

int sim_load(struct sim_world *w, jv from, int64_t shift_us, struct err *err)
{
	jv evses = json_get(from, "evse");

	if (json_len(evses) != w->evses)
		return err_set(err, "it has %d EVSEs, not %d", json_len(evses), w->evses);
	if (load_members(world_members, from, w, shift_us, err) < 0 ||
	    load_members(meter_members, json_get(from, "meter"), &w->meter, shift_us, err) < 0)
		return -1;
	for (int i = 0; i < w->evses; i++)
		if (load_evse(&w->evse[i], json_at(evses, i), shift_us, err) < 0)
			return err_prefix(err, "EVSE %d", i + 1);
	sim_world_settle(w);
	return 0;
}

void sim_save_openevse(const struct openevse *o, struct jw *out)
{
	jw_obj(out);
	save_members(openevse_members, o, out);
	jw_end(out);
}

int sim_load_openevse(struct openevse *o, jv from, int64_t shift_us, struct err *err)
{
	return load_members(openevse_members, from, o, shift_us, err);
}
