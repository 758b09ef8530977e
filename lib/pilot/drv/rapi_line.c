#include "pilot/drv/rapi_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned xor_of(const char *s, size_t len)
{
	unsigned x = 0;

	for (size_t i = 0; i < len; i++)
		x ^= (unsigned char)s[i];
	return x;
}

int rapi_format(char out[RAPI_LINE_MAX], const char *body, int id)
{
	char plain[RAPI_COMMAND_MAX + 1];
	int n = id > 0 ? snprintf(plain, sizeof plain, "$%s :%02X", body, (unsigned)id & 0xffU)
		       : snprintf(plain, sizeof plain, "$%s", body);

	/* "^hh" and CR follow; the controller's buffer holds 32 bytes. */
	if (n < 0 || n > RAPI_COMMAND_MAX - 4)
		return -1;
	return snprintf(out, RAPI_LINE_MAX, "%s^%02X\r", plain, xor_of(plain, (size_t)n));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_byte(const char *s)
{
	int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

	return lo < 0 ? -1 : hi * 16 + lo;
}

static enum rapi_kind kind_of(const char *word)
{
	static const struct {
		const char *word;
		enum rapi_kind kind;
	} kinds[] = {{"$OK", RAPI_OK},
		     {"$NK", RAPI_NK},
		     {"$AT", RAPI_STATE},
		     {"$ST", RAPI_STATE},
		     {"$AB", RAPI_BOOT}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return kinds[i].kind;
	return RAPI_OTHER;
}

int rapi_parse(const char *line, size_t len, struct rapi_line *out)
{
	char *word, *rest;

	/* The shortest is "$OK^20". */
	if (len < 6 || len >= RAPI_LINE_MAX || line[0] != '$' || line[len - 3] != '^' ||
	    memchr(line, '\0', len))
		return -1;
	if (hex_byte(line + len - 2) != (int)xor_of(line, len - 3))
		return -1;
	memset(out, 0, sizeof *out);
	memcpy(out->text, line, len - 3);
	word = strtok_r(out->text, " ", &rest);
	if (!word || strlen(word) != 3)
		return -1;
	out->kind = kind_of(word);
	while ((word = strtok_r(NULL, " ", &rest))) {
		if (word[0] == ':' && strlen(word) == 3 && hex_byte(word + 1) > 0)
			out->id = hex_byte(word + 1);
		else if (out->nargs < RAPI_ARGS)
			out->arg[out->nargs++] = word;
	}
	return 0;
}

bool rapi_arg(const struct rapi_line *l, int index, int base, long min, long max, long *out)
{
	char *end;
	long v;

	if (index >= l->nargs)
		return false;
	errno = 0;
	v = strtol(l->arg[index], &end, base);
	if (errno || end == l->arg[index] || *end || v < min || v > max)
		return false;
	*out = v;
	return true;
}
