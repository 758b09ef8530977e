/* Tokens: found without regard to case, and the stalest makes room. */
#include "ocpp/cache.h"

#include "harness.h"

TEST(a_token_is_its_id_without_case_and_its_kind)
{
	struct cache c = {0};
	struct cache_entry *e = cache_put(&c, "04ab", "ISO14443");

	REQUIRE(e);
	CHECK(e->until_us == CACHE_FOREVER);
	CHECK(cache_find(&c, "04AB", "ISO14443") == e);
	CHECK(!cache_find(&c, "04AB", "Central"));
	CHECK(cache_put(&c, "04AB", "ISO14443") == e);
	CHECK_INT(c.n, 1);
	cache_remove(&c, "nothing", "ISO14443");
	cache_remove(&c, "04ab", "ISO14443");
	CHECK_INT(c.n, 0);
	cache_clear(&c);
}

TEST(a_full_cache_lets_the_stalest_go)
{
	struct cache c = {0};
	char id[16];

	for (int i = 0; i < CACHE_MAX; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		cache_put(&c, id, "Central")->used_us = i == 500 ? 0 : 1000 + i;
	}
	CHECK(cache_put(&c, "new", "Central"));
	CHECK_INT(c.n, CACHE_MAX);
	CHECK(!cache_find(&c, "t500", "Central"));
	CHECK(cache_find(&c, "t0", "Central"));
	cache_clear(&c);
}
