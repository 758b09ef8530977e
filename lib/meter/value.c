#include "meter/value.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	int len;
} types[] = {
    [METER_U16] = {"u16", 1}, [METER_S16] = {"s16", 1},     [METER_U32] = {"u32", 2},
    [METER_S32] = {"s32", 2}, [METER_U64] = {"u64", 4},     [METER_S64] = {"s64", 4},
    [METER_F32] = {"f32", 2}, [METER_F64] = {"f64", 4},     [METER_ACC32] = {"acc32", 2},
    [METER_STR] = {"str", 0}, [METER_HEX32] = {"hex32", 2}, [METER_T5] = {"t5", 2},
    [METER_T6] = {"t6", 2},
};

int meter_type_len(enum meter_type type)
{
	return types[type].len;
}

const char *meter_type_name(enum meter_type type)
{
	return types[type].name;
}

int meter_type_parse(const char *word, enum meter_type *out)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(word, types[i].name) == 0) {
			*out = (enum meter_type)i;
			return 0;
		}
	}
	errno = EINVAL;
	return -1;
}

/* All registers as one number, the most significant first. */
static uint64_t gather(const struct meter_layout *l, const uint16_t *regs)
{
	uint64_t raw = 0;

	for (int i = 0; i < l->len && i < 4; i++)
		raw = raw << 16 | regs[l->little ? l->len - 1 - i : i];
	return raw;
}

static void put_unsigned(const struct meter_layout *l, uint64_t raw, struct meter_value *out)
{
	uint64_t ones = UINT64_MAX >> (64 - 16 * l->len);

	if ((l->invalid & METER_INVALID_ONES) && raw == ones)
		return;
	out->kind = METER_NUMBER;
	out->num.mant = raw;
}

static void put_signed(const struct meter_layout *l, uint64_t raw, struct meter_value *out)
{
	uint64_t sign = UINT64_C(1) << (16 * l->len - 1);

	if ((l->invalid & METER_INVALID_MAX) && raw == sign - 1)
		return;
	if ((l->invalid & METER_INVALID_MIN) && raw == sign)
		return;
	out->kind = METER_NUMBER;
	out->num.neg = raw & sign;
	out->num.mant = raw & sign ? (sign - (raw & (sign - 1))) : raw;
}

static void put_f32(uint64_t raw, struct meter_value *out)
{
	uint32_t bits = (uint32_t)raw;
	float x;

	memcpy(&x, &bits, sizeof(x));
	if (meter_dec_from_f32(x, &out->num) == 0)
		out->kind = METER_NUMBER;
}

static void put_f64(uint64_t raw, struct meter_value *out)
{
	double x;

	memcpy(&x, &raw, sizeof(x));
	if (meter_dec_from_f64(x, &out->num) == 0)
		out->kind = METER_NUMBER;
}

/* High byte: signed decimal exponent; low 24 bits: the value. */
static void put_t(uint64_t raw, bool has_sign, struct meter_value *out)
{
	uint64_t low = raw & 0xffffff;

	out->kind = METER_NUMBER;
	out->num.neg = has_sign && (low & 0x800000);
	out->num.mant = out->num.neg ? 0x1000000 - low : low;
	meter_value_scale(out, (int8_t)(raw >> 24));
}

static void put_text(const struct meter_layout *l, const uint16_t *regs, struct meter_value *out)
{
	size_t n = 0;

	for (int i = 0; i < l->len && i < METER_STR_MAX; i++) {
		out->text[n++] = (char)(regs[i] >> 8);
		out->text[n++] = (char)(regs[i] & 0xff);
	}
	n = strnlen(out->text, n);
	for (size_t i = 0; i < n; i++)
		if (out->text[i] < ' ' || out->text[i] > '~')
			out->text[i] = '?';
	while (n && out->text[n - 1] == ' ')
		n--;
	memset(out->text + n, 0, sizeof(out->text) - n);
	if (n)
		out->kind = METER_TEXT;
}

static void put_hex(uint64_t raw, struct meter_value *out)
{
	static const char digit[] = "0123456789ABCDEF";

	out->kind = METER_TEXT;
	for (int i = 0; i < 8; i++)
		out->text[i] = digit[raw >> (28 - 4 * i) & 15];
}

void meter_value_decode(const struct meter_layout *l, const uint16_t *regs, struct meter_value *out)
{
	uint64_t raw = gather(l, regs);

	memset(out, 0, sizeof(*out));
	switch (l->type) {
	case METER_U16:
	case METER_U32:
	case METER_U64:
	case METER_ACC32:
		put_unsigned(l, raw, out);
		break;
	case METER_S16:
	case METER_S32:
	case METER_S64:
		put_signed(l, raw, out);
		break;
	case METER_F32:
		put_f32(raw, out);
		break;
	case METER_F64:
		put_f64(raw, out);
		break;
	case METER_STR:
		put_text(l, regs, out);
		break;
	case METER_HEX32:
		put_hex(raw, out);
		break;
	case METER_T5:
		put_t(raw, false, out);
		break;
	case METER_T6:
		put_t(raw, true, out);
		break;
	}
}

void meter_value_scale(struct meter_value *v, int exp10)
{
	if (v->kind != METER_NUMBER)
		return;
	if (!v->num.mant) {
		v->num = (struct meter_dec){0};
		return;
	}
	v->num.exp10 += exp10;
	if (v->num.exp10 > METER_DEC_EXP_MAX || v->num.exp10 < -METER_DEC_EXP_MAX)
		memset(v, 0, sizeof(*v));
}
