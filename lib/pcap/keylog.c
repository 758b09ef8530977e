#include "pcap/keylog.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum keylog_label label;
} labels[] = {
    {"CLIENT_RANDOM", KEYLOG_MASTER},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", KEYLOG_CLIENT_HANDSHAKE},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", KEYLOG_SERVER_HANDSHAKE},
    {"CLIENT_TRAFFIC_SECRET_0", KEYLOG_CLIENT_TRAFFIC},
    {"SERVER_TRAFFIC_SECRET_0", KEYLOG_SERVER_TRAFFIC},
};

void keylog_init(struct keylog *k)
{
	*k = (struct keylog){0};
}

void keylog_release(struct keylog *k)
{
	if (k->entry)
		explicit_bzero(k->entry, KEYLOG_MAX * sizeof *k->entry);
	free(k->entry);
	*k = (struct keylog){0};
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Octets of a word of hex: their number, 0 where it is none. */
static size_t unhex(const char *text, size_t len, uint8_t *out, size_t max)
{
	if (len % 2 || len / 2 > max)
		return 0;
	for (size_t i = 0; i < len; i += 2) {
		int high = digit(text[i]), low = digit(text[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return len / 2;
}

/* The word at *p, which goes on behind it. */
static size_t word(const char **p, const char *end, const char **out)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	*out = *p;
	while (*p < end && **p != ' ' && **p != '\t' && **p != '\r')
		(*p)++;
	return (size_t)(*p - *out);
}

static int find_label(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		if (strlen(labels[i].name) == len && memcmp(labels[i].name, text, len) == 0)
			return (int)labels[i].label;
	}
	return -1;
}

static int add_line(struct keylog *k, const char *p, const char *end)
{
	struct keylog_entry e = {0};
	const char *name, *random, *secret;
	size_t name_len = word(&p, end, &name), random_len = word(&p, end, &random),
	       secret_len = word(&p, end, &secret);
	int label = find_label(name, name_len);

	if (!name_len || *name == '#')
		return 0;
	e.size = (uint8_t)unhex(secret, secret_len, e.secret, sizeof e.secret);
	if (label < 0 || !e.size ||
	    unhex(random, random_len, e.random, sizeof e.random) != KEYLOG_RANDOM) {
		k->bad += label >= 0 || !random_len;
		return 0;
	}
	if (k->count == KEYLOG_MAX) {
		k->over++;
		return 0;
	}
	if (!k->entry)
		k->entry = calloc(KEYLOG_MAX, sizeof *k->entry);
	if (!k->entry)
		return -1;
	e.label = (enum keylog_label)label;
	k->entry[k->count++] = e;
	explicit_bzero(&e, sizeof e);
	return 0;
}

int keylog_add(struct keylog *k, const char *text, size_t size)
{
	const char *end = text + size, *stop;

	for (const char *p = text; p < end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		if (add_line(k, p, stop) < 0)
			return -1;
	}
	return 0;
}

const uint8_t *keylog_find(const struct keylog *k, enum keylog_label label,
			   const uint8_t random[KEYLOG_RANDOM], size_t size)
{
	for (size_t i = 0; i < k->count; i++) {
		const struct keylog_entry *e = &k->entry[i];

		if (e->label == label && e->size == size &&
		    memcmp(e->random, random, KEYLOG_RANDOM) == 0)
			return e->secret;
	}
	return NULL;
}
