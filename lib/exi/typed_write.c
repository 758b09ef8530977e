#include "exi/typed.h"

#include "exi/bits.h"
#include "exi/grammar.h"

#include <stdio.h>

struct writer {
	struct bit_writer w;
	struct exi_err *err;
};

static int write_type(struct writer *w, uint16_t type, const uint8_t *base);

static int fail(struct writer *w, const char *what, const char *name)
{
	*w->err = (struct exi_err){0};
	snprintf(w->err->what, sizeof w->err->what, name ? "%s: %s" : "%s%s", name ? name : "",
		 what);
	return -1;
}

static int bad_value(struct writer *w, const struct exi_field *f, enum value_bad bad)
{
	fail(w, value_bad(bad), exi_name(f->name));
	value_expected(&exi_simples[f->type], w->err->expected, sizeof w->err->expected);
	return -1;
}

static inline uint64_t load(const uint8_t *at, const struct exi_simple *s)
{
	uint16_t v2;
	uint32_t v4;
	uint64_t v;

	switch (s->size) {
	case 1:
		return s->is_signed ? (uint64_t)(int64_t)(int8_t)*at : *at;
	case 2:
		memcpy(&v2, at, 2);
		return s->is_signed ? (uint64_t)(int64_t)(int16_t)v2 : v2;
	case 4:
		memcpy(&v4, at, 4);
		return s->is_signed ? (uint64_t)(int64_t)(int32_t)v4 : v4;
	default:
		memcpy(&v, at, 8);
		return v;
	}
}

/* Bits of a stream as they are. */
static void copy_bits(struct bit_writer *w, const struct exi_in *in, uint32_t from, uint32_t to)
{
	struct bit_reader b = {in->data, in->size, from, to, false};

	while (to - b.pos >= 32)
		bit_put(w, bit_get(&b, 32), 32);
	if (to > b.pos) {
		unsigned n = to - b.pos;

		bit_put(w, bit_get(&b, n), n);
	}
}

static enum value_bad write_str(struct bit_writer *w, const struct exi_simple *s,
				const struct exi_str *v)
{
	const struct exi_in *in = v->at;
	struct bit_reader b;
	enum value_bad bad;

	if (!v->bit)
		return value_write_text(w, s, v->at ? v->at : "", v->len);
	if (v->len < s->min_len || v->len > s->max_len)
		return VALUE_LENGTH;
	b = (struct bit_reader){in->data, in->size, v->bit, in->size * 8, false};
	bad = value_skip_text(&b, v->len);
	if (bad)
		return bad;
	bit_put_uint(w, (uint64_t)v->len + 2);
	copy_bits(w, in, v->bit, b.pos);
	return VALUE_GOOD;
}

static enum value_bad write_bin(struct bit_writer *w, const struct exi_simple *s,
				const struct exi_bin *v)
{
	if (!v->bit)
		return value_write_octets(w, s, v->at, v->len);
	if (v->len < s->min_len || v->len > s->max_len)
		return VALUE_LENGTH;
	bit_put_uint(w, v->len);
	copy_bits(w, v->at, v->bit, v->bit + v->len * 8);
	return VALUE_GOOD;
}

/* A number with what stands before it: its event code and CH, in lead, of at most 7 bits; and with
 * its EE. Short ones, the most, go out at once. */
static inline enum value_bad put_number(struct bit_writer *w, uint64_t lead, unsigned n,
					const struct exi_simple *s, uint64_t v)
{
	uint64_t magnitude = v;

	if (!value_int_fits(s, v))
		return VALUE_RANGE;
	if (s->kind <= EXI_KIND_NBIT) {
		bit_put(w, lead << (s->bits + 1) | (v - (uint64_t)s->low) << 1, n + s->bits + 1);
		return VALUE_GOOD;
	}
	if (s->kind == EXI_KIND_INT) {
		bool negative = (int64_t)v < 0;

		magnitude = negative ? ~v : v;
		lead = lead << 1 | negative;
		n++;
	}
	if (magnitude < 0x80) {
		bit_put(w, lead << 9 | magnitude << 1, n + 9);
	} else if (magnitude < 0x4000) {
		bit_put(w, lead << 17 | ((magnitude & 0x7f) | 0x80) << 9 | magnitude >> 7 << 1,
			n + 17);
	} else {
		bit_put(w, lead, n);
		bit_put_uint(w, magnitude);
		bit_put(w, 0, 1);
	}
	return VALUE_GOOD;
}

/* A simple element behind its event code (lead, of n bits): CH, value, EE. */
static inline enum value_bad put_element(struct bit_writer *w, uint64_t lead, unsigned n,
					 const struct exi_simple *s, const uint8_t *at)
{
	enum value_bad bad;

	if (s->kind <= EXI_KIND_INT)
		return put_number(w, lead << 1, n + 1, s, load(at, s));
	bit_put(w, lead << 1, n + 1);
	bad = s->kind == EXI_KIND_STR ? write_str(w, s, (const void *)at)
				      : write_bin(w, s, (const void *)at);
	bit_put(w, 0, 1);
	return bad;
}

/* An attribute or simple content behind its event code. */
static enum value_bad put_value(struct bit_writer *w, const struct exi_simple *s, const uint8_t *at)
{
	uint64_t v;

	if (s->kind == EXI_KIND_STR)
		return write_str(w, s, (const void *)at);
	if (s->kind > EXI_KIND_INT)
		return write_bin(w, s, (const void *)at);
	v = load(at, s);
	if (!value_int_fits(s, v))
		return VALUE_RANGE;
	value_write_int(w, s, v);
	return VALUE_GOOD;
}

/* A whole flat type, one required number behind the other. */
static inline int write_flat(struct writer *w, const struct exi_type *type, const uint8_t *base)
{
	const struct exi_field *f = &exi_fields[type->field];

	for (unsigned i = 0; i < type->nfields; i++, f++) {
		const struct exi_simple *s = &exi_simples[f->type];
		enum value_bad bad = put_number(&w->w, 0, 2, s, load(base + f->offset, s));

		if (bad)
			return bad_value(w, f, bad);
	}
	bit_put(&w->w, 0, 1);
	return 0;
}

/* What a field holds, behind its event code (code, of n bits). */
static inline int write_content(struct writer *w, uint64_t code, unsigned n,
				const struct exi_field *f, const uint8_t *at)
{
	enum value_bad bad;

	if (!(f->flags & EXI_F_COMPLEX) && f->place == EXI_PLACE_ELEMENT) {
		bad = put_element(&w->w, code, n, &exi_simples[f->type], at);
		return bad ? bad_value(w, f, bad) : 0;
	}
	bit_put(&w->w, code, n);
	if (f->flags & EXI_F_COMPLEX)
		return exi_types[f->type].flat ? write_flat(w, &exi_types[f->type], at)
					       : write_type(w, f->type, at);
	bad = put_value(&w->w, &exi_simples[f->type], at);
	return bad ? bad_value(w, f, bad) : 0;
}

/* The production of the next item of a list. */
static const struct exi_prod *next_item(const struct exi_prod *p)
{
	const struct exi_prod *next = &exi_prods[exi_states[p->next].prod];

	while (next->field != p->field)
		next++;
	return next;
}

/* Items that stand in a stream are taken as they are, with the codes between them. */
static int copy_list(struct writer *w, const struct exi_list *list, const struct exi_field *f)
{
	const struct exi_field *from = &exi_fields[list->field];
	const struct exi_in *in = list->at;

	if (from->type != f->type || ((from->flags ^ f->flags) & (EXI_F_COMPLEX | EXI_F_LIST)) ||
	    memcmp(from->gap, f->gap, sizeof f->gap) != 0)
		return fail(w, "list of another type", exi_name(f->name));
	if (in->two_bit_ends)
		return fail(w, "list from a stream with two-bit list ends", exi_name(f->name));
	copy_bits(&w->w, in, list->bit, list->end);
	return 0;
}

/* Writes a list, its first item with the code given; the production that its last item took, or
 * NULL. */
static const struct exi_prod *write_list(struct writer *w, uint64_t code, unsigned bits,
					 const struct exi_prod *p, const struct exi_list *list)
{
	const struct exi_field *f = &exi_fields[p->field];
	size_t size =
	    f->flags & EXI_F_COMPLEX ? exi_types[f->type].size : exi_simples[f->type].size;
	const struct exi_prod *last = p;

	if (f->max && list->n > f->max) {
		fail(w, "more items than the schema permits", exi_name(f->name));
		return NULL;
	}
	if (list->bit) {
		bit_put(&w->w, code, bits);
		for (uint32_t n = 1; n < list->n && last != next_item(last); n++)
			last = next_item(last);
		return copy_list(w, list, f) < 0 ? NULL : last;
	}
	if (size == 0) {
		fail(w, "has no structure; only what was read can be written", exi_name(f->name));
		return NULL;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		if (i) {
			const struct exi_state *s = &exi_states[last->next];

			last = next_item(last);
			code = (uint64_t)(last - exi_prods) - s->prod;
			bits = s->bits;
		}
		if (write_content(w, code, bits, f, (const uint8_t *)list->at + i * size) < 0)
			return NULL;
	}
	return last;
}

/* Whether a structure has this field. */
static inline bool has_field(const struct exi_field *f, const uint8_t *base)
{
	if (f->present != EXI_NONE)
		return base[f->present] == f->which;
	if (f->flags & (EXI_F_LIST | EXI_F_LAZY))
		return ((const struct exi_list *)(const void *)(base + f->offset))->n > 0;
	return true;
}

/* Chooses what comes next: the first that the structure has, in the order of the schema; NULL =
 * nothing fits. */
static inline const struct exi_prod *choose(struct writer *w, const struct exi_state *s,
					    uint16_t done, const uint8_t *base)
{
	const struct exi_prod *p = &exi_prods[s->prod], *end = p + s->n;

	for (; p < end; p++) {
		if (p->field == EXI_EE)
			return p;
		if (p->field < EXI_MIXED && p->field != done &&
		    !(exi_fields[p->field].flags & EXI_F_REFUSED) &&
		    has_field(&exi_fields[p->field], base))
			return p;
	}
	fail(w, "something the schema requires is missing", NULL);
	grammar_list(s, w->err->expected, sizeof w->err->expected);
	return NULL;
}

static int write_type(struct writer *w, uint16_t type, const uint8_t *base)
{
	const struct exi_state *s = &exi_states[exi_types[type].state];
	uint16_t done = EXI_NONE;

	for (;;) {
		const struct exi_prod *p = choose(w, s, done, base);
		const struct exi_list *list;
		const struct exi_field *f;
		uint64_t code;

		if (!p)
			return -1;
		code = (uint64_t)(p - exi_prods) - s->prod;
		if (p->field == EXI_EE) {
			bit_put(&w->w, code, s->bits);
			return 0;
		}
		f = &exi_fields[p->field];
		if (!(f->flags & (EXI_F_LIST | EXI_F_LAZY))) {
			if (write_content(w, code, s->bits, f, base + f->offset) < 0)
				return -1;
			s = &exi_states[p->next];
			continue;
		}
		list = (const void *)(base + f->offset);
		done = p->field;
		p = write_list(w, code, s->bits, p, list);
		if (!p)
			return -1;
		s = &exi_states[f->max && list->n == f->max && p->full ? p->full : p->next];
	}
}

static int write_wrapped(struct writer *w, const struct exi_schema_row *row,
			 const struct exi_message_row *m, const uint8_t *msg)
{
	const struct exi_state *body = &exi_states[exi_types[row->body].state];

	bit_put(&w->w, row->wrap, grammar_root_bits(row, 0));
	bit_put(&w->w, 0, 1);
	if (write_type(w, row->header, msg) < 0)
		return -1;
	bit_put(&w->w, 0, 1);
	bit_put(&w->w, m->code, body->bits);
	if (write_type(w, m->type, msg + m->body) < 0)
		return -1;
	bit_put(&w->w, 0, 2);
	return 0;
}

static ssize_t finish(struct writer *w)
{
	bit_finish(&w->w);
	if (w->w.full)
		return fail(w, "the message doesn't fit the buffer", NULL);
	return (ssize_t)w->w.len;
}

ssize_t exi_write(int message, const void *msg, size_t msgsize, uint8_t *out, size_t outsize,
		  struct exi_err *err)
{
	const struct exi_message_row *m = &exi_messages[message];
	const struct exi_schema_row *row = &exi_schemas[m->schema];
	struct writer w = {.w = {.data = out, .size = outsize}, .err = err};
	int r;

	if (m->size != msgsize)
		return fail(&w, "structure of another message", NULL);
	bit_put(&w.w, 0x80, 8);
	if (row->wrap != EXI_NONE) {
		r = write_wrapped(&w, row, m, msg);
	} else {
		bit_put(&w.w, m->code, grammar_root_bits(row, 0));
		r = write_type(&w, m->type, msg);
	}
	return r < 0 ? -1 : finish(&w);
}

ssize_t exi_write_fragment(int schema, const char *element, const void *part, size_t partsize,
			   uint8_t *out, size_t outsize, struct exi_err *err)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	struct writer w = {.w = {.data = out, .size = outsize}, .err = err};
	unsigned bits = grammar_root_bits(row, EXI_FRAGMENT);
	const struct exi_field *f = NULL;
	const char *what;
	int code = grammar_root_find(schema, EXI_FRAGMENT, element, &f, &what);

	if (code < 0)
		return fail(&w, what, element);
	if (!(f->flags & EXI_F_COMPLEX) || exi_types[f->type].size != partsize)
		return fail(&w, "structure of another type", element);
	bit_put(&w.w, 0x80, 8);
	bit_put(&w.w, (uint64_t)code, bits);
	if (write_type(&w, f->type, part) < 0)
		return -1;
	bit_put(&w.w, row->nfragments + 1u, bits);
	return finish(&w);
}
