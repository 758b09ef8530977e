#include "ws/backoff.h"

uint32_t ws_backoff_ms(const struct ws_backoff *b, uint32_t attempt, uint32_t random)
{
	uint32_t doublings = attempt < b->repeat_times ? attempt : b->repeat_times;
	uint64_t wait = b->wait_min_ms;

	while (doublings-- > 0 && wait > 0 && wait < WS_BACKOFF_MAX_MS)
		wait *= 2;
	wait += ((uint64_t)b->random_range_ms + 1) * random >> 32;
	return wait < WS_BACKOFF_MAX_MS ? (uint32_t)wait : WS_BACKOFF_MAX_MS;
}
