#include "setpoint/setpoint.h"
#include "setpoint/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BOUNDS_MAX (LEASE_MAX + LEASE_SOURCES_MAX)
/* Below the 3 s after which a pilot gives up waiting for a setpoint. */
#define SILENT_MS 2000
/* A value that is a whole number of steps must not lose one to binary fractions. */
#define STEP_SLACK 1e-6

void setpoint_conf_init(struct setpoint_conf *c)
{
	memset(c, 0, sizeof *c);
	c->evses = 1;
	c->evse_max_a = c->ceiling_a = c->pcc_ceiling_a = HUGE_VAL;
	c->pcc_unseen_a = 6;
	c->min_a = 6;
	c->nominal_v = 230;
	c->meter_age_ms = 5000;
	c->pilot_age_ms = 15000;
}

static void forget(struct setpoint_evse *e)
{
	memset(e, 0, sizeof *e);
	e->pilot_ms = e->meter_ms = e->start_ms = e->resume_at_ms = INT64_MIN;
	e->idle_since_ms = INT64_MIN;
	e->pilot.cable_a = e->pilot.thermal_a = HUGE_VAL;
}

void setpoint_init(struct setpoint *s, const struct setpoint_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->conf = *conf;
	s->random = conf->seed;
	s->pcc_ms = s->house.heard_ms = s->begun_ms = INT64_MIN;
	lease_init(&s->leases);
	for (int i = 0; i < SETPOINT_EVSES_MAX; i++)
		forget(&s->evse[i]);
}

void setpoint_release(struct setpoint *s)
{
	lease_release(&s->leases);
}

void setpoint_go_live(struct setpoint *s)
{
	s->live = true;
}

/* ---- what is heard ---- */

static struct setpoint_evse *evse_of(struct setpoint *s, int evse)
{
	return evse >= 1 && evse <= s->conf.evses ? &s->evse[evse - 1] : NULL;
}

static void forget_car(struct setpoint_evse *e)
{
	e->arrival = 0;
	e->resume_at_ms = INT64_MIN;
}

static bool car_there(char state)
{
	return state == 'B' || state == 'C' || state == 'D';
}

bool setpoint_on_pilot(struct setpoint *s, int evse, const struct setpoint_pilot *p, int64_t now_ms)
{
	struct setpoint_evse *e = evse_of(s, evse);

	if (!e)
		return false;
	if (e->pilot_ms == INT64_MIN && p->limit_a > 0) {
		/* We come back to a car under way: neither ramp nor delay starts over. */
		e->released_a = p->limit_a;
		e->released_ms = now_ms;
	}
	e->pilot = *p;
	e->pilot_ms = now_ms;
	if (p->phases > e->wired_phases)
		e->wired_phases = p->phases;
	if (p->state == 'A')
		forget_car(e);
	else if (car_there(p->state) && !e->arrival)
		e->arrival = ++s->arrivals;
	return true;
}

bool setpoint_on_meter(struct setpoint *s, int evse, const struct setpoint_meter *m, int64_t now_ms)
{
	struct setpoint_evse *e = evse_of(s, evse);

	if (!e)
		return false;
	e->meter_before = e->meter_ms == INT64_MIN ? *m : e->meter;
	e->meter = *m;
	e->meter_ms = now_ms;
	house_update(s, now_ms);
	return true;
}

bool setpoint_on_session(struct setpoint *s, int evse, const struct setpoint_session *r)
{
	struct setpoint_evse *e = evse_of(s, evse);

	if (!e)
		return false;
	e->session = *r;
	e->session_known = true;
	return true;
}

void setpoint_forget_session(struct setpoint *s, int evse)
{
	struct setpoint_evse *e = evse_of(s, evse);

	if (e)
		e->session_known = false;
}

void setpoint_forget_pilot(struct setpoint *s, int evse)
{
	struct setpoint_evse *e = evse_of(s, evse);

	if (e)
		e->pilot_ms = INT64_MIN;
}

void setpoint_on_pcc(struct setpoint *s, const struct setpoint_meter *m, int64_t now_ms)
{
	s->pcc = *m;
	s->pcc_ms = now_ms;
	house_update(s, now_ms);
}

/* ---- deciding ---- */

/* Whether energy is wanted and allowed here; if not, the reason is the winner. */
static bool may_flow(const struct setpoint *s, int i, int64_t now_ms, struct setpoint_decision *d)
{
	const struct setpoint_evse *e = &s->evse[i];
	bool managed = s->conf.managed;
	bool pilot = still_fresh(e->pilot_ms, s->conf.pilot_age_ms, now_ms);
	bool session = e->session_known && !e->session.ended;

	if (managed && session)
		snprintf(d->session, sizeof d->session, "%s", e->session.id);
	if (!pilot) {
		because_win(d, e->pilot.src[0] ? e->pilot.src : "setpoint", e->pilot.n,
			    SETPOINT_NO_LIVE, 0);
		return false;
	}
	if (managed && !session) {
		because_win(d, e->session.src[0] ? e->session.src : "session", e->session.n,
			    SETPOINT_NO_SESSION, 0);
		return false;
	}
	if (managed && !e->session.allow) {
		because_win(d, e->session.src, e->session.n, SETPOINT_NOT_ALLOWED, 0);
		return false;
	}
	d->enable = managed || car_there(e->pilot.state);
	if (e->pilot.fault || e->pilot.state == 'E' || e->pilot.state == 'F') {
		because_win(d, e->pilot.src, e->pilot.n, SETPOINT_FAULT, 0);
		return false;
	}
	if (!car_there(e->pilot.state)) {
		because_win(d, e->pilot.src, e->pilot.n, SETPOINT_NO_SESSION, 0);
		return false;
	}
	return true;
}

/* Own ceiling and the right to ask for a share. */
static void prepare(const struct setpoint *s, int i, const struct lease_clock *now,
		    const struct lease_bound *bounds, size_t count, struct part *p)
{
	p->d->min_a = s->conf.min_a;
	p->group_rule = SHARE_BY_CAP;
	own_ceiling(s, i + 1, now, bounds, count, p);
	p->asks = may_flow(s, i, now->mono_ms, p->d);
	if (p->asks && now->mono_ms < s->evse[i].resume_at_ms) {
		because_win(p->d, s->evse[i].lost_to, "", SETPOINT_MINIMUM_WAIT, 0);
		p->asks = false;
	}
	if (p->asks && p->cap_a < s->conf.min_a) {
		because_win(p->d, p->cap_src, p->cap_n,
			    p->cap_a > 0 ? SETPOINT_PHASE_MIN : p->cap_rule, p->cap_a);
		p->asks = false;
	}
}

static size_t share(const struct setpoint *s, struct part *parts, const struct share_rule *rules,
		    size_t nrules, int *of)
{
	struct share_user users[SHARE_USERS_MAX];
	size_t n = 0;

	for (int i = 0; i < s->conf.evses; i++) {
		if (!parts[i].asks)
			continue;
		of[n] = i;
		users[n++] = (struct share_user){
		    .cap = parts[i].cap_a,
		    .min = s->conf.min_a,
		    .arrival = s->evse[i].arrival,
		    .tier = s->evse[i].pilot.state == 'B',
		};
	}
	share_out(users, n, rules, nrules);
	for (size_t u = 0; u < n; u++) {
		struct part *p = &parts[of[u]];

		p->d->import_max_a = users[u].got;
		p->group_rule = users[u].held_by;
		p->waits = users[u].waits;
	}
	return n;
}

static void explain(struct part *p, const struct share_rule *rules, const struct group_rule *why,
		    size_t nrules, size_t user, size_t nusers)
{
	struct setpoint_decision *d = p->d;
	const struct group_rule *by = p->group_rule == SHARE_BY_CAP ? NULL : &why[p->group_rule];

	for (size_t k = 0; k < nrules; k++)
		if (rules[k].coef[user] > 0 &&
		    (!by || strcmp(why[k].src, by->src) != 0 || why[k].tag != by->tag))
			because_add(d, why[k].src, why[k].n, why[k].tag,
				    rules[k].capacity / rules[k].coef[user]);
	if (!by)
		because_win(d, p->cap_src, p->cap_n, p->cap_rule, p->cap_a);
	else
		because_win(d, by->src, by->n,
			    p->waits     ? SETPOINT_MINIMUM_WAIT
			    : nusers > 1 ? SETPOINT_STATION_SHARE
					 : by->tag,
			    d->import_max_a);
}

/* A supply that hovers about a minimum must not make a contactor follow it. */
static void note_loss(const struct setpoint_conf *c, struct setpoint_evse *e, const struct part *p,
		      const struct group_rule *why, int64_t now_ms)
{
	if (!p->waits || e->released_a <= 0 || c->resume_ms <= 0)
		return;
	e->resume_at_ms = now_ms + c->resume_ms;
	snprintf(e->lost_to, sizeof e->lost_to, "%s", why[p->group_rule].src);
}

/* A car that is full, or was told to start later, must not keep others waiting for ever: it goes to
 * the end of the queue, and has its turn again. */
static void take_turns(struct setpoint *s, const struct part *parts, int64_t now_ms,
		       int64_t *next_ms)
{
	bool waiting = false;

	for (int i = 0; i < s->conf.evses; i++)
		waiting = waiting || parts[i].waits;
	for (int i = 0; i < s->conf.evses; i++) {
		struct setpoint_evse *e = &s->evse[i];
		bool idle = e->pilot.state == 'B' && e->pilot.limit_a > 0;
		int64_t until;

		if (!idle)
			e->idle_since_ms = INT64_MIN;
		else if (e->idle_since_ms == INT64_MIN)
			e->idle_since_ms = now_ms;
		if (!idle || !waiting || s->conf.idle_ms <= 0)
			continue;
		until = e->idle_since_ms + s->conf.idle_ms;
		if (until <= now_ms) {
			e->arrival = ++s->arrivals;
			e->idle_since_ms = until = now_ms;
		}
		if (until < *next_ms)
			*next_ms = until; /* at once where the order has changed */
	}
}

static double round_down(double a, double step)
{
	double down = floor(a / step + STEP_SLACK) * step;

	return round(down * 1e4) / 1e4; /* 153 * 0.1 shall read 15.3 */
}

/* Ramp, hold and the wire, in this order. */
static void finish(struct setpoint *s, int i, int64_t now_ms, struct setpoint_decision *d,
		   int64_t *next_ms)
{
	struct setpoint_evse *e = &s->evse[i];
	double step = e->pilot.step_a > 0 ? e->pilot.step_a : 0.1;
	double signalled = e->pilot_ms == INT64_MIN ? 0 : e->pilot.limit_a;
	enum setpoint_rule held = SETPOINT_RULES;
	double a = release_a(s, e, d->import_max_a, now_ms, &held, next_ms);

	if (held != SETPOINT_RULES)
		because_win(d, "setpoint", "", held, a);
	if (!s->live && a > signalled) {
		a = signalled;
		because_win(d, "setpoint", "", SETPOINT_START_HOLD, a);
	}
	a = round_down(a, step);
	if (a > 0 && a < s->conf.min_a) {
		a = 0;
		because_win(d, d->because[0].src, d->because[0].n, SETPOINT_PHASE_MIN, 0);
	}
	d->import_max_a = a;
	d->known = s->live || (e->pilot_ms != INT64_MIN && now_ms - s->begun_ms >= SILENT_MS);
}

static void note_times(const struct setpoint *s, int64_t now_ms, int64_t *next_ms)
{
	for (int i = -1; i < s->conf.evses; i++) {
		int64_t meter = i < 0 ? s->house.heard_ms : s->evse[i].meter_ms;
		int64_t pilot = i < 0 ? INT64_MIN : s->evse[i].pilot_ms;

		if (still_fresh(meter, s->conf.meter_age_ms, now_ms) &&
		    meter + s->conf.meter_age_ms < *next_ms)
			*next_ms = meter + s->conf.meter_age_ms;
		if (i >= 0 && s->evse[i].resume_at_ms > now_ms &&
		    s->evse[i].resume_at_ms < *next_ms)
			*next_ms = s->evse[i].resume_at_ms;
		if (still_fresh(pilot, s->conf.pilot_age_ms, now_ms) &&
		    pilot + s->conf.pilot_age_ms < *next_ms)
			*next_ms = pilot + s->conf.pilot_age_ms;
	}
}

void setpoint_decide(struct setpoint *s, const struct lease_clock *now,
		     struct setpoint_decision *out, int64_t *next_ms)
{
	struct lease_bound bounds[BOUNDS_MAX];
	struct part parts[SETPOINT_EVSES_MAX];
	struct share_rule rules[SHARE_RULES_MAX];
	struct group_rule why[SHARE_RULES_MAX];
	int of[SETPOINT_EVSES_MAX];
	size_t count = lease_bounds(&s->leases, now, bounds, BOUNDS_MAX, next_ms);
	size_t nrules, nusers;

	if (s->begun_ms == INT64_MIN)
		s->begun_ms = now->mono_ms;
	memset(parts, 0, sizeof parts);
	memset(rules, 0, sizeof rules);
	for (int i = 0; i < s->conf.evses; i++) {
		memset(&out[i], 0, sizeof out[i]);
		parts[i].d = &out[i];
		prepare(s, i, now, bounds, count, &parts[i]);
	}
	nrules = group_rules(s, now, bounds, count, parts, rules, why);
	nusers = share(s, parts, rules, nrules, of);
	for (size_t u = 0; u < nusers; u++) {
		explain(&parts[of[u]], rules, why, nrules, u, nusers);
		note_loss(&s->conf, &s->evse[of[u]], &parts[of[u]], why, now->mono_ms);
	}
	note_times(s, now->mono_ms, next_ms);
	take_turns(s, parts, now->mono_ms, next_ms);
	for (int i = 0; i < s->conf.evses; i++)
		finish(s, i, now->mono_ms, &out[i], next_ms);
}

bool setpoint_differs(const struct setpoint_decision *a, const struct setpoint_decision *b)
{
	return a->known != b->known || a->enable != b->enable ||
	       a->import_max_a < b->import_max_a || a->import_max_a > b->import_max_a ||
	       a->phases != b->phases || strcmp(a->session, b->session) != 0 ||
	       (a->because_count > 0) != (b->because_count > 0) ||
	       (a->because_count > 0 && (a->because[0].rule != b->because[0].rule ||
					 strcmp(a->because[0].src, b->because[0].src) != 0));
}
