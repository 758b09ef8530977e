/* Messages as C structures, for protocol code.
 *
 * Each message and type has one generated structure (lib/exi/tables/din.h, iso2.h, iso20.h, sap.h,
 * dsig.h), whose members carry the schema's names. Reading checks the whole stream and fills the
 * structure; text, octets and lists stay where they are, in the stream, and are fetched by the
 * functions below, so a message of any size needs no memory but its structure (the largest is below
 * 4 KiB). Writing takes the same structure. Nothing allocates or blocks.
 *
 *     struct exi_in in;
 *     if (exi_open(&in, EXI_ISO20_DC, octets, size, &err) < 0) …
 *     switch (in.message) {
 *     case EXI_ISO20_DC_DC_ChargeLoopReq: {
 *             struct iso20_DC_ChargeLoopReq req;
 *             if (exi_read(&in, &req, sizeof req, &err) < 0) …
 *
 * A message read borrows in and its octets: both must outlive it, unmoved. */
#ifndef EXI_TYPED_H
#define EXI_TYPED_H

#include "exi/exi.h"
#include "exi/values.h"

#include <string.h>
#include <sys/types.h>

/* A stream being read. */
struct exi_in {
	const uint8_t *data;
	uint32_t size;
	int schema;
	int message;       /* enum exi_message */
	bool two_bit_ends; /* full lists end in two bits (README.md); set by exi_read */
};

/**
 * Finds out which message a stream is.
 *
 * @return  0, or -1 with err filled. The rest of the message may still be wrong: exi_read checks it
 * whole.
 */
int exi_open(struct exi_in *in, int schema, const uint8_t *data, size_t size, struct exi_err *err);

/**
 * Reads and checks the whole message.
 *
 * @msg   the structure of in->message; zeroed first
 * @size  its sizeof; another size is refused
 * @return  0, or -1 with err filled and msg unusable
 */
int exi_read(struct exi_in *in, void *msg, size_t size, struct exi_err *err);

/**
 * Writes a message.
 *
 * @msg      the structure of that message
 * @msgsize  its sizeof; another size is refused
 * @return   octets written, or -1 with err filled: what is missing, too long, too many or out of
 * range
 */
ssize_t exi_write(int message, const void *msg, size_t msgsize, uint8_t *out, size_t outsize,
		  struct exi_err *err);

/**
 * Writes one element as a fragment: the octets that are hashed for a signature.
 *
 * @schema   of the message that holds the element; EXI_XMLDSIG for SignedInfo
 * @element  its name, "SignedInfo"
 * @part     the structure of its type, read or made
 * @return   octets written, or -1 with err filled
 *
 * Source: ISO 15118-2:2014, 7.9.2.4 (fragment grammar for signatures)
 */
ssize_t exi_write_fragment(int schema, const char *element, const void *part, size_t partsize,
			   uint8_t *out, size_t outsize, struct exi_err *err);

/** Where a list is; zero it to begin. */
struct exi_cursor {
	uint32_t n;
	uint32_t bit;
};

/**
 * The next item of a list.
 *
 * @item  what the comment beside the member says the list is of
 * @size  its sizeof
 * @return  1, or 0 at the end, or -1 with errno EINVAL where size is of another type
 */
int exi_next(const struct exi_list *list, struct exi_cursor *cursor, void *item, size_t size);

/**
 * Text as a C string.
 *
 * @return  its length in octets, or -1 with errno ERANGE where it doesn't fit: nothing is ever cut
 */
ssize_t exi_str_get(const struct exi_str *s, char *buf, size_t size);

/** Whether it is this text. */
bool exi_str_is(const struct exi_str *s, const char *text);

/** Octets; their number, or -1 with errno ERANGE where they don't fit. */
ssize_t exi_bin_get(const struct exi_bin *b, uint8_t *buf, size_t size);

/** Text, octets and arrays of the caller's, for writing. */
static inline struct exi_str exi_str(const char *text)
{
	return (struct exi_str){text, 0, (uint32_t)strlen(text)};
}

static inline struct exi_bin exi_bin(const void *octets, uint32_t len)
{
	return (struct exi_bin){octets, 0, len};
}

static inline struct exi_list exi_list(const void *items, uint32_t n)
{
	return (struct exi_list){.at = items, .n = n};
}

#endif
