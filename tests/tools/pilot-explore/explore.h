/* pilot-explore: what its parts share. */
#ifndef PILOT_EXPLORE_H
#define PILOT_EXPLORE_H

#include "pilot/machine.h"

#include <stddef.h>

/* What may happen: see world.c. */
enum {
	TICK,
	CAR_A,
	CAR_B,
	CAR_C,
	CAR_D,
	CAR_E,
	CAR_BAD,
	DIODE,
	FEEDBACK,
	LOST,
	WANT_OFF,
	WANT_6,
	WANT_16,
	WANT_DIGITAL,
	WANT_1PH,
	OPERATIVE,
	STOP,
	TRIP,
	RCD6,
	RCD30,
	RESET,
	LOCKED,
	UNLOCKED,
	MOVING,
	UNLOCK,
	PP_OPEN,
	PP_13A,
	PP_32A,
	PE,
	ESTOP,
	TEMP_0,
	TEMP_1,
	TEMP_3,
	CURRENT,
	REPLUG,
	ACTIONS
};

/* What the machine can't see by itself, and the checker's own clocks. */
struct world {
	uint8_t car; /* action CAR_A … CAR_BAD */
	bool no_diode, lost;
	uint8_t since_close;  /* ticks since the last closing or the start, saturated */
	uint8_t stopping_for; /* ticks closed without an offer */
	uint8_t gone_for;     /* ticks since the line last read C or D */
	uint8_t since_want;   /* ticks since the last setpoint, saturated */
};

struct node {
	struct pilot p;
	struct world w;
};

struct slice {
	const char *name;
	const char *about;
	void (*conf)(struct pilot_conf *);
	uint64_t actions;
};

/* A tick is the machine's millisecond. */
#define TICK_US 1000
#define BIT(a)  (1ULL << (a))
/* The setpoint may fall silent; else it comes anew with each tick. */
#define SILENT (1ULL << 63)

extern struct pilot_conf conf; /* of the slice that is explored */
extern const struct slice slices[];
extern const size_t slice_count;
extern const struct slice *now_in;

/** The slice's configuration becomes `conf`. */
void slice_begin(const struct slice *s);

const char *action_name(int action);
/** Lets it happen. @return false where it changes nothing worth a transition. */
bool act(struct node *n, int action);
/** The machine reads the board as the world is now. */
void read_now(struct node *n);

/** What must always hold. @was  before, @next  what pilot_step() returned. @return  what is broken,
 * or NULL */
const char *broken(const struct node *was, const struct node *n, int64_t next);

#endif
