#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/head.h"
#include "core/state.h"
#include "store/retain.h"
#include "store/rotation.h"
#include "store/sealer.h"
#include "store/segment.h"

enum { SEEN_MAX = 512, COMMIT_RAW = 256 << 10 };

void store_name(char name[32], uint64_t seq, const char *suffix)
{
	snprintf(name, 32, "%08" PRIu64 "%s", seq, suffix);
}

uint64_t store_number(const char *name, const char *suffix)
{
	char *end, again[32];
	uint64_t v;

	if (name[0] < '0' || name[0] > '9')
		return 0;
	v = strtoull(name, &end, 10);
	if (strcmp(end, suffix) != 0)
		return 0;
	store_name(again, v, suffix);
	return strcmp(again, name) == 0 ? v : 0;
}

/* ---- opening ---- */

static int take_lock(struct store *s, int wait_ms, struct err *err)
{
	s->lock_fd = openat(s->dir_fd, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_sys(err, "unable to make the file lock");
	for (int waited = 0; flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0; waited += 20) {
		if (waited >= wait_ms) {
			errno = EBUSY;
			return err_set(err, "another evse-log record writes there");
		}
		poll(NULL, 0, 20);
	}
	return 0;
}

/* What the directory holds. */
struct listing {
	uint64_t newest_seg, *rows;
	size_t rows_count;
	uint64_t bytes;
};

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool ends(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);

	return n > t && strcmp(name + n - t, tail) == 0;
}

static int list(struct store *s, struct listing *l)
{
	int fd = dup(s->dir_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	*l = (struct listing){0};
	if (!d)
		return -1;
	rewinddir(d);
	while ((e = readdir(d))) {
		uint64_t seg = store_number(e->d_name, ".seg"),
			 rows = store_number(e->d_name, ".rows");
		struct stat st;

		if (ends(e->d_name, ".tmp"))
			unlinkat(s->dir_fd, e->d_name, 0);
		if (seg && fstatat(s->dir_fd, e->d_name, &st, 0) == 0)
			l->bytes += (uint64_t)st.st_size;
		if (seg > l->newest_seg)
			l->newest_seg = seg;
		if (rows) {
			uint64_t *more = realloc(l->rows, (l->rows_count + 1) * sizeof(*more));

			if (!more)
				break;
			l->rows = more;
			l->rows[l->rows_count++] = rows;
		}
	}
	closedir(d);
	if (l->rows_count)
		qsort(l->rows, l->rows_count, sizeof(*l->rows), by_number);
	return 0;
}

/* A segment that was sealed when the tip could not be written any more. */
static int take_sealed(struct store *s)
{
	struct segment_head h;
	struct buf b;
	char name[32];
	int rc = -1;

	store_name(name, s->tip.seq + 1, ".seg");
	buf_init(&b, SEALER_FILE_MAX);
	if (tip_slurp(s->dir_fd, name, SEALER_FILE_MAX - 65536, &b, NULL) == 0 &&
	    segment_head_read(buf_str(&b), b.len, &h, NULL) == 0 &&
	    segment_head_signed(b.data, &h) && h.seq == s->tip.seq + 1 &&
	    memcmp(h.prev, s->tip.link, CRYPT_HASH) == 0) {
		s->tip.seq++;
		s->tip.records += h.records;
		memcpy(s->tip.link, h.link, CRYPT_HASH);
		rc = 0;
	}
	buf_release(&b);
	return rc;
}

static int open_tip(struct store *s, const struct listing *l, int64_t now_ms, struct err *err)
{
	int rc = tip_read(s->dir_fd, &s->tip, err);
	bool changed = false;

	s->damaged = (rc < 0 && errno != ENOTSUP) || (rc == 1 && l->newest_seg);
	if (rc < 0)
		return -1;
	if (s->damaged)
		return err_set(err, "its tip is missing, though there are segments");
	if (rc == 1) {
		s->tip = (struct tip){.oldest = 1, .oldest_data = 1};
		changed = true;
		if (crypt_random(s->tip.store, STORE_ID) < 0)
			return err_set(err, "no random bytes");
	}
	while (s->tip.seq < l->newest_seg && take_sealed(s) == 0)
		changed = true;
	s->damaged = s->tip.seq < l->newest_seg;
	if (s->damaged)
		return err_set(err, "segment %" PRIu64 " does not follow from the one before",
			       s->tip.seq + 1);
	s->tip.at_ms = now_ms;
	return changed ? tip_write(s->dir_fd, &s->tip, s->keys.signer, err) : 0;
}

bool store_taken(struct store *s, const struct head *h)
{
	char key[SEEN_KEY_MAX];
	int len = snprintf(key, sizeof(key), "%.*s %.*s", (int)h->type.len, h->type.at,
			   (int)h->src.len, h->src.at);

	return seen_before(&s->seen, key, (size_t)len, h->n.at, h->n.len);
}

/* Lines of the newest rows file, to know again what was taken. A line of the state is "type src
 * epoch.count". */
static int remember(void *ctx, enum rows_class c, const char *line, size_t len)
{
	struct store *s = ctx;
	struct head h;

	if (c == ROWS_STATE) {
		const char *n = memrchr(line, ' ', len);

		if (n)
			seen_before(&s->seen, line, (size_t)(n - line), n + 1,
				    len - (size_t)(n - line) - 1);
	} else if (head_scan(line, len, &h, NULL) == 0) {
		(void)store_taken(s, &h);
	}
	return 0;
}

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	struct store *s = ctx;

	return keys_find(&s->keys, id);
}

/* The rows files that a stop left: those that hold records wait to be packed; the newest also tells
 * what was taken. */
static int take_rows(struct store *s, const struct listing *l, uint64_t *next, struct err *err)
{
	*next = s->tip.seq + 1;
	for (size_t i = l->rows_count; i-- > 0 && l->rows[i] > s->tip.seq;) {
		struct rows_info info;
		bool newest = i == l->rows_count - 1;
		char name[32];

		store_name(name, l->rows[i], ".rows");
		s->damaged = true; /* unless it can be read */
		if (rows_read(s->dir_fd, name, newest ? find_key : NULL, newest ? remember : NULL,
			      s, &info, err) < 0) {
			s->damaged = errno != ENOTSUP;
			return -1;
		}
		s->damaged = false;
		if (info.size > info.good) {
			s->cut_files++;
			s->cut_bytes += info.size - info.good;
		}
		if (newest)
			*next = l->rows[i] + (info.records > 0);
	}
	return 0;
}

static void drop_rows(struct store *s, const struct listing *l, uint64_t next)
{
	for (size_t i = 0; i < l->rows_count; i++) {
		char name[32];

		store_name(name, l->rows[i], ".rows");
		if (l->rows[i] <= s->tip.seq || l->rows[i] > next)
			unlinkat(s->dir_fd, name, 0);
	}
}

struct state {
	struct rows *rows;
	char key[SEEN_KEY_MAX + 24]; /* of the pair at hand, with its epoch */
	int counts;
};

/* After as many counts as are kept of a pair comes 0: then all below them count as taken, when they
 * are read again. */
static void put_state(void *ctx, const char *key, const char *epoch, uint64_t count)
{
	struct state *st = ctx;
	char line[sizeof(st->key) + 24], pair[sizeof(st->key)];
	int n;

	snprintf(pair, sizeof(pair), "%s %s", key, epoch);
	st->counts = strcmp(pair, st->key) == 0 ? st->counts + 1 : 1;
	memcpy(st->key, pair, sizeof(pair));
	n = snprintf(line, sizeof(line), "%s.%" PRIu64, pair, count);
	rows_add(st->rows, ROWS_STATE, line, (size_t)n);
	if (st->counts == SEEN_COUNTS) {
		n = snprintf(line, sizeof(line), "%s.0", pair);
		rows_add(st->rows, ROWS_STATE, line, (size_t)n);
	}
}

/* A rows file that begins with all that is known of repeats, durable before the one before may go.
 */
static int begin_rows(struct store *s, uint64_t seq, struct err *err)
{
	struct rows r;
	struct state state = {.rows = &r};
	char temp[32], name[32];

	store_name(name, seq, ".rows");
	store_name(temp, seq, ".rows.tmp");
	if (rows_create(&r, s->dir_fd, temp, seq, s->tip.store, s->keys.device[0], err) < 0)
		return -1;
	rows_add(&r, ROWS_STATE, "", 0);
	seen_each(&s->seen, put_state, &state);
	if (rows_write(&r, true) < 0 || renameat(s->dir_fd, temp, s->dir_fd, name) < 0 ||
	    fsync(s->dir_fd) < 0) {
		int why = errno;

		err_sys(err, "unable to make %s", name);
		rows_close(&r);
		unlinkat(s->dir_fd, temp, 0);
		errno = why;
		return -1;
	}
	s->written += r.bytes;
	s->rows = r;
	return 0;
}

/* New keys take effect with the next segment: no child is at work then, and what the old key signs
 * next is nothing. */
static int take_keys(struct store *s, int64_t now_ms, struct err *err)
{
	struct keys fresh;

	if (s->child > 0 || rotation_take(s->dir_fd, s->keys_dir, &s->tip, now_ms, err) < 0 ||
	    keys_load(&fresh, s->keys_dir, KEYS_OPEN_AND_SIGN, false, err) < 0)
		return s->child > 0 ? 0 : -1;
	keys_release(&s->keys);
	s->keys = fresh;
	return 0;
}

/* A store that cannot be gone on with is kept for who wants to know why, and a new one begun:
 * records must be kept somewhere. */
static int set_aside(struct store *s, int64_t now_ms, struct err *err)
{
	int fd = dup(s->dir_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int to = -1, rc = -1;

	snprintf(s->aside, sizeof(s->aside), "damaged-%" PRId64, now_ms);
	if (d && mkdirat(s->dir_fd, s->aside, 0700) == 0)
		to = openat(s->dir_fd, s->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d)
		rewinddir(d);
	while (to >= 0 && (e = readdir(d))) {
		if (!store_number(e->d_name, ".seg") && !store_number(e->d_name, ".rows") &&
		    strcmp(e->d_name, "tip") != 0 && strcmp(e->d_name, "rotations") != 0 &&
		    strcmp(e->d_name, "shipped") != 0 && strcmp(e->d_name, "hidden") != 0)
			continue;
		rc = renameat(s->dir_fd, e->d_name, to, e->d_name);
		if (rc < 0)
			break;
	}
	if (rc < 0 || fsync(to) < 0 || fsync(s->dir_fd) < 0)
		rc = err_sys(err, "unable to set it aside as %s", s->aside);
	if (to >= 0)
		close(to);
	if (d)
		closedir(d);
	return rc;
}

/* What is there is taken up; or, once, set aside. */
static int take_up(struct store *s, struct listing *l, uint64_t *next, int64_t now_ms,
		   struct err *err)
{
	for (;;) {
		free(l->rows);
		if (list(s, l) < 0)
			return err_sys(err, "unable to list the directory");
		if (open_tip(s, l, now_ms, err) == 0 && take_keys(s, now_ms, err) == 0 &&
		    take_rows(s, l, next, err) == 0)
			return 0;
		if (!s->damaged || s->aside[0])
			return -1;
		s->aside_why = *err;
		if (set_aside(s, now_ms, err) < 0)
			return -1;
		seen_release(&s->seen);
		s->cut_bytes = s->cut_files = 0;
	}
}

int store_open(struct store *s, const char *dir, const char *keys_dir,
	       const struct store_limits *limits, int wait_ms, int64_t now_ms, struct err *err)
{
	struct listing l = {0};
	uint64_t next = 0;
	int rc = -1;

	*s = (struct store){.dir_fd = -1, .lock_fd = -1, .limits = *limits, .rows.fd = -1};
	seen_init(&s->seen, SEEN_MAX);
	buf_init(&s->sealed, STORE_ROWS_RAW_MAX);
	if (state_dir(dir, err) < 0)
		return -1;
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		err_sys(err, "unable to open the directory %s", dir);
		goto out;
	}
	persons_init(&s->persons, s->dir_fd, &s->keys);
	conceal_init(&s->conceal, &s->persons);
	s->keys_dir = strdup(keys_dir);
	if (!s->keys_dir || take_lock(s, wait_ms, err) < 0 ||
	    keys_load(&s->keys, keys_dir, KEYS_OPEN_AND_SIGN, true, err) < 0)
		goto out;
	if (persons_load(&s->persons, err) < 0 && errno == ENOTSUP)
		goto out;
	if (take_up(s, &l, &next, now_ms, err) < 0)
		goto out;
	s->bytes = l.bytes;
	s->pack_next = s->tip.seq + 1;
	retain_reserve(s);
	if (begin_rows(s, next, err) < 0)
		goto out;
	drop_rows(s, &l, next);
	rc = 0;
out:
	free(l.rows);
	if (rc < 0) {
		int why = errno;

		err_prefix(err, "%s", dir);
		store_close(s);
		errno = why;
	}
	return rc;
}

/* ---- writing ---- */

int store_append(struct store *s, enum rows_class c, const char *line, size_t len)
{
	int sealed;

	if (s->rows.lines.len + len > STORE_PENDING_MAX ||
	    (c != ROWS_EVENT && s->full && s->rows.lines.len + len > STORE_PENDING_MAX / 2)) {
		s->dropped++;
		errno = ENOSPC;
		return -1;
	}
	if (memchr(line, CONCEAL_MARK, len)) {
		errno = EILSEQ;
		return -1;
	}
	if (s->sealed.len)
		buf_reset(&s->sealed);
	sealed = conceal(&s->conceal, line, len, &s->sealed, &s->persons_err);
	if (sealed > 0) {
		line = buf_str(&s->sealed);
		len = s->sealed.len;
	}
	s->unsealed_values += sealed < 0; /* kept all the same: losing it would be worse */
	rows_add(&s->rows, c, line, len);
	return 0;
}

int store_commit(struct store *s, bool sync, int64_t now_ms)
{
	uint64_t before = s->rows.bytes;

	if (!s->rows.lines.len && !s->rows.sealed.len && !(sync && rows_unsynced(&s->rows)))
		return 0;
	if (s->full && store_packing(s) && !s->pack_failed) {
		/* what room there is belongs to the packing */
		errno = ENOSPC;
		return -1;
	}
	while (persons_save(&s->persons, &s->persons_err) < 0 || rows_write(&s->rows, sync) < 0) {
		if ((errno != ENOSPC && errno != EDQUOT && errno != EFBIG) ||
		    !retain_make_room(s, false, now_ms)) {
			s->full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
			return -1;
		}
	}
	s->full = false;
	s->written += s->rows.bytes - before;
	s->syncs += sync;
	return 0;
}

bool store_tight(const struct store *s)
{
	struct statvfs v;

	return fstatvfs(s->dir_fd, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < STORE_TIGHT_FREE;
}

bool store_rows_full(struct store *s)
{
	if (s->rows.raw >= STORE_ROWS_RAW_MAX - NDJSON_LINE_MAX)
		return true;
	if (s->rows.bytes < STORE_TIGHT_ROWS)
		return false;
	if (s->rows.bytes != s->asked_at) {
		s->asked_at = s->rows.bytes;
		s->tight = store_tight(s);
	}
	return s->tight && !s->full; /* a full disk has a way of its own */
}

/* All is written; or, when the disk is full of what is not packed yet, the frame at hand into the
 * reserve's room. What waits goes into the next file then, and the packing of this one makes room.
 */
static int end_rows(struct store *s, int64_t now_ms)
{
	struct buf lines;
	int rc, why;

	if (store_commit(s, true, now_ms) == 0)
		return 0;
	if (!s->full || s->child > 0 || s->rows.records == rows_waiting(&s->rows) ||
	    unlinkat(s->dir_fd, "reserve", 0) < 0) {
		errno = ENOSPC;
		return -1;
	}
	lines = s->rows.lines;
	buf_init(&s->rows.lines, ROWS_FRAME_MAX);
	rc = rows_write(&s->rows, true);
	why = errno;
	s->rows.lines = lines;
	errno = why;
	return rc;
}

int store_rotate(struct store *s, int64_t now_ms, struct err *err)
{
	struct rows old = s->rows;

	if (!old.records)
		return 0;
	if (end_rows(s, now_ms) < 0)
		return err_sys(err, "unable to write rows");
	old = s->rows;
	if (take_keys(s, now_ms, &s->keys_err) == 0)
		s->keys_err.msg[0] = 0;
	for (;;) {
		if (begin_rows(s, old.seq + 1, err) == 0)
			break;
		if (errno != ENOSPC || !retain_make_room(s, true, now_ms)) {
			s->rows = old;
			return -1;
		}
	}
	rows_hand_over(&old, &s->rows);
	rows_close(&old);
	return 0;
}

void store_close(struct store *s)
{
	struct err err;

	while (s->child > 0 || (s->rows.fd >= 0 && store_packing(s) && !s->pack_failed)) {
		if (store_pack(s, s->tip.at_ms, &err) == 0)
			poll(NULL, 0, 2);
	}
	if (s->rows.fd >= 0)
		rows_close(&s->rows);
	seen_release(&s->seen);
	conceal_release(&s->conceal);
	persons_release(&s->persons);
	buf_release(&s->sealed);
	keys_release(&s->keys);
	free(s->keys_dir);
	s->keys_dir = NULL;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	s->dir_fd = s->lock_fd = -1;
}
