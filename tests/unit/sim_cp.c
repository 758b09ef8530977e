#include "harness.h"

#include "sim/cp.h"

static int pos_of(int duty, struct sim_cp_load load)
{
	int pos, neg;

	sim_cp_levels(duty, &load, &pos, &neg);
	return pos;
}

static int neg_of(int duty, struct sim_cp_load load)
{
	int pos, neg;

	sim_cp_levels(duty, &load, &pos, &neg);
	return neg;
}

TEST(levels_are_those_of_the_states)
{
	CHECK_INT(pos_of(2667, (struct sim_cp_load){0}), 12000);
	CHECK_NUM(pos_of(2667, (struct sim_cp_load){SIM_CP_OHM_B, true, false}), 9000, 300);
	CHECK_NUM(pos_of(2667, (struct sim_cp_load){SIM_CP_OHM_C, true, false}), 6000, 300);
	CHECK_NUM(pos_of(2667, (struct sim_cp_load){SIM_CP_OHM_D, true, false}), 3000, 300);
}

TEST(the_diode_blocks_the_negative_half)
{
	CHECK_INT(neg_of(2667, (struct sim_cp_load){SIM_CP_OHM_C, true, false}), -12000);
	CHECK_NUM(neg_of(2667, (struct sim_cp_load){SIM_CP_OHM_B, false, false}), -8790, 10);
}

TEST(steady_levels_have_no_other_half)
{
	struct sim_cp_load b = {SIM_CP_OHM_B, true, false};

	CHECK_INT(neg_of(SIM_DUTY_X1, b), pos_of(SIM_DUTY_X1, b));
	CHECK_INT(pos_of(SIM_DUTY_F, b), -12000);
	CHECK_INT(neg_of(SIM_DUTY_F, b), -12000);
}

TEST(a_short_is_zero)
{
	struct sim_cp_load s = {SIM_CP_OHM_B, true, true};

	CHECK_INT(pos_of(5000, s), 0);
	CHECK_INT(neg_of(5000, s), 0);
}

TEST(what_a_duty_means_to_a_car)
{
	static const struct {
		int duty, ma;
	} row[] = {
	    {0, 0},        {299, 0},      {500, 0},      {799, 0},      {800, 6000},
	    {999, 6000},   {1000, 6000},  {1667, 10002}, {2667, 16002}, {5333, 31998},
	    {8500, 51000}, {8600, 55000}, {8920, 63000}, {9600, 80000}, {9700, 80000},
	    {9701, 0},     {10000, 0},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		CHECK_INT(sim_cp_ev_limit_ma(row[i].duty), row[i].ma);
}
