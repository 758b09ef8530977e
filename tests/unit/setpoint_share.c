#include "harness.h"
#include "setpoint/share.h"

static unsigned long seed = 20261122;

static double random_to(double max)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return max * (double)(seed >> 40) / (double)(1UL << 24);
}

static struct share_user user(double cap, long arrival, int tier)
{
	return (struct share_user){.cap = cap, .min = 6, .arrival = arrival, .tier = tier};
}

TEST(alone_takes_its_cap_or_the_rule)
{
	struct share_user u[1] = {user(32, 1, 0)};
	struct share_rule r[1] = {{.capacity = 20, .coef = {1}}};

	share_out(u, 1, r, 0);
	CHECK_NUM(u[0].got, 32, 1e-6);
	CHECK_INT(u[0].held_by, SHARE_BY_CAP);
	share_out(u, 1, r, 1);
	CHECK_NUM(u[0].got, 20, 1e-6);
	CHECK_INT(u[0].held_by, 0);
}

TEST(two_share_evenly_and_the_smaller_cap_leaves_the_rest)
{
	struct share_user u[2] = {user(32, 1, 0), user(32, 2, 0)};
	struct share_rule r[1] = {{.capacity = 40, .coef = {1, 1}}};

	share_out(u, 2, r, 1);
	CHECK_NUM(u[0].got, 20, 1e-6);
	CHECK_NUM(u[1].got, 20, 1e-6);
	u[0].cap = 10;
	share_out(u, 2, r, 1);
	CHECK_NUM(u[0].got, 10, 1e-6);
	CHECK_NUM(u[1].got, 30, 1e-6);
	CHECK_INT(u[0].held_by, SHARE_BY_CAP);
	CHECK_INT(u[1].held_by, 0);
}

TEST(the_later_waits_when_there_is_no_minimum_for_it)
{
	struct share_user u[3] = {user(32, 3, 0), user(32, 1, 0), user(32, 2, 0)};
	struct share_rule r[1] = {{.capacity = 13, .coef = {1, 1, 1}}};

	share_out(u, 3, r, 1);
	CHECK(u[0].waits);
	CHECK_INT(u[0].held_by, 0);
	CHECK_NUM(u[0].got, 0, 0);
	CHECK_NUM(u[1].got, 6.5, 1e-6);
	CHECK_NUM(u[2].got, 6.5, 1e-6);
}

TEST(single_phase_cars_fill_the_phases_that_the_others_leave)
{
	/* Three phases of 32 A; one car on all, one on L1 only, one on L2 only. */
	struct share_user u[3] = {user(32, 1, 0), user(32, 2, 0), user(10, 3, 0)};
	struct share_rule r[3] = {
	    {.capacity = 32, .coef = {1, 1, 0}},
	    {.capacity = 32, .coef = {1, 0, 1}},
	    {.capacity = 32, .coef = {1, 0, 0}},
	};

	share_out(u, 3, r, 3);
	CHECK_NUM(u[0].got, 16, 1e-6);
	CHECK_NUM(u[1].got, 16, 1e-6);
	CHECK_NUM(u[2].got, 10, 1e-6);
}

TEST(who_does_not_ask_rises_with_what_is_left)
{
	struct share_user u[2] = {user(32, 1, 1), user(32, 2, 0)};
	struct share_rule r[1] = {{.capacity = 32, .coef = {1, 1}}};

	share_out(u, 2, r, 1);
	CHECK_NUM(u[0].got, 6, 1e-6);
	CHECK_NUM(u[1].got, 26, 1e-6);
	r[0].capacity = 50;
	share_out(u, 2, r, 1);
	CHECK_NUM(u[0].got, 18, 1e-6);
	CHECK_NUM(u[1].got, 32, 1e-6);
}

TEST(a_power_counts_by_the_volts_of_each)
{
	struct share_user u[2] = {user(32, 1, 0), user(32, 2, 0)};
	struct share_rule r[1] = {{.capacity = 11040, .coef = {690, 230}}};

	share_out(u, 2, r, 1);
	CHECK_NUM(u[0].got, 12, 1e-6);
	CHECK_NUM(u[1].got, 12, 1e-6);
}

/* No rule broken, no cap exceeded, nothing between 0 and the minimum, nobody waits while there is
 * room, and who is below another of its tier is held by its cap or by a full rule. */
static void check_result(const struct share_user *u, size_t n, const struct share_rule *r, size_t m,
			 unsigned long at)
{
	for (size_t k = 0; k < m; k++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += r[k].coef[i] * u[i].got;
		if (sum > r[k].capacity + 1e-4)
			HARNESS_FAIL("seed %lu: rule %zu has %.9g of %.9g", at, k, sum,
				     r[k].capacity);
	}
	for (size_t i = 0; i < n; i++) {
		bool full = u[i].held_by == SHARE_BY_CAP && u[i].got >= u[i].cap - 1e-4;

		if (u[i].got > u[i].cap + 1e-9 || (u[i].got > 0 && u[i].got < u[i].min - 1e-9))
			HARNESS_FAIL("seed %lu: user %zu got %.9g", at, i, u[i].got);
		if (u[i].got > 0 && u[i].held_by >= 0) {
			const struct share_rule *by = &r[u[i].held_by];
			double sum = 0;

			for (size_t j = 0; j < n; j++)
				sum += by->coef[j] * u[j].got;
			full = sum >= by->capacity - 1e-3;
		}
		if (u[i].got > 0 && !full)
			HARNESS_FAIL("seed %lu: user %zu stopped at %.9g without a reason", at, i,
				     u[i].got);
	}
}

TEST(property_fair_and_never_above)
{
	for (int round = 0; round < 20000; round++) {
		struct share_user u[8];
		struct share_rule r[4] = {0};
		unsigned long at = seed;
		size_t n = 1 + (size_t)random_to(7.99), m = (size_t)random_to(4.99);

		for (size_t i = 0; i < n; i++)
			u[i] = user(random_to(40), (long)random_to(100), random_to(2) > 1.5);
		for (size_t k = 0; k < m; k++) {
			r[k].capacity = random_to(k == 3 ? 60000 : 120);
			for (size_t i = 0; i < n; i++)
				r[k].coef[i] = k == 3 ? 230 + random_to(460) : random_to(2) > 1;
		}
		share_out(u, n, r, m);
		check_result(u, n, r, m, at);
	}
}
