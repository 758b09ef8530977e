/* Merkle trees over the lines of a part, shaped as in RFC 6962, section 2.1, with salted leaves.
 * Pure.
 *
 * leaf = SHA-256(0x00, salt, line), node = SHA-256(0x01, left, right). A leaf's salt is made from a
 * key that stands inside the encrypted part, so that a proof of one line tells nothing of its
 * neighbours, not even to who guesses them. */
#ifndef STORE_MERKLE_H
#define STORE_MERKLE_H

#include "store/crypt.h"

enum { MERKLE_SALT = 16, MERKLE_PATH_MAX = 32 };

void merkle_salt(const uint8_t key[CRYPT_KEY], uint64_t index, uint8_t salt[MERKLE_SALT]);
void merkle_leaf(const uint8_t salt[MERKLE_SALT], const char *line, size_t len,
		 uint8_t out[CRYPT_HASH]);

/** @leaves is used up as scratch. @count 0 gives the hash of nothing. */
void merkle_root(uint8_t (*leaves)[CRYPT_HASH], size_t count, uint8_t root[CRYPT_HASH]);

/** The hashes beside the way from leaf @index to the root, lowest first; @leaves is used up.
 * @return how many. */
size_t merkle_path(uint8_t (*leaves)[CRYPT_HASH], size_t count, size_t index,
		   uint8_t (*path)[CRYPT_HASH]);

/** The root that follows from a leaf and its path. @return false when @steps does not suit @index
 * and @count. */
bool merkle_climb(const uint8_t leaf[CRYPT_HASH], size_t count, size_t index,
		  uint8_t (*path)[CRYPT_HASH], size_t steps, uint8_t root[CRYPT_HASH]);

#endif
