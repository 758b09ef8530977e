/* Ramp and randomised delay: what may rise now of what was decided. Falling is never delayed. */
#include "setpoint/parts.h"

#include <math.h>

#define RAMP_STEP_MS 100

/* splitmix64: small, seeded, good enough to spread starts. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static void sooner(int64_t *next_ms, int64_t at)
{
	if (at < *next_ms)
		*next_ms = at;
}

static bool delayed(struct setpoint *s, struct setpoint_evse *e, int64_t now_ms)
{
	if (s->conf.delay_max_ms <= 0 || e->released_a > 0)
		return false;
	if (e->start_ms == INT64_MIN)
		e->start_ms = now_ms + (int64_t)(draw(&s->random) % (uint64_t)s->conf.delay_max_ms);
	return now_ms < e->start_ms;
}

double release_a(struct setpoint *s, struct setpoint_evse *e, double want_a, int64_t now_ms,
		 enum setpoint_rule *rule, int64_t *next_ms)
{
	double most = want_a;

	if (want_a <= 0) {
		e->start_ms = INT64_MIN;
	} else if (delayed(s, e, now_ms)) {
		*rule = SETPOINT_RANDOM_DELAY;
		sooner(next_ms, e->start_ms);
		most = 0;
	} else if (s->conf.ramp_a_per_s > 0 && want_a > e->released_a) {
		double from = fmax(e->released_a, s->conf.min_a);
		double rise = e->released_a > 0
				  ? s->conf.ramp_a_per_s * (double)(now_ms - e->released_ms) / 1000
				  : 0;

		most = fmin(want_a, from + rise);
		if (most < want_a) {
			*rule = SETPOINT_RAMP;
			sooner(next_ms, now_ms + RAMP_STEP_MS);
		}
	}
	e->released_a = most;
	e->released_ms = now_ms;
	return most;
}

void setpoint_cancel_delay(struct setpoint *s, int evse)
{
	for (int i = 0; i < s->conf.evses; i++)
		if ((evse == 0 || evse == i + 1) && s->evse[i].start_ms != INT64_MIN)
			s->evse[i].start_ms = INT64_MIN + 1;
}
