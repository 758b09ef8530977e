#include "pilot/level.h"

#include <stddef.h>

/* PP to PE with the midpoints between the nominal 1500, 680, 220 and 100 ohm, and a short below 48
 * ohm. */
const struct pilot_pp_bands pilot_pp_default = {
    .none_ohm = 4500, .r13_ohm = 1014, .r20_ohm = 415, .r32_ohm = 157, .fault_ohm = 48};

/* From the top: a voltage above `above_mv` is `level`; inside a hysteresis row it is `level` if the
 * level before was one of `if_was`, else the level of the next row. */
static const struct {
	int above_mv;
	enum pilot_level level;
	unsigned if_was; /* bits of enum pilot_level; 0 = always */
} bands[] = {
    {13000, LEVEL_BAD, 0},
    {11000, LEVEL_A, 0},
    {10000, LEVEL_A, 1U << LEVEL_A},
    {8000, LEVEL_B, 0},
    {7000, LEVEL_B, 1U << LEVEL_A | 1U << LEVEL_B},
    {5000, LEVEL_C, 0},
    {4000, LEVEL_C, 1U << LEVEL_A | 1U << LEVEL_B | 1U << LEVEL_C},
    {2000, LEVEL_D, 0},
    {-1000, LEVEL_E, 0},
    {-2000, LEVEL_E, 1U << LEVEL_A | 1U << LEVEL_B | 1U << LEVEL_C | 1U << LEVEL_D | 1U << LEVEL_E},
    {-10000, LEVEL_BAD, 0},
    {-11000, LEVEL_F, 1U << LEVEL_F},
    {-13000, LEVEL_F, 0},
};

enum pilot_level pilot_level_of(int cp_mv, enum pilot_level was)
{
	const size_t n = sizeof bands / sizeof bands[0];

	for (size_t i = 0; i < n; i++) {
		if (cp_mv <= bands[i].above_mv)
			continue;
		if (bands[i].if_was == 0 || bands[i].if_was & 1U << was)
			return bands[i].level;
		/* Undecided and not held: what the next lower certain band says, a fault where
		 * that band is not a car's. */
		return i + 1 < n && bands[i].level != LEVEL_E && bands[i].level != LEVEL_F
			   ? bands[i + 1].level
			   : LEVEL_BAD;
	}
	return LEVEL_BAD;
}

bool pilot_level_has_car(enum pilot_level l)
{
	return l == LEVEL_B || l == LEVEL_C || l == LEVEL_D;
}

bool pilot_level_wants(enum pilot_level l)
{
	return l == LEVEL_C || l == LEVEL_D;
}

enum pilot_pp pilot_pp_of(int ohm, const struct pilot_pp_bands *b)
{
	if (ohm < 0 || ohm >= b->none_ohm)
		return PP_NONE;
	if (ohm >= b->r13_ohm)
		return PP_13;
	if (ohm >= b->r20_ohm)
		return PP_20;
	if (ohm >= b->r32_ohm)
		return PP_32;
	return ohm >= b->fault_ohm ? PP_63 : PP_FAULT;
}

int pilot_pp_ma(enum pilot_pp pp, bool three_phase)
{
	switch (pp) {
	case PP_13:
		return 13000;
	case PP_20:
		return 20000;
	case PP_32:
		return 32000;
	case PP_63:
		return three_phase ? 63000 : 70000;
	case PP_NONE:
	case PP_FAULT:
	case PP_COUNT:
		break;
	}
	return 0;
}
