/* SLAC and key messages of HomePlug Green PHY, as JSON. */
#ifndef PCAP_SLAC_H
#define PCAP_SLAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/jw.h"

enum slac_dir { SLAC_LOCAL, SLAC_FROM_EV, SLAC_FROM_EVSE };

/* A management message: what is known of its type, and where its fields stand. */
struct slac {
	const char *name; /* "CM_SLAC_PARM.REQ"; NULL where the type isn't one of ours */
	enum slac_dir dir;
	uint16_t type; /* MMTYPE */
	const struct slac_field *fields;
	const uint8_t *entry;
	size_t size;
};

/**
 * Reads the head of a management message.
 *
 * @data  what follows the ethertype 0x88e1
 * @return  0, or -1 with @err where it is too short
 *
 * Source: HomePlug Green PHY 1.1, 11.1 (frame), ISO 15118-3:2015, annex A
 */
int slac_read(const uint8_t *data, size_t size, struct slac *out, struct err *err);

/**
 * Writes the fields as one JSON object. Keys (NMK) are left out: the network's identifier, which
 * is made from the key, tells whether two are the same.
 *
 * @return  0, or -1 with @err where the message is too short; the object is complete nevertheless
 */
int slac_print(const struct slac *s, struct jw *w, struct err *err);

#endif
