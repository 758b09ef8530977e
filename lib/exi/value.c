#include "exi/value.h"

#include <stdio.h>

#define EVERY_80 0x8080808080808080u
#define EVERY_01 0x0101010101010101u

const char *value_bad(enum value_bad bad)
{
	switch (bad) {
	case VALUE_GOOD:
		return "good";
	case VALUE_CUT:
		return "the stream ends inside a value";
	case VALUE_HIT:
		return "string table hit; no string table is kept in this profile";
	case VALUE_RANGE:
		return "value outside the schema's range";
	case VALUE_LENGTH:
		return "value shorter or longer than the schema permits";
	case VALUE_CHAR:
		return "not a Unicode character";
	case VALUE_64:
		return "integer of more than 64 bits";
	}
	return "";
}

void value_expected(const struct exi_simple *s, char *buf, size_t size)
{
	const char *unit = s->kind == EXI_KIND_STR ? "characters" : "octets";

	switch (s->kind) {
	case EXI_KIND_STR:
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		if (s->max_len == UINT32_MAX)
			snprintf(buf, size, "%s", unit);
		else
			snprintf(buf, size, "%u to %u %s", s->min_len, s->max_len, unit);
		break;
	case EXI_KIND_ENUM:
		snprintf(buf, size, "one of %u words", s->nvalues);
		break;
	case EXI_KIND_BOOL:
		snprintf(buf, size, "true or false");
		break;
	default:
		if (s->is_signed)
			snprintf(buf, size, "%lld to %lld", (long long)s->low, (long long)s->high);
		else
			snprintf(buf, size, "%lld to %llu", (long long)s->low,
				 (unsigned long long)s->high);
		break;
	}
}

/* How many of the next characters, at most n and at most 7, are plain ASCII without NUL. All or
 * none. */
static inline unsigned ascii_run(uint64_t window, uint32_t n)
{
	unsigned run = n < 7 ? n : 7;
	uint64_t others = UINT64_MAX >> (8 * run), probe = window | others;

	if (window & EVERY_80 & ~others)
		return 0;
	if ((probe - EVERY_01) & ~probe & EVERY_80)
		return 0;
	return run;
}

static bool is_scalar(uint64_t c)
{
	return c && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

enum value_bad value_skip_text(struct bit_reader *b, uint32_t n)
{
	while (n) {
		unsigned run = ascii_run(bit_window(b), n);
		uint64_t c;

		if (run && bit_take(b, run * 8)) {
			n -= run;
			continue;
		}
		if (!bit_get_uint(b, &c))
			return VALUE_CHAR;
		if (b->over)
			return VALUE_CUT;
		if (!is_scalar(c))
			return VALUE_CHAR;
		n--;
	}
	return VALUE_GOOD;
}

static enum value_bad read_length(struct bit_reader *b, const struct exi_simple *s, uint64_t less,
				  uint32_t *len)
{
	uint64_t n;

	if (!bit_get_uint(b, &n))
		return VALUE_64;
	if (b->over)
		return VALUE_CUT;
	if (n < less)
		return VALUE_HIT;
	n -= less;
	if (n < s->min_len || n > s->max_len)
		return VALUE_LENGTH;
	if (n > (b->end - b->pos) / 8)
		return VALUE_CUT;
	*len = (uint32_t)n;
	return VALUE_GOOD;
}

enum value_bad value_read_text(struct bit_reader *b, const struct exi_simple *s, uint32_t *bit,
			       uint32_t *len)
{
	enum value_bad bad = read_length(b, s, 2, len);

	*bit = b->pos;
	return bad ? bad : value_skip_text(b, *len);
}

enum value_bad value_read_octets(struct bit_reader *b, const struct exi_simple *s, uint32_t *bit,
				 uint32_t *len)
{
	enum value_bad bad = read_length(b, s, 0, len);

	*bit = b->pos;
	if (!bad)
		bit_take(b, *len * 8);
	return bad;
}

enum value_bad value_read(struct bit_reader *b, const struct exi_simple *s, struct exi_value *v)
{
	*v = (struct exi_value){.kind = s->kind, .is_signed = s->is_signed};
	switch (s->kind) {
	case EXI_KIND_BOOL:
		v->u = bit_get(b, 1);
		return VALUE_GOOD;
	case EXI_KIND_ENUM:
		v->u = bit_get(b, s->bits);
		if (v->u >= s->nvalues)
			return VALUE_RANGE;
		v->word = exi_name(exi_values[s->values + v->u]);
		return VALUE_GOOD;
	case EXI_KIND_STR:
		return value_read_text(b, s, &v->bit, &v->len);
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		return value_read_octets(b, s, &v->bit, &v->len);
	default:
		return value_read_int(b, s, &v->u);
	}
}

void value_put_octets(struct bit_writer *w, const uint8_t *octets, size_t len)
{
	uint32_t word;

	for (; len >= 4; len -= 4, octets += 4) {
		memcpy(&word, octets, 4);
		bit_put(w, be32toh(word), 32);
	}
	while (len--)
		bit_put(w, *octets++, 8);
}

enum value_bad value_write_octets(struct bit_writer *w, const struct exi_simple *s,
				  const uint8_t *octets, size_t len)
{
	if (len < s->min_len || len > s->max_len)
		return VALUE_LENGTH;
	bit_put_uint(w, len);
	value_put_octets(w, octets, len);
	return VALUE_GOOD;
}

static bool all_ascii(const char *text, size_t len)
{
	uint64_t word, seen = 0;

	for (; len >= 8; len -= 8, text += 8) {
		memcpy(&word, text, 8);
		seen |= word | (((word - EVERY_01) & ~word));
	}
	while (len--) {
		seen |= (unsigned char)*text & 0x80u;
		seen |= *text ? 0 : 0x80u;
		text++;
	}
	return !(seen & EVERY_80);
}

/* One character of well-formed UTF-8: its octets, or 0. Shortest form only (Unicode 15, table 3-7).
 */
static unsigned utf8_next(const unsigned char *p, size_t left, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned n = p[0] < 0x80         ? 1
		     : (p[0] >> 5) == 6  ? 2
		     : (p[0] >> 4) == 14 ? 3
		     : (p[0] >> 3) == 30 ? 4
					 : 0;

	if (n == 0 || n > left)
		return 0;
	*c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	return *c >= least[n] && is_scalar(*c) ? n : 0;
}

static enum value_bad write_utf8(struct bit_writer *w, const struct exi_simple *s,
				 const unsigned char *p, size_t len)
{
	uint64_t chars = 0;
	uint32_t c;

	for (size_t i = 0; i < len; i++)
		chars += (p[i] & 0xc0) != 0x80;
	if (chars < s->min_len || chars > s->max_len)
		return VALUE_LENGTH;
	bit_put_uint(w, chars + 2);
	while (len) {
		unsigned n = utf8_next(p, len, &c);

		if (!n)
			return VALUE_CHAR;
		bit_put_uint(w, c);
		p += n;
		len -= n;
	}
	return VALUE_GOOD;
}

enum value_bad value_write_text(struct bit_writer *w, const struct exi_simple *s, const char *text,
				size_t len)
{
	if (!all_ascii(text, len))
		return write_utf8(w, s, (const unsigned char *)text, len);
	if (len < s->min_len || len > s->max_len)
		return VALUE_LENGTH;
	bit_put_uint(w, len + 2);
	value_put_octets(w, (const uint8_t *)text, len);
	return VALUE_GOOD;
}

static unsigned put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t exi_fetch_text(const uint8_t *data, size_t size, uint32_t *bit, uint32_t *left, char *buf,
		      size_t bufsize)
{
	struct bit_reader b = {data, (uint32_t)size, *bit, (uint32_t)size * 8, false};
	size_t len = 0;
	uint64_t c;

	while (*left && bufsize - len >= 8) {
		uint64_t window = bit_window(&b);
		unsigned run = ascii_run(window, *left);

		if (run && bit_take(&b, run * 8)) {
			window = htobe64(window);
			memcpy(buf + len, &window, 8);
			len += run;
			*left -= run;
		} else {
			if (!bit_get_uint(&b, &c) || !is_scalar(c))
				break;
			len += put_utf8((uint32_t)c, buf + len);
			*left -= 1;
		}
	}
	*bit = b.pos;
	return len;
}

void exi_fetch_octets(const uint8_t *data, size_t size, uint32_t bit, uint32_t len, uint8_t *buf)
{
	struct bit_reader b = {data, (uint32_t)size, bit, (uint32_t)size * 8, false};

	for (; len >= 7; len -= 7, buf += 7) {
		uint64_t v = htobe64(bit_get(&b, 56) << 8);

		memcpy(buf, &v, 7);
	}
	while (len--)
		*buf++ = (uint8_t)bit_get(&b, 8);
}
