/* UTC instants as text: RFC 3339 with 'Z', and microseconds since 1970 as int64_t. Pure. */
#ifndef CORE_UTC_H
#define CORE_UTC_H

#include <stddef.h>
#include <stdint.h>

enum { UTC_LEN = 24 }; /* strlen("2026-11-22T10:00:00.123Z") */

/**
 * Writes @real_us with milliseconds (rounded down) as "2026-11-22T10:00:00.123Z".
 *
 * @real_us  microseconds since 1970-01-01, years 1970 to 9999; clamped outside
 * @out      UTC_LEN + 1 bytes
 */
void utc_format(int64_t real_us, char out[UTC_LEN + 1]);

/**
 * Reads an RFC 3339 date-time; fractions of a second to the microsecond (further digits are cut),
 * 'Z' or an offset "+hh:mm". A leap second (":60") counts as the second after.
 *
 * @return  0, or -1 with errno EINVAL; @real_us untouched on failure
 * Source: RFC 3339, section 5.6
 */
int utc_parse(const char *text, size_t len, int64_t *real_us);

#endif
