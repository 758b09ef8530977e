/* Packs a block of lines small, and gives them back byte for byte, whatever their shape. Pure but
 * for memory.
 *
 * Lines of one shape become columns; a column of numbers is predicted (predict.h) and what the
 * prediction missed by is coded with adaptive models (ints.h); all else is text, deflated.
 * evse-log(1) states the form. */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "core/buf.h"
#include "core/err.h"

enum {
	PACK_BLOCK_MAX = 4 << 20, /* bytes of lines in a block */
	PACK_LINE_MAX = 64 << 10,
};

/**
 * @lines  each ended by a newline, none holding NUL; at most PACK_BLOCK_MAX bytes in all
 * @out    the block is appended
 * @return 0, or -1 with errno ENOMEM, or EINVAL when @lines is none of that
 */
int pack(const char *lines, size_t len, struct buf *out);

/**
 * @data    from anywhere: a block that was not made by pack() is refused, and never costs more than
 * a few times PACK_BLOCK_MAX
 * @lines   is appended to; on failure what it held before stays
 * @return  0, or -1 with @err
 */
int unpack(const void *data, size_t len, struct buf *lines, struct err *err);

#endif
