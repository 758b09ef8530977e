#include "store/ints.h"

void ints_init(struct ints *m)
{
	struct rc_bit *p = &m->length[0][0];
	size_t n = offsetof(struct ints, last) / sizeof(*p);

	for (size_t i = 0; i < n; i++)
		p[i] = RC_BIT_INIT;
	m->last = m->before = 0;
}

static struct rc_bit *length_model(struct ints *m)
{
	unsigned c = m->last * 2 + m->before;

	c = (c + 1) / 2;
	return m->length[c < INTS_CLASSES ? c : INTS_CLASSES - 1];
}

static void remember(struct ints *m, unsigned bits)
{
	m->before = m->last;
	m->last = bits < INTS_CLASSES - 1 ? bits : INTS_CLASSES - 1;
}

void ints_encode(struct ints *m, struct rc_enc *e, int64_t v)
{
	uint64_t u = ints_fold(v);
	unsigned bits = ints_bits(u), node = 1;

	if (bits < INTS_CLASSES - 1) {
		rc_enc_tree(e, length_model(m), 4, bits);
	} else {
		rc_enc_tree(e, length_model(m), 4, INTS_CLASSES - 1);
		rc_enc_tree(e, m->longer, 6, bits - (INTS_CLASSES - 1));
	}
	remember(m, bits);
	for (unsigned i = bits > 1 ? bits - 1 : 0; i-- > 0;) {
		unsigned bit = (unsigned)(u >> i & 1);

		if (bits - 1 - i <= 3) {
			rc_enc_bit(e, &m->upper[bits][node], bit);
			node = node << 1 | bit;
		} else {
			rc_enc_bit(e, &m->lower[bits][i], bit);
		}
	}
}

int64_t ints_decode(struct ints *m, struct rc_dec *d)
{
	unsigned bits = rc_dec_tree(d, length_model(m), 4), node = 1;
	uint64_t u;

	if (bits == INTS_CLASSES - 1)
		bits += rc_dec_tree(d, m->longer, 6);
	if (bits > 64)
		bits = 64;
	remember(m, bits);
	u = bits > 0;
	for (unsigned i = bits > 1 ? bits - 1 : 0; i-- > 0;) {
		unsigned bit;

		if (bits - 1 - i <= 3) {
			bit = rc_dec_bit(d, &m->upper[bits][node]);
			node = node << 1 | bit;
		} else {
			bit = rc_dec_bit(d, &m->lower[bits][i]);
		}
		u = u << 1 | bit;
	}
	return ints_unfold(u);
}
