#include "store/tip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/signed.h"

int tip_slurp(int dir_fd, const char *name, size_t max, struct buf *out, struct err *err)
{
	int fd = file_open(dir_fd, name), rc = 0, why;
	struct stat st;
	char *room;

	if (fd < 0)
		return err_sys(err, "unable to open %s", name);
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size > max) {
		errno = EFBIG;
		rc = -1;
	}
	while (rc == 0) {
		ssize_t n = -1;

		room = buf_room(out, 65536);
		if (!room) {
			errno = ENOMEM;
			rc = -1;
			break;
		}
		n = read(fd, room, 65536);
		if (n < 0 && errno != EINTR)
			rc = -1;
		if (n == 0)
			break;
		if (n > 0)
			buf_added(out, (size_t)n);
	}
	why = errno;
	close(fd);
	errno = why;
	return rc < 0 ? err_sys(err, "unable to read %s", name) : 0;
}

int tip_replace(int dir_fd, const char *name, const void *data, size_t len, struct err *err)
{
	char temp[64];
	size_t done = 0;
	int fd, why;

	snprintf(temp, sizeof(temp), "%s.tmp", name);
	fd = openat(dir_fd, temp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 && done == len && fsync(fd) == 0 && renameat(dir_fd, temp, dir_fd, name) == 0 &&
	    fsync(dir_fd) == 0) {
		close(fd);
		return 0;
	}
	why = errno;
	if (fd >= 0)
		close(fd);
	unlinkat(dir_fd, temp, 0);
	errno = why;
	return err_sys(err, "unable to write %s", name);
}

int tip_write(int dir_fd, struct tip *t, const struct crypt_signer *signer, struct err *err)
{
	struct buf b;
	int rc;

	memcpy(t->key, crypt_signer_pub(signer), CRYPT_PUB);
	buf_init(&b, TIP_MAX);
	signed_hex(&b, "{\"format\":\"evse-log-tip 1\",\"store\":\"", t->store, STORE_ID);
	signed_uint(&b, "\",\"seq\":", t->seq);
	signed_hex(&b, ",\"link\":\"", t->link, CRYPT_HASH);
	signed_uint(&b, "\",\"oldest\":", t->oldest);
	signed_uint(&b, ",\"oldest_data\":", t->oldest_data);
	signed_uint(&b, ",\"records\":", t->records);
	signed_time(&b, ",\"at\":\"", t->at_ms);
	signed_hex(&b, "\",\"key\":\"", t->key, CRYPT_PUB);
	buf_adds(&b, "\"}");
	rc = signed_end(&b, 0, signer);
	rc = rc < 0 ? err_set(err, "unable to sign the tip")
		    : tip_replace(dir_fd, "tip", b.data, b.len, err);
	buf_release(&b);
	return rc;
}

/* A format of the same name with another number, by a newer evse-log. */
static bool is_newer(const struct buf *b, struct err *err)
{
	static const char name[] = "{\"format\":\"evse-log-tip ";
	const char *at = b->data + sizeof(name) - 1;

	if (b->len <= sizeof(name) || memcmp(b->data, name, sizeof(name) - 1) != 0 || *at < '2' ||
	    *at > '9')
		return false;
	errno = ENOTSUP;
	err_set(err, "tip is of format %c, this evse-log knows 1", *at);
	return true;
}

int tip_read(int dir_fd, struct tip *t, struct err *err)
{
	uint8_t sig[CRYPT_SIG];
	size_t line = 0, len = 0;
	struct buf b;
	struct scan s;
	int rc = 0;

	*t = (struct tip){0};
	buf_init(&b, 131072);
	if (tip_slurp(dir_fd, "tip", TIP_MAX, &b, err) < 0) {
		buf_release(&b);
		return errno == ENOENT ? 1 : -1;
	}
	if (is_newer(&b, err)) {
		buf_release(&b);
		return -1;
	}
	errno = EBADMSG;
	if (!signed_split(buf_str(&b), b.len, &line, &len, sig) || len != b.len)
		rc = err_set(err, "tip is damaged or cut");
	s = (struct scan){.at = b.data, .end = b.data + line};
	scan_hex(&s, "{\"format\":\"evse-log-tip 1\",\"store\":\"", t->store, STORE_ID);
	t->seq = scan_uint(&s, "\",\"seq\":");
	scan_hex(&s, ",\"link\":\"", t->link, CRYPT_HASH);
	t->oldest = scan_uint(&s, "\",\"oldest\":");
	t->oldest_data = scan_uint(&s, ",\"oldest_data\":");
	t->records = scan_uint(&s, ",\"records\":");
	t->at_ms = scan_time(&s, ",\"at\":\"");
	scan_hex(&s, "\",\"key\":\"", t->key, CRYPT_PUB);
	scan_text(&s, "\"}\n");
	if (rc == 0 && (s.bad || s.at != s.end || !t->oldest || t->oldest > t->oldest_data))
		rc = err_set(err, "tip is damaged or of another format");
	if (rc == 0 && !crypt_verify(t->key, b.data, line, sig))
		rc = err_set(err, "tip: its signature is wrong");
	buf_release(&b);
	return rc;
}
