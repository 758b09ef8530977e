/* A stream bit by bit, with the grammar step beside each, for people who debug a car. */
#ifndef EXI_EXPLAIN_H
#define EXI_EXPLAIN_H

#include "core/buf.h"
#include "exi/exi.h"

/**
 * Appends one line a step: first bit, the bits, and what they say, indented by depth. A wrong
 * stream is explained up to the bit that is wrong, and why.
 *
 * @return  0, or -1 where the stream is wrong
 */
int exi_explain(int schema, int flags, const uint8_t *data, size_t size, struct buf *out);

#endif
