/* evse-log ship: delivers sealed segments, in order, each once by its content, to a place of
 * safety.
 *
 * A process of its own beside `evse-log record`, which so needs neither TLS nor HTTP. Reads the
 * store's directory; keeps in its file "shipped" what was acknowledged last; writes `log` records
 * on standard output. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/json.h"
#include "core/log.h"
#include "core/out.h"
#include "core/state.h"
#include "core/utc.h"
#include "ship/http.h"
#include "store/reader.h"
#include "store/sealer.h"
#include "store/store.h"
#include "ws/backoff.h"

static struct {
	bool help, version, table, quiet, once;
	const char *dir, *to, *ca, *cert, *key, *receipt, *src;
	int64_t rate_kib, poll_ms, timeout_s, count;
	double wait_max_s;
} o = {.rate_kib = 512, .poll_ms = 1000, .timeout_s = 30, .wait_max_s = 300, .src = "log.ship"};

static const struct cli_opt options[] = {
    {'d', "dir", "DIR", "@dir", "the store's directory", CLI_STR, &o.dir, 0, 0, false, false},
    {0, "to", "PLACE", NULL, "https://host/path (HTTP PUT) or dir:PATH", CLI_STR, &o.to, 0, 0,
     false, false},
    {0, "ca", "FILE", "@file",
     "authorities of the server's certificate (default: those of the system)", CLI_STR, &o.ca, 0, 0,
     false, false},
    {0, "cert", "FILE", "@file", "own certificate", CLI_STR, &o.cert, 0, 0, false, false},
    {0, "key", "FILE", "@file", "its private key", CLI_STR, &o.key, 0, 0, false, false},
    {0, "receipt", "FILE", "@file", "also write the newest receipt there; an anchor for verify",
     CLI_STR, &o.receipt, 0, 0, false, false},
    {0, "rate", "KIB", NULL, "at most this many KiB a second, 0: no bound (default 512)", CLI_INT,
     &o.rate_kib, 0, 1e9, false, false},
    {0, "poll", "MS", NULL, "look for new segments this often (default 1000)", CLI_INT, &o.poll_ms,
     10, 1e7, false, false},
    {0, "timeout", "S", NULL, "give an upload up after this time without progress (default 30)",
     CLI_INT, &o.timeout_s, 1, 3600, false, false},
    {0, "wait-max", "S", NULL, "wait at most this long after a failure (default 300)", CLI_NUM,
     &o.wait_max_s, 0.01, 86400, false, false},
    {0, "once", NULL, NULL, "deliver what there is and end; 75 when that failed", CLI_FLAG, &o.once,
     0, 0, false, true},
    {'S', "src", "NAME", NULL, "the src of its records (default log.ship)", CLI_STR, &o.src, 0, 0,
     false, false},
    {0},
};
static const struct cli_opt common[] = {
    {'q', "quiet", NULL, NULL, "only errors on standard error", CLI_FLAG, &o.quiet, 0, 0, false,
     true},
    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &o.help, 0, 0, false, true},
    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &o.version, 0, 0, false, true},
    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &o.table, 0, 0, true, true},
    {0},
};

static volatile sig_atomic_t stop;

struct ship {
	struct reader reader;
	struct ship_http *http; /* NULL: to a directory */
	const char *to_dir;
	struct out out;
	struct tip tip;
	uint64_t done;            /* the newest segment that was acknowledged */
	uint8_t link[CRYPT_HASH]; /* its hash, where it is known */
	bool linked, failing;
	/* what it takes to say so: "shipped" and, for others, --receipt */
	struct buf receipt;
	bool state_due, receipt_due; /* not written yet */
	bool mute;                   /* that was said */
};

static void on_signal(int signo)
{
	(void)signo;
	stop = 1;
}

/* ---- what was delivered ---- */

/* The state of another store or place counts for nothing. */
static void load_state(struct ship *s)
{
	char store[2 * STORE_ID + 1];
	const char *to, *of, *link;
	struct buf b;
	int64_t seq;
	jv v;
	int rc;

	s->done = 0;
	s->linked = false;
	buf_init(&b, 256 << 10);
	rc = tip_slurp(s->reader.dir_fd, "shipped", 65536, &b, NULL);
	if (rc == 0)
		rc = json_parse(buf_str(&b), b.len, &v, NULL);
	buf_release(&b);
	if (rc != 0)
		return;
	crypt_hex(s->tip.store, STORE_ID, store);
	to = json_str(json_get(v, "to"));
	of = json_str(json_get(v, "store"));
	link = json_str(json_get(v, "link"));
	if (to && of && strcmp(to, o.to) == 0 && strcmp(of, store) == 0 &&
	    json_int(json_get(v, "seq"), 0, INT64_MAX / 2, &seq)) {
		s->done = (uint64_t)seq;
		s->linked = link && crypt_unhex(link, strlen(link), s->link, CRYPT_HASH);
	}
	json_free(v);
}

static void make_receipt(struct ship *s, const struct segment_head *h)
{
	char hex[2 * CRYPT_HASH + 1], at[UTC_LEN + 1];
	struct jw w;

	buf_reset(&s->receipt);
	jw_init(&w, &s->receipt);
	jw_obj(&w);
	jw_kstr(&w, "format", "evse-log-receipt 1");
	crypt_hex(h->store, STORE_ID, hex);
	jw_kstr(&w, "store", hex);
	jw_kint(&w, "seq", (int64_t)h->seq);
	crypt_hex(h->link, CRYPT_HASH, hex);
	jw_kstr(&w, "link", hex);
	jw_kstr(&w, "to", o.to);
	utc_format(clock_read().real_us, at);
	jw_kstr(&w, "at", at);
	jw_end(&w);
	buf_addc(&s->receipt, '\n');
	s->state_due = true;
	s->receipt_due = o.receipt != NULL;
}

static int write_file(const char *path, const struct buf *b, struct err *err)
{
	char temp[PATH_MAX];
	bool ok;
	FILE *f;

	snprintf(temp, sizeof temp, "%s.new", path);
	f = fopen(temp, "we");
	ok =
	    f && fwrite(b->data, 1, b->len, f) == b->len && fflush(f) == 0 && fsync(fileno(f)) == 0;
	if (!ok)
		err_sys(err, "unable to write %s", temp);
	if (f)
		fclose(f);
	if (ok && rename(temp, path) < 0)
		ok = err_sys(err, "unable to write %s", path) == 0;
	return ok ? 0 : -1;
}

static void say_receipt(struct ship *s, const char *why)
{
	struct jw *w =
	    out_begin(&s->out, clock_read(), "alert", (struct out_head){.item = "alert.receipt"});

	jw_kstr(w, "code", "receipt");
	jw_kint(w, "severity", 4);
	jw_kstr(w, "component", "LocalLog");
	jw_kbool(w, "raised", why != NULL);
	jw_kbool(w, "latched", false);
	jw_kstr(w, "text", why ? why : "the receipt is written again");
	out_send(&s->out);
}

/* What was delivered is not delivered again because nobody can be told: the receipt follows as soon
 * as it can be written. */
static void write_receipt(struct ship *s)
{
	struct err err;

	if (!s->state_due && !s->receipt_due)
		return;
	if (s->state_due &&
	    tip_replace(s->reader.dir_fd, "shipped", s->receipt.data, s->receipt.len, &err) == 0)
		s->state_due = false;
	if (!s->state_due && s->receipt_due && write_file(o.receipt, &s->receipt, &err) == 0)
		s->receipt_due = false;
	if (s->state_due || s->receipt_due) {
		if (!s->mute)
			log_error("segment %" PRIu64 " is delivered, but its receipt is not "
				  "written: %s",
				  s->done, err.msg);
		if (!s->mute)
			say_receipt(s, err.msg);
		s->mute = true;
		return;
	}
	if (s->mute)
		say_receipt(s, NULL);
	s->mute = false;
}

/* ---- delivering ---- */

static int put(struct ship *s, const char *name, const void *data, size_t len, struct err *err)
{
	char store[2 * STORE_ID + 1], place[PATH_MAX];
	int fd, rc;

	crypt_hex(s->tip.store, STORE_ID, store);
	if (s->http) {
		snprintf(place, sizeof place, "%s/%s", store, name);
		return ship_http_put(s->http, place, data, len, (uint64_t)o.rate_kib * 1024, err);
	}
	snprintf(place, sizeof place, "%s/%s", s->to_dir, store);
	if (state_dir(place, err) < 0)
		return -1;
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "unable to open %s", place);
	rc = tip_replace(fd, name, data, len, err);
	close(fd);
	return rc < 0 ? err_prefix(err, "%s", place) : 0;
}

/* Changes of keys go before the segments that need them. */
static int put_rotations(struct ship *s, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, 256 << 10);
	if (tip_slurp(s->reader.dir_fd, "rotations", 128 << 10, &b, NULL) == 0)
		rc = put(s, "rotations", b.data, b.len, err);
	buf_release(&b);
	return rc;
}

static void say(struct ship *s, const char *event, uint64_t seq, uint64_t bytes, const char *why)
{
	struct jw *w = out_begin(&s->out, clock_read(), "log", (struct out_head){0});

	jw_kstr(w, "event", event);
	jw_kint(w, "segment", (int64_t)seq);
	if (bytes)
		jw_kint(w, "bytes", (int64_t)bytes);
	jw_kint(w, "waiting", (int64_t)(s->tip.seq > s->done ? s->tip.seq - s->done : 0));
	jw_kstr(w, "place", o.to);
	if (why)
		jw_kstr(w, "reason", why);
	out_send(&s->out);
}

/* What is due, as the store stands now. @return as deliver_next(), or 2: something waits. */
static int look(struct ship *s, struct err *err)
{
	uint8_t store[STORE_ID];

	memcpy(store, s->tip.store, STORE_ID);
	if (tip_read(s->reader.dir_fd, &s->tip, err) != 0)
		return -1;
	if (memcmp(store, s->tip.store, STORE_ID) != 0) { /* the old one was set aside */
		log_warning("%s: another store than before; it is delivered from its beginning",
			    o.dir);
		load_state(s);
	}
	if (s->done > s->tip.seq)
		return err_set(err,
			       "the store ends with segment %" PRIu64 ", but segment %" PRIu64
			       " was delivered: it was rolled back",
			       s->tip.seq, s->done);
	if (s->done + 1 < s->tip.oldest) {
		log_warning("segments %" PRIu64 " to %" PRIu64
			    " were removed before they were delivered",
			    s->done + 1, s->tip.oldest - 1);
		s->done = s->tip.oldest - 1;
		s->linked = false;
	}
	return s->done < s->tip.seq ? 2 : 0;
}

static int deliver(struct ship *s, const char *name, struct buf *data, struct err *err)
{
	struct segment_head h;
	int rc = reader_segment(&s->reader, s->done + 1, data, &h, err);

	if (rc == 1)
		return err_set(err, "%s/%s is missing", o.dir, name);
	if (rc == 0 && s->linked && memcmp(h.prev, s->link, CRYPT_HASH) != 0)
		return err_set(err,
			       "it does not follow from segment %" PRIu64
			       " as delivered: the store was rolled back",
			       s->done);
	if (rc < 0 || put_rotations(s, err) < 0 || put(s, name, data->data, data->len, err) < 0)
		return -1;
	s->done++;
	memcpy(s->link, h.link, CRYPT_HASH);
	s->linked = true;
	make_receipt(s, &h);
	return 0;
}

/* @return 1 when a segment was delivered, 0 when none waits, -1 with @err. */
static int deliver_next(struct ship *s, struct err *err)
{
	struct buf data;
	char name[32];
	int rc = look(s, err);

	if (rc != 2)
		return rc;
	buf_init(&data, SEALER_FILE_MAX + 65536);
	store_name(name, s->done + 1, ".seg");
	rc = deliver(s, name, &data, err);
	if (rc == 0) {
		s->failing = false;
		write_receipt(s);
		say(s, "shipped", s->done, data.len, NULL);
		rc = 1;
	}
	buf_release(&data);
	return rc;
}

static void wait_ms(int64_t ms)
{
	for (; ms > 0 && !stop; ms -= 50)
		poll(NULL, 0, ms < 50 ? (int)ms : 50);
}

static int run(struct ship *s)
{
	struct ws_backoff backoff = {1000, 1000, 9};
	uint32_t tries = 0;

	while (!stop) {
		struct err err = {0};
		int rc = deliver_next(s, &err);

		write_receipt(s);
		if (stop)
			break;
		if (rc < 0) {
			uint32_t random = 0, wait;
			double most = o.wait_max_s * 1000;

			(void)crypt_random(&random, sizeof random);
			wait = ws_backoff_ms(&backoff, tries++, random);
			log_warning("segment %" PRIu64 " is not delivered: %s", s->done + 1,
				    err.msg);
			if (!s->failing)
				say(s, "waiting", s->done + 1, 0, err.msg);
			s->failing = true;
			if (o.once)
				return EXIT_TEMPORARY;
			wait_ms(wait < most ? (int64_t)wait : (int64_t)most);
			continue;
		}
		tries = 0;
		if (rc == 0 && o.once)
			break;
		if (rc == 0)
			wait_ms(o.poll_ms);
	}
	return s->state_due || s->receipt_due ? EXIT_IO : EXIT_DONE;
}

static void set_up(struct ship *s)
{
	struct err err;
	int rc;

	if (strncmp(o.to, "dir:", 4) == 0 && o.to[4]) {
		s->to_dir = o.to + 4;
	} else {
		struct ship_http_conf conf = {.url = o.to,
					      .ca_file = o.ca,
					      .cert_file = o.cert,
					      .key_file = o.key,
					      .timeout_s = (int)o.timeout_s,
					      .stop = &stop};
		struct buf key;

		if (!o.cert || !o.key)
			log_fatal(
			    EXIT_USAGE,
			    "ship: https:// needs --cert and --key, or name a place as dir:PATH");
		buf_init(&key, 128 << 10);
		if (keys_read_file(o.key, true, &key, &err) < 0)
			log_fatal(errno == EACCES ? EXIT_PERMISSION : EXIT_NO_INPUT, "%s", err.msg);
		crypt_forget(key.data, key.len);
		buf_release(&key);
		s->http = ship_http_new(&conf, &err);
		if (!s->http)
			log_fatal(EXIT_CONFIG, "%s", err.msg);
	}
	if (reader_open(&s->reader, o.dir, NULL, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	rc = tip_read(s->reader.dir_fd, &s->tip, &err);
	if (rc)
		log_fatal(rc == 1            ? EXIT_NO_INPUT
			  : errno == ENOTSUP ? EXIT_CONFIG
			  : errno == EACCES  ? EXIT_PERMISSION
					     : EXIT_BAD_DATA,
			  "%s: %s", o.dir, rc < 0 ? err.msg : "no store there");
	out_init(&s->out, STDOUT_FILENO, NULL, o.src, clock_read());
	buf_init(&s->receipt, 8192);
	load_state(s);
}

int main(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Delivers sealed segments, in order, each acknowledged before the next. "
		     "'evse-log ship' runs this.",
	    .own = options,
	    .common = common,
	    .examples = "  evse-log ship -d store --to https://store.example/evse --ca ca.pem \\\n"
			"    --cert me.pem --key me.key\n"
			"  evse-log ship -d store --to dir:/media/usb --once\n",
	};
	struct ship s = {0};
	int code;

	cli_init(false);
	log_init("evse-log");
	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	if (o.quiet)
		log_set_level(LOG_LEVEL_ERROR);
	if (c.nargs || !o.dir || !o.to)
		log_fatal(EXIT_USAGE, "ship: expected -d DIR and --to PLACE; try --help");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	set_up(&s);
	confine_tell(CONFINE_FILES | (s.http ? CONFINE_NET : 0));
	code = run(&s);
	out_release(&s.out);
	buf_release(&s.receipt);
	ship_http_free(s.http);
	reader_close(&s.reader);
	return cli_close(code);
}
