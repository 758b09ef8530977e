#include "store/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "store/block.h"
#include "store/varint.h"

struct unpacker {
	struct block b;
	size_t bytes, values; /* of lines in all; in all columns so far */
	uint8_t *text;
	struct cursor in;
	struct rc_dec rc;
	struct ints *ints;
};

static int refuse(struct err *err, const char *what)
{
	return err_set(err, "not a packed block: %s", what);
}

/* ---- reading ---- */

static int get_order(struct unpacker *u)
{
	uint16_t(*after)[BLOCK_SHAPES_MAX] = calloc(BLOCK_SHAPES_MAX, sizeof(*after));
	size_t a = 0, b = 0;

	if (!after)
		return -1;
	ints_init(u->ints);
	for (size_t i = 0; i < u->b.lines; i++) {
		int64_t v = ints_decode(u->ints, &u->rc);
		uint16_t now = v > 0 && v <= BLOCK_SHAPES_MAX ? (uint16_t)(v - 1) : after[a][b];

		if (v < 0 || v > (int64_t)u->b.shape_count || now >= u->b.shape_count ||
		    rc_dec_cut(&u->rc)) {
			free(after);
			return -1;
		}
		u->b.order[i] = now;
		u->b.shapes[now].rows++;
		after[a][b] = now;
		a = b;
		b = now;
	}
	free(after);
	return 0;
}

static int make_records(struct block *b)
{
	for (size_t i = 0; i < b->shape_count; i++) {
		b->shapes[i].record =
		    malloc((b->shapes[i].rows + 1) * sizeof(*b->shapes[i].record));
		if (!b->shapes[i].record)
			return -1;
	}
	for (size_t i = 0; i < b->lines; i++) {
		struct shape *s = &b->shapes[b->order[i]];

		s->record[s->next++] = (uint32_t)i;
	}
	for (size_t i = 0; i < b->shape_count; i++)
		b->shapes[i].next = 0;
	return 0;
}

static struct shape_slot get_text(struct unpacker *u)
{
	size_t len;
	const char *s = cursor_text(&u->in, '\n', &len);

	return (struct shape_slot){s ? (uint32_t)((const uint8_t *)s - u->text) : 0, (uint32_t)len};
}

static struct shape_slot *get_texts(struct unpacker *u, size_t n)
{
	struct shape_slot *t = malloc((n + 1) * sizeof(*t));

	for (size_t i = 0; t && i < n; i++)
		t[i] = get_text(u);
	return t;
}

static void get_predictor(struct cursor *in, struct predictor *p)
{
	*p = (struct predictor){.base = cursor_byte(in), .track = cursor_byte(in)};
	p->start = varint_get_signed(in);
	if (p->base == PREDICT_GRID)
		p->first = varint_get_signed(in);
	if (p->base >= PREDICT_COPY) {
		p->shape = (uint16_t)varint_get_max(in, BLOCK_SHAPES_MAX);
		p->a = (uint16_t)varint_get_max(in, SHAPE_SLOTS_MAX);
	}
	if (p->base >= PREDICT_PRODUCT)
		p->b = (uint16_t)varint_get_max(in, SHAPE_SLOTS_MAX);
	if (p->base == PREDICT_GRID || p->base >= PREDICT_SCALE)
		p->k = varint_get_signed(in);
	if (p->base >= PREDICT_BASES || p->track >= PREDICT_TRACKS)
		in->bad = true;
}

static int get_odd(struct unpacker *u, const struct shape *s, struct column *c)
{
	uint32_t row = 0;

	c->odd_count = varint_get_max(&u->in, s->rows);
	c->odd = malloc((c->odd_count + 1) * sizeof(*c->odd));
	c->odd_row = malloc((c->odd_count + 1) * sizeof(*c->odd_row));
	if (!c->odd || !c->odd_row)
		return -1;
	for (size_t i = 0; i < c->odd_count && !u->in.bad; i++) {
		row += (uint32_t)varint_get_max(&u->in, s->rows);
		c->odd_row[i] = row;
		c->odd[i] = get_text(u);
	}
	return 0;
}

static int get_numbers(struct unpacker *u, size_t shape, size_t slot, struct column *c)
{
	struct shape *s = &u->b.shapes[shape];
	uint8_t form = cursor_byte(&u->in);
	struct predictor p;
	struct predict_source src;
	struct predict_state st;
	ptrdiff_t refs;

	c->style = (struct number_style){form & 3u, cursor_byte(&u->in), cursor_byte(&u->in),
					 form >> 2 & 1u};
	get_predictor(&u->in, &p);
	if (u->in.bad || form > 7 || (form & 3u) > NUMBER_TIME ||
	    c->style.places > NUMBER_PLACES_MAX || c->style.least > c->style.places ||
	    get_odd(u, s, c) < 0)
		return -1;
	refs = block_refs(&u->b, shape, slot);
	if (refs < 0 || !fit_source(&p, (uint16_t)shape, u->b.refs, (size_t)refs, &src))
		return -1;
	ints_init(u->ints);
	predict_start(&p, &st);
	for (size_t i = 0; i < s->rows; i++) {
		int64_t x = predict_next(&p, &src, &st, i);

		if (c->kind == COLUMN_NUMBER)
			x = predict_add(x, ints_decode(u->ints, &u->rc));
		c->x[i] = x;
		predict_learn(&p, &st, x);
	}
	return rc_dec_cut(&u->rc) ? -1 : 0;
}

static int get_list(struct unpacker *u, const struct shape *s, struct column *c)
{
	c->text_count = varint_get_max(&u->in, s->rows);
	c->texts = get_texts(u, c->text_count);
	ints_init(u->ints);
	for (size_t i = 0; i < s->rows; i++) {
		c->x[i] = ints_decode(u->ints, &u->rc);
		if (c->x[i] < 0 || c->x[i] >= (int64_t)c->text_count)
			return -1;
	}
	return c->texts ? 0 : -1;
}

static int get_column(struct unpacker *u, size_t shape, size_t slot)
{
	struct shape *s = &u->b.shapes[shape];
	struct column *c = &s->columns[slot];

	u->values += s->rows;
	if (u->values > BLOCK_VALUES_MAX)
		return -1;
	c->kind = cursor_byte(&u->in);
	if (c->kind == COLUMN_SAME || c->kind == COLUMN_TEXT) {
		c->text_count = c->kind == COLUMN_SAME ? 1 : s->rows;
		c->texts = get_texts(u, c->text_count);
		return c->texts && !u->in.bad ? 0 : -1;
	}
	c->x = malloc((s->rows + 1) * sizeof(*c->x));
	if (!c->x || u->in.bad)
		return -1;
	if (c->kind == COLUMN_LIST)
		return get_list(u, s, c);
	if (c->kind == COLUMN_NUMBER || c->kind == COLUMN_FOLLOWING)
		return get_numbers(u, shape, slot, c);
	return -1;
}

static int get_shape(struct unpacker *u, size_t index)
{
	struct shape *s = &u->b.shapes[index];

	s->text = cursor_text(&u->in, '\n', &s->len);
	for (size_t i = 0; i < s->len; i++)
		s->slots += s->text[i] == SHAPE_SLOT;
	if (!s->text || s->slots > SHAPE_SLOTS_MAX)
		return -1;
	s->columns = calloc(s->slots + 1, sizeof(*s->columns));
	if (!s->columns)
		return -1;
	for (size_t j = 0; j < s->slots && s->rows; j++)
		if (get_column(u, index, j) < 0)
			return -1;
	for (size_t j = 0; j < s->slots; j++)
		s->columns[j].varies = true;
	block_refs_done(&u->b);
	return 0;
}

/* ---- writing ---- */

static void put_value(const struct unpacker *u, struct column *c, size_t row, struct buf *out)
{
	struct shape_slot t;
	char text[NUMBER_TEXT_MAX];

	if (c->kind == COLUMN_NUMBER || c->kind == COLUMN_FOLLOWING) {
		if (c->odd_at == c->odd_count || c->odd_row[c->odd_at] != row) {
			buf_add(out, text, number_write(&c->style, c->x[row], text));
			return;
		}
		t = c->odd[c->odd_at++];
	} else {
		t = c->texts[c->kind == COLUMN_SAME   ? 0
			     : c->kind == COLUMN_LIST ? (size_t)c->x[row]
						      : row];
	}
	buf_add(out, u->text + t.off, t.len);
}

static int put_lines(struct unpacker *u, struct buf *out, struct err *err)
{
	size_t before = out->len;

	for (size_t i = 0; i < u->b.lines; i++) {
		struct shape *s = &u->b.shapes[u->b.order[i]];
		const char *at = s->text, *end = s->text + s->len;

		for (size_t j = 0; j < s->slots; j++) {
			const char *slot = memchr(at, SHAPE_SLOT, (size_t)(end - at));

			buf_add(out, at, (size_t)(slot - at));
			put_value(u, &s->columns[j], s->next, out);
			at = slot + 1;
		}
		buf_add(out, at, (size_t)(end - at));
		buf_addc(out, '\n');
		s->next++;
		if (out->len - before > u->bytes || buf_failed(out))
			break;
	}
	if (!buf_failed(out) && out->len - before == u->bytes)
		return 0;
	out->len = out->len < before ? out->len : before;
	return refuse(err, "its lines are not as long as it says");
}

static int get_head(struct unpacker *u, const void *data, size_t len, struct err *err)
{
	struct cursor in = {.at = data, .end = (const uint8_t *)data + len};
	uint64_t format = varint_get(&in), text_len, zlen;
	uLongf got;

	if (format != BLOCK_FORMAT)
		return refuse(err, "unknown format");
	u->b.lines = varint_get_max(&in, PACK_BLOCK_MAX);
	u->bytes = varint_get_max(&in, PACK_BLOCK_MAX);
	text_len = varint_get_max(&in, (uint64_t)PACK_BLOCK_MAX * 4);
	zlen = varint_get_max(&in, (uint64_t)(in.end - in.at));
	if (in.bad || zlen > (uint64_t)(in.end - in.at) || u->b.lines > u->bytes)
		return refuse(err, "cut or damaged head");
	u->text = malloc(text_len + 1);
	u->b.order = calloc(u->b.lines + 1, sizeof(*u->b.order));
	u->ints = malloc(sizeof(*u->ints));
	if (!u->text || !u->b.order || !u->ints)
		return err_set(err, "out of memory");
	got = text_len;
	if (uncompress(u->text, &got, in.at, zlen) != Z_OK || got != text_len)
		return refuse(err, "damaged text");
	rc_dec_init(&u->rc, in.at + zlen, (size_t)(in.end - in.at) - zlen);
	u->in = (struct cursor){.at = u->text, .end = u->text + text_len};
	u->b.shape_count = varint_get_max(&u->in, BLOCK_SHAPES_MAX);
	if (u->in.bad || get_order(u) < 0 || make_records(&u->b) < 0)
		return refuse(err, "damaged order");
	return 0;
}

int unpack(const void *data, size_t len, struct buf *lines, struct err *err)
{
	struct unpacker *u = calloc(1, sizeof(*u));
	int rc = -1;

	if (!u)
		return err_set(err, "out of memory");
	if (get_head(u, data, len, err) < 0)
		goto out;
	for (size_t i = 0; i < u->b.shape_count; i++)
		if (get_shape(u, i) < 0) {
			refuse(err, "damaged columns");
			goto out;
		}
	rc = put_lines(u, lines, err);
out:
	block_release(&u->b);
	free(u->text);
	free(u->ints);
	free(u);
	return rc;
}
