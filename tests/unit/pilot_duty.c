/* Duty and current, COM-3 and CTL-4. */
#include "harness.h"
#include "pilot/duty.h"

TEST(known_pairs)
{
	static const int pairs[][2] = {{6000, 1000},  {10000, 1666}, {13000, 2166}, {16000, 2666},
				       {20000, 3333}, {25000, 4166}, {32000, 5333}, {48000, 8000},
				       {51000, 8500}, {52500, 8500}, {63000, 8920}, {80000, 9600}};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		CHECK_INT(duty_of_ma(pairs[i][0]), pairs[i][1]);
}

TEST(never_more_than_asked_and_within_a_step)
{
	for (int ma = 0; ma <= 100000; ma += 10) {
		int duty = duty_of_ma(ma), car = duty_car_ma(duty);

		CHECK(car <= ma);
		if (ma < 6000)
			CHECK_INT(duty, DUTY_X1);
		else if (ma <= 51000 || (ma >= 52600 && ma <= 80000))
			/* One step of 0.1 A and one tick of 0.01 % (6 or 25 mA). */
			CHECK(ma - car < DUTY_STEP_MA + 25);
		else if (ma < 52600)
			CHECK_INT(car, 51000);
		else
			CHECK_INT(car, 80000);
	}
}

TEST(rises_with_the_current)
{
	int last = 0;

	for (int ma = 6000; ma <= 80000; ma += 100) {
		int duty = duty_of_ma(ma);

		CHECK(duty >= last);
		last = duty;
	}
}

TEST(each_tenth_of_an_ampere_has_its_own_duty)
{
	for (int ma = 6100; ma <= 80000; ma += 100)
		if (ma <= 51000 || ma >= 52600)
			CHECK(duty_of_ma(ma) > duty_of_ma(ma - 100));
}

TEST(the_car_side)
{
	static const int rows[][2] = {{0, 0},        {299, 0},      {500, 0},      {799, 0},
				      {800, 6000},   {1000, 6000},  {1001, 6006},  {5333, 31998},
				      {8500, 51000}, {8501, 52525}, {9600, 80000}, {9700, 80000},
				      {9701, 0},     {10000, 0}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK_INT(duty_car_ma(rows[i][0]), rows[i][1]);
	CHECK(duty_is_hlc(500) && duty_is_hlc(300) && duty_is_hlc(700));
	CHECK(!duty_is_hlc(299) && !duty_is_hlc(701));
}

TEST(a_driver_of_whole_amperes)
{
	CHECK_INT(duty_floor_ma(15999, 1000), 15000);
	CHECK_INT(duty_floor_ma(6000, 1000), 6000);
	CHECK_INT(duty_floor_ma(5999, 1000), 0);
	CHECK_INT(duty_floor_ma(52900, 1000), 51000);
	CHECK_INT(duty_floor_ma(53000, 1000), 53000);
	CHECK_INT(duty_floor_ma(6040, 100), 6000);
	CHECK_INT(duty_floor_ma(16000, 0), 0);
	CHECK_INT(duty_floor_ma(-1, 100), 0);
	CHECK_INT(duty_floor_ma(2000000000, 100), 80000);
}
