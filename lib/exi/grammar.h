/* What reading and writing share: a reader with its errors, the header, the frame around an
 * element. Private. */
#ifndef EXI_GRAMMAR_H
#define EXI_GRAMMAR_H

#include "exi/value.h"

struct reader {
	struct bit_reader b;
	struct exi_err *err;
	int depth;
	bool two_bit_ends; /* the known faulty form at the end of full lists */
	bool met_full;     /* a list whose end would differ in that form */
};

/* Says what is wrong, at a bit; -1. */
int grammar_fail(struct reader *r, uint32_t bit, const char *what, const char *name);

/* The event code at a bit is none that is permitted in this state; -1. */
int grammar_bad_event(struct reader *r, const struct exi_state *s, uint32_t bit, uint64_t code);

/* A bad value of a field; -1. */
int grammar_bad_value(struct reader *r, uint32_t bit, enum value_bad bad,
		      const struct exi_field *f);

/* Writes the names of what a state permits. */
void grammar_list(const struct exi_state *s, char *buf, size_t size);

/* Checks size and the header octet and sets the reader behind it. */
int grammar_open(struct reader *r, const uint8_t *data, size_t size, struct exi_err *err);

/* The event code of the root or fragment element; *f is its declaration. Returns the code, or -1.
 */
int grammar_root(struct reader *r, int schema, int flags, const struct exi_field **f);

/* What follows the root element: ED of a fragment, padding, and nothing else. */
int grammar_close(struct reader *r, int schema, int flags);

/* The code of a root or fragment element by its name; -1 with *what said where there is none, or
 * where several namespaces have one. */
int grammar_root_find(int schema, int flags, const char *name, const struct exi_field **f,
		      const char **what);

static inline unsigned grammar_root_bits(const struct exi_schema_row *row, int flags)
{
	unsigned highest = flags & EXI_FRAGMENT ? row->nfragments + 1u : row->nroots;

	return 32u - (unsigned)__builtin_clz(highest);
}

/* The state after an item of a list, and whether the list may not go on there (two-bit form). */
static inline uint16_t grammar_after_item(struct reader *r, const struct exi_prod *p, bool full,
					  bool *barred)
{
	*barred = false;
	if (!full || !p->full)
		return p->next;
	if (exi_states[p->full].n == 1 && exi_prods[exi_states[p->full].prod].field == EXI_EE) {
		r->met_full = true;
		*barred = r->two_bit_ends;
	}
	return *barred ? p->next : p->full;
}

#endif
