#include "store/persons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/names.h"
#include "store/persons_list.h"
#include "store/signed.h"
#include "store/tip.h"

enum {
	CHECK = 8,
	OLD_LINE = 2 * (PERSONS_MAC + PERSONS_TAG + CRYPT_WRAPPED) + 3,
	LINE = OLD_LINE + 2 * (8 + 1 + CHECK) + 2,
	CHUNK = 16 << 10,
	FILE_MOST = 16 << 20, /* no writer makes a larger one */
	SPARE_LINES = 1024,   /* so many repeats are no reason to write the file anew */
};

static const char format_1[] = "{\"format\":\"evse-log-persons 1\",\"device\":\"";
static const char format_2[] = "{\"format\":\"evse-log-persons 2\",\"device\":\"";

void persons_init(struct persons *p, int dir_fd, const struct keys *keys)
{
	*p = (struct persons){.dir_fd = dir_fd, .keys = keys};
}

void persons_release(struct persons *p)
{
	persons_list_clear(p);
	crypt_forget(p->ring, sizeof(p->ring));
	crypt_forget(p->mac_key, sizeof(p->mac_key));
	crypt_forget(p->word_key, sizeof(p->word_key));
}

/* ---- reading the file ---- */

static int lock_file(const struct persons *p)
{
	int fd = openat(p->dir_fd, "persons.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			break;
	return fd;
}

static void stamp_now(const struct persons *p, uint64_t now[3])
{
	struct stat st;

	memset(now, 0, 3 * sizeof(*now));
	if (fstatat(p->dir_fd, "persons", &st, 0) == 0) {
		now[0] = st.st_ino;
		now[1] = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
		now[2] = (uint64_t)st.st_size;
	}
}

static void set_word_key(struct persons *p)
{
	uint8_t hash[CRYPT_HASH];

	crypt_hmac(p->mac_key, "evse-log words", 14, hash);
	memcpy(p->word_key, hash, SIP_KEY);
}

/* @return the head's length, or -1 with errno. */
static int read_head(struct persons *p, const char *text, size_t len, struct err *err)
{
	uint8_t id[CRYPT_ID], wrapped[CRYPT_WRAPPED], mac[CRYPT_WRAPPED], mac_key[CRYPT_KEY];
	struct scan s = {.at = text, .end = text + len};
	const uint8_t *kek;
	const size_t number = sizeof(format_1) - sizeof("1\",\"device\":\"");

	if (len > number && memcmp(text, format_1, number) == 0 && text[number] > '2' &&
	    text[number] <= '9') {
		errno = ENOTSUP;
		return err_set(err, "persons is of format %c, this evse-log knows 2", text[number]);
	}
	p->version = scan_is(&s, format_2) ? 2 : 1;
	scan_hex(&s, p->version == 2 ? "" : format_1, id, CRYPT_ID);
	scan_hex(&s, "\",\"ring\":\"", wrapped, CRYPT_WRAPPED);
	scan_hex(&s, "\",\"mac\":\"", mac, CRYPT_WRAPPED);
	scan_text(&s, "\"}\n");
	kek = s.bad ? NULL : keys_find(p->keys, id);
	if (!kek || crypt_unwrap(kek, wrapped, p->ring) < 0 ||
	    crypt_unwrap(p->ring, mac, mac_key) < 0) {
		p->version = 0;
		errno = EBADMSG;
		return err_set(err, "persons: damaged, or no device key for it");
	}
	memcpy(p->mac_key, mac_key, CRYPT_KEY);
	crypt_forget(mac_key, sizeof(mac_key));
	set_word_key(p);
	len = (size_t)(s.at - text);
	memcpy(p->head, text, len);
	p->head[len] = '\0';
	return (int)len;
}

/* What makes a line of format 2 one of this file, whole and unchanged. */
static void line_check(const struct persons *p, const struct person *e,
		       const uint8_t wrapped[CRYPT_WRAPPED], uint8_t check[CHECK])
{
	uint8_t all[PERSONS_MAC + PERSONS_TAG + CRYPT_WRAPPED + 9], hash[CRYPT_HASH];
	uint8_t *at = all;

	memcpy(at, e->mac, PERSONS_MAC);
	memcpy(at += PERSONS_MAC, e->tag, PERSONS_TAG);
	memcpy(at += PERSONS_TAG, wrapped, CRYPT_WRAPPED);
	memcpy(at += CRYPT_WRAPPED, &e->word, 8);
	at[8] = e->len;
	crypt_hmac(p->ring, all, sizeof(all), hash);
	memcpy(check, hash, CHECK);
}

static bool read_line(struct persons *p, const char *text, size_t len)
{
	uint8_t wrapped[CRYPT_WRAPPED], check[CHECK], said[CHECK];
	struct scan s = {.at = text, .end = text + len};
	struct person e = {.seen = ++p->clock};
	bool ok;

	scan_hex(&s, "", e.mac, PERSONS_MAC);
	scan_hex(&s, " ", e.tag, PERSONS_TAG);
	scan_hex(&s, " ", wrapped, CRYPT_WRAPPED);
	if (p->version == 2) {
		scan_hex(&s, " ", &e.word, sizeof(e.word));
		scan_hex(&s, "", &e.len, 1);
		scan_hex(&s, " ", said, CHECK);
		line_check(p, &e, wrapped, check);
	}
	ok = !s.bad && s.at == s.end && e.len <= PERSONS_WORD_MAX &&
	     (p->version == 1 || memcmp(check, said, CHECK) == 0) &&
	     crypt_unwrap(p->ring, wrapped, e.key) == 0 && p->count < 2 * PERSONS_MAX &&
	     persons_list_put(p, &e);
	crypt_forget(&e, sizeof(e));
	return ok;
}

/* All whole lines from @p->good on. */
static int read_lines(struct persons *p, int fd)
{
	char *chunk = malloc(CHUNK);
	ssize_t n = -1;

	while (chunk && p->good <= FILE_MOST && (n = pread(fd, chunk, CHUNK, (off_t)p->good)) > 0) {
		const char *at = chunk, *end = chunk + n, *nl;

		while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
			p->bad += !read_line(p, at, (size_t)(nl - at));
			p->lines++;
			at = nl + 1;
		}
		if (at == chunk && n < CHUNK) { /* what a cut left */
			n = 0;
			break;
		}
		p->good += at == chunk ? (size_t)n : (size_t)(at - chunk);
	}
	free(chunk);
	errno = n > 0 ? EBADMSG : errno;
	return n ? -1 : 0;
}

/* The entries that are in no file yet, out of a list that is about to go. */
static struct person *keep_unsaved(const struct persons *p, size_t *n)
{
	struct person *kept = p->unsaved ? calloc(p->unsaved, sizeof(*kept)) : NULL;

	*n = 0;
	for (size_t i = 0; kept && i < p->count && *n < p->unsaved; i++)
		if (p->list[i].unsaved)
			kept[(*n)++] = p->list[i];
	return kept;
}

/* Another file than before: all of it. What was erased meanwhile went with the old one. */
static int read_anew(struct persons *p, int fd, const char *head, size_t len, struct err *err)
{
	uint8_t before[CRYPT_KEY];
	size_t n;
	struct person *kept = keep_unsaved(p, &n);
	int got, rc = -1;

	memcpy(before, p->mac_key, CRYPT_KEY);
	persons_list_clear(p);
	got = fd < 0 ? 0 : read_head(p, head, len, err);
	if (got >= 0) {
		p->good = (uint64_t)got;
		rc = fd < 0 ? 0 : read_lines(p, fd);
		if (rc < 0)
			err_sys(err, "unable to read persons");
	}
	for (size_t i = 0; i < n && memcmp(before, p->mac_key, CRYPT_KEY) == 0; i++)
		if (!persons_list_put(p, &kept[i]))
			rc = err_set(err, "out of memory");
	crypt_forget(kept, n * sizeof(*kept));
	free(kept);
	return rc;
}

static bool any_key(const struct persons *p)
{
	static const uint8_t none[CRYPT_KEY];

	return memcmp(p->mac_key, none, CRYPT_KEY) != 0;
}

int persons_load(struct persons *p, struct err *err)
{
	char head[sizeof(p->head)];
	uint64_t now[3];
	ssize_t n = 0;
	int fd = -1, rc, why;

	stamp_now(p, now);
	if (p->loaded && memcmp(now, p->stamp, sizeof(now)) == 0)
		return 0;
	if (now[0]) {
		fd = file_open(p->dir_fd, "persons");
		n = fd < 0 ? -1 : pread(fd, head, sizeof(head) - 1, 0);
		if (n < 0) {
			rc = err_sys(err, "unable to read persons");
			goto out;
		}
	}
	if (fd >= 0 && p->loaded && p->version && now[2] >= p->good &&
	    (size_t)n >= strlen(p->head) && memcmp(head, p->head, strlen(p->head)) == 0)
		rc = read_lines(p, fd);
	else
		rc = read_anew(p, fd, head, (size_t)n, err);
	if (rc == 0 && !p->version && !any_key(p)) {
		rc = crypt_random(p->mac_key, CRYPT_KEY);
		set_word_key(p);
	}
	p->loaded = rc == 0;
	memcpy(p->stamp, now, sizeof(now));
out:
	why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

/* For who writes: a file whose head is lost opens nothing any more, and must not keep new values
 * from being sealed. */
static int load_to_write(struct persons *p, struct err *err)
{
	if (persons_load(p, err) == 0)
		return 0;
	if ((errno != EBADMSG && errno != EINVAL) ||
	    renameat(p->dir_fd, "persons", p->dir_fd, "persons.damaged") < 0)
		return -1;
	p->set_aside = true;
	return persons_load(p, err);
}

/* ---- writing it ---- */

static int add_line(const struct persons *p, const struct person *e, struct buf *b)
{
	uint8_t wrapped[CRYPT_WRAPPED], check[CHECK];

	if (crypt_wrap(p->ring, e->key, wrapped) < 0)
		return -1;
	line_check(p, e, wrapped, check);
	signed_hex(b, "", e->mac, PERSONS_MAC);
	signed_hex(b, " ", e->tag, PERSONS_TAG);
	signed_hex(b, " ", wrapped, CRYPT_WRAPPED);
	signed_hex(b, " ", &e->word, sizeof(e->word));
	signed_hex(b, "", &e->len, 1);
	signed_hex(b, " ", check, CHECK);
	return buf_adds(b, "\n");
}

static int add_head(struct persons *p, struct buf *b)
{
	uint8_t wrapped[CRYPT_WRAPPED], id[CRYPT_ID], mac[CRYPT_WRAPPED];
	const uint8_t *kek = p->keys->device[0];

	crypt_key_id(kek, id);
	if (crypt_random(p->ring, sizeof(p->ring)) < 0 || crypt_wrap(kek, p->ring, wrapped) < 0 ||
	    crypt_wrap(p->ring, p->mac_key, mac) < 0)
		return -1;
	signed_hex(b, format_2, id, CRYPT_ID);
	signed_hex(b, "\",\"ring\":\"", wrapped, CRYPT_WRAPPED);
	signed_hex(b, "\",\"mac\":\"", mac, CRYPT_WRAPPED);
	return buf_adds(b, "\"}\n");
}

/* Zeros over the old file's bytes, as far as the medium lets them be. */
static void overwrite(int fd)
{
	struct stat st;
	char zeros[4096] = {0};

	for (off_t at = 0; fstat(fd, &st) == 0 && at < st.st_size; at += (off_t)sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), at) < 0)
			break;
	(void)fsync(fd);
}

static void all_saved(struct persons *p)
{
	for (size_t i = 0; p->unsaved && i < p->count; i++)
		p->list[i].unsaved = false;
	p->unsaved = 0;
	stamp_now(p, p->stamp);
}

/* The file anew, under a new ring key. */
static int write_anew(struct persons *p, struct err *err)
{
	int rc = -1, old = openat(p->dir_fd, "persons", O_RDWR | O_CLOEXEC), why = ENOMEM;
	uint8_t ring[CRYPT_KEY];
	struct buf b;

	memcpy(ring, p->ring, sizeof(ring));
	buf_init(&b, (size_t)2 * PERSONS_MAX * (LINE + 1) + sizeof(p->head));
	if (p->count)
		qsort(p->list, p->count, sizeof(*p->list), persons_list_by_seen);
	rc = add_head(p, &b);
	for (size_t i = 0; i < p->count && rc == 0; i++)
		rc = add_line(p, &p->list[i], &b);
	if (rc == 0 && persons_list_index(p) == 0 && !buf_failed(&b)) {
		rc = tip_replace(p->dir_fd, "persons", b.data, b.len, err);
		why = errno;
	} else {
		rc = err_set(err, "unable to write persons: out of memory, or no random bytes");
	}
	if (rc == 0) {
		size_t head = (size_t)((char *)memchr(b.data, '\n', b.len) + 1 - b.data);

		memcpy(p->head, b.data, head);
		p->head[head] = '\0';
		p->good = b.len;
		p->lines = p->count;
		p->version = 2;
		p->rewrite = false;
		all_saved(p);
		if (old >= 0)
			overwrite(old);
	} else {
		memcpy(p->ring, ring, sizeof(ring));
	}
	crypt_forget(ring, sizeof(ring));
	buf_release(&b);
	if (old >= 0)
		close(old);
	errno = why;
	return rc;
}

static int append(struct persons *p, struct err *err)
{
	int fd = openat(p->dir_fd, "persons", O_WRONLY | O_CLOEXEC), rc = 0, why;
	uint64_t lines = 0;
	struct buf b;

	buf_init(&b, p->unsaved * (size_t)(LINE + 1));
	for (size_t i = 0; i < p->count && rc == 0; i++) {
		if (!p->list[i].unsaved)
			continue;
		rc = add_line(p, &p->list[i], &b);
		lines++;
	}
	if (fd < 0 || rc < 0 || ftruncate(fd, (off_t)p->good) < 0 ||
	    pwrite(fd, b.data, b.len, (off_t)p->good) != (ssize_t)b.len || fdatasync(fd) < 0) {
		errno = errno ? errno : ENOSPC;
		rc = err_sys(err, "unable to write persons");
	} else {
		p->good += b.len;
		p->lines += lines;
	}
	why = errno;
	buf_release(&b);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		all_saved(p);
	errno = why;
	return rc;
}

int persons_save(struct persons *p, struct err *err)
{
	int fd, rc, why;

	if (!p->unsaved && !p->rewrite)
		return 0;
	fd = lock_file(p);
	rc = load_to_write(p, err);
	errno = rc == 0 ? 0 : errno;
	if (rc == 0 && (p->version != 2 || p->rewrite || p->lines > 2 * p->count + SPARE_LINES))
		rc = write_anew(p, err);
	else if (rc == 0)
		rc = append(p, err);
	why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

/* ---- finding ---- */

static struct person *by_mac(struct persons *p, const char *value, size_t len)
{
	uint8_t mac[CRYPT_HASH];

	crypt_hmac(p->mac_key, value, len, mac);
	for (size_t i = 0; i < p->count; i++)
		if (memcmp(p->list[i].mac, mac, PERSONS_MAC) == 0)
			return &p->list[i];
	return NULL;
}

static uint64_t word_of(const struct persons *p, const char *folded, size_t len)
{
	uint64_t word = sip_hash(p->word_key, folded, len);

	return word ? word : 1;
}

static struct person *by_word(struct persons *p, const char *folded, size_t len)
{
	const struct persons_index *x = &p->by_word;
	uint64_t word = word_of(p, folded, len);
	uint8_t mac[CRYPT_HASH];

	for (size_t i = word & (x->size - 1); x->size && x->slot[i]; i = (i + 1) & (x->size - 1)) {
		struct person *e = &p->list[x->slot[i] - 1];

		if (e->word != word)
			continue;
		crypt_hmac(p->mac_key, folded, len, mac);
		if (memcmp(e->mac, mac, PERSONS_MAC) == 0)
			return e;
	}
	return NULL;
}

const struct person *persons_word(struct persons *p, const char *folded, size_t len)
{
	return by_word(p, folded, len);
}

const struct person *persons_by_tag(const struct persons *p, const uint8_t tag[PERSONS_TAG])
{
	return persons_list_tag(p, tag);
}

/* Short ones and those that may be a word of the language stand in texts of all kinds. */
static uint8_t word_len(const char *folded, size_t len)
{
	bool digit = false;

	for (size_t i = 0; i < len; i++)
		digit |= folded[i] >= '0' && folded[i] <= '9';
	return len >= PERSONS_WORD_MIN + (digit ? 0u : 4u) && len <= PERSONS_WORD_MAX ? (uint8_t)len
										      : 0;
}

static void name_entry(const struct persons *p, struct person *e, const char *folded, size_t len)
{
	uint8_t mac[CRYPT_HASH];

	crypt_hmac(p->mac_key, folded, len, mac);
	memcpy(e->mac, mac, PERSONS_MAC);
	e->word = word_of(p, folded, len);
	e->len = word_len(folded, len);
}

/* Seen now. Who was not for long gets a line again with the next save, so that a restart knows. */
static const struct person *touch(struct persons *p, const struct person *e)
{
	struct person seen = *e;
	const struct person *now;

	if (p->clock - e->seen > p->count / 2 + 64) {
		seen.seen = ++p->clock;
		seen.unsaved = true;
	}
	now = persons_list_put(p, &seen);
	crypt_forget(&seen, sizeof(seen));
	return now;
}

static const struct person *get(struct persons *p, const char *value, size_t len,
				const char *folded, size_t folded_len)
{
	struct person *e = by_word(p, folded, folded_len), fresh = {.unsaved = true};
	const struct person *now;

	if (!e && p->nameless &&
	    ((e = by_mac(p, value, len)) || (e = by_mac(p, folded, folded_len)))) {
		fresh = *e;
		fresh.unsaved = true;
		name_entry(p, &fresh, folded, folded_len);
		e = persons_list_put(p, &fresh);
	}
	if (e)
		return touch(p, e);
	if (p->count >= PERSONS_MAX && persons_list_forget(p) < 0)
		return NULL;
	if (crypt_random(fresh.tag, PERSONS_TAG) < 0 || crypt_random(fresh.key, CRYPT_KEY) < 0)
		return NULL;
	fresh.seen = ++p->clock;
	name_entry(p, &fresh, folded, folded_len);
	now = persons_list_put(p, &fresh);
	crypt_forget(&fresh, sizeof(fresh));
	return now;
}

const struct person *persons_get(struct persons *p, const char *value, size_t len, struct err *err)
{
	const struct person *e;
	char *folded;

	if (load_to_write(p, err) < 0)
		return NULL;
	folded = malloc(len + 1);
	e = folded ? get(p, value, len, folded, names_fold(value, len, folded)) : NULL;
	free(folded);
	if (!e)
		err_set(err, "unable to make a person's key");
	return e;
}

int persons_erase(struct persons *p, const char *value, struct err *err)
{
	int fd = lock_file(p), rc = persons_load(p, err), gone = 0;
	size_t len = strlen(value), folded_len;
	char *folded = malloc(len + 1);
	struct person *e;

	if (rc == 0 && !folded)
		rc = err_set(err, "out of memory");
	folded_len = folded ? names_fold(value, len, folded) : 0;
	while (rc == 0 && ((e = by_mac(p, value, len)) || (e = by_mac(p, folded, folded_len)))) {
		struct person *last = &p->list[--p->count];

		*e = *last;
		crypt_forget(last, sizeof(*last));
		p->generation++;
		gone++;
	}
	if (gone)
		rc = write_anew(p, err);
	crypt_forget(folded, folded ? len : 0);
	free(folded);
	if (fd >= 0)
		close(fd);
	return rc < 0 ? -1 : gone;
}
