#include "ocpp/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CRC_LEN = 8, HEAD_MAX = 48 };

struct entry {
	uint64_t seq;
	off_t at; /* of the data */
	size_t len;
	enum queue_class class;
	char *mem; /* the data while the disk doesn't take it; such entries are the last ones */
};

struct queue {
	int fd;
	char *path;
	struct queue_conf conf;
	struct entry *entries; /* those that wait, oldest first */
	size_t n, cap;
	size_t waiting_bytes;
	off_t size;
	uint64_t next_seq, dropped, damaged;
};

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_at(int fd, char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int keep(struct queue *q, struct entry e)
{
	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 16;
		struct entry *grown = reallocarray(q->entries, cap, sizeof(*grown));

		if (!grown)
			return -1;
		q->entries = grown;
		q->cap = cap;
	}
	q->entries[q->n++] = e;
	q->waiting_bytes += e.len;
	return 0;
}

static void forget_first(struct queue *q, size_t count)
{
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		q->waiting_bytes -= q->entries[i].len;
		free(q->entries[i].mem);
	}
	q->n -= count;
	memmove(q->entries, q->entries + count, q->n * sizeof(*q->entries));
}

static void forget_up_to(struct queue *q, uint64_t seq)
{
	size_t count = 0;

	while (count < q->n && q->entries[count].seq <= seq)
		count++;
	forget_first(q, count);
}

/* Makes a line: head with its CRC in front, data, newline. */
static int put_line(struct buf *out, const char *head, const char *data, size_t len)
{
	uLong crc = crc32(0, (const Bytef *)head, (uInt)strlen(head));

	crc = crc32(crc, (const Bytef *)data, (uInt)len);
	buf_addf(out, "%08lx %s", crc, head);
	buf_add(out, data, len);
	return buf_addc(out, '\n');
}

static int put_entry(struct buf *out, const struct entry *e, const char *data, size_t *skip)
{
	char head[HEAD_MAX];

	snprintf(head, sizeof(head), "A %llu %c ", (unsigned long long)e->seq, (char)e->class);
	*skip = CRC_LEN + 1 + strlen(head);
	return put_line(out, head, data, e->len);
}

/* The data of an entry, wherever it is. */
static int get(const struct queue *q, const struct entry *e, struct buf *out)
{
	buf_reset(out);
	if (e->mem)
		return buf_add(out, e->mem, e->len);
	char *room = buf_room(out, e->len);
	if (!room || read_at(q->fd, room, e->len, e->at) < 0)
		return -1;
	buf_added(out, e->len);
	return 0;
}

/* Takes one line of the file; false when it is not whole. */
static bool take_line(struct queue *q, const char *line, size_t len, off_t at, queue_scan_fn *scan,
		      void *ctx)
{
	char crc[CRC_LEN + 1], *end;

	if (len < CRC_LEN + 4 || line[CRC_LEN] != ' ')
		return false;
	memcpy(crc, line, CRC_LEN);
	crc[CRC_LEN] = '\0';
	unsigned long want = strtoul(crc, &end, 16);
	const char *body = line + CRC_LEN + 1;
	size_t body_len = len - CRC_LEN - 1;
	if (*end || crc32(0, (const Bytef *)body, (uInt)body_len) != want)
		return false;
	if (body_len < 3 || body[1] != ' ')
		return false;
	uint64_t seq = strtoull(body + 2, &end, 10);
	if (body[0] == 'D' && *end == '\0') {
		forget_up_to(q, seq);
		return true;
	}
	if (body[0] != 'A' || end[0] != ' ' || !end[1] || !strchr("sue", end[1]) || end[2] != ' ')
		return false;
	size_t skip = (size_t)(end + 3 - body);
	struct entry e = {.seq = seq,
			  .at = at + (off_t)(CRC_LEN + 1 + skip),
			  .len = body_len - skip,
			  .class = (enum queue_class)end[1]};
	if (scan)
		scan(ctx, body + skip, e.len);
	q->next_seq = seq + 1;
	return keep(q, e) == 0;
}

/* Reads the whole file, passes over damaged lines and cuts off a last one without newline. */
static int load(struct queue *q, queue_scan_fn *scan, void *ctx, struct err *err)
{
	struct stat st;

	if (fstat(q->fd, &st) < 0)
		return err_sys(err, "unable to read the size of %s", q->path);
	size_t size = (size_t)st.st_size, at = 0;
	char *all = malloc(size + 1);
	if (!all || read_at(q->fd, all, size, 0) < 0) {
		err_sys(err, "unable to read %s", q->path);
		free(all);
		return -1;
	}
	all[size] = '\0';
	while (at < size) {
		char *nl = memchr(all + at, '\n', size - at);

		if (!nl)
			break;
		*nl = '\0';
		if (!take_line(q, all + at, (size_t)(nl - (all + at)), (off_t)at, scan, ctx))
			q->damaged++;
		at = (size_t)(nl - all) + 1;
	}
	free(all);
	if (at < size && ftruncate(q->fd, (off_t)at) < 0)
		return err_sys(err, "unable to cut the damaged end off %s", q->path);
	q->size = (off_t)at;
	return 0;
}

/* Without a path: memory that goes with the process. */
static int make_file(const char *path, int truncate)
{
	int fd;

	if (path)
		return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | truncate, 0600);
	fd = memfd_create("ocpp-queue", MFD_CLOEXEC);
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

struct queue *queue_open(const char *path, const struct queue_conf *conf, queue_scan_fn *scan,
			 void *ctx, struct err *err)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q || !(q->path = strdup(path ? path : ""))) {
		err_sys(err, "unable to open %s", path ? path : "a queue in memory");
		free(q);
		return NULL;
	}
	q->conf = *conf;
	q->next_seq = 1;
	q->fd = make_file(path, 0);
	if (q->fd < 0)
		err_sys(err, "unable to open %s", path);
	else if (flock(q->fd, LOCK_EX | LOCK_NB) < 0)
		err_sys(err, "unable to lock %s", path);
	else if (load(q, scan, ctx, err) == 0)
		return q;
	queue_close(q);
	return NULL;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	if (q->fd >= 0)
		close(q->fd);
	forget_first(q, q->n);
	free(q->entries);
	free(q->path);
	free(q);
}

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

/* Copies what waits to another file, and notes in `moved` where each then stands. */
static int copy_waiting(struct queue *q, int fd, struct entry *moved, off_t *size)
{
	struct buf data, line;
	int rc = 0;

	buf_init(&data, q->conf.max_bytes + 1);
	buf_init(&line, q->conf.max_bytes + HEAD_MAX + CRC_LEN);
	*size = 0;
	for (size_t i = 0; i < q->n && rc == 0; i++) {
		size_t skip = 0;

		buf_reset(&line);
		rc = get(q, &q->entries[i], &data);
		if (rc == 0)
			rc = put_entry(&line, &q->entries[i], data.data, &skip);
		if (rc == 0)
			rc = write_all(fd, line.data, line.len);
		moved[i] = q->entries[i];
		moved[i].mem = NULL;
		moved[i].at = *size + (off_t)skip;
		*size += (off_t)line.len;
	}
	buf_release(&data);
	buf_release(&line);
	return rc;
}

/* Writes the file anew with only what waits: temporary file, fsync, rename. */
static int rewrite(struct queue *q)
{
	struct entry *moved = calloc(q->n + 1, sizeof(*moved));
	char *temp = NULL;
	int fd = -1, saved;
	off_t size;

	if (!moved || (q->path[0] && asprintf(&temp, "%s.new", q->path) < 0))
		goto fail;
	fd = make_file(temp, O_TRUNC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		goto fail;
	if (copy_waiting(q, fd, moved, &size) < 0 || fsync(fd) < 0 ||
	    (temp && rename(temp, q->path) < 0))
		goto fail;
	if (temp)
		sync_folder(q->path);
	close(q->fd);
	q->fd = fd;
	q->size = size;
	for (size_t i = 0; i < q->n; i++)
		free(q->entries[i].mem);
	memcpy(q->entries, moved, q->n * sizeof(*moved));
	free(moved);
	free(temp);
	return 0;
fail:
	saved = errno;
	if (fd >= 0)
		close(fd);
	free(moved);
	free(temp);
	errno = saved;
	return -1;
}

/* Drops every second intermediate entry. False when there is none to drop. */
static bool thin_out(struct queue *q)
{
	size_t kept = 0;
	bool odd = true, any = false;

	for (size_t i = 0; i < q->n; i++) {
		if (i > 0 && q->entries[i].class == QUEUE_UPDATED) {
			bool drop = odd;

			odd = !odd;
			if (drop) {
				q->waiting_bytes -= q->entries[i].len;
				free(q->entries[i].mem);
				q->dropped++;
				any = true;
				continue;
			}
		}
		q->entries[kept++] = q->entries[i];
	}
	q->n = kept;
	return any;
}

static bool full(const struct queue *q, size_t len)
{
	return q->n >= q->conf.max_entries || q->waiting_bytes + len > q->conf.max_bytes;
}

/* Takes back what a failed write left at the end. Keeps errno, answers -1. */
static int cut_back(struct queue *q)
{
	int saved = errno;

	if (ftruncate(q->fd, q->size) == 0)
		errno = saved;
	return -1;
}

/* Writes an entry at the end of the file, durably; the file is as before when that fails. */
static int append(struct queue *q, struct entry *e, const char *data)
{
	struct buf line;
	size_t skip = 0;
	int rc;

	buf_init(&line, e->len + HEAD_MAX + CRC_LEN);
	rc = put_entry(&line, e, data, &skip);
	if (rc == 0)
		rc = write_all(q->fd, line.data, line.len);
	if (rc == 0)
		rc = fdatasync(q->fd);
	if (rc == 0) {
		e->at = q->size + (off_t)skip;
		q->size += (off_t)line.len;
	} else {
		rc = cut_back(q);
	}
	buf_release(&line);
	return rc;
}

/* Writes what the disk did not take before. */
static int catch_up(struct queue *q)
{
	for (size_t i = 0; i < q->n; i++) {
		struct entry *e = &q->entries[i];

		if (!e->mem)
			continue;
		if (append(q, e, e->mem) < 0)
			return -1;
		free(e->mem);
		e->mem = NULL;
	}
	return 0;
}

int queue_add(struct queue *q, enum queue_class class, const char *data, size_t len)
{
	struct entry e = {.seq = q->next_seq, .len = len, .class = class};
	int saved = 0;

	if (len > q->conf.max_bytes || memchr(data, '\n', len)) {
		errno = len > q->conf.max_bytes ? EMSGSIZE : EINVAL;
		return -1;
	}
	if (full(q, len)) {
		while (full(q, len) && thin_out(q))
			;
		if (full(q, len)) {
			errno = ENOSPC;
			return -1;
		}
		rewrite(q); /* when the disk refuses, the file holds more than it must */
	}
	if (catch_up(q) < 0 || append(q, &e, data) < 0) {
		saved = errno;
		e.mem = strndup(data, len);
		if (!e.mem)
			return -1;
	}
	if (keep(q, e) < 0) {
		free(e.mem);
		return -1;
	}
	q->next_seq++;
	errno = saved;
	return e.mem ? 1 : 0;
}

int queue_head(struct queue *q, struct buf *out)
{
	if (q->n == 0)
		return 0;
	return get(q, &q->entries[0], out) == 0 ? 1 : -1;
}

bool queue_find(struct queue *q, const char *text)
{
	bool found = false;
	struct buf b;

	buf_init(&b, q->conf.max_bytes + 1);
	for (size_t i = 0; i < q->n && !found; i++)
		found = get(q, &q->entries[i], &b) == 0 && strstr(buf_str(&b), text) != NULL;
	buf_release(&b);
	return found;
}

int queue_done(struct queue *q)
{
	char head[HEAD_MAX];
	struct buf line;
	int rc;

	if (q->n == 0)
		return 0;
	snprintf(head, sizeof(head), "D %llu", (unsigned long long)q->entries[0].seq);
	forget_first(q, 1);
	buf_init(&line, HEAD_MAX + CRC_LEN + 1);
	rc = put_line(&line, head, "", 0);
	if (rc == 0)
		rc = write_all(q->fd, line.data, line.len);
	if (rc == 0)
		q->size += (off_t)line.len;
	else
		rc = cut_back(q);
	buf_release(&line);
	if (rc == 0 && (size_t)q->size > 2 * q->conf.max_bytes)
		rc = rewrite(q);
	return rc;
}

size_t queue_count(const struct queue *q)
{
	return q->n;
}

uint64_t queue_dropped(const struct queue *q)
{
	return q->dropped;
}

uint64_t queue_damaged(const struct queue *q)
{
	return q->damaged;
}
