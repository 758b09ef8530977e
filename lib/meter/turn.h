/* What a turn of reading brought, as one line of text: the tool hands it to itself through its
 * journal, so that a replay needs no device. And the epoch as one line: the state file's contents.
 */
#ifndef METER_TURN_H
#define METER_TURN_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "meter/epoch.h"
#include "meter/model.h"

struct meter_turn {
	int64_t begin_us, end_us; /* wall clock */
	int64_t begin_mono_us;    /* forward clock */
	char serial[METER_SERIAL_MAX];
	struct meter_value value[METER_REGISTERS_MAX]; /* by register of the model; numbers only */
};

/** Append the turn as JSON. @return 0, or -1 when the buffer is full. */
int meter_turn_write(const struct meter_turn *t, int n, struct buf *out);

/** Read it back. @return 0, or -1 with @err where it is no turn of a model with n registers. */
int meter_turn_read(const char *text, size_t len, int n, struct meter_turn *t, struct err *err);

/** Append the epoch as JSON (a reading that waits for confirmation is not kept). @return 0, or -1.
 */
int meter_epoch_write(const struct meter_epoch *e, struct buf *out);

/** Read it back. @return 0, or -1 with @err. */
int meter_epoch_read(const char *text, size_t len, struct meter_epoch *e, struct err *err);

#endif
