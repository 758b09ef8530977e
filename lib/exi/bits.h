/* Reading and writing bit-packed octets, most significant bit first (EXI 1.0, section 7.1). Private
 * to lib/exi.
 *
 * The reader never reads outside its octets: beyond the end it gives zeros and sets over, which the
 * caller looks at once per event. The writer counts what doesn't fit and sets full. Neither
 * allocates. */
#ifndef EXI_BITS_H
#define EXI_BITS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bit_reader {
	const uint8_t *data;
	uint32_t size; /* octets */
	uint32_t pos;  /* bits */
	uint32_t end;  /* bits */
	bool over;
};

/* Octets at the end of the data, where eight can't be loaded at once. */
static inline uint64_t bit_tail(const struct bit_reader *b, uint32_t octet)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | (octet + i < b->size ? b->data[octet + i] : 0);
	return v;
}

/* The next bits at the top of a word; at least 57 of them count. */
static inline uint64_t bit_window(const struct bit_reader *b)
{
	uint32_t octet = b->pos >> 3;
	uint64_t v;

	if (__builtin_expect((uint64_t)octet + 8 <= b->size, 1)) {
		memcpy(&v, b->data + octet, sizeof v);
		v = be64toh(v);
	} else {
		v = bit_tail(b, octet);
	}
	return v << (b->pos & 7);
}

static inline bool bit_take(struct bit_reader *b, uint32_t n)
{
	if (__builtin_expect(n > b->end - b->pos, 0)) {
		b->over = true;
		return false;
	}
	b->pos += n;
	return true;
}

/* n is 0 to 56. */
static inline uint64_t bit_get(struct bit_reader *b, unsigned n)
{
	uint64_t v = bit_window(b);

	if (n == 0 || !bit_take(b, n))
		return 0;
	return v >> (64 - n);
}

/* An unsigned integer in groups of seven bits, the lowest first; false where it has more than 64
 * bits. */
static inline bool bit_get_uint(struct bit_reader *b, uint64_t *value)
{
	uint64_t v = 0, octet;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		octet = bit_get(b, 8);
		if (shift == 63 && (octet & 0x7e))
			return false;
		v |= (octet & 0x7f) << shift;
		if (!(octet & 0x80)) {
			*value = v;
			return true;
		}
	}
	return false;
}

struct bit_writer {
	uint8_t *data;
	size_t size; /* octets */
	size_t len;  /* octets written */
	uint64_t acc;
	unsigned held; /* bits in acc, below 32 between calls */
	bool full;
};

/* n is 0 to 32; v has no bits above. */
static inline void bit_put(struct bit_writer *w, uint64_t v, unsigned n)
{
	uint32_t out;

	w->acc = w->acc << n | v;
	w->held += n;
	if (w->held < 32)
		return;
	w->held -= 32;
	if (w->size - w->len < 4) {
		w->full = true;
		return;
	}
	out = htobe32((uint32_t)(w->acc >> w->held));
	memcpy(w->data + w->len, &out, 4);
	w->len += 4;
}

static inline void bit_put_uint(struct bit_writer *w, uint64_t v)
{
	while (v >= 0x80) {
		bit_put(w, (v & 0x7f) | 0x80, 8);
		v >>= 7;
	}
	bit_put(w, v, 8);
}

/* Pads the last octet with zeros. */
static inline void bit_finish(struct bit_writer *w)
{
	bit_put(w, 0, (8 - w->held % 8) % 8);
	while (w->held) {
		if (w->len == w->size) {
			w->full = true;
			return;
		}
		w->held -= 8;
		w->data[w->len++] = (uint8_t)(w->acc >> w->held);
	}
}

/* Bits written so far. */
static inline uint64_t bit_count(const struct bit_writer *w)
{
	return (uint64_t)w->len * 8 + w->held;
}

#endif
