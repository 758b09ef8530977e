/* The tip of a store: a small signed file that says which segment is the newest and which are still
 * kept.
 *
 * It is replaced whole (temporary file, fsync, rename), after a segment was sealed and before old
 * ones are removed. So a removal at either end shows; only a whole older state of the directory
 * does not: for that there are anchors. */
#ifndef STORE_TIP_H
#define STORE_TIP_H

#include "store/rows.h"

enum { TIP_MAX = 1024 };

struct tip {
	uint8_t store[STORE_ID];
	uint64_t seq; /* newest sealed segment; 0: none yet */
	uint8_t link[CRYPT_HASH];
	uint64_t oldest, oldest_data; /* all from these on are kept: heads with events; data too */
	uint64_t records;             /* in what is kept */
	int64_t at_ms;
	uint8_t key[CRYPT_PUB];
};

/** Fills @t->key and writes DIR/tip. @return 0, or -1 with @err and errno. */
int tip_write(int dir_fd, struct tip *t, const struct crypt_signer *signer, struct err *err);

/** Reads DIR/tip and checks it against the key it names. @return 0; 1 when there is none; -1 with
 * @err. */
int tip_read(int dir_fd, struct tip *t, struct err *err);

/** Reads a whole file of the store; @max bytes at most. @return 0, or -1 with errno and @err. */
int tip_slurp(int dir_fd, const char *name, size_t max, struct buf *out, struct err *err);

/** Writes a whole file: temporary name, fsync, rename, fsync of the directory. @return 0, or -1
 * with errno and @err. */
int tip_replace(int dir_fd, const char *name, const void *data, size_t len, struct err *err);

#endif
