#include "store/names.h"

#include <string.h>

/* Whose values name a person, or a thing of a person. */
static const char *const personal[] = {
    "token",
    "idhash",
    "idtoken",
    "idtag",
    "parentidtag",
    "group",
    "groupid",
    "groupidtoken",
    "additionalidtoken",
    "additionalinfo",
    "evccid",
    "vin",
    "emaid",
    "contractid",
    "customer",
    "customerid",
    "driver",
    "holder",
    "user",
    "username",
    "email",
    "phone",
    "plate",
    "licenseplate",
    "licenceplate",
    "customeridentifier",
};

/* What stands in such an object and says only of what kind it is. */
static const char *const not_personal[] = {"kind", "type", "status", "verdict", "language"};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(const char *key, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++) {
		if (lower(key[i]) == *name)
			name++;
		else if (key[i] != '_' && key[i] != '-')
			return false;
	}
	return !*name;
}

bool names_key_is(const char *key, size_t len, const char *name)
{
	char plain[NAMES_KEY];

	if (!key)
		return false;
	if (!memchr(key, '\\', len))
		return same(key, len, name);
	return len <= sizeof(plain) && same(plain, names_fold(key, len, plain), name);
}

/* Most members of a meter's line are told apart by two letters. */
static bool in_list(const char *const *list, size_t count, const char *key, size_t len)
{
	char plain[NAMES_KEY];

	if (memchr(key, '\\', len)) {
		if (len > sizeof(plain))
			return false;
		len = names_fold(key, len, plain);
		key = plain;
	}
	for (size_t i = 0; i < count; i++)
		if (same(key, len, list[i]))
			return true;
	return false;
}

#define IN(list, key, len) in_list(list, sizeof(list) / sizeof(*(list)), key, len)

void names_begin(struct names *n, const char *line, size_t len, bool numbers)
{
	*n = (struct names){.at = line, .end = line + len, .numbers = numbers};
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The string that begins at n->at, without its quotes; NULL when the line ends within it. */
static const char *string(struct names *n, size_t *len)
{
	const char *s = ++n->at;

	while (n->at < n->end && *n->at != '"')
		n->at += *n->at == '\\' ? 2 : 1;
	if (n->at >= n->end) {
		n->at = n->end;
		return NULL;
	}
	*len = (size_t)(n->at++ - s);
	return s;
}

static bool inside(const struct names *n)
{
	return n->depth &&
	       (n->personal >> (n->depth < NAMES_DEPTH ? n->depth : NAMES_DEPTH - 1) & 1);
}

static bool names_person(const struct names *n)
{
	if (inside(n))
		return !n->key || !IN(not_personal, n->key, n->key_len);
	return n->key && IN(personal, n->key, n->key_len);
}

static void open_level(struct names *n)
{
	uint64_t bit;
	bool person = names_person(n);

	if (++n->depth < NAMES_DEPTH) {
		bit = (uint64_t)1 << n->depth;
		n->personal = person ? n->personal | bit : n->personal & ~bit;
	}
	n->key = NULL;
}

static bool give(struct names *n, struct names_value *v, const char *at, size_t len, bool number)
{
	*v = (struct names_value){at, n->key, len, n->key_len, names_person(n), number};
	if (n->depth == 0 || n->key)
		n->key = NULL;
	return true;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The e of true and false too: no harm is done there. */
static bool number_byte(char c)
{
	return digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

bool names_next(struct names *n, struct names_value *v)
{
	while (n->at < n->end) {
		const char *s;
		size_t len;

		switch (*n->at) {
		case '"':
			s = string(n, &len);
			while (s && n->at < n->end && blank(*n->at))
				n->at++;
			if (s && n->at < n->end && *n->at == ':') {
				n->key = s;
				n->key_len = len;
				break;
			}
			if (s)
				return give(n, v, s, len, false);
			continue;
		case '{':
		case '[':
			open_level(n);
			break;
		case '}':
		case ']':
			n->depth -= n->depth > 0;
			n->key = NULL;
			break;
		case ',':
			n->key = NULL;
			break;
		default:
			if (!number_byte(*n->at))
				break;
			s = n->at;
			while (n->at < n->end && number_byte(*n->at))
				n->at++;
			if (n->numbers && (*s == '-' || digit(*s)))
				return give(n, v, s, (size_t)(n->at - s), true);
			continue;
		}
		n->at++;
	}
	return false;
}

/* ---- the same, however it is written ---- */

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = lower(s[i]);

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + c - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* At most three bytes, of the six that wrote it; two halves of a pair take four of twelve. */
static size_t utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = lower((char)c);
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static size_t escape(const char *s, size_t left, char *out, size_t *n)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known = s[1] ? strchr(from, s[1]) : NULL;
	int high = s[1] == 'u' && left >= 6 ? hex4(s + 2) : -1, low;

	if (high < 0) {
		out[(*n)++] = known ? to[known - from] : s[1];
		return 2;
	}
	if (high >= 0xd800 && high < 0xdc00 && left >= 12 && s[6] == '\\' && s[7] == 'u') {
		low = hex4(s + 8);
		if (low >= 0xdc00 && low < 0xe000) {
			*n += utf8(0x10000 + ((uint32_t)(high & 0x3ff) << 10) +
				       (uint32_t)(low & 0x3ff),
				   out + *n);
			return 12;
		}
	}
	*n += utf8((uint32_t)high, out + *n);
	return 6;
}

size_t names_fold(const char *s, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		if (s[i] == '\\' && i + 1 < len) {
			i += escape(s + i, len - i, out, &n);
			continue;
		}
		out[n++] = lower(s[i++]);
	}
	return n;
}
