/* Meter epochs: within one, import and export never decrease. A meter that is exchanged (another
 * serial number) or reset (a counter went back, and stays back) begins a new one, so that nobody
 * subtracts readings across it.
 *
 * One low reading alone changes nothing: some meters answer 0 while they start. It is held back
 * until a second reading confirms it. Counters that roll over (SunSpec accumulators) are carried
 * on.
 *
 * Pure: no I/O. The caller keeps struct meter_epoch across restarts. */
#ifndef METER_EPOCH_H
#define METER_EPOCH_H

#include "meter/dec.h"

#define METER_SERIAL_MAX 48

enum meter_epoch_verdict {
	METER_EPOCH_SAME,     /* counters go on */
	METER_EPOCH_FIRST,    /* the first reading ever: epoch 1 begins */
	METER_EPOCH_HELD,     /* a counter is lower than before; not confirmed: don't use it */
	METER_EPOCH_RESET,    /* confirmed: a new epoch */
	METER_EPOCH_EXCHANGE, /* another serial number: a new epoch */
};

/** One counter as read; `have` false where the meter has none or says that it has no value. */
struct meter_counter {
	bool have;
	bool rolls; /* a u32 that rolls over */
	struct meter_dec value;
};

/** A counter through its epoch. */
struct meter_track {
	struct meter_counter last; /* last used, roll-overs included */
	unsigned rolls;            /* times that it rolled over */
};

struct meter_epoch {
	unsigned count; /* epochs so far; 0 before the first reading */
	char serial[METER_SERIAL_MAX];
	struct meter_track import, export;
	struct meter_counter low_import, low_export; /* the reading that waits for confirmation */
	bool held;
};

/**
 * Take a reading.
 *
 * @serial  serial number, "" while unknown
 * @import, @export  as read; on return with roll-overs added. Untouched by METER_EPOCH_HELD.
 */
enum meter_epoch_verdict meter_epoch_step(struct meter_epoch *e, const char *serial,
					  struct meter_counter *import,
					  struct meter_counter *export);

/** The epoch's name, "serial.count" ("-" for a meter without serial); buf holds METER_SERIAL_MAX
 * + 16. */
const char *meter_epoch_id(const struct meter_epoch *e, char *buf, size_t size);

#endif
