#include "bus/ring.h"

#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *r, size_t size)
{
	*r = (struct ring){.size = size < 262144 ? 262144 : size};
	r->nentry = 1024;
	while (r->nentry * 128 < r->size)
		r->nentry *= 2;
	r->data = malloc(r->size);
	r->entry = malloc(r->nentry * sizeof *r->entry);
	if (!r->data || !r->entry) {
		ring_release(r);
		return -1;
	}
	return 0;
}

void ring_release(struct ring *r)
{
	free(r->data);
	free(r->entry);
	*r = (struct ring){0};
}

/* Makes room for @need bytes in one piece at the write place. Kept lines lie from the oldest one's
 * place round to the write place; equal places with lines kept mean full. */
static void make_room(struct ring *r, size_t need, void (*evict)(void *ctx, uint64_t seq),
		      void *ctx)
{
	size_t oldest;

	while (r->first != r->last) {
		oldest = ring_at(r, r->first)->at;
		if (r->last - r->first == r->nentry) {
			evict(ctx, r->first++);
		} else if (oldest < r->write) {
			if (r->write + need <= r->size)
				return;
			r->write = 0;
		} else {
			if (r->write + need <= oldest)
				return;
			evict(ctx, r->first++);
		}
	}
	r->write = 0;
}

uint64_t ring_add(struct ring *r, const char *line, size_t len, struct ring_entry entry,
		  void (*evict)(void *ctx, uint64_t seq), void *ctx)
{
	make_room(r, len + 1, evict, ctx);
	memcpy(r->data + r->write, line, len);
	r->data[r->write + len] = '\n';
	entry.at = (uint32_t)r->write;
	entry.len = (uint32_t)len + 1;
	*ring_at(r, r->last) = entry;
	r->write += len + 1;
	return r->last++;
}
