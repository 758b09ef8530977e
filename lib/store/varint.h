/* Unsigned integers in seven-bit groups, lowest first, the top bit set on all but the last. Pure.
 */
#ifndef STORE_VARINT_H
#define STORE_VARINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "store/ints.h"

static inline void varint_put(struct buf *b, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		buf_addc(b, (char)(uint8_t)(v | 128));
	buf_addc(b, (char)v);
}

static inline void varint_put_signed(struct buf *b, int64_t v)
{
	varint_put(b, ints_fold(v));
}

/* Reads from bytes of unknown worth: the first failure sticks and everything after reads as 0. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint64_t varint_get(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->at < c->end && !c->bad; shift += 7) {
		uint8_t byte = *c->at++;

		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	c->bad = true;
	return 0;
}

static inline int64_t varint_get_signed(struct cursor *c)
{
	return ints_unfold(varint_get(c));
}

/* A count that may not be over @max. */
static inline uint64_t varint_get_max(struct cursor *c, uint64_t max)
{
	uint64_t v = varint_get(c);

	if (v > max)
		c->bad = true;
	return c->bad ? 0 : v;
}

static inline uint8_t cursor_byte(struct cursor *c)
{
	if (c->bad || c->at >= c->end) {
		c->bad = true;
		return 0;
	}
	return *c->at++;
}

/* The bytes up to @stop, which is taken but not counted. NULL when it does not come. */
static inline const char *cursor_text(struct cursor *c, char stop, size_t *len)
{
	const uint8_t *from = c->at, *to;

	to = c->bad ? NULL : memchr(from, stop, (size_t)(c->end - from));
	if (!to) {
		c->bad = true;
		*len = 0;
		return NULL;
	}
	*len = (size_t)(to - from);
	c->at = to + 1;
	return (const char *)from;
}

#endif
