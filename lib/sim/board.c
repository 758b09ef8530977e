#include "sim/board.h"

#include <stddef.h>
#include <string.h>

#include "sim/car.h"

static const char *const fault_names[] = {
    "welded",        "not_closed",   "feedback",   "rcd",
    "rcd6",          "rcd_selftest", "pe",         "lock",
    "estop",         "pp_open",      "pp_short",   "cp_short",
    "cp_open",       "meter_silent", "meter_late", "meter_exception",
    "meter_garbage",
};
enum { FAULTS = sizeof(fault_names) / sizeof(fault_names[0]) };

/* The self-test as a residual current monitor answers it: instant after the start, 6 mA and 30 mA
 * output. */
static const struct {
	int64_t at_us;
	bool rcd6, rcd30;
} self_test[] = {
    {740000, true, false},
    {1400000, true, true},
    {2100000, false, false},
};
enum { TEST_STEPS = sizeof(self_test) / sizeof(self_test[0]) };

int sim_fault_find(const char *name)
{
	for (int i = 0; i < FAULTS; i++)
		if (strcmp(fault_names[i], name) == 0)
			return 1 << i;
	return 0;
}

const char *sim_fault_name(int index)
{
	return index >= 0 && index < FAULTS ? fault_names[index] : NULL;
}

static bool has(const struct sim_board *b, int fault)
{
	return (b->faults & fault) != 0;
}

void sim_board_init(struct sim_board *b, const struct sim_board_model *m)
{
	*b = (struct sim_board){
	    .model = *m,
	    .duty_permyriad = SIM_DUTY_X1,
	    .cp_connected = true,
	    .phases = 3,
	    .breaker = true,
	    .temp_mc = 25000,
	    .contactor_us = SIM_NEVER,
	    .lock_us = SIM_NEVER,
	    .test_us = SIM_NEVER,
	    .alive_us = SIM_NEVER,
	};
}

void sim_board_contactor(struct sim_board *b, bool on, int64_t now_us)
{
	b->contactor_cmd = on;
	if (on == b->contactor || has(b, on ? SIM_FAULT_NOT_CLOSED : SIM_FAULT_WELDED))
		b->contactor_us = SIM_NEVER;
	else if (b->contactor_us == SIM_NEVER)
		b->contactor_us =
		    now_us + (int64_t)(on ? b->model.close_ms : b->model.open_ms) * 1000;
}

void sim_board_lock(struct sim_board *b, bool on, int64_t now_us)
{
	b->lock_cmd = on;
	if (on == b->locked || has(b, SIM_FAULT_LOCK))
		b->lock_us = SIM_NEVER;
	else if (b->lock_us == SIM_NEVER)
		b->lock_us = now_us + (int64_t)b->model.lock_ms * 1000;
}

void sim_board_rcd_test(struct sim_board *b, int64_t now_us)
{
	if (has(b, SIM_FAULT_RCD_SELFTEST) || b->test_us != SIM_NEVER)
		return;
	b->test_step = 0;
	b->test_us = now_us + self_test[0].at_us;
}

void sim_board_alive(struct sim_board *b, int64_t now_us)
{
	if (b->model.alive_ms > 0)
		b->alive_us = now_us + (int64_t)b->model.alive_ms * 1000;
}

void sim_board_fault(struct sim_board *b, int fault, bool on, int64_t now_us)
{
	b->faults = on ? b->faults | fault : b->faults & ~fault;
	sim_board_contactor(b, b->contactor_cmd, now_us);
	sim_board_lock(b, b->lock_cmd, now_us);
}

bool sim_board_rcd_tripped(const struct sim_board *b)
{
	return has(b, SIM_FAULT_RCD | SIM_FAULT_RCD6);
}

void sim_board_interlock(struct sim_board *b, bool cp_ok, int64_t now_us)
{
	bool trip = sim_board_rcd_tripped(b) || has(b, SIM_FAULT_ESTOP) || !cp_ok;

	if (b->model.interlock && trip && b->contactor_cmd)
		sim_board_contactor(b, false, now_us);
}

static int64_t min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t sim_board_next(const struct sim_board *b)
{
	return min_time(min_time(b->contactor_us, b->lock_us), min_time(b->test_us, b->alive_us));
}

static void step_test(struct sim_board *b)
{
	int64_t begun = b->test_us - self_test[b->test_step].at_us;

	b->rcd6_test = self_test[b->test_step].rcd6;
	b->rcd30_test = self_test[b->test_step].rcd30;
	b->test_step++;
	b->test_us = b->test_step < TEST_STEPS ? begun + self_test[b->test_step].at_us : SIM_NEVER;
}

void sim_board_step(struct sim_board *b, bool under_load, int64_t now_us)
{
	if (b->alive_us <= now_us) {
		b->alive_us = SIM_NEVER;
		b->duty_permyriad = SIM_DUTY_X1;
		sim_board_contactor(b, false, now_us);
	}
	if (b->contactor_us <= now_us) {
		b->contactor_us = SIM_NEVER;
		b->contactor = b->contactor_cmd;
		if (b->contactor)
			b->closings++;
		else if (under_load)
			b->opened_under_load++;
	}
	if (b->lock_us <= now_us) {
		b->lock_us = SIM_NEVER;
		b->locked = b->lock_cmd;
	}
	if (b->test_us <= now_us)
		step_test(b);
}

bool sim_board_feedback(const struct sim_board *b)
{
	return b->contactor != has(b, SIM_FAULT_FEEDBACK);
}

int sim_board_phases_live(const struct sim_board *b)
{
	return b->contactor && b->breaker ? b->phases : 0;
}
