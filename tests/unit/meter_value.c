#include "harness.h"
#include "meter/value.h"

#include <errno.h>

static const char *show(const struct meter_value *v)
{
	static char buf[METER_DEC_MAX];

	switch (v->kind) {
	case METER_NONE:
		return "none";
	case METER_NUMBER:
		return meter_dec_text(&v->num, buf, sizeof(buf));
	case METER_TEXT:
		return v->text;
	}
	return "?";
}

static const char *decode(enum meter_type type, bool little, unsigned invalid, const uint16_t *regs)
{
	static struct meter_value v;
	struct meter_layout l = {type, meter_type_len(type), little, invalid};

	meter_value_decode(&l, regs, &v);
	return show(&v);
}

#define D(type, little, invalid, ...) decode(type, little, invalid, (const uint16_t[]){__VA_ARGS__})

TEST(types_have_words)
{
	enum meter_type t;

	for (int i = METER_U16; i <= METER_T6; i++) {
		CHECK_INT(meter_type_parse(meter_type_name((enum meter_type)i), &t), 0);
		CHECK_INT(t, i);
	}
	CHECK_INT(meter_type_parse("u8", &t), -1);
	CHECK_INT(errno, EINVAL);
}

TEST(integers_in_both_word_orders)
{
	CHECK_STR(D(METER_U16, false, 0, 0xffff), "65535");
	CHECK_STR(D(METER_S16, false, 0, 0xffff), "-1");
	CHECK_STR(D(METER_S16, false, 0, 0x8000), "-32768");
	CHECK_STR(D(METER_U32, false, 0, 0x0001, 0x0002), "65538");
	CHECK_STR(D(METER_U32, true, 0, 0x0002, 0x0001), "65538");
	CHECK_STR(D(METER_S32, false, 0, 0xffff, 0xfffe), "-2");
	CHECK_STR(D(METER_S32, true, 0, 0xfffe, 0xffff), "-2");
	CHECK_STR(D(METER_S32, false, 0, 0x8000, 0), "-2147483648");
	CHECK_STR(D(METER_U64, false, 0, 0, 1, 2, 3), "4295098371");
	CHECK_STR(D(METER_U64, true, 0, 3, 2, 1, 0), "4295098371");
	CHECK_STR(D(METER_S64, false, 0, 0xffff, 0xffff, 0xffff, 0xffff), "-1");
	CHECK_STR(D(METER_S64, false, 0, 0x8000, 0, 0, 0), "-9223372036854775808");
	CHECK_STR(D(METER_ACC32, false, 0, 0xffff, 0xffff), "4294967295");
}

TEST(floats)
{
	CHECK_STR(D(METER_F32, false, 0, 0x4366, 0x199a), "230.1");
	CHECK_STR(D(METER_F32, true, 0, 0x199a, 0x4366), "230.1");
	CHECK_STR(D(METER_F64, false, 0, 0x405e, 0xdd2f, 0x1a9f, 0xbe77), "123.456");
	CHECK_STR(D(METER_F32, false, 0, 0x7fc0, 0), "none");
	CHECK_STR(D(METER_F32, false, 0, 0xff80, 0), "none");
	CHECK_STR(D(METER_F64, false, 0, 0x7ff8, 0, 0, 0), "none");
	CHECK_STR(D(METER_F32, false, 0, 0x7f7f, 0xffff), "none");
}

TEST(marks_for_not_available)
{
	CHECK_STR(D(METER_U16, false, METER_INVALID_ONES, 0xffff), "none");
	CHECK_STR(D(METER_S16, false, METER_INVALID_ONES, 0xffff), "-1");
	CHECK_STR(D(METER_U32, false, METER_INVALID_ONES, 0xffff, 0xffff), "none");
	CHECK_STR(D(METER_U64, false, METER_INVALID_ONES, 0xffff, 0xffff, 0xffff, 0xffff), "none");
	CHECK_STR(D(METER_S32, false, METER_INVALID_MAX, 0x7fff, 0xffff), "none");
	CHECK_STR(D(METER_S64, false, METER_INVALID_MAX, 0x7fff, 0xffff, 0xffff, 0xffff), "none");
	CHECK_STR(D(METER_S16, false, METER_INVALID_MIN, 0x8000), "none");
	CHECK_STR(D(METER_S16, false, METER_INVALID_MIN | METER_INVALID_MAX, 0x8001), "-32767");
}

TEST(exponent_in_the_high_byte)
{
	CHECK_STR(D(METER_T5, false, 0, 0xff00, 2301), "230.1");
	CHECK_STR(D(METER_T5, false, 0, 0x00ff, 0xffff), "16777215");
	CHECK_STR(D(METER_T6, false, 0, 0xfeff, 0xff9c), "-1");
	CHECK_STR(D(METER_T6, false, 0, 0x0280, 0), "-838860800");
	CHECK_STR(D(METER_T5, false, 0, 0x7f00, 1), "none");
	CHECK_STR(D(METER_T5, false, 0, 0x7f00, 0), "0");
}

TEST(text_and_hexadecimal)
{
	struct meter_layout l = {METER_STR, 4, false, 0};
	struct meter_value v;

	meter_value_decode(&l, (const uint16_t[]){0x4142, 0x0743, 0x2020, 0x2000}, &v);
	CHECK_INT(v.kind, METER_TEXT);
	CHECK_STR(v.text, "AB?C");
	meter_value_decode(&l, (const uint16_t[]){0, 0x4142, 0, 0}, &v);
	CHECK_INT(v.kind, METER_NONE);
	CHECK_STR(D(METER_HEX32, false, 0, 0x1234, 0xabcd), "1234ABCD");
}

TEST(scaling_is_exact_and_bounded)
{
	struct meter_value v = {.kind = METER_NUMBER, .num = {UINT64_MAX, 0, false}};

	meter_value_scale(&v, -3);
	CHECK_STR(show(&v), "18446744073709551.615");
	meter_value_scale(&v, 22);
	CHECK_INT(v.kind, METER_NONE);
	v = (struct meter_value){.kind = METER_NUMBER};
	meter_value_scale(&v, 1000);
	CHECK_STR(show(&v), "0");
}
