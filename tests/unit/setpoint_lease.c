#include "harness.h"
#include "setpoint/lease.h"

static struct lease_table table;

static struct lease_source source(const char *pattern, enum lease_rank rank, unsigned scopes)
{
	struct lease_source s = {
	    .rank = rank, .scopes = scopes, .max_valid_ms = 60000, .fail_safe_scope = LEASE_EVSE};

	snprintf(s.pattern, sizeof s.pattern, "%s", pattern);
	s.fail_safe.import_max_a = (struct lease_amount){.set = true, .v = {6, 6, 6}};
	return s;
}

static struct lease_limit limit(const char *src, enum lease_scope scope, int evse, size_t count)
{
	struct lease_limit l = {.scope = scope, .evse = evse, .valid_ms = 30000, .count = count};

	snprintf(l.src, sizeof l.src, "%s", src);
	snprintf(l.n, sizeof l.n, "x.1");
	l.entries = calloc(count ? count : 1, sizeof *l.entries);
	for (size_t i = 0; i < count; i++)
		l.entries[i].at_ms = INT64_MIN;
	return l;
}

static struct lease_amount amps(double a)
{
	return (struct lease_amount){.set = true, .v = {a, a, a}};
}

static void begin(void)
{
	struct lease_source s = source("ocpp.*", LEASE_CONTRACT, 1U << LEASE_EVSE);

	lease_init(&table);
	lease_add_source(&table, &s);
}

/* The single import ceiling in force now, -1 for none, -2 for several. */
static double held(int64_t mono, int64_t wall, bool wall_set, int64_t *next)
{
	struct lease_clock now = {mono, wall, wall_set};
	struct lease_bound b[LEASE_MAX + LEASE_SOURCES_MAX];
	size_t n = lease_bounds(&table, &now, b, LEASE_MAX + LEASE_SOURCES_MAX, next);

	if (n != 1)
		return n ? -2 : -1;
	return b[0].entry->import_max_a.set ? b[0].entry->import_max_a.v[0] : -1;
}

TEST(fail_safe_from_the_start_and_after_expiry)
{
	struct lease_limit l = limit("ocpp.tx.1", LEASE_EVSE, 1, 1);
	int64_t next;

	begin();
	CHECK_NUM(held(0, 0, true, &next), 6, 0);
	CHECK(next == LEASE_NEVER);
	l.entries[0].import_max_a = amps(16);
	CHECK_INT(lease_take(&table, &l, 1000), LEASE_TAKEN);
	CHECK_NUM(held(1000, 0, true, &next), 16, 0);
	CHECK_INT(next, 31000);
	CHECK_NUM(held(30999, 0, true, &next), 16, 0);
	CHECK_NUM(held(31000, 0, true, &next), -2, 0); /* of EVSE 1, and of every other */
	lease_release(&table);
}

TEST(the_source_caps_the_lease_time)
{
	struct lease_limit l = limit("ocpp.tx.1", LEASE_EVSE, 0, 1);
	int64_t next;

	begin();
	l.valid_ms = 3600000;
	l.entries[0].import_max_a = amps(16);
	lease_take(&table, &l, 0);
	CHECK_NUM(held(59999, 0, true, &next), 16, 0);
	CHECK_INT(next, 60000);
	CHECK_NUM(held(60000, 0, true, &next), 6, 0);
	lease_release(&table);
}

TEST(schedule_steps_at_their_instants_whatever_the_order)
{
	struct lease_limit l = limit("ocpp.tx.1", LEASE_EVSE, 1, 3);
	int64_t next;

	begin();
	l.valid_ms = 60000;
	l.entries[0].at_ms = 1000500;
	l.entries[0].import_max_a = amps(10);
	l.entries[1].at_ms = 1010000;
	l.entries[1].import_max_a = amps(20);
	l.entries[2].at_ms = 1000000;
	l.entries[2].import_max_a = amps(32);
	lease_take(&table, &l, 0);
	CHECK_NUM(held(0, 999999, true, &next), -1, 0);
	CHECK_INT(next, 1);
	CHECK_NUM(held(1, 1000000, true, &next), 32, 0);
	CHECK_INT(next, 501);
	CHECK_NUM(held(501, 1000500, true, &next), 10, 0);
	CHECK_INT(next, 10001);
	/* The wall clock steps forward: the same monotonic instant, another entry. */
	CHECK_NUM(held(501, 1010000, true, &next), 20, 0);
	CHECK_INT(next, 60000);
	/* … and back: armed anew. */
	CHECK_NUM(held(502, 1000400, true, &next), 32, 0);
	CHECK_INT(next, 602);
	lease_release(&table);
}

TEST(lowest_entry_while_the_clock_was_never_set)
{
	struct lease_limit l = limit("ocpp.tx.1", LEASE_EVSE, 1, 2);
	int64_t next;

	begin();
	l.entries[0].at_ms = 1000000;
	l.entries[0].import_max_a = amps(32);
	l.entries[1].at_ms = 2000000;
	l.entries[1].import_max_a = amps(8);
	lease_take(&table, &l, 0);
	CHECK_NUM(held(0, 5, false, &next), 8, 0);
	CHECK_INT(next, 30000);
	lease_release(&table);
}

TEST(lowest_of_totals_and_phases_bounds_both)
{
	struct lease_limit l = limit("ocpp.tx.1", LEASE_EVSE, 1, 2);
	struct lease_clock now = {0, 0, false};
	struct lease_bound b[LEASE_MAX + LEASE_SOURCES_MAX];
	const struct lease_amount *w;
	int64_t next;

	begin();
	l.entries[0].import_max_w = (struct lease_amount){true, true, {9000, 0, 0}};
	l.entries[1].import_max_w = (struct lease_amount){true, false, {2000, 4000, 4000}};
	lease_take(&table, &l, 0);
	REQUIRE(lease_bounds(&table, &now, b, LEASE_MAX + LEASE_SOURCES_MAX, &next) == 1);
	w = &b[0].entry->import_max_w;
	CHECK(!w->total);
	for (int i = 0; i < 3; i++)
		CHECK_NUM(w->v[i], 2000, 1e-9);
	lease_release(&table);
}

TEST(a_refused_limit_leaves_the_fail_safe_until_a_good_one)
{
	struct lease_limit good = limit("ocpp.tx.1", LEASE_EVSE, 0, 1);
	struct lease_limit scope = limit("ocpp.tx.1", LEASE_STATION, 0, 1);
	struct lease_limit bad = limit("ocpp.tx.1", LEASE_EVSE, 0, 1);
	int64_t next;

	begin();
	good.entries[0].import_max_a = amps(20);
	scope.entries[0].import_max_a = amps(20);
	bad.entries[0].import_max_a = amps(-1);
	lease_take(&table, &good, 0);
	CHECK_NUM(held(0, 0, true, &next), 20, 0);
	CHECK_INT(lease_take(&table, &scope, 0), LEASE_SCOPE_NOT_ALLOWED);
	CHECK_NUM(held(0, 0, true, &next), 6, 0);
	good = limit("ocpp.tx.1", LEASE_EVSE, 0, 1);
	good.entries[0].import_max_a = amps(18);
	lease_take(&table, &good, 0);
	CHECK_NUM(held(0, 0, true, &next), 18, 0);
	CHECK_INT(lease_take(&table, &bad, 0), LEASE_BAD_VALUE);
	CHECK_NUM(held(0, 0, true, &next), 6, 0);
	lease_release(&table);
}

TEST(an_unknown_source_changes_nothing)
{
	struct lease_limit l = limit("stranger", LEASE_EVSE, 1, 1);
	int64_t next;

	begin();
	l.entries[0].import_max_a = amps(32);
	CHECK_INT(lease_take(&table, &l, 0), LEASE_UNKNOWN_SOURCE);
	CHECK(!lease_refuse(&table, "stranger", "x.2", 1));
	CHECK_NUM(held(0, 0, true, &next), 6, 0);
	lease_release(&table);
}

TEST(withdrawn_is_gone_and_an_empty_plan_keeps_the_source_alive)
{
	struct lease_limit tx = limit("ocpp.tx.1", LEASE_EVSE, 1, 1);
	struct lease_limit alive = limit("ocpp.max", LEASE_EVSE, 0, 0);
	int64_t next;

	begin();
	tx.entries[0].import_max_a = amps(16);
	lease_take(&table, &tx, 0);
	lease_take(&table, &alive, 0);
	CHECK_NUM(held(0, 0, true, &next), 16, 0);
	lease_withdraw(&table, "ocpp.tx.1");
	CHECK_NUM(held(0, 0, true, &next), -1, 0);
	lease_withdraw(&table, "ocpp.max");
	CHECK_NUM(held(0, 0, true, &next), 6, 0);
	lease_release(&table);
}

TEST(what_a_former_self_promised_lapses_once_the_new_one_speaks)
{
	struct lease_limit tx = limit("ocpp.tx.1", LEASE_EVSE, 1, 1);
	struct lease_limit max = limit("ocpp.max", LEASE_EVSE, 0, 0);
	int64_t next;

	begin();
	tx.entries[0].import_max_a = amps(16);
	lease_take(&table, &tx, 0);
	lease_writer_restarted(&table, "ocpp");
	lease_take(&table, &max, 10000);
	CHECK_NUM(held(29999, 0, true, &next), 16, 0);
	CHECK_NUM(held(30000, 0, true, &next), -1, 0);
	CHECK_NUM(held(40000, 0, true, &next), 6, 0);
	lease_release(&table);
}

TEST(sources_need_a_pattern_a_scope_and_a_time)
{
	struct lease_source s = source("a", LEASE_SITE, 0);

	lease_init(&table);
	CHECK_INT(lease_add_source(&table, &s), -1);
	s = source("", LEASE_SITE, 1);
	CHECK_INT(lease_add_source(&table, &s), -1);
	s = source("a", LEASE_SITE, 1);
	for (int i = 0; i < LEASE_SOURCES_MAX; i++)
		CHECK_INT(lease_add_source(&table, &s), 0);
	CHECK_INT(lease_add_source(&table, &s), -1);
	CHECK_INT(lease_find_source(&table, "a"), 0);
	CHECK_INT(lease_find_source(&table, "ab"), -1);
}

TEST(a_full_table_refuses_and_says_so)
{
	struct lease_limit l;

	begin();
	for (int i = 0; i <= LEASE_MAX; i++) {
		char src[LEASE_SRC_MAX];

		snprintf(src, sizeof src, "ocpp.tx.%d", i);
		l = limit(src, LEASE_EVSE, i, 1);
		CHECK_INT(lease_take(&table, &l, 0),
			  i < LEASE_MAX ? LEASE_TAKEN : LEASE_TABLE_FULL);
	}
	CHECK_STR(lease_verdict_word(LEASE_TABLE_FULL), "table_full");
	lease_release(&table);
}
