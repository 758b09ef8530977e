/* Coding of small signed integers (what a prediction missed by) with an adaptive model.
 *
 * An integer is folded to an unsigned one (0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …); its length in
 * bits is coded under the lengths of the two before it, then its bits below the leading one, the
 * upper three each under those above. One model serves one column. */
#ifndef STORE_INTS_H
#define STORE_INTS_H

#include "store/rc.h"

enum { INTS_CLASSES = 16, INTS_LENGTHS = 65 };

struct ints {
	struct rc_bit length[INTS_CLASSES][INTS_CLASSES];
	struct rc_bit longer[64];              /* lengths of 15 and up */
	struct rc_bit upper[INTS_LENGTHS][8];  /* the three bits below the leading one */
	struct rc_bit lower[INTS_LENGTHS][64]; /* the others, by place */
	unsigned last, before;                 /* lengths of the two integers before */
};

void ints_init(struct ints *m);
void ints_encode(struct ints *m, struct rc_enc *e, int64_t v);
int64_t ints_decode(struct ints *m, struct rc_dec *d);

static inline uint64_t ints_fold(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t ints_unfold(uint64_t u)
{
	return (int64_t)(u >> 1 ^ (u & 1 ? UINT64_MAX : 0));
}

static inline unsigned ints_bits(uint64_t u)
{
	return u ? 64 - (unsigned)__builtin_clzll(u) : 0;
}

#endif
