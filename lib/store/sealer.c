#include "store/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/segment.h"
#include "store/store.h"

struct taker {
	const struct keys *keys;
	struct segment_lines *lines;
	bool bare;
};

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	struct taker *t = ctx;

	return keys_find(t->keys, id);
}

static int take(void *ctx, enum rows_class c, const char *line, size_t len)
{
	struct taker *t = ctx;

	if (c == ROWS_EVENT || (c == ROWS_DATA && !t->bare))
		segment_lines_add(t->lines, c, line, len);
	return 0;
}

int seal_rows(int dir_fd, const struct keys *keys, struct tip *tip, bool bare, int64_t now_ms,
	      uint64_t *bytes, struct err *err)
{
	struct segment_head h = {.seq = tip->seq + 1, .sealed_ms = now_ms};
	struct segment_lines lines;
	struct taker taker = {keys, &lines, bare};
	struct rows_info info;
	struct buf out;
	char rows[32], seg[32];
	int rc = -1;

	store_name(rows, h.seq, ".rows");
	store_name(seg, h.seq, ".seg");
	memcpy(h.store, tip->store, STORE_ID);
	memcpy(h.prev, tip->link, CRYPT_HASH);
	segment_lines_init(&lines);
	buf_init(&out, SEALER_FILE_MAX);
	/* of a damaged file what is whole is sealed; one that can't be read now waits */
	if (rows_read(dir_fd, rows, find_key, take, &taker, &info, err) < 0 && errno != EBADMSG &&
	    errno != ENOENT)
		goto out;
	if (segment_seal(&h, &lines, keys->signer, keys->device[0], keys->recipients, &out, err) <
	    0) {
		errno = ENOMEM;
		goto out;
	}
	*bytes = out.len;
	if (tip_replace(dir_fd, seg, out.data, out.len, err) < 0)
		goto out;
	tip->seq = h.seq;
	tip->records += h.records;
	memcpy(tip->link, h.link, CRYPT_HASH);
	tip->at_ms = now_ms;
	rc = tip_write(dir_fd, tip, keys->signer, err);
	if (rc == 0)
		unlinkat(dir_fd, rows, 0);
out:
	segment_lines_release(&lines);
	buf_release(&out);
	return rc;
}
