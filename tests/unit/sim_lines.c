/* What goes in and out of the simulator as JSON: pilot lines, commands, the saved world. */
#include "harness.h"

#include "core/buf.h"
#include "core/jw.h"
#include "sim/command.h"
#include "sim/save.h"
#include "sim/wire.h"

#define SECOND INT64_C(1000000)

static struct sim_world w;
static char shown[64];

static void on_swipe(void *ctx, int evse, const char *id, const char *kind)
{
	(void)ctx;
	snprintf(shown, sizeof(shown), "%d %s %s", evse, id, kind);
}

static struct sim_hands hands = {.world = &w, .swipe = on_swipe};

static void start(void)
{
	const struct sim_world_config cfg = {
	    .evses = 2,
	    .board = {.close_ms = 20, .open_ms = 15, .lock_ms = 600},
	    .base_wh = 1000,
	    .house_w = 300,
	    .impedance_mohm = 100,
	};

	sim_world_init(&w, &cfg, 10 * SECOND);
}

static void wait_ms(int64_t ms)
{
	sim_world_advance(&w, w.now_us + ms * 1000);
}

/* ---- pilot lines ---- */

static int parse(const char *line, struct sim_outputs *out, struct err *err)
{
	err->msg[0] = '\0';
	return sim_wire_parse(line, strlen(line), out, err);
}

static void controller(int evse, const char *line)
{
	struct sim_outputs out;
	struct err err;

	if (parse(line, &out, &err) < 0)
		HARNESS_FAIL("%s: %s", line, err.msg);
	else
		sim_wire_apply(&w, evse, &out);
}

TEST(a_controller_sets_any_subset)
{
	struct sim_board *b;

	start();
	b = &w.evse[1].board;
	controller(1, "{\"duty_permyriad\":2667,\"contactor\":[true],\"lock\":\"locked\"}");
	wait_ms(1000);
	CHECK_INT(b->duty_permyriad, 2667);
	CHECK(b->contactor);
	CHECK(b->locked);
	controller(1, "{\"cp_connected\":false,\"phases\":1,\"trip_upstream\":true,\"alive\":1}");
	CHECK_INT(b->duty_permyriad, 2667);
	CHECK(!b->cp_connected);
	CHECK_INT(b->phases, 1);
	CHECK(!b->breaker);
	controller(1, "{\"rcd_test\":true,\"unknown\":[{}]}");
	wait_ms(800);
	CHECK(b->rcd6_test);
	CHECK_INT(w.evse[0].board.duty_permyriad, SIM_DUTY_X1);
}

TEST(a_pulse_of_the_alive_line_does_not_last)
{
	struct sim_outputs out;
	struct err err;

	CHECK_INT(parse("{\"alive\":1}", &out, &err), 0);
	CHECK(!sim_wire_lasts(&out));
	CHECK_INT(parse("{\"alive\":1,\"phases\":3}", &out, &err), 0);
	CHECK(sim_wire_lasts(&out));
}

TEST(a_wrong_line_says_what_is_wrong)
{
	static const struct {
		const char *line, *says;
	} row[] = {
	    {"", "not JSON"},
	    {"[1]", "expected an object"},
	    {"{\"duty_permyriad\":10001}", "duty_permyriad"},
	    {"{\"duty_permyriad\":\"5\"}", "duty_permyriad"},
	    {"{\"contactor\":true}", "contactor"},
	    {"{\"contactor\":[1]}", "contactor"},
	    {"{\"lock\":\"open\"}", "lock"},
	    {"{\"phases\":2}", "phases"},
	    {"{\"cp_connected\":0}", "cp_connected"},
	    {"{\"rcd_test\":1}", "rcd_test"},
	    {"{\"alive\":7}", "alive"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sim_outputs out;
		struct err err;

		CHECK_INT(parse(row[i].line, &out, &err), -1);
		if (!strstr(err.msg, row[i].says))
			HARNESS_FAIL("%s: said \"%s\"", row[i].line, err.msg);
	}
}

TEST(the_hardware_says_all_it_knows)
{
	struct sim_wire wire;
	struct buf b;

	start();
	sim_world_wire(&w, 0, &wire);
	buf_init(&b, 1000);
	sim_wire_print(&wire, &b);
	CHECK_STR(buf_str(&b),
		  "{\"cp_pos_mv\":12000,\"cp_neg_mv\":12000,\"pp_ohm\":null,\"contactor\":[false],"
		  "\"lock\":\"unlocked\",\"rcd\":false,\"rcd6\":false,\"rcd30\":false,\"pe\":true,"
		  "\"estop\":false,\"temp_c\":[25],\"current_a\":[0,0,0]}");
	buf_release(&b);
}

/* ---- commands ---- */

static enum sim_verdict give(const char *text, struct err *err)
{
	enum sim_verdict v;
	jv body;

	err->msg[0] = '\0';
	CHECK_INT(json_parse(text, strlen(text), &body, err), 0);
	v = sim_command(&hands, body, err);
	json_free(body);
	return v;
}

static void accept(const char *text)
{
	struct err err;

	if (give(text, &err) != SIM_ACCEPTED)
		HARNESS_FAIL("%s: %s", text, err.msg);
}

TEST(commands_act)
{
	start();
	accept("{\"kind\":\"plug\",\"car\":{\"name\":\"small\",\"soc_pct\":12.5,\"no_diode\":true},"
	       "\"cable_a\":20,\"want_wh\":500}");
	CHECK(w.evse[0].plugged);
	CHECK_INT(sim_car_soc_cpct(&w.evse[0].car), 1250);
	CHECK_INT(w.evse[0].car.model.no_diode, 1);
	CHECK_INT(w.evse[0].cable_ma, 20000);
	CHECK_INT(w.evse[0].car.want_nj, 500 * SIM_NJ_PER_WH);
	accept("{\"kind\":\"car\",\"evse\":1,\"ignores_limit\":true,\"reaction_ms\":4000}");
	CHECK_INT(w.evse[0].car.model.ignores_limit, 1);
	CHECK_INT(w.evse[0].car.model.no_diode, 1);
	accept("{\"kind\":\"want-energy\",\"evse\":1}");
	CHECK_INT(w.evse[0].car.want_nj, SIM_NEVER);
	accept("{\"kind\":\"unplug\",\"evse\":1}");
	CHECK(!w.evse[0].plugged);
	accept("{\"kind\":\"plug\",\"evse\":2,\"car\":\"family\"}");
	CHECK(w.evse[1].plugged);
	accept("{\"kind\":\"swipe\",\"evse\":2,\"token\":\"04A2\"}");
	CHECK_STR(shown, "2 04A2 ISO14443");
	accept("{\"kind\":\"swipe\",\"token\":{\"id\":\"x\",\"kind\":\"KeyCode\"}}");
	CHECK_STR(shown, "1 x KeyCode");
	accept("{\"kind\":\"grid\",\"voltage_v\":[220,230,240],\"freq_hz\":49.9}");
	CHECK_INT(w.grid.voltage_mv[2], 240000);
	CHECK_INT(w.grid.freq_mhz, 49900);
	accept("{\"kind\":\"house\",\"power_w\":-3000}");
	CHECK_INT(w.house_mw[0], -1000000);
	accept("{\"kind\":\"house\",\"power_w\":[100,200,300.5]}");
	CHECK_INT(w.house_mw[2], 300500);
	accept("{\"kind\":\"fault\",\"evse\":2,\"name\":\"rcd\"}");
	CHECK_INT(w.evse[1].board.faults, SIM_FAULT_RCD);
	accept("{\"kind\":\"fault\",\"evse\":2,\"name\":\"rcd\",\"on\":false}");
	CHECK_INT(w.evse[1].board.faults, 0);
	accept("{\"kind\":\"fault\",\"meter\":\"grid\",\"name\":\"meter_late\",\"ms\":900}");
	CHECK_INT(w.house_faults, SIM_FAULT_METER_LATE);
	CHECK_INT(hands.meter_late_ms, 900);
	accept("{\"kind\":\"fault\",\"evse\":1,\"name\":\"meter_reset\"}");
	CHECK_INT(w.evse[0].meter.import_sum.wh, 0);
	accept("{\"kind\":\"estop\"}");
	CHECK_INT(w.evse[0].board.faults, SIM_FAULT_ESTOP);
	accept("{\"kind\":\"temp\",\"c\":71.5}");
	CHECK_INT(w.evse[0].board.temp_mc, 71500);
	accept("{\"kind\":\"breaker\",\"on\":false}");
	CHECK(!w.evse[0].board.breaker);
	accept("{\"kind\":\"end\"}");
	CHECK(hands.end);
}

TEST(wrong_commands_change_nothing)
{
	static const struct {
		const char *text, *says;
		enum sim_verdict verdict;
	} row[] = {
	    {"{}", "kind", SIM_REJECTED},
	    {"{\"kind\":7}", "kind", SIM_REJECTED},
	    {"{\"kind\":\"dance\"}", "dance", SIM_UNKNOWN_KIND},
	    {"{\"kind\":\"plug\",\"evse\":3}", "evse", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"evse\":2}", "already", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"car\":\"tank\"}", "tank", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"car\":7}", "car", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"car\":{\"colour\":1}}", "colour", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"car\":{\"max_a\":\"x\"}}", "max_a", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"car\":{\"phases\":2}}", "phases", SIM_REJECTED},
	    {"{\"kind\":\"plug\",\"cable_a\":1}", "cable_a", SIM_REJECTED},
	    {"{\"kind\":\"unplug\"}", "no car", SIM_REJECTED},
	    {"{\"kind\":\"want-energy\",\"evse\":2,\"wh\":-1}", "wh", SIM_REJECTED},
	    {"{\"kind\":\"car\",\"evse\":2,\"min_a\":10,\"soc_pct\":101}", "soc_pct", SIM_REJECTED},
	    {"{\"kind\":\"swipe\"}", "token", SIM_REJECTED},
	    {"{\"kind\":\"swipe\",\"token\":\"\"}", "token", SIM_REJECTED},
	    {"{\"kind\":\"swipe\",\"token\":{\"id\":5}}", "token", SIM_REJECTED},
	    {"{\"kind\":\"fault\",\"name\":\"gremlins\"}", "gremlins", SIM_REJECTED},
	    {"{\"kind\":\"fault\",\"name\":\"rcd\",\"on\":1}", "on", SIM_REJECTED},
	    {"{\"kind\":\"fault\",\"name\":\"rcd\",\"meter\":\"grid\"}", "meter", SIM_REJECTED},
	    {"{\"kind\":\"fault\",\"name\":\"meter_late\",\"meter\":\"x\"}", "meter", SIM_REJECTED},
	    {"{\"kind\":\"grid\",\"voltage_v\":[1,2]}", "voltage_v", SIM_REJECTED},
	    {"{\"kind\":\"grid\",\"freq_hz\":5,\"voltage_v\":10}", "freq_hz", SIM_REJECTED},
	    {"{\"kind\":\"house\"}", "power_w", SIM_REJECTED},
	    {"{\"kind\":\"temp\",\"c\":\"hot\"}", "c: ", SIM_REJECTED},
	};
	static struct sim_world before;

	start();
	accept("{\"kind\":\"plug\",\"evse\":2,\"car\":\"family\"}");
	before = w;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct err err;

		CHECK_INT(give(row[i].text, &err), row[i].verdict);
		if (!strstr(err.msg, row[i].says))
			HARNESS_FAIL("%s: said \"%s\"", row[i].text, err.msg);
		CHECK(memcmp(&before, &w, sizeof(w)) == 0);
	}
}

/* ---- the saved world ---- */

static void save(struct buf *b)
{
	struct jw out;

	buf_init(b, 1 << 20);
	jw_init(&out, b);
	sim_save(&w, &out);
	CHECK(!jw_failed(&out));
}

static int load(const struct buf *b, int64_t shift_us, struct err *err)
{
	jv v;
	int rc;

	CHECK_INT(json_parse(buf_str(b), b->len, &v, err), 0);
	rc = sim_load(&w, v, shift_us, err);
	json_free(v);
	return rc;
}

/* A busy world, in the middle of ramps, locks and self-tests. */
static void busy(void)
{
	start();
	accept("{\"kind\":\"plug\",\"evse\":1,\"car\":{\"name\":\"phev\",\"soc_pct\":83}}");
	accept("{\"kind\":\"plug\",\"evse\":2,\"car\":\"waker\",\"want_wh\":700}");
	accept("{\"kind\":\"house\",\"power_w\":[-500,200,900]}");
	controller(0, "{\"duty_permyriad\":2600,\"contactor\":[true],\"rcd_test\":true}");
	controller(1, "{\"duty_permyriad\":1700,\"contactor\":[true],\"lock\":\"locked\"}");
	wait_ms(2650);
}

TEST(a_saved_world_goes_on_as_if_nothing_had_been)
{
	struct buf before, kept, resumed;
	struct err err = {""};

	busy();
	save(&kept);
	wait_ms(1800 * 1000);
	save(&before);
	start();
	if (load(&kept, 0, &err) < 0)
		HARNESS_FAIL("%s", err.msg);
	wait_ms(1800 * 1000);
	save(&resumed);
	CHECK_STR(buf_str(&resumed), buf_str(&before));
	buf_release(&before);
	buf_release(&kept);
	buf_release(&resumed);
}

/* ---- a restart at any point changes nothing ---- */

static const char *const acts[] = {
    "{\"kind\":\"plug\",\"evse\":1,\"car\":\"phev\"}",
    "{\"kind\":\"plug\",\"evse\":2,\"car\":{\"name\":\"waker\",\"dropout_ms\":80,\"dropout_every_"
    "s\":7}}",
    "{\"kind\":\"unplug\",\"evse\":1}",
    "{\"kind\":\"want-energy\",\"evse\":2,\"wh\":40}",
    "{\"kind\":\"car\",\"evse\":1,\"reaction_ms\":3000}",
    "{\"kind\":\"fault\",\"evse\":2,\"name\":\"welded\"}",
    "{\"kind\":\"fault\",\"evse\":2,\"name\":\"welded\",\"on\":false}",
    "{\"kind\":\"grid\",\"voltage_v\":[225,231,236]}",
    "{\"kind\":\"house\",\"power_w\":[-2000,300,900]}",
};
static const char *const lines[] = {
    "{\"duty_permyriad\":2600}",
    "{\"duty_permyriad\":1300,\"lock\":\"locked\"}",
    "{\"duty_permyriad\":10000}",
    "{\"duty_permyriad\":0}",
    "{\"contactor\":[true],\"rcd_test\":true}",
    "{\"contactor\":[false],\"lock\":\"unlocked\"}",
    "{\"contactor\":[true]}",
    "{\"phases\":1}",
    "{\"phases\":3,\"cp_connected\":false}",
    "{\"cp_connected\":true}",
};

static uint64_t rng;

/* How many random histories; fewer where a checker makes each slow. */
static uint64_t seeds(int many)
{
	const char *scale = getenv("EVSE_TEST_SCALE");
	double n = many * (scale ? strtod(scale, NULL) : 1);

	return n < 1 ? 1 : (uint64_t)n;
}

static int draw(int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (int)(rng % (uint64_t)n);
}

static void act(void)
{
	struct err err;

	if (draw(3) == 0)
		give(acts[draw(sizeof(acts) / sizeof(acts[0]))], &err);
	else
		controller(draw(2), lines[draw(sizeof(lines) / sizeof(lines[0]))]);
}

/* @every  the world is saved and loaded again at each every-th step; 0 = never */
static void history(uint64_t seed, int every, struct buf *end)
{
	struct err err = {""};
	struct buf kept;

	rng = seed;
	start();
	for (int i = 1; i <= 400; i++) {
		wait_ms(draw(2) ? draw(200) : draw(20000));
		act();
		if (every == 0 || i % every != 0)
			continue;
		save(&kept);
		start();
		if (load(&kept, 0, &err) < 0)
			HARNESS_FAIL("seed %llu, step %d: %s", (unsigned long long)seed, i,
				     err.msg);
		buf_release(&kept);
	}
	save(end);
}

TEST(a_restart_at_any_point_changes_nothing)
{
	for (uint64_t seed = 1; seed <= seeds(20); seed++) {
		struct buf plain, restarted;

		history(seed * 0x9e3779b97f4a7c15u, 0, &plain);
		history(seed * 0x9e3779b97f4a7c15u, 1 + (int)(seed % 5), &restarted);
		if (strcmp(buf_str(&plain), buf_str(&restarted)) != 0)
			HARNESS_FAIL("seed %llu differs:\n%s\n%s", (unsigned long long)seed,
				     buf_str(&plain), buf_str(&restarted));
		buf_release(&plain);
		buf_release(&restarted);
	}
}

TEST(a_saved_world_moves_to_another_clock)
{
	struct sim_energy then, moved;
	struct err err = {""};
	struct buf kept;

	busy();
	save(&kept);
	wait_ms(600 * 1000);
	then = w.meter.import_sum;
	start();
	CHECK_INT(load(&kept, -9 * SECOND, &err), 0);
	wait_ms(600 * 1000);
	moved = w.meter.import_sum;
	CHECK_INT(sim_energy_diff_nj(&then, &moved), 0);
	buf_release(&kept);
}

TEST(a_damaged_world_is_refused)
{
	static const struct {
		const char *from, *to, *says;
	} row[] = {
	    {"\"s2\":true", "\"s2\":1", "s2"},
	    {"\"want_nj\":\"", "\"want_nj\":\"x", "want_nj"},
	    {"\"max_w\":3680", "\"max_w\":-5", "max_w"},
	    {"\"closings\":", "\"openings\":", "closings"},
	    {"\"evse\":[", "\"evse\":[{},", "EVSEs"},
	    {"\"grid.freq_mhz\":50000", "\"grid.freq_mhz\":0.5", "freq_mhz"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct err err = {""};
		struct buf kept, bad;
		char *at;

		busy();
		save(&kept);
		at = strstr(kept.data, row[i].from);
		if (!at) {
			HARNESS_FAIL("no %s in %s", row[i].from, buf_str(&kept));
			continue;
		}
		buf_init(&bad, 1 << 20);
		buf_add(&bad, kept.data, (size_t)(at - kept.data));
		buf_adds(&bad, row[i].to);
		buf_adds(&bad, at + strlen(row[i].from));
		CHECK_INT(load(&bad, 0, &err), -1);
		if (!strstr(err.msg, row[i].says))
			HARNESS_FAIL("%s: said \"%s\"", row[i].to, err.msg);
		buf_release(&kept);
		buf_release(&bad);
	}
}
