/* The columns are those of the first records of each kind; a record with other members begins a new
 * table (a blank line in a table for people, a new header in CSV). Arrays become columns name_1,
 * name_2 …; objects name.member. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"

enum { COLUMNS_MAX = 1000, CELL_MAX = 4096, KEY_MAX = 120, WIDTH_MAX = 40 };

struct cell {
	char key[KEY_MAX];
	size_t off, len; /* in text */
};

struct table {
	bool csv, begun;
	struct cell cells[COLUMNS_MAX];
	size_t count, left_out;
	struct buf text, header; /* header: the keys of the present table, each with a NUL */
	size_t width[COLUMNS_MAX];
};

struct table *table_new(bool csv)
{
	struct table *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->csv = csv;
	buf_init(&t->text, 1 << 20);
	buf_init(&t->header, (size_t)COLUMNS_MAX * KEY_MAX);
	return t;
}

static void add_value(struct table *t, const char *key, jv v);

struct walk {
	struct table *t;
	const char *prefix;
};

static int add_member(void *ctx, const char *key, jv v)
{
	struct walk *w = ctx;
	struct buf full;

	buf_init(&full, KEY_MAX);
	buf_addf(&full, "%s%s%s", w->prefix, *w->prefix ? "." : "", key);
	if (!buf_failed(&full))
		add_value(w->t, buf_str(&full), v);
	else
		w->t->left_out++;
	buf_release(&full);
	return 0;
}

static int one(void *ctx, const char *key, jv v)
{
	(void)ctx;
	(void)key;
	(void)v;
	return 1;
}

/* An empty array or object is a value too: it stands in its cell as [] or {}. */
static bool is_empty(jv v)
{
	return json_is(v, JV_KIND_ARRAY) ? json_len(v) == 0 : json_each(v, one, NULL) == 0;
}

static void add_value(struct table *t, const char *key, jv v)
{
	struct walk w = {t, key};
	struct cell *c;

	if (json_is(v, JV_KIND_OBJECT) && !is_empty(v)) {
		json_each(v, add_member, &w);
		return;
	}
	if (json_is(v, JV_KIND_ARRAY) && !is_empty(v)) {
		for (int i = 0; i < json_len(v); i++) {
			struct buf name;

			buf_init(&name, KEY_MAX);
			buf_addf(&name, "%s_%d", key, i + 1);
			if (!buf_failed(&name))
				add_value(t, buf_str(&name), json_at(v, i));
			buf_release(&name);
		}
		return;
	}
	if (t->count == COLUMNS_MAX || strlen(key) >= KEY_MAX) {
		t->left_out++;
		return;
	}
	c = &t->cells[t->count++];
	memcpy(c->key, key, strlen(key) + 1);
	c->off = t->text.len;
	if (json_str(v))
		buf_adds(&t->text, json_str(v));
	else if (!json_is(v, JV_KIND_NULL))
		json_print(v, &t->text);
	c->len = t->text.len - c->off;
}

static void put_csv(const char *s, size_t len, struct buf *out)
{
	bool quote = memchr(s, ',', len) || memchr(s, '"', len) || memchr(s, '\n', len) ||
		     memchr(s, '\r', len);

	if (quote)
		buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, s[i]);
	}
	if (quote)
		buf_addc(out, '"');
}

static void put_cell(struct table *t, size_t i, const char *s, size_t len, struct buf *out)
{
	if (t->csv) {
		buf_adds(out, i ? "," : "");
		put_csv(s, len, out);
		return;
	}
	buf_adds(out, i ? "  " : "");
	for (size_t j = 0; j < len; j++)
		buf_addc(out, (unsigned char)s[j] < ' ' ? '?' : s[j]);
	for (size_t j = len; j < t->width[i] && i + 1 < t->count; j++)
		buf_addc(out, ' ');
}

static bool same_columns(const struct table *t)
{
	const char *at = t->header.data, *end = at + t->header.len;

	for (size_t i = 0; i < t->count; i++) {
		if (at == end || strcmp(at, t->cells[i].key) != 0)
			return false;
		at += strlen(at) + 1;
	}
	return at == end;
}

static void begin(struct table *t, struct buf *out)
{
	if (t->begun)
		buf_addc(out, '\n');
	t->begun = true;
	buf_reset(&t->header);
	for (size_t i = 0; i < t->count; i++) {
		size_t key = strlen(t->cells[i].key), len = t->cells[i].len;

		buf_add(&t->header, t->cells[i].key, key + 1);
		t->width[i] = key > len ? key : len > WIDTH_MAX ? WIDTH_MAX : len;
	}
	for (size_t i = 0; i < t->count; i++)
		put_cell(t, i, t->cells[i].key, strlen(t->cells[i].key), out);
	buf_addc(out, '\n');
}

static void add_line(struct table *t, const char *line, size_t len, struct buf *out)
{
	jv v;

	if (json_parse(line, len, &v, NULL) < 0)
		return;
	t->count = 0;
	buf_reset(&t->text);
	if (json_is(v, JV_KIND_OBJECT))
		json_each(v, add_member, &(struct walk){t, ""});
	else
		add_value(t, "value", v);
	json_free(v);
	if (!same_columns(t))
		begin(t, out);
	for (size_t i = 0; i < t->count; i++)
		put_cell(t, i, t->text.data + t->cells[i].off, t->cells[i].len, out);
	buf_addc(out, '\n');
}

void table_add(struct table *t, const char *line, size_t len, struct buf *out)
{
	const char *end = line + len;

	while (line < end) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const char *stop = nl ? nl : end;

		if (stop > line)
			add_line(t, line, (size_t)(stop - line), out);
		line = stop + 1;
	}
}

void table_free(struct table *t, struct buf *out)
{
	(void)out;
	if (t->left_out)
		log_warning("%zu values were left out: more than %d columns, or a name of more "
			    "than %d bytes",
			    t->left_out, COLUMNS_MAX, KEY_MAX - 1);
	buf_release(&t->text);
	buf_release(&t->header);
	free(t);
}
