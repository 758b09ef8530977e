/* The cars that have a name, and the table of what can be set on any car. */
#include "sim/car.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUM(json, member, scale, min, max)                                    \
	{                                                                     \
		json, offsetof(struct sim_car_model, member), scale, min, max \
	}
#define FLAG(member)     NUM(#member, member, 0, 0, 1)
#define DELAY_MS(member) NUM(#member, member, 1, 0, 600000)

const struct sim_field sim_car_fields[] = {
    NUM("capacity_wh", capacity_wh, 1, 100, 1000000),
    NUM("soc_pct", soc_cpct, 100, 0, 10000),
    NUM("target_pct", target_cpct, 100, 0, 10000),
    NUM("phases", phases, 1, 1, 3),
    NUM("max_a", max_ma, 1000, 0, 80000),
    NUM("min_a", min_ma, 1000, 0, 80000),
    NUM("max_w", max_w, 1, 100, 100000),
    NUM("taper_pct", taper_cpct, 100, 0, 10000),
    NUM("full_w", full_w, 1, 0, 100000),
    NUM("efficiency_pct", efficiency_cpct, 100, 100, 10000),
    NUM("cosphi", cosphi_permille, 1000, 100, 1000),
    NUM("ramp_up_a_s", ramp_up_ma_s, 1000, 10, 1000000),
    NUM("ramp_down_a_s", ramp_down_ma_s, 1000, 10, 1000000),
    DELAY_MS(reaction_ms),
    DELAY_MS(s2_close_ms),
    DELAY_MS(s2_open_ms),
    DELAY_MS(lost_ms),
    FLAG(ignores_limit),
    NUM("over_a", over_ma, 1000, 0, 80000),
    FLAG(opens_loaded),
    FLAG(keeps_s2),
    FLAG(draws_on),
    FLAG(no_diode),
    FLAG(cp_short),
    FLAG(simplified),
    FLAG(ventilation),
    FLAG(pulse_on_pwm),
    FLAG(pulse_on_x1),
    DELAY_MS(pulse_ms),
    DELAY_MS(pulse_gap_ms),
    NUM("pulse_count", pulse_count, 1, 0, 100),
    DELAY_MS(glitch_ms),
    DELAY_MS(glitch_after_ms),
    FLAG(fragile),
    DELAY_MS(dropout_ms),
    NUM("dropout_every_s", dropout_every_s, 1, 0, 86400),
    NUM("sleep_after_s", sleep_after_s, 1, 0, 86400),
    FLAG(wakes_on_e),
    FLAG(wakes_on_f),
    FLAG(wakes_on_x1),
    DELAY_MS(wake_hold_ms),
};
const size_t sim_car_field_count = sizeof(sim_car_fields) / sizeof(sim_car_fields[0]);

/* What a named car is by default: a three-phase 11 kW car of medium size with good manners. */
static const struct sim_car_model common = {
    .capacity_wh = 60000,
    .soc_cpct = 4000,
    .target_cpct = 10000,
    .phases = 3,
    .max_ma = 16000,
    .min_ma = 6000,
    .max_w = 11040,
    .taper_cpct = 9000,
    .full_w = 1200,
    .efficiency_cpct = 9000,
    .cosphi_permille = 990,
    .ramp_up_ma_s = 8000,
    .ramp_down_ma_s = 20000,
    .reaction_ms = 200,
    .s2_close_ms = 500,
    .s2_open_ms = 200,
    .lost_ms = 50,
    .pulse_ms = 250,
    .pulse_gap_ms = 300,
    .pulse_count = 1,
    .glitch_after_ms = 500,
    .wake_hold_ms = 3000,
};

enum { TRAITS = 8 };

/* A named car: how it differs from the common one. */
static const struct {
	const char *name;
	struct {
		const char *field;
		double value;
	} trait[TRAITS];
} named[] = {
    {"family", {{NULL, 0}}},
    {"small", {{"capacity_wh", 36000}, {"phases", 1}, {"max_a", 32}, {"max_w", 7360}}},
    {"fast",
     {{"capacity_wh", 52000},
      {"max_a", 32},
      {"max_w", 22080},
      {"min_a", 8},
      {"efficiency_pct", 87},
      {"fragile", 1}}},
    {"phev",
     {{"capacity_wh", 12000},
      {"phases", 1},
      {"max_w", 3680},
      {"taper_pct", 85},
      {"full_w", 700},
      {"reaction_ms", 1500},
      {"ramp_up_a_s", 3}}},
    {"slow",
     {{"phases", 1},
      {"max_a", 32},
      {"max_w", 7360},
      {"reaction_ms", 4500},
      {"s2_close_ms", 2500},
      {"ramp_up_a_s", 1}}},
    {"sleepy", {{"sleep_after_s", 60}, {"wakes_on_e", 1}, {"wakes_on_f", 1}}},
    {"waker", {{"pulse_on_pwm", 1}, {"s2_close_ms", 2000}}},
    {"glitchy", {{"glitch_ms", 200}}},
    {"old", {{"capacity_wh", 16000}, {"phases", 1}, {"max_w", 3680}, {"simplified", 1}}},
    {"vented", {{"capacity_wh", 18000}, {"phases", 1}, {"max_w", 3680}, {"ventilation", 1}}},
    {"greedy", {{"max_a", 32}, {"max_w", 22080}, {"ignores_limit", 1}}},
    {"stubborn", {{"keeps_s2", 1}, {"draws_on", 1}}},
};
enum { NAMED = sizeof(named) / sizeof(named[0]) };

int sim_car_set(struct sim_car_model *m, const char *name, double value)
{
	for (size_t i = 0; i < sim_car_field_count; i++) {
		const struct sim_field *f = &sim_car_fields[i];
		double scaled = f->scale ? round(value * f->scale) : value;

		if (strcmp(f->name, name) != 0)
			continue;
		if (!(scaled >= f->min && scaled <= f->max) || scaled != floor(scaled) ||
		    (f->offset == offsetof(struct sim_car_model, phases) && value == 2)) {
			errno = ERANGE;
			return -1;
		}
		*(int *)(void *)((char *)m + f->offset) = (int)scaled;
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int sim_car_named(const char *name, struct sim_car_model *out)
{
	for (int i = 0; i < NAMED; i++) {
		if (strcmp(named[i].name, name) != 0)
			continue;
		*out = common;
		snprintf(out->name, sizeof(out->name), "%s", name);
		for (int k = 0; k < TRAITS && named[i].trait[k].field; k++)
			sim_car_set(out, named[i].trait[k].field, named[i].trait[k].value);
		return 0;
	}
	errno = ENOENT;
	return -1;
}

const char *sim_car_name(size_t index)
{
	return index < NAMED ? named[index].name : NULL;
}
