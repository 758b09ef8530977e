/* Streams to JSON: a visitor that appends text to one buffer. */
#include "exi/json.h"
#include "exi/bits.h"
#include "exi/tables.h"

#include <stdio.h>

#define EXACT_MAX (UINT64_C(1) << 53)

struct text {
	const uint8_t *data;
	size_t size;
	char *out;
	size_t outsize, len;
	bool full;
};

static char *room(struct text *t, size_t n)
{
	char *at = t->out + t->len;

	if (t->outsize - t->len <= n) {
		t->full = true;
		return NULL;
	}
	t->len += n;
	return at;
}

static void put(struct text *t, const char *s, size_t n)
{
	char *at = room(t, n);

	if (at)
		memcpy(at, s, n);
}

static void put_char(struct text *t, char c)
{
	char *at = room(t, 1);

	if (at)
		*at = c;
}

/* The comma before a member or item, and the member's name. */
static void lead(struct text *t, const char *name)
{
	char last = t->len ? t->out[t->len - 1] : '{';

	if (last != '{' && last != '[')
		put_char(t, ',');
	if (!name)
		return;
	put_char(t, '"');
	put(t, name, exi_name_len((uint16_t)(name - 1 - exi_names)));
	put(t, "\":", 2);
}

static void put_number(struct text *t, const struct exi_value *v)
{
	char digits[24], *end = digits + sizeof digits, *p = end;
	bool negative = v->is_signed && v->i < 0;
	uint64_t u = negative ? -v->u : v->u;
	bool quoted = u > EXACT_MAX;

	if (quoted)
		*--p = '"';
	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (negative)
		*--p = '-';
	if (quoted)
		*--p = '"';
	put(t, p, (size_t)(end - p));
}

static void put_escaped(struct text *t, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(t, s + from, i - from);
		from = i + 1;
		if (c >= 0x20) {
			put(t, (const char[]){'\\', (char)c}, 2);
		} else {
			put(t, "\\u00", 4);
			put(t, (const char[]){hex[c >> 4], hex[c & 15]}, 2);
		}
	}
	put(t, s + from, n - from);
}

static void put_text(struct text *t, const struct exi_value *v)
{
	uint32_t bit = v->bit, left = v->len;
	char part[256];

	put_char(t, '"');
	while (left && !t->full) {
		size_t n = exi_fetch_text(t->data, t->size, &bit, &left, part, sizeof part);

		put_escaped(t, part, n);
	}
	put_char(t, '"');
}

static void put_hex(struct text *t, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	char *at = room(t, 2 * n);

	for (size_t i = 0; at && i < n; i++) {
		at[2 * i] = digits[p[i] >> 4];
		at[2 * i + 1] = digits[p[i] & 15];
	}
}

/* Source: RFC 4648, section 4. */
static void put_base64(struct text *t, const uint8_t *p, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = room(t, (n + 2) / 3 * 4);

	for (; at && n; at += 4) {
		uint32_t v =
		    (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		at[0] = digits[v >> 18];
		at[1] = digits[v >> 12 & 63];
		at[2] = n > 1 ? digits[v >> 6 & 63] : '=';
		at[3] = n > 2 ? digits[v & 63] : '=';
		p += n > 2 ? 3 : n;
		n -= n > 2 ? 3 : n;
	}
}

/* Parts of a multiple of three octets, so that base64 goes on without padding. */
static void put_octets(struct text *t, const struct exi_value *v)
{
	uint8_t part[192];
	uint32_t bit = v->bit, left = v->len;

	put_char(t, '"');
	while (left && !t->full) {
		uint32_t n = left < sizeof part ? left : (uint32_t)sizeof part;

		exi_fetch_octets(t->data, t->size, bit, n, part);
		if (v->kind == EXI_KIND_HEX)
			put_hex(t, part, n);
		else
			put_base64(t, part, n);
		bit += n * 8;
		left -= n;
	}
	put_char(t, '"');
}

static void on_value(void *ctx, const char *name, const struct exi_value *v)
{
	struct text *t = ctx;

	lead(t, name);
	switch (v->kind) {
	case EXI_KIND_BOOL:
		put(t, v->u ? "true" : "false", v->u ? 4 : 5);
		break;
	case EXI_KIND_ENUM:
		put_char(t, '"');
		put(t, v->word, strlen(v->word));
		put_char(t, '"');
		break;
	case EXI_KIND_STR:
		put_text(t, v);
		break;
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		put_octets(t, v);
		break;
	default:
		put_number(t, v);
		break;
	}
}

static void on_open(void *ctx, const char *name)
{
	lead(ctx, name);
	put_char(ctx, '{');
}

static void on_close(void *ctx)
{
	put_char(ctx, '}');
}

static void on_open_list(void *ctx, const char *name)
{
	lead(ctx, name);
	put_char(ctx, '[');
}

static void on_close_list(void *ctx)
{
	put_char(ctx, ']');
}

static void on_restart(void *ctx)
{
	struct text *t = ctx;

	t->len = 1;
}

ssize_t exi_to_json(int schema, int flags, const uint8_t *data, size_t size, char *out,
		    size_t outsize, const char **message, struct exi_err *err)
{
	static const struct exi_visitor visitor = {
	    .open = on_open,
	    .close = on_close,
	    .open_list = on_open_list,
	    .close_list = on_close_list,
	    .value = on_value,
	    .restart = on_restart,
	};
	struct text t = {data, size, out, outsize, 0, false};

	put_char(&t, '{');
	if (exi_walk(schema, flags, data, size, &visitor, &t, message, err) < 0)
		return -1;
	put_char(&t, '}');
	if (t.full) {
		*err = (struct exi_err){.what = "JSON text too long"};
		return -1;
	}
	out[t.len] = '\0';
	return (ssize_t)t.len;
}
