#include "session/hash.h"

#include <ctype.h>
#include <fcntl.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define USED_BYTES 16

static int make_key(struct token_key *k, const char *path, struct err *err)
{
	int fd;
	bool bad;

	if (getrandom(k->bytes, sizeof k->bytes, 0) != (ssize_t)sizeof k->bytes)
		return err_sys(err, "unable to draw a key");
	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "unable to make %s", path);
	bad = write(fd, k->bytes, sizeof k->bytes) != (ssize_t)sizeof k->bytes || fsync(fd) < 0;
	if (close(fd) < 0 || bad) {
		err_sys(err, "unable to write %s", path);
		unlink(path);
		return -1;
	}
	return 0;
}

int token_key_load(struct token_key *k, const char *dir, struct err *err)
{
	char path[4096];
	struct stat st;
	ssize_t n;
	int fd;

	if (!dir)
		return make_key(k, NULL, err);
	snprintf(path, sizeof path, "%s/token.key", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return make_key(k, path, err);
	n = fstat(fd, &st) < 0 ? -1 : read(fd, k->bytes, sizeof k->bytes);
	close(fd);
	if (n != (ssize_t)sizeof k->bytes)
		return err_set(err, "%s: expected %d bytes of key", path, HASH_KEY_BYTES);
	if (st.st_mode & 077)
		return err_set(err, "%s: others may read it; expected mode 0600", path);
	return 0;
}

void token_hash(const struct token_key *k, const char *id, char out[SESSION_HASH_MAX])
{
	unsigned char upper[SESSION_TOKEN_MAX], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t n = 0;

	out[0] = 0;
	if (!*id)
		return;
	for (; n < sizeof upper && id[n]; n++)
		upper[n] = (unsigned char)toupper((unsigned char)id[n]);
	if (!HMAC(EVP_sha256(), k->bytes, sizeof k->bytes, upper, n, mac, &len))
		return;
	for (unsigned i = 0; i < USED_BYTES; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", mac[i]);
	explicit_bzero(upper, sizeof upper);
}
