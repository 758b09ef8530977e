/* Exact decimal numbers for counters: what a meter shows is what a bill must say, so a register's
 * value is kept as mantissa times a power of ten from the wire to the text and never passes through
 * binary arithmetic.
 *
 * A value is plain data and is copied by assignment. Nothing here blocks, allocates or keeps state.
 */
#ifndef METER_DEC_H
#define METER_DEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room for any meter_dec as text, with its NUL. */
#define METER_DEC_MAX 64

/** The largest power of ten, either way, that a value may carry; beyond it nothing is a
 * measurement. */
#define METER_DEC_EXP_MAX 18

struct meter_dec {
	uint64_t mant;
	int exp10;
	bool neg;
};

/**
 * The shortest decimal that reads back as the same IEEE 754 single precision number.
 *
 * @x    the number
 * @out  result; untouched on failure
 * @return  0, or -1 with errno EDOM where x is NaN or infinite, ERANGE where it is beyond 10^18
 */
int meter_dec_from_f32(float x, struct meter_dec *out);

/** As meter_dec_from_f32(), for double precision. */
int meter_dec_from_f64(double x, struct meter_dec *out);

/**
 * Read a decimal such as "-12.50" (no exponent, no blanks).
 *
 * @return  0, or -1 with errno EINVAL where it is no such number, ERANGE where it has more than 19
 * digits
 */
int meter_dec_parse(const char *text, struct meter_dec *out);

/**
 * Write a value in plain notation: no exponent, no needless zeros.
 *
 * @d  the value, |exp10| <= 2 * METER_DEC_EXP_MAX
 * @buf, @size  where; METER_DEC_MAX is always enough
 * @return  buf
 */
const char *meter_dec_text(const struct meter_dec *d, char *buf, size_t size);

/** The nearest double. */
double meter_dec_num(const struct meter_dec *d);

/**
 * Order two values exactly.
 *
 * @return  negative, 0 or positive as a is below, equal to or above b
 */
int meter_dec_cmp(const struct meter_dec *a, const struct meter_dec *b);

#endif
