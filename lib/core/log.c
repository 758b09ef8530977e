#include "core/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/jw.h"
#include "core/utc.h"

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

enum { REPEAT_FREE = 5 };
#define REPEAT_WINDOW_US INT64_C(10000000)

/* The messages of one process are one thing; this is the only mutable global of lib/core. */
static struct {
	char tool[32];
	enum log_level level;
	bool json;
	char last[256];
	int64_t window_us;
	int repeats;
} g = {.tool = "evse", .level = LOG_LEVEL_NOTICE};

void log_init(const char *tool)
{
	const char *env = getenv("EVSE_LOG");

	snprintf(g.tool, sizeof g.tool, "%s", tool);
	for (size_t i = 0; env && i < sizeof level_names / sizeof *level_names; i++)
		if (strcmp(env, level_names[i]) == 0)
			g.level = (enum log_level)i;
}

void log_set_level(enum log_level level)
{
	g.level = level;
}

enum log_level log_get_level(void)
{
	return g.level;
}

void log_set_json(bool on)
{
	g.json = on;
}

static size_t json_escape(char *out, size_t size, const char *s)
{
	size_t n = 0, left = strlen(s), len;

	for (; left && n + 5 < size; s += len, left -= len) {
		len = utf8_len((const unsigned char *)s, left);
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		if (len)
			memcpy(out + n, s, len);
		else
			out[n] = '?';
		len += !len;
		n += len;
	}
	out[n] = '\0';
	return n;
}

static void emit(enum log_level level, const char *msg)
{
	char line[2300], esc[1200], t[UTC_LEN + 1];
	int len;

	if (g.json) {
		utc_format(clock_read().real_us, t);
		json_escape(esc, sizeof esc, msg);
		len = snprintf(line, sizeof line,
			       "{\"t\":\"%s\",\"level\":\"%s\",\"tool\":\"%s\",\"msg\":\"%s\"}\n",
			       t, level_names[level], g.tool, esc);
	} else {
		len = snprintf(line, sizeof line, "%s: %s: %s\n", g.tool, level_names[level], msg);
	}
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nowhere left to say it */
}

static bool held_back(enum log_level level, const char *msg)
{
	int64_t now = clock_read().mono_us;
	char note[64];
	bool same =
	    strncmp(g.last, msg, sizeof g.last - 1) == 0 && now - g.window_us < REPEAT_WINDOW_US;

	if (same)
		return ++g.repeats > REPEAT_FREE;
	if (g.repeats > REPEAT_FREE) {
		snprintf(note, sizeof note, "last message repeated %d times",
			 g.repeats - REPEAT_FREE);
		emit(level, note);
	}
	snprintf(g.last, sizeof g.last, "%.*s", (int)sizeof g.last - 1, msg);
	g.window_us = now;
	g.repeats = 1;
	return false;
}

static void vlog(enum log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void vlog(enum log_level level, const char *fmt, va_list ap)
{
	char msg[1024];

	if (level > g.level)
		return;
	vsnprintf(msg, sizeof msg, fmt, ap);
	for (char *p = msg; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (!held_back(level, msg))
		emit(level, msg);
}

#define LOG_FN(name, level)                   \
	void log_##name(const char *fmt, ...) \
	{                                     \
		va_list ap;                   \
		va_start(ap, fmt);            \
		vlog(level, fmt, ap);         \
		va_end(ap);                   \
	}

LOG_FN(error, LOG_LEVEL_ERROR)
LOG_FN(warning, LOG_LEVEL_WARNING)
LOG_FN(notice, LOG_LEVEL_NOTICE)
LOG_FN(info, LOG_LEVEL_INFO)
LOG_FN(debug, LOG_LEVEL_DEBUG)

void log_fatal(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit((int)code);
}
