/* The head of a record, read without parsing the rest, and the reader of lines. See
 * evse-records(7).
 *
 *   {"t":"2026-11-22T10:00:00.123Z","type":"meter","src":"meter.ev","n":"k3f9.8123","m":91422310,"evse":1,…}
 *
 * The members stand in this order and spelling; n, m, evse, connector and to may be absent; head
 * strings hold no escapes; a blank after ':' or ',' is allowed, since people type lines. */
#ifndef CORE_HEAD_H
#define CORE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { NDJSON_LINE_MAX = 65536 }; /* with its newline */

/* Bytes of somebody else's buffer. */
struct slice {
	const char *at;
	size_t len;
};

static inline bool slice_is(struct slice s, const char *text)
{
	size_t i = 0;

	while (i < s.len && text[i] && s.at[i] == text[i])
		i++;
	return i == s.len && !text[i];
}

struct head {
	struct slice t, type, src, n, to; /* len 0: absent (only n and to may be) */
	int64_t m;                        /* ms since boot; -1: absent */
	int evse, connector;              /* 0: absent */
	bool unsynced;
	size_t body; /* offset of the first byte after the head: ',' or '}' */
};

/**
 * Scans the head of one line.
 *
 * @line, @len  without the newline
 * @h           points into @line; untouched on failure
 * @return      0, or -1 with @err saying what was expected where
 */
int head_scan(const char *line, size_t len, struct head *h, struct err *err);

/* ---- lines ---- */

/* Cuts a stream of bytes into lines, at most NDJSON_LINE_MAX long. */
struct lines {
	char *data;
	size_t len, cap;
	bool skipping;   /* inside an over-long line */
	uint64_t number; /* of the line last given, from 1 */
	uint64_t bad;    /* over-long lines, and a last one without newline */
};

void lines_init(struct lines *l);
void lines_release(struct lines *l);

/**
 * Reads once from @fd and gives each whole line to @fn, without its newline and ending in a NUL.
 *
 * An over-long line is skipped to its end, counted, and given as line NULL with its length so far,
 * so that the caller can report its number; so is a last line without newline, at the end of input.
 * @return  bytes read; 0 at the end of input; -1 with errno (EAGAIN when nothing was there)
 */
long lines_read(struct lines *l, int fd, void (*fn)(void *ctx, const char *line, size_t len),
		void *ctx);

/**
 * Reads @fd to its end: lines_init, lines_read for all there is, lines_release.
 *
 * @return  0, or -1 with errno; lines were given in both cases
 */
int lines_read_all(struct lines *l, int fd, void (*fn)(void *ctx, const char *line, size_t len),
		   void *ctx);

/** As lines_read for bytes that are already here; @len 0 means the end. */
void lines_feed(struct lines *l, const char *data, size_t len,
		void (*fn)(void *ctx, const char *line, size_t len), void *ctx);

#endif
