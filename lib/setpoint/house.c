/* The house at the grid connection: what the connection's meter tells less what the EVSEs' meters
 * tell.
 *
 * The meters are read at the same instants but heard one after the other. Values of different
 * instants would make a car's own step look like the house's, and the decision run after itself. So
 * only values of one instant are put together; while there are none, the last result stands, and
 * after a while the least that each EVSE drew lately is taken, which can only lower what is left.
 */
#include "setpoint/parts.h"

#include <math.h>
#include <stdlib.h>

#define SAME_INSTANT_MS 500
#define WAIT_MS         2500

double setpoint_meter_amps(const struct setpoint_meter *m, int phase)
{
	double a = m->current_a[phase], w = m->power_w[phase];

	if (!isfinite(a))
		return 0;
	/* Meters give the current as a magnitude; its direction is that of the power. */
	return isfinite(w) && w < 0 ? -fabs(a) : a;
}

static double watts_of(const struct setpoint_meter *m)
{
	return isfinite(m->power_total_w) ? m->power_total_w : 0;
}

static bool with(const struct setpoint_meter *m, const struct setpoint_meter *pcc)
{
	return llabs(m->t_ms - pcc->t_ms) <= SAME_INSTANT_MS;
}

static void take_off(struct setpoint_house *h, const struct setpoint_meter *a,
		     const struct setpoint_meter *b)
{
	for (int ph = 0; ph < 3; ph++)
		h->amps[ph] -= fmin(setpoint_meter_amps(a, ph), setpoint_meter_amps(b, ph));
	h->watts -= fmin(watts_of(a), watts_of(b));
}

void house_update(struct setpoint *s, int64_t now_ms)
{
	bool late = s->house.heard_ms == INT64_MIN || now_ms - s->house.heard_ms > WAIT_MS;
	struct setpoint_house h = {.heard_ms = now_ms};

	if (!still_fresh(s->pcc_ms, s->conf.meter_age_ms, now_ms))
		return;
	h.watts = isfinite(s->pcc.power_total_w) ? s->pcc.power_total_w : HUGE_VAL;
	for (int ph = 0; ph < 3; ph++)
		h.amps[ph] =
		    isfinite(s->pcc.current_a[ph]) ? setpoint_meter_amps(&s->pcc, ph) : HUGE_VAL;
	for (int i = 0; i < s->conf.evses; i++) {
		const struct setpoint_evse *e = &s->evse[i];

		/* An EVSE without a fresh meter counts as house: that too only lowers. */
		if (!still_fresh(e->meter_ms, s->conf.meter_age_ms, now_ms))
			continue;
		if (with(&e->meter, &s->pcc))
			take_off(&h, &e->meter, &e->meter);
		else if (with(&e->meter_before, &s->pcc))
			take_off(&h, &e->meter_before, &e->meter_before);
		else if (late)
			take_off(&h, &e->meter, &e->meter_before);
		else
			return;
	}
	s->house = h;
}
