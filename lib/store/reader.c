#include "store/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/sealer.h"
#include "store/store.h"

enum { READER_STORED_MAX = 4 << 20 }; /* bytes of a stored line, values sealed */

int reader_open(struct reader *r, const char *dir, const struct keys *keys, struct err *err)
{
	*r = (struct reader){.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			     .keys = keys,
			     .from_ms = INT64_MIN,
			     .to_ms = INT64_MAX};
	persons_init(&r->persons, r->dir_fd, keys);
	buf_init(&r->plain, 256 << 10);
	buf_init(&r->masked, READER_STORED_MAX);
	return r->dir_fd < 0 ? err_sys(err, "unable to open the directory %s", dir) : 0;
}

void reader_close(struct reader *r)
{
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	free(r->seqs);
	persons_release(&r->persons);
	buf_release(&r->plain);
	buf_release(&r->masked);
	hidden_release(&r->hidden);
	*r = (struct reader){.dir_fd = -1};
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int reader_list(struct reader *r, struct err *err)
{
	int fd = dup(r->dir_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t cap = 0, n = 0;

	free(r->seqs);
	r->seqs = NULL;
	r->seq_count = 0;
	if (!d)
		return err_sys(err, "unable to list the store");
	rewinddir(d);
	while ((e = readdir(d))) {
		uint64_t seq = store_number(e->d_name, ".seg");

		if (!seq && !(seq = store_number(e->d_name, ".rows")))
			continue;
		if (n == cap) {
			uint64_t *more =
			    realloc(r->seqs, (cap = cap ? cap * 2 : 64) * sizeof(*more));

			if (!more) {
				closedir(d);
				return err_set(err, "out of memory");
			}
			r->seqs = more;
		}
		r->seqs[n++] = seq;
	}
	closedir(d);
	if (n)
		qsort(r->seqs, n, sizeof(*r->seqs), by_number);
	for (size_t i = 0; i < n; i++)
		if (!i || r->seqs[i] != r->seqs[r->seq_count - 1])
			r->seqs[r->seq_count++] = r->seqs[i];
	return 0;
}

struct crypt_opener reader_opener(const struct reader *r, const struct segment_head *h)
{
	struct crypt_opener o = r->opener;

	o.kek = r->keys ? keys_find(r->keys, h->device) : NULL;
	return o;
}

int reader_head(const struct reader *r, uint64_t seq, struct segment_head *h, uint64_t *size,
		struct err *err)
{
	char name[32], data[SEGMENT_HEAD_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd, rc;

	store_name(name, seq, ".seg");
	fd = file_open(r->dir_fd, name);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, data, sizeof(data), 0);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_sys(err, "unable to read %s", name);
	*size = (uint64_t)st.st_size;
	rc = segment_head_read(data, (size_t)n, h, err);
	return rc < 0 ? err_prefix(err, "%s", name) : 0;
}

int reader_segment(const struct reader *r, uint64_t seq, struct buf *data, struct segment_head *h,
		   struct err *err)
{
	char name[32];

	store_name(name, seq, ".seg");
	if (tip_slurp(r->dir_fd, name, SEALER_FILE_MAX, data, err) < 0)
		return errno == ENOENT ? 1 : -1;
	errno = EBADMSG;
	if (segment_head_read(buf_str(data), data->len, h, err) < 0)
		return err_prefix(err, "%s", name);
	return 0;
}

/* ---- giving ---- */

struct giver {
	struct reader *r;
	reader_fn *fn;
	void *ctx;
	struct place place;
	struct err *err;
	bool gone;
	uint64_t skip; /* records of this segment given before */
};

static int give(struct giver *g, const char *line, size_t len)
{
	struct persons *persons = g->r->keys && !g->r->no_persons ? &g->r->persons : NULL;
	struct place p = g->place;
	const struct hidden_place *hidden;

	g->place.index++;
	if (p.index < g->skip)
		return 0;
	hidden = hidden_find(&g->r->hidden, p.seq, p.index);
	p.hidden = hidden;
	if (hidden && !g->r->stored) {
		buf_reset(&g->r->masked);
		hidden_apply(&g->r->hidden, hidden, line, len, &g->r->masked);
		line = buf_str(&g->r->masked);
		len = g->r->masked.len;
	}
	if (g->r->stored || !memchr(line, CONCEAL_MARK, len))
		return g->fn(g->ctx, &p, line, len);
	buf_reset(&g->r->plain);
	if (reveal(persons, line, len, &g->r->plain, g->err) < 0) {
		if (g->r->strict) { /* not given: it comes again when the reader goes on */
			g->place.index = p.index;
			return -1;
		}
		g->r->no_persons = true;
		buf_reset(&g->r->plain);
		if (reveal(NULL, line, len, &g->r->plain, NULL) < 0)
			return -1;
	}
	return g->fn(g->ctx, &p, buf_str(&g->r->plain), g->r->plain.len);
}

static int give_row(void *ctx, enum rows_class c, const char *line, size_t len)
{
	struct giver *g = ctx;

	if (c == ROWS_STATE)
		return 0;
	g->place.kind = c;
	return give(g, line, len);
}

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	struct giver *g = ctx;

	return g->r->keys ? keys_find(g->r->keys, id) : NULL;
}

/* The end of the line that begins at @at, which may hold any byte; NULL when there is none. */
static const char *line_end(const struct buf *lines, const char *at)
{
	const char *end = lines->data + lines->len;

	return at && at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
}

/* Both parts' lines in the order in which they came. */
static int merge(struct giver *g, const struct segment_head *h, struct segment_body *events,
		 struct segment_body *data)
{
	const char *e = events->lines.data, *d = data->lines.data;
	size_t ei = 0, di = 0;
	int rc = 0;

	for (uint64_t i = 0; i < h->records && rc == 0; i++) {
		bool event = ei < events->count && events->place[ei] == i;
		const char **at = event ? &e : &d, *nl;

		if (!event && di == data->count) { /* its data is gone */
			g->r->skipped_data++;
			g->place.index++;
			continue;
		}
		nl = line_end(event ? &events->lines : &data->lines, *at);
		if (!nl)
			return err_set(g->err, "its parts do not fit each other");
		g->place.kind = event ? ROWS_EVENT : ROWS_DATA;
		rc = give(g, *at, (size_t)(nl - *at));
		*at = nl + 1;
		ei += event;
		di += !event;
	}
	return rc;
}

static int give_segment(struct giver *g, struct buf *data, const struct segment_head *h,
			struct err *err)
{
	struct segment_body body[2] = {0};
	struct crypt_opener o = reader_opener(g->r, h);
	uint64_t end = h->len;
	int rc = 0;

	for (size_t i = 0; i < h->parts && rc == 0; i++) {
		bool gone = h->part[i].kind == ROWS_DATA && data->len == end;

		end += h->part[i].bytes;
		if (!gone)
			rc = segment_open(data->data, data->len, h, i, &o, g->r->check_roots,
					  &body[h->part[i].kind == ROWS_DATA], err);
	}
	if (rc < 0)
		err_prefix(err, "%08" PRIu64 ".seg", h->seq);
	else
		rc = merge(g, h, &body[0], &body[1]);
	segment_body_release(&body[0]);
	segment_body_release(&body[1]);
	return rc;
}

static int read_one(struct giver *g, uint64_t seq, struct err *err)
{
	struct reader *r = g->r;
	struct segment_head h;
	struct rows_info info;
	struct buf data;
	uint64_t size;
	char name[32];
	int rc = reader_head(r, seq, &h, &size, err);

	g->place = (struct place){.seq = seq, .sealed = rc == 0};
	/* a head says 1970 for all that is before */
	if (rc == 0 && (h.to_ms < r->from_ms || (h.from_ms > 0 && h.from_ms > r->to_ms)))
		return 0;
	if (rc == 0) {
		buf_init(&data, SEALER_FILE_MAX + 65536);
		rc = reader_segment(r, seq, &data, &h, err);
		if (rc == 0)
			rc = give_segment(g, &data, &h, err);
		buf_release(&data);
		return rc;
	}
	if (rc < 0)
		return rc;
	store_name(name, seq, ".rows");
	rc = rows_read(r->dir_fd, name, find_key, give_row, g, &info, err);
	g->gone = rc < 0 && errno == ENOENT; /* sealed in this moment, or removed */
	return g->gone ? 0 : rc;
}

int reader_each(struct reader *r, reader_fn *fn, void *ctx, struct err *err)
{
	struct err first = {{0}}, ignored = {{0}};

	err = err ? err : &ignored;
	if (reader_list(r, err) < 0)
		return -1;
	hidden_release(&r->hidden);
	if (hidden_read(r->dir_fd, &r->hidden, err) < 0)
		return -1;
	for (size_t i = 0; i < r->seq_count; i++) {
		struct giver g = {.r = r, .fn = fn, .ctx = ctx, .err = err};
		uint64_t seq = r->seqs[i];
		int rc;

		if (r->started && seq < r->last_seq)
			continue;
		if (r->started && seq == r->last_seq)
			g.skip = r->last_index + 1;
		rc = read_one(&g, seq, err);
		if (g.gone) {
			g.gone = false;
			rc = read_one(&g, seq, err);
		}
		if (g.gone)
			continue;
		if (g.place.index > g.skip) {
			r->last_seq = seq;
			r->last_index = g.place.index - 1;
			r->started = true;
		}
		if (rc > 0)
			return rc;
		if (rc < 0 && !r->damaged++)
			first = *err;
	}
	if (r->no_persons && !r->damaged)
		return err_set(err, "persons: damaged, or no device key for it; values that name "
				    "persons are shown as tags");
	if (!r->damaged)
		return 0;
	*err = first;
	return -1;
}
