#include "store/rotation.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/state.h"
#include "store/signed.h"

/* One statement off the front. @return its length, 0 when it is none or a signature is wrong. */
static size_t take_one(const char *data, size_t size, struct rotation *r)
{
	uint8_t sig[CRYPT_SIG], sig2[CRYPT_SIG];
	size_t line, len;
	struct scan s;

	if (!signed_split(data, size, &line, &len, sig))
		return 0;
	s = (struct scan){.at = data, .end = data + line};
	scan_hex(&s, "{\"format\":\"evse-log-rotation 1\",\"store\":\"", r->store, STORE_ID);
	scan_hex(&s, "\",\"from\":\"", r->from, CRYPT_PUB);
	scan_hex(&s, "\",\"to\":\"", r->to, CRYPT_PUB);
	r->seq = scan_uint(&s, "\",\"seq\":");
	r->at_ms = scan_time(&s, ",\"at\":\"");
	scan_text(&s, "\"}\n");
	if (s.bad || s.at != s.end)
		return 0;
	s = (struct scan){.at = data + len, .end = data + size};
	scan_hex(&s, "{\"sig\":\"", sig2, CRYPT_SIG);
	scan_text(&s, "\"}\n");
	if (s.bad || !crypt_verify(r->from, data, line, sig) ||
	    !crypt_verify(r->to, data, line, sig2))
		return 0;
	return (size_t)(s.at - data);
}

int rotation_read(int dir_fd, struct rotation *list, size_t max, struct err *err)
{
	struct buf b;
	size_t n = 0, at = 0;
	int rc = 0;

	buf_init(&b, ROTATION_FILE_MAX + 65536);
	if (tip_slurp(dir_fd, "rotations", ROTATION_FILE_MAX, &b, err) < 0)
		rc = errno == ENOENT ? 0 : -1;
	while (rc == 0 && at < b.len) {
		size_t len = n < max ? take_one(b.data + at, b.len - at, &list[n]) : 0;

		if (!len)
			rc = err_set(err, "rotations: statement %zu is damaged or wrongly signed",
				     n + 1);
		at += len;
		n++;
	}
	buf_release(&b);
	return rc < 0 ? -1 : (int)n;
}

static int append(int dir_fd, const struct tip *tip, const struct crypt_signer *old,
		  const struct crypt_signer *new, int64_t now_ms, struct err *err)
{
	uint8_t sig[CRYPT_SIG];
	struct buf b;
	size_t from;
	int rc;

	buf_init(&b, ROTATION_FILE_MAX + 65536);
	if (tip_slurp(dir_fd, "rotations", ROTATION_FILE_MAX - 1024, &b, err) < 0 &&
	    errno != ENOENT) {
		buf_release(&b);
		return -1;
	}
	from = b.len;
	signed_hex(&b, "{\"format\":\"evse-log-rotation 1\",\"store\":\"", tip->store, STORE_ID);
	signed_hex(&b, "\",\"from\":\"", crypt_signer_pub(old), CRYPT_PUB);
	signed_hex(&b, "\",\"to\":\"", crypt_signer_pub(new), CRYPT_PUB);
	signed_uint(&b, "\",\"seq\":", tip->seq + 1);
	signed_time(&b, ",\"at\":\"", now_ms);
	buf_adds(&b, "\"}");
	rc = signed_end(&b, from, old);
	if (rc == 0) {
		const char *nl = memchr(b.data + from, '\n', b.len - from);

		rc = crypt_sign(new, b.data + from, (size_t)(nl + 1 - b.data) - from, sig);
		signed_hex(&b, "{\"sig\":\"", sig, sizeof(sig));
		buf_adds(&b, "\"}\n");
	}
	rc = rc < 0 || buf_failed(&b) ? err_set(err, "unable to sign the change of keys")
				      : tip_replace(dir_fd, "rotations", b.data, b.len, err);
	buf_release(&b);
	return rc;
}

static struct crypt_signer *read_signer(const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX];
	struct crypt_signer *s = NULL;
	struct buf b;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(&b, 128 << 10);
	if (keys_read_file(path, true, &b, err) == 0)
		s = crypt_signer_read(b.data, b.len, err);
	crypt_forget(b.data, b.len);
	buf_release(&b);
	return s;
}

/* The public half as sign.pub; then the private key gets its name. */
static int install(const char *dir, const struct crypt_signer *new, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct buf pem;
	int rc;

	buf_init(&pem, 4096);
	rc = crypt_pub_write(crypt_signer_pub(new), &pem) < 0
		 ? err_set(err, "out of memory")
		 : keys_write_file(dir, "sign.pub", pem.data, pem.len, 0644, err);
	buf_release(&pem);
	snprintf(from, sizeof(from), "%s/sign.next", dir);
	snprintf(to, sizeof(to), "%s/sign.key", dir);
	if (rc == 0 && (rename(from, to) < 0 || state_sync_dir(dir) < 0))
		rc = err_sys(err, "unable to make %s", to);
	return rc;
}

int rotation_take(int dir_fd, const char *keys_dir, const struct tip *tip, int64_t now_ms,
		  struct err *err)
{
	struct crypt_signer *old, *new;
	struct rotation list[ROTATION_MAX];
	char path[PATH_MAX];
	int n, rc = -1;

	snprintf(path, sizeof(path), "%s/sign.next", keys_dir);
	if (access(path, F_OK) < 0)
		return 0;
	new = read_signer(keys_dir, "sign.next", err);
	old = new ? read_signer(keys_dir, "sign.key", err) : NULL;
	if (old && (n = rotation_read(dir_fd, list, ROTATION_MAX, err)) >= 0) {
		bool stated = n && memcmp(list[n - 1].to, crypt_signer_pub(new), CRYPT_PUB) == 0;

		rc = stated ? 0 : append(dir_fd, tip, old, new, now_ms, err);
		if (rc == 0)
			rc = install(keys_dir, new, err);
	}
	crypt_signer_free(old);
	crypt_signer_free(new);
	return rc < 0 ? -1 : 1;
}
