/* Registers to values: the types that meters use, in either word order, with their marks for "not
 * available".
 *
 * Pure: takes registers as read (each already in host order), gives a value; keeps nothing. */
#ifndef METER_VALUE_H
#define METER_VALUE_H

#include "meter/dec.h"

enum meter_type {
	METER_U16,
	METER_S16,
	METER_U32,
	METER_S32,
	METER_U64,
	METER_S64,
	METER_F32,
	METER_F64,
	METER_ACC32, /* SunSpec accumulator: u32 that rolls over */
	METER_STR,   /* two characters a register */
	METER_HEX32, /* u32 that is printed in hexadecimal */
	METER_T5,    /* high byte decimal exponent, low 24 bits unsigned value */
	METER_T6,    /* the same, low 24 bits signed */
};

/** Raw integers that a model uses for "not available"; NaN and infinity always mean it. */
enum meter_invalid {
	METER_INVALID_ONES = 1, /* unsigned: all bits set */
	METER_INVALID_MAX = 2,  /* signed: the highest number */
	METER_INVALID_MIN = 4,  /* signed: the lowest number */
};

enum meter_kind { METER_NONE, METER_NUMBER, METER_TEXT };

/** Longest text register of any model, in registers. */
#define METER_STR_MAX 32

struct meter_value {
	enum meter_kind kind; /* METER_NONE: the device says that it has no value */
	struct meter_dec num;
	char text[2 * METER_STR_MAX + 1];
};

struct meter_layout {
	enum meter_type type;
	int len;          /* registers; only METER_STR may choose, see meter_type_len() */
	bool little;      /* least significant register first */
	unsigned invalid; /* enum meter_invalid, or-ed */
};

/** Registers that a type takes, 0 for METER_STR, which has a length of its own. */
int meter_type_len(enum meter_type type);

/** The word for a type as in a model file ("f32"). */
const char *meter_type_name(enum meter_type type);

/**
 * The type of a word.
 *
 * @return  0, or -1 with errno EINVAL where there is none
 */
int meter_type_parse(const char *word, enum meter_type *out);

/**
 * Decode one value.
 *
 * @l     layout, l->len registers are there
 * @regs  registers in the order of their addresses
 * @out   the value; METER_NONE where the registers hold a mark for "not available" or no number.
 *        Characters of a text that are not printable ASCII become '?'; blanks at its end go.
 */
void meter_value_decode(const struct meter_layout *l, const uint16_t *regs,
			struct meter_value *out);

/**
 * Multiply by a power of ten, exactly. A result beyond METER_DEC_EXP_MAX becomes METER_NONE.
 */
void meter_value_scale(struct meter_value *v, int exp10);

#endif
