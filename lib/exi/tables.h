/* The shape of the generated grammar tables (lib/exi/tables/). README.md in this folder explains
 * them.
 *
 * Private to lib/exi; the one public thing here is what the generated headers need. All indices are
 * positions in the arrays declared at the end. Nothing here is written after start-up. */
#ifndef EXI_TABLES_H
#define EXI_TABLES_H

#include <stdint.h>

/* How a value stands in the stream (EXI 1.0, section 7.1). */
enum exi_kind {
	/* These three are n-bit codes: an offset from low, at most high - low. */
	EXI_KIND_BOOL,
	EXI_KIND_ENUM,
	EXI_KIND_NBIT, /* integer in a range of at most 4096 values */
	EXI_KIND_UINT,
	EXI_KIND_INT,
	EXI_KIND_STR,
	EXI_KIND_HEX,
	EXI_KIND_BASE64,
};

struct exi_simple {
	uint8_t kind;
	uint8_t bits;              /* BOOL, NBIT, ENUM */
	uint8_t size;              /* octets of the C member */
	uint8_t is_signed;         /* of the C member */
	uint16_t values, nvalues;  /* ENUM: words in exi_values */
	uint32_t min_len, max_len; /* STR in characters; HEX, BASE64 in octets */
	int64_t low;
	uint64_t high;
};

enum exi_place { EXI_PLACE_ELEMENT, EXI_PLACE_ATTRIBUTE, EXI_PLACE_CONTENT };

#define EXI_NONE UINT16_MAX

enum {
	EXI_F_COMPLEX = 1, /* type is in exi_types, else in exi_simples */
	EXI_F_LIST = 2,    /* maxOccurs above 1: an array in JSON, a struct exi_list in C */
	EXI_F_LAZY = 4,    /* one element kept as a struct exi_list of length 0 or 1 */
	EXI_F_REFUSED = 8, /* abstract: can't occur without xsi:type */
};

struct exi_field {
	uint16_t name;
	uint16_t type;
	uint16_t max;    /* LIST: most items, 0 = no bound */
	uint16_t offset; /* in the C structure */
	uint16_t
	    present; /* offset of the octet that says whether (or which); EXI_NONE = always there */
	uint8_t which; /* value of that octet */
	uint8_t place;
	uint8_t flags;
	uint8_t gap[2]; /* LIST: bits of the event code before the second item, before later ones */
};

/* Events of a production that are not fields. */
enum { EXI_EE = 0xffff, EXI_ANY = 0xfffe, EXI_MIXED = 0xfffd };

struct exi_prod {
	uint16_t field; /* in exi_fields, or an event above */
	uint16_t next;  /* state after it */
	uint16_t full;  /* state after the last permitted item of a list, 0 = none */
};

struct exi_state {
	uint16_t prod; /* first production; the event code counts from here */
	uint8_t n;
	uint8_t bits; /* of n productions and the escape to second-level codes */
};

struct exi_type {
	uint16_t cname;
	uint16_t state;
	uint16_t field, nfields;
	uint16_t size; /* of its C structure; 0 = it has none */
	uint16_t flat; /* 1: its fields are required elements with numbers, one behind the other */
};

struct exi_message_row {
	uint16_t name;
	uint16_t size; /* of its C structure */
	uint16_t type; /* of the root element, or of the body element where the schema wraps */
	uint16_t body; /* offset of the body in the structure */
	uint8_t schema;
	uint8_t code; /* event code of the root element, or of the body element */
};

struct exi_schema_row {
	const char *name;
	const char *ns;
	uint16_t payload_type;
	uint16_t roots, nroots;         /* in exi_roots: index in exi_fields or EXI_NONE */
	uint16_t fragments, nfragments; /* in exi_roots */
	uint16_t messages, nmessages;   /* in exi_messages */
	uint16_t wrap;                  /* event code of V2G_Message, or EXI_NONE */
	uint16_t header, body;          /* types of its two elements */
};

extern const char exi_names[];      /* each: its length in one octet, the text, NUL */
extern const uint16_t exi_values[]; /* words of enumerations, in exi_names */
extern const struct exi_simple exi_simples[];
extern const struct exi_field exi_fields[];
extern const struct exi_prod exi_prods[];
extern const struct exi_state exi_states[];
extern const struct exi_type exi_types[];
extern const uint16_t exi_roots[];
extern const struct exi_message_row exi_messages[];
extern const struct exi_schema_row exi_schemas[];
extern const uint32_t exi_tables_size; /* octets of all of the above */

static inline const char *exi_name(uint16_t at)
{
	return exi_names + at + 1;
}

static inline unsigned exi_name_len(uint16_t at)
{
	return (unsigned char)exi_names[at];
}

#endif
