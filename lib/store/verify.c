#include "store/verify.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/rotation.h"
#include "store/sealer.h"
#include "store/store.h"

/* Notes the first bad place. @return 1, which ends the check. */
static int bad(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct verify *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!v->bad[0])
		vsnprintf(v->bad, sizeof(v->bad), fmt, ap);
	va_end(ap);
	return 1;
}

/* Nothing was found out: the system refused, or the format is a newer one. */
static bool unknown(int why)
{
	return why == EACCES || why == EPERM || why == EIO || why == ENOMEM || why == EMFILE ||
	       why == ENFILE || why == ENOTSUP;
}

/* Whether @pub may have signed segment @seq. */
static bool trusted(const struct verify *v, const uint8_t pub[CRYPT_PUB], uint64_t seq)
{
	for (size_t i = 0; i < v->trust_count; i++)
		if (memcmp(v->trust[i].pub, pub, CRYPT_PUB) == 0 && seq >= v->trust[i].first &&
		    seq < v->trust[i].until)
			return true;
	return false;
}

static struct verify_trust *find_trust(struct verify *v, const uint8_t pub[CRYPT_PUB])
{
	for (size_t i = 0; i < v->trust_count; i++)
		if (memcmp(v->trust[i].pub, pub, CRYPT_PUB) == 0)
			return &v->trust[i];
	return NULL;
}

static struct verify_trust *add_trust(struct verify *v, const uint8_t pub[CRYPT_PUB])
{
	struct verify_trust *t = find_trust(v, pub);

	if (t || v->trust_count == VERIFY_KEYS_MAX)
		return t;
	t = &v->trust[v->trust_count++];
	*t = (struct verify_trust){.until = UINT64_MAX};
	memcpy(t->pub, pub, CRYPT_PUB);
	return t;
}

/* Who trusts one key of a change trusts the other, each for its segments. */
static int extend_trust(struct verify *v, const struct reader *r)
{
	struct rotation list[ROTATION_MAX];
	struct err err;
	int n = rotation_read(r->dir_fd, list, ROTATION_MAX, &err);

	v->trust_count = 0;
	for (size_t i = 0; i < v->pub_count; i++)
		add_trust(v, v->pubs[i]);
	if (n < 0)
		return bad(v, "%s", err.msg);
	for (int round = 0; round < n; round++) {
		for (int i = 0; i < n; i++) {
			struct verify_trust *from = find_trust(v, list[i].from),
					    *to = find_trust(v, list[i].to);

			if (!from && !to)
				continue;
			from = add_trust(v, list[i].from);
			to = add_trust(v, list[i].to);
			if (!from || !to)
				continue;
			from->until = list[i].seq < from->until ? list[i].seq : from->until;
			to->first = list[i].seq > to->first ? list[i].seq : to->first;
		}
	}
	return 0;
}

/* The parts' bytes against the head; those of removed data are not there. */
static int check_parts(struct verify *v, const struct buf *data, const struct segment_head *h,
		       bool may_lack_data)
{
	uint64_t at = h->len;

	for (size_t i = 0; i < h->parts; i++) {
		const struct segment_part *p = &h->part[i];
		const char *name = p->kind == ROWS_EVENT ? "events" : "data";
		uint8_t hash[CRYPT_HASH];

		if (at == data->len && p->kind == ROWS_DATA && may_lack_data)
			return 0;
		if (p->bytes > data->len - at)
			return bad(v, "segment %" PRIu64 ": its %s are cut short", h->seq, name);
		crypt_sha256(data->data + at, p->bytes, hash);
		if (memcmp(hash, p->hash, CRYPT_HASH) != 0)
			return bad(v, "segment %" PRIu64 ": its %s were changed", h->seq, name);
		at += p->bytes;
		v->records += p->records;
	}
	if (at != data->len)
		return bad(v, "segment %" PRIu64 ": bytes were added behind it", h->seq);
	return 0;
}

static int check_open(struct verify *v, const struct reader *r, const struct buf *data,
		      const struct segment_head *h)
{
	struct crypt_opener o = reader_opener(r, h);
	uint64_t at = h->len;

	for (size_t i = 0; i < h->parts && at < data->len; i++) {
		struct segment_body body;
		struct err err;
		int rc = segment_open(data->data, data->len, h, i, &o, true, &body, &err);

		segment_body_release(&body);
		if (rc < 0)
			return bad(v, "segment %" PRIu64 ": %s", h->seq, err.msg);
		at += h->part[i].bytes;
	}
	return 0;
}

struct chain {
	const struct tip *tip; /* NULL for delivered ones */
	uint8_t store[STORE_ID], link[CRYPT_HASH];
	uint64_t seq; /* of the newest checked; 0: none */
};

static int check_segment(struct verify *v, const struct reader *r, struct chain *c, uint64_t seq,
			 struct err *err)
{
	struct segment_head h;
	struct buf data;
	int rc;

	buf_init(&data, SEALER_FILE_MAX + 65536);
	rc = reader_segment(r, seq, &data, &h, err);
	if (rc < 0 && unknown(errno)) {
		buf_release(&data);
		return -1;
	}
	if (rc == 1)
		rc = bad(v, "segment %" PRIu64 ": missing", seq);
	else if (rc < 0)
		rc = bad(v, "segment %" PRIu64 ": %s", seq, err->msg);
	else if (!trusted(v, h.key, seq))
		rc = bad(v, "segment %" PRIu64 ": signed with a key that is not trusted", seq);
	else if (!segment_head_signed(data.data, &h))
		rc = bad(v, "segment %" PRIu64 ": its signature is wrong", seq);
	else if (h.seq != seq)
		rc = bad(v, "segment %" PRIu64 ": it is segment %" PRIu64 " by its head", seq,
			 h.seq);
	else if (c->seq || c->tip ? memcmp(h.store, c->store, STORE_ID) != 0 : false)
		rc = bad(v, "segment %" PRIu64 ": of another store", seq);
	else if (c->seq ? memcmp(h.prev, c->link, CRYPT_HASH) != 0 : false)
		rc = bad(v, "segment %" PRIu64 ": does not follow from segment %" PRIu64, seq,
			 c->seq);
	else if (c->tip && c->tip->seq == seq && memcmp(h.link, c->tip->link, CRYPT_HASH) != 0)
		rc = bad(v, "segment %" PRIu64 ": it is not the one that the tip names", seq);
	else
		rc = check_parts(v, &data, &h, c->tip && seq < c->tip->oldest_data);
	if (rc == 0 && v->anchor && v->anchor->seq == seq) {
		if (memcmp(v->anchor->link, h.link, CRYPT_HASH) != 0)
			rc = bad(v, "segment %" PRIu64 ": it is not the one of the anchor", seq);
		v->anchored = rc == 0;
	}
	if (rc == 0 && (v->keys || r->opener.key_pem))
		rc = check_open(v, r, &data, &h);
	v->bytes += data.len;
	buf_release(&data);
	if (rc == 0) {
		v->last = c->seq = seq;
		memcpy(c->link, h.link, CRYPT_HASH);
		memcpy(c->store, h.store, STORE_ID);
	}
	return rc;
}

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	struct verify *v = ctx;

	return keys_find(v->keys, id);
}

/* What is not sealed yet has only checksums for who has no key. */
static int check_rows(struct verify *v, const struct reader *r, const struct chain *c, uint64_t seq,
		      struct err *err)
{
	struct rows_info info;
	char name[32];

	store_name(name, seq, ".rows");
	if (rows_read(r->dir_fd, name, v->keys ? find_key : NULL, NULL, v, &info, err) < 0)
		return errno == ENOENT  ? 0
		       : unknown(errno) ? -1
					: bad(v, "rows %" PRIu64 ": %s", seq, err->msg);
	if (!info.head_ok)
		return bad(v, "rows %" PRIu64 ": its head is damaged", seq);
	if (info.seq != seq || memcmp(info.store, c->store, STORE_ID) != 0)
		return bad(v, "rows %" PRIu64 ": of another place or store", seq);
	v->rows++;
	v->tail_records += info.records;
	v->tail_bytes += info.good;
	v->torn_bytes += info.size - info.good;
	return 0;
}

/* Names that no store has: something was put there. */
static int check_names(struct verify *v, const char *dir)
{
	static const char *const known[] = {
	    "tip",     "lock",         "reserve",   "keys",   "shipped",
	    "persons", "persons.lock", "rotations", "hidden", "persons.damaged"};
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	while (d && rc == 0 && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		bool ok = e->d_name[0] == '.' || store_number(e->d_name, ".seg") ||
			  store_number(e->d_name, ".rows") ||
			  (len > 4 && strcmp(e->d_name + len - 4, ".tmp") == 0);

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			ok |= strcmp(e->d_name, known[i]) == 0;
		if (!ok)
			rc = bad(v,
				 strncmp(e->d_name, "damaged-", 8) == 0
				     ? "%s: an earlier store that was damaged"
				     : "%s: no file of a store",
				 e->d_name);
	}
	if (d)
		closedir(d);
	return rc;
}

static int check_anchor(struct verify *v, const struct chain *c)
{
	if (!v->anchor)
		return 0;
	if (memcmp(v->anchor->store, c->store, STORE_ID) != 0)
		return bad(v, "the anchor is of another store");
	if (v->anchor->seq > c->seq)
		return bad(v,
			   "the store ends with segment %" PRIu64 ", but segment %" PRIu64
			   " was anchored: it was rolled back",
			   c->seq, v->anchor->seq);
	v->anchored =
	    true; /* where the anchored one was pruned since, the chain behind it still goes on */
	return 0;
}

/* True for a segment that was sealed since the tip was read. */
static bool is_sealed(const struct reader *r, uint64_t seq)
{
	struct segment_head h;
	uint64_t size;

	return reader_head(r, seq, &h, &size, NULL) != 1;
}

/* What is not shown any more must have been said so by who may sign. */
static int check_hidden(struct verify *v, const struct reader *r, const struct chain *c,
			struct err *err)
{
	struct hidden h;
	int rc = hidden_read(r->dir_fd, &h, err);

	if (rc < 0)
		rc = unknown(errno) ? -1 : bad(v, "%s", err->msg);
	else if (h.count && !find_trust(v, h.key))
		rc = bad(v, "hidden: signed with a key that is not trusted");
	else if (h.count && !h.signed_well)
		rc = bad(v, "hidden: its signature is wrong");
	else if (h.count && memcmp(h.store, c->store, STORE_ID) != 0)
		rc = bad(v, "hidden: of another store");
	hidden_release(&h);
	return rc;
}

static int check_all(struct verify *v, struct reader *r, const char *dir, struct err *err)
{
	struct tip tip;
	struct chain c = {0};
	uint64_t seq;
	int rc = v->delivered ? 1 : tip_read(r->dir_fd, &tip, err);

	if (rc < 0)
		return unknown(errno) ? -1 : bad(v, "%s", err->msg);
	if (reader_list(r, err) < 0)
		return -1;
	if (extend_trust(v, r))
		return 1;
	if (!v->delivered) {
		errno = ENOENT;
		if (rc == 1)
			return r->seq_count
				   ? bad(v, "tip: missing (delivered segments: --delivered)")
				   : err_set(err, "%s holds no store", dir);
		if (!trusted(v, tip.key, tip.seq) && !trusted(v, tip.key, tip.seq + 1))
			return bad(v, "tip: signed with a key that is not trusted");
		c.tip = &tip;
		memcpy(c.store, tip.store, STORE_ID);
		if (check_names(v, dir))
			return 1;
	} else if (!r->seq_count) {
		errno = ENOENT;
		return err_set(err, "%s holds no segments", dir);
	}
	seq = v->delivered ? r->seqs[0] : tip.oldest;
	v->first = seq;
	while (v->delivered ? seq <= r->seqs[r->seq_count - 1]
			    : seq <= tip.seq || is_sealed(r, seq))
		if ((rc = check_segment(v, r, &c, seq++, err)) != 0)
			return rc;
	if (!v->delivered && c.seq > tip.seq + 1)
		return bad(v, "tip: older than the segments");
	for (size_t i = 0; i < r->seq_count; i++) {
		if (r->seqs[i] < seq)
			continue;
		if (r->seqs[i] != seq)
			return bad(v, "rows %" PRIu64 ": missing", seq);
		if ((rc = check_rows(v, r, &c, seq++, err)) != 0)
			return rc;
	}
	if ((rc = check_hidden(v, r, &c, err)) != 0)
		return rc;
	return check_anchor(v, &c);
}

/* A writer may seal and remove while this reads; a finding counts only when the tip stood still
 * meanwhile. */
int verify_store(struct verify *v, const char *dir, struct err *err)
{
	struct verify fresh = *v;
	struct tip before, after;
	struct reader r;
	int rc, why = 0;

	if (reader_open(&r, dir, v->keys, err) < 0)
		return -1;
	for (int round = 0; round < 5; round++) {
		*v = fresh;
		v->bad[0] = 0;
		(void)tip_read(r.dir_fd, &before, NULL);
		r.opener = v->opener;
		rc = check_all(v, &r, dir, err);
		why = errno;
		(void)tip_read(r.dir_fd, &after, NULL);
		if (rc <= 0 || v->delivered || memcmp(&before, &after, sizeof(before)) == 0)
			break;
	}
	reader_close(&r);
	errno = why;
	return rc < 0 ? -1 : 0;
}
