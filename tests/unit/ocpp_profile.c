/* Charging profiles: examples by hand, then seeded random stacks against a naive reading of the
 * rules. */
#include "ocpp/profile.h"

#include "harness.h"

#include <stdint.h>
#include <time.h>

#define S   INT64_C(1000)
#define H   (3600 * S)
#define DAY (24 * H)
#define T0  INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

static const struct profile_site site = {230, 3, 32};

static struct profile *make(int id, enum profile_purpose purpose, int level, int evse)
{
	struct profile *p = calloc(1, sizeof(*p));

	p->id = id;
	p->purpose = purpose;
	p->stack_level = level;
	p->evse = evse;
	p->valid_from_ms = INT64_MIN;
	p->valid_to_ms = PROFILE_NEVER;
	p->schedule.min_rate = NAN;
	p->schedule.has_start = true;
	p->schedule.start_ms = T0;
	if (purpose == PROFILE_TX)
		strcpy(p->transaction, "tx1");
	return p;
}

static void period(struct profile *p, int start_s, double limit, int phases)
{
	struct profile_schedule *s = &p->schedule;

	s->periods = realloc(s->periods, (s->n_periods + 1) * sizeof(*s->periods));
	s->periods[s->n_periods++] = (struct profile_period){start_s, limit, phases, 0};
}

static int add(struct profile_set *set, struct profile *p)
{
	struct profile_fault fault;

	if (profile_check(p, 2, &fault) == 0 && profile_set_add(set, p, &fault) == 0)
		return 0;
	profile_free(p);
	return -1;
}

static double at(const struct profile_set *set, enum profile_purpose purpose,
		 const struct profile_who *who, int64_t t)
{
	struct profile_rate r;

	profile_rate_at(set, purpose, who, t, &r);
	return r.any ? r.limit : -1;
}

TEST(a_schedule_steps_and_ends)
{
	struct profile_set set = {0};
	struct profile *p = make(1, PROFILE_TX_DEFAULT, 0, 0);
	struct profile_who who = {1, NULL, T0};
	struct profile_step steps[8];

	period(p, 0, 16, 3);
	period(p, 600, 8, 1);
	p->schedule.duration_s = 1200;
	CHECK(add(&set, p) == 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 - 1), -1, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0), 16, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 + 600 * S - 1), 16, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 + 600 * S), 8, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 + 1200 * S), -1, 0);
	CHECK_INT(profile_plan(&set, PROFILE_TX, &who, T0 - 5 * S, T0 + DAY, steps, 8), 4);
	CHECK_INT(steps[0].at_ms, T0 - 5 * S);
	CHECK_INT(steps[1].at_ms, T0);
	CHECK_INT(steps[2].at_ms, T0 + 600 * S);
	CHECK_INT(steps[3].at_ms, T0 + 1200 * S);
	CHECK_INT(profile_plan(&set, PROFILE_TX, &who, T0 - 5 * S, T0 + DAY, steps, 2), 2);
	profile_set_clear(&set);
}

TEST(the_highest_level_that_answers_rules)
{
	struct profile_set set = {0};
	struct profile *low = make(1, PROFILE_TX_DEFAULT, 0, 0),
		       *high = make(2, PROFILE_TX_DEFAULT, 3, 1);
	struct profile_who one = {1, NULL, T0}, two = {2, NULL, T0};

	period(low, 0, 10, 0);
	period(high, 0, 20, 0);
	high->schedule.duration_s = 60;
	high->valid_from_ms = T0 + 10 * S;
	CHECK(add(&set, low) == 0);
	CHECK(add(&set, high) == 0);
	CHECK_NUM(at(&set, PROFILE_TX, &one, T0 + 9 * S), 10, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &one, T0 + 10 * S), 20, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &one, T0 + 60 * S), 10, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &two, T0 + 10 * S), 10, 0);
	profile_set_clear(&set);
}

TEST(a_tx_profile_overrules_the_default_and_only_for_its_transaction)
{
	struct profile_set set = {0};
	struct profile *def = make(1, PROFILE_TX_DEFAULT, 9, 1), *tx = make(2, PROFILE_TX, 0, 1);
	struct profile_who idle = {1, NULL, T0}, ours = {1, "tx1", T0}, other = {1, "tx2", T0};

	period(def, 0, 10, 0);
	period(tx, 0, 25, 0);
	CHECK(add(&set, def) == 0);
	CHECK(add(&set, tx) == 0);
	CHECK_NUM(at(&set, PROFILE_TX, &idle, T0), 10, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &ours, T0), 25, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &other, T0), 10, 0);
	profile_set_clear(&set);
}

TEST(relative_counts_from_the_transaction_and_recurring_comes_again)
{
	struct profile_set set = {0};
	struct profile *rel = make(1, PROFILE_TX, 1, 1),
		       *daily = make(2, PROFILE_STATION_MAX, 1, 0);
	struct profile_who who = {1, "tx1", T0 + 5 * H};

	rel->kind = PROFILE_RELATIVE;
	rel->schedule.has_start = false;
	period(rel, 0, 6, 0);
	period(rel, 300, 32, 0);
	daily->kind = PROFILE_RECURRING;
	daily->recurrency = PROFILE_DAILY;
	daily->schedule.duration_s = 8 * 3600;
	period(daily, 0, 11000, 0);
	daily->schedule.unit = PROFILE_W;
	CHECK(add(&set, rel) == 0);
	CHECK(add(&set, daily) == 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 + 5 * H), 6, 0);
	CHECK_NUM(at(&set, PROFILE_TX, &who, T0 + 5 * H + 300 * S), 32, 0);
	CHECK_NUM(at(&set, PROFILE_STATION_MAX, &who, T0 + 7 * H), 11000, 0);
	CHECK_NUM(at(&set, PROFILE_STATION_MAX, &who, T0 + 9 * H), -1, 0);
	CHECK_NUM(at(&set, PROFILE_STATION_MAX, &who, T0 + 9 * DAY), 11000, 0);
	profile_set_clear(&set);
}

TEST(the_composite_is_in_one_unit_and_under_the_wires)
{
	struct profile_set set = {0};
	struct profile *tx = make(1, PROFILE_TX, 0, 1), *max = make(2, PROFILE_STATION_MAX, 0, 0);
	struct profile_who both[2] = {{1, "tx1", T0}, {2, NULL, T0}};
	struct profile_step s[4];

	period(tx, 0, 20, 1);
	period(max, 0, 6900, 0);
	max->schedule.unit = PROFILE_W;
	CHECK(add(&set, tx) == 0);
	CHECK(add(&set, max) == 0);
	REQUIRE(profile_composite(&set, both, 1, false, &site, PROFILE_A, T0, T0 + H, s, 4) == 1);
	CHECK_NUM(s[0].rate.limit, 20, 1e-9);
	CHECK_INT(s[0].rate.phases, 1);
	REQUIRE(profile_composite(&set, both, 1, false, &site, PROFILE_W, T0, T0 + H, s, 4) == 1);
	CHECK_NUM(s[0].rate.limit, 4600, 1e-9);
	REQUIRE(profile_composite(&set, &both[1], 1, false, &site, PROFILE_A, T0, T0 + H, s, 4) ==
		1);
	CHECK_NUM(s[0].rate.limit, 10, 1e-9);
	REQUIRE(profile_composite(&set, both, 2, true, &site, PROFILE_W, T0, T0 + H, s, 4) == 1);
	CHECK_NUM(s[0].rate.limit, 6900, 1e-9);
	profile_set_clear(&set);
	REQUIRE(profile_composite(&set, both, 2, true, &site, PROFILE_A, T0, T0 + H, s, 4) == 1);
	CHECK_NUM(s[0].rate.limit, 64, 1e-9);
}

TEST(what_cannot_be_a_profile_is_refused_with_its_reason)
{
	struct profile_fault f;
	struct profile *p = make(1, PROFILE_TX, 0, 1);

	CHECK(profile_check(p, 2, &f) < 0);
	CHECK_STR(f.reason, "InvalidSchedule");
	period(p, 5, 16, 0);
	CHECK(profile_check(p, 2, &f) < 0);
	p->schedule.periods[0].start_s = 0;
	CHECK(profile_check(p, 2, &f) == 0);
	period(p, 0, 16, 0);
	CHECK(profile_check(p, 2, &f) < 0);
	p->schedule.n_periods = 1;
	p->evse = 3;
	CHECK(profile_check(p, 2, &f) < 0);
	CHECK_STR(f.reason, "UnknownEvse");
	p->evse = 0;
	CHECK(profile_check(p, 2, &f) < 0);
	p->evse = 1;
	p->transaction[0] = '\0';
	CHECK(profile_check(p, 2, &f) < 0);
	CHECK_STR(f.reason, "MissingParam");
	p->purpose = PROFILE_EXTERNAL;
	CHECK(profile_check(p, 2, &f) < 0);
	p->purpose = PROFILE_STATION_MAX;
	CHECK(profile_check(p, 2, &f) < 0);
	p->evse = 0;
	CHECK(profile_check(p, 2, &f) == 0);
	p->kind = PROFILE_RECURRING;
	CHECK(profile_check(p, 2, &f) < 0);
	p->kind = PROFILE_RELATIVE;
	CHECK(profile_check(p, 2, &f) < 0);
	p->kind = PROFILE_ABSOLUTE;
	p->stack_level = -1;
	CHECK(profile_check(p, 2, &f) < 0);
	CHECK_STR(f.reason, "InvalidStackLevel");
	profile_free(p);
}

TEST(one_place_in_the_stack_is_taken_once)
{
	struct profile_set set = {0};
	struct profile *a = make(1, PROFILE_TX_DEFAULT, 2, 0),
		       *b = make(2, PROFILE_TX_DEFAULT, 2, 1),
		       *again = make(1, PROFILE_TX_DEFAULT, 4, 0),
		       *c = make(3, PROFILE_TX_DEFAULT, 2, 2);

	period(a, 0, 1, 0);
	period(b, 0, 2, 0);
	period(again, 0, 3, 0);
	period(c, 0, 4, 0);
	CHECK(add(&set, a) == 0);
	CHECK(add(&set, b) < 0);
	CHECK(add(&set, again) == 0);
	CHECK_INT(set.n, 1);
	CHECK(add(&set, c) == 0);
	profile_set_remove(&set, 0);
	CHECK_INT(set.n, 1);
	CHECK_INT(set.all[0]->id, 3);
	profile_set_clear(&set);
}

/* ---- random stacks ---- */

static uint64_t seed;

static int64_t pick(int64_t low, int64_t high)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return low + (int64_t)(seed % (uint64_t)(high - low + 1));
}

static struct profile *random_profile(int id)
{
	static const enum profile_purpose purposes[] = {PROFILE_STATION_MAX, PROFILE_TX_DEFAULT,
							PROFILE_TX};
	enum profile_purpose purpose = purposes[pick(0, 2)];
	int evse = purpose == PROFILE_STATION_MAX ? 0 : (int)pick(purpose == PROFILE_TX, 2);
	struct profile *p = make(id, purpose, (int)pick(0, 4), evse);
	int start = 0;

	p->kind = (enum profile_kind)pick(0, purpose == PROFILE_STATION_MAX ? 1 : 2);
	p->schedule.has_start = p->kind != PROFILE_RELATIVE;
	p->schedule.start_ms = T0 + pick(-3 * DAY, DAY);
	if (p->kind == PROFILE_RECURRING)
		p->recurrency = pick(0, 1) ? PROFILE_DAILY : PROFILE_WEEKLY;
	if (pick(0, 1))
		p->valid_from_ms = T0 + pick(-DAY, DAY);
	if (pick(0, 1))
		p->valid_to_ms = T0 + pick(0, 2 * DAY);
	if (pick(0, 1))
		p->schedule.duration_s = (int)pick(1, 30 * 3600);
	p->schedule.unit = pick(0, 1) ? PROFILE_A : PROFILE_W;
	for (int64_t n = pick(1, 5); n > 0; n--) {
		period(p, start, (double)pick(0, p->schedule.unit == PROFILE_A ? 40 : 25000),
		       (int)pick(0, 3));
		start += (int)pick(1, 8 * 3600);
	}
	return p;
}

/* The rules, read naively: a straight walk over all periods. */
static bool naive(const struct profile *p, int64_t tx_start, int64_t t, double *limit)
{
	const struct profile_schedule *s = &p->schedule;
	int64_t start = p->kind == PROFILE_RELATIVE ? tx_start : s->start_ms;
	int64_t cycle = p->recurrency == PROFILE_WEEKLY ? 7 * DAY : DAY;

	if (t < p->valid_from_ms || t >= p->valid_to_ms || t < start)
		return false;
	while (p->kind == PROFILE_RECURRING && start + cycle <= t)
		start += cycle;
	if (s->duration_s > 0 && t >= start + s->duration_s * S)
		return false;
	for (size_t i = 0; i < s->n_periods; i++)
		if (start + s->periods[i].start_s * S <= t)
			*limit = s->periods[i].limit;
	return true;
}

static double naive_layer(const struct profile_set *set, enum profile_purpose purpose,
			  const struct profile_who *who, int64_t t)
{
	double limit = -1;
	int level = -1;

	for (size_t i = 0; i < set->n; i++) {
		const struct profile *p = set->all[i];
		double l = 0;

		if (p->purpose != purpose || (p->evse != 0 && p->evse != who->evse) ||
		    p->stack_level <= level)
			continue;
		if (purpose == PROFILE_TX &&
		    (!who->transaction || strcmp(who->transaction, p->transaction) != 0))
			continue;
		if (naive(p, who->tx_start_ms, t, &l)) {
			limit = l;
			level = p->stack_level;
		}
	}
	if (purpose == PROFILE_TX && limit < 0)
		return naive_layer(set, PROFILE_TX_DEFAULT, who, t);
	return limit;
}

static const struct profile_step *step_at(const struct profile_step *s, size_t n, int64_t t)
{
	while (n > 1 && s[n - 1].at_ms > t)
		n--;
	return &s[n - 1];
}

static void check_instant(const struct profile_set *set, const struct profile_who *who,
			  const struct profile_step *plan, size_t n_plan,
			  const struct profile_step *comp, size_t n_comp, int64_t t)
{
	const struct profile_rate *c = &step_at(comp, n_comp, t)->rate;
	static const enum profile_purpose layers[] = {PROFILE_TX, PROFILE_STATION_MAX};
	struct profile_rate r;

	CHECK_NUM(at(set, PROFILE_TX, who, t), naive_layer(set, PROFILE_TX, who, t), 0);
	CHECK_NUM(at(set, PROFILE_STATION_MAX, who, t),
		  naive_layer(set, PROFILE_STATION_MAX, who, t), 0);
	const struct profile_rate *planned = &step_at(plan, n_plan, t)->rate;
	CHECK_NUM(planned->any ? planned->limit : -1, naive_layer(set, PROFILE_TX, who, t), 0);
	CHECK(c->any && c->limit >= 0 && c->limit <= site.max_a && c->phases >= 1 &&
	      c->phases <= 3);
	for (int i = 0; i < 2; i++) {
		profile_rate_at(set, layers[i], who, t, &r);
		if (!r.any)
			continue;
		CHECK(r.phases == 0 || c->phases <= r.phases);
		double amps =
		    r.unit == PROFILE_A ? r.limit : r.limit / (site.voltage_v * c->phases);
		CHECK(c->limit <= amps + 1e-9);
	}
}

TEST(random_stacks_agree_with_the_naive_reading)
{
	static struct profile_step plan[4096], comp[4096];
	const char *given = getenv("EVSE_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	for (uint64_t round = 0; round < 300; round++) {
		struct profile_set set = {0};
		struct profile_who who = {1, "tx1", 0};
		int bad = harness_bad;

		seed = (first + round) * UINT64_C(0x9E3779B97F4A7C15) | 1;
		who.evse = (int)pick(1, 2);
		who.tx_start_ms = T0 + pick(-H, H);
		for (int id = 1; id < 12; id++)
			add(&set, random_profile(id));
		size_t np = profile_plan(&set, PROFILE_TX, &who, T0, T0 + 3 * DAY, plan, 4096);
		size_t nc = profile_composite(&set, &who, 1, false, &site, PROFILE_A, T0,
					      T0 + 3 * DAY, comp, 4096);
		REQUIRE(np > 0 && nc > 0);
		for (int i = 0; i < 200; i++)
			check_instant(&set, &who, plan, np, comp, nc, T0 + pick(0, 3 * DAY - 1));
		for (size_t i = 0; i < np; i++) {
			check_instant(&set, &who, plan, np, comp, nc, plan[i].at_ms);
			if (i > 0)
				check_instant(&set, &who, plan, np, comp, nc, plan[i].at_ms - 1);
		}
		profile_set_clear(&set);
		if (harness_bad != bad) {
			printf("EVSE_SEED=%llu\n", (unsigned long long)(first + round));
			return;
		}
	}
}
