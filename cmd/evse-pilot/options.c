/* The options of evse-pilot, and what they mean for the machine. */
#include "app.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FAULT_F_LEAST_MS = 300 };

struct options options = {.max_a = 32,
			  .failsafe_a = 6,
			  .phases = 3,
			  .open_ms = 10,
			  .close_ms = 500,
			  .min_close_ms = 10000,
			  .fault_f_ms = 300,
			  .phase_wait_ms = 60000,
			  .realtime = 20};

const struct cli_opt option_table[] = {
    {'D', "device", "ADDRESS", NULL, "the board: sim:SOCKET, linux:BOARD.json or rapi:TTY", CLI_STR,
     &options.device, 0, 0, false, CLI_HIDE},
    {0, "evse", "N", NULL, "number of the EVSE (default: from the name, else 1)", CLI_INT,
     &options.evse, 1, 9999, false, false},
    {0, "max-a", "A", NULL, "what board, fuse and cable carry, 6 to 80 (default 32)", CLI_NUM,
     &options.max_a, 6, 80, false, CLI_SET | CLI_LOWER},
    {0, "tethered", "A", NULL, "fixed cable of that rating (default: of max-a)", CLI_NUM,
     &options.tethered_a, 6, 80, false, false},
    {0, "socket", NULL, NULL, "socket outlet: PP is read and the plug is locked", CLI_FLAG,
     &options.socket, 0, 0, false, false},
    {0, "phases", "N", NULL, "phases wired, 1 or 3 (default 3)", CLI_INT, &options.phases, 1, 3,
     false, false},
    {0, "failsafe-a", "A", NULL, "limit without a setpoint for 3 s (default 6)", CLI_NUM,
     &options.failsafe_a, 0, 80, false, CLI_SET | CLI_LOWER},
    {0, "min-increase-interval", "MS", NULL,
     "from a change of the duty to an increase, 0 to 5000 (default 0)", CLI_INT, &options.raise_ms,
     0, 5000, false, CLI_SET | CLI_RAISE},
    {0, "open-debounce", "MS", NULL,
     "how long a level that ends power must stand, 0 to 50 (default 10)", CLI_INT, &options.open_ms,
     0, 50, false, false},
    {0, "duty-blank", "MS", NULL,
     "C to B is not believed so long after a new duty, 0 to 600 (default 0)", CLI_INT,
     &options.duty_blank_ms, 0, 600, false, false},
    {0, "switch-blank", "MS", NULL,
     "C to B is not believed so long after closing, 0 to 300 (default 0)", CLI_INT,
     &options.switch_blank_ms, 0, 300, false, false},
    {0, "close-hold", "MS", NULL, "how long C must stand before closing, 0 to 2500 (default 500)",
     CLI_INT, &options.close_ms, 0, 2500, false, CLI_SET | CLI_RAISE | CLI_BOOT},
    {0, "min-close", "MS", NULL,
     "time between two closings and from the start, 0 to 60000 (default 10000)", CLI_INT,
     &options.min_close_ms, 0, 60000, false, CLI_SET | CLI_RAISE | CLI_BOOT},
    {0, "fault-f", "MS", NULL,
     "state F after a fault, 300 to 10000 (default 300); 0: X1 only, not conformant", CLI_INT,
     &options.fault_f_ms, 0, 10000, false, false},
    {0, "phase-wait", "MS", NULL,
     "pilot cut while phases change, 100 to 120000 (default 60000; cars need 10000)", CLI_INT,
     &options.phase_wait_ms, 100, 120000, false, CLI_SET | CLI_RAISE | CLI_BOOT},
    {0, "no-phase-switch", NULL, NULL, "the board's phase relay is not to be used", CLI_FLAG,
     &options.no_phase_switch, 0, 0, false, false},
    {0, "wake", "AFTER:KIND:HOLD", NULL,
     "wake a car that stays in B2 after AFTER ms by KIND f or cut for HOLD ms; up to 4 "
     "times",
     CLI_LIST, &options.wake, 0, 0, false, false},
    {0, "ventilation", NULL, NULL, "ventilation is fitted: state D charges", CLI_FLAG,
     &options.ventilation, 0, 0, false, false},
    {0, "lock-in-session", NULL, NULL,
     "lock the plug only in a session (default: while a car is connected)", CLI_FLAG,
     &options.lock_in_session, 0, 0, false, false},
    {0, "simplified-10a", NULL, NULL,
     "hold cars with the simplified pilot to 10 A from our side too", CLI_FLAG,
     &options.simplified_10a, 0, 0, false, false},
    {0, "no-rcd-test", NULL, NULL, "the RCD has no self-test", CLI_FLAG, &options.no_rcd_test, 0, 0,
     false, false},
    {0, "realtime", "PRIO", NULL,
     "SCHED_FIFO at PRIO and locked memory, where permitted (default 20; 0: ordinary)", CLI_INT,
     &options.realtime, 0, 99, false, false},
    {0, "safe", NULL, NULL, "open the contactor, X1, exit; F if no evse-pilot is back in 10 s",
     CLI_FLAG, &options.safe, 0, 0, false, true},
    {0, "safe-f", NULL, NULL, "second half of --safe", CLI_FLAG, &options.safe_f, 0, 0, true, true},
    {0},
};

/* "AFTER:f|cut:HOLD" in milliseconds. */
static bool wake_step(const char *text, struct pilot_wake *w)
{
	char *end;
	long after = strtol(text, &end, 10), hold;

	w->cut = strncmp(end, ":cut:", 5) == 0;
	if (!w->cut && strncmp(end, ":f:", 3) != 0)
		return false;
	hold = strtol(end + (w->cut ? 5 : 3), &end, 10);
	if (*end || after < 1000 || after > 3600000 || hold < 100 || hold > 60000)
		return false;
	w->after = (int)after;
	w->hold = (int)hold;
	return true;
}

static int parse_wake(const struct cli_list *list, struct pilot_conf *c)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i == PILOT_WAKE_STEPS || !wake_step(list->item[i], &c->wake[i])) {
			log_error(
			    "--wake %s: expected AFTER:f|cut:HOLD in milliseconds, at most %d "
			    "times",
			    list->item[i], PILOT_WAKE_STEPS);
			return EXIT_CONFIG;
		}
	}
	return 0;
}

void options_follow(struct app *a)
{
	struct pilot_conf *c = &a->conf;
	double max_a = options.max_a;

	if (options.tethered_a > 0 && options.tethered_a < max_a)
		max_a = options.tethered_a;
	c->max_ma = (int)(max_a * 1000 + 0.5);
	if (c->max_ma > a->board_ma)
		c->max_ma = a->board_ma;
	c->failsafe_ma = (int)(options.failsafe_a * 1000 + 0.5);
	c->times.raise = (int)options.raise_ms;
}

int options_apply(struct app *a)
{
	struct pilot_conf *c = &a->conf;
	struct err err;
	int code;

	pilot_conf_init(c);
	if (options.socket && options.tethered_a > 0) {
		log_error("--socket and --tethered exclude each other");
		return EXIT_USAGE;
	}
	if (options.phases == 2) {
		log_error("--phases 2: expected 1 or 3");
		return EXIT_USAGE;
	}
	if (options.fault_f_ms > 0 && options.fault_f_ms < FAULT_F_LEAST_MS) {
		log_error("--fault-f %d: expected %d to 10000 milliseconds, or 0 for no state F",
			  (int)options.fault_f_ms, FAULT_F_LEAST_MS);
		return EXIT_USAGE;
	}
	c->max_ma = INT_MAX; /* the board's */
	c->phases = (int)options.phases;
	c->socket = c->lock = options.socket;
	c->lock_in_session = options.lock_in_session;
	c->rcd_test = !options.no_rcd_test;
	c->ventilation = options.ventilation;
	c->phase_switch = !options.no_phase_switch && options.phases == 3;
	c->cp_disconnect = c->hlc = true;
	c->limit_simplified = options.simplified_10a;
	c->times.duty_blank = (int)options.duty_blank_ms;
	c->times.switch_blank = (int)options.switch_blank_ms;
	c->times.open = (int)options.open_ms;
	c->times.close_hold = (int)options.close_ms;
	c->times.min_close = (int)options.min_close_ms;
	c->times.fault_f = (int)options.fault_f_ms;
	c->times.phase_wait = (int)options.phase_wait_ms;
	code = parse_wake(&options.wake, c);
	if (code)
		return code;
	if (!options.device) {
		log_error("no device given: -D sim:SOCKET");
		return EXIT_USAGE;
	}
	if (driver_describe(options.device, &a->caps, c, &err, &code) < 0) {
		log_error("%s", err.msg);
		return code;
	}
	a->board_ma = c->max_ma;
	options_follow(a);
	return 0;
}
