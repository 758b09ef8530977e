/* The only caller of clock_gettime. Two times go together everywhere: the wall clock, for what is
 * written down, and a clock that only ever goes forward, for deadlines and leases.
 *
 * Under $EVSE_CLOCK (a socket of the test clock, tests/tools/test-clock.c) both come from a page of
 * memory that the clock server shares with all tools, and stand still while any tool works; see
 * loop.h. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct now {
	int64_t real_us; /* UTC, microseconds since 1970-01-01 */
	int64_t mono_us; /* CLOCK_BOOTTIME: goes on through suspend, never steps */
};

#define CLOCK_NEVER INT64_MAX /* a deadline that does not come */

/** Reads the clock now. Inside a loop prefer loop_now(): one time for one turn. */
struct now clock_read(void);

/** The `m` of a record: milliseconds since boot. */
static inline int64_t now_boot_ms(struct now now)
{
	return now.mono_us / 1000;
}

/** False while the wall clock was never set (before 2020): records then carry "unsynced":true. */
bool clock_is_set(struct now now);

/** The wall-clock instant @real_us as a deadline on the forward clock, as things stand at @now. */
static inline int64_t clock_deadline(struct now now, int64_t real_us)
{
	return now.mono_us + (real_us - now.real_us);
}

/* ---- the test clock's client side; used by loop.c and by tests ---- */

/** True when $EVSE_CLOCK names a test clock that answered. Connects at the first call of any
 * function here. */
bool clock_is_test(void);
/** The connection to the clock server, to be watched by the loop; -1 without a test clock. */
int clock_test_fd(void);
/** Tells the server that this process waits until @deadline_us (mono) and has nothing to do before.
 */
void clock_test_idle(int64_t deadline_us);
/** Answers the server's check number @round: still waiting until @deadline_us, or busy. */
void clock_test_answer(uint64_t round, bool idle, int64_t deadline_us);

enum clock_test_word { CLOCK_TEST_NONE, CLOCK_TEST_CHECK, CLOCK_TEST_ADVANCED, CLOCK_TEST_GONE };
/** Takes one message of the server without blocking; @round is set for a check. */
enum clock_test_word clock_test_read(uint64_t *round);

/* What stands in the shared page and in each message; the server includes this too. */
struct clock_page {
	_Atomic int64_t real_us, mono_us;
};
struct clock_message {
	char word; /* client: 'I' idle, 'A' answer idle, 'B' answer busy; server: 'C' check, 'T'
		      time */
	uint64_t round; /* of a check */
	int64_t deadline_us;
};

#endif
