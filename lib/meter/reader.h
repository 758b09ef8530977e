/* One turn of reading a meter: open the device, find the model's place (SunSpec), ask who it is,
 * read all blocks.
 *
 * A step makes at most one request, so it blocks no longer than one (see meter/link.h), and the
 * owner's loop runs between steps. A turn gives all values or none: what a device refuses (no such
 * register) is METER_NONE, but after a request that failed nothing of the turn is used, and the
 * next turn begins by proving that answers come in order. */
#ifndef METER_READER_H
#define METER_READER_H

#include <stdint.h>

#include "core/err.h"
#include "meter/link.h"
#include "meter/model.h"

enum meter_step {
	METER_STEP_MORE,   /* call again, soon */
	METER_STEP_LATER,  /* call again after meter_reader_wait_us() */
	METER_STEP_DONE,   /* the turn is complete: meter_reader_value() and the times are fresh */
	METER_STEP_FAILED, /* the turn is over, with @err; the next step begins a new one */
};

struct meter_reader;

/**
 * Make a reader for a link.
 *
 * @model  borrowed, outlives the reader
 * @link   taken: freed with the reader
 * @admit  which registers a turn reads
 * @return  a new reader, to be freed with meter_reader_free(), or NULL with @err
 */
struct meter_reader *meter_reader_new(const struct meter_model *model, struct meter_link *link,
				      bool (*admit)(const struct meter_register *),
				      struct err *err);
void meter_reader_free(struct meter_reader *r);

/** Do the next bit. Blocks for one request at most. */
enum meter_step meter_reader_step(struct meter_reader *r, struct err *err);

/** After METER_STEP_LATER: microseconds until the next step is worth while. */
int64_t meter_reader_wait_us(const struct meter_reader *r);

/** True while a turn is under way; its first request then went out at meter_reader_begin_us(). */
bool meter_reader_busy(const struct meter_reader *r);

/** Wall-clock times of the turn's first request and last answer, microseconds. */
int64_t meter_reader_begin_us(const struct meter_reader *r);
int64_t meter_reader_end_us(const struct meter_reader *r);

/** The value of register @i of the model in the last complete turn. */
void meter_reader_value(const struct meter_reader *r, int i, struct meter_value *out);

/** Its raw registers, or NULL where the device refused them; @span says where they stand. */
const uint16_t *meter_reader_raw(const struct meter_reader *r, int i, struct meter_span *span);

/** The device's serial number, "" where it has none. */
const char *meter_reader_serial(const struct meter_reader *r);

/** Blocks that the device refused in the last turn, and how many reads a turn takes. */
int meter_reader_refused(const struct meter_reader *r);
int meter_reader_blocks(const struct meter_reader *r);

/** Registers are looked up at this address plus their own (SunSpec), else 0. */
int meter_reader_base(const struct meter_reader *r);

const struct meter_link *meter_reader_link(const struct meter_reader *r);

#endif
