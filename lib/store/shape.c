#include "store/shape.h"

#include <stdbool.h>
#include <string.h>

struct cutter {
	const char *s;
	size_t len, done; /* done: up to where the shape has the line */
	struct buf *shape;
	struct shape_slot *slots;
	size_t count;
	uint32_t base;
};

/* The bytes from @from to @to become a slot. @return false at too many. */
static bool cut(struct cutter *c, size_t from, size_t to)
{
	if (c->count == SHAPE_SLOTS_MAX)
		return false;
	buf_add(c->shape, c->s + c->done, from - c->done);
	buf_addc(c->shape, SHAPE_SLOT);
	c->slots[c->count++] = (struct shape_slot){c->base + (uint32_t)from, (uint32_t)(to - from)};
	c->done = to;
	return true;
}

/* Where the string that opens at @i ends (behind its closing quote), or 0 when it does not. */
static size_t string_end(const char *s, size_t len, size_t i)
{
	const char *q;

	for (i++; i < len; i = (size_t)(q - s) + 1) {
		size_t back = 0;

		q = memchr(s + i, '"', len - i);
		if (!q)
			return 0;
		while (q - back > s + i && q[-1 - (ptrdiff_t)back] == '\\')
			back++;
		if (back % 2 == 0)
			return (size_t)(q - s) + 1;
	}
	return 0;
}

/* The dot before a closing run of digits without leading zero, in the string from @a to @b (with
 * its quotes); or 0. */
static size_t last_count(const char *s, size_t a, size_t b)
{
	size_t i = b - 1;

	while (i > a + 1 && s[i - 1] >= '0' && s[i - 1] <= '9')
		i--;
	if (i <= a + 2 || i == b - 1 || s[i - 1] != '.' || b - 1 - i > 15)
		return 0;
	return s[i] == '0' && i != b - 2 ? 0 : i - 1;
}

/* True when the string is wholly a decimal, as registers are written: such a one is one number. */
static bool decimal_string(const char *s, size_t a, size_t b)
{
	for (size_t i = a + 1; i < b - 1; i++)
		if ((s[i] < '0' || s[i] > '9') && s[i] != '.' && s[i] != '-')
			return false;
	return b - a > 2;
}

struct key {
	size_t at, len; /* of the newest member name, with quotes */
};

static bool key_is(const char *s, struct key k, const char *name)
{
	return k.len == strlen(name) && memcmp(s + k.at, name, k.len) == 0;
}

/* A string value: stays in the shape, or becomes one slot, or two. */
static bool cut_string(struct cutter *c, struct key k, size_t a, size_t b)
{
	bool n = key_is(c->s, k, "\"n\"");
	size_t dot;

	if (key_is(c->s, k, "\"type\"") || key_is(c->s, k, "\"src\""))
		return true;
	dot = n || !decimal_string(c->s, a, b) ? last_count(c->s, a, b) : 0;
	if (!dot)
		return cut(c, a, b);
	return cut(c, a, dot) && cut(c, dot + 1, b - 1);
}

static bool scalar_byte(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       ch == '-' || ch == '+' || ch == '.';
}

static bool cut_line(struct cutter *c)
{
	struct key key = {0, 0};
	size_t i = 0;

	while (i < c->len) {
		char ch = c->s[i];
		size_t end = i + 1;

		if (ch == '"') {
			end = string_end(c->s, c->len, i);
			if (!end)
				return false;
			if (end < c->len && c->s[end] == ':')
				key = (struct key){i, end - i};
			else if (!cut_string(c, key, i, end))
				return false;
		} else if (scalar_byte(ch)) {
			while (end < c->len && scalar_byte(c->s[end]))
				end++;
			if (!cut(c, i, end))
				return false;
		}
		i = end;
	}
	buf_add(c->shape, c->s + c->done, c->len - c->done);
	return true;
}

static bool plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ')
			return false;
	return true;
}

size_t shape_cut(const char *line, size_t len, uint32_t base, struct buf *shape,
		 struct shape_slot slots[SHAPE_SLOTS_MAX])
{
	struct cutter c = {.s = line, .len = len, .shape = shape, .slots = slots, .base = base};

	buf_reset(shape);
	if (plain(line, len) && cut_line(&c))
		return c.count;
	buf_reset(shape);
	buf_addc(shape, SHAPE_SLOT);
	slots[0] = (struct shape_slot){base, (uint32_t)len};
	return 1;
}
