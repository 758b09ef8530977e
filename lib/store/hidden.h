/* Places of kept lines that are not shown any more: personal values that were stored before it was
 * known that they are such (REG-4). A signed list, the file "hidden"; the lines themselves stay as
 * they are, since the chain holds their hashes, until they are removed by age. */
#ifndef STORE_HIDDEN_H
#define STORE_HIDDEN_H

#include "store/rows.h"
#include "store/signed.h"

enum { HIDDEN_FILE_MAX = 32 << 20 };

struct hidden_place {
	uint64_t seq, index; /* segment; record within it, from 0 */
	uint32_t from, len;  /* bytes of the line as stored */
	bool number;         /* shown as null, else as # within its string */
};

struct hidden {
	uint8_t store[STORE_ID], key[CRYPT_PUB];
	struct hidden_place *list; /* in order */
	size_t count;
	bool signed_well; /* by @key */
};

/** Reads the list; empty where there is none. @return 0, or -1 with @err. Released by the caller in
 * both cases. */
int hidden_read(int dir_fd, struct hidden *h, struct err *err);
void hidden_release(struct hidden *h);

/** @return 0, or -1 without memory. To be sorted again before it is used. */
int hidden_add(struct hidden *h, const struct hidden_place *p);
void hidden_sort(struct hidden *h);
int hidden_write(int dir_fd, struct hidden *h, const struct crypt_signer *signer, struct err *err);

/** The first place of a record; NULL when none of it is hidden. */
const struct hidden_place *hidden_find(const struct hidden *h, uint64_t seq, uint64_t index);
/** Appends @line, as stored, to @out without what @first and those behind it hide. */
void hidden_apply(const struct hidden *h, const struct hidden_place *first, const char *line,
		  size_t len, struct buf *out);

#endif
