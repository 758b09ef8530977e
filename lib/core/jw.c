#include "core/jw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void jw_init(struct jw *w, struct buf *b)
{
	*w = (struct jw){.b = b};
}

bool jw_failed(const struct jw *w)
{
	return w->failed || w->depth || w->keyed || buf_failed(w->b);
}

/* Every value passes here: the comma before it, and whether it may stand here. */
static bool value(struct jw *w)
{
	uint32_t d = w->depth;

	if (w->failed)
		return false;
	if (!d)
		return true;
	if (w->object[d - 1] != w->keyed) {
		w->failed = true;
		return false;
	}
	if (!w->keyed && w->any[d - 1])
		buf_addc(w->b, ',');
	w->any[d - 1] = true;
	w->keyed = false;
	return true;
}

static void open(struct jw *w, bool object)
{
	if (!value(w))
		return;
	if (w->depth == JW_DEPTH) {
		w->failed = true;
		return;
	}
	w->object[w->depth] = object;
	w->any[w->depth++] = false;
	buf_addc(w->b, object ? '{' : '[');
}

void jw_obj(struct jw *w)
{
	open(w, true);
}

void jw_arr(struct jw *w)
{
	open(w, false);
}

void jw_end(struct jw *w)
{
	if (w->failed || !w->depth || w->keyed) {
		w->failed = true;
		return;
	}
	buf_addc(w->b, w->object[--w->depth] ? '}' : ']');
}

size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
		return 0;
	if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
		return 0;
	return n;
}

static void escaped(struct buf *b, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s;
	size_t plain = 0, i = 0, n;

	buf_addc(b, '"');
	while (i < len) {
		unsigned char c = p[i];

		n = utf8_len(p + i, len - i);
		if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			i += n;
			continue;
		}
		buf_add(b, s + plain, i - plain);
		if (!n)
			buf_adds(b, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_add(b, (char[]){'\\', (char)c}, 2);
		else if (c == '\n')
			buf_adds(b, "\\n");
		else
			buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
		plain = ++i;
	}
	buf_add(b, s + plain, len - plain);
	buf_addc(b, '"');
}

void jw_key(struct jw *w, const char *name)
{
	uint32_t d = w->depth;

	if (w->failed || !d || !w->object[d - 1] || w->keyed) {
		w->failed = true;
		return;
	}
	if (w->any[d - 1])
		buf_addc(w->b, ',');
	escaped(w->b, name, strlen(name));
	buf_addc(w->b, ':');
	w->keyed = true;
}

void jw_raw(struct jw *w, const char *json, size_t len)
{
	if (value(w))
		buf_add(w->b, json, len);
}

void jw_strn(struct jw *w, const char *s, size_t len)
{
	if (value(w))
		escaped(w->b, s, len);
}

void jw_str(struct jw *w, const char *s)
{
	if (s)
		jw_strn(w, s, strlen(s));
	else
		jw_null(w);
}

void jw_int(struct jw *w, int64_t v)
{
	char text[24];

	jw_raw(w, text, (size_t)snprintf(text, sizeof text, "%" PRId64, v));
}

/* Within ±2^53 of the last decimal the value is an integer there: exact, fast and without
 * exponents. */
void jw_num(struct jw *w, double v, int decimals)
{
	static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
	char text[32];
	double scaled;
	int64_t i, p;
	int len;

	if (decimals < 0 || decimals > 9) {
		w->failed = true;
		return;
	}
	scaled = v * scale[decimals];
	if (!isfinite(v) || fabs(scaled) > 9007199254740992.0) {
		len = isfinite(v) ? snprintf(text, sizeof text, "%.17g", v)
				  : snprintf(text, sizeof text, "null");
		jw_raw(w, text, (size_t)len);
		return;
	}
	i = llround(scaled);
	p = llround(scale[decimals]);
	if (decimals == 0 || i % p == 0) {
		jw_int(w, i / p);
		return;
	}
	len = snprintf(text, sizeof text, "%s%" PRId64 ".%0*" PRId64, i < 0 ? "-" : "",
		       i < 0 ? -i / p : i / p, decimals, i < 0 ? -i % p : i % p);
	while (text[len - 1] == '0')
		len--;
	jw_raw(w, text, (size_t)len);
}

void jw_bool(struct jw *w, bool v)
{
	jw_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void jw_null(struct jw *w)
{
	jw_raw(w, "null", 4);
}

void jw_kstr(struct jw *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void jw_kint(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_int(w, v);
}

void jw_knum(struct jw *w, const char *key, double v, int decimals)
{
	jw_key(w, key);
	jw_num(w, v, decimals);
}

void jw_kbool(struct jw *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void jw_knull(struct jw *w, const char *key)
{
	jw_key(w, key);
	jw_null(w);
}

void jw_kobj(struct jw *w, const char *key)
{
	jw_key(w, key);
	jw_obj(w);
}

void jw_karr(struct jw *w, const char *key)
{
	jw_key(w, key);
	jw_arr(w);
}

void jw_knum3(struct jw *w, const char *key, const double v[3], int decimals)
{
	jw_karr(w, key);
	for (int i = 0; i < 3; i++)
		jw_num(w, v[i], decimals);
	jw_end(w);
}
