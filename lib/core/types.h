/* The record types: one table for the bus, the relays, the log and every writer. See
 * evse-records(7). */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>

struct record_type {
	const char *name;
	bool retained; /* the newest per (type,src) is kept and given to new subscribers */
	bool event;    /* never conflated; the producer owns it until each durable reader has
			  acknowledged */
	bool urgent;   /* goes first on the bus */
	bool to_ocpp;  /* evse-ocpp is a durable reader of it */
	int max_age_s; /* a retained record older than this counts as absent; 0: no bound */
};

/** @return  the type's row, or NULL for a type that this version does not know. */
const struct record_type *record_type(const char *name, size_t len);

/** All rows, @count of them, for listings and indexes. */
const struct record_type *record_types(size_t *count);

#endif
