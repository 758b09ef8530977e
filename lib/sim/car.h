/* A car: battery, on-board charger, S2 and its habits, good and bad. Pure: time and input are
 * arguments.
 *
 * The car sees its inlet (struct sim_inlet) and answers with S2 and a current. Everything is
 * constant between two events; sim_car_next() says when the next one is due, sim_car_step() lets it
 * happen. Times are µs on one monotonic clock. */
#ifndef SIM_CAR_H
#define SIM_CAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cp.h"

#define SIM_NEVER INT64_MAX

enum { SIM_CAR_NAME = 32 };

/** What a car is: all members are settable by name (sim_car_fields). Flags are 0 or 1. */
struct sim_car_model {
	char name[SIM_CAR_NAME];
	int capacity_wh;
	int soc_cpct;        /* state of charge at plug-in, 1/100 % */
	int target_cpct;     /* where the car stops by itself */
	int phases;          /* 1 or 3 */
	int max_ma, min_ma;  /* per phase; below min_ma the car does not charge */
	int max_w;           /* of the on-board charger, at the inlet */
	int taper_cpct;      /* from here the power falls in a line … */
	int full_w;          /* … to this at 100 % */
	int efficiency_cpct; /* inlet → battery */
	int cosphi_permille;
	int ramp_up_ma_s, ramp_down_ma_s;
	int reaction_ms; /* a change of the pilot is acted upon after this; the standard allows 5 s
			  */
	int s2_close_ms; /* an offer is there → S2 closes */
	int s2_open_ms;  /* current is zero → S2 opens */
	int lost_ms;     /* no pilot, or −12 V → current off and S2 open */
	/* misbehaviour */
	int ignores_limit; /* draws max_ma whatever the duty says */
	int over_ma;       /* draws this much more than allowed */
	int opens_loaded;  /* opens S2 without lowering its current first */
	int keeps_s2;      /* never opens S2 while plugged in */
	int draws_on;      /* goes on drawing after X1, E and F, until the contactor opens */
	int no_diode;
	int cp_short;
	int simplified;   /* no S2: 882 Ω at once, at most 10 A */
	int ventilation;  /* asks for state D */
	int pulse_on_pwm; /* S2 pulses when the PWM starts (wake-up signal of some cars) */
	int pulse_on_x1;  /* S2 pulses while the PWM is off (BCB toggle) */
	int pulse_ms, pulse_gap_ms, pulse_count;
	int glitch_ms;       /* S2 seems open for this long … */
	int glitch_after_ms; /* … this long after a change of duty */
	int fragile;         /* breaks when its phases change while it draws */
	int dropout_ms;      /* the pilot contact opens for this long … */
	int dropout_every_s; /* … so often */
	int sleep_after_s;   /* falls asleep when nothing was offered for so long; 0 = never */
	int wakes_on_e, wakes_on_f, wakes_on_x1;
	int wake_hold_ms; /* E or F must last so long to wake it */
};

/** One member of struct sim_car_model for readers of commands and files: JSON value × scale =
 * integer. */
struct sim_field {
	const char *name;
	size_t offset;
	int scale;
	int min, max; /* of the integer; min 0, max 1, scale 0: a flag (true or false) */
};

extern const struct sim_field sim_car_fields[];
extern const size_t sim_car_field_count;

/**
 * Sets one member of a model by its name.
 *
 * @value  in the unit that the name ends with; 0 or 1 for a flag
 * @return  0, or -1 with errno ENOENT (no such name) or ERANGE; the model is then untouched
 */
int sim_car_set(struct sim_car_model *m, const char *name, double value);

/**
 * Fills a model from the built-in car of a name: small, family, fast, phev …
 *
 * @return  0, or -1 with errno ENOENT; the model is then untouched
 */
int sim_car_named(const char *name, struct sim_car_model *out);

/** The names that sim_car_named() knows, by index; NULL at the end. */
const char *sim_car_name(size_t index);

/** What the car sees at its inlet. */
struct sim_inlet {
	bool pilot; /* a pilot signal is there (cable in, not cut, not shorted) */
	int duty_permyriad;
	int phases_live; /* mains at the inlet: 0, 1 or 3 phases */
	int voltage_mv;  /* mean of the live phases */
};

struct sim_car {
	struct sim_car_model model;
	struct sim_inlet in;
	int64_t battery_nj; /* stored */
	int64_t taken_nj;   /* through the inlet since plug-in: stored + lost */
	int64_t lost_nj;
	int64_t want_nj; /* inlet energy wanted since plug-in; SIM_NEVER = until target_cpct */
	bool pilot_seen; /* what the car has acted upon, reaction_ms late */
	int duty_seen;
	int offer_ma; /* what it may draw as it understands, 0 = nothing */
	bool s2;
	bool pulse, glitch; /* overlays on S2 as the wire shows it */
	bool dropped;       /* the pilot contact is open */
	int pulses_left;
	bool asleep, broken;
	int current_ma;   /* per used phase */
	int64_t power_mw; /* through the inlet, set by the world */
	int64_t react_us, s2_us, ramp_us, pulse_us, glitch_us, sleep_us, dropout_us;
	int64_t trouble_us; /* when E or F began, SIM_NEVER = it did not */
	bool trouble_was_f;
};

/** Plugs a car of a model in: S2 open (unless it has none), nothing drawn, the pilot not yet looked
 * at. */
void sim_car_init(struct sim_car *c, const struct sim_car_model *m, int64_t now_us);

/** Tells the car what its inlet shows now. Mains gone stops the current at once; the rest takes its
 * time. */
void sim_car_inlet(struct sim_car *c, const struct sim_inlet *in, int64_t now_us);

/** Instant of the car's next own event given its present power, SIM_NEVER if none. */
int64_t sim_car_next(const struct sim_car *c, int64_t now_us);

/** Lets every event that is due at now_us happen. */
void sim_car_step(struct sim_car *c, int64_t now_us);

/** Lets energy flow through the inlet for dt_us at the car's present power. */
void sim_car_take(struct sim_car *c, int64_t dt_us);

/** Forgets what was decided about energy and decides again (after want_nj or the model changed). */
void sim_car_decide(struct sim_car *c, int64_t now_us);

/** How many phases the car draws from now: 0, 1 or 3. */
int sim_car_phases(const struct sim_car *c);

/** What the car puts on the pilot wire. */
struct sim_cp_load sim_car_cp(const struct sim_car *c);

/** State of charge in 1/100 %, at most 10000. */
int sim_car_soc_cpct(const struct sim_car *c);

#endif
