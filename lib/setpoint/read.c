#include "setpoint/read.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AMPS_MAX     1000.0
#define WATTS_MAX    10e6
#define FAIL_SAFE_A  6.0
#define VALID_S_MAX  (7 * 86400.0)
#define VALID_S_USED 60.0

static void put(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

int setpoint_read_evse(const struct record *r)
{
	const char *dot = strrchr(record_src(r), '.');
	char *end;
	long n;

	if (r->head.evse > 0)
		return r->head.evse;
	if (!dot)
		return 1;
	n = strtol(dot + 1, &end, 10);
	return end != dot + 1 && !*end && n > 0 && n <= SETPOINT_EVSES_MAX ? (int)n : 0;
}

/* A member that may be absent or null: then what stands in *out stays. */
static int number(jv obj, const char *name, double min, double max, double *out, struct err *err)
{
	return json_want_num(obj, name, min, max, out, err) < 0 ? -1 : 0;
}

int setpoint_read_pilot(const struct record *r, struct setpoint_pilot *p, struct err *err)
{
	const char *state = json_str(record_get(r, "state"));
	double phases = 0;

	memset(p, 0, sizeof *p);
	put(p->src, sizeof p->src, record_src(r));
	put(p->n, sizeof p->n, record_n(r));
	if (!state || state[0] < 'A' || state[0] > 'F')
		return err_set(err, "state: expected A to F");
	p->state = state[0];
	p->pwm = state[1] == '2';
	p->cable_a = p->thermal_a = HUGE_VAL;
	p->step_a = 0.1;
	if (number(r->body, "limit_a", 0, AMPS_MAX, &p->limit_a, err) < 0 ||
	    number(r->body, "cable_a", 0, AMPS_MAX, &p->cable_a, err) < 0 ||
	    number(r->body, "thermal_a", 0, AMPS_MAX, &p->thermal_a, err) < 0 ||
	    number(r->body, "step_a", 0.01, 10, &p->step_a, err) < 0 ||
	    number(r->body, "phases", 1, 3, &phases, err) < 0)
		return -1;
	p->phases = (int)phases;
	p->fault = json_len(record_get(r, "faults")) > 0;
	return 0;
}

static void three(jv array, double out[3])
{
	for (int i = 0; i < 3; i++)
		if (!json_num(json_at(array, i), -WATTS_MAX, WATTS_MAX, &out[i]))
			out[i] = (double)NAN;
}

void setpoint_read_meter(const struct record *r, struct setpoint_meter *m)
{
	memset(m, 0, sizeof *m);
	put(m->src, sizeof m->src, record_src(r));
	put(m->n, sizeof m->n, record_n(r));
	m->t_ms = r->t_us / 1000;
	three(record_get(r, "voltage_v"), m->voltage_v);
	three(record_get(r, "current_a"), m->current_a);
	three(record_get(r, "power_w"), m->power_w);
	if (!json_num(record_get(r, "power_total_w"), -WATTS_MAX, WATTS_MAX, &m->power_total_w))
		m->power_total_w = m->power_w[0] + m->power_w[1] + m->power_w[2];
}

int setpoint_read_session(const struct record *r, struct setpoint_session *s, struct err *err)
{
	const char *state = json_str(record_get(r, "state"));

	memset(s, 0, sizeof *s);
	put(s->src, sizeof s->src, record_src(r));
	put(s->n, sizeof s->n, record_n(r));
	put(s->id, sizeof s->id, json_str(record_get(r, "id")));
	if (!state)
		return err_set(err, "state: expected a word");
	s->ended = strcmp(state, "idle") == 0 || strcmp(state, "ended") == 0;
	s->allow = !s->ended && json_bool(record_get(r, "allow"), false);
	return 0;
}

/* ---- limits ---- */

static const char *const scope_words[] = {"connector", "evse", "station", "pcc"};

static int scope_of(const char *word)
{
	for (int i = 0; i < 4; i++)
		if (word && strcmp(word, scope_words[i]) == 0)
			return i;
	return -1;
}

/* A number, or one per phase. A number of amperes holds for each phase, one of watts for their sum.
 */
static int amount(jv obj, const char *name, bool watts, bool negative, struct lease_amount *a,
		  struct err *err)
{
	double max = watts ? WATTS_MAX : AMPS_MAX, min = negative ? -max : 0;
	jv v = json_get(obj, name);

	memset(a, 0, sizeof *a);
	if (json_absent(v) || json_is(v, JV_KIND_NULL))
		return 0;
	a->set = true;
	if (json_num(v, min, max, &a->v[0])) {
		a->total = watts;
		a->v[1] = a->v[2] = a->v[0];
		return 0;
	}
	for (int i = 0; i < 3; i++)
		if (json_len(v) != 3 || !json_num(json_at(v, i), min, max, &a->v[i]))
			return err_set(err, "%s: expected a number from %g to %g, or three", name,
				       min, max);
	return 0;
}

static int entry(jv obj, struct lease_entry *e, struct err *err)
{
	int64_t at_us, phases = 0;
	int has;

	memset(e, 0, sizeof *e);
	e->at_ms = INT64_MIN;
	has = json_want_time(obj, "at", &at_us, err);
	if (has < 0)
		return -1;
	if (has > 0)
		e->at_ms = at_us / 1000;
	if (amount(obj, "import_max_a", false, false, &e->import_max_a, err) < 0 ||
	    amount(obj, "import_max_w", true, false, &e->import_max_w, err) < 0 ||
	    amount(obj, "export_max_a", false, false, &e->export_max_a, err) < 0 ||
	    amount(obj, "export_max_w", true, false, &e->export_max_w, err) < 0 ||
	    amount(obj, "setpoint_a", false, true, &e->setpoint_a, err) < 0 ||
	    amount(obj, "setpoint_w", true, true, &e->setpoint_w, err) < 0 ||
	    json_want_int(obj, "phases", 1, 3, &phases, err) < 0)
		return -1;
	e->phases = (int)phases;
	return 0;
}

static int entries(const struct record *r, struct lease_limit *l, struct err *err)
{
	jv schedule = record_get(r, "schedule");
	int count = json_absent(schedule) ? 1 : json_len(schedule);

	if (!json_absent(schedule) && !json_is(schedule, JV_KIND_ARRAY))
		return err_set(err, "schedule: expected an array");
	if (count > LEASE_ENTRIES_MAX)
		return err_set(err, "schedule: %d entries, at most %d", count, LEASE_ENTRIES_MAX);
	l->entries = calloc(count ? (size_t)count : 1, sizeof *l->entries);
	if (!l->entries)
		return err_set(err, "out of memory");
	for (int i = 0; i < count; i++) {
		jv obj = json_absent(schedule) ? r->body : json_at(schedule, i);

		if (!json_is(obj, JV_KIND_OBJECT))
			return err_set(err, "schedule[%d]: expected an object", i);
		if (entry(obj, &l->entries[i], err) < 0)
			return json_absent(schedule) ? -1 : err_prefix(err, "schedule[%d]", i);
	}
	l->count = (size_t)count;
	return 0;
}

/* Who acts refuses: a name that must be honoured and that is not carried out here. */
static int check_must(const struct record *r, struct err *err)
{
	static const char *const known[] = {"scope",        "evse",         "valid_s",
					    "schedule",     "at",           "import_max_a",
					    "import_max_w", "export_max_a", "export_max_w",
					    "setpoint_a",   "setpoint_w",   "phases"};
	jv must = record_get(r, "must");

	if (json_absent(must))
		return 0;
	if (!json_is(must, JV_KIND_ARRAY))
		return err_set(err, "must: expected an array of names");
	for (int i = 0; i < json_len(must); i++) {
		const char *name = json_str(json_at(must, i));
		size_t k = 0;

		while (name && k < sizeof known / sizeof *known && strcmp(known[k], name) != 0)
			k++;
		if (!name || k == sizeof known / sizeof *known)
			return err_set(err, "must: '%s' is not carried out here",
				       name ? name : "(no name)");
	}
	return 0;
}

int setpoint_read_limit(const struct record *r, struct lease_limit *l, struct err *err)
{
	int scope = scope_of(json_str(record_get(r, "scope")));
	double valid_s;
	int has;

	memset(l, 0, sizeof *l);
	put(l->src, sizeof l->src, record_src(r));
	put(l->n, sizeof l->n, record_n(r));
	l->evse = r->head.evse;
	if (strlen(record_src(r)) >= sizeof l->src)
		return err_set(err, "src: longer than %zu", sizeof l->src - 1);
	if (scope < 0)
		return err_set(err, "scope: expected connector, evse, station or pcc");
	l->scope = (enum lease_scope)scope;
	has = json_want_num(r->body, "valid_s", 0.001, 1e9, &valid_s, err);
	if (has == 0)
		return err_set(err, "valid_s: expected a number of seconds");
	if (has < 0 || check_must(r, err) < 0)
		return -1;
	l->valid_ms = (int64_t)(valid_s * 1000);
	if (entries(r, l, err) < 0) {
		free(l->entries);
		l->entries = NULL;
		return -1;
	}
	return 0;
}

/* ---- configuration ---- */

static const char *const rank_words[] = {"physical", "grid_code", "grid_operator",
					 "site",     "contract",  "economic"};

/* Which rank and scopes a service has where the configuration does not say. */
static const struct {
	const char *service;
	enum lease_rank rank;
	unsigned scopes;
} services[] = {
    {"grid", LEASE_GRID_CODE, 0xf},
    {"token", LEASE_GRID_OPERATOR, 1U << LEASE_STATION | 1U << LEASE_PCC},
    {"oscp", LEASE_GRID_OPERATOR, 1U << LEASE_STATION | 1U << LEASE_PCC},
    {"openadr", LEASE_GRID_OPERATOR, 1U << LEASE_STATION | 1U << LEASE_PCC},
    {"hems", LEASE_SITE, 0xf},
    {"mqtt", LEASE_SITE, 0xf},
    {"ocpp", LEASE_CONTRACT, 1U << LEASE_CONNECTOR | 1U << LEASE_EVSE | 1U << LEASE_STATION},
    {"plan", LEASE_ECONOMIC, 1U << LEASE_CONNECTOR | 1U << LEASE_EVSE},
};

static void service_defaults(struct lease_source *s)
{
	size_t len = strcspn(s->pattern, ".*");

	s->rank = LEASE_CONTRACT;
	s->scopes = 1U << LEASE_CONNECTOR | 1U << LEASE_EVSE;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		if (strlen(services[i].service) == len &&
		    strncmp(services[i].service, s->pattern, len) == 0) {
			s->rank = services[i].rank;
			s->scopes = services[i].scopes;
		}
	}
}

static int source_scopes(jv list, unsigned *scopes, struct err *err)
{
	if (json_absent(list))
		return 0;
	*scopes = 0;
	for (int i = 0; i < json_len(list); i++) {
		int scope = scope_of(json_str(json_at(list, i)));

		if (scope < 0)
			return err_set(err, "scopes: expected connector, evse, station or pcc");
		*scopes |= 1U << scope;
	}
	return *scopes ? 0 : err_set(err, "scopes: expected at least one");
}

static int source_rank(jv source, enum lease_rank *rank, struct err *err)
{
	const char *word;
	int has = json_want_str(source, "rank", 32, &word, err);

	if (has <= 0)
		return has;
	for (int i = 0; i <= LEASE_ECONOMIC; i++) {
		if (strcmp(word, rank_words[i]) == 0) {
			*rank = (enum lease_rank)i;
			return 0;
		}
	}
	return err_set(err,
		       "rank: expected physical, grid_code, grid_operator, site, contract or "
		       "economic, got '%s'",
		       word);
}

static int source_fail_safe(jv obj, struct lease_source *s, struct err *err)
{
	const char *word;
	int has = json_want_str(obj, "scope", 32, &word, err);

	if (has > 0 && scope_of(word) < LEASE_EVSE)
		return err_set(err, "scope: expected evse, station or pcc");
	if (has > 0)
		s->fail_safe_scope = (enum lease_scope)scope_of(word);
	return has < 0 ? -1 : entry(obj, &s->fail_safe, err);
}

static int known_key(void *ctx, const char *key, jv value)
{
	static const char *const keys[] = {"src", "rank", "scopes", "valid_s", "fail_safe"};

	(void)value;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i], key) == 0)
			return 0;
	err_set(ctx, "unknown key '%s'; expected src, rank, scopes, valid_s or fail_safe", key);
	return -1;
}

int setpoint_read_source(jv source, struct lease_source *s, struct err *err)
{
	struct err why = {""};
	const char *src;
	double valid_s = VALID_S_USED;
	jv fail_safe = json_get(source, "fail_safe");

	memset(s, 0, sizeof *s);
	if (!json_is(source, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	if (json_each(source, known_key, &why) != 0)
		return err_set(err, "%s", why.msg);
	if (json_want_str(source, "src", sizeof s->pattern - 1, &src, err) <= 0 || !*src)
		return err_set(err, "src: expected a name or a pattern that ends in *");
	put(s->pattern, sizeof s->pattern, src);
	service_defaults(s);
	if (source_rank(source, &s->rank, err) < 0 ||
	    source_scopes(json_get(source, "scopes"), &s->scopes, err) < 0 ||
	    number(source, "valid_s", 1, VALID_S_MAX, &valid_s, err) < 0)
		return -1;
	s->max_valid_ms = (int64_t)(valid_s * 1000);
	s->fail_safe_scope = LEASE_PCC;
	for (int i = LEASE_PCC; i >= LEASE_CONNECTOR; i--)
		if (s->scopes & (1U << i))
			s->fail_safe_scope =
			    i == LEASE_CONNECTOR ? LEASE_EVSE : (enum lease_scope)i;
	if (json_is(fail_safe, JV_KIND_OBJECT))
		return source_fail_safe(fail_safe, s, err) < 0 ? err_prefix(err, "fail_safe") : 0;
	if (!json_absent(fail_safe))
		return err_set(err, "fail_safe: expected an object");
	s->fail_safe.import_max_a =
	    (struct lease_amount){.set = true, .v = {FAIL_SAFE_A, FAIL_SAFE_A, FAIL_SAFE_A}};
	return 0;
}
