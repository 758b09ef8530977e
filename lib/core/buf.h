/* A growable byte buffer with a mandatory maximum.
 *
 * The bytes always end in a NUL that is not counted. The first failure (out of memory, or over the
 * maximum) sticks: later appends do nothing, and buf_failed() tells. So a writer appends freely and
 * asks once at the end. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty and never grown */
	size_t len, cap, max;
	bool failed;
};

/** Makes an empty buffer that never holds more than @max bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);

/** Frees the contents. The buffer may be initialised again. */
void buf_release(struct buf *b);

/** Empties the buffer, keeps its memory, and forgets a failure. */
void buf_reset(struct buf *b);

/** Appends @len bytes. @return 0, or -1 when over the maximum or out of memory (errno EMSGSIZE,
 * ENOMEM). */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_addc(struct buf *b, char c);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Makes room for @len more bytes and gives the place to write them; buf_added() then counts them.
 */
char *buf_room(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);

/** Appends what @fd has, to its end. @return 0, or -1 with errno: as read(2), EMSGSIZE over the
 * maximum. */
int buf_read_all(struct buf *b, int fd);

/** Removes the first @len bytes. */
void buf_drop(struct buf *b, size_t len);

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

/** The bytes as a C string; "" while empty. Valid until the next change. */
const char *buf_str(const struct buf *b);

#endif
