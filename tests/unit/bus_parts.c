/* The pieces of the bus: topics, rights, ring, retained table, pending events. */
#include "harness.h"

#include <stdlib.h>
#include <unistd.h>

#include "bus/keep.h"
#include "bus/pending.h"
#include "bus/rights.h"
#include "bus/ring.h"
#include "bus/topics.h"

static struct slice s(const char *text)
{
	return (struct slice){text, strlen(text)};
}

TEST(topics_modes)
{
	struct topics t;
	struct err err;

	REQUIRE(topics_parse("meter~,pilot,session!,*~", &t, &err) == 0);
	CHECK_INT(topics_mode(&t, "meter", 5), TOPIC_LATEST);
	CHECK_INT(topics_mode(&t, "pilot", 5), TOPIC_EVERY);
	CHECK_INT(topics_mode(&t, "session", 7), TOPIC_STREAM);
	CHECK_INT(topics_mode(&t, "met", 3), TOPIC_LATEST);
	CHECK(!topics_only_latest(&t));
	REQUIRE(topics_parse("meter~", &t, &err) == 0);
	CHECK(topics_only_latest(&t));
	CHECK_INT(topics_mode(&t, "pilot", 5), TOPIC_NONE);
	CHECK_INT(topics_parse("meter,,x", &t, &err), -1);
	CHECK_INT(topics_parse("Meter", &t, &err), -1);
	CHECK_STR(err.msg, "'Meter': expected a record type, with ~ or ! behind it");
}

TEST(rights_of_services)
{
	struct rights r;

	rights_init(&r);
	CHECK(rights_src("pilot.1", s("pilot.1")));
	CHECK(rights_src("pilot.1", s("pilot.1.alert.rcd")));
	CHECK(!rights_src("pilot.1", s("pilot.10")));
	CHECK(!rights_src("pilot.1", s("pilot")));
	CHECK(rights_type(&r, "pilot.1", s("pilot")));
	CHECK(!rights_type(&r, "pilot.1", s("setpoint")));
	CHECK(!rights_type(&r, "pilot.1", s("command")));
	CHECK(rights_type(&r, "session", s("command")));
	CHECK(rights_command(&r, "session", s("meter.2"), s("reading")));
	CHECK(!rights_command(&r, "session", s("meter.2"), s("set")));
	CHECK(!rights_command(&r, "ocpp", s("pilotx"), s("unlock")));
	CHECK(rights_command(&r, "operator", s("sim"), s("plug")));
	CHECK(!rights_type(&r, "tap", s("alert")));
	CHECK(rights_type(&r, "unknown", s("alert")));
	CHECK(!rights_type(&r, "unknown", s("limit")));
}

static uint64_t evicted;
static int order_bad;

static void on_evict(void *ctx, uint64_t seq)
{
	(void)ctx;
	order_bad += seq != evicted;
	evicted = seq + 1;
}

TEST(ring_keeps_the_newest_whole)
{
	struct ring r;
	static char line[70000];
	char want[32];

	REQUIRE(ring_init(&r, 1) == 0);
	srand(7);
	evicted = 0;
	order_bad = 0;
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)(rand() % 10 == 0 ? rand() % 65000 : rand() % 400) + 20;

		memset(line, 'a' + i % 26, len);
		snprintf(line, sizeof line, "line %d ", i);
		line[strlen(line)] = 'z';
		ring_add(&r, line, len, (struct ring_entry){0}, on_evict, NULL);
		CHECK_INT(r.first, evicted);
		for (uint64_t q = r.first; q < r.last; q += 1 + (r.last - r.first) / 5) {
			const struct ring_entry *e = ring_at(&r, q);

			snprintf(want, sizeof want, "line %d ", (int)q);
			if (memcmp(r.data + e->at, want, strlen(want)) != 0 ||
			    r.data[e->at + e->len - 1] != '\n')
				order_bad++;
		}
	}
	CHECK_INT(order_bad, 0);
	CHECK(r.last - r.first > 2);
	ring_release(&r);
}

TEST(keep_replaces_and_withdraws)
{
	struct keep k;
	char src[32];
	long a;

	keep_init(&k, 500);
	a = keep_find(&k, s("meter"), s("meter.ev"));
	keep_put(&k, a, "one", 3, 1, 100, false);
	keep_put(&k, a, "three", 5, 2, 100, false);
	CHECK_STR(k.item[a].line, "three");
	CHECK(keep_live(&k, (size_t)a, 99));
	CHECK(!keep_live(&k, (size_t)a, 100));
	CHECK_INT(keep_find(&k, s("meter"), s("meter.ev")), a);
	CHECK(keep_find(&k, s("pilot"), s("meter.ev")) != a);
	for (int i = 0; i < 600; i++) {
		snprintf(src, sizeof src, "x.%d", i);
		CHECK_INT(keep_find(&k, s("var"), s(src)), i < 498 ? i + 2 : -1);
	}
	keep_put(&k, a, "gone", 4, 3, 100, true);
	CHECK(!keep_live(&k, (size_t)a, 0));
	keep_release(&k);
}

static char seen_lines[2000];

static void note(void *ctx, const char *line, size_t len)
{
	const char *n = memmem(line, len, "\"n\":\"", 5);

	(void)ctx;
	snprintf(seen_lines + strlen(seen_lines), sizeof seen_lines - strlen(seen_lines), "%.*s ",
		 4, n + 5);
}

static const char *owed(struct pending *p, const char *reader)
{
	seen_lines[0] = '\0';
	pending_each(p, reader, note, NULL);
	return seen_lines;
}

static void event(struct pending *p, const char *type, const char *src, const char *n)
{
	char line[200];
	struct head h;
	int len =
	    snprintf(line, sizeof line,
		     "{\"t\":\"2026-11-22T10:00:00Z\",\"type\":\"%s\",\"src\":\"%s\",\"n\":\"%s\"}",
		     type, src, n);

	if (head_scan(line, (size_t)len, &h, NULL) == 0)
		pending_event(p, line, (size_t)len, &h);
}

TEST(pending_until_all_readers_have_it)
{
	char path[] = "/tmp/evse-pending-XXXXXX";
	struct pending p;
	struct err err;

	close(mkstemp(path));
	REQUIRE(pending_init(&p, spool_open(path, &err), "log,ocpp", &err) == 0);
	event(&p, "session", "session.1", "a.01");
	event(&p, "alert", "session", "a.02");
	event(&p, "session", "session.1", "a.03");
	event(&p, "session", "session.1", "a.03");
	event(&p, "meter", "session", "a.04");
	CHECK_STR(owed(&p, NULL), "a.01 a.02 a.03 ");
	CHECK_STR(owed(&p, "ocpp"), "a.01 a.03 ");
	pending_ack(&p, "log", "session.1", "a.3");
	CHECK_STR(owed(&p, "log"), "a.02 ");
	CHECK_STR(owed(&p, NULL), "a.01 a.02 a.03 ");
	pending_ack(&p, "ocpp", "session.1", "a.1");
	CHECK_STR(owed(&p, NULL), "a.02 a.03 ");
	pending_release(&p);
	/* another start: what is in the file is owed again, by everybody */
	REQUIRE(pending_init(&p, spool_open(path, &err), "log,ocpp", &err) == 0);
	CHECK_STR(owed(&p, NULL), "a.02 a.03 ");
	event(&p, "session", "session.1", "b.01");
	pending_ack(&p, "log", "session.1", "b.1");
	CHECK_STR(owed(&p, "log"), "a.02 ");
	pending_release(&p);
	unlink(path);
}
