/* A board file: what hardware carries one charging point, by names that Linux gives it. JSON; the
 * members are described in evse-pilot(1). */
#ifndef PILOT_BOARD_H
#define PILOT_BOARD_H

#include <stdbool.h>

#include "core/err.h"
#include "pilot/machine.h"

enum { BOARD_NAME = 64, BOARD_CONTACTORS = 2, BOARD_TEMPS = 4, BOARD_RESETS = 2 };

/* A GPIO line by its name; "" = not there. */
struct board_line {
	char name[BOARD_NAME];
	bool active_low;
};

/* An IIO channel: value = raw * scale + offset, in mV (or in 1/1000 degree). */
struct board_adc {
	char iio[BOARD_NAME];     /* the device's name; "" = not there */
	char channel[BOARD_NAME]; /* "voltage2" */
	double scale, offset;     /* scale 0: the kernel's */
};

struct board {
	char name[BOARD_NAME];
	bool socket;
	int phases, max_ma;
	struct {
		char chip[BOARD_NAME]; /* name behind the chip's device link, or pwmchipN */
		int channel, period_ns, offset_ns;
		bool inversed;
	} pwm;
	struct {
		struct board_adc pos, neg;
		struct board_line reset[BOARD_RESETS];
		int reset_us, settle_us; /* of the peak detectors */
		int samples;             /* without them: readings to take the extremes of */
	} cp;
	struct {
		struct board_adc adc;
		int none_mv, r13_mv, r20_mv, r32_mv, fault_mv; /* lower edges, falling */
	} pp;
	struct board_contactor {
		struct board_line line, sense;
		bool three_phase; /* closes only for three phases */
	} contactor[BOARD_CONTACTORS];
	int contactors;
	struct {
		struct board_line trip, trip6, test;
	} rcd;
	struct {
		struct board_line in1, in2, locked;
		int pulse_ms;
		struct board_adc pos;
		int locked_mv[2], unlocked_mv[2];
	} lock;
	struct board_line pe, estop, cp_disconnect, one_phase, trip_upstream, alive;
	char watchdog[BOARD_NAME];
	int watchdog_s; /* it acts after */
	struct board_adc temp[BOARD_TEMPS];
	int temps;
	bool ventilation;
};

/**
 * Reads a board file.
 *
 * @path  a name without '/' and ".json" is sought as share/evse/boards/NAME.json by the caller
 * @return  0, or -1 with @err naming the member and what was expected
 */
int board_load(const char *path, struct board *b, struct err *err);

/** Whether hardware notices the end of this program: an alive line or a watchdog. */
bool board_guarded(const struct board *b);

#endif
