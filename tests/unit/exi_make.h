/* Random schema-valid streams made from the grammar tables, boundary values preferred. */
#ifndef EXI_MAKE_H
#define EXI_MAKE_H

#include "exi/grammar.h"

struct make {
	struct bit_writer w;
	uint64_t seed;
	bool stuck;     /* a type that only foreign elements can fill */
	uint32_t items; /* list items so far: later lists stay short */
};

static uint64_t make_random(struct make *m)
{
	m->seed += 0x9e3779b97f4a7c15u;
	uint64_t z = m->seed;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t make_below(struct make *m, uint64_t n)
{
	return make_random(m) % n;
}

static void make_int(struct make *m, const struct exi_simple *s)
{
	uint64_t span = s->high - (uint64_t)s->low, v = (uint64_t)s->low;

	switch (make_below(m, 6)) {
	case 0:
		break;
	case 1:
		v = s->high;
		break;
	case 2:
		v += span ? 1 : 0;
		break;
	case 3:
		v = value_int_fits(s, 0) ? 0 : v;
		break;
	case 4:
		v += make_random(m) >> make_below(m, 63) & span;
		v = value_int_fits(s, v) ? v : s->high;
		break;
	default:
		v += span == UINT64_MAX ? make_random(m) : make_below(m, span + 1);
		break;
	}
	value_write_int(&m->w, s, v);
}

static uint32_t make_len(struct make *m, const struct exi_simple *s)
{
	uint32_t most = s->max_len == UINT32_MAX ? 300 : s->max_len;

	switch (make_below(m, 8)) {
	case 0:
		return s->min_len;
	case 1:
		return m->items < 20 ? most : s->min_len;
	default:
		most = most - s->min_len > 24 ? s->min_len + 24 : most;
		return s->min_len + (uint32_t)make_below(m, most - s->min_len + 1);
	}
}

static void make_text(struct make *m, const struct exi_simple *s)
{
	static const uint32_t edges[] = {1,     0x1f,   0x22,   0x5c,   0x7f,    0x80,    0x7ff,
					 0x800, 0xd7ff, 0xe000, 0xfffd, 0x10000, 0x10ffff};
	uint32_t len = make_len(m, s);
	bool wild = make_below(m, 4) == 0;

	bit_put_uint(&m->w, (uint64_t)len + 2);
	while (len--)
		bit_put_uint(&m->w, wild ? edges[make_below(m, sizeof edges / sizeof *edges)]
					 : 0x20 + make_below(m, 0x5f));
}

static void make_octets(struct make *m, const struct exi_simple *s)
{
	uint32_t len = make_len(m, s);

	bit_put_uint(&m->w, len);
	while (len--)
		bit_put(&m->w, make_random(m) & 0xff, 8);
}

static void make_value(struct make *m, const struct exi_simple *s)
{
	if (s->kind == EXI_KIND_STR)
		make_text(m, s);
	else if (s->kind == EXI_KIND_HEX || s->kind == EXI_KIND_BASE64)
		make_octets(m, s);
	else if (s->kind == EXI_KIND_BOOL || s->kind == EXI_KIND_ENUM)
		bit_put(&m->w, make_below(m, s->high + 1), s->bits);
	else
		make_int(m, s);
}

static void make_type(struct make *m, uint16_t type);

static void make_content(struct make *m, const struct exi_field *f)
{
	if (f->flags & EXI_F_COMPLEX) {
		make_type(m, f->type);
		return;
	}
	if (f->place == EXI_PLACE_ELEMENT)
		bit_put(&m->w, 0, 1);
	make_value(m, &exi_simples[f->type]);
	if (f->place == EXI_PLACE_ELEMENT)
		bit_put(&m->w, 0, 1);
}

/* Picks a production; fields never go backwards, since JSON keeps no order between elements of a
 * repeated choice. */
static const struct exi_prod *make_choice(struct make *m, const struct exi_state *s, uint16_t last,
					  bool go_on)
{
	const struct exi_prod *fit[64];
	unsigned n = 0, pick;

	for (unsigned i = 0; i < s->n; i++) {
		const struct exi_prod *p = &exi_prods[s->prod + i];

		if (p->field != EXI_EE &&
		    (p->field >= EXI_MIXED || exi_fields[p->field].flags & EXI_F_REFUSED))
			continue;
		if (p->field != EXI_EE && last != EXI_NONE && p->field < last)
			continue;
		fit[n++] = p;
	}
	if (n == 0) {
		m->stuck = true;
		return NULL;
	}
	pick = (unsigned)make_below(m, n);
	if (fit[0]->field == last && go_on)
		pick = 0;
	else if (n > 1 && fit[0]->field == last && m->items > 200)
		pick = n - 1;
	bit_put(&m->w, (uint64_t)(fit[pick] - exi_prods) - s->prod, s->bits);
	return fit[pick];
}

static void make_type(struct make *m, uint16_t type)
{
	const struct exi_state *s = &exi_states[exi_types[type].state];
	uint16_t last = EXI_NONE;
	uint32_t n = 0;
	bool fill = false;

	for (;;) {
		const struct exi_prod *p = make_choice(m, s, last, fill);
		const struct exi_field *f;

		if (!p || p->field == EXI_EE)
			return;
		f = &exi_fields[p->field];
		n = p->field == last ? n + 1 : 1;
		if (n == 1 && f->flags & EXI_F_LIST)
			fill = f->max && m->items + f->max < 300 && make_below(m, 5) == 0;
		else if (n == 1)
			fill = false;
		last = p->field;
		m->items += (f->flags & EXI_F_LIST) != 0;
		make_content(m, f);
		s = &exi_states[p->full && n == f->max ? p->full : p->next];
	}
}

/* Makes a message; its octets' number. */
static size_t make_message(struct make *m, int message, uint8_t *out, size_t size)
{
	const struct exi_message_row *row = &exi_messages[message];
	const struct exi_schema_row *schema = &exi_schemas[row->schema];

	m->w = (struct bit_writer){.data = out, .size = size};
	m->items = 0;
	m->stuck = false;
	bit_put(&m->w, 0x80, 8);
	if (schema->wrap == EXI_NONE) {
		bit_put(&m->w, row->code, grammar_root_bits(schema, 0));
		make_type(m, row->type);
	} else {
		bit_put(&m->w, schema->wrap, grammar_root_bits(schema, 0));
		bit_put(&m->w, 0, 1);
		make_type(m, schema->header);
		bit_put(&m->w, 0, 1);
		bit_put(&m->w, row->code, exi_states[exi_types[schema->body].state].bits);
		make_type(m, row->type);
		bit_put(&m->w, 0, 2);
	}
	bit_finish(&m->w);
	return m->w.full || m->stuck ? 0 : m->w.len;
}

/* Whether JSON can name a fragment's element: one only of that name, and not abstract. */
static inline bool make_named(int schema, uint16_t field)
{
	const struct exi_field *f;
	const char *what;

	return field != EXI_NONE &&
	       grammar_root_find(schema, EXI_FRAGMENT, exi_name(exi_fields[field].name), &f,
				 &what) >= 0;
}

/* Makes a fragment of one of the schema's elements. */
static inline size_t make_fragment(struct make *m, int schema, uint8_t *out, size_t size)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	unsigned bits = grammar_root_bits(row, EXI_FRAGMENT), code;
	uint16_t field;

	do {
		code = (unsigned)make_below(m, row->nfragments);
		field = exi_roots[row->fragments + code];
	} while (!make_named(schema, field));
	m->w = (struct bit_writer){.data = out, .size = size};
	m->items = 0;
	m->stuck = false;
	bit_put(&m->w, 0x80, 8);
	bit_put(&m->w, code, bits);
	make_content(m, &exi_fields[field]);
	bit_put(&m->w, row->nfragments + 1u, bits);
	bit_finish(&m->w);
	return m->w.full || m->stuck ? 0 : m->w.len;
}

#endif
