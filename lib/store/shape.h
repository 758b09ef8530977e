/* Cuts a line into its shape (what repeats from record to record) and its slots (what changes).
 * Pure.
 *
 * A shape is the line with each scalar replaced by the byte SHAPE_SLOT; member names and the values
 * of "type" and "src" stay, so that one source's records share a shape. "epoch.count" and the like
 * make two slots. A line that holds control bytes, or more slots than allowed, has the shape of one
 * slot: the whole line. Nothing here depends on the line being JSON: the slots put back into the
 * shape always give the line again. */
#ifndef STORE_SHAPE_H
#define STORE_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

enum { SHAPE_SLOT = 1, SHAPE_SLOTS_MAX = 400 };

struct shape_slot {
	uint32_t off, len;
};

/**
 * @base   added to each slot's offset
 * @shape  is reset and filled; the caller checks buf_failed()
 * @slots  room for SHAPE_SLOTS_MAX
 * @return how many slots
 */
size_t shape_cut(const char *line, size_t len, uint32_t base, struct buf *shape,
		 struct shape_slot slots[SHAPE_SLOTS_MAX]);

#endif
