/* The world: EVSEs with boards, cables and cars, their meters, a house and a grid. Pure and
 * deterministic.
 *
 * Everything is constant between two events, so energy is exact: one integrator counts the same
 * flow into the car, the EV's meter and the house's meter. The caller brings the world to an
 * instant with sim_world_advance(), changes what it wants, calls sim_world_settle(), and comes back
 * at sim_world_next(). Times are µs on one monotonic clock that the caller owns. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/board.h"
#include "sim/car.h"
#include "sim/meter.h"

enum {
	SIM_EVSE_MAX = 64,
	SIM_SOCKET_MA = 0, /* cable_ma of a board with a socket and no cable of its own */
};

struct sim_evse {
	struct sim_board board;
	int tethered_ma; /* > 0: the cable is fixed to the EVSE and carries so much */
	int rotation;    /* the EVSE's L1 is the grid's phase 1 + rotation (0, 1, 2) */
	bool cable;      /* a plug is in the socket (always true when tethered) */
	int cable_ma;
	bool plugged; /* a car hangs on the cable */
	struct sim_car car;
	struct sim_meter meter;
	struct sim_flow flow; /* at the EVSE's terminals, by its own phase names */
};

struct sim_grid {
	int voltage_mv[SIM_PHASES]; /* without load */
	int freq_mhz;
	int impedance_mohm; /* of the line to the house: the voltage drops with the current */
};

struct sim_world {
	int evses;
	struct sim_evse evse[SIM_EVSE_MAX];
	struct sim_grid grid;
	int64_t house_mw[SIM_PHASES]; /* load of the rest of the house; negative = it feeds in */
	struct sim_meter meter;       /* at the house connection */
	struct sim_flow flow;
	int house_faults; /* meter faults of the house meter, enum sim_fault */
	int cp_noise_mv;
	uint64_t rng;
	int64_t now_us;
};

/** The pilot line of one EVSE as the controller reads it (one record on the pilot socket). */
struct sim_wire {
	int cp_pos_mv, cp_neg_mv;
	int pp_ohm; /* -1 = open */
	bool contactor, locked, rcd, rcd6, rcd30, pe, estop;
	int temp_mc;
	int64_t current_ma[SIM_PHASES];
};

/** What makes a world. */
struct sim_world_config {
	int evses;
	struct sim_board_model board;
	int tethered_ma; /* of every EVSE; 0 = socket */
	int64_t base_wh; /* what each EV meter has counted before */
	int64_t house_base_wh;
	int house_w; /* load of the house, split over the phases */
	int impedance_mohm;
	int cp_noise_mv;
	uint64_t seed;
};

/** A world of EVSEs without cars at 230 V, 50 Hz. @cfg->evses is 1 … SIM_EVSE_MAX. */
void sim_world_init(struct sim_world *w, const struct sim_world_config *cfg, int64_t now_us);

/** Lets time pass up to now_us (never backwards): flows are counted, every event happens at its
 * instant. */
void sim_world_advance(struct sim_world *w, int64_t now_us);

/** Works out currents and voltages again after the caller changed something. */
void sim_world_settle(struct sim_world *w);

/** Instant of the next event, SIM_NEVER if nothing will ever happen by itself. */
int64_t sim_world_next(const struct sim_world *w);

/**
 * Plugs a car in.
 *
 * @evse      index from 0
 * @cable_ma  what the cable carries (13, 20, 32 or 63 A); taken by a socket, not by a tethered EVSE
 * @return  0, or -1 with errno EBUSY when a car is there already
 */
int sim_world_plug(struct sim_world *w, int evse, const struct sim_car_model *m, int cable_ma);

/**
 * Pulls the plug at the car. The cable's other end leaves the socket as soon as the lock lets it.
 *
 * @return  0, or -1 with errno ENODEV when there is no car
 */
int sim_world_unplug(struct sim_world *w, int evse);

/** The car wants so much more energy from now; SIM_NEVER = until its target. */
void sim_world_want(struct sim_world *w, int evse, int64_t wh);

/** The car at an EVSE changes its habits; its battery stays as full as it is. */
void sim_world_remodel(struct sim_world *w, int evse, const struct sim_car_model *m);

/** Another voltage, frequency or line. */
void sim_world_grid(struct sim_world *w, const struct sim_grid *g);

/** Meter reset: all registers of an EV meter, or of the house meter (evse < 0), begin at 0 again.
 */
void sim_world_meter_reset(struct sim_world *w, int evse);

/** The wires of an EVSE now; noise is drawn for each call when the world has some. */
void sim_world_wire(struct sim_world *w, int evse, struct sim_wire *out);

/** True when two readings differ in what a controller acts upon (noise apart). */
bool sim_wire_differs(const struct sim_wire *a, const struct sim_wire *b, int noise_mv);

#endif
