#include "store/conceal.h"

#include <stdlib.h>
#include <string.h>

#include "core/head.h"
#include "store/names.h"
#include "store/signed.h"

enum { SEALED_MIN = 1 + 2 * (PERSONS_TAG + CRYPT_NONCE + CRYPT_TAG) };

void conceal_init(struct conceal *c, struct persons *persons)
{
	*c = (struct conceal){.persons = persons};
	for (size_t i = 0; i < CONCEAL_KEPT; i++)
		buf_init(&c->kept[i].sealed, 1024);
}

static void forget_kept(struct conceal *c)
{
	for (size_t i = 0; i < CONCEAL_KEPT; i++) {
		struct conceal_kept *k = &c->kept[i];

		crypt_forget(k->value, sizeof(k->value));
		k->len = 0;
		k->used = 0;
		buf_reset(&k->sealed);
	}
	c->generation = c->persons->generation;
}

void conceal_release(struct conceal *c)
{
	if (!c->persons)
		return;
	forget_kept(c);
	for (size_t i = 0; i < CONCEAL_KEPT; i++)
		buf_release(&c->kept[i].sealed);
	c->persons = NULL;
}

/* ---- sealing ---- */

static int seal_value(const struct person *e, const char *value, size_t len, struct buf *out)
{
	uint8_t nonce[CRYPT_NONCE], *sealed = malloc(len + CRYPT_TAG);
	char *hex = malloc(2 * (len + CRYPT_TAG) + 1);
	struct crypt_box *box = sealed && hex ? crypt_box_new(e->key) : NULL;
	int rc = -1;

	if (box && crypt_random(nonce, sizeof(nonce)) == 0 &&
	    crypt_seal(box, nonce, e->tag, PERSONS_TAG, value, len, sealed) == 0) {
		buf_addc(out, (char)(uint8_t)CONCEAL_MARK);
		signed_hex(out, "", e->tag, PERSONS_TAG);
		signed_hex(out, "", nonce, CRYPT_NONCE);
		crypt_hex(sealed, len + CRYPT_TAG, hex);
		rc = buf_add(out, hex, 2 * (len + CRYPT_TAG));
	}
	crypt_box_free(box);
	free(sealed);
	free(hex);
	return rc;
}

static struct conceal_kept *find_kept(struct conceal *c, const char *value, size_t len)
{
	if (c->generation != c->persons->generation)
		forget_kept(c);
	for (size_t i = 0; i < CONCEAL_KEPT; i++)
		if (c->kept[i].len == len && memcmp(c->kept[i].value, value, len) == 0)
			return &c->kept[i];
	return NULL;
}

static struct conceal_kept *least_used(struct conceal *c)
{
	struct conceal_kept *k = c->kept;

	for (size_t i = 1; i < CONCEAL_KEPT; i++)
		if (c->kept[i].used < k->used)
			k = &c->kept[i];
	return k;
}

/* @e: known already, or NULL for a value that its member's name makes personal. */
static int put_sealed(struct conceal *c, const struct person *e, const char *value, size_t len,
		      struct buf *out, struct err *err)
{
	struct conceal_kept *k;

	if (!e && !(e = persons_get(c->persons, value, len, err)))
		return -1;
	k = find_kept(c, value, len);
	if (!k && len < CONCEAL_KEPT_MAX) {
		k = least_used(c);
		k->len = 0;
		buf_reset(&k->sealed);
		if (seal_value(e, value, len, &k->sealed) == 0) {
			memcpy(k->value, value, len);
			k->len = len;
		}
	}
	if (k && k->len) {
		k->used = ++c->used;
		return buf_add(out, k->sealed.data, k->sealed.len);
	}
	return seal_value(e, value, len, out) < 0
		   ? err_set(err, "unable to seal a personal value of %zu bytes", len)
		   : 0;
}

/* ---- words ---- */

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (unsigned char)c >= 0x80;
}

/* The known value that begins at @s, with the word there. */
static const struct person *known_at(struct persons *p, const char *s, size_t left, size_t *len)
{
	char folded[PERSONS_WORD_MAX];

	for (uint64_t lengths = p->lengths & ~(uint64_t)1; lengths; lengths &= lengths - 1) {
		size_t n = (size_t)__builtin_ctzll(lengths), folded_len;
		const struct person *e;

		if (n > left)
			return NULL;
		if (n < left && word_byte(s[n]))
			continue;
		if (memchr(s, '\\', n))
			return NULL;
		folded_len = names_fold(s, n, folded);
		e = persons_word(p, folded, folded_len);
		if (e && persons_load(p, NULL) == 0) /* may have been erased meanwhile */
			e = persons_word(p, folded, folded_len);
		if (e) {
			*len = n;
			return e;
		}
	}
	return NULL;
}

/* The next known value in the string that goes from @s to @end. */
static const struct person *next_known(struct persons *p, const char **s, const char *end,
				       size_t *len)
{
	const char *at = *s;
	const struct person *e;

	while (at < end) {
		if (*at == '\\') {
			at += at + 1 < end && at[1] == 'u' ? 6 : 2;
			continue;
		}
		if (word_byte(*at)) {
			e = known_at(p, at, (size_t)(end - at), len);
			if (e) {
				*s = at;
				return e;
			}
			while (at < end && word_byte(*at))
				at++;
			continue;
		}
		at++;
	}
	return NULL;
}

/* ---- lines ---- */

struct copy {
	struct conceal *c;
	const char *line, *from; /* from: what was not copied yet */
	size_t len, body;        /* body: 0 while not known */
	struct buf *out;
	struct err *err;
	int sealed;
};

static int seal_at(struct copy *y, const struct person *e, const char *value, size_t len)
{
	buf_add(y->out, y->from, (size_t)(value - y->from));
	y->from = value + len;
	y->sealed = 1;
	return put_sealed(y->c, e, value, len, y->out, y->err);
}

/* The head is how records are found: it stays as it is. */
static bool in_head(struct copy *y, const char *at)
{
	struct head h;

	if (!y->body)
		y->body = head_scan(y->line, y->len, &h, NULL) == 0 ? h.body : 1;
	return at < y->line + y->body;
}

static int seal_known(struct copy *y, const struct names_value *v)
{
	const char *at = v->at, *end = v->at + v->len;
	const struct person *e;
	size_t len;

	while ((e = next_known(y->c->persons, &at, end, &len)) && !in_head(y, at)) {
		if (seal_at(y, e, at, len) < 0)
			return -1;
		at += len;
	}
	return 0;
}

int conceal(struct conceal *c, const char *line, size_t len, struct buf *out, struct err *err)
{
	struct copy y = {.c = c, .line = line, .from = line, .len = len, .out = out, .err = err};
	struct names_value v;
	struct names n;
	int rc = 0;

	if (!c->persons->loaded) /* a file that does not open is persons_get()'s to deal with */
		(void)persons_load(c->persons, NULL);
	names_begin(&n, line, len, false);
	while (rc == 0 && names_next(&n, &v)) {
		if (!v.len)
			continue;
		if (v.personal && !in_head(&y, v.at))
			rc = seal_at(&y, NULL, v.at, v.len);
		else if (c->persons->lengths > 1)
			rc = seal_known(&y, &v);
	}
	if (!y.sealed && rc == 0)
		return 0;
	buf_add(out, y.from, (size_t)(line + len - y.from));
	if (rc == 0 && buf_failed(out))
		rc = err_set(err, "out of memory");
	return rc < 0 ? -1 : 1;
}

/* ---- opening ---- */

static bool hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

size_t conceal_len(const char *mark, const char *end)
{
	const char *at = mark + 1;

	while (at < end && hex_digit(*at))
		at++;
	return at - mark < SEALED_MIN ? 0 : (size_t)(at - mark);
}

/* @s: what stands behind the mark. */
static bool open_value(const struct persons *p, const char *s, size_t len, struct buf *out)
{
	uint8_t tag[PERSONS_TAG], nonce[CRYPT_NONCE], *sealed;
	const size_t tag_hex = 2 * sizeof(tag), nonce_hex = 2 * sizeof(nonce);
	size_t n = (len - tag_hex - nonce_hex) / 2;
	const struct person *e;
	struct crypt_box *box;
	bool ok = false;

	if (!p || !crypt_unhex(s, tag_hex, tag, sizeof(tag)) || !(e = persons_by_tag(p, tag)) ||
	    !(sealed = malloc(n)))
		return false;
	box = crypt_box_new(e->key);
	if (box && crypt_unhex(s + tag_hex, nonce_hex, nonce, sizeof(nonce)) &&
	    crypt_unhex(s + tag_hex + nonce_hex, 2 * n, sealed, n) &&
	    crypt_open(box, nonce, tag, PERSONS_TAG, sealed, n, sealed) == 0) {
		buf_add(out, sealed, n - CRYPT_TAG);
		ok = true;
	}
	crypt_box_free(box);
	free(sealed);
	return ok;
}

int reveal(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err)
{
	const char *at = line, *end = line + len, *mark;

	if (p && persons_load(p, err) < 0)
		return -1;
	while ((mark = memchr(at, CONCEAL_MARK, (size_t)(end - at)))) {
		size_t n = conceal_len(mark, end);

		if (!n)
			break;
		buf_add(out, at, (size_t)(mark - at));
		if (!open_value(p, mark + 1, n - 1, out)) {
			buf_addc(out, '#');
			buf_add(out, mark + 1, (size_t)2 * PERSONS_TAG);
		}
		at = mark + n;
	}
	buf_add(out, at, (size_t)(end - at));
	return buf_failed(out) ? err_set(err, "out of memory") : 0;
}
