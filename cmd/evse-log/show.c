/* evse-log show: prints the kept records, in order, byte for byte as they came; or some of them, or
 * what a jq program makes of them. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clocks/when.h"
#include "core/exit.h"
#include "core/head.h"
#include "core/jqf.h"
#include "core/json.h"
#include "core/log.h"
#include "core/utc.h"
#include "parts.h"
#include "store/reader.h"
#include "table.h"

enum { OUT_BYTES = 64 << 10, FOLLOW_MS = 200 };
static const int64_t CLOCK_OLD_US = 3600000000; /* what a clock record says holds no longer */
static const double CLOCK_BOUND_MS = 10;

static struct {
	struct common_options c;
	const char *from, *to, *type, *src, *filter;
	int64_t evse, count;
	int format;
	bool follow, clock;
} o;

static const struct cli_opt options[] = {
    OPT_DIR(o.c),
    OPT_KEYS(o.c),
    {0, "from", "TIME", NULL, "records from this time on (UTC, RFC 3339)", CLI_STR, &o.from, 0, 0,
     false, true},
    {0, "to", "TIME", NULL, "records before this time", CLI_STR, &o.to, 0, 0, false, true},
    {'t', "type", "LIST", NULL, "records of these types (a,b,c)", CLI_STR, &o.type, 0, 0, false,
     true},
    {0, "src", "LIST", NULL, "records of these sources", CLI_STR, &o.src, 0, 0, false, true},
    {0, "evse", "N", NULL, "records of this EVSE", CLI_INT, &o.evse, 1, 1e6, false, true},
    {0, "filter", "JQ", NULL, "print what this jq program makes of each record", CLI_STR, &o.filter,
     0, 0, false, true},
    {0, "format", "FORMAT", "ndjson|csv|table", "as lines (default), as CSV, or as a table",
     CLI_WORD, &o.format, 0, 0, false, true},
    {'f', "follow", NULL, NULL, "go on with records as they come", CLI_FLAG, &o.follow, 0, 0, false,
     true},
    {0, "clock", NULL, NULL, "add clock_within_10ms: what the log's clock records say of its time",
     CLI_FLAG, &o.clock, 0, 0, false, true},
    {0, "count", "N", NULL, "end after N lines", CLI_INT, &o.count, 1, 1e15, false, true},
    OPT_RECIPIENT(o.c),
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

struct show {
	struct jqf *jq;
	struct table *table;
	struct buf out, made;
	int64_t from_us, to_us, printed;
	uint64_t bad;
	struct {
		struct buf line;
		int64_t at_us;
		bool known, within;
	} clock; /* the newest clock record's word */
	const struct reader *reader;
	bool progress; /* a bar on standard error: it is a terminal, and standard output is none */
	uint64_t seq;
	int drawn;
};

static void flush(struct show *s)
{
	const char *at = s->out.data;
	size_t left = s->out.len;

	while (left) {
		ssize_t n = write(STDOUT_FILENO, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			log_fatal(EXIT_IO, "unable to write to standard output: %s",
				  strerror(errno));
		at += n;
		left -= (size_t)n;
	}
	buf_reset(&s->out);
}

/* True when @s is one of the words of "a,b,c". */
static bool listed(const char *list, struct slice s)
{
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t len = strcspn(at, ",");

		if (len == s.len && memcmp(at, s.at, len) == 0)
			return true;
	}
	return false;
}

static bool wanted(const struct show *s, const struct head *h)
{
	int64_t t;

	if (o.type && !listed(o.type, h->type))
		return false;
	if (o.src && !listed(o.src, h->src))
		return false;
	if (o.evse && h->evse != o.evse)
		return false;
	if (!o.from && !o.to)
		return true;
	return utc_parse(h->t.at, h->t.len, &t) == 0 && t >= s->from_us && t < s->to_us;
}

static bool filtering(void)
{
	return o.type || o.src || o.evse || o.from || o.to;
}

/* How long the first @n lines are. */
static size_t lines_len(const char *text, size_t len, int n)
{
	const char *at = text, *end = text + len;

	for (; n > 0 && at < end; n--) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		at = nl ? nl + 1 : end;
	}
	return (size_t)(at - text);
}

static int emit(struct show *s, const char *line, size_t len)
{
	struct err err;
	int n = 1;

	if (s->jq) {
		buf_reset(&s->made);
		n = jqf_run(s->jq, line, len, &s->made, &err);
		if (n < 0) {
			if (!s->bad++)
				log_warning("filter: %s; such records are left out", err.msg);
			return 0;
		}
		line = buf_str(&s->made);
		len = s->made.len;
		if (o.count && n > o.count - s->printed)
			len = lines_len(line, len, n = (int)(o.count - s->printed));
	}
	if (s->table)
		table_add(s->table, line, len, &s->out);
	else
		buf_add(&s->out, line, len);
	if (!s->jq && !s->table)
		buf_addc(&s->out, '\n');
	if (s->out.len >= OUT_BYTES)
		flush(s);
	s->printed += n;
	return o.count && s->printed >= o.count;
}

static void draw(struct show *s, uint64_t seq)
{
	size_t n = s->reader->seq_count, at = 0;
	int percent;

	s->seq = seq;
	while (at < n && s->reader->seqs[at] < seq)
		at++;
	percent = n ? (int)(at * 100 / n) : 0;
	if (percent == s->drawn)
		return;
	s->drawn = percent;
	dprintf(STDERR_FILENO, "\r[%-50.*s] %3d %%", percent / 2,
		"##################################################", percent);
}

static void heed_clock(struct show *s, const struct head *h, const char *line, size_t len)
{
	double bound;
	jv v;

	s->clock.known = utc_parse(h->t.at, h->t.len, &s->clock.at_us) == 0 &&
			 json_parse(line, len, &v, NULL) == 0;
	if (!s->clock.known)
		return;
	s->clock.within = json_num(json_get(v, "bound_ms"), 0, CLOCK_BOUND_MS,
				   &bound); /* null: not known how far */
	json_free(v);
}

/* The record with one member more. */
static int emit_marked(struct show *s, const struct head *h, const char *line, size_t len)
{
	struct buf *b = &s->clock.line;
	int64_t t;
	bool known = s->clock.known && utc_parse(h->t.at, h->t.len, &t) == 0 &&
		     t - s->clock.at_us <= CLOCK_OLD_US;

	while (len && line[len - 1] != '}')
		len--;
	buf_reset(b);
	buf_add(b, line, len ? len - 1 : 0);
	buf_adds(b, ",\"clock_within_10ms\":");
	buf_adds(b, !known ? "null}" : s->clock.within ? "true}" : "false}");
	return emit(s, buf_str(b), b->len);
}

static int on_line(void *ctx, const struct place *p, const char *line, size_t len)
{
	struct show *s = ctx;
	struct head h = {0};
	bool scanned = (filtering() || o.clock) && head_scan(line, len, &h, NULL) == 0;

	if (s->progress && p->seq != s->seq)
		draw(s, p->seq);
	if (o.clock && scanned && slice_is(h.type, "clock"))
		heed_clock(s, &h, line, len);
	if (filtering() && (!scanned || !wanted(s, &h)))
		return 0;
	if (o.clock && scanned)
		return emit_marked(s, &h, line, len);
	return emit(s, line, len);
}

static int64_t time_option(const char *name, const char *text, int64_t fallback)
{
	int64_t t = fallback;

	if (text && when_parse(text, &t) < 0)
		log_fatal(EXIT_USAGE, "--%s: expected a time like 2026-11-22T10:00:00Z, got '%s'",
			  name, text);
	return t;
}

/* Keys may change while this follows. True when there are others than before. */
static bool reload_keys(struct opening *w)
{
	struct keys fresh;
	char path[PATH_MAX];
	uint8_t id[2][CRYPT_ID];

	if (!w->have_keys ||
	    keys_load(&fresh, common_keys_dir(&o.c, path, sizeof path), KEYS_OPEN, false, NULL) < 0)
		return false;
	crypt_key_id(w->keys.device[0], id[0]);
	crypt_key_id(fresh.device[0], id[1]);
	keys_release(&w->keys);
	w->keys = fresh;
	return memcmp(id[0], id[1], CRYPT_ID) != 0;
}

static int show(struct show *s, struct reader *r, struct opening *w)
{
	struct err err;
	int rc;

	if (reader_open(r, o.c.dir, w->have_keys ? &w->keys : NULL, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	r->opener = w->opener;
	r->strict = o.follow; /* new keys may open them */
	s->reader = r;
	s->drawn = -1;
	s->progress = !o.follow && !o.c.quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	r->from_ms = o.from ? s->from_us / 1000 - (s->from_us < 0) : INT64_MIN;
	if (o.from && o.clock) /* what the clock said before counts */
		r->from_ms -= CLOCK_OLD_US / 1000;
	r->to_ms = o.to ? s->to_us / 1000 : INT64_MAX;
	do {
		rc = reader_each(r, on_line, s, &err);
		flush(s);
		if (rc < 0 && o.follow && reload_keys(w)) {
			r->damaged = 0;
			rc = 0;
		} else if (rc == 0 && o.follow) {
			poll(NULL, 0, FOLLOW_MS);
		}
	} while (rc == 0 && o.follow);
	if (s->progress)
		dprintf(STDERR_FILENO, "\r\033[K");
	if (rc < 0 && r->damaged)
		log_error("%s: %s; %llu segments can't be read", o.c.dir, err.msg,
			  (unsigned long long)r->damaged);
	else if (rc < 0)
		log_error("%s: %s", o.c.dir, err.msg);
	if (r->skipped_data)
		log_info("%llu records of old data are not kept any more",
			 (unsigned long long)r->skipped_data);
	return rc < 0 ? EXIT_BAD_DATA : EXIT_DONE;
}

int log_show(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Prints the kept records, in order, byte for byte as they came.",
	    .own = options,
	    .common = common,
	    .examples = "  evse-log show -d store --from 2026-11-22T10:00:00Z --type meter\n"
			"  evse-log show -d store --filter '[.t,.power_total_w]'\n",
	};
	struct show s = {0};
	struct opening w;
	struct reader r;
	struct err err;
	int code;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	signal(SIGPIPE, SIG_DFL);
	s.from_us = time_option("from", o.from, INT64_MIN);
	s.to_us = time_option("to", o.to, INT64_MAX);
	buf_init(&s.out, (size_t)8 << 20);
	buf_init(&s.made, (size_t)4 << 20);
	buf_init(&s.clock.line, 256 << 10);
	if (o.filter && !(s.jq = jqf_new(o.filter, &err)))
		log_fatal(EXIT_USAGE, "--filter: %s", err.msg);
	if (o.format)
		s.table = table_new(o.format == 1);
	common_open(&w, &o.c);
	confine_tell(CONFINE_NOTHING);
	code = show(&s, &r, &w);
	if (s.table)
		table_free(s.table, &s.out);
	flush(&s);
	jqf_free(s.jq);
	buf_release(&s.out);
	buf_release(&s.made);
	buf_release(&s.clock.line);
	reader_close(&r);
	common_close(&w);
	return code;
}
