#include "store/retain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/file.h"
#include "store/sealer.h"
#include "store/segment.h"

enum { AT_ONCE = 64 }; /* segments removed for each new tip */

static const int64_t CLOCK_SET_MS = 1577836800000; /* 2020: no clock that was set is before it */

/* ---- removing ---- */

static int read_head(struct store *s, uint64_t seq, struct segment_head *h, uint64_t *size)
{
	char name[32], data[SEGMENT_HEAD_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd;

	store_name(name, seq, ".seg");
	fd = file_open(s->dir_fd, name);
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, data, sizeof(data), 0);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	*size = (uint64_t)st.st_size;
	return segment_head_read(data, (size_t)n, h, NULL);
}

/* The first segment from @seq on that can be read: one that a worn flash destroyed must not keep
 * the others for ever.
 * @return its number, with its head and size; UINT64_MAX when there is none. */
static uint64_t readable(struct store *s, uint64_t seq, struct segment_head *h, uint64_t *size)
{
	for (; seq <= s->tip.seq; seq++)
		if (read_head(s, seq, h, size) == 0)
			return seq;
	return UINT64_MAX;
}

/* How much of the file stays without its data. */
static uint64_t without_data(const struct segment_head *h)
{
	return h->len + (h->parts && h->part[0].kind == ROWS_EVENT ? h->part[0].bytes : 0);
}

static void remove_up_to(struct store *s, const struct tip *before)
{
	for (uint64_t seq = before->oldest; seq < s->tip.oldest_data; seq++) {
		struct segment_head h;
		uint64_t size, keep;
		char name[32];

		store_name(name, seq, ".seg");
		if (read_head(s, seq, &h, &size) < 0) {
			if (seq < s->tip.oldest)
				unlinkat(s->dir_fd, name, 0);
			continue;
		}
		keep = seq < s->tip.oldest ? 0 : without_data(&h);
		if (keep < size) {
			int fd = keep ? openat(s->dir_fd, name, O_RDWR | O_CLOEXEC) : -1;

			if (!keep ? unlinkat(s->dir_fd, name, 0) == 0
				  : ftruncate(fd, (off_t)keep) == 0)
				s->bytes -= size - keep;
			if (fd >= 0)
				close(fd);
		}
		s->pruned_data += seq >= before->oldest_data;
		s->pruned_events += seq < s->tip.oldest;
	}
}

/* How many records go. */
static uint64_t count_removed(struct store *s, const struct tip *before)
{
	uint64_t n = 0, size;
	struct segment_head h;

	for (uint64_t seq = before->oldest; seq < s->tip.oldest_data; seq++) {
		if (read_head(s, seq, &h, &size) < 0)
			continue;
		for (size_t i = 0; i < h.parts; i++)
			if (h.part[i].kind == ROWS_DATA ? seq >= before->oldest_data
							: seq < s->tip.oldest)
				n += h.part[i].records;
	}
	return n;
}

/* The tip first: then what is missing was said to be. */
static int move_tip(struct store *s, uint64_t oldest, uint64_t oldest_data, int64_t now_ms,
		    struct err *err)
{
	struct tip before = s->tip;
	uint64_t gone;

	if (oldest == before.oldest && oldest_data == before.oldest_data)
		return 0;
	s->tip.oldest = oldest;
	s->tip.oldest_data = oldest_data;
	s->tip.at_ms = now_ms;
	gone = count_removed(s, &before);
	s->tip.records -= gone < s->tip.records ? gone : s->tip.records;
	if (tip_write(s->dir_fd, &s->tip, s->keys.signer, err) < 0) {
		s->tip = before;
		return -1;
	}
	remove_up_to(s, &before);
	return 1;
}

/* When a segment was sealed. Before the clock was ever set that says nothing: then the next segment
 * with a set clock counts, and while there is none the segment is new. */
static int64_t sealed_at(struct store *s, const struct segment_head *h, int64_t now_ms)
{
	struct segment_head next = *h;
	uint64_t size;

	while (next.sealed_ms < CLOCK_SET_MS)
		if (next.seq >= s->tip.seq || read_head(s, next.seq + 1, &next, &size) < 0)
			return now_ms;
	return next.sealed_ms;
}

static bool too_old(struct store *s, const struct segment_head *h, int64_t now_ms, int64_t age_ms)
{
	return age_ms > 0 && sealed_at(s, h, now_ms) < now_ms - age_ms;
}

int store_retain(struct store *s, int64_t now_ms, struct err *err)
{
	uint64_t oldest = s->tip.oldest, data = s->tip.oldest_data, bytes = s->bytes, size, at;
	int64_t events_age = s->limits.events_age_ms > s->limits.max_age_ms
				 ? s->limits.events_age_ms
				 : s->limits.max_age_ms;
	struct segment_head h;

	if (s->child > 0)
		return 0;
	for (int i = 0; i < AT_ONCE && (at = readable(s, data, &h, &size)) <= s->tip.seq; i++) {
		if (!too_old(s, &h, now_ms, s->limits.max_age_ms) && bytes <= s->limits.max_bytes)
			break;
		bytes -= size - without_data(&h);
		data = at + 1;
	}
	for (int i = 0; i < AT_ONCE && (at = readable(s, oldest, &h, &size)) < data; i++) {
		if (!too_old(s, &h, now_ms, events_age) &&
		    (bytes <= s->limits.max_bytes || data <= s->tip.seq))
			break;
		bytes -= without_data(&h);
		oldest = at + 1;
	}
	return move_tip(s, oldest, data, now_ms, err);
}

/* ---- the full disk ---- */

void retain_reserve(struct store *s)
{
	struct stat st;
	int fd = openat(s->dir_fd, "reserve", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size < STORE_RESERVE &&
	    posix_fallocate(fd, 0, STORE_RESERVE) != 0)
		unlinkat(s->dir_fd, "reserve", 0);
	close(fd);
}

/* True when data that are not sealed yet can go before events: once they are, in the reserve's
 * room. */
static bool rows_hold_data(const struct store *s)
{
	return s->rows.records > rows_waiting(&s->rows) &&
	       faccessat(s->dir_fd, "reserve", F_OK, 0) == 0;
}

bool retain_make_room(struct store *s, bool to_pack, int64_t now_ms)
{
	uint64_t oldest = s->tip.oldest, data = s->tip.oldest_data, freed = 0, size, at;
	bool had_reserve = to_pack && unlinkat(s->dir_fd, "reserve", 0) == 0;
	struct segment_head h;

	if (s->child > 0)
		return had_reserve;
	while (freed < (uint64_t)2 * STORE_RESERVE &&
	       (at = readable(s, data, &h, &size)) <= s->tip.seq) {
		freed += size - without_data(&h);
		data = at + 1;
	}
	if (readable(s, data, &h, &size) > s->tip.seq &&
	    (to_pack ? s->bare && !had_reserve : !rows_hold_data(s)))
		while (freed < STORE_RESERVE && (at = readable(s, oldest, &h, &size)) < data) {
			freed += without_data(&h);
			oldest = at + 1;
		}
	if (move_tip(s, oldest, data, now_ms, NULL) <= 0)
		return had_reserve;
	s->for_room = true;
	retain_reserve(s);
	return true;
}

/* ---- the child that packs ---- */

static void child_main(struct store *s, int64_t now_ms)
{
	uint64_t bytes;
	struct err err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpriority(PRIO_PROCESS, 0, 10);
	if (seal_rows(s->dir_fd, &s->keys, &s->tip, s->bare, now_ms, &bytes, &err) == 0)
		_exit(0);
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		_exit(2);
	dprintf(STDERR_FILENO, "evse-log: error: unable to seal segment %" PRIu64 ": %s\n",
		s->tip.seq + 1, err.msg);
	_exit(1);
}

/* @return 1 when the child sealed its segment. */
static int take_child(struct store *s, int64_t now_ms, struct err *err)
{
	struct segment_head h;
	uint64_t size;
	int status;
	pid_t pid = waitpid(s->child, &status, WNOHANG);

	if (pid == 0)
		return 0;
	s->child = 0;
	if (tip_read(s->dir_fd, &s->tip, err) != 0)
		return -1;
	if (s->tip.seq >= s->pack_next) {
		if (read_head(s, s->tip.seq, &h, &size) == 0) {
			s->bytes += size;
			s->written += size;
		}
		s->pack_next = s->tip.seq + 1;
		s->pack_failed = false;
		s->pruned_data += s->bare;
		s->for_room |= s->bare;
		s->bare = false;
		retain_reserve(s);
		return 1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		s->full = true; /* no row may take what is freed for it */
		if (retain_make_room(s, true, now_ms))
			return 0;
		if (!s->bare) { /* its data are the oldest now, and go before any event */
			s->bare = true;
			return 0;
		}
	}
	s->pack_failed = true;
	return err_set(err, "segment %" PRIu64 " could not be sealed; it stays as rows",
		       s->pack_next);
}

int64_t store_oldest(struct store *s)
{
	struct segment_head h;
	uint64_t size;

	return readable(s, s->tip.oldest_data, &h, &size) <= s->tip.seq ? h.from_ms : -1;
}

bool store_packing(const struct store *s)
{
	return s->child > 0 || (s->rows.fd >= 0 && s->pack_next < s->rows.seq);
}

void store_wait(struct store *s, int64_t now_ms)
{
	struct err ignored;

	while (s->child > 0) {
		(void)take_child(s, now_ms, &ignored);
		if (s->child > 0)
			poll(NULL, 0, 2);
	}
}

int store_pack(struct store *s, int64_t now_ms, struct err *err)
{
	int rc = 0;

	if (s->child > 0) {
		rc = take_child(s, now_ms, err);
		if (rc == 1 && s->bytes > s->limits.max_bytes) /* a flood does not wait */
			(void)store_retain(s, now_ms, NULL);
		if (s->child > 0 || rc < 0 || (rc == 1 && s->full))
			return rc;
	}
	if (s->pack_next >= s->rows.seq)
		return rc;
	s->child = fork();
	if (s->child == 0)
		child_main(s, now_ms);
	if (s->child < 0) {
		s->child = 0;
		s->pack_failed = true;
		return err_sys(err, "unable to start packing");
	}
	return rc;
}
