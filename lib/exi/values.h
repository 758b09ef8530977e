/* The members of the generated message structures that are not plain C types.
 *
 * A message that was read borrows the octets it was read from: text, binary values and lists stay
 * in the stream and are fetched by the functions of typed.h. A message to be written borrows the
 * caller's memory. The same structure serves both ways, so what was read can be written again,
 * whole or in part. */
#ifndef EXI_VALUES_H
#define EXI_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Text. In memory (bit == 0): at is UTF-8 of len octets. In a stream: len characters from that bit
 * on. */
struct exi_str {
	const void *at;
	uint32_t bit;
	uint32_t len;
};

/* Octets. In memory (bit == 0): at points to len octets. In a stream: len octets from that bit on.
 */
struct exi_bin {
	const void *at;
	uint32_t bit;
	uint32_t len;
};

/* A list. In memory (bit == 0): at is a C array of n items. In a stream: the items stand in bits
 * bit to end, the event codes between them included. */
struct exi_list {
	const void *at;
	uint32_t bit, end;
	uint16_t field; /* private */
	uint32_t n;
};

#endif
