#include "exi/lines.h"

#include "core/jw.h"
#include "exi/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OCTETS_MAX = 1 << 15, TEXT_MAX = 4 << 20 };

/* A line being answered. */
struct line {
	jv in;
	struct jw w;
	struct buf *out;
	const char *const *replaced; /* members of the input that the answer doesn't repeat */
	int schema, flags;
	uint8_t octets[OCTETS_MAX];
	size_t size;
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

ssize_t exi_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; hex[0]; hex += 2) {
		int high = hex_digit(hex[0]), low = high < 0 ? -1 : hex_digit(hex[1]);

		if (low < 0 || n == max)
			return -1;
		out[n++] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)n;
}

ssize_t exi_v2gtp(const uint8_t *frame, size_t size, uint16_t *payload_type)
{
	size_t len;

	if (size < 8 || frame[0] != 0x01 || frame[1] != 0xfe)
		return -1;
	len = (size_t)frame[4] << 24 | (size_t)frame[5] << 16 | (size_t)frame[6] << 8 | frame[7];
	*payload_type = (uint16_t)(frame[2] << 8 | frame[3]);
	return len == size - 8 ? (ssize_t)len : -1;
}

static int complain(struct exi_err *err, const char *what)
{
	*err = (struct exi_err){0};
	snprintf(err->what, sizeof err->what, "%.200s", what);
	return -1;
}

static int repeat_member(void *ctx, const char *key, jv value)
{
	struct line *l = ctx;

	for (const char *const *r = l->replaced; *r; r++) {
		if (strcmp(key, *r) == 0)
			return 0;
	}
	jw_key(&l->w, key);
	jw_raw(&l->w, "", 0);
	return json_print(value, l->out);
}

/* Begins the answer: the input's own members. */
static void begin_answer(struct line *l)
{
	jw_init(&l->w, l->out);
	jw_obj(&l->w);
	if (json_is(l->in, JV_KIND_OBJECT))
		json_each(l->in, repeat_member, l);
}

static int answer_error(struct line *l, const struct exi_err *err)
{
	jw_kobj(&l->w, "error");
	jw_kstr(&l->w, "what", err->what);
	if (err->bit)
		jw_kint(&l->w, "bit", err->bit);
	if (err->expected[0])
		jw_kstr(&l->w, "expected", err->expected);
	jw_end(&l->w);
	jw_end(&l->w);
	return -1;
}

/* The member payload_type, as "0x8004" or a number; 0 = absent or none. */
static uint16_t payload_type(jv in)
{
	const char *text = json_str(json_get(in, "payload_type"));
	int64_t number = 0;
	char *end;

	if (!text)
		return json_int(json_get(in, "payload_type"), 0, UINT16_MAX, &number)
			   ? (uint16_t)number
			   : 0;
	number = strtol(text, &end, 0);
	return *end || number < 0 || number > UINT16_MAX ? 0 : (uint16_t)number;
}

/* Schema by name, where the line gives one; 0 where it doesn't. */
static int named_schema(struct line *l, struct exi_err *err)
{
	const char *name = json_str(json_get(l->in, "schema")),
		   *kind = json_str(json_get(l->in, "kind"));

	l->schema = -1;
	if (!name)
		return 0;
	l->schema = exi_schema_find(name);
	if (l->schema < 0)
		return complain(err, "unknown schema; 'evse-exi list' names them");
	if (l->schema == EXI_XMLDSIG || (kind && strcmp(kind, "fragment") == 0))
		l->flags = EXI_FRAGMENT;
	return 1;
}

/* Finds the octets and the schema of a line to decode. */
static int find_stream(struct line *l, struct exi_err *err)
{
	const char *exi = json_str(json_get(l->in, "exi")),
		   *frame = json_str(json_get(l->in, "v2gtp"));
	uint16_t type = payload_type(l->in);
	int named = named_schema(l, err);
	ssize_t n;

	if (named < 0)
		return -1;
	if (!exi && !frame)
		return complain(err, "neither exi nor v2gtp, as hex");
	n = exi_hex(exi ? exi : frame, l->octets, sizeof l->octets);
	if (n < 0)
		return complain(err,
				exi ? "exi: not hex, or too long" : "v2gtp: not hex, or too long");
	if (!exi) {
		n = exi_v2gtp(l->octets, (size_t)n, &type);
		if (n < 0)
			return complain(err, "v2gtp: header wrong, or not the length it says");
		memmove(l->octets, l->octets + 8, (size_t)n);
	}
	l->size = (size_t)n;
	if (named)
		return 0;
	if (!type)
		return complain(err, "neither schema, payload_type nor v2gtp");
	l->schema = exi_schema_guess(type, l->octets, l->size, err);
	return l->schema < 0 ? -1 : 0;
}

static int decode(struct line *l, struct exi_err *err)
{
	const char *message = "";
	char *text = malloc(TEXT_MAX);
	ssize_t n;

	if (!text)
		return complain(err, "out of memory");
	n = find_stream(l, err);
	if (n == 0)
		n = exi_to_json(l->schema, l->flags, l->octets, l->size, text, TEXT_MAX, &message,
				err);
	if (n >= 0) {
		if (json_absent(json_get(l->in, "schema")))
			jw_kstr(&l->w, "schema", exi_schema_name(l->schema));
		jw_kstr(&l->w, "message", message);
		jw_key(&l->w, "json");
		jw_raw(&l->w, text, (size_t)n);
	}
	free(text);
	return n < 0 ? -1 : 0;
}

/* The schema of a message to encode. */
static int find_schema(struct line *l, const char *message, struct exi_err *err)
{
	uint16_t type = payload_type(l->in);
	int named = named_schema(l, err);

	if (named)
		return named < 0 ? -1 : 0;
	for (int i = 0; type && message && i < EXI_SCHEMAS; i++) {
		if (exi_schema_payload(i) == type && exi_message_find(i, message) >= 0) {
			if (l->schema >= 0)
				return complain(err, "message of several schemas: give schema");
			l->schema = i;
		}
	}
	return l->schema >= 0
		   ? 0
		   : complain(err, "no schema, nor payload_type and message that tell it");
}

static int encode(struct line *l, struct exi_err *err)
{
	static const char digits[] = "0123456789abcdef";
	const char *want = json_str(json_get(l->in, "message")), *message;
	char hex[2 * OCTETS_MAX + 1];
	ssize_t n;

	if (find_schema(l, want, err) < 0)
		return -1;
	n = exi_from_json(l->schema, l->flags, json_get(l->in, "json"), l->octets, sizeof l->octets,
			  &message, err);
	if (n < 0)
		return -1;
	if (want && strcmp(want, message) != 0)
		return complain(err, "json holds another message than message says");
	for (ssize_t i = 0; i < n; i++) {
		hex[2 * i] = digits[l->octets[i] >> 4];
		hex[2 * i + 1] = digits[l->octets[i] & 15];
	}
	hex[2 * n] = '\0';
	if (!want)
		jw_kstr(&l->w, "message", message);
	jw_kstr(&l->w, "exi", hex);
	return 0;
}

/* The integer at p that a double can't hold: its length, or 0. */
static size_t large_integer(const char *p)
{
	static const char exact[] = "9007199254740992"; /* 2^53 */
	const char *digits = p + (*p == '-');
	size_t n = strspn(digits, "0123456789");

	if (n < sizeof exact - 1 || strchr(".eE", digits[n] ? digits[n] : 'x'))
		return 0;
	if (n == sizeof exact - 1 && strncmp(digits, exact, n) <= 0)
		return 0;
	return (size_t)(digits - p) + n;
}

/* Copies a line with such integers in quotes, since the parser would round them. */
static void keep_integers(const char *line, struct buf *out)
{
	bool quoted = false;
	size_t n;

	for (const char *p = line; *p; p++) {
		n = quoted || (p > line && strchr("0123456789.-+eE", p[-1])) ? 0 : large_integer(p);
		if (n) {
			buf_addc(out, '"');
			buf_add(out, p, n);
			buf_addc(out, '"');
			p += n - 1;
			continue;
		}
		if (quoted && *p == '\\' && p[1])
			buf_addc(out, *p++);
		else if (*p == '"')
			quoted = !quoted;
		buf_addc(out, *p);
	}
}

static int parse_line(const char *line, size_t len, jv *v, struct err *bad)
{
	struct buf kept;
	int r;

	if (strlen(line) != len) {
		*v = jv_invalid();
		return err_set(bad, "not JSON: it holds a NUL");
	}
	buf_init(&kept, 2 * len + 3);
	keep_integers(line, &kept);
	r = buf_failed(&kept) ? err_set(bad, "out of memory")
			      : json_parse(buf_str(&kept), kept.len, v, bad);
	buf_release(&kept);
	return r;
}

static int answer(const char *line, size_t len, struct buf *out, const char *const *replaced,
		  int (*work)(struct line *, struct exi_err *))
{
	struct line l = {.out = out, .replaced = replaced, .schema = -1};
	struct exi_err err;
	struct err bad;
	int r = 0;

	if (parse_line(line, len, &l.in, &bad) < 0) {
		begin_answer(&l);
		complain(&err, bad.msg);
		return answer_error(&l, &err);
	}
	begin_answer(&l);
	if (!json_is(l.in, JV_KIND_OBJECT)) {
		complain(&err, "not a JSON object");
		r = answer_error(&l, &err);
	} else if (work(&l, &err) < 0) {
		r = answer_error(&l, &err);
	} else {
		jw_end(&l.w);
	}
	json_free(l.in);
	return r;
}

int exi_line_decode(const char *line, size_t len, struct buf *out)
{
	static const char *const replaced[] = {"message", "json", "error", NULL};

	return answer(line, len, out, replaced, decode);
}

int exi_line_encode(const char *line, size_t len, struct buf *out)
{
	static const char *const replaced[] = {"exi", "error", NULL};

	return answer(line, len, out, replaced, encode);
}
