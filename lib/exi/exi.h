/* EXI for the charging protocols: DIN SPEC 70121, ISO 15118-2 and -20, their handshake and their
 * signatures.
 *
 * Schema-informed, bit-packed EXI 1.0 in the profile that cars and stations use: non-strict
 * grammars, header 0x80 without options, default fidelity, no string tables. This header has what
 * all ways in share: schemas, messages, errors and the walk that JSON and explain are made from.
 * Protocol code uses typed.h, tools use json.h.
 *
 * Everything is refused that can't be represented exactly: string table hits, second-level event
 * codes (xsi:type, undeclared attributes and elements), wildcards, character data in mixed content,
 * values outside the schema's limits, integers over 64 bit, octets after the end. Nothing here
 * allocates, blocks, or keeps state. */
#ifndef EXI_EXI_H
#define EXI_EXI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exi/tables/ids.h"

/* Longest stream that is read, in octets. */
#define EXI_STREAM_MAX (1u << 20)

/* Deepest nesting of elements; the schemas need 12. */
#define EXI_DEPTH_MAX 24

/* Why a stream or a message was refused. expected may be empty. */
struct exi_err {
	uint32_t bit; /* in the stream, from its first octet; 0 when writing */
	char what[240];
	char expected[200];
};

/**
 * The schema of a name as in the vector files ("iso15118-20-dc"). A name that starts with "xmldsig"
 * is the XML Signature schema, which exists for fragments.
 *
 * @return  enum exi_schema, or -1
 */
int exi_schema_find(const char *name);

/** Its name, namespace, and V2GTP payload type (0: never sent by itself). */
const char *exi_schema_name(int schema);
const char *exi_schema_ns(int schema);
uint16_t exi_schema_payload(int schema);

/**
 * The schema of a payload type. 0x8001 carries three schemas, which the first octets tell apart.
 *
 * @return  enum exi_schema, or -1 with err filled
 * Source: ISO 15118-20:2022, 7.8.3 (payload types)
 */
int exi_schema_guess(uint16_t payload_type, const uint8_t *data, size_t size, struct exi_err *err);

/** Messages in the order of their numbers: name and schema. */
const char *exi_message_name(int message);
int exi_message_schema(int message);

/** The message of that name, or -1. */
int exi_message_find(int schema, const char *name);

/** A value met on a walk. Text and octets stay in the stream: bit and len say where. */
struct exi_value {
	uint8_t kind; /* enum exi_kind of tables.h */
	bool is_signed;
	uint32_t bit, len;
	union {
		uint64_t u;
		int64_t i;
	};
	const char *word; /* of an enumeration */
};

/** What a walk calls. name is NULL for an item of a list. Any member may be NULL. */
struct exi_visitor {
	void (*open)(void *ctx, const char *name); /* an element with attributes or elements */
	void (*close)(void *ctx);
	void (*open_list)(void *ctx, const char *name);
	void (*close_list)(void *ctx);
	void (*value)(void *ctx, const char *name, const struct exi_value *value);
	void (*restart)(void *ctx); /* forget what was told: the walk begins anew */
	/* Every step of the grammar: the bits from..to and what they say (explain). */
	void (*step)(void *ctx, uint32_t from, uint32_t to, int depth, const char *event,
		     const char *detail);
};

enum { EXI_FRAGMENT = 1 };

/**
 * Walks through a whole stream and checks it.
 *
 * The walk calls the visitor as it goes, so on failure a part of the message has been reported
 * already.
 *
 * @flags    EXI_FRAGMENT: a fragment (what is hashed and signed), not a document
 * @message  NULL, or set to the message's name: the root element, or where the schema wraps
 * messages the body's element
 * @return   0, or -1 with err filled
 *
 * A list filled to maxOccurs ends in a one-bit code; one widespread encoder writes two bits there.
 * A stream that fails by the rule is tried once more with all such ends in two bits, see README.md.
 */
int exi_walk(int schema, int flags, const uint8_t *data, size_t size,
	     const struct exi_visitor *visitor, void *ctx, const char **message,
	     struct exi_err *err);

/**
 * Fetches text of a walked value, a part at a time: UTF-8, no NUL added.
 *
 * @bit, @left  where the text goes on and how many characters are left; both advance
 * @bufsize     at least 8
 * @return      octets written to buf
 */
size_t exi_fetch_text(const uint8_t *data, size_t size, uint32_t *bit, uint32_t *left, char *buf,
		      size_t bufsize);

/** Fetches octets: all len of them. */
void exi_fetch_octets(const uint8_t *data, size_t size, uint32_t bit, uint32_t len, uint8_t *buf);

#endif
