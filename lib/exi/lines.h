/* What evse-exi does with a line: JSON in, JSON out. No I/O here. */
#ifndef EXI_LINES_H
#define EXI_LINES_H

#include "core/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A buffer for answers needs this maximum. */
#define EXI_ANSWER_MAX (8u << 20)

/**
 * Decodes the stream that a line holds. evse-exi(1) describes the members.
 *
 * @line  one JSON object, NUL-terminated
 * @out   the answer is appended: the same object with message and json, or with error; no newline
 * @return  0, or -1 where the answer has an error
 */
int exi_line_decode(const char *line, size_t len, struct buf *out);

/** Encodes the message that a line holds; as above, with exi. */
int exi_line_encode(const char *line, size_t len, struct buf *out);

/**
 * Octets of a hex string.
 *
 * @return  their number, or -1 where it isn't hex, is of odd length, or has more than max octets
 */
ssize_t exi_hex(const char *hex, uint8_t *out, size_t max);

/**
 * The EXI stream in a whole V2GTP frame.
 *
 * @return  octets of the stream behind the header of 8, with *payload_type; or -1 where the header
 * is wrong or its length isn't that of the frame Source: ISO 15118-2:2014, 7.8.3
 */
ssize_t exi_v2gtp(const uint8_t *frame, size_t size, uint16_t *payload_type);

#endif
