/* Which strings of a line name a person, by the names of their members. Pure; takes any bytes.
 *
 * A member counts whatever the case of its name and whatever _ or - stands in it, at any depth, and
 * so does all that stands in an object or array under it, but for the words of NOT_PERSONAL. */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAMES_DEPTH = 64, NAMES_KEY = 32 };

struct names {
	const char *at, *end;
	size_t depth;
	uint64_t personal; /* a bit for each open object or array */
	const char *key;   /* of the value that is due; NULL: none */
	size_t key_len;
	bool numbers;
};

/* A string without its quotes, or a number. */
struct names_value {
	const char *at, *key;
	size_t len, key_len;
	bool personal, number;
};

/** @numbers  also give these; else only strings are given. */
void names_begin(struct names *n, const char *line, size_t len, bool numbers);
/** The next value that is no object, array or word; false at the end. */
bool names_next(struct names *n, struct names_value *v);

/** True when @key, as it stands in the line, is the member @name, which is in lower case without _
 * and -. */
bool names_key_is(const char *key, size_t len, const char *name);

/**
 * A string as who reads it understands it, so that however it is written it is the same: escapes
 * replaced, A to Z in lower case.
 *
 * @out  takes @len bytes
 * @return  bytes of @out; at most @len
 */
size_t names_fold(const char *s, size_t len, char *out);

#endif
