#include "store/rc.h"

enum { RC_TOP = 1 << 24, RC_QUICK = 4, RC_SLOW = 7 };

/* Chance of a 0 in 1/4096, never 0 and never 1. */
static uint32_t chance(const struct rc_bit *p)
{
	uint32_t c = ((uint32_t)p->quick + p->slow) >> 5;

	return c < 1 ? 1 : c > 4095 ? 4095 : c;
}

static void learn(struct rc_bit *p, unsigned bit)
{
	if (bit) {
		p->quick = (uint16_t)(p->quick - (p->quick >> RC_QUICK));
		p->slow = (uint16_t)(p->slow - (p->slow >> RC_SLOW));
	} else {
		p->quick = (uint16_t)(p->quick + ((65535 - p->quick) >> RC_QUICK));
		p->slow = (uint16_t)(p->slow + ((65535 - p->slow) >> RC_SLOW));
	}
}

void rc_enc_init(struct rc_enc *e, struct buf *out)
{
	*e = (struct rc_enc){.out = out, .range = UINT32_MAX, .pending = 1};
}

/* Moves the top byte of low out, or holds it back while a later carry could still change it. */
static void shift_low(struct rc_enc *e)
{
	if (e->low < 0xff000000u || e->low > UINT32_MAX) {
		uint8_t carry = (uint8_t)(e->low >> 32);

		while (e->pending) {
			buf_addc(e->out, (char)(uint8_t)(e->held + carry));
			e->held = 0xff;
			e->pending--;
		}
		e->held = (uint8_t)(e->low >> 24);
	}
	e->pending++;
	e->low = (e->low & 0x00ffffffu) << 8;
}

void rc_enc_bit(struct rc_enc *e, struct rc_bit *p, unsigned bit)
{
	uint32_t bound = (e->range >> 12) * chance(p);

	if (bit) {
		e->low += bound;
		e->range -= bound;
	} else {
		e->range = bound;
	}
	learn(p, bit);
	while (e->range < RC_TOP) {
		e->range <<= 8;
		shift_low(e);
	}
}

void rc_enc_end(struct rc_enc *e)
{
	for (int i = 0; i < 5; i++)
		shift_low(e);
}

static uint8_t next_byte(struct rc_dec *d)
{
	if (d->in < d->end)
		return *d->in++;
	d->over++;
	return 0;
}

void rc_dec_init(struct rc_dec *d, const void *in, size_t len)
{
	*d = (struct rc_dec){.in = in, .end = (const uint8_t *)in + len, .range = UINT32_MAX};
	for (int i = 0; i < 5; i++)
		d->code = d->code << 8 | next_byte(d);
}

unsigned rc_dec_bit(struct rc_dec *d, struct rc_bit *p)
{
	uint32_t bound = (d->range >> 12) * chance(p);
	unsigned bit = d->code >= bound;

	if (bit) {
		d->code -= bound;
		d->range -= bound;
	} else {
		d->range = bound;
	}
	learn(p, bit);
	while (d->range < RC_TOP) {
		d->range <<= 8;
		d->code = d->code << 8 | next_byte(d);
	}
	return bit;
}

void rc_enc_tree(struct rc_enc *e, struct rc_bit *tree, unsigned bits, unsigned value)
{
	unsigned node = 1;

	for (unsigned i = bits; i-- > 0;) {
		unsigned bit = value >> i & 1;

		rc_enc_bit(e, &tree[node], bit);
		node = node << 1 | bit;
	}
}

unsigned rc_dec_tree(struct rc_dec *d, struct rc_bit *tree, unsigned bits)
{
	unsigned node = 1;

	for (unsigned i = 0; i < bits; i++)
		node = node << 1 | rc_dec_bit(d, &tree[node]);
	return node - (1u << bits);
}
