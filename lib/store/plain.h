/* A recogniser of JSON for the fast path of `evse-log record`: several times as fast as a parser,
 * and makes nothing. Pure. */
#ifndef STORE_PLAIN_H
#define STORE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/**
 * True for a line that needs no second look: one well-formed object in UTF-8,
 * without a member of the head (t, type, src …) at the top level behind the head. What it doubts,
 * as great depth, is left to the parser.
 *
 * @body  offset of the first byte behind the head, as head_scan() gives it
 */
bool line_is_plain(const char *line, size_t len, size_t body);

#endif
