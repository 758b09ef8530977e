/* Pilot levels with hysteresis and cable coding, COM-3 and MEA-1. */
#include "harness.h"
#include "pilot/level.h"

TEST(plain_bands)
{
	static const struct {
		int mv;
		enum pilot_level level;
	} rows[] = {{14000, LEVEL_BAD}, {13000, LEVEL_A},  {12000, LEVEL_A},   {11001, LEVEL_A},
		    {9000, LEVEL_B},    {8001, LEVEL_B},   {6000, LEVEL_C},    {5001, LEVEL_C},
		    {3000, LEVEL_D},    {2001, LEVEL_D},   {1000, LEVEL_E},    {0, LEVEL_E},
		    {-5000, LEVEL_BAD}, {-12000, LEVEL_F}, {-13000, LEVEL_BAD}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (enum pilot_level was = LEVEL_NONE; was < LEVEL_COUNT; was++)
			CHECK_INT(pilot_level_of(rows[i].mv, was), rows[i].level);
}

TEST(between_bands_the_level_before_decides)
{
	static const struct {
		int mv;
		enum pilot_level was, level;
	} rows[] = {
	    {10500, LEVEL_A, LEVEL_A},   {10500, LEVEL_B, LEVEL_B},  {10500, LEVEL_NONE, LEVEL_B},
	    {7500, LEVEL_A, LEVEL_B},    {7500, LEVEL_B, LEVEL_B},   {7500, LEVEL_C, LEVEL_C},
	    {7500, LEVEL_NONE, LEVEL_C}, {4500, LEVEL_A, LEVEL_C},   {4500, LEVEL_C, LEVEL_C},
	    {4500, LEVEL_D, LEVEL_D},    {4500, LEVEL_E, LEVEL_D},   {-1500, LEVEL_D, LEVEL_E},
	    {-1500, LEVEL_F, LEVEL_BAD}, {-10500, LEVEL_F, LEVEL_F}, {-10500, LEVEL_A, LEVEL_BAD}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK_INT(pilot_level_of(rows[i].mv, rows[i].was), rows[i].level);
}

TEST(a_level_is_stable_over_its_whole_band)
{
	for (int mv = -15000; mv <= 15000; mv += 7)
		for (enum pilot_level was = LEVEL_NONE; was < LEVEL_COUNT; was++) {
			enum pilot_level l = pilot_level_of(mv, was);

			CHECK_INT(pilot_level_of(mv, l), l);
		}
}

TEST(cables)
{
	static const struct {
		int ohm;
		enum pilot_pp pp;
		int one, three;
	} rows[] = {{-1, PP_NONE, 0, 0},         {100000, PP_NONE, 0, 0},
		    {1500, PP_13, 13000, 13000}, {680, PP_20, 20000, 20000},
		    {220, PP_32, 32000, 32000},  {100, PP_63, 70000, 63000},
		    {47, PP_FAULT, 0, 0},        {0, PP_FAULT, 0, 0}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CHECK_INT(pilot_pp_of(rows[i].ohm, &pilot_pp_default), rows[i].pp);
		CHECK_INT(pilot_pp_ma(rows[i].pp, false), rows[i].one);
		CHECK_INT(pilot_pp_ma(rows[i].pp, true), rows[i].three);
	}
}
