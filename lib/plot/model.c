#include "plot/model.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utc.h"

static const struct {
	const char *name, *title, *unit;
	bool from_zero;
	double least; /* a span smaller than this shows noise alone */
} panels[PLOT_PANELS] = {
    {"power", "Power", "W", true, 100},
    {"current", "Current and signalled limit", "A", true, 6},
    {"freq", "Frequency", "Hz", false, 0.1},
    {"soc", "State of charge", "%", true, 100},
    {"energy", "Energy by session", "Wh", true, 10},
};

const char *plot_panel_name(enum plot_panel panel)
{
	return panels[panel].name;
}

const char *plot_panel_title(enum plot_panel panel)
{
	return panels[panel].title;
}

void plot_init(struct plot *p)
{
	*p = (struct plot){
	    .to_us = INT64_MAX, .first_us = INT64_MAX, .panels = (1u << PLOT_PANELS) - 1};
}

void plot_release(struct plot *p)
{
	for (size_t i = 0; i < p->nseries; i++)
		free(p->series[i]);
	free(p->session);
	*p = (struct plot){0};
}

static bool wanted(const struct plot *p, enum plot_panel panel)
{
	return p->panels >> panel & 1;
}

bool plot_wants(const struct plot *p, const struct head *h)
{
	int64_t t;

	if (!slice_is(h->type, "meter") && !slice_is(h->type, "pilot") &&
	    !slice_is(h->type, "car") && !slice_is(h->type, "ev") && !slice_is(h->type, "session"))
		return false;
	if (p->evse && h->evse != p->evse)
		return false;
	if (utc_parse(h->t.at, h->t.len, &t) < 0)
		return false;
	/* a session that reaches into the range may have begun before */
	return slice_is(h->type, "session") || (t >= p->from_us && t <= p->to_us);
}

/* In the order of the legend: each EVSE before its limit, the grid last. */
static int rank(const struct plot_series *s)
{
	return s->evse ? 2 * s->evse + s->limit : INT_MAX;
}

static void insert(struct plot *p, struct plot_series *s)
{
	size_t i = p->nseries++;

	for (; i > 0 && rank(p->series[i - 1]) > rank(s); i--)
		p->series[i] = p->series[i - 1];
	p->series[i] = s;
}

static struct plot_series *series(struct plot *p, enum plot_panel panel, int evse, bool limit)
{
	struct plot_series *s;

	for (size_t i = 0; i < p->nseries; i++) {
		s = p->series[i];
		if (s->panel == panel && s->evse == evse && s->limit == limit)
			return s;
	}
	s = p->nseries < PLOT_SERIES_MAX ? malloc(sizeof *s) : NULL;
	if (!s) {
		p->dropped++;
		return NULL;
	}
	s->panel = panel;
	s->evse = evse;
	s->limit = limit;
	if (evse)
		snprintf(s->name, sizeof s->name, "EVSE %d%s", evse, limit ? " limit" : "");
	else
		snprintf(s->name, sizeof s->name, "grid");
	bins_init(&s->bins);
	insert(p, s);
	return s;
}

static void add(struct plot *p, enum plot_panel panel, int evse, bool limit, int64_t t, double v)
{
	struct plot_series *s = wanted(p, panel) ? series(p, panel, evse, limit) : NULL;

	if (!s)
		return;
	bins_add(&s->bins, t, v);
	if (t < p->first_us)
		p->first_us = t;
	if (t > p->last_us)
		p->last_us = t;
	p->taken++;
}

static void number(struct plot *p, enum plot_panel panel, const struct record *r, bool limit,
		   const char *member)
{
	double v;

	if (json_num(record_get(r, member), -1e9, 1e9, &v))
		add(p, panel, r->head.evse, limit, r->t_us, v);
}

static void meter(struct plot *p, const struct record *r)
{
	jv amps = record_get(r, "current_a"), watts = record_get(r, "power_w");
	double v, most = -1, sum = 0;
	int n = 0;

	for (int i = 0; i < json_len(watts); i++)
		if (json_num(json_at(watts, i), -1e9, 1e9, &v)) {
			sum += v;
			n++;
		}
	if (json_num(record_get(r, "power_total_w"), -1e9, 1e9, &v) || n)
		add(p, PLOT_POWER, r->head.evse, false, r->t_us,
		    json_absent(record_get(r, "power_total_w")) ? sum : v);
	if (json_num(record_get(r, "freq_hz"), 1, 1000, &v))
		add(p, PLOT_FREQ, r->head.evse, false, r->t_us, v);
	for (int i = 0; i < json_len(amps); i++)
		if (json_num(json_at(amps, i), -1e6, 1e6, &v) && fabs(v) > most)
			most = fabs(v);
	if (r->head.evse && most >= 0)
		add(p, PLOT_CURRENT, r->head.evse, false, r->t_us, most);
}

/* No limit signalled (X1) means that none may flow. */
static void pilot(struct plot *p, const struct record *r)
{
	double v = 0;

	if (json_absent(record_get(r, "limit_a")))
		return;
	json_num(record_get(r, "limit_a"), 0, 1000, &v);
	add(p, PLOT_CURRENT, r->head.evse, true, r->t_us, v);
}

static struct plot_session *session_of(struct plot *p, const char *id, int evse)
{
	struct plot_session *s;

	for (size_t i = p->nsessions; i-- > 0;)
		if (strcmp(p->session[i].id, id) == 0)
			return &p->session[i];
	if (!p->session)
		p->session = calloc(PLOT_SESSIONS_MAX, sizeof *p->session);
	if (!p->session)
		return NULL;
	if (p->nsessions == PLOT_SESSIONS_MAX) {
		p->nsessions--;
		p->dropped++;
		memmove(p->session, p->session + 1, p->nsessions * sizeof *p->session);
	}
	s = &p->session[p->nsessions++];
	*s = (struct plot_session){.evse = evse, .begin_wh = NAN, .end_wh = NAN};
	snprintf(s->id, sizeof s->id, "%s", id);
	return s;
}

static void session(struct plot *p, const struct record *r)
{
	const char *id = json_str(record_get(r, "id"));
	jv reading = record_get(r, "reading");
	struct plot_session *s;
	double wh;

	if (!wanted(p, PLOT_ENERGY) || !id ||
	    !json_num(json_get(reading, "import_wh"), -1e12, 1e12, &wh))
		return;
	s = session_of(p, id, r->head.evse);
	if (!s)
		return;
	if (isnan(s->begin_wh)) {
		s->begin_wh = wh;
		s->begin_us = r->t_us;
	}
	s->end_wh = wh;
	s->end_us = r->t_us;
	if (r->t_us >= p->from_us && r->t_us <= p->to_us) {
		p->taken++;
		if (r->t_us < p->first_us)
			p->first_us = r->t_us;
		if (r->t_us > p->last_us)
			p->last_us = r->t_us;
	}
}

void plot_take(struct plot *p, const struct record *r)
{
	if (record_gone(r))
		return;
	if (record_is(r, "meter"))
		meter(p, r);
	else if (record_is(r, "pilot") && r->head.evse)
		pilot(p, r);
	else if ((record_is(r, "car") || record_is(r, "ev")) && r->head.evse)
		number(p, PLOT_SOC, r, false, "soc_pct");
	else if (record_is(r, "session") && r->head.evse)
		session(p, r);
}

/* One line is enough for the grid's frequency: the EV meters see the same. */
bool plot_shows(const struct plot *p, const struct plot_series *s, enum plot_panel panel, int evse)
{
	if (s->panel != panel || (evse && s->evse != (evse == PLOT_GRID ? 0 : evse)))
		return false;
	if (panel == PLOT_FREQ && s->evse && !evse)
		for (size_t i = 0; i < p->nseries; i++)
			if (p->series[i]->panel == PLOT_FREQ && !p->series[i]->evse)
				return false;
	return true;
}

bool plot_range(const struct plot *p, int64_t *from_us, int64_t *to_us)
{
	if (!p->taken)
		return false;
	*from_us = p->from_us ? p->from_us : p->first_us;
	*to_us = p->to_us != INT64_MAX ? p->to_us : p->last_us;
	if (*to_us - *from_us < 1000000) {
		*from_us -= 30000000;
		*to_us += 30000000;
	}
	return true;
}

static bool session_extent(const struct plot *p, int evse, int64_t from, int64_t to, double *min,
			   double *max)
{
	bool any = false;

	for (size_t i = 0; i < p->nsessions; i++) {
		const struct plot_session *s = &p->session[i];
		double wh = s->end_wh - s->begin_wh;

		if (s->end_us < from || s->begin_us > to || (evse && s->evse != evse))
			continue;
		*min = any ? fmin(*min, wh) : wh;
		*max = any ? fmax(*max, wh) : wh;
		any = true;
	}
	return any;
}

bool plot_extent(const struct plot *p, enum plot_panel panel, int evse, double *min, double *max,
		 double *divide, const char **unit)
{
	int64_t from, to;
	double lo, hi;
	bool any;

	if (!wanted(p, panel) || !plot_range(p, &from, &to))
		return false;
	any = panel == PLOT_ENERGY && session_extent(p, evse, from, to, min, max);
	for (size_t i = 0; i < p->nseries; i++) {
		const struct plot_series *s = p->series[i];

		if (!plot_shows(p, s, panel, evse) || !bins_extent(&s->bins, from, to, &lo, &hi))
			continue;
		*min = any ? fmin(*min, lo) : lo;
		*max = any ? fmax(*max, hi) : hi;
		any = true;
	}
	if (!any)
		return false;
	if (panels[panel].from_zero) {
		*min = fmin(*min, 0);
		*max = fmax(*max, 0);
	}
	if (*max - *min < panels[panel].least) {
		double more = panels[panel].least - (*max - *min);

		*max += panels[panel].from_zero ? more : more / 2;
		*min -= panels[panel].from_zero ? 0 : more / 2;
	}
	*divide = 1;
	*unit = panels[panel].unit;
	if ((panel == PLOT_POWER || panel == PLOT_ENERGY) && fmax(*max, -*min) >= 2000) {
		*divide = 1000;
		*unit = panel == PLOT_POWER ? "kW" : "kWh";
	}
	return true;
}
