#include "store/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "store/file.h"

/* Header: magic 8, number 8, store 16, device key's id 8, wrapped data key 40, zeros 4, CRC-32 of
 * all before. */
static const char magic[8] = "EVSEROW1";
enum { AT_SEQ = 8, AT_STORE = 16, AT_KEY_ID = 32, AT_WRAPPED = 40, AT_CRC = 84, WINDOW_BITS = -15 };

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static void nonce_of(uint64_t frame, uint8_t nonce[CRYPT_NONCE])
{
	memset(nonce, 0, CRYPT_NONCE);
	put_le(nonce, frame, 8);
}

static int write_all(int fd, const void *data, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* ---- writing ---- */

int rows_create(struct rows *r, int dir_fd, const char *name, uint64_t seq,
		const uint8_t store[STORE_ID], const uint8_t device_key[CRYPT_KEY], struct err *err)
{
	uint8_t head[ROWS_HEADER] = {0}, key[CRYPT_KEY];
	*r = (struct rows){.fd = -1, .seq = seq, .bytes = ROWS_HEADER};
	buf_init(&r->lines, ROWS_FRAME_MAX);
	buf_init(&r->sealed, ROWS_FRAME_MAX + ROWS_FRAME_HEAD);
	buf_init(&r->kept, ROWS_KEPT_MAX + 2 * (ROWS_FRAME_MAX + ROWS_FRAME_HEAD));
	memcpy(head, magic, sizeof(magic));
	put_le(head + AT_SEQ, seq, 8);
	memcpy(head + AT_STORE, store, STORE_ID);
	memcpy(r->aad, store, STORE_ID);
	put_le(r->aad + STORE_ID, seq, 8);
	crypt_key_id(device_key, head + AT_KEY_ID);
	if (crypt_random(key, sizeof(key)) < 0 ||
	    crypt_wrap(device_key, key, head + AT_WRAPPED) < 0)
		return err_set(err, "unable to make a data key");
	put_le(head + AT_CRC, crc32(0, head, AT_CRC), 4);
	r->box = crypt_box_new(key);
	crypt_forget(key, sizeof(key));
	r->z = calloc(1, sizeof(z_stream));
	if (!r->box || !r->z ||
	    deflateInit2(r->z, 1, Z_DEFLATED, WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, "out of memory");
	r->fd = openat(dir_fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (r->fd < 0 || write_all(r->fd, head, sizeof(head), 0) < 0) {
		err_sys(err, "unable to make %s", name);
		rows_close(r);
		return -1;
	}
	buf_add(&r->kept, head, sizeof(head));
	return 0;
}

void rows_close(struct rows *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->z)
		deflateEnd(r->z);
	free(r->z);
	crypt_box_free(r->box);
	buf_release(&r->lines);
	buf_release(&r->sealed);
	buf_release(&r->kept);
	r->z = NULL;
	r->box = NULL;
	r->fd = -1;
}

void rows_add(struct rows *r, enum rows_class c, const char *line, size_t len)
{
	buf_addc(&r->lines, (char)c);
	buf_add(&r->lines, line, len);
	buf_addc(&r->lines, '\n');
	if (c != ROWS_STATE) {
		r->records++;
		r->raw += len + 1;
	}
}

/* So many bytes of lines as one frame takes: what waited for long must not have to fit at once. */
static size_t frame_lines(const struct rows *r)
{
	const char *nl = NULL;

	if (r->lines.len > ROWS_FRAME_LINES)
		nl =
		    memchr(r->lines.data + ROWS_FRAME_LINES, '\n', r->lines.len - ROWS_FRAME_LINES);
	return nl ? (size_t)(nl + 1 - r->lines.data) : r->lines.len;
}

/* Deflates and seals lines into @r->sealed. */
static int seal_lines(struct rows *r)
{
	z_stream *z = r->z;
	size_t lines = frame_lines(r), bound = deflateBound(z, lines) + 64;
	uint8_t nonce[CRYPT_NONCE], *packed = malloc(bound), *out;
	size_t len;
	int rc = -1;

	buf_reset(&r->sealed);
	out = (uint8_t *)buf_room(&r->sealed, ROWS_FRAME_HEAD + bound + CRYPT_TAG);
	if (packed && out) {
		z->next_in = (Bytef *)r->lines.data;
		z->avail_in = (uInt)lines;
		z->next_out = packed;
		z->avail_out = (uInt)bound;
		nonce_of(r->frames, nonce);
		if (deflate(z, Z_SYNC_FLUSH) == Z_OK && !z->avail_in) {
			len = bound - z->avail_out;
			rc = crypt_seal(r->box, nonce, r->aad, sizeof(r->aad), packed, len,
					out + ROWS_FRAME_HEAD);
		}
	}
	free(packed);
	if (rc < 0) {
		errno = ENOMEM;
		return -1;
	}
	len += CRYPT_TAG;
	put_le(out, len, 4);
	put_le(out + 4, crc32(crc32(0, out, 4), out + ROWS_FRAME_HEAD, (uInt)len), 4);
	buf_added(&r->sealed, ROWS_FRAME_HEAD + len);
	r->frames++;
	if (lines == r->lines.len)
		buf_reset(&r->lines);
	else
		buf_drop(&r->lines, lines);
	return 0;
}

/* Also the bytes of them, newlines included. */
static uint64_t waiting(const struct rows *r, uint64_t *bytes)
{
	const char *at = r->lines.data, *end = at + r->lines.len, *nl;
	uint64_t n = 0;

	*bytes = 0;
	for (; at < end && (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		if (*at == ROWS_STATE)
			continue;
		*bytes += (uint64_t)(nl - at);
		n++;
	}
	return n;
}

uint64_t rows_waiting(const struct rows *r)
{
	uint64_t bytes;

	return waiting(r, &bytes);
}

void rows_hand_over(struct rows *from, struct rows *to)
{
	uint64_t bytes, n = waiting(from, &bytes);

	buf_add(&to->lines, from->lines.data, from->lines.len);
	to->records += n;
	to->raw += bytes;
	from->records -= n;
	from->raw -= bytes;
	buf_reset(&from->lines);
}

bool rows_unsynced(const struct rows *r)
{
	return r->kept.len > 0;
}

static int make_durable(struct rows *r)
{
	if (fdatasync(r->fd) < 0) {
		r->lost = true;
		return -1;
	}
	r->synced = r->bytes;
	buf_reset(&r->kept);
	return 0;
}

int rows_write(struct rows *r, bool sync)
{
	if (r->lost) {
		if (write_all(r->fd, r->kept.data, r->kept.len, r->synced) < 0 ||
		    make_durable(r) < 0)
			return -1;
		r->lost = false;
	}
	for (;;) {
		if (r->sealed.len) {
			if (write_all(r->fd, r->sealed.data, r->sealed.len, r->bytes) < 0)
				return -1;
			buf_add(&r->kept, r->sealed.data, r->sealed.len);
			r->bytes += r->sealed.len;
			buf_reset(&r->sealed);
		}
		if (!r->lines.len)
			break;
		if (seal_lines(r) < 0)
			return -1;
	}
	sync |= r->kept.len > ROWS_KEPT_MAX || buf_failed(&r->kept);
	return sync ? make_durable(r) : 0;
}

/* ---- reading ---- */

struct reader {
	struct crypt_box *box;
	z_stream z;
	bool z_ready;
	struct buf plain; /* what was inflated and not yet given */
	rows_fn *fn;
	void *ctx;
	struct rows_info *info;
};

static int give_lines(struct reader *r)
{
	char *at = r->plain.data, *end = at + r->plain.len, *nl;
	int rc = 0;

	while (rc == 0 && at < end && (nl = memchr(at, '\n', (size_t)(end - at)))) {
		r->info->records += at[0] != ROWS_STATE;
		if (r->fn)
			rc = r->fn(r->ctx, (enum rows_class)at[0], at + 1, (size_t)(nl - at - 1));
		at = nl + 1;
	}
	buf_reset(&r->plain);
	return rc;
}

/* The stream is ours and authenticated; its size is bounded all the same. */
static int inflate_into(struct reader *r, uint8_t *in, size_t len)
{
	r->z.next_in = in;
	r->z.avail_in = (uInt)len;
	do {
		char *room = buf_room(&r->plain, 65536);
		int rc;

		if (!room)
			return -1;
		r->z.next_out = (Bytef *)room;
		r->z.avail_out = 65536;
		rc = inflate(&r->z, Z_SYNC_FLUSH);
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return -1;
		buf_added(&r->plain, 65536 - r->z.avail_out);
	} while (r->z.avail_in || !r->z.avail_out);
	return 0;
}

static int read_frame(struct reader *r, uint8_t *body, size_t len, const uint8_t *aad,
		      struct err *err)
{
	uint8_t nonce[CRYPT_NONCE];

	nonce_of(r->info->frames, nonce);
	if (crypt_open(r->box, nonce, aad, STORE_ID + 8, body, len, body) < 0)
		return err_set(err, "frame %" PRIu64 " at byte %" PRIu64 " does not open",
			       r->info->frames + 1, r->info->good);
	if (inflate_into(r, body, len - CRYPT_TAG) < 0)
		return err_set(err, "frame %" PRIu64 " does not inflate", r->info->frames + 1);
	return 0;
}

static int start_reader(struct reader *r, const uint8_t *head, rows_key_fn *key, struct err *err)
{
	uint8_t data_key[CRYPT_KEY];
	const uint8_t *kek = key(r->ctx, r->info->key_id);

	if (!kek)
		return err_set(err, "no device key for it");
	if (crypt_unwrap(kek, head + AT_WRAPPED, data_key) < 0)
		return err_set(err, "its data key does not unwrap");
	r->box = crypt_box_new(data_key);
	crypt_forget(data_key, sizeof(data_key));
	r->z_ready = inflateInit2(&r->z, WINDOW_BITS) == Z_OK;
	return r->box && r->z_ready ? 0 : err_set(err, "out of memory");
}

static int read_frames(struct reader *r, uint8_t *data, bool open, struct err *err)
{
	uint8_t aad[STORE_ID + 8];
	struct rows_info *in = r->info;

	memcpy(aad, data + AT_STORE, STORE_ID);
	put_le(aad + STORE_ID, in->seq, 8);
	while (in->size - in->good >= ROWS_FRAME_HEAD + CRYPT_TAG) {
		uint8_t *f = data + in->good;
		uint64_t len = get_le(f, 4);
		int stop = 0;

		if (len < CRYPT_TAG || len > in->size - in->good - ROWS_FRAME_HEAD ||
		    crc32(crc32(0, f, 4), f + ROWS_FRAME_HEAD, (uInt)len) != get_le(f + 4, 4))
			break;
		if (open && read_frame(r, f + ROWS_FRAME_HEAD, len, aad, err) < 0)
			return -1;
		in->frames++;
		in->good += ROWS_FRAME_HEAD + len;
		if (open && (stop = give_lines(r)) != 0)
			return stop;
	}
	return 0;
}

static uint8_t *slurp(int fd, uint64_t *size)
{
	struct stat st;
	uint8_t *data;
	size_t have = 0;

	if (fstat(fd, &st) < 0)
		return NULL;
	if ((uint64_t)st.st_size > ROWS_FILE_MAX) {
		errno = EFBIG;
		return NULL;
	}
	data = malloc((size_t)st.st_size + 1);
	while (data && have < (size_t)st.st_size) {
		ssize_t n = pread(fd, data + have, (size_t)st.st_size - have, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) { /* a file that the medium does not give is not a short one */
			free(data);
			return NULL;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*size = have;
	return data;
}

int rows_read(int dir_fd, const char *name, rows_key_fn *key, rows_fn *fn, void *ctx,
	      struct rows_info *info, struct err *err)
{
	struct reader r = {.fn = fn, .ctx = ctx, .info = info};
	int fd = file_open(dir_fd, name), rc = -1, why = EBADMSG;
	uint8_t *data = NULL;

	*info = (struct rows_info){0};
	if (fd < 0 || !(data = slurp(fd, &info->size))) {
		why = errno;
		err_sys(err, "unable to read %s", name);
		goto out;
	}
	rc = 0;
	if (info->size >= ROWS_HEADER && memcmp(data, magic, sizeof(magic) - 1) == 0 &&
	    data[7] > '1' && data[7] <= '9') {
		why = ENOTSUP;
		rc = err_set(err, "%s is of format %c, this evse-log knows 1", name, data[7]);
		goto out;
	}
	if (info->size < ROWS_HEADER || memcmp(data, magic, sizeof(magic)) != 0 ||
	    crc32(0, data, AT_CRC) != get_le(data + AT_CRC, 4))
		goto out;
	info->head_ok = true;
	info->seq = get_le(data + AT_SEQ, 8);
	info->good = ROWS_HEADER;
	memcpy(info->store, data + AT_STORE, STORE_ID);
	memcpy(info->key_id, data + AT_KEY_ID, CRYPT_ID);
	buf_init(&r.plain, (size_t)16 << 20);
	errno = 0;
	if (key)
		rc = start_reader(&r, data, key, err);
	if (rc == 0)
		rc = read_frames(&r, data, key != NULL, err);
	if (rc < 0) {
		why = errno == ENOMEM ? ENOMEM : why;
		err_prefix(err, "%s", name);
	}
	buf_release(&r.plain);
out:
	if (r.z_ready)
		inflateEnd(&r.z);
	crypt_box_free(r.box);
	free(data);
	if (fd >= 0)
		close(fd);
	errno = rc < 0 ? why : errno;
	return rc;
}
