/* JSON to streams: each element looks up its members by the grammar, so that their order doesn't
 * matter. */
#include "exi/json.h"

#include "exi/grammar.h"

#include <math.h>
#include <stdio.h>

/* A double holds every integer up to here. */
#define EXACT_MAX 0x1p53

/* Most attributes and elements of one type; the generator checks it. */
#define FIELDS_MAX 64

struct encode {
	struct bit_writer w;
	struct exi_err *err;
	uint16_t body;
	const char *message;
	int depth;
};

/* The members of one element, by field. */
struct members {
	struct encode *e;
	const struct exi_type *type;
	uint64_t have, done;
	jv value[FIELDS_MAX];
};

static int put_object(struct encode *e, uint16_t type, jv object);

static int fail(struct encode *e, const char *what, const char *name)
{
	*e->err = (struct exi_err){0};
	snprintf(e->err->what, sizeof e->err->what, name ? "%s: %s" : "%s%s", name ? name : "",
		 what);
	return -1;
}

/* Puts the way to the place before what is wrong there: "Body/SessionSetupReq/EVCCID: …". */
static int fail_in(struct encode *e, const char *name)
{
	char text[sizeof e->err->what];

	snprintf(text, sizeof text, "%s/%.180s", name, e->err->what);
	memcpy(e->err->what, text, sizeof text);
	return -1;
}

static int bad_value(struct encode *e, const struct exi_field *f, const char *what)
{
	fail(e, what, exi_name(f->name));
	value_expected(&exi_simples[f->type], e->err->expected, sizeof e->err->expected);
	return -1;
}

/* A decimal integer of the C type of s: all digits, and it fits. */
static bool parse_decimal(const struct exi_simple *s, const char *p, uint64_t *out)
{
	bool negative = *p == '-';
	uint64_t v = 0;

	p += negative;
	if (!*p || (negative && !s->is_signed))
		return false;
	for (; *p; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	if (s->is_signed && v > (uint64_t)INT64_MAX + negative)
		return false;
	*out = negative ? -v : v;
	return true;
}

static int put_int(struct encode *e, const struct exi_field *f, const struct exi_simple *s, jv v)
{
	const char *digits = json_str(v);
	uint64_t u;
	double d;

	if (digits) {
		if (!parse_decimal(s, digits, &u))
			return bad_value(e, f, "not a decimal integer of this type");
	} else if (json_num(v, -EXACT_MAX, EXACT_MAX, &d) && d == floor(d)) {
		if (d < 0 && !s->is_signed)
			return bad_value(e, f, value_bad(VALUE_RANGE));
		u = (uint64_t)(int64_t)d;
	} else {
		return bad_value(e, f, "expected a whole number, as a decimal string beyond 2^53");
	}
	if (!value_int_fits(s, u))
		return bad_value(e, f, value_bad(VALUE_RANGE));
	value_write_int(&e->w, s, u);
	return 0;
}

static int put_word(struct encode *e, const struct exi_field *f, const struct exi_simple *s, jv v)
{
	const char *word = json_str(v);

	for (unsigned i = 0; word && i < s->nvalues; i++) {
		if (strcmp(word, exi_name(exi_values[s->values + i])) == 0) {
			bit_put(&e->w, i, s->bits);
			return 0;
		}
	}
	return bad_value(e, f, "not a word of this enumeration");
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static int put_hex(struct encode *e, const struct exi_field *f, const struct exi_simple *s,
		   const char *p)
{
	size_t n = strlen(p);

	if (n % 2)
		return bad_value(e, f, "odd number of hex digits");
	if (n / 2 < s->min_len || n / 2 > s->max_len)
		return bad_value(e, f, value_bad(VALUE_LENGTH));
	bit_put_uint(&e->w, n / 2);
	for (; *p; p += 2) {
		int high = hex_digit(p[0]), low = hex_digit(p[1]);

		if (high < 0 || low < 0)
			return bad_value(e, f, "not a hex digit");
		bit_put(&e->w, (uint64_t)(high << 4 | low), 8);
	}
	return 0;
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
				      : -1;
}

/* Source: RFC 4648, section 4; bits that the padding leaves over must be zero (3.5). */
static int put_base64(struct encode *e, const struct exi_field *f, const struct exi_simple *s,
		      const char *p)
{
	size_t n = strlen(p), pad = 0, octets;
	uint32_t acc = 0;
	unsigned held = 0;

	while (pad < 2 && pad < n && p[n - 1 - pad] == '=')
		pad++;
	octets = n / 4 * 3 - pad;
	if (n % 4 != 0)
		return bad_value(e, f, "base64 of a wrong length");
	if (octets < s->min_len || octets > s->max_len)
		return bad_value(e, f, value_bad(VALUE_LENGTH));
	bit_put_uint(&e->w, octets);
	for (size_t i = 0; i < n - pad; i++) {
		int digit = base64_digit(p[i]);

		if (digit < 0)
			return bad_value(e, f, "not a base64 digit");
		acc = (acc << 6 | (uint32_t)digit) & 0xffff;
		held += 6;
		if (held >= 8) {
			held -= 8;
			bit_put(&e->w, acc >> held & 0xff, 8);
		}
	}
	if (acc & ((1u << held) - 1))
		return bad_value(e, f, "base64 with bits left over");
	return 0;
}

static int put_text(struct encode *e, const struct exi_field *f, const struct exi_simple *s, jv v)
{
	size_t n = (size_t)jv_string_length_bytes(jv_copy(v));
	enum value_bad bad = value_write_text(&e->w, s, json_str(v), n);

	return bad ? bad_value(e, f, value_bad(bad)) : 0;
}

static int put_simple(struct encode *e, const struct exi_field *f, jv v)
{
	const struct exi_simple *s = &exi_simples[f->type];

	switch (s->kind) {
	case EXI_KIND_BOOL:
		if (!json_is(v, JV_KIND_TRUE) && !json_is(v, JV_KIND_FALSE))
			return bad_value(e, f, "expected true or false");
		bit_put(&e->w, json_is(v, JV_KIND_TRUE), 1);
		return 0;
	case EXI_KIND_ENUM:
		return put_word(e, f, s, v);
	case EXI_KIND_STR:
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		if (!json_str(v))
			return bad_value(e, f, "expected a string");
		return s->kind == EXI_KIND_STR   ? put_text(e, f, s, v)
		       : s->kind == EXI_KIND_HEX ? put_hex(e, f, s, json_str(v))
						 : put_base64(e, f, s, json_str(v));
	default:
		return put_int(e, f, s, v);
	}
}

static int put_content(struct encode *e, const struct exi_field *f, jv v)
{
	const char *name = exi_name(f->name);

	if (f->flags & EXI_F_COMPLEX) {
		if (!json_is(v, JV_KIND_OBJECT))
			return fail(e, "expected an object", name);
		return put_object(e, f->type, v) < 0 ? fail_in(e, name) : 0;
	}
	if (f->place == EXI_PLACE_ELEMENT)
		bit_put(&e->w, 0, 1);
	if (put_simple(e, f, v) < 0)
		return -1;
	if (f->place == EXI_PLACE_ELEMENT)
		bit_put(&e->w, 0, 1);
	return 0;
}

static int take_member(void *ctx, const char *key, jv value)
{
	struct members *m = ctx;
	const struct exi_field *f = &exi_fields[m->type->field];

	for (unsigned i = 0; i < m->type->nfields; i++) {
		if (strcmp(key, exi_name(f[i].name)) == 0) {
			m->value[i] = value;
			m->have |= UINT64_C(1) << i;
			return 0;
		}
	}
	return fail(m->e, "the schema has no such member here", key);
}

/* The first event of a state that a member fills, and its code put; NULL where none is. */
static const struct exi_prod *choose(struct encode *e, const struct exi_state *s,
				     const struct members *m)
{
	uint64_t left = m->have & ~m->done;

	for (unsigned code = 0; code < s->n; code++) {
		const struct exi_prod *p = &exi_prods[s->prod + code];
		bool is_member = p->field < EXI_MIXED && left >> (p->field - m->type->field) & 1;

		if (is_member ? !(exi_fields[p->field].flags & EXI_F_REFUSED)
			      : p->field == EXI_EE) {
			bit_put(&e->w, code, s->bits);
			return p;
		}
	}
	return NULL;
}

static int not_here(struct encode *e, const struct exi_state *s, const struct members *m)
{
	uint64_t left = m->have & ~m->done;
	uint16_t name = left ? exi_fields[m->type->field + __builtin_ctzll(left)].name : 0;

	fail(e, left ? "can't stand here" : "something the schema requires is missing",
	     left ? exi_name(name) : NULL);
	grammar_list(s, e->err->expected, sizeof e->err->expected);
	return -1;
}

/* The items of a list; *p becomes the last item's production. */
static int put_list(struct encode *e, const struct exi_prod **p, jv items)
{
	const struct exi_field *f = &exi_fields[(*p)->field];
	int n = json_len(items);

	if (f->max && n > f->max)
		return fail(e, "more items than the schema permits", exi_name(f->name));
	for (int i = 0; i < n; i++) {
		jv item = json_at(items, i);

		if (i) {
			const struct exi_state *s = &exi_states[(*p)->next];
			const struct exi_prod *next = &exi_prods[s->prod];

			while (next->field != (*p)->field)
				next++;
			bit_put(&e->w, (uint64_t)(next - exi_prods) - s->prod, s->bits);
			*p = next;
		}
		if (put_content(e, f, item) < 0)
			return -1;
	}
	return 0;
}

static int put_members(struct encode *e, struct members *m)
{
	const struct exi_state *s = &exi_states[m->type->state];

	for (;;) {
		const struct exi_prod *p = choose(e, s, m);
		const struct exi_field *f;
		unsigned i;

		if (!p)
			return not_here(e, s, m);
		if (p->field == EXI_EE)
			return m->have == m->done ? 0 : not_here(e, s, m);
		f = &exi_fields[p->field];
		i = p->field - m->type->field;
		m->done |= UINT64_C(1) << i;
		if (&exi_types[e->body] == m->type && e->body != EXI_NONE)
			e->message = exi_name(f->name);
		if (!(f->flags & EXI_F_LIST)) {
			if (put_content(e, f, m->value[i]) < 0)
				return -1;
			s = &exi_states[p->next];
			continue;
		}
		if (!json_is(m->value[i], JV_KIND_ARRAY) || json_len(m->value[i]) == 0)
			return fail(e, "expected an array with items", exi_name(f->name));
		if (put_list(e, &p, m->value[i]) < 0)
			return -1;
		s = &exi_states[p->full && json_len(m->value[i]) == f->max ? p->full : p->next];
	}
}

static int put_object(struct encode *e, uint16_t type, jv object)
{
	struct members m;
	int r;

	if (++e->depth > EXI_DEPTH_MAX)
		return fail(e, "elements nested too deeply", NULL);
	m.e = e;
	m.type = &exi_types[type];
	m.have = m.done = 0;
	r = json_each(object, take_member, &m);
	if (r == 0)
		r = put_members(e, &m);
	e->depth--;
	return r;
}

struct root {
	const char *name;
	jv value;
};

static int take_root(void *ctx, const char *key, jv value)
{
	struct root *root = ctx;

	root->name = key;
	root->value = value;
	return 0;
}

ssize_t exi_from_json(int schema, int flags, jv root, uint8_t *out, size_t outsize,
		      const char **message, struct exi_err *err)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	struct encode e = {.w = {.data = out, .size = outsize}, .err = err, .body = EXI_NONE};
	const struct exi_field *f = NULL;
	struct root one;
	const char *what;
	int code;

	if (!json_is(root, JV_KIND_OBJECT) || json_len(root) != 1)
		return fail(&e, "expected an object with one member, the root element", NULL);
	json_each(root, take_root, &one);
	code = grammar_root_find(schema, flags, one.name, &f, &what);
	if (code < 0)
		return fail(&e, what, one.name);
	e.message = exi_name(f->name);
	if (!(flags & EXI_FRAGMENT) && code == row->wrap)
		e.body = row->body;
	bit_put(&e.w, 0x80, 8);
	bit_put(&e.w, (uint64_t)code, grammar_root_bits(row, flags));
	if (put_content(&e, f, one.value) < 0)
		return -1;
	if (flags & EXI_FRAGMENT)
		bit_put(&e.w, row->nfragments + 1u, grammar_root_bits(row, flags));
	bit_finish(&e.w);
	if (e.w.full)
		return fail(&e, "the message doesn't fit the buffer", NULL);
	if (message)
		*message = e.message;
	return (ssize_t)e.w.len;
}
