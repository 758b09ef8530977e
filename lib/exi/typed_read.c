#include "exi/typed.h"

#include "exi/grammar.h"

#include <errno.h>
#include <stdio.h>

struct typed {
	struct reader r;
	const struct exi_in *in;
};

static int read_type(struct typed *t, uint16_t type, uint8_t *base);

static inline void store(uint8_t *at, unsigned size, uint64_t v)
{
	switch (size) {
	case 1:
		*at = (uint8_t)v;
		break;
	case 2:
		memcpy(at, &(uint16_t){(uint16_t)v}, 2);
		break;
	case 4:
		memcpy(at, &(uint32_t){(uint32_t)v}, 4);
		break;
	default:
		memcpy(at, &v, 8);
		break;
	}
}

/* at is NULL where the value is only checked. */
static inline enum value_bad read_simple(struct typed *t, const struct exi_simple *s, uint8_t *at)
{
	struct exi_bin part = {.at = t->in};
	enum value_bad bad;
	uint64_t v = 0;

	switch (s->kind) {
	case EXI_KIND_BOOL:
	case EXI_KIND_ENUM:
		v = bit_get(&t->r.b, s->bits);
		bad = v > s->high ? VALUE_RANGE : VALUE_GOOD;
		break;
	case EXI_KIND_STR:
		bad = value_read_text(&t->r.b, s, &part.bit, &part.len);
		if (at)
			memcpy(at, &part, sizeof part);
		return bad;
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		bad = value_read_octets(&t->r.b, s, &part.bit, &part.len);
		if (at)
			memcpy(at, &part, sizeof part);
		return bad;
	default:
		bad = value_read_int(&t->r.b, s, &v);
		break;
	}
	if (at)
		store(at, s->size, v);
	return bad;
}

static int bad_frame(struct typed *t, const struct exi_field *f, uint32_t at)
{
	return grammar_fail(
	    &t->r, at,
	    t->r.b.over ? "the stream ends inside an element"
			: "second-level event code (xsi:type, xsi:nil or undeclared content)",
	    exi_name(f->name));
}

/* An integer of at most six octets at the top of a window; its bits, or 0 where it is longer. */
static inline unsigned quick_int(uint64_t window, const struct exi_simple *s, uint64_t *out)
{
	bool negative = s->kind == EXI_KIND_INT && window >> 63;
	unsigned used = s->kind == EXI_KIND_INT;
	uint64_t v = 0;

	window <<= used;
	for (unsigned shift = 0; shift < 42; shift += 7) {
		uint64_t octet = window >> 56;

		window <<= 8;
		used += 8;
		v |= (octet & 0x7f) << shift;
		if (!(octet & 0x80)) {
			*out = negative ? ~v : v;
			return value_int_fits(s, *out) ? used : 0;
		}
	}
	return 0;
}

/* Most of a message are simple elements with a number: takes the value, with the CH before and the
 * EE behind it, from the window at whose top the CH stands. The bits taken, or 0 where anything is
 * unusual; the long way then finds out. */
static inline unsigned quick_value(uint64_t window, const struct exi_simple *s, uint64_t *v)
{
	unsigned used = s->bits;

	if (window >> 63)
		return 0;
	window <<= 1;
	if (s->kind <= EXI_KIND_NBIT) {
		*v = window >> 1 >> (63 - used);
		if (*v > s->high - (uint64_t)s->low)
			return 0;
		*v += (uint64_t)s->low;
	} else {
		used = s->kind <= EXI_KIND_INT ? quick_int(window, s, v) : 0;
		if (!used)
			return 0;
	}
	return (window << used) >> 63 ? 0 : used + 2;
}

/* A whole flat type out of one window of 57 bits; false where it needs more, or anything is
 * unusual. */
static inline bool quick_flat(struct typed *t, const struct exi_type *type, uint8_t *base)
{
	const struct exi_field *f = &exi_fields[type->field];
	uint64_t window = bit_window(&t->r.b), v;
	unsigned used = 0, taken;

	for (unsigned i = 0; i < type->nfields; i++, f++) {
		const struct exi_simple *s = &exi_simples[f->type];

		if (window >> 63)
			return false;
		taken = quick_value(window << 1, s, &v) + 1;
		used += taken;
		if (taken == 1 || used > 56)
			return false;
		window <<= taken;
		if (base)
			store(base + f->offset, s->size, v);
	}
	if (window >> 63 || ++used > t->r.b.end - t->r.b.pos)
		return false;
	t->r.b.pos += used;
	return true;
}

/* What stands behind the event code of a field; one of a list's items where it is one. */
static inline int read_content(struct typed *t, const struct exi_field *f, uint8_t *at)
{
	struct bit_reader *b = &t->r.b;
	uint32_t from = b->pos;
	enum value_bad bad;

	if (f->flags & EXI_F_COMPLEX) {
		const struct exi_type *type = &exi_types[f->type];

		return type->flat && quick_flat(t, type, at) ? 0 : read_type(t, f->type, at);
	}
	if (f->place == EXI_PLACE_ELEMENT && bit_get(b, 1))
		return bad_frame(t, f, from);
	from = b->pos;
	bad = read_simple(t, &exi_simples[f->type], at);
	if (bad || b->over)
		return grammar_bad_value(&t->r, from, bad, f);
	if (f->place == EXI_PLACE_ELEMENT && bit_get(b, 1))
		return bad_frame(t, f, b->pos - 1);
	return 0;
}

/* The next production of a state, or NULL. */
static inline const struct exi_prod *next_event(struct typed *t, const struct exi_state *s)
{
	uint32_t at = t->r.b.pos;
	uint64_t code = bit_get(&t->r.b, s->bits);

	if (__builtin_expect(t->r.b.over || code >= s->n, 0)) {
		grammar_bad_event(&t->r, s, at, code);
		return NULL;
	}
	return &exi_prods[s->prod + code];
}

/* A whole list: its items are checked here and fetched later. *s becomes the state behind the last
 * one. */
static int read_list(struct typed *t, const struct exi_prod *p, const struct exi_state **s,
		     uint8_t *at)
{
	const struct exi_field *f = &exi_fields[p->field];
	struct exi_list list = {.at = t->in, .bit = t->r.b.pos, .field = p->field};
	const struct exi_prod *next = p;
	bool barred;

	do {
		if (read_content(t, f, NULL) < 0)
			return -1;
		list.n++;
		list.end = t->r.b.pos;
		*s = &exi_states[grammar_after_item(&t->r, next, list.n == f->max, &barred)];
		next = next_event(t, *s);
		if (!next)
			return -1;
		if (barred && next->field == p->field)
			return grammar_bad_event(&t->r, *s, list.end, 0);
	} while (next->field == p->field);
	t->r.b.pos = list.end;
	if (at)
		memcpy(at, &list, sizeof list);
	return 0;
}

static int read_lazy(struct typed *t, const struct exi_prod *p, uint8_t *at)
{
	struct exi_list list = {.at = t->in, .bit = t->r.b.pos, .field = p->field, .n = 1};

	if (read_type(t, exi_fields[p->field].type, NULL) < 0)
		return -1;
	list.end = t->r.b.pos;
	if (at)
		memcpy(at, &list, sizeof list);
	return 0;
}

static int bad_field(struct typed *t, const struct exi_prod *p, const struct exi_state *s)
{
	if (p->field >= EXI_MIXED)
		return grammar_bad_event(&t->r, s, t->r.b.pos - s->bits,
					 (uint64_t)(p - exi_prods) - s->prod);
	return grammar_fail(&t->r, t->r.b.pos - s->bits, "abstract element",
			    exi_name(exi_fields[p->field].name));
}

/* What is no single number, behind its event code. */
static int read_unusual(struct typed *t, const struct exi_prod *p, const struct exi_state **s,
			uint8_t *base)
{
	const struct exi_field *f = &exi_fields[p->field];
	uint8_t *at = base ? base + f->offset : NULL;

	if (p->field >= EXI_MIXED || f->flags & EXI_F_REFUSED)
		return bad_field(t, p, *s);
	if (base && f->present != EXI_NONE)
		base[f->present] = f->which;
	if (f->flags & EXI_F_LIST)
		return read_list(t, p, s, at);
	*s = &exi_states[p->next];
	return f->flags & EXI_F_LAZY ? read_lazy(t, p, at) : read_content(t, f, at);
}

static int read_type(struct typed *t, uint16_t type, uint8_t *base)
{
	static const struct exi_field unusual = {.flags = EXI_F_REFUSED};
	struct bit_reader *b = &t->r.b;
	const struct exi_state *s = &exi_states[exi_types[type].state];

	if (++t->r.depth > EXI_DEPTH_MAX)
		return grammar_fail(&t->r, b->pos, "elements nested too deeply", NULL);
	for (;;) {
		uint64_t window = bit_window(b), v;
		uint64_t code = window >> (64 - s->bits);
		const struct exi_prod *p;
		const struct exi_field *f;
		unsigned used;

		if (code >= s->n || s->bits > b->end - b->pos) {
			b->over = s->bits > b->end - b->pos;
			return grammar_bad_event(&t->r, s, b->pos, code);
		}
		p = &exi_prods[s->prod + code];
		if (p->field == EXI_EE) {
			b->pos += s->bits;
			t->r.depth--;
			return 0;
		}
		f = p->field < EXI_MIXED ? &exi_fields[p->field] : &unusual;
		used = f->flags || f->place != EXI_PLACE_ELEMENT
			   ? 0
			   : quick_value(window << s->bits, &exi_simples[f->type], &v);
		if (used && used + s->bits <= b->end - b->pos) {
			b->pos += used + s->bits;
			s = &exi_states[p->next];
			if (!base)
				continue;
			store(base + f->offset, exi_simples[f->type].size, v);
			if (f->present != EXI_NONE)
				base[f->present] = f->which;
			continue;
		}
		b->pos += s->bits;
		if (read_unusual(t, p, &s, base) < 0)
			return -1;
	}
}

/* The one event of the frame around header and body. */
static int frame_event(struct typed *t, const char *expected)
{
	uint32_t at = t->r.b.pos;

	if (!bit_get(&t->r.b, 1) && !t->r.b.over)
		return 0;
	grammar_fail(&t->r, at,
		     t->r.b.over ? "the stream ends inside V2G_Message" : "second-level event code",
		     NULL);
	snprintf(t->r.err->expected, sizeof t->r.err->expected, "%s", expected);
	return -1;
}

/* Up to the event code of the body's element; header may be NULL. Returns the production, or NULL.
 */
static const struct exi_prod *read_head(struct typed *t, const struct exi_schema_row *row,
					uint8_t *header)
{
	const struct exi_prod *p;

	if (frame_event(t, "Header") < 0 || read_type(t, row->header, header) < 0 ||
	    frame_event(t, "Body") < 0)
		return NULL;
	p = next_event(t, &exi_states[exi_types[row->body].state]);
	if (p && p->field == EXI_EE) {
		grammar_fail(&t->r, t->r.b.pos, "the body is empty", NULL);
		return NULL;
	}
	if (p && exi_fields[p->field].flags & EXI_F_REFUSED) {
		grammar_fail(&t->r, t->r.b.pos, "abstract element",
			     exi_name(exi_fields[p->field].name));
		return NULL;
	}
	return p;
}

static int message_of(const struct exi_schema_row *row, uint64_t code)
{
	for (int i = row->messages; i < row->messages + row->nmessages; i++) {
		if (exi_messages[i].code == code)
			return i;
	}
	return -1;
}

int exi_open(struct exi_in *in, int schema, const uint8_t *data, size_t size, struct exi_err *err)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	struct typed t = {.in = in};
	const struct exi_field *f;
	int code;

	*in =
	    (struct exi_in){.data = data, .size = (uint32_t)size, .schema = schema, .message = -1};
	if (grammar_open(&t.r, data, size, err) < 0)
		return -1;
	code = grammar_root(&t.r, schema, 0, &f);
	if (code < 0)
		return -1;
	if (row->wrap != EXI_NONE) {
		const struct exi_state *s = &exi_states[exi_types[row->body].state];
		const struct exi_prod *p;

		if (code != row->wrap)
			return grammar_fail(&t.r, 8, "no message", exi_name(f->name));
		p = read_head(&t, row, NULL);
		if (!p)
			return -1;
		code = (int)(p - exi_prods) - s->prod;
	}
	in->message = message_of(row, (uint64_t)code);
	return in->message < 0 ? grammar_fail(&t.r, 8, "no message", exi_name(f->name)) : 0;
}

static int read_message(struct typed *t, uint8_t *msg)
{
	const struct exi_message_row *m = &exi_messages[t->in->message];
	const struct exi_schema_row *row = &exi_schemas[t->in->schema];
	const struct exi_field *f;

	if (grammar_root(&t->r, t->in->schema, 0, &f) < 0)
		return -1;
	if (row->wrap == EXI_NONE) {
		if (read_type(t, m->type, msg) < 0)
			return -1;
	} else if (!read_head(t, row, msg) || read_type(t, m->type, msg + m->body) < 0 ||
		   frame_event(t, "the end of Body") < 0 ||
		   frame_event(t, "the end of V2G_Message") < 0) {
		return -1;
	}
	return grammar_close(&t->r, t->in->schema, 0);
}

int exi_read(struct exi_in *in, void *msg, size_t size, struct exi_err *err)
{
	struct typed t = {.in = in};
	struct exi_err ignored;

	if (in->message < 0 || exi_messages[in->message].size != size) {
		*err = (struct exi_err){.what = "structure of another message"};
		return -1;
	}
	in->two_bit_ends = false;
	memset(msg, 0, size);
	if (grammar_open(&t.r, in->data, in->size, err) < 0)
		return -1;
	if (read_message(&t, msg) == 0)
		return 0;
	if (!t.r.met_full)
		return -1;
	memset(msg, 0, size);
	grammar_open(&t.r, in->data, in->size, &ignored);
	t.r.two_bit_ends = in->two_bit_ends = true;
	return read_message(&t, msg);
}

static size_t item_size(const struct exi_field *f)
{
	return f->flags & EXI_F_COMPLEX ? exi_types[f->type].size : exi_simples[f->type].size;
}

int exi_next(const struct exi_list *list, struct exi_cursor *cursor, void *item, size_t size)
{
	const struct exi_in *in = list->at;
	const struct exi_field *f = &exi_fields[list->field];
	struct exi_err err;
	struct typed t = {.in = in};

	if (cursor->n >= list->n)
		return 0;
	if (!list->bit) {
		memcpy(item, (const uint8_t *)list->at + size * cursor->n++, size);
		return 1;
	}
	if (item_size(f) != size) {
		errno = EINVAL;
		return -1;
	}
	t.r = (struct reader){.b = {in->data, in->size, list->bit, list->end, false},
			      .err = &err,
			      .two_bit_ends = in->two_bit_ends};
	if (cursor->n)
		t.r.b.pos = cursor->bit + f->gap[cursor->n > 1];
	memset(item, 0, size);
	if (read_content(&t, f, item) < 0) {
		errno = EINVAL;
		return -1;
	}
	cursor->n++;
	cursor->bit = t.r.b.pos;
	return 1;
}

ssize_t exi_str_get(const struct exi_str *s, char *buf, size_t size)
{
	const struct exi_in *in = s->at;
	uint32_t bit = s->bit, left = s->len;
	char part[64];
	size_t len = 0;

	if (!bit) {
		if (left >= size)
			goto range;
		memcpy(buf, s->at ? s->at : "", left);
		buf[left] = '\0';
		return (ssize_t)left;
	}
	while (left) {
		size_t n = exi_fetch_text(in->data, in->size, &bit, &left, part, sizeof part);

		if (n == 0 || n >= size - len)
			goto range;
		memcpy(buf + len, part, n);
		len += n;
	}
	if (len >= size)
		goto range;
	buf[len] = '\0';
	return (ssize_t)len;
range:
	errno = ERANGE;
	return -1;
}

bool exi_str_is(const struct exi_str *s, const char *text)
{
	const struct exi_in *in = s->at;
	uint32_t bit = s->bit, left = s->len;
	char part[64];

	if (!bit)
		return strlen(text) == s->len && memcmp(s->at ? s->at : "", text, s->len) == 0;
	while (left) {
		size_t n = exi_fetch_text(in->data, in->size, &bit, &left, part, sizeof part);

		if (n == 0 || strncmp(text, part, n) != 0)
			return false;
		text += n;
	}
	return *text == '\0';
}

ssize_t exi_bin_get(const struct exi_bin *b, uint8_t *buf, size_t size)
{
	const struct exi_in *in = b->at;

	if (b->len > size) {
		errno = ERANGE;
		return -1;
	}
	if (!b->bit)
		memcpy(buf, b->at ? b->at : "", b->len);
	else
		exi_fetch_octets(in->data, in->size, b->bit, b->len, buf);
	return (ssize_t)b->len;
}
