/* Numbers and instants as integers, and back to the very bytes. Pure.
 *
 * A column of a block holds values of one form; a value of another form stands beside it as text.
 */
#ifndef STORE_NUMBER_H
#define STORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_form {
	NUMBER_FIXED, /* decimals with exactly `places` digits behind the point */
	NUMBER_SHORT, /* trailing zeros gone, but at least `least` digits behind the point */
	NUMBER_TIME,  /* "2026-11-22T10:00:00.123Z" as milliseconds since 1970 */
};

enum { NUMBER_PLACES_MAX = 9, NUMBER_TEXT_MAX = 32 };

struct number_style {
	enum number_form form;
	uint8_t places, least;
	bool quoted; /* stands between quotes */
};

/**
 * Reads a decimal as JSON writes it, without exponent, at most 15 digits, not a negative zero.
 *
 * @digits   the number without its point
 * @places   how many of its digits stand behind the point
 * @return   false when it is none
 */
bool number_decimal(const char *s, size_t len, int64_t *digits, unsigned *places);

/** Reads an instant of exactly UTC_LEN bytes. @return false when it is none. */
bool number_time(const char *s, size_t len, int64_t *ms);

/** The value as an integer of the column's style. @return false when writing it again would give
 * other bytes. */
bool number_read(const struct number_style *st, const char *s, size_t len, int64_t *value);

/** Writes @value in @st. @return the length, at most NUMBER_TEXT_MAX. */
size_t number_write(const struct number_style *st, int64_t value, char out[NUMBER_TEXT_MAX]);

#endif
