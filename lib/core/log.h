/* Messages to stderr: "evse-meter: warning: text", or one JSON object a line with
 * --log-format=json.
 *
 * One message, one write(2). Control bytes become '?'. A message that repeats is held back after
 * the fifth in ten seconds and reported with its count. Records never come here; message texts are
 * not an interface. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>

#include "core/exit.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/** Names the tool in each message and takes the level from $EVSE_LOG (error … debug) where set. */
void log_init(const char *tool);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_json(bool on);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Prints an error and exits with @code. For cmd/ and core/tool only. */
void log_fatal(enum exit_code code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
