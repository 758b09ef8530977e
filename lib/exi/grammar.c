#include "exi/grammar.h"

#include <stdio.h>

int grammar_fail(struct reader *r, uint32_t bit, const char *what, const char *name)
{
	r->err->bit = bit;
	snprintf(r->err->what, sizeof r->err->what, name ? "%s: %s" : "%s%s", name ? name : "",
		 what);
	r->err->expected[0] = '\0';
	return -1;
}

static const char *event_name(uint16_t field)
{
	switch (field) {
	case EXI_EE:
		return "the element's end";
	case EXI_ANY:
		return "a foreign element";
	case EXI_MIXED:
		return "text";
	default:
		return exi_name(exi_fields[field].name);
	}
}

void grammar_list(const struct exi_state *s, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < s->n; i++) {
		const char *name = event_name(exi_prods[s->prod + i].field);
		size_t need = strlen(name) + 2;

		if (len + need + 4 >= size) {
			snprintf(buf + len, size - len, ", …");
			return;
		}
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", name);
	}
}

int grammar_bad_event(struct reader *r, const struct exi_state *s, uint32_t bit, uint64_t code)
{
	const char *what;

	if (r->b.over)
		what = "the stream ends where an event code is due";
	else if (code == s->n)
		what = "second-level event code (xsi:type, xsi:nil or undeclared content)";
	else if (code < s->n && exi_prods[s->prod + code].field == EXI_ANY)
		what = "element from a foreign namespace";
	else if (code < s->n && exi_prods[s->prod + code].field == EXI_MIXED)
		what = "text between elements";
	else if (code < s->n)
		what = "list longer than the schema permits";
	else
		what = "no such event code";
	grammar_fail(r, bit, what, NULL);
	grammar_list(s, r->err->expected, sizeof r->err->expected);
	return -1;
}

int grammar_bad_value(struct reader *r, uint32_t bit, enum value_bad bad, const struct exi_field *f)
{
	grammar_fail(r, bit, value_bad(r->b.over ? VALUE_CUT : bad), exi_name(f->name));
	value_expected(&exi_simples[f->type], r->err->expected, sizeof r->err->expected);
	return -1;
}

int grammar_open(struct reader *r, const uint8_t *data, size_t size, struct exi_err *err)
{
	*r = (struct reader){.b = {data, 0, 8, 0, false}, .err = err};
	if (size > EXI_STREAM_MAX)
		return grammar_fail(r, 0, "stream too long", NULL);
	r->b.size = (uint32_t)size;
	r->b.end = (uint32_t)size * 8;
	if (size && data[0] == 0x80)
		return 0;
	grammar_fail(r, 0,
		     size == 0                  ? "empty"
		     : (data[0] & 0xc0) != 0x80 ? "EXI header: distinguishing bits wrong"
		     : data[0] & 0x20           ? "EXI header: options, which this profile has not"
						: "EXI header: version not 1",
		     NULL);
	snprintf(err->expected, sizeof err->expected, "octet 80");
	return -1;
}

int grammar_root(struct reader *r, int schema, int flags, const struct exi_field **f)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	unsigned n = flags & EXI_FRAGMENT ? row->nfragments : row->nroots;
	uint32_t at = r->b.pos;
	uint64_t code = bit_get(&r->b, grammar_root_bits(row, flags));
	uint16_t field;

	if (r->b.over)
		return grammar_fail(r, at, "the stream ends before the root element", NULL);
	if (code >= n)
		return grammar_fail(r, at, "no such root element", NULL);
	field = exi_roots[(flags & EXI_FRAGMENT ? row->fragments : row->roots) + code];
	if (field == EXI_NONE)
		return grammar_fail(r, at, "element of several types as a fragment", NULL);
	*f = &exi_fields[field];
	if ((*f)->flags & EXI_F_REFUSED)
		return grammar_fail(r, at, "abstract element", exi_name((*f)->name));
	return (int)code;
}

int grammar_root_find(int schema, int flags, const char *name, const struct exi_field **f,
		      const char **what)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	int n = flags & EXI_FRAGMENT ? row->nfragments : row->nroots, found = -1;
	uint16_t first = flags & EXI_FRAGMENT ? row->fragments : row->roots;

	*what = "the schema has no such element";
	for (int i = 0; i < n; i++) {
		const struct exi_field *row_field = &exi_fields[exi_roots[first + i]];

		if (exi_roots[first + i] == EXI_NONE || row_field->flags & EXI_F_REFUSED ||
		    strcmp(name, exi_name(row_field->name)) != 0)
			continue;
		if (found >= 0) {
			*what = "several namespaces have an element of that name";
			return -1;
		}
		found = i;
		*f = row_field;
	}
	return found;
}

/* Nothing may follow but padding. Cars have been seen to pad a message that ends with an octet by
 * one more zero octet; that alone is let pass. */
static bool grammar_end(struct bit_reader *b)
{
	uint32_t left = b->end - b->pos;

	return left < 8 || (left == 8 && bit_get(b, 8) == 0);
}

int grammar_close(struct reader *r, int schema, int flags)
{
	const struct exi_schema_row *row = &exi_schemas[schema];
	uint32_t at = r->b.pos;

	if (flags & EXI_FRAGMENT) {
		uint64_t code = bit_get(&r->b, grammar_root_bits(row, flags));

		if (r->b.over || code != row->nfragments + 1u)
			return grammar_fail(r, at, "no end of the fragment after its element",
					    NULL);
	}
	if (r->b.over)
		return grammar_fail(r, at, "the stream ends inside the message", NULL);
	return grammar_end(&r->b)
		   ? 0
		   : grammar_fail(r, r->b.pos, "octets after the end of the message", NULL);
}
