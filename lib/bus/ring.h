/* One ring of lines, read by any number of cursors. Pure: no descriptors, no clock. */
#ifndef BUS_RING_H
#define BUS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_entry {
	uint32_t at, len; /* in the data, newline included; never wraps */
	uint16_t type;    /* index of the type in the bus's own table */
	bool urgent, conflate, resent;
	int32_t key;  /* in the retained table; -1: none */
	int32_t only; /* subscriber that this is for beside those who asked: a command's addressee;
			 -1 */
	const char *service; /* whose connections all get it: a reply's addressee; NULL */
};

struct ring {
	char *data;
	size_t size, write; /* bytes; next place */
	struct ring_entry *entry;
	size_t nentry;        /* power of two */
	uint64_t first, last; /* sequence numbers kept: first … last-1 */
};

/** @size  bytes of lines kept, at least 256 KiB. @return 0, or -1 when out of memory. */
int ring_init(struct ring *r, size_t size);
void ring_release(struct ring *r);

/**
 * Adds a line and its newline.
 *
 * @evict  called for each entry that must go to make room, oldest first, while it is still readable
 * @return the sequence number
 */
uint64_t ring_add(struct ring *r, const char *line, size_t len, struct ring_entry entry,
		  void (*evict)(void *ctx, uint64_t seq), void *ctx);

static inline struct ring_entry *ring_at(const struct ring *r, uint64_t seq)
{
	return &r->entry[seq & (r->nentry - 1)];
}

#endif
