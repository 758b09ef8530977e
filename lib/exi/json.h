/* EXI to and from JSON, for tools and logs.
 *
 * A message is an object with one member, the root element. Elements are members under their local
 * names, attributes likewise, simple content beside attributes is "value", what can occur more than
 * once is an array. Integers are numbers up to ±2^53 and decimal strings beyond; hexBinary is
 * upper-case hex, base64Binary is base64. */
#ifndef EXI_JSON_H
#define EXI_JSON_H

#include "core/json.h"
#include "exi/exi.h"

#include <sys/types.h>

/**
 * Reads a stream and writes it as JSON text.
 *
 * @flags    EXI_FRAGMENT or 0
 * @out      receives the text and a NUL
 * @message  NULL, or set to the message's name
 * @return   length of the text, or -1 with err filled (also where out is too small)
 *
 * Ownership: none taken.  Blocking: never.
 */
ssize_t exi_to_json(int schema, int flags, const uint8_t *data, size_t size, char *out,
		    size_t outsize, const char **message, struct exi_err *err);

/**
 * Writes a message that stands as JSON.
 *
 * What the schema doesn't know, misses or doesn't permit is refused with the path to it.
 *
 * @root     borrowed: an object with the root element as its one member
 * @flags    EXI_FRAGMENT or 0
 * @message  NULL, or set to the message's name
 * @return   octets written, or -1 with err filled
 */
ssize_t exi_from_json(int schema, int flags, jv root, uint8_t *out, size_t outsize,
		      const char **message, struct exi_err *err);

#endif
