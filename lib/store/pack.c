#include "store/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "store/block.h"
#include "store/varint.h"

/* While lines are read in: where each row's slots stand in the lines. */
struct rows {
	struct shape_slot *slots; /* row after row */
	size_t cap, record_cap, text_off;
	uint64_t hash;
};

struct packer {
	const char *lines;
	size_t len;
	struct block b;
	struct rows rows[BLOCK_SHAPES_MAX];
	struct buf shapes, text,
	    shape; /* shapes: the texts of all shapes; text: what will be deflated */
	struct rc_enc rc;
	struct ints *ints;
	size_t columns;
};

static uint64_t hash_of(const char *s, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (; len >= 8; s += 8, len -= 8) {
		uint64_t w;

		memcpy(&w, s, 8);
		h = (h ^ w) * 1099511628211u;
		h ^= h >> 29;
	}
	while (len--)
		h = (h ^ (uint8_t)*s++) * 1099511628211u;
	return h;
}

static void *grown(void *old, size_t need, size_t *cap, size_t each)
{
	size_t want = *cap ? *cap : 64;
	void *more;

	while (want < need)
		want *= 2;
	if (want == *cap)
		return old;
	more = realloc(old, want * each);
	if (more)
		*cap = want;
	return more;
}

/* The shape in @p->shape, found or made. @return its index, or -1 when there is no room for
 * another. */
static int find_shape(struct packer *p, size_t slots)
{
	struct block *b = &p->b;
	uint64_t h = hash_of(p->shape.data, p->shape.len);

	for (size_t i = 0; i < b->shape_count; i++)
		if (p->rows[i].hash == h && b->shapes[i].len == p->shape.len &&
		    memcmp(p->shapes.data + p->rows[i].text_off, p->shape.data, p->shape.len) == 0)
			return (int)i;
	if (b->shape_count == BLOCK_SHAPES_MAX || p->columns + slots > BLOCK_COLUMNS_MAX)
		return -1;
	p->columns += slots;
	p->rows[b->shape_count] = (struct rows){.text_off = p->shapes.len, .hash = h};
	b->shapes[b->shape_count] = (struct shape){.len = p->shape.len, .slots = slots};
	buf_add(&p->shapes, p->shape.data, p->shape.len);
	return (int)b->shape_count++;
}

static int add_row(struct packer *p, size_t index, const struct shape_slot *slots, uint32_t record)
{
	struct shape *s = &p->b.shapes[index];
	struct rows *r = &p->rows[index];
	void *more = grown(r->slots, (s->rows + 1) * s->slots + 1, &r->cap, sizeof(*r->slots));

	if (!more)
		return -1;
	r->slots = more;
	more = grown(s->record, s->rows + 1, &r->record_cap, sizeof(*s->record));
	if (!more)
		return -1;
	s->record = more;
	memcpy(r->slots + s->rows * s->slots, slots, s->slots * sizeof(*slots));
	s->record[s->rows++] = record;
	p->b.order[record] = (uint16_t)index;
	return 0;
}

/* Shape 0 is always there and takes any line whole. */
static int read_lines(struct packer *p)
{
	struct shape_slot slots[SHAPE_SLOTS_MAX];
	uint32_t record = 0;

	buf_addc(&p->shape, SHAPE_SLOT);
	(void)find_shape(p, 1);
	for (size_t at = 0; at < p->len; record++) {
		const char *nl = memchr(p->lines + at, '\n', p->len - at);
		size_t len = (size_t)(nl - p->lines) - at, n;
		int shape;

		n = shape_cut(p->lines + at, len, (uint32_t)at, &p->shape, slots);
		shape = find_shape(p, n);
		if (shape < 0) {
			slots[0] = (struct shape_slot){(uint32_t)at, (uint32_t)len};
			shape = 0;
		}
		if (add_row(p, (size_t)shape, slots, record) < 0)
			return -1;
		at += len + 1;
	}
	return buf_failed(&p->shape) || buf_failed(&p->shapes) ? -1 : 0;
}

/* ---- a column ---- */

static const char *value(const struct packer *p, size_t shape, size_t row, size_t slot, size_t *len)
{
	struct shape_slot v = p->rows[shape].slots[row * p->b.shapes[shape].slots + slot];

	*len = v.len;
	return p->lines + v.off;
}

/* Looks at all values of a column. @return the style that suits most of them; *fits is how many. */
static struct number_style choose_style(const struct packer *p, size_t shape, size_t slot,
					size_t *fits)
{
	const struct shape *s = &p->b.shapes[shape];
	struct number_style st = {.form = NUMBER_FIXED, .least = 1};
	size_t times = 0, numbers = 0, quoted = 0, at[NUMBER_PLACES_MAX + 1] = {0}, ends0 = 0,
	       whole = 0;

	for (size_t i = 0; i < s->rows; i++) {
		size_t len;
		const char *v = value(p, shape, i, slot, &len);
		bool q = len >= 2 && v[0] == '"';
		unsigned places;
		int64_t x;

		if (q) {
			v++;
			len -= 2;
			quoted++;
		}
		if (number_time(v, len, &x)) {
			times++;
		} else if (number_decimal(v, len, &x, &places)) {
			numbers++;
			at[places]++;
			whole += !places;
			ends0 += places == 1 && v[len - 1] == '0';
			st.places = places > st.places ? (uint8_t)places : st.places;
		}
	}
	st.quoted = quoted * 2 > s->rows;
	if (times >= numbers) {
		st = (struct number_style){.form = NUMBER_TIME, .quoted = st.quoted};
		*fits = times;
		return st;
	}
	*fits = numbers;
	if (at[st.places] < numbers) {
		st.form = NUMBER_SHORT;
		st.least = ends0 > whole && st.places ? 1 : 0;
	}
	if (st.form == NUMBER_FIXED)
		st.least = 0;
	return st;
}

/* Fills x where the style holds; elsewhere the value before is repeated and the row noted as odd.
 */
static int read_numbers(const struct packer *p, size_t shape, size_t slot, struct column *c)
{
	const struct shape *s = &p->b.shapes[shape];
	size_t cap = 0, row_cap = 0;
	int64_t x = 0;

	for (size_t i = 0; i < s->rows; i++) {
		size_t len;
		const char *v = value(p, shape, i, slot, &len);

		if (!number_read(&c->style, v, len, &x)) {
			void *more = grown(c->odd, c->odd_count + 1, &cap, sizeof(*c->odd));

			if (!more)
				return -1;
			c->odd = more;
			more = grown(c->odd_row, c->odd_count + 1, &row_cap, sizeof(*c->odd_row));
			if (!more)
				return -1;
			c->odd_row = more;
			c->odd_row[c->odd_count] = (uint32_t)i;
			c->odd[c->odd_count++] =
			    (struct shape_slot){(uint32_t)(v - p->lines), (uint32_t)len};
		}
		c->x[i] = x;
		c->varies |= i && x != c->x[i - 1];
	}
	return 0;
}

static void put_predictor(struct buf *t, const struct predictor *p)
{
	buf_addc(t, (char)p->base);
	buf_addc(t, (char)p->track);
	varint_put_signed(t, p->start);
	if (p->base == PREDICT_GRID)
		varint_put_signed(t, p->first);
	if (p->base >= PREDICT_COPY) {
		varint_put(t, p->shape);
		varint_put(t, p->a);
	}
	if (p->base >= PREDICT_PRODUCT)
		varint_put(t, p->b);
	if (p->base == PREDICT_GRID || p->base >= PREDICT_SCALE)
		varint_put_signed(t, p->k);
}

/* Writes what @pr misses; with @rc NULL only looks whether it misses anything. */
static bool misses(struct packer *p, const struct predictor *pr, const struct predict_source *src,
		   const int64_t *x, size_t rows, struct rc_enc *rc)
{
	struct predict_state st;

	predict_start(pr, &st);
	for (size_t i = 0; i < rows; i++) {
		int64_t miss = predict_sub(x[i], predict_next(pr, src, &st, i));

		if (rc)
			ints_encode(p->ints, rc, miss);
		else if (miss)
			return true;
		predict_learn(pr, &st, x[i]);
	}
	return false;
}

static int put_numbers(struct packer *p, size_t shape, size_t slot, struct column *c)
{
	struct shape *s = &p->b.shapes[shape];
	struct predictor pr;
	struct predict_source src;
	struct fit_column f = {.x = c->x,
			       .rows = s->rows,
			       .time = c->style.form == NUMBER_TIME,
			       .places = c->style.places,
			       .own_shape = (uint16_t)shape};
	ptrdiff_t refs = block_refs(&p->b, shape, slot);
	uint32_t before = 0;

	if (refs < 0)
		return -1;
	f.refs = p->b.refs;
	f.ref_count = (size_t)refs;
	fit_predictor(&f, &pr);
	(void)fit_source(&pr, f.own_shape, f.refs, f.ref_count, &src);
	c->kind = misses(p, &pr, &src, c->x, s->rows, NULL) ? COLUMN_NUMBER : COLUMN_FOLLOWING;
	buf_addc(&p->text, (char)c->kind);
	buf_addc(&p->text, (char)((unsigned)c->style.form | (c->style.quoted ? 4u : 0u)));
	buf_addc(&p->text, (char)c->style.places);
	buf_addc(&p->text, (char)c->style.least);
	put_predictor(&p->text, &pr);
	varint_put(&p->text, c->odd_count);
	for (size_t i = 0; i < c->odd_count; i++) {
		varint_put(&p->text, c->odd_row[i] - before);
		before = c->odd_row[i];
		buf_add(&p->text, p->lines + c->odd[i].off, c->odd[i].len);
		buf_addc(&p->text, '\n');
	}
	if (c->kind == COLUMN_NUMBER) {
		ints_init(p->ints);
		misses(p, &pr, &src, c->x, s->rows, &p->rc);
	}
	return 0;
}

enum { LIST_MAX = 64 };

/* Texts: one for all, a short list, or each by itself. */
static void put_texts(struct packer *p, size_t shape, size_t slot, struct column *c)
{
	const struct shape *s = &p->b.shapes[shape];
	struct shape_slot list[LIST_MAX] = {{0}};
	size_t n = 0;

	for (size_t i = 0; i < s->rows && n <= LIST_MAX; i++) {
		size_t len, at = 0;
		const char *v = value(p, shape, i, slot, &len);

		while (at < n &&
		       (list[at].len != len || memcmp(p->lines + list[at].off, v, len) != 0))
			at++;
		if (at == n && n < LIST_MAX)
			list[n] = (struct shape_slot){(uint32_t)(v - p->lines), (uint32_t)len};
		n += at == n;
		c->x[i] = (int64_t)at;
	}
	c->kind = n == 1                              ? COLUMN_SAME
		  : n <= LIST_MAX && n * 2 <= s->rows ? COLUMN_LIST
						      : COLUMN_TEXT;
	buf_addc(&p->text, (char)c->kind);
	if (c->kind == COLUMN_LIST)
		varint_put(&p->text, n);
	for (size_t i = 0; i < (c->kind == COLUMN_TEXT ? s->rows : n); i++) {
		struct shape_slot v =
		    c->kind == COLUMN_TEXT ? p->rows[shape].slots[i * s->slots + slot] : list[i];

		buf_add(&p->text, p->lines + v.off, v.len);
		buf_addc(&p->text, '\n');
	}
	if (c->kind != COLUMN_LIST)
		return;
	ints_init(p->ints);
	for (size_t i = 0; i < s->rows; i++)
		ints_encode(p->ints, &p->rc, c->x[i]);
}

static int put_column(struct packer *p, size_t shape, size_t slot)
{
	struct shape *s = &p->b.shapes[shape];
	struct column *c = &s->columns[slot];
	size_t fits = 0;

	c->x = malloc((s->rows + 1) * sizeof(*c->x));
	if (!c->x)
		return -1;
	if (shape)
		c->style = choose_style(p, shape, slot, &fits);
	if (!fits || fits < s->rows - s->rows / 4) {
		put_texts(p, shape, slot, c);
		return 0;
	}
	if (read_numbers(p, shape, slot, c) < 0)
		return -1;
	if (c->odd_count > s->rows / 4) {
		put_texts(p, shape, slot, c);
		return 0;
	}
	return put_numbers(p, shape, slot, c);
}

/* ---- the block ---- */

/* The order of shapes: each is guessed to follow as it did the last time after the same two. */
static void put_order(struct packer *p)
{
	uint16_t(*after)[BLOCK_SHAPES_MAX] = calloc(BLOCK_SHAPES_MAX, sizeof(*after));
	size_t a = 0, b = 0;

	if (!after) {
		p->text.failed = true;
		return;
	}
	ints_init(p->ints);
	for (size_t i = 0; i < p->b.lines; i++) {
		uint16_t now = p->b.order[i];

		ints_encode(p->ints, &p->rc, now == after[a][b] ? 0 : (int64_t)now + 1);
		after[a][b] = now;
		a = b;
		b = now;
	}
	free(after);
}

static int put_block(struct packer *p)
{
	struct block *b = &p->b;

	varint_put(&p->text, b->shape_count);
	put_order(p);
	for (size_t i = 0; i < b->shape_count; i++) {
		struct shape *s = &b->shapes[i];

		s->columns = calloc(s->slots ? s->slots : 1, sizeof(*s->columns));
		if (!s->columns)
			return -1;
		buf_add(&p->text, p->shapes.data + p->rows[i].text_off, s->len);
		buf_addc(&p->text, '\n');
		for (size_t j = 0; j < s->slots && s->rows; j++)
			if (put_column(p, i, j) < 0)
				return -1;
		block_refs_done(b);
	}
	rc_enc_end(&p->rc);
	return 0;
}

/* @out: format, lines, bytes of lines, bytes of text, bytes of text deflated, that text, the coded
 * integers. */
static int put_parts(struct packer *p, const struct buf *coded, struct buf *out)
{
	uLong bound = compressBound(p->text.len);
	struct buf z;
	uLongf zlen = bound;

	buf_init(&z, bound + 1);
	if (!buf_room(&z, bound) || compress2((Bytef *)z.data, &zlen, (const Bytef *)p->text.data,
					      p->text.len, 9) != Z_OK) {
		buf_release(&z);
		return -1;
	}
	varint_put(out, BLOCK_FORMAT);
	varint_put(out, p->b.lines);
	varint_put(out, p->len);
	varint_put(out, p->text.len);
	varint_put(out, zlen);
	buf_add(out, z.data, zlen);
	buf_add(out, coded->data, coded->len);
	buf_release(&z);
	return buf_failed(out) ? -1 : 0;
}

static size_t count_lines(const char *s, size_t len)
{
	size_t n = 0;
	const char *nl;

	for (const char *at = s; at < s + len; at = nl + 1) {
		nl = memchr(at, '\n', (size_t)(s + len - at));
		if (!nl)
			return 0;
		n++;
	}
	return n;
}

int pack(const char *lines, size_t len, struct buf *out)
{
	struct packer *p;
	struct buf coded;
	size_t count = 0;
	int rc = -1;

	if (len && len <= PACK_BLOCK_MAX && lines[len - 1] == '\n')
		count = count_lines(lines, len);
	if (!count) {
		errno = EINVAL;
		return -1;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -1;
	p->lines = lines;
	p->len = len;
	p->b.lines = count;
	p->b.order = calloc(p->b.lines, sizeof(*p->b.order));
	p->ints = malloc(sizeof(*p->ints));
	buf_init(&p->shapes, PACK_BLOCK_MAX + 1024);
	buf_init(&p->shape, PACK_BLOCK_MAX + 1024);
	buf_init(&p->text, (size_t)PACK_BLOCK_MAX * 4);
	buf_init(&coded, (size_t)PACK_BLOCK_MAX * 4);
	rc_enc_init(&p->rc, &coded);
	if (p->b.order && p->ints && read_lines(p) == 0 && put_block(p) == 0 &&
	    !buf_failed(&p->text) && !buf_failed(&coded))
		rc = put_parts(p, &coded, out);
	for (size_t i = 0; i < p->b.shape_count; i++)
		free(p->rows[i].slots);
	block_release(&p->b);
	free(p->ints);
	buf_release(&p->shapes);
	buf_release(&p->shape);
	buf_release(&p->text);
	buf_release(&coded);
	free(p);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}
