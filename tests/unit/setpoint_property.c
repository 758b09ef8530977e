/* The property: never above a live ceiling, nothing raised while held. */
#include "setpoint_rig.h"

#define EVSES   4
#define SOURCES 6

static unsigned long seed = 42;

static double random_to(double max)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return max * (double)(seed >> 40) / (double)(1UL << 24);
}

/* The test's own book of what was said; nothing of lease.c is used to judge. */
struct said {
	bool valid;
	enum lease_scope scope;
	int evse;
	bool watts;
	double value;
	int64_t until;
};

static struct said book[SOURCES];
static double signalled[EVSES];

static double ceiling_at(int k, int64_t now)
{
	if (book[k].valid && now < book[k].until)
		return book[k].value;
	return 6; /* the fail-safe */
}

static void judge(int64_t now, bool live, unsigned long at)
{
	for (int k = 0; k < SOURCES; k++) {
		bool expired = !book[k].valid || now >= book[k].until;
		double c = ceiling_at(k, now), sum = 0;
		bool watts = !expired && book[k].watts;
		bool station = !expired && book[k].scope == LEASE_STATION;

		for (int i = 0; i < EVSES; i++) {
			double a = d[i].import_max_a, cost = watts ? 690 * a : a;

			sum += cost;
			if (station)
				continue;
			if (!expired && book[k].evse && book[k].evse != i + 1)
				continue;
			if (cost > c + 1e-3)
				HARNESS_FAIL("seed %lu: EVSE %d has %.9g above %.9g of source %d",
					     at, i + 1, cost, c, k);
		}
		if (station && sum > c + 1e-3)
			HARNESS_FAIL("seed %lu: the station has %.9g of %.9g", at, sum, c);
	}
	for (int i = 0; i < EVSES; i++) {
		double a = d[i].import_max_a;

		if (!live && a > signalled[i])
			HARNESS_FAIL("seed %lu: raised while held: %.9g over %.9g", at, a,
				     signalled[i]);
		if (a > 0 && (a < 6 || a > 32))
			HARNESS_FAIL("seed %lu: %.9g A", at, a);
	}
}

static void random_event(int64_t now)
{
	int k = (int)random_to(SOURCES - 0.01), evse = 1 + (int)random_to(EVSES - 0.01);
	char src[LEASE_SRC_MAX];

	if (random_to(10) < 3) {
		signalled[evse - 1] = random_to(2) > 1 ? 6 + floor(random_to(20)) : 0;
		hear(evse, "ABCCCF"[(int)random_to(5.99)], signalled[evse - 1], now);
		return;
	}
	snprintf(src, sizeof src, "src%d", k);
	book[k].valid = true;
	book[k].scope = random_to(2) > 1 ? LEASE_STATION : LEASE_EVSE;
	book[k].evse = book[k].scope == LEASE_EVSE ? (int)random_to(EVSES + 0.99) : 0;
	book[k].watts = random_to(2) > 1;
	book[k].value = random_to(book[k].watts ? 40000 : 60);
	book[k].until = now + 30000;
	say(src, book[k].scope, book[k].evse, book[k].watts ? IMPORT_W : IMPORT_A, book[k].value,
	    now);
}

TEST(property_never_above_a_live_ceiling_nor_raised_while_held)
{
	for (int round = 0; round < 60; round++) {
		struct setpoint_conf c = begin(EVSES);
		bool live = false;
		int64_t now = 0;

		c.ramp_a_per_s = round % 3 == 0 ? 2 : 0;
		setpoint_init(&s, &c);
		memset(book, 0, sizeof book);
		memset(signalled, 0, sizeof signalled);
		for (int k = 0; k < SOURCES; k++) {
			char name[LEASE_SRC_MAX];

			snprintf(name, sizeof name, "src%d", k);
			add_source(name, (enum lease_rank)(k % 3));
		}
		for (int step = 0; step < 300; step++) {
			unsigned long at = seed;

			now += (int64_t)random_to(5000);
			if (step == 60) {
				setpoint_go_live(&s);
				live = true;
			}
			random_event(now);
			decide(now);
			judge(now, live, at);
		}
		setpoint_release(&s);
	}
}
