#include "sim/openevse.h"

#define MS     INT64_C(1000)
#define SECOND INT64_C(1000000)

/* Source: facts of the firmware: debounce 250 ms, 25 ms towards A; relay checked 1 s after each
 * switch; sleep opens under load after 3 s; soft faults are tried again after 5 minutes; stop at 71
 * °C */
enum {
	HOT_MC = 71000,
	IDLE_MA = 1000,
	DIODE_MV = -10000,
};

static int64_t min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void forget(struct openevse *o)
{
	o->fault = 0;
	o->debounce_us = o->relay_us = o->sleep_us = o->retry_us = SIM_NEVER;
}

void openevse_init(struct openevse *o, int evse, int max_a, const struct sim_world *w)
{
	*o = (struct openevse){
	    .evse = evse,
	    .amps = max_a < 16 ? max_a : 16,
	    .max_amps = max_a,
	    .pilot = OPENEVSE_A,
	    .candidate = OPENEVSE_A,
	    .heartbeat_us = SIM_NEVER,
	    .session_start = w->evse[evse].meter.import_sum,
	};
	forget(o);
}

int openevse_amps(const struct openevse *o)
{
	return o->heartbeat_missed && o->heartbeat_a < o->amps ? o->heartbeat_a : o->amps;
}

enum openevse_state openevse_state(const struct openevse *o)
{
	if (o->mode == OPENEVSE_DISABLE)
		return OPENEVSE_DISABLED;
	if (o->fault)
		return (enum openevse_state)o->fault;
	if (o->mode == OPENEVSE_SLEEP)
		return OPENEVSE_SLEEPING;
	return (enum openevse_state)o->pilot;
}

static bool is_hard(int fault)
{
	return fault == OPENEVSE_STUCK || fault == OPENEVSE_SELFTEST ||
	       fault == OPENEVSE_NOT_CLOSED;
}

int openevse_flags(const struct openevse *o)
{
	int flags = o->once;

	if (is_hard(o->fault))
		flags |= OPENEVSE_FLAG_HARD_FAULT;
	if (o->auth_locked)
		flags |= OPENEVSE_FLAG_AUTH_LOCKED;
	if (o->boot_locked)
		flags |= OPENEVSE_FLAG_BOOT_LOCK;
	if (o->relay)
		flags |= OPENEVSE_FLAG_RELAY;
	if (o->pilot != OPENEVSE_A)
		flags |= OPENEVSE_FLAG_CONNECTED;
	return flags;
}

int64_t openevse_elapsed_s(const struct openevse *o, int64_t now_us)
{
	return (o->charged_us + (o->relay ? now_us - o->closed_us : 0)) / SECOND;
}

int64_t openevse_next(const struct openevse *o)
{
	int64_t at =
	    min_time(min_time(o->debounce_us, o->relay_us), min_time(o->sleep_us, o->retry_us));

	return min_time(at, o->heartbeat_us);
}

/* ---- what it sees ---- */

static int level_of(int cp_pos_mv)
{
	if (cp_pos_mv > 10500)
		return OPENEVSE_A;
	if (cp_pos_mv > 7500)
		return OPENEVSE_B;
	return cp_pos_mv > 4500 ? OPENEVSE_C : OPENEVSE_VENT;
}

static void new_session(struct openevse *o, const struct sim_world *w)
{
	o->charged_us = 0;
	o->session_start = w->evse[o->evse].meter.import_sum;
}

static void watch_pilot(struct openevse *o, const struct sim_wire *wire, const struct sim_world *w)
{
	int level = level_of(wire->cp_pos_mv);

	/* Our own −12 V hides the car. */
	if (wire->cp_pos_mv < -1000 || level == o->pilot) {
		o->candidate = o->pilot;
		o->debounce_us = SIM_NEVER;
	} else if (level != o->candidate || o->debounce_us == SIM_NEVER) {
		o->candidate = level;
		o->debounce_us = w->now_us + (level == OPENEVSE_A ? 25 : 250) * MS;
	} else if (o->debounce_us <= w->now_us) {
		if (o->pilot == OPENEVSE_A)
			new_session(o, w);
		o->pilot = level;
		o->debounce_us = SIM_NEVER;
	}
}

static void set_fault(struct openevse *o, int fault, int64_t now_us)
{
	if (o->fault)
		return;
	o->fault = fault;
	if (!is_hard(fault))
		o->retry_us = now_us + 300 * SECOND;
}

static void count_up(int *count)
{
	if (*count < 0xff)
		++*count;
}

/* Relay and ground are judged one second after a switch; the ground then for as long as it is
 * closed. */
static void watch_relay(struct openevse *o, const struct sim_wire *wire, int64_t now_us)
{
	if (o->relay_us > now_us)
		return;
	if (o->relay && !wire->contactor) {
		set_fault(o, OPENEVSE_NOT_CLOSED, now_us);
	} else if (!o->relay && wire->contactor) {
		if (o->fault != OPENEVSE_STUCK)
			count_up(&o->stuck_count);
		set_fault(o, OPENEVSE_STUCK, now_us);
	} else if (o->relay && !wire->pe) {
		count_up(&o->ground_count);
		o->once |= OPENEVSE_FLAG_GROUND_ONCE;
		set_fault(o, OPENEVSE_NO_GROUND, now_us);
	}
	o->relay_us = SIM_NEVER;
}

static void watch_faults(struct openevse *o, const struct sim_wire *wire, const struct sim_world *w)
{
	int duty = w->evse[o->evse].board.duty_permyriad;
	bool pwm = duty > SIM_DUTY_F && duty < SIM_DUTY_X1;

	if (o->retry_us <= w->now_us)
		forget(o);
	if (wire->rcd && o->fault != OPENEVSE_GFCI) {
		count_up(&o->gfci_count);
		o->once |= OPENEVSE_FLAG_GFCI_ONCE;
		set_fault(o, OPENEVSE_GFCI, w->now_us);
	}
	if (pwm && o->pilot != OPENEVSE_A && wire->cp_neg_mv > DIODE_MV)
		set_fault(o, OPENEVSE_DIODE, w->now_us);
	if (wire->temp_mc >= HOT_MC)
		set_fault(o, OPENEVSE_HOT, w->now_us);
	if (o->relay && !wire->pe && o->relay_us == SIM_NEVER)
		o->relay_us = w->now_us;
	watch_relay(o, wire, w->now_us);
}

/* ---- what it does ---- */

static int duty_of(const struct openevse *o)
{
	int amps = openevse_amps(o);

	if (o->mode == OPENEVSE_DISABLE || o->fault)
		return SIM_DUTY_F;
	if (o->mode == OPENEVSE_SLEEP || o->pilot == OPENEVSE_A || o->auth_locked || o->boot_locked)
		return SIM_DUTY_X1;
	return amps <= 51 ? amps * 10000 / 60 : amps * 40 + 6400;
}

static bool relay_of(const struct openevse *o, const struct sim_wire *wire, int64_t now_us)
{
	if (o->mode == OPENEVSE_DISABLE || o->fault || o->pilot != OPENEVSE_C)
		return false;
	if (o->mode == OPENEVSE_SLEEP)
		return o->relay && o->sleep_us > now_us && wire->current_ma[0] >= IDLE_MA;
	return !o->auth_locked && !o->boot_locked;
}

static void switch_relay(struct openevse *o, bool on, struct sim_world *w)
{
	if (on == o->relay)
		return;
	if (on && (w->evse[o->evse].board.faults & SIM_FAULT_RCD_SELFTEST)) {
		set_fault(o, OPENEVSE_SELFTEST, w->now_us);
		return;
	}
	o->relay = on;
	o->relay_us = w->now_us + SECOND;
	if (on)
		o->closed_us = w->now_us;
	else
		o->charged_us += w->now_us - o->closed_us;
	sim_board_contactor(&w->evse[o->evse].board, on, w->now_us);
}

void openevse_run(struct openevse *o, struct sim_world *w)
{
	struct sim_wire wire;

	sim_world_wire(w, o->evse, &wire);
	if (o->heartbeat_us <= w->now_us) {
		o->heartbeat_us = SIM_NEVER;
		o->heartbeat_missed = true;
	}
	watch_pilot(o, &wire, w);
	watch_faults(o, &wire, w);
	switch_relay(o, relay_of(o, &wire, w->now_us), w);
	if (o->sleep_us <= w->now_us)
		o->sleep_us = SIM_NEVER;
	w->evse[o->evse].board.duty_permyriad = duty_of(o);
	sim_world_settle(w);
}

void openevse_mode(struct openevse *o, enum openevse_mode mode, struct sim_world *w)
{
	if (mode == OPENEVSE_SLEEP && o->mode != OPENEVSE_SLEEP)
		o->sleep_us = w->now_us + 3 * SECOND;
	o->mode = mode;
	openevse_run(o, w);
}

void openevse_restart(struct openevse *o, struct sim_world *w)
{
	forget(o);
	o->mode = OPENEVSE_ENABLE;
	openevse_run(o, w);
}

void openevse_pulse(struct openevse *o, bool acknowledge, struct sim_world *w)
{
	if (acknowledge)
		o->heartbeat_missed = false;
	o->heartbeat_us = o->heartbeat_s > 0 ? w->now_us + o->heartbeat_s * SECOND : SIM_NEVER;
	openevse_run(o, w);
}
