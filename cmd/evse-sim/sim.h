/* What the files of evse-sim share: the tool's state and its parts. */
#ifndef EVSE_SIM_H
#define EVSE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tool.h"
#include "sim/command.h"
#include "sim/mbserve.h"
#include "sim/pilotsock.h"
#include "sim/world.h"

struct script;
struct serial;

struct options {
	const char *dir, *scenario, *modbus_host;
	int64_t evses, modbus_port, close_ms, open_ms, lock_ms, alive_ms, base_wh, house_base_wh,
	    house_w;
	int64_t cp_noise_mv, seed, keepalive_ms, interval_ms;
	double tethered_a, impedance_ohm;
	bool interlock, rotate, no_tty, fresh, rapi;
};

/* What the last `car` record said that makes a new one due when it changes. */
struct car_said {
	bool plugged, s2, pilot, charging, asleep, broken;
	int duty, settled_ma;
};

struct sim {
	struct tool *tool;
	struct options opt;
	struct sim_world world;
	struct sim_hands hands;
	struct sim_pilotsock *pilots;
	struct sim_mbserve *modbus;
	struct script *script;
	struct serial *serial; /* of each EVSE; NULL without --rapi */
	struct sim_wire sent[SIM_EVSE_MAX];
	struct car_said said[SIM_EVSE_MAX];
	struct loop_timer world_timer, keepalive_timer, report_timer, save_timer, serial_timer;
	int pilot_channel, serial_channel, lock_fd;
};

/** Brings the world to this turn's instant. */
void sim_now(struct sim *s);
/** After any change: sends what the wires say, writes what cars do, and arms the next event. */
void sim_sync(struct sim *s);

/* ---- lines.c: the pilot sockets and the car records ---- */

int lines_start(struct sim *s, struct err *err);
void lines_sync(struct sim *s);
/** Writes the `car` record of an EVSE (from 0). */
void lines_car(struct sim *s, int evse);

/* ---- meters.c: the Modbus devices ---- */

int meters_start(struct sim *s, struct err *err);

/* ---- serial.c: OpenEVSE controllers ---- */

/** Makes the controllers, before a saved world is taken up. */
void serial_make(struct sim *s);
int serial_start(struct sim *s, struct err *err);
void serial_stop(struct sim *s);
/** Lets the controllers look and act. */
void serial_sync(struct sim *s);
void serial_save(const struct sim *s, struct jw *out);
int serial_load(struct sim *s, jv from, int64_t shift_us, struct err *err);

/* ---- keep.c: the state file ---- */

/** Takes up the saved world, if there is one. @return 0, or the exit code after a message. */
int keep_load(struct sim *s);
void keep_save(struct sim *s);
/** Saves soon: for changes that come in bursts. */
void keep_soon(struct sim *s);

/* ---- script.c: scenarios ---- */

/** Reads a scenario whole. @return NULL after a message, with the exit code in @code. */
struct script *script_load(struct sim *s, const char *name, int *code);
void script_free(struct script *sc);
/** Arms the next line; @done lines were carried out before, the first counts from @started_us. */
void script_start(struct script *sc, int64_t started_us, int64_t done);
/** Looks whether what the next line waits for has come; after each change. NULL is allowed. */
void script_check(struct script *sc);
int64_t script_started_us(const struct script *sc);
int64_t script_done(const struct script *sc);

/* ---- main.c ---- */

/** Carries out a bare command and writes its reply. @id may be NULL. */
void sim_bare_command(struct sim *s, jv body, const char *id);

#endif
