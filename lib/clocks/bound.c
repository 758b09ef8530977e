#include "clocks/bound.h"

#include <math.h>
#include <string.h>

/* Growth between the words of a source while it steers the clock. chrony counts its own in the root
 * dispersion it tells; timesyncd does not, so it gets the frequency tolerance of RFC 5905, section
 * 7.2 (PHI). Nobody steers by a Heartbeat: that grows as in holdover. */
#define PHI_PPM 15.0

/* A source that missed two of its measurements is not steering any more. */
enum { MISSED = 3 };
#define RHYTHM_MIN_US  INT64_C(64000000)
#define RHYTHM_OCPP_US INT64_C(28800000000) /* a Heartbeat may be as rare as once in 8 h */

static const char *const names[] = {"chrony", "timesyncd", "ocpp", "rtc", "none"};

const char *clocks_name(enum clocks_source source)
{
	return names[source];
}

enum clocks_source clocks_named(const char *name)
{
	int i = 0;

	while (i < CLOCKS_NONE && strcmp(names[i], name) != 0)
		i++;
	return (enum clocks_source)i;
}

void clocks_init(struct clocks *c, double worst_ppm, int64_t mono_us)
{
	*c = (struct clocks){.worst_ppm = worst_ppm, .begin_us = mono_us};
}

static double or_zero(double v)
{
	return isfinite(v) ? fabs(v) : 0;
}

static int64_t fresh_of(enum clocks_source source, double interval_s)
{
	int64_t rhythm = source == CLOCKS_OCPP ? RHYTHM_OCPP_US : RHYTHM_MIN_US;
	int64_t told = interval_s > 0 && interval_s < 1e6 ? (int64_t)(interval_s * 1e6) : 0;

	return MISSED * (told > rhythm ? told : rhythm);
}

static bool synced(const struct clocks_entry *e, int64_t mono_us)
{
	return e->any && !e->lost && mono_us - e->mono_us <= e->fresh_us;
}

void clocks_take(struct clocks *c, enum clocks_source source, const struct clocks_sample *s,
		 int64_t mono_us)
{
	struct clocks_entry *e = &c->entry[source];
	int64_t fresh = fresh_of(source, s->interval_s);

	if (!s->synced || mono_us - s->mono_us > fresh) {
		e->lost = true;
		return;
	}
	*e = (struct clocks_entry){
	    .any = true,
	    .lost = source == CLOCKS_OCPP && fabs(s->offset_ms) > CLOCKS_AGREE_MS,
	    .offset_ms = s->offset_ms,
	    .base_ms = fabs(s->offset_ms) + s->error_ms,
	    .drift_ppm = s->drift_ppm,
	    .skew_ppm = s->skew_ppm,
	    .mono_us = s->mono_us,
	    .real_us = s->real_us,
	    .fresh_us = fresh,
	};
}

void clocks_silent(struct clocks *c, enum clocks_source source)
{
	c->entry[source].lost = true;
}

void clocks_stepped(struct clocks *c, int64_t step_us)
{
	for (int i = 0; i < CLOCKS_SOURCES; i++) {
		struct clocks_entry *e = &c->entry[i];

		/* What the source says next replaces this; until then the clock is off by so much.
		 */
		e->stepped_ms += fabs((double)step_us) / 1000;
		e->offset_ms -= (double)step_us / 1000;
		if (e->stepped_ms > CLOCKS_AGREE_MS && i == CLOCKS_OCPP)
			e->lost = true;
	}
}

void clocks_restore(struct clocks *c, enum clocks_source source, const struct clocks_entry *saved,
		    int64_t age_us, double extra_ms, int64_t mono_us)
{
	struct clocks_entry *e = &c->entry[source];

	*e = *saved;
	e->any = e->lost = true;
	e->base_ms += extra_ms;
	e->mono_us = mono_us - (age_us > 0 ? age_us : 0);
}

static double rate_of(const struct clocks *c, int i, bool in_sync)
{
	const struct clocks_entry *e = &c->entry[i];

	if (in_sync && i == CLOCKS_CHRONY)
		return 0;
	if (in_sync && i == CLOCKS_TIMESYNC)
		return PHI_PPM;
	return or_zero(e->drift_ppm) + or_zero(e->skew_ppm) + c->worst_ppm;
}

static double bound_of(const struct clocks *c, int i, int64_t mono_us)
{
	const struct clocks_entry *e = &c->entry[i];
	double age_s = (double)(mono_us - e->mono_us) / 1e6;

	return e->base_ms + e->stepped_ms +
	       rate_of(c, i, synced(e, mono_us)) * 1e-3 * (age_s > 0 ? age_s : 0);
}

/* The best source that holds now; else the one whose last word bounds the clock best. */
static int choose(const struct clocks *c, int64_t mono_us)
{
	int best = CLOCKS_NONE;

	for (int i = 0; i < CLOCKS_SOURCES; i++)
		if (synced(&c->entry[i], mono_us))
			return i;
	for (int i = 0; i < CLOCKS_SOURCES; i++)
		if (c->entry[i].any &&
		    (best == CLOCKS_NONE || bound_of(c, i, mono_us) < bound_of(c, best, mono_us)))
			best = i;
	return best;
}

struct clocks_view clocks_judge(const struct clocks *c, int64_t mono_us)
{
	int i = choose(c, mono_us);
	struct clocks_view v = {CLOCKS_NONE, .offset_ms = NAN, .bound_ms = INFINITY,
				.drift_ppm = NAN};
	const struct clocks_entry *e;

	if (i == CLOCKS_NONE) {
		v.holdover_us = mono_us - c->begin_us;
		v.overdue = v.holdover_us >= CLOCKS_ALARM_US;
		return v;
	}
	e = &c->entry[i];
	v.source = (enum clocks_source)i;
	v.ever = true;
	v.synced = synced(e, mono_us);
	v.offset_ms = e->offset_ms;
	v.drift_ppm = e->drift_ppm;
	v.bound_ms = bound_of(c, i, mono_us);
	v.rate_ppm = rate_of(c, i, v.synced);
	v.within = v.bound_ms <= CLOCKS_WITHIN_MS;
	v.last_real_us = e->real_us;
	v.holdover_us = v.synced ? 0 : mono_us - e->mono_us;
	v.overdue = v.holdover_us >= CLOCKS_ALARM_US;
	return v;
}
