#include "pcap/tls.h"

#include "core/buf.h"
#include "pcap/octets.h"
#include "pcap/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORD_HEAD = 5,
	RECORD_MAX = 16384 + 2048,
	HELLO_MAX = 65536,
	REC_CHANGE = 20,
	REC_ALERT = 21,
	REC_HANDSHAKE = 22,
	REC_DATA = 23,
	HS_CLIENT_HELLO = 1,
	HS_SERVER_HELLO = 2,
	HS_FINISHED = 20,
	HS_KEY_UPDATE = 24,
	EXT_ENCRYPT_THEN_MAC = 22,
	EXT_VERSIONS = 43,
	TLS12 = 0x0303,
	TLS13 = 0x0304,
	TAG = 16,
	MAC = 32,
};

/* A handshake message that comes in parts. Only hellos are kept. */
struct message {
	uint8_t head[4];
	unsigned have;
	uint32_t left;
	struct buf body;
};

struct side {
	struct buf in;
	struct message message;
	bool ciphered, dead, traffic; /* traffic: the handshake's keys are over (1.3) */
	uint64_t count;               /* of records under these keys */
	uint8_t secret[48], key[32], iv[12], mac[32];
};

struct tls {
	const struct keylog *keys;
	const struct tls_events *events;
	void *ctx;
	int client; /* which side; -1 before its hello */
	uint16_t version;
	bool encrypt_then_mac;
	const struct suite *suite;
	uint8_t client_random[32], server_random[32];
	struct side side[2];
	uint8_t plain[RECORD_MAX];
};

struct record {
	uint8_t type;
	const uint8_t *head, *body;
	size_t size;
};

struct tls *tls_new(const struct keylog *keys, const struct tls_events *events, void *ctx)
{
	struct tls *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->keys = keys;
	t->events = events;
	t->ctx = ctx;
	t->client = -1;
	for (int i = 0; i < 2; i++) {
		buf_init(&t->side[i].in, RECORD_HEAD + RECORD_MAX);
		buf_init(&t->side[i].message.body, HELLO_MAX);
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	for (int i = 0; i < 2; i++) {
		buf_release(&t->side[i].in);
		buf_release(&t->side[i].message.body);
	}
	explicit_bzero(t, sizeof *t);
	free(t);
}

static void kill_side(struct tls *t, int from, const char *what)
{
	if (what && !t->side[from].dead)
		t->events->bad(t->ctx, from, what);
	t->side[from].dead = true;
	buf_reset(&t->side[from].in);
}

void tls_lost(struct tls *t, int from)
{
	kill_side(t, from, "can't be decrypted after lost octets");
}

/* ---- keys ---- */

/* TLS 1.3: the keys that come of a secret. */
static void use_secret(struct tls *t, int from, const uint8_t *secret)
{
	struct side *s = &t->side[from];

	s->count = 0;
	memmove(s->secret, secret, suite_hash_size(t->suite));
	if (suite_expand(t->suite, secret, "key", s->key, suite_key_size(t->suite)) < 0 ||
	    suite_expand(t->suite, secret, "iv", s->iv, sizeof s->iv) < 0)
		kill_side(t, from, "no keys come of the secret");
}

static const uint8_t *secret_of(const struct tls *t, int from, bool traffic)
{
	enum keylog_label label;

	if (from == t->client)
		label = traffic ? KEYLOG_CLIENT_TRAFFIC : KEYLOG_CLIENT_HANDSHAKE;
	else
		label = traffic ? KEYLOG_SERVER_TRAFFIC : KEYLOG_SERVER_HANDSHAKE;
	return keylog_find(t->keys, label, t->client_random, suite_hash_size(t->suite));
}

static const char *begin_13(struct tls *t)
{
	for (int from = 0; from < 2; from++) {
		const uint8_t *secret = secret_of(t, from, false);

		if (!secret || !secret_of(t, from, true))
			return "its secrets aren't in the key log";
		t->side[from].ciphered = true;
		use_secret(t, from, secret);
	}
	return NULL;
}

static void begin_traffic(struct tls *t, int from)
{
	t->side[from].traffic = true;
	use_secret(t, from, secret_of(t, from, true));
}

static void update_secret(struct tls *t, int from)
{
	uint8_t next[48];

	if (suite_expand(t->suite, t->side[from].secret, "traffic upd", next,
			 suite_hash_size(t->suite)) < 0)
		kill_side(t, from, "no keys come of the secret");
	else
		use_secret(t, from, next);
	explicit_bzero(next, sizeof next);
}

static const uint8_t *master(const struct tls *t)
{
	return keylog_find(t->keys, KEYLOG_MASTER, t->client_random, 48);
}

/* TLS 1.2: the side's part of the key block, from its ChangeCipherSpec on. */
static void begin_12(struct tls *t, int from)
{
	size_t mac = suite_mac_size(t->suite), key = suite_key_size(t->suite),
	       iv = suite_iv_size(t->suite), own = from != t->client;
	struct side *s = &t->side[from];
	uint8_t block[2 * (32 + 32 + 12)], *p = block;

	s->ciphered = true;
	s->count = 0;
	if (suite_key_block(t->suite, master(t), t->server_random, t->client_random, block,
			    2 * (mac + key + iv)) < 0) {
		kill_side(t, from, "no keys come of the secret");
		return;
	}
	memcpy(s->mac, p + own * mac, mac);
	p += 2 * mac;
	memcpy(s->key, p + own * key, key);
	p += 2 * key;
	memcpy(s->iv, p + own * iv, iv);
	explicit_bzero(block, sizeof block);
}

/* ---- hellos ---- */

static void client_hello(struct tls *t, int from, const uint8_t *p, size_t size)
{
	if (size < 34)
		return;
	t->client = from;
	memcpy(t->client_random, p + 2, 32);
}

static void extensions(struct tls *t, const uint8_t *p, size_t size)
{
	while (size >= 4) {
		uint16_t type = be16(p), len = be16(p + 2);

		if (len > size - 4)
			return;
		if (type == EXT_VERSIONS && len == 2)
			t->version = be16(p + 4);
		if (type == EXT_ENCRYPT_THEN_MAC)
			t->encrypt_then_mac = true;
		p += 4 + len;
		size -= 4 + (size_t)len;
	}
}

static const char *version_name(uint16_t version)
{
	return version == TLS13 ? "1.3" : version == TLS12 ? "1.2" : "other";
}

static const char *begin(struct tls *t)
{
	if (t->client < 0)
		return "the client's hello isn't in the capture";
	if (t->version != TLS13 && t->version != TLS12)
		return "a version that can't be read";
	if (!t->suite || t->suite->tls13 != (t->version == TLS13))
		return "a cipher suite that can't be read";
	if (t->version == TLS13)
		return begin_13(t);
	return master(t) ? NULL : "its secrets aren't in the key log";
}

/* A hello that asks for another one has this for its random. Source: RFC 8446, 4.1.3 */
static bool is_retry(const uint8_t *random)
{
	static const uint8_t retry[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};

	return memcmp(random, retry, sizeof retry) == 0;
}

static void server_hello(struct tls *t, const uint8_t *p, size_t size)
{
	size_t id = size < 38 ? 0 : p[34];
	char number[16];
	const char *problem;

	if (size < 38 + id || is_retry(p + 2))
		return;
	t->version = be16(p);
	memcpy(t->server_random, p + 2, 32);
	t->suite = suite_find(be16(p + 35 + id));
	t->encrypt_then_mac = false;
	if (size >= 40 + id)
		extensions(t, p + 40 + id, size - 40 - id);
	problem = begin(t);
	snprintf(number, sizeof number, "0x%04x", be16(p + 35 + id));
	t->events->hello(t->ctx, t->client, version_name(t->version),
			 t->suite ? t->suite->name : number, problem);
	if (problem) {
		kill_side(t, 0, NULL);
		kill_side(t, 1, NULL);
	}
}

/* ---- handshake messages ---- */

static void message_done(struct tls *t, int from)
{
	struct side *s = &t->side[from];
	const uint8_t *body = (const uint8_t *)buf_str(&s->message.body);
	uint8_t type = s->message.head[0];
	size_t size = s->message.body.len;

	s->message.have = 0;
	if (buf_failed(&s->message.body))
		return;
	if (type == HS_CLIENT_HELLO && !s->ciphered)
		client_hello(t, from, body, size);
	else if (type == HS_SERVER_HELLO && !s->ciphered && from != t->client)
		server_hello(t, body, size);
	else if (type == HS_FINISHED && t->version == TLS13 && s->ciphered && !s->traffic)
		begin_traffic(t, from);
	else if (type == HS_KEY_UPDATE && t->version == TLS13 && s->traffic)
		update_secret(t, from);
}

static void handshake(struct tls *t, int from, const uint8_t *p, size_t size)
{
	struct side *s = &t->side[from];
	struct message *m = &s->message;

	while (size && !s->dead) {
		if (m->have < 4) {
			m->head[m->have++] = *p++;
			size--;
			m->left = be32(m->head) & 0xffffff;
			if (m->have == 4)
				buf_reset(&m->body);
		} else {
			size_t n = m->left < size ? m->left : size;

			if (m->head[0] <= HS_SERVER_HELLO)
				buf_add(&m->body, p, n);
			m->left -= (uint32_t)n;
			p += n;
			size -= n;
		}
		if (m->have == 4 && !m->left)
			message_done(t, from);
	}
}

/* ---- records ---- */

static void alert(struct tls *t, int from, const uint8_t *p, size_t size)
{
	static const struct {
		uint8_t code;
		const char *name;
	} names[] = {{0, "close_notify"},
		     {10, "unexpected_message"},
		     {20, "bad_record_mac"},
		     {22, "record_overflow"},
		     {40, "handshake_failure"},
		     {42, "bad_certificate"},
		     {43, "unsupported_certificate"},
		     {44, "certificate_revoked"},
		     {45, "certificate_expired"},
		     {46, "certificate_unknown"},
		     {47, "illegal_parameter"},
		     {48, "unknown_ca"},
		     {49, "access_denied"},
		     {50, "decode_error"},
		     {51, "decrypt_error"},
		     {70, "protocol_version"},
		     {71, "insufficient_security"},
		     {80, "internal_error"},
		     {90, "user_canceled"},
		     {109, "missing_extension"},
		     {110, "unsupported_extension"},
		     {112, "unrecognized_name"},
		     {113, "bad_certificate_status_response"},
		     {115, "unknown_psk_identity"},
		     {116, "certificate_required"},
		     {120, "no_application_protocol"}};
	const char *name = "unknown";

	if (size != 2)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		name = names[i].code == p[1] ? names[i].name : name;
	t->events->alert(t->ctx, from, p[0] == 2, p[1], name);
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

/* The nonce where the record's number goes into it. */
static void nonce_of(const struct side *s, uint8_t nonce[12])
{
	uint8_t count[8];

	put64(count, s->count);
	memcpy(nonce, s->iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= count[i];
}

/* The head that a record of TLS 1.2 is authenticated with. */
static void head_12(const struct side *s, const struct record *r, size_t size, uint8_t head[13])
{
	put64(head, s->count);
	memcpy(head + 8, r->head, 3);
	head[11] = (uint8_t)(size >> 8);
	head[12] = (uint8_t)size;
}

/* TLS 1.3: the type stands behind the data, and zeros may follow it. */
static ssize_t open_13(struct tls *t, struct side *s, const struct record *r, uint8_t *type)
{
	uint8_t nonce[12];
	size_t n = r->size - TAG;

	nonce_of(s, nonce);
	if (r->size < TAG ||
	    suite_open(t->suite, s->key, nonce, (struct suite_aad){r->head, RECORD_HEAD}, r->body,
		       r->size, t->plain) < 0)
		return -1;
	while (n && !t->plain[n - 1])
		n--;
	if (!n)
		return -1;
	*type = t->plain[n - 1];
	return (ssize_t)n - 1;
}

static ssize_t open_12(struct tls *t, struct side *s, const struct record *r)
{
	bool chacha = t->suite->cipher == SUITE_CHACHA;
	size_t explicit = chacha ? 0 : 8;
	uint8_t nonce[12], head[13];

	if (r->size < explicit + TAG)
		return -1;
	nonce_of(s, nonce);
	if (!chacha) {
		memcpy(nonce, s->iv, 4);
		memcpy(nonce + 4, r->body, 8);
	}
	head_12(s, r, r->size - explicit - TAG, head);
	if (suite_open(t->suite, s->key, nonce, (struct suite_aad){head, sizeof head},
		       r->body + explicit, r->size - explicit, t->plain) < 0)
		return -1;
	return (ssize_t)(r->size - explicit - TAG);
}

/* CBC: an IV before the data; the MAC behind it, inside of the encryption or outside. */
static ssize_t open_cbc(struct tls *t, struct side *s, const struct record *r)
{
	size_t outer = t->encrypt_then_mac ? MAC : 0, n, pad;
	uint8_t head[13];

	if (r->size < 32 + outer || (r->size - outer) % 16)
		return -1;
	n = r->size - outer - 16;
	head_12(s, r, r->size - outer, head);
	if (outer && suite_mac(s->mac, (struct suite_aad){head, sizeof head}, r->body,
			       r->size - outer, r->body + r->size - outer) < 0)
		return -1;
	if (suite_cbc(s->key, r->body, r->body + 16, n, t->plain) < 0)
		return -1;
	pad = (size_t)t->plain[n - 1] + 1;
	if (pad + (outer ? 0 : MAC) > n)
		return -1;
	n -= pad;
	if (outer)
		return (ssize_t)n;
	n -= MAC;
	head_12(s, r, n, head);
	return suite_mac(s->mac, (struct suite_aad){head, sizeof head}, t->plain, n, t->plain + n) <
		       0
		   ? -1
		   : (ssize_t)n;
}

static void content(struct tls *t, int from, uint8_t type, const uint8_t *p, size_t size)
{
	switch (type) {
	case REC_ALERT:
		alert(t, from, p, size);
		return;
	case REC_HANDSHAKE:
		handshake(t, from, p, size);
		return;
	case REC_DATA:
		if (size)
			t->events->data(t->ctx, from, p, size);
		return;
	default:
		return;
	}
}

static void ciphered(struct tls *t, int from, const struct record *r)
{
	struct side *s = &t->side[from];
	uint8_t type = r->type;
	ssize_t n;

	if (t->version == TLS13 && type != REC_DATA) {
		/* ChangeCipherSpec for the sake of old middleboxes, or an alert before the keys. */
		content(t, from, type == REC_ALERT ? type : 0, r->body, r->size);
		return;
	}
	n = t->version == TLS13                 ? open_13(t, s, r, &type)
	    : t->suite->cipher == SUITE_CBC_128 ? open_cbc(t, s, r)
						: open_12(t, s, r);
	if (n < 0) {
		kill_side(t, from, "a record doesn't decrypt with the secrets given");
		return;
	}
	s->count++;
	content(t, from, type, t->plain, (size_t)n);
}

static void record(struct tls *t, int from, const struct record *r)
{
	struct side *s = &t->side[from];

	if (s->ciphered)
		ciphered(t, from, r);
	else if (r->type == REC_CHANGE && t->version == TLS12)
		begin_12(t, from);
	else if (r->type == REC_DATA)
		kill_side(t, from, "can't be decrypted without its handshake in the capture");
	else
		content(t, from, r->type, r->body, r->size);
}

static bool is_head(const uint8_t *p)
{
	return p[0] >= REC_CHANGE && p[0] <= REC_DATA && p[1] == 3 && p[2] <= 4 &&
	       be16(p + 3) <= RECORD_MAX;
}

/* The first whole record, done with: true where there was one. */
static bool next_record(struct tls *t, int from)
{
	struct buf *in = &t->side[from].in;
	const uint8_t *p = (const uint8_t *)buf_str(in);
	size_t size;

	if (t->side[from].dead || in->len < RECORD_HEAD)
		return false;
	if (!is_head(p)) {
		kill_side(t, from, "no TLS record where one is due");
		return false;
	}
	size = be16(p + 3);
	if (in->len < RECORD_HEAD + size)
		return false;
	record(t, from, &(struct record){p[0], p, p + RECORD_HEAD, size});
	if (!t->side[from].dead)
		buf_drop(in, RECORD_HEAD + size);
	return true;
}

int tls_feed(struct tls *t, int from, const uint8_t *data, size_t size)
{
	struct buf *in = &t->side[from].in;

	while (size && !t->side[from].dead) {
		size_t room = in->max - in->len, n = size < room ? size : room;

		if (buf_add(in, data, n) < 0)
			return -1;
		data += n;
		size -= n;
		while (next_record(t, from))
			;
	}
	return 0;
}
