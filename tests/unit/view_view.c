/* What people are shown: the newest of each record, ages, why a current is so, and whether all is
 * well. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "view/view.h"

enum { SECOND = 1000000 };
static const int64_t start_us = INT64_C(1795687200) * SECOND; /* 2026-11-26T10:00:00Z */

static void take(struct view *v, int64_t now_us, const char *line)
{
	struct record r;
	struct err err = {""};

	REQUIRE(record_parse(line, strlen(line), &r, &err) == 0);
	view_take(v, &r, now_us);
	record_release(&r);
}

/* A charger of one EVSE of which there is nothing to complain. */
static void well(struct view *v)
{
	view_init(v);
	v->now_us = start_us;
	take(v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"n\":\"p.1\","
	     "\"m\":1,\"evse\":1,\"state\":\"A1\",\"faults\":[]}");
	take(v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"setpoint\",\"src\":\"setpoint.1\","
	     "\"n\":\"s.1\",\"m\":1,\"evse\":1,\"import_max_a\":15.96,\"because\":["
	     "{\"src\":\"setpoint\",\"rule\":\"wish\",\"role\":\"lost\"},"
	     "{\"src\":\"ocpp.tx.1\",\"rule\":\"ceiling\",\"role\":\"winner\"}]}");
}

static void judged(struct view *v, bool healthy, const char *reasons)
{
	struct view_health h;

	view_judge(v, NULL, &h);
	CHECK_INT(h.healthy, healthy);
	CHECK_STR(buf_str(&h.reasons), reasons);
	view_health_release(&h);
}

TEST(newest_of_each_is_kept)
{
	int evse[VIEW_EVSES];
	struct view v;

	well(&v);
	take(&v, start_us + SECOND,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"n\":\"p.2\","
	     "\"m\":2,\"evse\":1,\"state\":\"B1\",\"faults\":[]}");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"pilot\",\"src\":\"pilot.3\",\"n\":\"q.1\","
	     "\"m\":1,\"evse\":3,\"state\":\"C2\"}");
	take(&v, start_us, /* no state: nothing to keep */
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"command\",\"src\":\"operator\",\"n\":\"o."
	     "1\","
	     "\"m\":1,\"evse\":2,\"to\":\"sim\",\"id\":\"1\",\"kind\":\"plug\"}");
	CHECK_INT((int)v.count, 3);
	CHECK_STR(json_str(json_get(view_get(&v, "pilot", "pilot.1"), "state")), "B1");
	CHECK(json_absent(view_get(&v, "pilot", "pilot.2")));
	CHECK_STR(json_str(json_get(view_evse(&v, "pilot", 3), "state")), "C2");
	CHECK(json_absent(view_evse(&v, "pilot", 2)));
	REQUIRE(view_evses(&v, evse) == 2);
	CHECK_INT(evse[0], 1);
	CHECK_INT(evse[1], 3);
	v.now_us = start_us + 3 * SECOND;
	CHECK_INT(view_age_ms(&v, "pilot", 1), 2000);
	CHECK_INT(view_age_ms(&v, "pilot", 2), -1);
	view_release(&v);
	CHECK_INT((int)v.count, 0);
}

TEST(bounded_whatever_comes)
{
	int evse[VIEW_EVSES];
	struct view v;
	char line[256];

	view_init(&v);
	for (int i = 1; i <= VIEW_STATES + 10; i++) {
		snprintf(line, sizeof line,
			 "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"pilot\",\"src\":\"p.%d\","
			 "\"n\":\"p.%d\",\"m\":1,\"evse\":%d,\"state\":\"A1\"}",
			 i, i, 1 + (VIEW_STATES + 10 - i) % 100);
		take(&v, start_us, line);
	}
	CHECK_INT((int)v.count, VIEW_STATES);
	REQUIRE(view_evses(&v, evse) == VIEW_EVSES);
	for (int i = 1; i < VIEW_EVSES; i++)
		CHECK(evse[i - 1] < evse[i]);
	view_release(&v);
}

TEST(why_in_one_line)
{
	struct view v;
	char text[96];

	well(&v);
	view_why(&v, 1, text, sizeof text);
	CHECK_STR(text, "16 A by ocpp.tx.1 (ceiling)");
	view_why(&v, 2, text, sizeof text);
	CHECK_STR(text, "no setpoint");
	view_release(&v);
}

TEST(well_and_not_well)
{
	struct view_health h;
	struct view v;

	view_init(&v);
	judged(&v, false, "charger: no EVSE has said anything\n");
	well(&v);
	judged(&v, true, "");
	v.now_us = start_us + 5 * SECOND; /* the last instant of a setpoint's age */
	judged(&v, true, "");
	v.now_us = start_us + 6 * SECOND;
	judged(&v, false, "EVSE 1: no setpoint: it charges with the fail-safe or not at all\n");
	v.now_us = start_us + 16 * SECOND;
	judged(&v, false,
	       "EVSE 1: no word from evse-pilot\n"
	       "EVSE 1: no setpoint: it charges with the fail-safe or not at all\n");
	v.now_us = start_us;
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"n\":\"p.2\","
	     "\"m\":2,\"evse\":1,\"state\":\"F\",\"faults\":[\"rcd\",7]}");
	judged(&v, false, "EVSE 1: fault rcd: residual current device tripped\nEVSE 1: fault ?\n");
	view_judge(&v, NULL, &h);
	CHECK(strstr(buf_str(&h.steps),
		     "echo '{\"to\":\"pilot.1\",\"kind\":\"reset_fault\"}' | evse-bus put\n"));
	view_health_release(&h);
	view_release(&v);
}

TEST(alerts_and_the_back_office)
{
	struct view_health h;
	struct view v;

	well(&v);
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"alert\",\"src\":\"log.alert.size\","
	     "\"n\":\"l.1\",\"m\":1,\"code\":\"size\",\"severity\":6,\"raised\":true,\"text\":"
	     "\"big\"}");
	view_judge(&v, NULL, &h);
	CHECK(h.healthy);
	CHECK_INT(h.alerts, 1);
	view_health_release(&h);
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"alert\",\"src\":\"log.alert.disk\","
	     "\"n\":\"l.2\",\"m\":1,\"code\":\"disk\",\"severity\":5,\"raised\":true,\"text\":"
	     "\"full\"}");
	judged(&v, false, "log.alert.disk: full\n");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"alert\",\"src\":\"log.alert.disk\","
	     "\"n\":\"l.3\",\"m\":2,\"code\":\"disk\",\"severity\":5,\"raised\":false,\"text\":"
	     "\"full\"}");
	judged(&v, true, "");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"uplink\",\"src\":\"ocpp\",\"n\":\"o.1\","
	     "\"m\":1,\"connected\":false}");
	judged(&v, false, "ocpp: not connected to the back office\n");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"uplink\",\"src\":\"ocpp\",\"n\":\"o.2\","
	     "\"m\":2,\"connected\":true}");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:00Z\",\"type\":\"clock\",\"src\":\"clock\",\"n\":\"c.1\","
	     "\"m\":1,\"synced\":false,\"bound_ms\":12.5}");
	judged(&v, true, "");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"clock\",\"src\":\"clock\",\"n\":\"c.2\","
	     "\"m\":2,\"synced\":false,\"bound_ms\":null}");
	judged(&v, false, "clock: the clock was never synchronised: times may be wrong\n");
	view_release(&v);
}

TEST(every_reason_has_its_step_and_is_told_once)
{
	struct view_health h;
	struct view v;

	well(&v);
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"pilot\",\"src\":\"pilot.1\",\"n\":\"p.2\","
	     "\"m\":2,\"evse\":1,\"state\":\"F\",\"faults\":[\"estop\"]}");
	take(&v, start_us,
	     "{\"t\":\"2026-11-26T10:00:01Z\",\"type\":\"alert\",\"src\":\"pilot.1.alert.estop\","
	     "\"n\":\"p.3\",\"m\":2,\"evse\":1,\"code\":\"estop\",\"severity\":1,\"raised\":true,"
	     "\"text\":\"emergency stop\"}");
	view_judge(&v, NULL, &h);
	CHECK_STR(buf_str(&h.reasons), "EVSE 1: fault estop: emergency stop\n");
	CHECK_STR(buf_str(&h.steps), "release the emergency stop, then unplug the car\n");
	view_wrong(&h, "sim", "does not run", NULL);
	CHECK_STR(buf_str(&h.steps), "release the emergency stop, then unplug the car\n\n");
	view_health_release(&h);
	view_release(&v);
}

TEST(services_that_do_not_run)
{
	char dir[] = "/tmp/view-XXXXXX", command[512];
	struct view_health h;
	struct view v;

	REQUIRE(mkdtemp(dir));
	snprintf(command, sizeof command,
		 "cd %s && mkdir -p sv/a/supervise sv/b/supervise sv/c && echo run "
		 ">sv/a/supervise/stat && "
		 "echo 'run, want down' >sv/b/supervise/stat",
		 dir);
	REQUIRE(system(command) == 0);
	well(&v);
	view_judge(&v, dir, &h);
	CHECK(!h.healthy);
	CHECK_STR(buf_str(&h.reasons), "b: does not run\n");
	view_services(&h, "/nonexistent");
	CHECK_STR(buf_str(&h.reasons), "b: does not run\n");
	view_health_release(&h);
	view_release(&v);
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK_INT(system(command), 0);
}
