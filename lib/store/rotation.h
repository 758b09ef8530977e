/* Changes of the signing key, as statements in the file "rotations": from which segment on the next
 * key signs, signed by the old key and by the new one, so that who trusts either can go on to the
 * other. Statements are never removed. */
#ifndef STORE_ROTATION_H
#define STORE_ROTATION_H

#include "store/keys.h"
#include "store/tip.h"

enum { ROTATION_MAX = 64, ROTATION_FILE_MAX = 64 << 10 };

struct rotation {
	uint8_t store[STORE_ID], from[CRYPT_PUB], to[CRYPT_PUB];
	uint64_t seq; /* the first that `to` signs */
	int64_t at_ms;
};

/** Reads and checks all statements. @return how many (0 where there is no file), or -1 with @err.
 */
int rotation_read(int dir_fd, struct rotation *list, size_t max, struct err *err);

/**
 * Where @keys_dir holds "sign.next": states that it signs from the segment after @tip on, and makes
 * it the signing key. Goes on where a crash left it. The caller reads its keys again when 1 was
 * returned.
 *
 * @return  1 when the key changed, 0 when there is nothing to do, -1 with @err
 */
int rotation_take(int dir_fd, const char *keys_dir, const struct tip *tip, int64_t now_ms,
		  struct err *err);

#endif
