/* evse-log stat: what a store holds. Reads the segments' heads; opens only what is not sealed yet.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/exit.h"
#include "core/json.h"
#include "core/log.h"
#include "core/utc.h"
#include "parts.h"
#include "store/reader.h"
#include "store/store.h"

static struct {
	struct common_options c;
	bool json;
} o;

static const struct cli_opt options[] = {
    OPT_DIR(o.c),
    OPT_KEYS(o.c),
    {0, "json", NULL, NULL, "print one JSON object", CLI_FLAG, &o.json, 0, 0, false, false},
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

struct totals {
	uint64_t segments, first, last, records, events, bytes, gaps, rows, rows_records,
	    rows_bytes, data_gone, shipped;
	int64_t from_ms, to_ms;
};

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	const struct reader *r = ctx;

	return keys_find(r->keys, id);
}

static void add_rows(struct totals *t, struct reader *r, uint64_t seq)
{
	struct rows_info info;
	char name[32];

	store_name(name, seq, ".rows");
	if (rows_read(r->dir_fd, name, find_key, NULL, r, &info, NULL) < 0)
		return;
	t->rows++;
	t->rows_records += info.records;
	t->rows_bytes += info.good;
}

/* A gap: the next segment begins more than this after the one before ended. */
enum { GAP_MS = 60000 };

static void add_segment(struct totals *t, const struct segment_head *h, uint64_t size)
{
	uint64_t at = h->len;

	if (!t->segments++)
		t->first = h->seq;
	else if (h->from_ms > t->to_ms + GAP_MS)
		t->gaps++;
	t->last = h->seq;
	t->bytes += size;
	for (size_t i = 0; i < h->parts; i++) {
		if (h->part[i].kind == ROWS_EVENT)
			t->events += h->part[i].records;
		if (at < size)
			t->records += h->part[i].records;
		else
			t->data_gone += h->part[i].records;
		at += h->part[i].bytes;
	}
	if (t->segments == 1 || h->from_ms < t->from_ms)
		t->from_ms = h->from_ms;
	if (t->segments == 1 || h->to_ms > t->to_ms)
		t->to_ms = h->to_ms;
}

/* The newest segment that was delivered, by the receipt; 0 when none was. */
static uint64_t shipped(int dir_fd)
{
	int64_t seq = 0;
	struct buf b;
	jv v;

	buf_init(&b, 256 << 10);
	if (tip_slurp(dir_fd, "shipped", 65536, &b, NULL) == 0 &&
	    json_parse(buf_str(&b), b.len, &v, NULL) == 0) {
		(void)json_int(json_get(v, "seq"), 0, INT64_MAX / 2, &seq);
		json_free(v);
	}
	buf_release(&b);
	return (uint64_t)seq;
}

static void print(const struct totals *t, const struct tip *tip, const char *store)
{
	char from[UTC_LEN + 1], to[UTC_LEN + 1];
	double seconds = (double)(t->to_ms - t->from_ms) / 1000;
	double rate = t->segments && seconds > 0 ? (double)t->records / seconds : 0;
	double each = t->records ? (double)t->bytes / (double)t->records : 0;

	utc_format(t->from_ms * 1000, from);
	utc_format(t->to_ms * 1000, to);
	if (!o.json) {
		printf("store           %s\nsegments        %" PRIu64 " (%" PRIu64 " to %" PRIu64
		       ")\n",
		       store, t->segments, t->first, t->last);
		if (t->segments)
			printf("time            %s to %s, %" PRIu64 " gaps\n", from, to, t->gaps);
		printf("records         %" PRIu64 " sealed (%" PRIu64
		       " events), %.2f a second, %.2f bytes each\n"
		       "bytes           %" PRIu64 "\n"
		       "not sealed yet  %" PRIu64 " records, %" PRIu64 " bytes, in %" PRIu64
		       " files\n"
		       "data removed    %" PRIu64 " records\nshipped up to   segment %" PRIu64 "\n",
		       t->records, t->events, rate, each, t->bytes, t->rows_records, t->rows_bytes,
		       t->rows, t->data_gone, t->shipped);
		return;
	}
	printf("{\"store\":\"%s\",\"segments\":%" PRIu64 ",\"first\":%" PRIu64 ",\"last\":%" PRIu64,
	       store, t->segments, t->first, t->last);
	if (t->segments)
		printf(",\"from\":\"%s\",\"to\":\"%s\"", from, to);
	printf(",\"records\":%" PRIu64 ",\"sealed_records\":%" PRIu64 ",\"events\":%" PRIu64
	       ",\"bytes\":%" PRIu64
	       ",\"bytes_per_record\":%.3f,\"per_second\":%.3f,\"gaps\":%" PRIu64
	       ",\"unsealed_records\":%" PRIu64 ",\"unsealed_bytes\":%" PRIu64
	       ",\"removed_records\":%" PRIu64 ",\"shipped\":%" PRIu64 ",\"oldest\":%" PRIu64
	       ",\"oldest_data\":%" PRIu64 "}\n",
	       t->records + t->rows_records, t->records, t->events, t->bytes, each, rate, t->gaps,
	       t->rows_records, t->rows_bytes, t->data_gone, t->shipped, tip->oldest,
	       tip->oldest_data);
}

int log_stat(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Tells what a store holds.",
	    .own = options,
	    .common = common,
	    .examples = "  evse-log stat -d store --json\n",
	};
	struct totals t = {0};
	struct opening w;
	struct reader r;
	struct tip tip;
	struct err err;
	char store[2 * STORE_ID + 1];
	int code;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	if (reader_open(&r, o.c.dir, NULL, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	if ((code = tip_read(r.dir_fd, &tip, &err)) != 0)
		log_fatal(code < 0 ? common_exit(errno, EXIT_BAD_DATA) : EXIT_NO_INPUT, "%s: %s",
			  o.c.dir, code < 0 ? err.msg : "no store there");
	common_open(&w, &o.c);
	confine_tell(CONFINE_NOTHING);
	r.keys = &w.keys;
	if (reader_list(&r, &err) < 0)
		log_fatal(EXIT_OS, "%s", err.msg);
	for (size_t i = 0; i < r.seq_count; i++) {
		struct segment_head h;
		uint64_t size;
		int rc = reader_head(&r, r.seqs[i], &h, &size, &err);

		if (rc < 0)
			log_warning("%s", err.msg);
		else if (rc == 1)
			add_rows(&t, &r, r.seqs[i]);
		else
			add_segment(&t, &h, size);
	}
	t.shipped = shipped(r.dir_fd);
	crypt_hex(tip.store, STORE_ID, store);
	print(&t, &tip, store);
	reader_close(&r);
	common_close(&w);
	return cli_close(EXIT_DONE);
}
