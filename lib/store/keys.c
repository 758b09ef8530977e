#include "store/keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/state.h"
#include "store/token.h"

enum { FILE_MAX = 64 << 10 };

int keys_read_file(const char *path, bool secret, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;
	char *room;

	if (fd < 0)
		return err_sys(err, "unable to open %s", path);
	if (fstat(fd, &st) < 0 || st.st_size > FILE_MAX || S_ISDIR(st.st_mode)) {
		err_set(err, "%s is not a file of at most %d bytes", path, FILE_MAX);
	} else if (secret && (st.st_mode & 077)) {
		err_set(err, "%s can be read by others (mode %03o; expected 600)", path,
			(unsigned)st.st_mode & 0777);
		close(fd);
		errno = EACCES;
		return -1;
	} else {
		/* a pipe has no size */
		while (out->len <= FILE_MAX && (room = buf_room(out, 4096)) &&
		       ((n = read(fd, room, 4096)) > 0 || (n < 0 && errno == EINTR)))
			buf_added(out, n > 0 ? (size_t)n : 0);
		if (n < 0)
			err_sys(err, "unable to read %s", path);
		else if (n > 0)
			n = err_set(err, "%s is not a file of at most %d bytes", path, FILE_MAX);
	}
	close(fd);
	return n < 0 ? -1 : 0;
}

/* A new file, on the disk before it has its name; never replaces one. */
int keys_write_file(const char *dir, const char *name, const void *data, size_t len, mode_t mode,
		    struct err *err)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temp, sizeof(temp), "%s/%s.new", dir, name);
	unlink(temp);
	fd = open(temp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(err, "unable to make %s", temp);
	if (write(fd, data, len) != (ssize_t)len || fsync(fd) < 0) {
		err_sys(err, "unable to write %s", temp);
		close(fd);
		unlink(temp);
		return -1;
	}
	close(fd);
	if (rename(temp, path) < 0 || state_sync_dir(dir) < 0)
		return err_sys(err, "unable to make %s", path);
	return 0;
}

static bool exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static int write_wrapped(const char *dir, const char *token, const uint8_t key[CRYPT_KEY],
			 struct err *err)
{
	uint8_t wrapped[CRYPT_WRAPPED];
	char hex[2 * CRYPT_WRAPPED + 1];
	struct buf b;
	int rc = token_wrap(token, key, wrapped, err);

	if (rc < 0)
		return -1;
	buf_init(&b, 4096);
	crypt_hex(wrapped, sizeof(wrapped), hex);
	buf_addf(&b, "%s\n%s\n", token, hex);
	rc = buf_failed(&b) ? err_set(err, "the token's URI is too long")
			    : keys_write_file(dir, "device.key", b.data, b.len, 0600, err);
	buf_release(&b);
	return rc;
}

/* @token NULL: in clear. */
static int make_device_key(const char *dir, const char *token, struct err *err)
{
	uint8_t key[CRYPT_KEY];
	char hex[2 * CRYPT_KEY + 2];
	int rc;

	if (crypt_random(key, sizeof(key)) < 0)
		return err_set(err, "unable to make a device key: no random bytes");
	crypt_hex(key, sizeof(key), hex);
	hex[2 * sizeof(key)] = '\n';
	rc = token ? write_wrapped(dir, token, key, err)
		   : keys_write_file(dir, "device.key", hex, 2 * CRYPT_KEY + 1, 0600, err);
	crypt_forget(key, sizeof(key));
	crypt_forget(hex, sizeof(hex));
	return rc;
}

static int make_sign_key(const char *dir, struct err *err)
{
	struct buf private, public;
	int rc;

	buf_init(&private, 4096);
	buf_init(&public, 4096);
	rc = crypt_signer_make(&private, &public, err);
	if (rc == 0)
		rc = keys_write_file(dir, "sign.pub", public.data, public.len, 0644, err);
	if (rc == 0)
		rc = keys_write_file(dir, "sign.key", private.data, private.len, 0600, err);
	crypt_forget(private.data, private.len);
	buf_release(&private);
	buf_release(&public);
	return rc;
}

/* The URI of the token's key, and on a second line the device key as wrapped by it. */
static int open_with_token(const char *path, struct buf *b, uint8_t key[CRYPT_KEY], struct err *err)
{
	uint8_t wrapped[CRYPT_WRAPPED];
	char *nl = memchr(b->data, '\n', b->len);
	size_t rest = nl ? (size_t)(b->data + b->len - nl - 1) : 0;

	if (!nl || !crypt_unhex(nl + 1, rest, wrapped, sizeof(wrapped)))
		return err_set(err, "%s: expected a pkcs11: line and one of %d hexadecimal digits",
			       path, 2 * CRYPT_WRAPPED);
	*nl = '\0';
	return token_unwrap(b->data, wrapped, key, err) < 0 ? err_prefix(err, "%s", path) : 0;
}

static int add_device_key(struct keys *k, const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX];
	struct buf b;
	int rc;

	if (k->devices == KEYS_DEVICE_MAX)
		return err_set(err, "%s holds more than %d device keys", dir, KEYS_DEVICE_MAX);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(&b, FILE_MAX + 8192);
	rc = keys_read_file(path, true, &b, err);
	while (rc == 0 && b.len && (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r'))
		b.len--;
	if (rc == 0 && b.len > 7 && strncmp(b.data, "pkcs11:", 7) == 0) {
		k->token = true;
		rc = open_with_token(path, &b, k->device[k->devices], err);
	} else if (rc == 0 && !crypt_unhex(b.data, b.len, k->device[k->devices], CRYPT_KEY)) {
		rc = err_set(err, "%s: expected %d hexadecimal digits", path, 2 * CRYPT_KEY);
		errno = EINVAL;
	}
	if (rc == 0) {
		crypt_key_id(k->device[k->devices], k->id[k->devices]);
		k->devices++;
	}
	crypt_forget(b.data, b.len);
	buf_release(&b);
	return rc;
}

static int each_file(const char *dir, bool (*want)(const char *name),
		     int (*fn)(struct keys *k, const char *dir, const char *name, struct err *err),
		     struct keys *k, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	while (d && rc == 0 && (e = readdir(d)))
		if (want(e->d_name))
			rc = fn(k, dir, e->d_name, err);
	if (d)
		closedir(d);
	return rc;
}

static bool ends(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);

	return n > t && strcmp(name + n - t, tail) == 0;
}

static bool is_old_device_key(const char *name)
{
	return strncmp(name, "device-", 7) == 0 && ends(name, ".key");
}

static bool is_pem(const char *name)
{
	return ends(name, ".pem");
}

static int add_recipient(struct keys *k, const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX + 256];
	struct buf b;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(&b, FILE_MAX + 8192);
	rc = keys_read_file(path, false, &b, err);
	if (rc == 0 && crypt_recipients_add(k->recipients, b.data, b.len, err) < 0)
		rc = err_prefix(err, "%s", path);
	buf_release(&b);
	return rc;
}

static int load_signer(struct keys *k, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	struct buf b;
	int rc;

	snprintf(path, sizeof(path), "%s/sign.key", dir);
	buf_init(&b, FILE_MAX + 8192);
	rc = keys_read_file(path, true, &b, err);
	if (rc == 0 && !(k->signer = crypt_signer_read(b.data, b.len, err)))
		rc = err_prefix(err, "%s", path);
	crypt_forget(b.data, b.len);
	buf_release(&b);
	k->recipients = crypt_recipients_new();
	snprintf(path, sizeof(path), "%s/recipients", dir);
	return rc == 0 && k->recipients ? each_file(path, is_pem, add_recipient, k, err) : -1;
}

int keys_load(struct keys *k, const char *dir, enum keys_need need, bool make, struct err *err)
{
	int rc = 0;

	*k = (struct keys){0};
	if (make && state_dir(dir, err) < 0)
		return -1;
	if (make && !exists(dir, "device.key"))
		rc = make_device_key(dir, NULL, err);
	if (rc == 0 && make && !exists(dir, "sign.key"))
		rc = make_sign_key(dir, err);
	if (rc == 0)
		rc = add_device_key(k, dir, "device.key", err);
	if (rc == 0)
		rc = each_file(dir, is_old_device_key, add_device_key, k, err);
	if (rc == 0 && need == KEYS_OPEN_AND_SIGN)
		rc = load_signer(k, dir, err);
	if (rc < 0) {
		int why = errno;

		keys_release(k);
		errno = why;
	}
	return rc;
}

void keys_release(struct keys *k)
{
	crypt_forget(k->device, sizeof(k->device));
	crypt_signer_free(k->signer);
	crypt_recipients_free(k->recipients);
	*k = (struct keys){0};
}

const uint8_t *keys_find(const struct keys *k, const uint8_t id[CRYPT_ID])
{
	for (size_t i = 0; i < k->devices; i++)
		if (memcmp(k->id[i], id, CRYPT_ID) == 0)
			return k->device[i];
	return NULL;
}

int keys_rotate_device(const char *dir, const char *token, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX], hex[2 * CRYPT_ID + 1];
	struct keys k;

	if (keys_load(&k, dir, KEYS_OPEN, false, err) < 0)
		return -1;
	crypt_hex(k.id[0], CRYPT_ID, hex);
	keys_release(&k);
	snprintf(from, sizeof(from), "%s/device.key", dir);
	snprintf(to, sizeof(to), "%s/device-%s.key", dir, hex);
	if (link(from, to) < 0 && errno != EEXIST)
		return err_sys(err, "unable to keep the old key as %s", to);
	return make_device_key(dir, token, err);
}

int keys_rotate_sign(const char *dir, struct err *err)
{
	struct buf private, public;
	int rc;

	if (exists(dir, "sign.next"))
		return err_set(
		    err, "%s/sign.next is there already: the writer has not taken it up yet", dir);
	buf_init(&private, 4096);
	buf_init(&public, 4096);
	rc = crypt_signer_make(&private, &public, err);
	if (rc == 0)
		rc = keys_write_file(dir, "sign.next", private.data, private.len, 0600, err);
	crypt_forget(private.data, private.len);
	buf_release(&private);
	buf_release(&public);
	return rc;
}
