/* Reading and writing single values by their simple type. Private to lib/exi. */
#ifndef EXI_VALUE_H
#define EXI_VALUE_H

#include "exi/bits.h"
#include "exi/exi.h"
#include "exi/tables.h"

/* What is wrong with a value; value_bad() has the words. */
enum value_bad {
	VALUE_GOOD,
	VALUE_CUT,    /* the stream ends in it */
	VALUE_HIT,    /* string table */
	VALUE_RANGE,  /* outside the schema's limits */
	VALUE_LENGTH, /* too short or too long */
	VALUE_CHAR,   /* not a character */
	VALUE_64,     /* more than 64 bits */
};

const char *value_bad(enum value_bad bad);

/* What the type permits, for the message beside it. */
void value_expected(const struct exi_simple *s, char *buf, size_t size);

/* Takes n characters; they have to be Unicode scalar values other than U+0000. */
enum value_bad value_skip_text(struct bit_reader *b, uint32_t n);

enum value_bad value_read_text(struct bit_reader *b, const struct exi_simple *s, uint32_t *bit,
			       uint32_t *len);
enum value_bad value_read_octets(struct bit_reader *b, const struct exi_simple *s, uint32_t *bit,
				 uint32_t *len);

/* An NBIT, UINT or INT as its C value: two's complement where the type is signed. */
static inline enum value_bad value_read_int(struct bit_reader *b, const struct exi_simple *s,
					    uint64_t *out)
{
	uint64_t v;
	bool negative;

	if (s->kind == EXI_KIND_NBIT) {
		v = bit_get(b, s->bits);
		if (v > s->high - (uint64_t)s->low)
			return VALUE_RANGE;
		*out = v + (uint64_t)s->low;
		return VALUE_GOOD;
	}
	negative = s->kind == EXI_KIND_INT && bit_get(b, 1);
	if (!bit_get_uint(b, &v))
		return b->over ? VALUE_CUT : VALUE_64;
	if (s->kind == EXI_KIND_UINT) {
		*out = v;
		return v < (uint64_t)s->low || v > s->high ? VALUE_RANGE : VALUE_GOOD;
	}
	/* A negative number is coded as its magnitude less one; -1 - v is ~v. */
	if (v > (uint64_t)INT64_MAX)
		return VALUE_64;
	*out = negative ? ~v : v;
	if (negative ? (int64_t)~v < s->low : v > s->high)
		return VALUE_RANGE;
	return VALUE_GOOD;
}

/* All kinds; the caller looks at b->over. */
enum value_bad value_read(struct bit_reader *b, const struct exi_simple *s, struct exi_value *v);

/* Limits of the schema, for values to be written. */
static inline bool value_int_fits(const struct exi_simple *s, uint64_t v)
{
	if (s->is_signed)
		return (int64_t)v >= s->low && (int64_t)v <= (int64_t)s->high;
	return v >= (uint64_t)s->low && v <= s->high;
}

/* BOOL to INT; v fits. */
static inline void value_write_int(struct bit_writer *w, const struct exi_simple *s, uint64_t v)
{
	if (s->kind <= EXI_KIND_NBIT) {
		bit_put(w, v - (uint64_t)s->low, s->bits);
	} else if (s->kind == EXI_KIND_UINT) {
		bit_put_uint(w, v);
	} else {
		bool negative = (int64_t)v < 0;

		bit_put(w, negative, 1);
		bit_put_uint(w, negative ? ~v : v);
	}
}

/* UTF-8 of len octets; VALUE_CHAR where it isn't. */
enum value_bad value_write_text(struct bit_writer *w, const struct exi_simple *s, const char *text,
				size_t len);
enum value_bad value_write_octets(struct bit_writer *w, const struct exi_simple *s,
				  const uint8_t *octets, size_t len);

/* Octets without the length before them. */
void value_put_octets(struct bit_writer *w, const uint8_t *octets, size_t len);

#endif
