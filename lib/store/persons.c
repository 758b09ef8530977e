#include "store/persons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/signed.h"
#include "store/tip.h"

enum {
	ENTRY_LINE = 2 * (PERSONS_MAC + PERSONS_TAG + CRYPT_WRAPPED) + 33,
	SEALED_MIN = 1 + 2 * (PERSONS_TAG + CRYPT_NONCE + CRYPT_TAG),
	VALUE_MAX = 1024,
	DEPTH_MAX = 64,
};

void persons_init(struct persons *p, int dir_fd, const struct keys *keys)
{
	*p = (struct persons){.dir_fd = dir_fd, .keys = keys};
}

void persons_release(struct persons *p)
{
	crypt_forget(p->list, p->count * sizeof(*p->list));
	crypt_forget(p->mac_key, sizeof(p->mac_key));
	free(p->list);
	*p = (struct persons){.dir_fd = p->dir_fd, .keys = p->keys};
}

/* ---- the file ---- */

static int lock_file(const struct persons *p)
{
	int fd = openat(p->dir_fd, "persons.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			break;
	return fd;
}

static bool unchanged(struct persons *p)
{
	struct stat st;
	uint64_t now[3] = {0};

	if (fstatat(p->dir_fd, "persons", &st, 0) == 0) {
		now[0] = st.st_ino;
		now[1] = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
		now[2] = (uint64_t)st.st_size;
	}
	if (p->loaded && memcmp(now, p->stamp, sizeof(now)) == 0)
		return true;
	memcpy(p->stamp, now, sizeof(now));
	return false;
}

static int read_ring(struct persons *p, struct scan *s, uint8_t ring[CRYPT_KEY])
{
	uint8_t id[CRYPT_ID], wrapped[CRYPT_WRAPPED], mac[CRYPT_WRAPPED];
	const uint8_t *kek;

	scan_hex(s, "{\"format\":\"evse-log-persons 1\",\"device\":\"", id, CRYPT_ID);
	scan_hex(s, "\",\"ring\":\"", wrapped, CRYPT_WRAPPED);
	scan_hex(s, "\",\"mac\":\"", mac, CRYPT_WRAPPED);
	scan_text(s, "\"}\n");
	kek = s->bad ? NULL : keys_find(p->keys, id);
	return kek && crypt_unwrap(kek, wrapped, ring) == 0 &&
		       crypt_unwrap(ring, mac, p->mac_key) == 0
		   ? 0
		   : -1;
}

static int load(struct persons *p, struct err *err)
{
	uint8_t ring[CRYPT_KEY], wrapped[CRYPT_WRAPPED];
	struct buf b;
	struct scan s;
	int rc = 0;

	if (unchanged(p))
		return 0;
	buf_init(&b, (size_t)PERSONS_MAX * ENTRY_LINE + 131072);
	persons_release(p);
	if (tip_slurp(p->dir_fd, "persons", (size_t)PERSONS_MAX * ENTRY_LINE + 1024, &b, err) < 0) {
		rc = errno == ENOENT && crypt_random(p->mac_key, CRYPT_KEY) == 0 ? 0 : -1;
		goto out;
	}
	s = (struct scan){.at = b.data, .end = b.data + b.len};
	p->list = calloc(PERSONS_MAX, sizeof(*p->list));
	if (!p->list || read_ring(p, &s, ring) < 0) {
		rc = err_set(err, "persons: damaged, or no device key for it");
		goto out;
	}
	while (s.at < s.end && p->count < PERSONS_MAX && rc == 0) {
		struct person *e = &p->list[p->count];

		scan_hex(&s, "", e->mac, PERSONS_MAC);
		scan_hex(&s, " ", e->tag, PERSONS_TAG);
		scan_hex(&s, " ", wrapped, CRYPT_WRAPPED);
		scan_text(&s, "\n");
		if (s.bad || crypt_unwrap(ring, wrapped, e->key) < 0)
			rc = err_set(err, "persons: entry %zu is damaged", p->count + 1);
		p->count++;
	}
	crypt_forget(ring, sizeof(ring));
out:
	buf_release(&b);
	p->loaded = rc == 0;
	if (p->loaded) {
		p->loaded = false;
		(void)unchanged(p);
		p->loaded = true;
	}
	return rc;
}

/* The file anew, under a new ring key; the old file's bytes are overwritten as far as the medium
 * lets them be. */
static int save(struct persons *p, bool destroy, struct err *err)
{
	uint8_t ring[CRYPT_KEY], wrapped[CRYPT_WRAPPED], id[CRYPT_ID], mac[CRYPT_WRAPPED];
	const uint8_t *kek = p->keys->device[0];
	int rc = -1, old = destroy ? openat(p->dir_fd, "persons", O_RDWR | O_CLOEXEC) : -1;
	struct buf b;

	buf_init(&b, (size_t)PERSONS_MAX * ENTRY_LINE + 1024);
	crypt_key_id(kek, id);
	if (crypt_random(ring, sizeof(ring)) < 0 || crypt_wrap(kek, ring, wrapped) < 0 ||
	    crypt_wrap(ring, p->mac_key, mac) < 0) {
		err_set(err, "unable to make a ring key");
		goto out;
	}
	signed_hex(&b, "{\"format\":\"evse-log-persons 1\",\"device\":\"", id, CRYPT_ID);
	signed_hex(&b, "\",\"ring\":\"", wrapped, CRYPT_WRAPPED);
	signed_hex(&b, "\",\"mac\":\"", mac, CRYPT_WRAPPED);
	buf_adds(&b, "\"}\n");
	for (size_t i = 0; i < p->count; i++) {
		if (crypt_wrap(ring, p->list[i].key, wrapped) < 0)
			goto out;
		signed_hex(&b, "", p->list[i].mac, PERSONS_MAC);
		signed_hex(&b, " ", p->list[i].tag, PERSONS_TAG);
		signed_hex(&b, " ", wrapped, CRYPT_WRAPPED);
		buf_adds(&b, "\n");
	}
	rc = buf_failed(&b) ? err_set(err, "out of memory")
			    : tip_replace(p->dir_fd, "persons", b.data, b.len, err);
	if (rc == 0 && old >= 0) {
		struct stat st;
		char zeros[4096] = {0};

		for (off_t at = 0; fstat(old, &st) == 0 && at < st.st_size;
		     at += (off_t)sizeof(zeros))
			if (pwrite(old, zeros, sizeof(zeros), at) < 0)
				break;
		(void)fsync(old);
	}
	(void)unchanged(p);
out:
	crypt_forget(ring, sizeof(ring));
	buf_release(&b);
	if (old >= 0)
		close(old);
	return rc;
}

static struct person *find(struct persons *p, const char *value, size_t len)
{
	uint8_t mac[CRYPT_HASH];

	crypt_hmac(p->mac_key, value, len, mac);
	for (size_t i = 0; i < p->count; i++)
		if (memcmp(p->list[i].mac, mac, PERSONS_MAC) == 0)
			return &p->list[i];
	return NULL;
}

/* Who was seen comes last, so that the first are those not seen for longest. The order is on the
 * disk with the next new person. */
static struct person *touch(struct persons *p, struct person *e)
{
	struct person seen = *e, *last = &p->list[p->count - 1];

	if (e >= last - p->count / 4)
		return e;
	memmove(e, e + 1, (size_t)(last - e) * sizeof(*e));
	*last = seen;
	crypt_forget(&seen, sizeof(seen));
	return last;
}

/* So many persons are far more than a week's: better that old values become tags than that new
 * ones are stored for good. */
static void forget_oldest(struct persons *p)
{
	size_t n = PERSONS_MAX / 4;

	memmove(p->list, p->list + n, (p->count - n) * sizeof(*p->list));
	p->count -= n;
	crypt_forget(&p->list[p->count], n * sizeof(*p->list));
}

static struct person *find_or_add(struct persons *p, const char *value, size_t len, struct err *err)
{
	struct person *e;
	uint8_t mac[CRYPT_HASH];
	bool full;
	int fd = lock_file(p), rc = load(p, err);

	e = rc == 0 ? find(p, value, len) : NULL;
	if (e)
		e = touch(p, e);
	if (rc == 0 && !e && (p->list || (p->list = calloc(PERSONS_MAX, sizeof(*p->list))))) {
		full = p->count == PERSONS_MAX;
		if (full)
			forget_oldest(p);
		e = &p->list[p->count++];
		crypt_hmac(p->mac_key, value, len, mac);
		memcpy(e->mac, mac, PERSONS_MAC);
		if (crypt_random(e->tag, PERSONS_TAG) < 0 || crypt_random(e->key, CRYPT_KEY) < 0 ||
		    save(p, full, err) < 0) {
			p->count--;
			e = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return e;
}

int persons_erase(struct persons *p, const char *value, struct err *err)
{
	int fd = lock_file(p), rc = load(p, err), gone = 0;
	struct person *e;

	while (rc == 0 && (e = find(p, value, strlen(value)))) {
		size_t at = (size_t)(e - p->list);

		crypt_forget(e, sizeof(*e));
		memmove(e, e + 1, (--p->count - at) * sizeof(*e));
		gone++;
	}
	if (gone)
		rc = save(p, true, err);
	if (fd >= 0)
		close(fd);
	return rc < 0 ? -1 : gone;
}

/* ---- lines ---- */

/* A walk over a line of JSON from its first byte. */
struct walk {
	const char *at, *end;
	size_t depth;
	bool token[DEPTH_MAX]; /* the open object is the value of "token" */
};

static bool is(const char *s, size_t len, const char *word)
{
	return s && len == strlen(word) && memcmp(s, word, len) == 0;
}

/* True when the string under the member @key names a person. */
static bool names_person(const struct walk *w, const char *key, size_t len)
{
	return is(key, len, "id_hash") || is(key, len, "evccid") || is(key, len, "vin") ||
	       is(key, len, "emaid") ||
	       (is(key, len, "id") && w->depth < DEPTH_MAX && w->token[w->depth]);
}

/* The string that begins at w->at, without its quotes. */
static const char *walk_string(struct walk *w, size_t *len)
{
	const char *s = ++w->at;

	while (w->at < w->end && *w->at != '"')
		w->at += *w->at == '\\' ? 2 : 1;
	if (w->at >= w->end) { /* not JSON: the line ends within the string */
		w->at = w->end;
		return NULL;
	}
	*len = (size_t)(w->at++ - s);
	return s;
}

/* The next personal value: where it begins and how long it is. NULL when there is none. */
static const char *next_value(struct walk *w, size_t *len)
{
	const char *key = NULL, *s;
	size_t key_len = 0;

	while (w->at < w->end) {
		switch (*w->at) {
		case '"':
			s = walk_string(w, len);
			while (s && w->at < w->end && (*w->at == ' ' || *w->at == '\t'))
				w->at++;
			if (s && w->at < w->end && *w->at == ':') {
				key = s;
				key_len = *len;
				break;
			}
			if (s && names_person(w, key, key_len))
				return s;
			key = NULL;
			continue;
		case '{':
		case '[':
			if (++w->depth < DEPTH_MAX)
				w->token[w->depth] = *w->at == '{' && is(key, key_len, "token");
			key = NULL;
			break;
		case '}':
		case ']':
			w->depth -= w->depth > 0;
			break;
		default:
			break;
		}
		w->at++;
	}
	return NULL;
}

bool persons_in(const char *line, size_t len)
{
	struct walk w = {.at = line, .end = line + len};
	size_t value;

	return next_value(&w, &value) != NULL;
}

static int seal_value(const struct person *e, const char *value, size_t len, struct buf *out)
{
	uint8_t nonce[CRYPT_NONCE], sealed[VALUE_MAX + CRYPT_TAG];
	struct crypt_box *box = len <= VALUE_MAX ? crypt_box_new(e->key) : NULL;
	char hex[2 * sizeof(sealed) + 1];
	int rc = -1;

	if (box && crypt_random(nonce, sizeof(nonce)) == 0 &&
	    crypt_seal(box, nonce, e->tag, PERSONS_TAG, value, len, sealed) == 0) {
		buf_addc(out, (char)(uint8_t)PERSONS_MARK);
		signed_hex(out, "", e->tag, PERSONS_TAG);
		signed_hex(out, "", nonce, CRYPT_NONCE);
		crypt_hex(sealed, len + CRYPT_TAG, hex);
		buf_add(out, hex, 2 * (len + CRYPT_TAG));
		rc = 0;
	}
	crypt_box_free(box);
	return rc;
}

int persons_seal(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err)
{
	const char *at = line, *end = line + len, *value;
	struct walk w = {.at = line, .end = end};
	size_t size;

	while ((value = next_value(&w, &size))) {
		struct person *e = find_or_add(p, value, size, err);

		if (!e)
			return -1;
		buf_add(out, at, (size_t)(value - at));
		if (seal_value(e, value, size, out) < 0)
			return err_set(err, "unable to seal a personal value of %zu bytes", size);
		at = value + size;
	}
	buf_add(out, at, (size_t)(end - at));
	return buf_failed(out) ? err_set(err, "out of memory") : 0;
}

/* @s: what stands behind the mark, up to the closing quote. */
static bool open_value(struct persons *p, const char *s, size_t len, struct buf *out)
{
	uint8_t tag[PERSONS_TAG], nonce[CRYPT_NONCE], sealed[VALUE_MAX + CRYPT_TAG];
	const size_t tag_hex = 2 * sizeof(tag), nonce_hex = 2 * sizeof(nonce);
	const char *text = s + tag_hex + nonce_hex;
	size_t n = (len - tag_hex - nonce_hex) / 2;
	struct crypt_box *box = NULL;
	bool ok = false;

	if (!p || !p->list || n > sizeof(sealed) || !crypt_unhex(s, tag_hex, tag, sizeof(tag)) ||
	    !crypt_unhex(s + tag_hex, nonce_hex, nonce, sizeof(nonce)) ||
	    !crypt_unhex(text, 2 * n, sealed, n))
		return false;
	for (size_t i = 0; i < p->count && !box; i++)
		if (memcmp(p->list[i].tag, tag, PERSONS_TAG) == 0)
			box = crypt_box_new(p->list[i].key);
	if (box && crypt_open(box, nonce, tag, PERSONS_TAG, sealed, n, sealed) == 0) {
		buf_add(out, sealed, n - CRYPT_TAG);
		ok = true;
	}
	crypt_box_free(box);
	return ok;
}

int persons_open(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err)
{
	const char *at = line, *end = line + len, *mark;

	if (p && load(p, err) < 0)
		return -1;
	while ((mark = memchr(at, PERSONS_MARK, (size_t)(end - at)))) {
		const char *quote = memchr(mark, '"', (size_t)(end - mark));

		if (!quote || quote - mark < SEALED_MIN)
			break;
		buf_add(out, at, (size_t)(mark - at));
		if (!open_value(p, mark + 1, (size_t)(quote - mark - 1), out)) {
			buf_addc(out, '#');
			buf_add(out, mark + 1, (size_t)2 * PERSONS_TAG);
		}
		at = quote;
	}
	buf_add(out, at, (size_t)(end - at));
	return buf_failed(out) ? err_set(err, "out of memory") : 0;
}
