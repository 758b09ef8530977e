/* Reading JSON: libjq's parser behind accessors that never abort and never consume.
 *
 * This is the only header that shows jv.h. A `jv` here is *borrowed*: it lives as long as the value
 * that json_parse() gave, which its owner frees with json_free(). An absent member is invalid
 * (json_absent()). */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/**
 * Parses one JSON text, at most 256 levels deep.
 *
 * @v       the value, to be freed with json_free(); invalid on failure
 * @return  0, or -1 with @err ("not JSON: …" without repeating the input)
 */
int json_parse(const char *text, size_t len, jv *v, struct err *err);
void json_free(jv v);

/** Reads and parses a whole file of at most @max bytes. @return 0 or -1 with @err naming the file
 * and line. */
int json_load(const char *path, size_t max, jv *v, struct err *err);

static inline bool json_absent(jv v)
{
	return jv_get_kind(v) == JV_KIND_INVALID;
}
static inline bool json_is(jv v, jv_kind kind)
{
	return jv_get_kind(v) == kind;
}

/** A member of an object; absent when there is none or @obj is no object. */
jv json_get(jv obj, const char *name);
/** An element of an array; absent outside. */
jv json_at(jv arr, int i);
/** Elements of an array or members of an object; 0 for anything else. */
int json_len(jv v);

/** The string's bytes (NUL-terminated), NULL when @v is no string or has a NUL (\u0000) inside. */
const char *json_str(jv v);
/** True and @out set when @v is a finite number from @min to @max. */
bool json_num(jv v, double min, double max, double *out);
/** As json_num for whole numbers. */
bool json_int(jv v, int64_t min, int64_t max, int64_t *out);
/** @v's truth, @fallback when it is no boolean. */
bool json_bool(jv v, bool fallback);

/* Members with an explanation. Each returns 1 when present and right (@out set), 0 when absent (or
 * null), -1 when wrong, with @err "name: expected …". */
int json_want_num(jv obj, const char *name, double min, double max, double *out, struct err *err);
int json_want_int(jv obj, const char *name, int64_t min, int64_t max, int64_t *out,
		  struct err *err);
int json_want_bool(jv obj, const char *name, bool *out, struct err *err);
/** @out borrowed; at most @max_len bytes. */
int json_want_str(jv obj, const char *name, size_t max_len, const char **out, struct err *err);
/** A UTC time as in utc_parse(). */
int json_want_time(jv obj, const char *name, int64_t *real_us, struct err *err);

/** Calls @fn for each member in the order of the text; stops when it returns other than 0, and
 * returns that. */
int json_each(jv obj, int (*fn)(void *ctx, const char *key, jv value), void *ctx);

/** Prints @v compactly onto @b. @return 0, or -1 when the buffer is full. */
struct buf;
int json_print(jv v, struct buf *b);

#endif
