/* An adaptive binary range coder: each yes/no decision costs what its history says it is worth.
 *
 * A decision's probability lives in a `struct rc_bit`, learnt as coding goes on, as the mean of a
 * quick and a slow average; so nothing but the decisions themselves is stored. Encoder and decoder
 * must use the same models in the same order. The arithmetic (32-bit range, 64-bit low, carry
 * through a run of 0xff bytes) is the common one; evse-log(1) states it to the bit. Pure: no I/O,
 * no allocation but the encoder's output buffer. */
#ifndef STORE_RC_H
#define STORE_RC_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct rc_bit {
	uint16_t quick, slow; /* 65536 times the probability of a 0 */
};

#define RC_BIT_INIT ((struct rc_bit){32768, 32768})

struct rc_enc {
	struct buf *out;
	uint64_t low, pending; /* pending: bytes held back for a carry, the first being `held` */
	uint32_t range;
	uint8_t held;
};

struct rc_dec {
	const uint8_t *in, *end;
	uint32_t range, code;
	unsigned over; /* bytes read past the end; more than a few mean a cut stream */
};

/** Starts writing behind what @out holds. @out's own failure flag tells of a lack of memory. */
void rc_enc_init(struct rc_enc *e, struct buf *out);
void rc_enc_bit(struct rc_enc *e, struct rc_bit *p, unsigned bit);
/** Writes the last bytes; nothing may follow. */
void rc_enc_end(struct rc_enc *e);

void rc_dec_init(struct rc_dec *d, const void *in, size_t len);
unsigned rc_dec_bit(struct rc_dec *d, struct rc_bit *p);
/** True when more was read than the stream can have held: it was cut or is not one. */
static inline int rc_dec_cut(const struct rc_dec *d)
{
	return d->over > 8;
}

/** A number of @bits bits (at most 16), highest first, each bit's model chosen by the bits before
 * it. @tree: 1 << @bits. */
void rc_enc_tree(struct rc_enc *e, struct rc_bit *tree, unsigned bits, unsigned value);
unsigned rc_dec_tree(struct rc_dec *d, struct rc_bit *tree, unsigned bits);

#endif
