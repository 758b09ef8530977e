/* How long to wait before the next try to connect. Pure.
 *
 * Source: OCPP 2.0.1 part 4 (OCPP-J), reconnecting; variables RetryBackOffWaitMinimum,
 * RetryBackOffRandomRange and RetryBackOffRepeatTimes of OCPPCommCtrlr.
 */
#ifndef WS_BACKOFF_H
#define WS_BACKOFF_H

#include <stdint.h>

struct ws_backoff {
	uint32_t wait_min_ms;     /* the first wait */
	uint32_t random_range_ms; /* up to this is added to each wait */
	uint32_t repeat_times;    /* the wait doubles this often, then stays */
};

#define WS_BACKOFF_DEFAULT ((struct ws_backoff){1000, 1000, 6})
#define WS_BACKOFF_MAX_MS  86400000u /* a day */

/**
 * The wait before a try.
 *
 * @attempt  0 for the first try after a connection was lost, then counting
 * @random   any 32 random bits; spread evenly over the random range
 * @return   ms: wait_min · 2^min(attempt, repeat_times) + 0…random_range, at most WS_BACKOFF_MAX_MS
 */
uint32_t ws_backoff_ms(const struct ws_backoff *b, uint32_t attempt, uint32_t random);

#endif
