#include "store/merkle.h"

#include <string.h>

void merkle_salt(const uint8_t key[CRYPT_KEY], uint64_t index, uint8_t salt[MERKLE_SALT])
{
	uint8_t be[8], h[CRYPT_HASH];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(index >> (56 - 8 * i));
	crypt_hmac(key, be, sizeof(be), h);
	memcpy(salt, h, MERKLE_SALT);
}

void merkle_leaf(const uint8_t salt[MERKLE_SALT], const char *line, size_t len,
		 uint8_t out[CRYPT_HASH])
{
	uint8_t head[1 + MERKLE_SALT] = {0};

	memcpy(head + 1, salt, MERKLE_SALT);
	crypt_sha256_2(head, sizeof(head), line, len, out);
}

static void join(const uint8_t *a, const uint8_t *b, uint8_t *out)
{
	uint8_t both[1 + CRYPT_HASH] = {1};

	memcpy(both + 1, a, CRYPT_HASH);
	crypt_sha256_2(both, sizeof(both), b, CRYPT_HASH, out);
}

/* One level up: neighbours are joined, a last one without neighbour moves up as it is. */
static size_t level_up(uint8_t (*h)[CRYPT_HASH], size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		join(h[i], h[i + 1], h[i / 2]);
	if (n % 2)
		memmove(h[n / 2], h[n - 1], CRYPT_HASH);
	return (n + 1) / 2;
}

void merkle_root(uint8_t (*leaves)[CRYPT_HASH], size_t count, uint8_t root[CRYPT_HASH])
{
	if (!count) {
		crypt_sha256("", 0, root);
		return;
	}
	while (count > 1)
		count = level_up(leaves, count);
	memcpy(root, leaves[0], CRYPT_HASH);
}

size_t merkle_path(uint8_t (*leaves)[CRYPT_HASH], size_t count, size_t index,
		   uint8_t (*path)[CRYPT_HASH])
{
	size_t steps = 0;

	for (; count > 1; index /= 2) {
		if ((index ^ 1) < count)
			memcpy(path[steps++], leaves[index ^ 1], CRYPT_HASH);
		count = level_up(leaves, count);
	}
	return steps;
}

bool merkle_climb(const uint8_t leaf[CRYPT_HASH], size_t count, size_t index,
		  uint8_t (*path)[CRYPT_HASH], size_t steps, uint8_t root[CRYPT_HASH])
{
	size_t used = 0;

	if (index >= count)
		return false;
	memcpy(root, leaf, CRYPT_HASH);
	for (; count > 1; index /= 2, count = (count + 1) / 2) {
		if ((index ^ 1) >= count)
			continue;
		if (used == steps)
			return false;
		if (index & 1)
			join(path[used++], root, root);
		else
			join(root, path[used++], root);
	}
	return used == steps;
}
