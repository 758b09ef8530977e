/* The rows file: what was appended and is not packed yet, safe from the moment of its fsync.
 *
 * A rows file has a data key of its own, made at random when the file is made and never used again:
 * after any stop a new file is begun, so that no crash can make a nonce (the frame's number) come
 * twice under one key. A frame is what one group commit wrote: the lines, deflated in one stream
 * that goes through the whole file, then sealed. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/crypt.h"

enum {
	ROWS_HEADER = 88,
	ROWS_FRAME_HEAD = 8,
	ROWS_FRAME_MAX = 4 << 20,     /* bytes of a sealed frame */
	ROWS_FRAME_LINES = 128 << 10, /* bytes of lines in a frame, and the rest of the last line */
	ROWS_KEPT_MAX = 1 << 20,      /* more than this is synced whether asked for or not */
	ROWS_FILE_MAX = 32 << 20, /* no writer makes a larger one; a reader takes it into memory */
	STORE_ID = 16,
};

/* What a line is; the byte before it inside a frame. */
enum rows_class {
	ROWS_STATE = 's', /* "src epoch count": taken before this file, for dropping repeats */
	ROWS_EVENT = 'e',
	ROWS_DATA = 'd',
};

struct rows {
	int fd;
	uint64_t seq, frames, records;
	uint64_t bytes, raw;      /* of the file as written; of all lines */
	struct buf lines, sealed; /* not written yet: lines; a frame that the disk did not take */
	struct buf kept;          /* written, but not known to be on the disk: from @synced on */
	uint64_t synced;
	bool lost; /* a sync failed: what was kept is to be written again */
	struct crypt_box *box;
	void *z;
	uint8_t aad[STORE_ID + 8];
};

/** Makes the file @name in the directory, for number @seq. Nothing is synced yet. @return 0, or -1
 * with @err. */
int rows_create(struct rows *r, int dir_fd, const char *name, uint64_t seq,
		const uint8_t store[STORE_ID], const uint8_t device_key[CRYPT_KEY],
		struct err *err);
/** Closes the file; what was not written is lost. */
void rows_close(struct rows *r);

void rows_add(struct rows *r, enum rows_class c, const char *line, size_t len);

/**
 * Writes what was added as one frame; with @sync it is on the disk when this returns 0.
 *
 * @return  0, or -1 with errno; the frame is then kept and written first by the next call, the very
 * same bytes. So is all since the last sync when a sync fails: the kernel may have dropped it, and
 * calls it clean.
 */
int rows_write(struct rows *r, bool sync);
/** How many records wait in @r->lines. */
uint64_t rows_waiting(const struct rows *r);
/** Moves the lines that wait, which no key has sealed yet, from one file to the next. */
void rows_hand_over(struct rows *from, struct rows *to);
/** True when something was written that no sync has made durable yet. */
bool rows_unsynced(const struct rows *r);

/* ---- reading ---- */

struct rows_info {
	uint64_t seq, frames, records;
	uint64_t good, size; /* bytes up to the end of the last whole frame; of the file */
	uint8_t key_id[CRYPT_ID], store[STORE_ID];
	bool head_ok;
};

typedef int rows_fn(void *ctx, enum rows_class c, const char *line, size_t len);
/** Finds the device key with @id; NULL when there is none. */
typedef const uint8_t *rows_key_fn(void *ctx, const uint8_t id[CRYPT_ID]);

/**
 * Reads a rows file up to its first frame that is not whole, and says in @info how far that is.
 *
 * @key  NULL: only the frames' checksums are looked at
 * @fn   for each line in order; stops when it returns other than 0
 * @return  0, or -1 with @err: not readable, no key for it, or a frame that its checksum calls
 * whole does not open; errno is EBADMSG when the file's contents are wrong, ENOTSUP when its format
 * is a newer one
 */
int rows_read(int dir_fd, const char *name, rows_key_fn *key, rows_fn *fn, void *ctx,
	      struct rows_info *info, struct err *err);

#endif
