#include "pilot/duty.h"

int duty_floor_ma(int want_ma, int step_ma)
{
	int ma;

	if (want_ma < DUTY_MIN_MA || step_ma <= 0)
		return 0;
	ma = want_ma > DUTY_MAX_MA ? DUTY_MAX_MA : want_ma;
	/* 51 to 52.5 A: no duty is defined there, so the lower edge is signalled. */
	if (ma > 51000 && ma <= 52500)
		ma = 51000;
	ma -= ma % step_ma;
	if (ma > 51000 && ma <= 52500)
		ma = 51000 - 51000 % step_ma;
	return ma < DUTY_MIN_MA ? 0 : ma;
}

int duty_of_ma(int ma)
{
	int i = duty_floor_ma(ma, DUTY_STEP_MA);

	if (i == 0)
		return DUTY_X1;
	if (i <= 51000)
		return i / 6; /* I / 0.6 A per percent */
	return i / 25 + 6400; /* I / 2.5 A per percent + 64 % */
}

int duty_car_ma(int permyriad)
{
	if (permyriad < 800 || permyriad > 9700)
		return 0;
	if (permyriad <= 1000)
		return 6000;
	if (permyriad <= 8500)
		return permyriad * 6;
	if (permyriad <= 9600)
		return (permyriad - 6400) * 25;
	return 80000;
}

bool duty_is_hlc(int permyriad)
{
	return permyriad >= 300 && permyriad <= 700;
}
