#include "store/plain.h"

#include <string.h>

#include "core/jw.h"

enum { DEPTH_MAX = 64 };

struct eye {
	const char *at, *end;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct eye *e)
{
	while (e->at < e->end && blank(*e->at))
		e->at++;
}

static bool take(struct eye *e, char c)
{
	if (e->at < e->end && *e->at == c) {
		e->at++;
		return true;
	}
	return false;
}

static bool one_of(const char *set, char c)
{
	return c && strchr(set, c);
}

static bool string(struct eye *e)
{
	if (!take(e, '"'))
		return false;
	while (e->at < e->end) {
		unsigned char c = (unsigned char)*e->at++;

		if (c == '"')
			return true;
		if (c < ' ')
			return false;
		if (c >= 0x80) {
			const char *from = e->at - 1;
			size_t n = utf8_len((const unsigned char *)from, (size_t)(e->end - from));

			if (!n) /* so never 0xff, which marks sealed values in the store */
				return false;
			e->at = from + n;
		}
		if (c == '\\') {
			if (e->at == e->end || !one_of("\"\\/bfnrtu", *e->at))
				return false;
			if (*e->at++ == 'u') {
				for (int i = 0; i < 4; i++, e->at++)
					if (e->at == e->end ||
					    !one_of("0123456789abcdefABCDEF", *e->at))
						return false;
			}
		}
	}
	return false;
}

static bool digits(struct eye *e)
{
	const char *from = e->at;

	while (e->at < e->end && *e->at >= '0' && *e->at <= '9')
		e->at++;
	return e->at > from;
}

static bool number(struct eye *e)
{
	(void)take(e, '-');
	if (!take(e, '0') && !digits(e))
		return false;
	if (take(e, '.') && !digits(e))
		return false;
	if (take(e, 'e') || take(e, 'E')) {
		if (!take(e, '+'))
			(void)take(e, '-');
		return digits(e);
	}
	return true;
}

static bool word(struct eye *e, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(e->end - e->at) < n || memcmp(e->at, w, n) != 0)
		return false;
	e->at += n;
	return true;
}

static bool scalar(struct eye *e)
{
	if (e->at == e->end)
		return false;
	switch (*e->at) {
	case '"':
		return string(e);
	case 't':
		return word(e, "true");
	case 'f':
		return word(e, "false");
	case 'n':
		return word(e, "null");
	default:
		return number(e);
	}
}

static bool head_member(const char *key, size_t len)
{
	static const char *const names[] = {"\"t\"", "\"type\"", "\"src\"",       "\"n\"",
					    "\"m\"", "\"evse\"", "\"connector\"", "\"to\""};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (len == strlen(names[i]) && memcmp(key, names[i], len) == 0)
			return true;
	return memchr(key, '\\', len) != NULL;
}

bool line_is_plain(const char *line, size_t len, size_t body)
{
	struct eye e = {line, line + len};
	char open[DEPTH_MAX];
	int depth = 0;

	for (;;) { /* a value is due */
		skip_blanks(&e);
		if (e.at < e.end && (*e.at == '{' || *e.at == '[') && depth < DEPTH_MAX) {
			open[depth++] = *e.at++;
			skip_blanks(&e);
			if (e.at < e.end && *e.at == (open[depth - 1] == '{' ? '}' : ']'))
				goto close;
			goto member;
		}
		if (!depth || !scalar(&e))
			return false;
	next:
		skip_blanks(&e);
		if (take(&e, ','))
			goto member;
	close:
		if (!depth || !take(&e, open[depth - 1] == '{' ? '}' : ']'))
			return false;
		if (--depth == 0) {
			skip_blanks(&e);
			return line[0] == '{' && e.at == e.end;
		}
		goto next;
	member:
		if (open[depth - 1] == '{') {
			const char *key;

			skip_blanks(&e);
			key = e.at;
			if (!string(&e) || (depth == 1 && (size_t)(key - line) >= body &&
					    head_member(key, (size_t)(e.at - key))))
				return false;
			skip_blanks(&e);
			if (!take(&e, ':'))
				return false;
		}
	}
}
