#include "core/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/head.h"

#define MAGIC UINT64_C(0x31304c4f4f505345) /* "ESPOOL01" */

/* Positions only grow; a position modulo SPOOL_BYTES is a place in the data. An entry is a 4-byte
 * length, the line, and padding to 8; it never wraps: a length of SKIP sends the reader to the
 * start. */
struct map {
	uint64_t magic;
	_Atomic uint64_t head, tail, lost;
	char pad[32];
	char data[SPOOL_BYTES];
};

struct spool {
	struct map *map;
	int fd;
};

#define SKIP UINT32_MAX

static uint64_t size_of(size_t len)
{
	return (4 + len + 7) & ~(uint64_t)7;
}

/* The length of the entry at @pos; what cannot be one ends the walk. */
static uint32_t length_at(const struct map *m, uint64_t pos)
{
	uint32_t len;

	memcpy(&len, m->data + pos % SPOOL_BYTES, sizeof len);
	return len;
}

static uint64_t after(const struct map *m, uint64_t pos)
{
	uint32_t len = length_at(m, pos);

	return len == SKIP ? pos + SPOOL_BYTES - pos % SPOOL_BYTES : pos + size_of(len);
}

/* Walks from tail to head as a reader would: every entry must lie inside. */
static int intact(const struct map *m)
{
	uint64_t pos = m->tail;

	if (m->magic != MAGIC || m->head < m->tail || m->head - m->tail > SPOOL_BYTES || pos % 8)
		return 0;
	while (pos < m->head) {
		uint32_t len = length_at(m, pos);

		if (len != SKIP &&
		    (len > NDJSON_LINE_MAX || pos % SPOOL_BYTES + size_of(len) > SPOOL_BYTES))
			return 0;
		pos = after(m, pos);
	}
	return pos == m->head;
}

struct spool *spool_open(const char *path, struct err *err)
{
	struct spool *s = calloc(1, sizeof *s);

	if (!s) {
		err_sys(err, "unable to open %s", path);
		return NULL;
	}
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0 || flock(s->fd, LOCK_EX) < 0 || ftruncate(s->fd, sizeof *s->map) < 0)
		goto fail;
	/* all of it now: a hole that the disk has no room for would be SIGBUS later */
	if ((errno = posix_fallocate(s->fd, 0, sizeof *s->map)))
		goto fail;
	s->map = mmap(NULL, sizeof *s->map, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED)
		goto fail;
	if (!intact(s->map)) {
		s->map->head = s->map->tail = s->map->lost = 0;
		s->map->magic = MAGIC;
	}
	flock(s->fd, LOCK_UN);
	return s;
fail:
	err_sys(err, "unable to open the event spool %s", path);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	munmap(s->map, sizeof *s->map);
	close(s->fd);
	free(s);
}

/* Data first, head last: a process killed in between leaves no half entry. The kernel frees its
 * lock. */
int spool_add(struct spool *s, const char *line, size_t len)
{
	struct map *m = s->map;
	uint64_t need = size_of(len), pos, room;
	uint32_t len32 = (uint32_t)len;

	if (len > NDJSON_LINE_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	flock(s->fd, LOCK_EX);
	pos = m->head;
	room = SPOOL_BYTES - pos % SPOOL_BYTES;
	if (room < need)
		need += room;
	while (m->tail < m->head && m->head + need - m->tail > SPOOL_BYTES) {
		if (length_at(m, m->tail) != SKIP)
			m->lost++;
		m->tail = after(m, m->tail);
	}
	if (room < size_of(len)) {
		memcpy(m->data + pos % SPOOL_BYTES, &(uint32_t){SKIP}, 4);
		pos += room;
	}
	memcpy(m->data + pos % SPOOL_BYTES + 4, line, len);
	memcpy(m->data + pos % SPOOL_BYTES, &len32, 4);
	atomic_store(&m->head, pos + size_of(len));
	flock(s->fd, LOCK_UN);
	return 0;
}

const char *spool_next(struct spool *s, uint64_t *at, size_t *len)
{
	struct map *m = s->map;
	uint64_t pos = *at < m->tail ? m->tail : *at;

	if (pos < m->head && length_at(m, pos) == SKIP)
		pos = after(m, pos);
	if (pos >= m->head)
		return NULL;
	*len = length_at(m, pos);
	*at = after(m, pos);
	return m->data + pos % SPOOL_BYTES + 4;
}

void spool_drop(struct spool *s, uint64_t at)
{
	flock(s->fd, LOCK_EX);
	if (at > s->map->tail)
		s->map->tail = at < s->map->head ? at : s->map->head;
	flock(s->fd, LOCK_UN);
}

uint64_t spool_oldest(const struct spool *s)
{
	return s->map->tail;
}

uint64_t spool_lost(const struct spool *s)
{
	return s->map->lost;
}
