#include "harness.h"

#include "sim/rapi.h"

#define SECOND INT64_C(1000000)

static struct sim_world w;
static struct openevse o;
static struct rapi r;
static struct buf out;

static void start(void)
{
	const struct sim_world_config cfg = {
	    .evses = 1,
	    .board = {.close_ms = 20, .open_ms = 15, .lock_ms = 600},
	    .tethered_ma = 32000,
	};

	sim_world_init(&w, &cfg, 5 * SECOND);
	openevse_init(&o, 0, 32, &w);
	rapi_init(&r, &o, &w);
	buf_release(&out);
	buf_init(&out, 4096);
	openevse_run(&o, &w);
}

static void wait_ms(int64_t ms)
{
	int64_t end_us = w.now_us + ms * 1000;

	for (;;) {
		int64_t at = openevse_next(&o), world = sim_world_next(&w);

		at = at < world ? at : world;
		if (at > end_us)
			break;
		sim_world_advance(&w, at);
		openevse_run(&o, &w);
		rapi_notice(&r, &out);
	}
	sim_world_advance(&w, end_us);
}

/* Sends a command with its checksum; the answer without its own. */
static const char *ask(const char *command)
{
	char line[64];
	char *mark;

	buf_reset(&out);
	snprintf(line, sizeof(line), "%s^%02X\r", command,
		 (unsigned)rapi_checksum(command, strlen(command)));
	rapi_feed(&r, line, strlen(line), &out);
	mark = out.len ? strrchr(out.data, '^') : NULL;
	if (!mark)
		return "";
	CHECK_INT(strtol(mark + 1, NULL, 16), rapi_checksum(out.data, (size_t)(mark - out.data)));
	*mark = '\0';
	return out.data;
}

static void plug(const char *name)
{
	struct sim_car_model m;

	sim_car_named(name, &m);
	sim_world_plug(&w, 0, &m, 32000);
	openevse_run(&o, &w);
}

static void fault(int bit, bool on)
{
	sim_board_fault(&w.evse[0].board, bit, on, w.now_us);
	sim_world_settle(&w);
	openevse_run(&o, &w);
}

static void charging(void)
{
	start();
	plug("family");
	wait_ms(8000);
	CHECK_STR(ask("$GS"), "$OK 03 6 03 0140");
}

TEST(checksums)
{
	static const struct {
		const char *text;
		int sum;
	} row[] = {
	    {"$GS", 0x30},     {"$GG", 0x24}, {"$GC", 0x20},     {"$SC 16 V", 0x65},
	    {"$SC 6 V", 0x54}, {"$FE", 0x27}, {"$SY", 0x2e},     {"$SY 5 6", 0x2d},
	    {"$SY 165", 0x3c}, {"$SB", 0x35}, {"$GS :A1", 0x5a}, {"$OK", 0x20},
	    {"$NK", 0x21},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		CHECK_INT(rapi_checksum(row[i].text, strlen(row[i].text)), row[i].sum);
}

TEST(lines_are_taken_in_any_pieces)
{
	start();
	rapi_feed(&r, "noise\r$G", 8, &out);
	CHECK_INT(out.len, 0);
	rapi_feed(&r, "0^53\r", 5, &out);
	CHECK_STR(buf_str(&out), "$OK 0^30\r");
	buf_reset(&out);
	rapi_feed(&r, "$G0^54\r$G0\r$G0*FB\r", 18, &out);
	CHECK_STR(buf_str(&out), "$NK^21\r$OK 0^30\r$NK^21\r");
	buf_reset(&out);
	rapi_feed(&r, "$SC 16 V and much more than fits here^00\r$GQ\r", 46, &out);
	CHECK_STR(buf_str(&out), "$NK^21\r");
	CHECK_STR(ask("$G0 :A1"), "$OK 0 :A1");
}

TEST(a_session)
{
	start();
	CHECK_STR(ask("$GS"), "$OK 01 0 01 0000");
	CHECK_STR(ask("$GC"), "$OK 6 80 16 32");
	plug("family");
	wait_ms(200);
	CHECK_STR(ask("$G0"), "$OK 0"); /* debounced 250 ms */
	wait_ms(100);
	CHECK_STR(ask("$G0"), "$OK 1");
	buf_reset(&out);
	wait_ms(10000);
	CHECK(strstr(buf_str(&out), "$AT 03 03 16 0140") != NULL);
	CHECK_INT(w.evse[0].flow.current_ma[0], 15996);
	CHECK_STR(ask("$SC 10 V"), "$OK 10");
	wait_ms(2000);
	CHECK_INT(w.evse[0].flow.current_ma[0], 9996);
	CHECK_STR(ask("$GG"), "$OK 9996 230000");
	CHECK_STR(ask("$SC 40 V"), "$NK 32");
	CHECK_STR(ask("$SC 2 V"), "$NK 6");
	CHECK_STR(ask("$SC x V"), "$NK");
	sim_world_unplug(&w, 0);
	openevse_run(&o, &w);
	wait_ms(50);
	CHECK(!w.evse[0].board.contactor);
	CHECK_STR(ask("$G0"), "$OK 0");
}

TEST(energy_and_time_of_the_session)
{
	long long ws, wh;

	charging();
	wait_ms(3600 * 1000);
	CHECK_INT(sscanf(ask("$GU"), "$OK %lld %lld", &ws, &wh), 2);
	CHECK_NUM((double)ws / 3600, (double)w.evse[0].car.taken_nj / 3.6e12, 1);
	CHECK_NUM((double)wh, (double)ws / 3600, 1);
	CHECK_STR(ask("$GS"), "$OK 03 3606 03 0140");
}

TEST(sleep_lets_the_car_stop_first)
{
	charging();
	ask("$FS");
	CHECK_INT(w.evse[0].board.duty_permyriad, SIM_DUTY_X1);
	CHECK(w.evse[0].board.contactor_cmd);
	wait_ms(3100);
	CHECK(!w.evse[0].board.contactor);
	CHECK_INT(w.evse[0].board.opened_under_load, 0);
	CHECK_STR(ask("$GS"), "$OK fe 7 02 0100");
	ask("$FE");
	wait_ms(5000);
	CHECK(w.evse[0].board.contactor);
}

TEST(sleep_opens_under_load_when_it_must)
{
	start();
	plug("stubborn");
	wait_ms(8000);
	ask("$FS");
	wait_ms(2900);
	CHECK(w.evse[0].board.contactor);
	wait_ms(200);
	CHECK(!w.evse[0].board.contactor);
	CHECK_INT(w.evse[0].board.opened_under_load, 1);
}

TEST(disable_is_f_and_opens_at_once)
{
	charging();
	ask("$FD");
	wait_ms(20);
	CHECK(!w.evse[0].board.contactor);
	CHECK_INT(w.evse[0].board.duty_permyriad, SIM_DUTY_F);
	CHECK_STR(ask("$G0"), "$OK 2");
	CHECK_STR(ask("$GS"), "$OK ff 6 03 0100");
}

TEST(a_missed_heartbeat_lowers_the_current)
{
	charging();
	CHECK_STR(ask("$SY 5 6"), "$OK 5 6 0");
	wait_ms(4000);
	CHECK_STR(ask("$SY"), "$OK 5 6 0");
	wait_ms(4000);
	CHECK_INT(openevse_amps(&o), 16);
	wait_ms(3000);
	CHECK_INT(openevse_amps(&o), 6);
	CHECK_INT(w.evse[0].flow.current_ma[0], 6000);
	CHECK_STR(ask("$SY"), "$OK 5 6 1");
	CHECK_INT(openevse_amps(&o), 6);
	CHECK_STR(ask("$SY 165"), "$OK 5 6 0");
	CHECK_INT(openevse_amps(&o), 16);
	CHECK_STR(ask("$SY 7"), "$NK");
}

TEST(faults)
{
	static const struct {
		int bit, state;
	} row[] = {
	    {SIM_FAULT_RCD, OPENEVSE_GFCI},
	    {SIM_FAULT_PE, OPENEVSE_NO_GROUND},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		charging();
		fault(row[i].bit, true);
		wait_ms(1100);
		CHECK_INT(openevse_state(&o), row[i].state);
		CHECK(!w.evse[0].board.contactor);
		fault(row[i].bit, false);
		wait_ms(320 * 1000);
		CHECK(openevse_state(&o) == OPENEVSE_C || openevse_state(&o) == OPENEVSE_B);
	}
	CHECK_STR(ask("$GF"), "$OK 0 1 0");
	charging();
	fault(SIM_FAULT_WELDED, true);
	ask("$FD");
	ask("$FE");
	sim_world_unplug(&w, 0);
	openevse_run(&o, &w);
	wait_ms(2000);
	CHECK_INT(openevse_state(&o), OPENEVSE_STUCK);
	CHECK(openevse_flags(&o) & OPENEVSE_FLAG_HARD_FAULT);
	start();
	fault(SIM_FAULT_NOT_CLOSED, true);
	plug("family");
	wait_ms(8000);
	CHECK_INT(openevse_state(&o), OPENEVSE_NOT_CLOSED);
	start();
	fault(SIM_FAULT_RCD_SELFTEST, true);
	plug("family");
	wait_ms(8000);
	CHECK_INT(openevse_state(&o), OPENEVSE_SELFTEST);
	ask("$FR");
	CHECK_INT(openevse_state(&o), OPENEVSE_SELFTEST);
	start();
	plug("vented");
	wait_ms(8000);
	CHECK_INT(openevse_state(&o), OPENEVSE_VENT);
	CHECK(!w.evse[0].board.contactor);
	charging();
	w.evse[0].board.temp_mc = 75000;
	openevse_run(&o, &w);
	CHECK_INT(openevse_state(&o), OPENEVSE_HOT);
	CHECK_STR(ask("$GP"), "$OK 750 -2560 -2560");
}

TEST(a_car_without_diode_is_refused)
{
	struct sim_car_model m;

	start();
	sim_car_named("family", &m);
	m.no_diode = 1;
	sim_world_plug(&w, 0, &m, 32000);
	openevse_run(&o, &w);
	wait_ms(1000);
	CHECK_INT(openevse_state(&o), OPENEVSE_DIODE);
}

TEST(locks)
{
	start();
	CHECK_STR(ask("$S4 1"), "$OK");
	plug("family");
	wait_ms(8000);
	CHECK(!w.evse[0].board.contactor);
	CHECK_STR(ask("$G4"), "$OK 1");
	CHECK_STR(ask("$S4 0"), "$OK");
	wait_ms(8000);
	CHECK(w.evse[0].board.contactor);
	CHECK_STR(ask("$S5 1"), "$OK");
	wait_ms(700);
	CHECK_STR(ask("$G5"), "$OK 1 0");
	CHECK_STR(ask("$SB"), "$OK 0");
	CHECK_STR(ask("$GV"), "$OK 8.2.3 5.2.1");
	CHECK_STR(ask("$GI"), "$OK SIM001");
	CHECK_STR(ask("$GE"), "$OK 16 0000");
	CHECK_STR(ask("$GY"), "$OK 0 0 0");
	CHECK_STR(ask("$SC 24 M"), "$OK 16");
	CHECK_STR(ask("$SC 32 V"), "$NK 24");
}
