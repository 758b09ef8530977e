/* A record, parsed whole: its head and its members. See evse-records(7). */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/err.h"
#include "core/head.h"
#include "core/json.h"

struct record {
	const char *line; /* borrowed, len bytes, without the newline */
	size_t len;
	struct head head;
	int64_t t_us; /* head.t as UTC microseconds */
	jv body;      /* the whole object, head included */
};

/**
 * Parses one line.
 *
 * A head that the full parse contradicts (a repeated key hides another value), a head member that
 * stands further behind, and a time that is none are refused.
 * @r       borrows @line; release with record_release()
 * @return  0, or -1 with @err
 */
int record_parse(const char *line, size_t len, struct record *r, struct err *err);
void record_release(struct record *r);

/** The strings of the head as C strings, from the parsed object; "" when absent. */
const char *record_type_name(const struct record *r);
const char *record_src(const struct record *r);
const char *record_n(const struct record *r);
const char *record_to(const struct record *r);

static inline bool record_is(const struct record *r, const char *type)
{
	return slice_is(r->head.type, type);
}

/** A member of the body; absent when there is none. Borrowed. */
static inline jv record_get(const struct record *r, const char *name)
{
	return json_get(r->body, name);
}

/** True when the state is withdrawn ("gone":true). */
bool record_gone(const struct record *r);

#endif
