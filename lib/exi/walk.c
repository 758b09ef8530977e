/* The walk: reads a stream by its grammar and tells a visitor what it meets. */
#include "exi/grammar.h"

#include <stdio.h>

struct walk {
	struct reader r;
	const struct exi_visitor *v;
	void *ctx;
	uint16_t body; /* type whose first element names the message, or EXI_NONE */
	const char *message;
};

static int walk_type(struct walk *w, uint16_t type);

static void step(struct walk *w, uint32_t from, int depth, const char *event, const char *detail)
{
	if (w->v->step)
		w->v->step(w->ctx, from, w->r.b.pos, depth, event, detail);
}

static void step_code(struct walk *w, uint32_t from, int depth, const char *kind, const char *name)
{
	char event[300];

	if (!w->v->step)
		return;
	snprintf(event, sizeof event, "%s%s%s%s", kind, name ? "(" : "", name ? name : "",
		 name ? ")" : "");
	step(w, from, depth, event, NULL);
}

/* The one permitted code, 0, where a state has one production and the escape. */
static int one_bit(struct walk *w, const char *event, const struct exi_field *f)
{
	uint32_t at = w->r.b.pos;

	if (bit_get(&w->r.b, 1) || w->r.b.over) {
		grammar_fail(&w->r, at,
			     w->r.b.over ? "the stream ends inside an element"
					 : "second-level event code (xsi:type, xsi:nil or "
					   "undeclared content)",
			     exi_name(f->name));
		snprintf(w->r.err->expected, sizeof w->r.err->expected, "%s", event);
		return -1;
	}
	step_code(w, at, w->r.depth + (event[0] == 'C'), event, NULL);
	return 0;
}

static int walk_value(struct walk *w, const struct exi_field *f, const char *name)
{
	uint32_t at = w->r.b.pos;
	struct exi_value value;
	enum value_bad bad = value_read(&w->r.b, &exi_simples[f->type], &value);

	if (bad || w->r.b.over)
		return grammar_bad_value(&w->r, at, bad, f);
	step(w, at, w->r.depth + 1, "value", exi_name(f->name));
	if (w->v->value)
		w->v->value(w->ctx, name, &value);
	return 0;
}

/* What stands behind the event code of a field. name is NULL for an item of a list. */
static int walk_field(struct walk *w, const struct exi_field *f, const char *name)
{
	if (f->flags & EXI_F_COMPLEX) {
		if (w->v->open)
			w->v->open(w->ctx, name);
		if (walk_type(w, f->type) < 0)
			return -1;
		if (w->v->close)
			w->v->close(w->ctx);
		return 0;
	}
	if (f->place != EXI_PLACE_ELEMENT)
		return walk_value(w, f, name);
	if (one_bit(w, "CH", f) < 0 || walk_value(w, f, name) < 0)
		return -1;
	return one_bit(w, "EE", f);
}

/* The lists of one element: which is open, how long it is, which are closed for good. */
struct lists {
	uint16_t open;
	uint32_t n;
	uint64_t closed;
};

static void close_list(struct walk *w, struct lists *l, uint16_t first)
{
	if (l->open == EXI_NONE)
		return;
	l->closed |= UINT64_C(1) << (l->open - first);
	l->open = EXI_NONE;
	if (w->v->close_list)
		w->v->close_list(w->ctx);
}

/* Opens a list or goes on with it. A second run of the same element (KeyInfo only) has no place in
 * an array. */
static int in_list(struct walk *w, struct lists *l, uint16_t field, uint16_t first, uint32_t at)
{
	if (l->open == field)
		return 0;
	close_list(w, l, first);
	if (!(exi_fields[field].flags & EXI_F_LIST))
		return 0;
	if (l->closed >> (field - first) & 1)
		return grammar_fail(&w->r, at, "elements of a repeated choice in mixed order",
				    exi_name(exi_fields[field].name));
	l->open = field;
	l->n = 0;
	if (w->v->open_list)
		w->v->open_list(w->ctx, exi_name(exi_fields[field].name));
	return 0;
}

static int walk_type(struct walk *w, uint16_t type)
{
	const struct exi_type *t = &exi_types[type];
	const struct exi_state *s = &exi_states[t->state];
	struct lists l = {EXI_NONE, 0, 0};
	bool barred = false;

	if (++w->r.depth > EXI_DEPTH_MAX)
		return grammar_fail(&w->r, w->r.b.pos, "elements nested too deeply", NULL);
	for (;;) {
		uint32_t at = w->r.b.pos;
		uint64_t code = bit_get(&w->r.b, s->bits);
		const struct exi_prod *p;
		const struct exi_field *f;

		if (w->r.b.over || code >= s->n)
			return grammar_bad_event(&w->r, s, at, code);
		p = &exi_prods[s->prod + code];
		if (p->field == EXI_EE) {
			step_code(w, at, w->r.depth - 1, "EE", NULL);
			close_list(w, &l, t->field);
			w->r.depth--;
			return 0;
		}
		if (p->field >= EXI_MIXED || (barred && p->field == l.open))
			return grammar_bad_event(&w->r, s, at, code);
		f = &exi_fields[p->field];
		if (f->flags & EXI_F_REFUSED)
			return grammar_fail(&w->r, at, "abstract element", exi_name(f->name));
		if (type == w->body)
			w->message = exi_name(f->name);
		step_code(w, at, w->r.depth,
			  f->place == EXI_PLACE_ELEMENT     ? "SE"
			  : f->place == EXI_PLACE_ATTRIBUTE ? "AT"
							    : "CH",
			  exi_name(f->name));
		if (in_list(w, &l, p->field, t->field, at) < 0 ||
		    walk_field(w, f, f->flags & EXI_F_LIST ? NULL : exi_name(f->name)) < 0)
			return -1;
		s = &exi_states[grammar_after_item(&w->r, p, ++l.n == f->max, &barred)];
	}
}

static int walk_stream(struct walk *w, int schema, int flags)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	const struct exi_field *f;
	uint32_t at = w->r.b.pos;
	int code = grammar_root(&w->r, schema, flags, &f);

	if (code < 0)
		return -1;
	step_code(w, at, 0, "SE", exi_name(f->name));
	w->message = exi_name(f->name);
	w->body = !(flags & EXI_FRAGMENT) && code == row->wrap ? row->body : EXI_NONE;
	if (walk_field(w, f, exi_name(f->name)) < 0)
		return -1;
	at = w->r.b.pos;
	if (grammar_close(&w->r, schema, flags) < 0)
		return -1;
	if (flags & EXI_FRAGMENT)
		step_code(w, at, 0, "ED", NULL);
	return 0;
}

static int try_walk(struct walk *w, int schema, int flags, const uint8_t *data, size_t size,
		    bool two_bit_ends, struct exi_err *err)
{
	if (grammar_open(&w->r, data, size, err) < 0)
		return -1;
	w->r.two_bit_ends = two_bit_ends;
	return walk_stream(w, schema, flags);
}

/* The faulty form is tried only where the rule fails, and told to the visitor only where it
 * succeeds, so there are never two readings to choose from. */
int exi_walk(int schema, int flags, const uint8_t *data, size_t size,
	     const struct exi_visitor *visitor, void *ctx, const char **message,
	     struct exi_err *err)
{
	static const struct exi_visitor silent;
	struct walk w = {.v = visitor, .ctx = ctx};
	struct exi_err ignored;

	if (try_walk(&w, schema, flags, data, size, false, err) < 0) {
		if (!w.r.met_full)
			return -1;
		w.v = &silent;
		if (try_walk(&w, schema, flags, data, size, true, &ignored) < 0)
			return -1;
		w.v = visitor;
		if (visitor->restart)
			visitor->restart(ctx);
		try_walk(&w, schema, flags, data, size, true, err);
	}
	if (message)
		*message = w.message;
	return 0;
}
