/* evse-log verify: checks a store with public keys alone and names the first bad place. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/json.h"
#include "core/jw.h"
#include "core/log.h"
#include "parts.h"
#include "store/verify.h"

static struct {
	struct common_options c;
	struct cli_list pubs;
	const char *anchor;
	bool deep, delivered, json;
} o;

static const struct cli_opt options[] = {
    OPT_DIR(o.c),
    {0, "pub", "FILE", "@file",
     "trusted public keys (PEM; default: sign.pub of the keys); may be repeated", CLI_LIST, &o.pubs,
     0, 0, false, false},
    {0, "anchor", "RECEIPT", "@file",
     "what delivery returned: finds the roll-back of a whole store too", CLI_STR, &o.anchor, 0, 0,
     false, false},
    {0, "delivered", NULL, NULL, "DIR holds delivered segments: no tip, no rows", CLI_FLAG,
     &o.delivered, 0, 0, false, false},
    {0, "deep", NULL, NULL, "also open everything (needs the keys) and check each record's hash",
     CLI_FLAG, &o.deep, 0, 0, false, false},
    {0, "json", NULL, NULL, "print one JSON object", CLI_FLAG, &o.json, 0, 0, false, false},
    OPT_KEYS(o.c),
    OPT_RECIPIENT(o.c),
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

static bool member_hex(jv obj, const char *name, void *out, size_t len)
{
	const char *s = json_str(json_get(obj, name));

	return s && crypt_unhex(s, strlen(s), out, len);
}

/* A receipt is JSON with at least store, seq and link. */
static void read_anchor(struct anchor *a, const char *path)
{
	struct err err;
	int64_t seq;
	jv v;

	if (json_load(path, 65536, &v, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	if (!member_hex(v, "store", a->store, STORE_ID) ||
	    !member_hex(v, "link", a->link, CRYPT_HASH) ||
	    !json_int(json_get(v, "seq"), 1, INT64_MAX / 2, &seq))
		log_fatal(EXIT_BAD_DATA, "%s: expected store, seq and link", path);
	a->seq = (uint64_t)seq;
	json_free(v);
}

static void print_json(const struct verify *v)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 8192);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kbool(&w, "clean", !v->bad[0]);
	if (v->bad[0])
		jw_kstr(&w, "bad", v->bad);
	jw_kint(&w, "first", (int64_t)v->first);
	jw_kint(&w, "last", (int64_t)v->last);
	jw_kint(&w, "records", (int64_t)v->records);
	jw_kint(&w, "bytes", (int64_t)v->bytes);
	jw_kbool(&w, "anchored", v->anchored);
	jw_kint(&w, "unsealed_bytes", (int64_t)v->tail_bytes);
	jw_kint(&w, "unfinished_bytes", (int64_t)v->torn_bytes);
	jw_end(&w);
	puts(buf_str(&b));
	buf_release(&b);
}

static void print_text(const struct verify *v)
{
	if (v->bad[0]) {
		printf("bad: %s\n", v->bad);
		return;
	}
	printf("clean: segments %" PRIu64 " to %" PRIu64 ", %" PRIu64 " records, %" PRIu64
	       " bytes\n",
	       v->first, v->last, v->records, v->bytes);
	printf("anchored: %s\n", v->anchored ? "yes" : "no");
	if (!v->delivered)
		printf("unsealed tail: %" PRIu64 " bytes in %" PRIu64 " rows files", v->tail_bytes,
		       v->rows);
	if (!v->delivered && v->keys)
		printf(", %" PRIu64 " records", v->tail_records);
	if (v->torn_bytes)
		printf(", %" PRIu64 " bytes unfinished", v->torn_bytes);
	if (!v->delivered)
		puts("");
}

int log_verify(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Checks a store with public keys alone; exits with 1 and names the first "
		     "bad place where it was changed.",
	    .own = options,
	    .common = common,
	    .examples = "  evse-log verify -d store --pub sign.pub\n",
	};
	static uint8_t pubs[VERIFY_KEYS_MAX][CRYPT_PUB];
	struct verify v = {.pubs = pubs};
	struct anchor anchor;
	struct opening w = {0};
	struct err err;
	char path[PATH_MAX + 16], dir[PATH_MAX];
	int code;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	for (size_t i = 0; i < o.pubs.count; i++)
		v.pub_count +=
		    common_pubs(o.pubs.item[i], pubs + v.pub_count, VERIFY_KEYS_MAX - v.pub_count);
	if (!o.pubs.count) {
		snprintf(path, sizeof path, "%s/sign.pub", common_keys_dir(&o.c, dir, sizeof dir));
		v.pub_count = common_pubs(path, pubs, VERIFY_KEYS_MAX);
	}
	v.delivered = o.delivered;
	if (o.anchor) {
		read_anchor(&anchor, o.anchor);
		v.anchor = &anchor;
	}
	if (o.deep) {
		common_open(&w, &o.c);
		v.keys = w.have_keys ? &w.keys : NULL;
		v.opener = w.opener;
	}
	confine_tell(CONFINE_NOTHING);
	if (verify_store(&v, o.c.dir, &err) < 0)
		log_fatal(common_exit(errno, EXIT_NO_INPUT), "%s: %s", o.c.dir, err.msg);
	if (o.json)
		print_json(&v);
	else
		print_text(&v);
	common_close(&w);
	return cli_close(v.bad[0] ? EXIT_NO : EXIT_DONE);
}
