#include "sim/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WANT_MAX_WH = 2000000, TEXT_MAX = 64 };

/* Index of the EVSE that "evse" names; the first one where it is absent. */
static int want_evse(const struct sim_hands *h, jv body, struct err *err)
{
	int64_t n = 1;

	if (json_want_int(body, "evse", 1, h->world->evses, &n, err) < 0)
		return -1;
	return (int)n - 1;
}

static int want_car(const struct sim_hands *h, jv body, struct err *err)
{
	int n = want_evse(h, body, err);

	if (n >= 0 && !h->world->evse[n].plugged && !h->rehearsal)
		return err_set(err, "no car is plugged in at EVSE %d", n + 1);
	return n;
}

/* ---- cars ---- */

struct trait_ctx {
	struct sim_car_model *model;
	struct err *err;
};

static int is_command_member(const char *key)
{
	static const char *const own[] = {"t",        "type",      "src",  "n",      "m",
					  "evse",     "connector", "to",   "id",     "unsynced",
					  "kind",     "at_s",      "name", "car",    "cable_a",
					  "valid_ms", "want_wh",   "when", "after_s"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(own[i], key) == 0)
			return 1;
	return 0;
}

static int set_trait(void *ctx, const char *key, jv value)
{
	struct trait_ctx *c = ctx;
	double v = json_is(value, JV_KIND_TRUE);

	if (is_command_member(key))
		return 0;
	if (!json_is(value, JV_KIND_TRUE) && !json_is(value, JV_KIND_FALSE) &&
	    !json_num(value, -1e9, 1e9, &v))
		return err_set(c->err, "%s: expected a number, true or false", key);
	if (sim_car_set(c->model, key, v) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(c->err, "%s: no such property of a car", key);
	return err_set(c->err, "%s: out of range", key);
}

/* A car is a name, or an object of properties upon a named car ("name", else family). */
static int want_model(jv car, struct sim_car_model *m, struct err *err)
{
	const char *name = json_str(car);
	struct trait_ctx ctx = {m, err};

	if (!name && !json_absent(car) && !json_is(car, JV_KIND_OBJECT))
		return err_set(err, "car: expected a name or an object");
	if (!name && json_want_str(car, "name", TEXT_MAX, &name, err) <= 0)
		name = "family";
	if (sim_car_named(name, m) < 0)
		return err_set(err, "car: no car is named '%.32s'", name);
	if (json_is(car, JV_KIND_OBJECT))
		return json_each(car, set_trait, &ctx);
	return 0;
}

static int do_plug(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_evse(h, body, err);
	struct sim_car_model m = {0};
	double cable_a = 32, want_wh = -1;

	if (n < 0 || json_want_num(body, "want_wh", 0, WANT_MAX_WH, &want_wh, err) < 0 ||
	    json_want_num(body, "cable_a", 6, 80, &cable_a, err) < 0 ||
	    want_model(json_get(body, "car"), &m, err) < 0)
		return -1;
	if (h->rehearsal)
		return 0;
	if (sim_world_plug(h->world, n, &m, (int)(cable_a * 1000)) < 0)
		return err_set(err, "a car is plugged in at EVSE %d already", n + 1);
	if (want_wh >= 0)
		sim_world_want(h->world, n, (int64_t)want_wh);
	return 0;
}

static int do_unplug(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_car(h, body, err);

	return n < 0 ? -1 : h->rehearsal ? 0 : sim_world_unplug(h->world, n);
}

static int do_car(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_car(h, body, err);
	struct sim_car_model m;
	struct trait_ctx ctx = {&m, err};

	if (n < 0)
		return -1;
	m = h->world->evse[n].car.model;
	if (json_each(body, set_trait, &ctx) != 0)
		return -1;
	if (!h->rehearsal)
		sim_world_remodel(h->world, n, &m);
	return 0;
}

static int do_want(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_car(h, body, err);
	double wh = 0;
	int found;

	if (n < 0)
		return -1;
	found = json_want_num(body, "wh", 0, WANT_MAX_WH, &wh, err);
	if (found < 0)
		return -1;
	if (!h->rehearsal)
		sim_world_want(h->world, n, found ? (int64_t)wh : SIM_NEVER);
	return 0;
}

static int do_swipe(struct sim_hands *h, jv body, struct err *err)
{
	jv token = json_get(body, "token");
	const char *id = json_str(token), *kind = "ISO14443";
	int n = want_evse(h, body, err);

	if (n < 0)
		return -1;
	if (!id && json_want_str(token, "id", TEXT_MAX, &id, err) <= 0)
		return err_set(err, "token: expected an id, or an object with id and kind");
	if (json_is(token, JV_KIND_OBJECT) &&
	    json_want_str(token, "kind", TEXT_MAX, &kind, err) < 0)
		return -1;
	if (!*id)
		return err_set(err, "token: the id is empty");
	if (h->swipe)
		h->swipe(h->ctx, n + 1, id, kind);
	return 0;
}

/* ---- faults ---- */

static int meter_fault(struct sim_hands *h, int n, int fault, bool on)
{
	int *faults = n < 0 ? &h->world->house_faults : &h->world->evse[n].board.faults;

	*faults = on ? *faults | fault : *faults & ~fault;
	return 0;
}

static int do_fault(struct sim_hands *h, jv body, struct err *err)
{
	const char *name, *meter = NULL;
	bool on = true, is_meter;
	int64_t late_ms = h->meter_late_ms;
	int n = want_evse(h, body, err), fault;

	if (n < 0)
		return -1;
	if (json_want_str(body, "name", TEXT_MAX, &name, err) <= 0)
		return err_set(err, "name: expected the name of a fault");
	if (json_want_bool(body, "on", &on, err) < 0 ||
	    json_want_str(body, "meter", TEXT_MAX, &meter, err) < 0 ||
	    json_want_int(body, "ms", 0, 600000, &late_ms, err) < 0)
		return -1;
	if (meter && strcmp(meter, "grid") != 0)
		return err_set(err, "meter: expected \"grid\"");
	is_meter = strncmp(name, "meter_", 6) == 0;
	if (meter && !is_meter)
		return err_set(err, "name: '%s' is no fault of a meter", name);
	if (meter)
		n = -1;
	if (strcmp(name, "meter_reset") == 0) {
		sim_world_meter_reset(h->world, n);
		return 0;
	}
	fault = sim_fault_find(name);
	if (fault == 0)
		return err_set(err, "name: no fault is named '%s'", name);
	h->meter_late_ms = (int)late_ms;
	if (is_meter)
		return meter_fault(h, n, fault, on);
	sim_board_fault(&h->world->evse[n].board, fault, on, h->world->now_us);
	return 0;
}

static int do_estop(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_evse(h, body, err);
	bool on = true;

	if (n < 0 || json_want_bool(body, "on", &on, err) < 0)
		return -1;
	sim_board_fault(&h->world->evse[n].board, SIM_FAULT_ESTOP, on, h->world->now_us);
	return 0;
}

static int do_breaker(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_evse(h, body, err);
	bool on = true;

	if (n < 0 || json_want_bool(body, "on", &on, err) < 0)
		return -1;
	h->world->evse[n].board.breaker = on;
	return 0;
}

static int do_temp(struct sim_hands *h, jv body, struct err *err)
{
	int n = want_evse(h, body, err);
	double c = 25;

	if (n < 0 || json_want_num(body, "c", -50, 150, &c, err) < 0)
		return -1;
	h->world->evse[n].board.temp_mc = (int)(c * 1000);
	return 0;
}

/* ---- house and grid ---- */

/* A number for all phases, or an array of three. @return 1 with @out, 0 when absent, -1 with @err.
 */
static int want_phases(jv body, const char *name, double min, double max, double out[SIM_PHASES],
		       struct err *err)
{
	jv v = json_get(body, name);
	bool array = json_is(v, JV_KIND_ARRAY);

	if (json_absent(v))
		return 0;
	for (int i = 0; i < SIM_PHASES; i++)
		if (!json_num(array ? json_at(v, i) : v, min, max, &out[i]))
			return err_set(err, "%s: expected a number from %g to %g, or three", name,
				       min, max);
	if (array && json_len(v) != SIM_PHASES)
		return err_set(err, "%s: expected three numbers", name);
	return 1;
}

static int do_grid(struct sim_hands *h, jv body, struct err *err)
{
	struct sim_grid g = h->world->grid;
	double volt[SIM_PHASES], hz = g.freq_mhz / 1000.0, ohm = g.impedance_mohm / 1000.0;
	int found = want_phases(body, "voltage_v", 0, 300, volt, err);

	if (found < 0 || json_want_num(body, "freq_hz", 40, 70, &hz, err) < 0 ||
	    json_want_num(body, "impedance_ohm", 0, 5, &ohm, err) < 0)
		return -1;
	for (int i = 0; found && i < SIM_PHASES; i++)
		g.voltage_mv[i] = (int)(volt[i] * 1000 + 0.5);
	g.freq_mhz = (int)(hz * 1000 + 0.5);
	g.impedance_mohm = (int)(ohm * 1000 + 0.5);
	sim_world_grid(h->world, &g);
	return 0;
}

static int do_house(struct sim_hands *h, jv body, struct err *err)
{
	double watt[SIM_PHASES];
	int found = want_phases(body, "power_w", -100000, 100000, watt, err);
	bool array = json_is(json_get(body, "power_w"), JV_KIND_ARRAY);

	if (found <= 0)
		return found < 0 ? -1 : err_set(err, "power_w: expected a number, or three");
	for (int i = 0; i < SIM_PHASES; i++)
		h->world->house_mw[i] = (int64_t)(watt[i] * 1000 / (array ? 1 : SIM_PHASES));
	return 0;
}

static int do_end(struct sim_hands *h, jv body, struct err *err)
{
	(void)body;
	(void)err;
	h->end = true;
	return 0;
}

static const struct {
	const char *kind;
	int (*act)(struct sim_hands *h, jv body, struct err *err);
} kinds[] = {
    {"plug", do_plug},   {"unplug", do_unplug},   {"want-energy", do_want}, {"swipe", do_swipe},
    {"fault", do_fault}, {"car", do_car},         {"grid", do_grid},        {"house", do_house},
    {"estop", do_estop}, {"breaker", do_breaker}, {"temp", do_temp},        {"end", do_end},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

bool sim_command_known(const char *kind)
{
	for (int i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return true;
	return false;
}

enum sim_verdict sim_command(struct sim_hands *h, jv body, struct err *err)
{
	const char *kind;

	if (json_want_str(body, "kind", TEXT_MAX, &kind, err) <= 0) {
		err_set(err, "kind: expected the name of a command");
		return SIM_REJECTED;
	}
	for (int i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		if (kinds[i].act(h, body, err) < 0)
			return SIM_REJECTED;
		sim_world_settle(h->world);
		return SIM_ACCEPTED;
	}
	err_set(err, "no command is named '%s'", kind);
	return SIM_UNKNOWN_KIND;
}
