/* evse-log prove and verify-proof: shows one record to somebody who has only the public key,
 * without showing the rest. */
#include <inttypes.h>
#include <limits.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/head.h"
#include "core/json.h"
#include "core/jw.h"
#include "core/log.h"
#include "parts.h"
#include "store/merkle.h"
#include "store/reader.h"
#include "store/sealer.h"

enum { PROOF_MAX = 1 << 20, PUBS_MAX = 32 };

static struct {
	struct common_options c;
	struct cli_list pubs;
} o;

static const struct cli_opt prove_options[] = {
    OPT_DIR(o.c),
    OPT_KEYS(o.c),
    OPT_RECIPIENT(o.c),
    {0},
};
static const struct cli_opt check_options[] = {
    {0, "pub", "FILE", "@file", "trusted public keys (PEM); may be repeated", CLI_LIST, &o.pubs, 0,
     0, false, false},
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

/* ---- proving ---- */

struct search {
	struct slice src, n;
	struct place found;
	uint64_t in_part, seq, events, data; /* counted within the segment at hand */
	char *line;
	size_t len;
};

static int look(void *ctx, const struct place *p, const char *line, size_t len)
{
	struct search *s = ctx;
	uint64_t *count;
	struct head h;

	if (p->seq != s->seq) {
		s->seq = p->seq;
		s->events = s->data = 0;
	}
	count = p->kind == ROWS_EVENT ? &s->events : &s->data;
	if (head_scan(line, len, &h, NULL) == 0 && h.src.len == s->src.len && h.n.len == s->n.len &&
	    memcmp(h.src.at, s->src.at, s->src.len) == 0 &&
	    memcmp(h.n.at, s->n.at, s->n.len) == 0) {
		s->found = *p;
		s->in_part = *count;
		s->line = strndup(line, len);
		s->len = len;
		return 1;
	}
	++*count;
	return 0;
}

/* A line with sealed values is no UTF-8 and goes as hexadecimal digits. */
static void put_record(struct jw *w, const char *line, size_t len)
{
	char *hex;

	if (!memchr(line, CONCEAL_MARK, len)) {
		jw_key(w, "record");
		jw_strn(w, line, len);
		return;
	}
	hex = malloc(2 * len + 1);
	if (!hex)
		log_fatal(EXIT_OS, "out of memory");
	crypt_hex(line, len, hex);
	jw_kstr(w, "record_hex", hex);
	free(hex);
}

static void write_proof(struct jw *w, const struct reader *r, const struct search *s)
{
	uint8_t(*leaves)[CRYPT_HASH], path[MERKLE_PATH_MAX][CRYPT_HASH], salt[MERKLE_SALT];
	struct segment_body body;
	struct segment_head h;
	struct crypt_opener opener;
	struct buf data;
	struct err err;
	char hex[2 * CRYPT_SIG + 1];
	size_t part = 0, steps;

	buf_init(&data, SEALER_FILE_MAX + 65536);
	if (reader_segment(r, s->found.seq, &data, &h, &err) != 0)
		log_fatal(EXIT_BAD_DATA, "%s", err.msg);
	while (part + 1 < h.parts && h.part[part].kind != s->found.kind)
		part++;
	opener = reader_opener(r, &h);
	if (segment_open(data.data, data.len, &h, part, &opener, false, &body, &err) < 0)
		log_fatal(EXIT_BAD_DATA, "segment %" PRIu64 ": %s", h.seq, err.msg);
	leaves = segment_leaves(&body);
	if (!leaves)
		log_fatal(EXIT_OS, "out of memory");
	merkle_salt(body.salt_key, s->in_part, salt);
	steps = merkle_path(leaves, body.count, s->in_part, path);
	jw_obj(w);
	jw_kstr(w, "format", "evse-log-proof 1");
	jw_key(w, "head");
	jw_strn(w, data.data, (size_t)((char *)memchr(data.data, '\n', data.len) - data.data));
	jw_key(w, "sig");
	jw_strn(w, data.data + h.len - 3 - (size_t)2 * CRYPT_SIG, (size_t)2 * CRYPT_SIG);
	jw_kint(w, "part", (int64_t)part);
	jw_kint(w, "index", (int64_t)s->in_part);
	crypt_hex(salt, sizeof salt, hex);
	jw_kstr(w, "salt", hex);
	jw_karr(w, "path");
	for (size_t i = 0; i < steps; i++) {
		crypt_hex(path[i], CRYPT_HASH, hex);
		jw_str(w, hex);
	}
	jw_end(w);
	put_record(w, s->line, s->len);
	jw_end(w);
	free(leaves);
	segment_body_release(&body);
	buf_release(&data);
}

int log_prove(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .synopsis = "SRC/N",
	    .about = "Prints a proof of one sealed record, which verify-proof checks with the "
		     "public key.",
	    .own = prove_options,
	    .common = common,
	    .examples = "  evse-log prove -d store meter.ev/k3f9.8123 >proof.json\n",
	};
	struct search s = {0};
	struct opening w;
	struct reader r;
	struct buf out;
	struct jw jw;
	struct err err;
	const char *slash;
	int code;

	if (common_parse(&c, argc, argv, &o.c, 1, &code) != CLI_GO)
		return code;
	slash = c.nargs ? strrchr(c.args[0], '/') : NULL;
	if (!o.c.dir || !slash)
		log_fatal(EXIT_USAGE,
			  "prove: expected -d DIR and SRC/N, the src and n of a record");
	s.src = (struct slice){c.args[0], (size_t)(slash - c.args[0])};
	s.n = (struct slice){slash + 1, strlen(slash + 1)};
	common_open(&w, &o.c);
	confine_tell(CONFINE_NOTHING);
	if (reader_open(&r, o.c.dir, w.have_keys ? &w.keys : NULL, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	r.opener = w.opener;
	r.stored = true;
	code = reader_each(&r, look, &s, &err);
	if (code < 0)
		log_fatal(EXIT_BAD_DATA, "%s", err.msg);
	if (code == 0)
		log_fatal(EXIT_NO, "no record %s is kept", c.args[0]);
	if (!s.found.sealed)
		log_fatal(EXIT_NO, "record %s is kept, but not sealed yet", c.args[0]);
	if (s.found.hidden)
		log_fatal(EXIT_NO, "record %s holds what was erased: a proof would show it",
			  c.args[0]);
	buf_init(&out, PROOF_MAX);
	jw_init(&jw, &out);
	write_proof(&jw, &r, &s);
	puts(buf_str(&out));
	buf_release(&out);
	free(s.line);
	reader_close(&r);
	common_close(&w);
	return cli_close(EXIT_DONE);
}

/* ---- checking ---- */

static bool hex_member(jv v, void *out, size_t len)
{
	const char *s = json_str(v);

	return s && crypt_unhex(s, strlen(s), out, len);
}

static bool get_record(jv p, struct buf *out)
{
	const char *text = json_str(json_get(p, "record")),
		   *hex = json_str(json_get(p, "record_hex"));
	size_t len = hex ? strlen(hex) / 2 : 0;
	char *room = hex ? buf_room(out, len + 1) : NULL;

	if (text)
		return buf_adds(out, text) == 0;
	if (!room || !crypt_unhex(hex, strlen(hex), room, len))
		return false;
	buf_added(out, len);
	return true;
}

/* @return NULL when the proof holds, else what is wrong with it. */
static const char *check(jv p, uint8_t (*pubs)[CRYPT_PUB], size_t pub_count, struct buf *record)
{
	uint8_t path[MERKLE_PATH_MAX][CRYPT_HASH], salt[MERKLE_SALT], leaf[CRYPT_HASH],
	    root[CRYPT_HASH];
	const char *head = json_str(json_get(p, "head"));
	const char *sig = json_str(json_get(p, "sig"));
	jv steps = json_get(p, "path");
	struct segment_head h;
	int64_t part, index;
	struct buf b;
	bool trusted = false, good;

	if (!head || !get_record(p, record) || !sig || json_len(steps) > MERKLE_PATH_MAX ||
	    !hex_member(json_get(p, "salt"), salt, sizeof salt) ||
	    !json_int(json_get(p, "index"), 0, INT32_MAX, &index) ||
	    !json_int(json_get(p, "part"), 0, SEGMENT_PARTS - 1, &part))
		return "not a proof: expected head, sig, part, index, salt, path and record";
	buf_init(&b, (size_t)2 * SEGMENT_HEAD_MAX);
	buf_addf(&b, "%s\n{\"sig\":\"%s\"}\n", head, sig);
	good = !buf_failed(&b) && segment_head_read(buf_str(&b), b.len, &h, NULL) == 0 &&
	       h.len == b.len;
	for (size_t i = 0; good && i < pub_count; i++)
		trusted |= memcmp(pubs[i], h.key, CRYPT_PUB) == 0;
	if (good && trusted && !segment_head_signed(b.data, &h))
		good = trusted = false;
	buf_release(&b);
	if (!good || !trusted)
		return good ? "its segment is signed with a key that is not trusted"
			    : "its segment's head or signature is wrong";
	for (int i = 0; i < json_len(steps); i++)
		if (!hex_member(json_at(steps, i), path[i], CRYPT_HASH))
			return "not a proof: a step of the path is no hash";
	merkle_leaf(salt, record->data, record->len, leaf);
	if ((size_t)part >= h.parts ||
	    !merkle_climb(leaf, h.part[part].records, (size_t)index, path, (size_t)json_len(steps),
			  root) ||
	    memcmp(root, h.part[part].root, CRYPT_HASH) != 0)
		return "the record is not in that segment";
	return NULL;
}

int log_verify_proof(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .synopsis = "PROOF",
	    .about = "Checks a proof with public keys; prints the record when it holds, else exits "
		     "with 1.",
	    .own = check_options,
	    .common = common,
	    .examples = "  evse-log verify-proof --pub sign.pub proof.json\n",
	};
	static uint8_t pubs[PUBS_MAX][CRYPT_PUB];
	size_t count = 0;
	const char *wrong;
	struct buf record, shown;
	struct err err;
	int code;
	jv p;

	if (common_parse(&c, argc, argv, &o.c, 1, &code) != CLI_GO)
		return code;
	if (!c.nargs || !o.pubs.count)
		log_fatal(EXIT_USAGE, "verify-proof: expected --pub FILE and PROOF");
	for (size_t i = 0; i < o.pubs.count; i++)
		count += common_pubs(o.pubs.item[i], pubs + count, PUBS_MAX - count);
	confine_tell(CONFINE_NOTHING);
	if (json_load(c.args[0], PROOF_MAX, &p, &err) < 0)
		log_fatal(access(c.args[0], R_OK) < 0 ? common_exit(errno, EXIT_NO_INPUT)
						      : EXIT_BAD_DATA,
			  "%s", err.msg);
	buf_init(&record, PROOF_MAX);
	buf_init(&shown, PROOF_MAX);
	wrong = check(p, pubs, count, &record);
	if (wrong)
		log_error("%s: %s", c.args[0], wrong);
	else if (reveal(NULL, buf_str(&record), record.len, &shown, NULL) == 0)
		puts(buf_str(&shown));
	json_free(p);
	buf_release(&record);
	buf_release(&shown);
	return cli_close(wrong ? EXIT_NO : EXIT_DONE);
}
