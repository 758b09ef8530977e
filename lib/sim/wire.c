#include "sim/wire.h"

#include <string.h>

#include "core/json.h"
#include "core/jw.h"

/* {"contactor":[true]}: the one contactor of these boards. */
static int parse_contactor(jv obj, struct sim_outputs *out, struct err *err)
{
	jv v = json_get(obj, "contactor");

	if (json_absent(v))
		return 0;
	v = json_at(v, 0);
	if (!json_is(v, JV_KIND_TRUE) && !json_is(v, JV_KIND_FALSE))
		return err_set(err, "contactor: expected [true] or [false]");
	out->has_contactor = true;
	out->contactor = json_bool(v, false);
	return 0;
}

static int parse_lock(jv obj, struct sim_outputs *out, struct err *err)
{
	const char *word;
	int found = json_want_str(obj, "lock", 16, &word, err);

	if (found <= 0)
		return found;
	out->has_lock = true;
	out->locked = strcmp(word, "locked") == 0;
	if (!out->locked && strcmp(word, "unlocked") != 0)
		return err_set(err, "lock: expected \"locked\" or \"unlocked\"");
	return 0;
}

static int parse_numbers(jv obj, struct sim_outputs *out, struct err *err)
{
	int64_t v = 0;
	int found = json_want_int(obj, "duty_permyriad", 0, SIM_DUTY_X1, &v, err);

	if (found < 0)
		return -1;
	out->has_duty = found > 0;
	out->duty_permyriad = (int)v;
	found = json_want_int(obj, "phases", 1, 3, &v, err);
	if (found < 0)
		return -1;
	out->has_phases = found > 0;
	out->phases = (int)v;
	if (found > 0 && v == 2)
		return err_set(err, "phases: expected 1 or 3");
	found = json_want_int(obj, "alive", 0, 1, &v, err);
	out->alive = found > 0 && v == 1;
	return found < 0 ? -1 : 0;
}

static int parse_flags(jv obj, struct sim_outputs *out, struct err *err)
{
	int found = json_want_bool(obj, "cp_connected", &out->cp_connected, err);

	out->has_cp = found > 0;
	if (found < 0 || json_want_bool(obj, "rcd_test", &out->rcd_test, err) < 0)
		return -1;
	return json_want_bool(obj, "trip_upstream", &out->trip_upstream, err) < 0 ? -1 : 0;
}

int sim_wire_parse(const char *line, size_t len, struct sim_outputs *out, struct err *err)
{
	jv v;
	int rc = -1;

	*out = (struct sim_outputs){0};
	if (json_parse(line, len, &v, err) < 0)
		return -1;
	if (!json_is(v, JV_KIND_OBJECT))
		err_set(err, "expected an object");
	else if (parse_contactor(v, out, err) == 0 && parse_lock(v, out, err) >= 0 &&
		 parse_numbers(v, out, err) == 0 && parse_flags(v, out, err) == 0)
		rc = 0;
	json_free(v);
	return rc;
}

bool sim_wire_lasts(const struct sim_outputs *out)
{
	return out->has_duty || out->has_contactor || out->has_lock || out->has_cp ||
	       out->has_phases || out->rcd_test || out->trip_upstream;
}

void sim_wire_apply(struct sim_world *w, int evse, const struct sim_outputs *out)
{
	struct sim_board *b = &w->evse[evse].board;

	if (out->has_duty)
		b->duty_permyriad = out->duty_permyriad;
	if (out->has_cp)
		b->cp_connected = out->cp_connected;
	if (out->has_phases)
		b->phases = out->phases;
	if (out->trip_upstream)
		b->breaker = false;
	if (out->has_contactor)
		sim_board_contactor(b, out->contactor, w->now_us);
	if (out->has_lock)
		sim_board_lock(b, out->locked, w->now_us);
	if (out->rcd_test)
		sim_board_rcd_test(b, w->now_us);
	if (out->alive)
		sim_board_alive(b, w->now_us);
	sim_world_settle(w);
}

void sim_wire_print(const struct sim_wire *wire, struct buf *out)
{
	double current_a[SIM_PHASES];
	struct jw w;

	for (int i = 0; i < SIM_PHASES; i++)
		current_a[i] = (double)wire->current_ma[i] / 1000;
	jw_init(&w, out);
	jw_obj(&w);
	jw_kint(&w, "cp_pos_mv", wire->cp_pos_mv);
	jw_kint(&w, "cp_neg_mv", wire->cp_neg_mv);
	if (wire->pp_ohm < 0)
		jw_knull(&w, "pp_ohm");
	else
		jw_kint(&w, "pp_ohm", wire->pp_ohm);
	jw_karr(&w, "contactor");
	jw_bool(&w, wire->contactor);
	jw_end(&w);
	jw_kstr(&w, "lock", wire->locked ? "locked" : "unlocked");
	jw_kbool(&w, "rcd", wire->rcd);
	jw_kbool(&w, "rcd6", wire->rcd6);
	jw_kbool(&w, "rcd30", wire->rcd30);
	jw_kbool(&w, "pe", wire->pe);
	jw_kbool(&w, "estop", wire->estop);
	jw_karr(&w, "temp_c");
	jw_num(&w, wire->temp_mc / 1000.0, 1);
	jw_end(&w);
	jw_knum3(&w, "current_a", current_a, 3);
	jw_end(&w);
}
