/* A writer of JSON text into a buffer: no tree, no allocation a value, decimals as asked, sticky
 * failure.
 *
 * Members come out in the order written, compact. Closing what was never opened, a value without a
 * key in an object, or a full buffer makes jw_failed() true; nothing is printed by halves by who
 * checks it. */
#ifndef CORE_JW_H
#define CORE_JW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

enum { JW_DEPTH = 32 };

/** Octets of the well-formed UTF-8 character at @p; 0 when there is none: overlong, surrogate, cut
 * off at @left octets. Source: RFC 3629, section 4. */
size_t utf8_len(const unsigned char *p, size_t left);

struct jw {
	struct buf *b;
	uint32_t depth;
	bool object[JW_DEPTH], any[JW_DEPTH];
	bool keyed; /* a key was written and waits for its value */
	bool failed;
};

/** Starts writing at the end of @b, which the caller owns. */
void jw_init(struct jw *w, struct buf *b);
/** True when anything failed, or something is still open. */
bool jw_failed(const struct jw *w);

void jw_obj(struct jw *w); /* '{' … jw_end */
void jw_arr(struct jw *w); /* '[' … jw_end */
void jw_end(struct jw *w);
void jw_key(struct jw *w, const char *name);

void jw_str(struct jw *w, const char *s); /* NULL writes null; invalid UTF-8 becomes U+FFFD */
void jw_strn(struct jw *w, const char *s, size_t len);
void jw_int(struct jw *w, int64_t v);
/** @decimals 0…9, rounded half away from zero, trailing zeros cut; not finite writes null. */
void jw_num(struct jw *w, double v, int decimals);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/** Text that is JSON already. */
void jw_raw(struct jw *w, const char *json, size_t len);

/* A key and its value in one. */
void jw_kstr(struct jw *w, const char *key, const char *s);
void jw_kint(struct jw *w, const char *key, int64_t v);
void jw_knum(struct jw *w, const char *key, double v, int decimals);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_knull(struct jw *w, const char *key);
void jw_kobj(struct jw *w, const char *key);
void jw_karr(struct jw *w, const char *key);
/** Three numbers as an array; NaN is null. */
void jw_knum3(struct jw *w, const char *key, const double v[3], int decimals);

#endif
