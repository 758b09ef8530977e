#include "core/json.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/jw.h"
#include "core/utc.h"

/* libjq's message repeats the whole input behind "(while parsing '": that part is cut. */
static void explain(jv failed, struct err *err)
{
	jv msg = jv_invalid_get_msg(failed);
	const char *text = jv_get_kind(msg) == JV_KIND_STRING ? jv_string_value(msg) : "cut short";
	const char *tail = strstr(text, " (while parsing");

	err_set(err, "not JSON: %.*s", tail ? (int)(tail - text) : 120, text);
	jv_free(msg);
}

/* libjq 1.6 loses a string that follows a value without ',' or ':' between them: memory that
 * anybody who may send us lines could take away piece by piece. Such text is refused before. */
static int check_strings(const char *text, size_t len, struct err *err)
{
	static const char openers[] = {'[', '{', ',', ':'}, blanks[] = {' ', '\t', '\r', '\n'};
	char before = ',';

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '"' && !memchr(openers, before, sizeof openers))
			return err_set(err,
				       "not JSON: string at byte %zu without ',' or ':' before it",
				       i + 1);
		if (c == '"')
			for (i++; i < len && text[i] != '"'; i++)
				i += text[i] == '\\';
		if (!memchr(blanks, c, sizeof blanks))
			before = c;
	}
	return 0;
}

/* libjq would put U+FFFD in silence where the bytes that are passed on and signed have others. */
static int check_utf8(const char *text, size_t len, struct err *err)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0, n; i < len; i += n) {
		n = p[i] < 0x80 ? 1 : utf8_len(p + i, len - i);
		if (!p[i]) /* legal nowhere, but libjq lets it pass in a string */
			return err_set(err, "not JSON: NUL at byte %zu", i + 1);
		if (!n)
			return err_set(err, "not JSON: not UTF-8 at byte %zu", i + 1);
	}
	return 0;
}

int json_parse(const char *text, size_t len, jv *v, struct err *err)
{
	size_t lead = 0;

	*v = jv_invalid();
	while (lead < len && strchr(" \t\r\n", text[lead]))
		lead++;
	if (lead == len)
		return err_set(err, "not JSON: empty");
	if (len > 1 << 28)
		return err_set(err, "not JSON: too long");
	if (check_utf8(text, len, err) < 0 || check_strings(text, len, err) < 0)
		return -1;
	*v = jv_parse_sized(text, (int)len);
	if (jv_is_valid(*v))
		return 0;
	explain(*v, err);
	*v = jv_invalid();
	return -1;
}

void json_free(jv v)
{
	jv_free(v);
}

int json_load(const char *path, size_t max, jv *v, struct err *err)
{
	struct buf b;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;

	*v = jv_invalid();
	if (fd < 0)
		return err_sys(err, "unable to open %s", path);
	buf_init(&b, max);
	if (buf_read_all(&b, fd) < 0)
		err_sys(err, "unable to read %s (at most %zu bytes)", path, max);
	else if (json_parse(buf_str(&b), b.len, v, err) < 0)
		err_prefix(err, "%s", path);
	else
		rc = 0;
	buf_release(&b);
	close(fd);
	return rc;
}

/* The container keeps its own reference, so the value outlives the one given back here. */
jv json_get(jv obj, const char *name)
{
	jv v;

	if (jv_get_kind(obj) != JV_KIND_OBJECT)
		return jv_invalid();
	v = jv_object_get(jv_copy(obj), jv_string(name));
	jv_free(v);
	return jv_is_valid(v) ? v : jv_invalid();
}

jv json_at(jv arr, int i)
{
	jv v;

	if (jv_get_kind(arr) != JV_KIND_ARRAY || i < 0 || i >= jv_array_length(jv_copy(arr)))
		return jv_invalid();
	v = jv_array_get(jv_copy(arr), i);
	jv_free(v);
	return v;
}

int json_len(jv v)
{
	if (jv_get_kind(v) == JV_KIND_ARRAY)
		return jv_array_length(jv_copy(v));
	if (jv_get_kind(v) == JV_KIND_OBJECT)
		return jv_object_length(jv_copy(v));
	return 0;
}

const char *json_str(jv v)
{
	const char *s = jv_get_kind(v) == JV_KIND_STRING ? jv_string_value(v) : NULL;

	/* Cut short at its NUL it would be another text. */
	return s && strlen(s) == (size_t)jv_string_length_bytes(jv_copy(v)) ? s : NULL;
}

bool json_num(jv v, double min, double max, double *out)
{
	double d;

	if (jv_get_kind(v) != JV_KIND_NUMBER)
		return false;
	d = jv_number_value(v);
	if (!isfinite(d) || d < min || d > max)
		return false;
	*out = d;
	return true;
}

bool json_int(jv v, int64_t min, int64_t max, int64_t *out)
{
	double d;

	if (!json_num(v, -9007199254740991.0, 9007199254740991.0, &d) || d != floor(d))
		return false;
	if ((int64_t)d < min || (int64_t)d > max)
		return false;
	*out = (int64_t)d;
	return true;
}

bool json_bool(jv v, bool fallback)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_TRUE:
		return true;
	case JV_KIND_FALSE:
		return false;
	case JV_KIND_INVALID:
	case JV_KIND_NULL:
	case JV_KIND_NUMBER:
	case JV_KIND_STRING:
	case JV_KIND_ARRAY:
	case JV_KIND_OBJECT:
		break;
	}
	return fallback;
}

static bool missing(jv v)
{
	return json_absent(v) || json_is(v, JV_KIND_NULL);
}

int json_want_num(jv obj, const char *name, double min, double max, double *out, struct err *err)
{
	jv v = json_get(obj, name);

	if (missing(v))
		return 0;
	if (json_num(v, min, max, out))
		return 1;
	return err_set(err, "%s: expected a number from %.10g to %.10g", name, min, max);
}

int json_want_int(jv obj, const char *name, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	jv v = json_get(obj, name);

	if (missing(v))
		return 0;
	if (json_int(v, min, max, out))
		return 1;
	return err_set(err, "%s: expected a whole number from %lld to %lld", name, (long long)min,
		       (long long)max);
}

int json_want_bool(jv obj, const char *name, bool *out, struct err *err)
{
	jv v = json_get(obj, name);

	if (missing(v))
		return 0;
	if (!json_is(v, JV_KIND_TRUE) && !json_is(v, JV_KIND_FALSE))
		return err_set(err, "%s: expected true or false", name);
	*out = json_is(v, JV_KIND_TRUE);
	return 1;
}

int json_want_str(jv obj, const char *name, size_t max_len, const char **out, struct err *err)
{
	jv v = json_get(obj, name);
	const char *s = json_str(v);

	if (missing(v))
		return 0;
	if (!s || strlen(s) > max_len)
		return err_set(err, "%s: expected a string of at most %zu bytes, none of them NUL",
			       name, max_len);
	*out = s;
	return 1;
}

int json_want_time(jv obj, const char *name, int64_t *real_us, struct err *err)
{
	const char *s = NULL;
	int rc = json_want_str(obj, name, 64, &s, err);

	if (rc == 0 || (rc > 0 && utc_parse(s, strlen(s), real_us) == 0))
		return rc;
	return err_set(err, "%s: expected a time like \"2026-11-22T10:00:00.000Z\"", name);
}

int json_each(jv obj, int (*fn)(void *ctx, const char *key, jv value), void *ctx)
{
	int rc = 0;

	if (jv_get_kind(obj) != JV_KIND_OBJECT)
		return 0;
	for (int i = jv_object_iter(obj); rc == 0 && jv_object_iter_valid(obj, i);
	     i = jv_object_iter_next(obj, i)) {
		jv key = jv_object_iter_key(obj, i), value = jv_object_iter_value(obj, i);

		rc = fn(ctx, jv_string_value(key), value);
		jv_free(key);
		jv_free(value);
	}
	return rc;
}

int json_print(jv v, struct buf *b)
{
	jv text = jv_dump_string(jv_copy(v), 0);
	int rc = buf_add(b, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));

	jv_free(text);
	return rc;
}
