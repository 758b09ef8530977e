/* A world of two EVSEs, and the few acts that a test needs. */
#ifndef SIM_RIG_H
#define SIM_RIG_H

#include "harness.h"

#include <errno.h>

#include "sim/world.h"

#define SECOND INT64_C(1000000)

static struct sim_world w;

static const struct sim_world_config plain = {
    .evses = 2,
    .board = {.close_ms = 20, .open_ms = 15, .lock_ms = 600},
    .tethered_ma = 32000,
    .seed = 1,
};

static void start(const struct sim_world_config *cfg)
{
	sim_world_init(&w, cfg, 5 * SECOND);
}

static void wait_ms(int64_t ms)
{
	sim_world_advance(&w, w.now_us + ms * 1000);
}

static void duty(int evse, int permyriad)
{
	w.evse[evse].board.duty_permyriad = permyriad;
	sim_world_settle(&w);
}

static void contactor(int evse, bool on)
{
	sim_board_contactor(&w.evse[evse].board, on, w.now_us);
	sim_world_settle(&w);
}

static struct sim_car *plug(int evse, const char *name, const char *trait, double value)
{
	struct sim_car_model m;

	CHECK_INT(sim_car_named(name, &m), 0);
	if (trait)
		CHECK_INT(sim_car_set(&m, trait, value), 0);
	CHECK_INT(sim_world_plug(&w, evse, &m, 32000), 0);
	return &w.evse[evse].car;
}

/* Plug, offer 16 A, close: the car draws after a few seconds. */
static struct sim_car *charging(const char *name, const char *trait, double value)
{
	struct sim_car *c;

	start(&plain);
	c = plug(0, name, trait, value);
	duty(0, 2667);
	wait_ms(8000);
	contactor(0, true);
	wait_ms(30000);
	return c;
}

static inline int cp_mv(void)
{
	struct sim_wire wire;

	sim_world_wire(&w, 0, &wire);
	return wire.cp_pos_mv;
}

#endif
