#include "store/segment.h"

#include <stdlib.h>
#include <string.h>

#include "core/head.h"
#include "core/utc.h"
#include "store/merkle.h"
#include "store/pack.h"
#include "store/varint.h"

enum { PART_MAX = 4 * PACK_BLOCK_MAX };

/* ---- sealing ---- */

void segment_lines_init(struct segment_lines *l)
{
	*l = (struct segment_lines){.from_ms = INT64_MAX, .to_ms = INT64_MIN};
	buf_init(&l->events, PACK_BLOCK_MAX);
	buf_init(&l->data, PACK_BLOCK_MAX);
	buf_init(&l->places, PACK_BLOCK_MAX);
}

void segment_lines_release(struct segment_lines *l)
{
	buf_release(&l->events);
	buf_release(&l->data);
	buf_release(&l->places);
}

void segment_lines_add(struct segment_lines *l, enum rows_class c, const char *line, size_t len)
{
	struct buf *b = c == ROWS_EVENT ? &l->events : &l->data;
	struct head h;
	int64_t us;

	buf_add(b, line, len);
	buf_addc(b, '\n');
	if (c == ROWS_EVENT) {
		varint_put(&l->places, l->since_event);
		l->since_event = 0;
		l->event_count++;
	} else {
		l->since_event++;
		l->data_count++;
	}
	if (head_scan(line, len, &h, NULL) < 0 || utc_parse(h.t.at, h.t.len, &us) < 0)
		return;
	us = us / 1000 - (us % 1000 < 0);
	l->from_ms = us < l->from_ms ? us : l->from_ms;
	l->to_ms = us > l->to_ms ? us : l->to_ms;
}

/* The tree's leaves over lines; also the count of them. */
static uint8_t (*make_leaves(const uint8_t salt_key[CRYPT_KEY], const struct buf *lines,
			     size_t count))[CRYPT_HASH]
{
	uint8_t(*leaves)[CRYPT_HASH] = malloc((count + 1) * sizeof(*leaves));
	const char *at = lines->data, *end = at + lines->len;

	for (size_t i = 0; leaves && i < count && at < end; i++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		uint8_t salt[MERKLE_SALT];

		merkle_salt(salt_key, i, salt);
		merkle_leaf(salt, at, (size_t)(nl - at), leaves[i]);
		at = nl + 1;
	}
	return leaves;
}

static int seal_part(struct segment_part *p, const struct buf *lines, const struct buf *places,
		     const uint8_t *device_key, const struct crypt_recipients *recipients,
		     struct buf *out, struct err *err)
{
	uint8_t salt_key[CRYPT_KEY], (*leaves)[CRYPT_HASH];
	size_t from = out->len;
	struct buf plain;
	int rc = -1;

	buf_init(&plain, PART_MAX);
	if (crypt_random(salt_key, sizeof(salt_key)) < 0 ||
	    !(leaves = make_leaves(salt_key, lines, p->records)))
		return err_set(err, "unable to make a segment: no random bytes or memory");
	merkle_root(leaves, p->records, p->root);
	free(leaves);
	buf_add(&plain, salt_key, sizeof(salt_key));
	if (places)
		buf_add(&plain, places->data, places->len);
	if (pack(lines->data, lines->len, &plain) < 0 || buf_failed(&plain))
		err_set(err, "unable to pack a segment: out of memory");
	else
		rc = crypt_cms_seal(device_key, recipients, plain.data, plain.len, out, err);
	p->bytes = out->len - from;
	if (rc == 0)
		crypt_sha256(out->data + from, p->bytes, p->hash);
	buf_release(&plain);
	return rc;
}

static int write_head(const struct segment_head *h, const struct crypt_signer *signer,
		      struct buf *b)
{
	signed_hex(b, "{\"format\":\"evse-log 1\",\"store\":\"", h->store, STORE_ID);
	signed_uint(b, "\",\"seq\":", h->seq);
	signed_hex(b, ",\"prev\":\"", h->prev, CRYPT_HASH);
	signed_uint(b, "\",\"records\":", h->records);
	signed_time(b, ",\"from\":\"", h->from_ms);
	signed_time(b, "\",\"to\":\"", h->to_ms);
	signed_time(b, "\",\"sealed\":\"", h->sealed_ms);
	signed_hex(b, "\",\"key\":\"", h->key, CRYPT_PUB);
	signed_hex(b, "\",\"device\":\"", h->device, CRYPT_ID);
	buf_adds(b, "\",\"parts\":[");
	for (size_t i = 0; i < h->parts; i++) {
		const struct segment_part *p = &h->part[i];

		buf_adds(b, i ? "," : "");
		buf_adds(b, p->kind == ROWS_EVENT ? "{\"kind\":\"events\"" : "{\"kind\":\"data\"");
		signed_uint(b, ",\"records\":", p->records);
		signed_uint(b, ",\"bytes\":", p->bytes);
		signed_hex(b, ",\"sha256\":\"", p->hash, CRYPT_HASH);
		signed_hex(b, "\",\"root\":\"", p->root, CRYPT_HASH);
		buf_adds(b, "\"}");
	}
	buf_adds(b, "]}");
	return signed_end(b, 0, signer);
}

int segment_seal(struct segment_head *h, const struct segment_lines *l,
		 const struct crypt_signer *signer, const uint8_t device_key[CRYPT_KEY],
		 const struct crypt_recipients *recipients, struct buf *out, struct err *err)
{
	struct buf head, parts;
	int rc = -1;

	if (buf_failed(&l->events) || buf_failed(&l->data) || buf_failed(&l->places))
		return err_set(err, "unable to make a segment: too many lines");
	h->records = l->event_count + l->data_count;
	h->from_ms = l->from_ms <= l->to_ms ? l->from_ms : h->sealed_ms;
	h->to_ms = l->from_ms <= l->to_ms ? l->to_ms : h->sealed_ms;
	h->parts = 0;
	memcpy(h->key, crypt_signer_pub(signer), CRYPT_PUB);
	crypt_key_id(device_key, h->device);
	buf_init(&head, SEGMENT_HEAD_MAX);
	buf_init(&parts, (size_t)PART_MAX * 2);
	if (l->event_count) {
		h->part[h->parts] =
		    (struct segment_part){.kind = ROWS_EVENT, .records = l->event_count};
		if (seal_part(&h->part[h->parts++], &l->events, &l->places, device_key, recipients,
			      &parts, err) < 0)
			goto out;
	}
	if (l->data_count) {
		h->part[h->parts] =
		    (struct segment_part){.kind = ROWS_DATA, .records = l->data_count};
		if (seal_part(&h->part[h->parts++], &l->data, NULL, device_key, recipients, &parts,
			      err) < 0)
			goto out;
	}
	if (write_head(h, signer, &head) < 0) {
		err_set(err, "unable to sign a segment");
		goto out;
	}
	h->len = head.len;
	crypt_sha256(head.data, head.len, h->link);
	buf_add(out, head.data, head.len);
	buf_add(out, parts.data, parts.len);
	rc = buf_failed(out) ? err_set(err, "out of memory") : 0;
out:
	buf_release(&head);
	buf_release(&parts);
	return rc;
}

/* ---- reading ---- */

static void read_part(struct scan *s, struct segment_part *p)
{
	if (scan_is(s, "{\"kind\":\"events\""))
		p->kind = ROWS_EVENT;
	else if (scan_is(s, "{\"kind\":\"data\""))
		p->kind = ROWS_DATA;
	else
		s->bad = true;
	p->records = scan_uint(s, ",\"records\":");
	p->bytes = scan_uint(s, ",\"bytes\":");
	scan_hex(s, ",\"sha256\":\"", p->hash, CRYPT_HASH);
	scan_hex(s, "\",\"root\":\"", p->root, CRYPT_HASH);
	scan_text(s, "\"}");
}

int segment_head_read(const char *data, size_t size, struct segment_head *h, struct err *err)
{
	uint8_t sig[CRYPT_SIG];
	size_t line;
	struct scan s;
	uint64_t records = 0;

	*h = (struct segment_head){0};
	if (!signed_split(data, size < SEGMENT_HEAD_MAX ? size : SEGMENT_HEAD_MAX, &line, &h->len,
			  sig))
		return err_set(err, "its head is damaged or cut");
	s = (struct scan){.at = data, .end = data + line};
	scan_hex(&s, "{\"format\":\"evse-log 1\",\"store\":\"", h->store, STORE_ID);
	if (s.bad)
		return err_set(err,
			       "its head is damaged, or of another format than \"evse-log 1\"");
	h->seq = scan_uint(&s, "\",\"seq\":");
	scan_hex(&s, ",\"prev\":\"", h->prev, CRYPT_HASH);
	h->records = scan_uint(&s, "\",\"records\":");
	h->from_ms = scan_time(&s, ",\"from\":\"");
	h->to_ms = scan_time(&s, "\",\"to\":\"");
	h->sealed_ms = scan_time(&s, "\",\"sealed\":\"");
	scan_hex(&s, "\",\"key\":\"", h->key, CRYPT_PUB);
	scan_hex(&s, "\",\"device\":\"", h->device, CRYPT_ID);
	scan_text(&s, "\",\"parts\":[");
	while (h->parts < SEGMENT_PARTS && !s.bad && !scan_is(&s, "]}")) {
		if (h->parts)
			scan_text(&s, ",");
		read_part(&s, &h->part[h->parts]);
		records += h->part[h->parts++].records;
	}
	if (h->parts == SEGMENT_PARTS)
		scan_text(&s, "]}");
	scan_text(&s, "\n");
	if (s.bad || s.at != s.end || records != h->records)
		return err_set(err, "its head is damaged");
	crypt_sha256(data, h->len, h->link);
	return 0;
}

bool segment_head_signed(const char *data, const struct segment_head *h)
{
	uint8_t sig[CRYPT_SIG];
	size_t line, len;

	return signed_split(data, h->len, &line, &len, sig) &&
	       crypt_verify(h->key, data, line, sig);
}

static uint64_t *read_places(struct cursor *in, uint64_t count)
{
	uint64_t *place = malloc((count + 1) * sizeof(*place)), at = 0;

	for (uint64_t i = 0; place && i < count; i++) {
		at += varint_get_max(in, PACK_BLOCK_MAX);
		place[i] = at++;
	}
	return place;
}

uint8_t (*segment_leaves(const struct segment_body *b))[CRYPT_HASH]
{
	return make_leaves(b->salt_key, &b->lines, b->count);
}

static int check_body(const struct segment_part *p, struct segment_body *b, bool check_root,
		      struct err *err)
{
	uint8_t(*leaves)[CRYPT_HASH], root[CRYPT_HASH];

	for (size_t i = 0; i < b->lines.len; i++)
		b->count += b->lines.data[i] == '\n';
	if (b->count != p->records)
		return err_set(err, "it holds %zu records in place of %llu", b->count,
			       (unsigned long long)p->records);
	if (!check_root)
		return 0;
	leaves = segment_leaves(b);
	if (!leaves)
		return err_set(err, "out of memory");
	merkle_root(leaves, b->count, root);
	free(leaves);
	return memcmp(root, p->root, CRYPT_HASH) == 0
		   ? 0
		   : err_set(err, "its records do not give its root");
}

int segment_open(const char *data, size_t size, const struct segment_head *h, size_t index,
		 const struct crypt_opener *opener, bool check_root, struct segment_body *body,
		 struct err *err)
{
	const struct segment_part *p = &h->part[index];
	uint64_t at = h->len;
	struct cursor in;
	struct buf plain;
	int rc;

	*body = (struct segment_body){0};
	buf_init(&body->lines, PACK_BLOCK_MAX);
	for (size_t i = 0; i < index; i++)
		at += h->part[i].bytes;
	if (at > size || p->bytes > size - at || p->bytes > PART_MAX || p->records > PACK_BLOCK_MAX)
		return err_set(err, "it is cut short");
	buf_init(&plain, PART_MAX);
	rc = crypt_cms_open(opener, data + at, p->bytes, &plain, err);
	if (rc == 0 && plain.len < CRYPT_KEY)
		rc = err_set(err, "a part is too short");
	if (rc == 0) {
		memcpy(body->salt_key, plain.data, CRYPT_KEY);
		in = (struct cursor){.at = (uint8_t *)plain.data + CRYPT_KEY,
				     .end = (uint8_t *)plain.data + plain.len};
		if (p->kind == ROWS_EVENT && !(body->place = read_places(&in, p->records)))
			rc = err_set(err, "out of memory");
		if (rc == 0 && in.bad)
			rc = err_set(err, "its places are damaged");
		if (rc == 0)
			rc = unpack(in.at, (size_t)(in.end - in.at), &body->lines, err);
	}
	buf_release(&plain);
	return rc == 0 ? check_body(p, body, check_root, err) : -1;
}

void segment_body_release(struct segment_body *b)
{
	crypt_forget(b->salt_key, sizeof(b->salt_key));
	free(b->place);
	buf_release(&b->lines);
}
