/* Instants as people type them. Pure. */
#ifndef CLOCKS_WHEN_H
#define CLOCKS_WHEN_H

#include <stdint.h>

/**
 * Reads an RFC 3339 date-time of which the end may be missing: "2026-11-22", "2026-11-22T10:00",
 * "2026-11-22 10:00:00"; what is missing is 0, and without 'Z' or offset it is UTC.
 *
 * @return  0, or -1 with errno EINVAL; @real_us untouched on failure
 */
int when_parse(const char *text, int64_t *real_us);

#endif
