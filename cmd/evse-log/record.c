/* evse-log record: takes every record of standard input into a store, and says when events are
 * durable.
 *
 * Reads all records; writes `ack` after the fsync of events, `log` when a segment was sealed,
 * alerts of the disk. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/tool.h"
#include "core/types.h"
#include "core/utc.h"
#include "parts.h"
#include "store/number.h"
#include "store/plain.h"
#include "store/store.h"

enum {
	EVENT_WAIT_US = 4000, /* events of a flood are committed this long after the first */
	RETAIN_US = 60000000,
	PACK_RETRY_US = 5000000,
	ENDED_WAIT_US = 1500000, /* after a session's end, before its segment is sealed */
	ACKS_MAX = 64,
	END_ROUNDS = 40,
};

static struct {
	const char *dir, *keys;
	double age_days, events_age_days, size_mib, seal_s;
	int64_t sync_ms, seal_records;
} o = {.age_days = 8, .size_mib = 64, .seal_s = 900, .sync_ms = 800};

static const struct cli_opt options[] = {
    {'d', "dir", "DIR", "@dir", "the store's directory; made where there is none", CLI_STR, &o.dir,
     0, 0, false, false},
    {0, "keys", "DIR", "@dir", "directory of the keys (default DIR/keys); made likewise", CLI_STR,
     &o.keys, 0, 0, false, false},
    {0, "age", "DAYS", NULL, "keep data this long (default 8)", CLI_NUM, &o.age_days, 0.0001, 36500,
     false, CLI_SET | CLI_RAISE},
    {0, "events-age", "DAYS", NULL, "keep events this long (default: as data)", CLI_NUM,
     &o.events_age_days, 0, 36500, false, false},
    {0, "size", "MIB", NULL, "keep at most this much in sealed segments (default 64)", CLI_NUM,
     &o.size_mib, 0.25, 1e9, false, CLI_SET | CLI_RAISE},
    {0, "seal", "S", NULL, "seal a segment every S seconds (default 900)", CLI_NUM, &o.seal_s, 0.01,
     86400, false, CLI_SET},
    {0, "seal-records", "N", NULL, "seal a segment after N records at the latest", CLI_INT,
     &o.seal_records, 1, 1e9, false, false},
    {0, "sync", "MS", NULL, "data are durable after this time (default 800)", CLI_INT, &o.sync_ms,
     0, 60000, false, CLI_SET | CLI_LOWER},
    {0},
};

struct ack {
	char src[64], n[40];
};

static struct {
	struct tool *t;
	struct store store;
	struct ack acks[ACKS_MAX];
	size_t ack_count;
	struct loop_timer sync, event, seal, retain, pack;
	bool open, full, failing;
	int cramped; /* segments still to be sealed without need of room until that counts as over
		      */
	uint64_t records, reported_dropped;
} g;

static int64_t now_ms(void)
{
	return tool_now(g.t).real_us / 1000;
}

/* ---- saying ---- */

static void note_ack(struct slice src, struct slice n)
{
	struct ack *a = NULL;

	if (!n.len || n.len >= sizeof a->n || src.len >= sizeof a->src)
		return;
	for (size_t i = 0; i < g.ack_count && !a; i++)
		if (slice_is(src, g.acks[i].src))
			a = &g.acks[i];
	if (!a && g.ack_count < ACKS_MAX)
		a = &g.acks[g.ack_count++];
	if (!a)
		return;
	memcpy(a->src, src.at, src.len);
	a->src[src.len] = '\0';
	memcpy(a->n, n.at, n.len);
	a->n[n.len] = '\0';
}

static void send_acks(void)
{
	struct jw *w;

	if (!g.ack_count)
		return;
	w = tool_record(g.t, "ack", (struct out_head){0});
	jw_kobj(w, "upto");
	for (size_t i = 0; i < g.ack_count; i++)
		jw_kstr(w, g.acks[i].src, g.acks[i].n);
	jw_end(w);
	tool_send(g.t);
	g.ack_count = 0;
}

static void log_state(const char *what)
{
	struct jw *w = tool_record(g.t, "log", (struct out_head){0});
	int64_t oldest = store_oldest(&g.store);
	char text[UTC_LEN + 1];

	jw_kstr(w, "event", what);
	jw_kint(w, "records", (int64_t)(g.store.tip.records + g.store.rows.records));
	jw_kint(w, "bytes", (int64_t)(g.store.bytes + g.store.rows.bytes));
	if (oldest >= 0) {
		utc_format(oldest * 1000, text);
		jw_kstr(w, "oldest", text);
	}
	jw_kint(w, "segment", (int64_t)g.store.tip.seq);
	jw_kint(w, "first_events", (int64_t)g.store.tip.oldest);
	jw_kint(w, "first_data", (int64_t)g.store.tip.oldest_data);
	if (g.store.cut_bytes)
		jw_kint(w, "cut_bytes", (int64_t)g.store.cut_bytes);
	jw_kint(w, "written_bytes", (int64_t)g.store.written);
	jw_kint(w, "syncs", (int64_t)g.store.syncs);
	tool_send(g.t);
}

static void say_pruned(void)
{
	char text[160];

	if (!g.store.pruned_data && !g.store.pruned_events)
		return;
	snprintf(text, sizeof text,
		 "removed the oldest: data of %" PRIu64 " segments, events of %" PRIu64,
		 g.store.pruned_data, g.store.pruned_events);
	if (g.store.for_room) {
		log_warning("%s: %s, to make room", o.dir, text);
		tool_alert(g.t, "disk_full", 0, 4, true, false, "LocalLog", text);
		g.cramped = true;
	} else {
		log_info("%s: %s", o.dir, text);
	}
	g.store.pruned_data = g.store.pruned_events = 0;
	g.store.for_room = false;
	log_state("pruned");
}

static void say_room(void)
{
	static const char text[] = "the disk has room again";

	if (!g.cramped || store_tight(&g.store))
		return;
	g.cramped = false;
	log_notice("%s: %s", o.dir, text);
	tool_alert(g.t, "disk_full", 0, 4, false, false, "LocalLog", text);
}

static void say_persons(void)
{
	static const char text[] = "persons: damaged, or no device key for it; set aside as "
				   "persons.damaged: values sealed before are shown as tags";

	log_error("%s: %s", o.dir, text);
	tool_alert(g.t, "persons", 0, 4, true, true, "LocalLog", text);
	g.store.persons.set_aside = false;
}

static void say_disk(int why)
{
	char text[160];

	if (why && !g.full) {
		snprintf(text, sizeof text,
			 "the disk takes nothing more: %s; up to %d bytes wait in memory",
			 strerror(why), STORE_PENDING_MAX);
		log_error("%s: %s", o.dir, text);
		tool_alert(g.t, "disk", 0, 2, true, false, "LocalLog", text);
	}
	if (!why && g.full) {
		snprintf(text, sizeof text,
			 "the disk takes records again; %" PRIu64 " were dropped", g.store.dropped);
		log_notice("%s: %s", o.dir, text);
		tool_alert(g.t, "disk", 0, 2, false, false, "LocalLog", text);
	}
	g.full = why != 0;
}

/* ---- doing ---- */

static void pack(void);

static void commit(bool sync)
{
	if (store_commit(&g.store, sync, now_ms()) < 0) {
		struct err err;

		say_disk(errno);
		loop_timer_after(g.t->loop, &g.sync, 1000000);
		if (!store_packing(&g.store) && store_rotate(&g.store, now_ms(), &err) == 0)
			pack(); /* makes room */
		return;
	}
	say_disk(0);
	say_pruned();
	if (sync) {
		loop_timer_cancel(g.t->loop, &g.sync);
		loop_timer_cancel(g.t->loop, &g.event);
		send_acks();
	}
}

static void pack(void)
{
	struct err err;
	int rc = store_pack(&g.store, now_ms(), &err);

	if (rc == 1) {
		log_state("sealed");
		say_room();
	}
	if (rc == 1 && g.store.full) { /* now the oldest can go */
		commit(true);
		rc = store_pack(&g.store, now_ms(), &err);
	}
	if (rc < 0) {
		log_error("%s: %s", o.dir, err.msg);
		loop_timer_after(g.t->loop, &g.pack, PACK_RETRY_US);
	}
	say_pruned();
}

static void rotate(void)
{
	struct err err;

	loop_timer_after(g.t->loop, &g.seal, (int64_t)(o.seal_s * 1e6));
	if (!g.store.rows.records)
		return;
	commit(true);
	if (g.full)
		return;
	if (store_rotate(&g.store, now_ms(), &err) < 0) {
		log_error("%s: %s", o.dir, err.msg);
		return;
	}
	if (g.store.keys_err.msg[0])
		log_warning("%s; the keys stay as they are", g.store.keys_err.msg);
	pack();
}

static void on_sync(void *ctx)
{
	(void)ctx;
	commit(true);
}

static void on_seal(void *ctx)
{
	(void)ctx;
	rotate();
}

static void on_pack(void *ctx)
{
	(void)ctx;
	pack();
}

static void on_child(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	pack();
}

static void on_retain(void *ctx)
{
	struct err err;

	(void)ctx;
	memory_give_back();
	loop_timer_after(g.t->loop, &g.retain, RETAIN_US);
	if (store_retain(&g.store, now_ms(), &err) < 0)
		log_warning("%s: %s", o.dir, err.msg);
	say_pruned();
}

/* ---- input ---- */

static void take(struct tool *t, const char *line, size_t len, const struct head *h)
{
	const struct record_type *type = record_type(h->type.at, h->type.len);
	bool event = type && type->event;

	if (slice_is(h->src, t->src))
		return;
	if (store_taken(&g.store, h)) {
		if (event)
			note_ack(h->src, h->n);
		if (event && !g.event.armed)
			loop_timer_after(t->loop, &g.event, EVENT_WAIT_US);
		return;
	}
	if (store_append(&g.store, event ? ROWS_EVENT : ROWS_DATA, line, len) < 0) {
		log_warning("%s: a record of %.*s was dropped: %s", o.dir, (int)h->src.len,
			    h->src.at, errno == EILSEQ ? "it is not UTF-8" : "the disk is full");
		return;
	}
	if (g.store.unsealed_values) {
		log_warning("%s: %s; a personal value was stored without a key of its own", o.dir,
			    g.store.persons_err.msg);
		g.store.unsealed_values = 0;
	}
	if (g.store.persons.set_aside)
		say_persons();
	g.records++;
	if (event) {
		note_ack(h->src, h->n);
		if (!g.event.armed)
			loop_timer_after(t->loop, &g.event, EVENT_WAIT_US);
	} else if (!g.sync.armed) {
		loop_timer_after(t->loop, &g.sync, o.sync_ms * 1000);
	}
	if (slice_is(h->type, "session") && memmem(line, len, "\"state\":\"ended\"", 15))
		loop_timer_after(t->loop, &g.seal, ENDED_WAIT_US);
	if (g.store.rows.lines.len > 128 << 10)
		commit(false);
	if (store_rows_full(&g.store) ||
	    (o.seal_records && g.store.rows.records >= (uint64_t)o.seal_records))
		rotate();
}

/* The fast path: a line that is surely a record is taken as it stands. The rest goes to the frame,
 * which parses it whole. */
static bool on_other(struct tool *t, const char *line, size_t len)
{
	struct head h;
	int64_t time;

	if (head_scan(line, len, &h, NULL) < 0 || !line_is_plain(line, len, h.body) ||
	    (!number_time(h.t.at, h.t.len, &time) && utc_parse(h.t.at, h.t.len, &time) < 0))
		return false;
	take(t, line, len, &h);
	if (slice_is(h.type, "command"))
		tool_command_line(t, line, len);
	return true;
}

static void on_record(struct tool *t, const struct record *r)
{
	take(t, r->line, r->len, &r->head);
}

static void on_drained(struct tool *t)
{
	(void)t;
	if (g.event.armed)
		commit(true);
}

static void on_end(struct tool *t, enum tool_end why)
{
	(void)why;
	commit(true);
	for (int i = 0; i < END_ROUNDS && g.full;
	     i++) { /* each packs a file and frees what was oldest */
		store_wait(&g.store, now_ms());
		commit(true);
		if (g.full)
			pack();
	}
	rotate();
	tool_exit(t, g.full ? EXIT_IO : EXIT_DONE);
}

/* ---- start and stop ---- */

static struct store_limits limits_of_options(void)
{
	return (struct store_limits){.max_age_ms = (int64_t)(o.age_days * 86400000),
				     .events_age_ms = (int64_t)(o.events_age_days * 86400000),
				     .max_bytes = (uint64_t)(o.size_mib * 1048576)};
}

static void on_set(struct tool *t)
{
	(void)t;
	g.store.limits = limits_of_options();
}

/* So that who reads the store finds keys that are elsewhere. */
static void link_keys(void)
{
	char path[PATH_MAX], to[PATH_MAX], was[PATH_MAX];
	ssize_t n;

	if (!o.keys || !realpath(o.keys, to))
		return;
	snprintf(path, sizeof path, "%s/keys", o.dir);
	n = readlink(path, was, sizeof was);
	if (n == (ssize_t)strlen(to) && memcmp(was, to, strlen(to)) == 0)
		return;
	if (n > 0)
		(void)unlink(path);
	if (symlink(to, path) < 0 && errno != EEXIST)
		log_info("%s: no link to the keys: %s", path, strerror(errno));
}

static int start(struct tool *t)
{
	struct store_limits limits = limits_of_options();
	char path[PATH_MAX];
	struct err err;

	g.t = t;
	if (!o.dir) {
		log_error("expected -d DIR, the store's directory; try --help");
		return EXIT_USAGE;
	}
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof path, "%s/keys", o.dir);
	if (store_open(&g.store, o.dir, o.keys ? o.keys : path, &limits, 5000, now_ms(), &err) <
	    0) {
		int why = errno;

		log_error("%s", err.msg);
		return (int)(why == EBUSY    ? EXIT_TEMPORARY
			     : why == ENOENT ? EXIT_CONFIG
					     : common_exit(why, EXIT_CONFIG));
	}
	g.open = true;
	link_keys();
	if (g.store.keys.token)
		t->needs |= CONFINE_MODULES | CONFINE_LOCAL;
	g.sync = (struct loop_timer){.name = "sync", .fn = on_sync};
	g.event = (struct loop_timer){.name = "event", .fn = on_sync};
	g.seal = (struct loop_timer){.name = "seal", .fn = on_seal};
	g.retain = (struct loop_timer){.name = "retain", .fn = on_retain};
	g.pack = (struct loop_timer){.name = "pack", .fn = on_pack};
	if (loop_signal(t->loop, SIGCHLD, on_child, NULL) < 0)
		return EXIT_OS;
	loop_timer_after(t->loop, &g.seal, (int64_t)(o.seal_s * 1e6));
	loop_timer_after(t->loop, &g.retain, 1000000);
	if (g.store.cut_bytes)
		log_notice("%s: %" PRIu64 " bytes of an unfinished write were cut off", o.dir,
			   g.store.cut_bytes);
	if (g.store.aside[0]) {
		log_error("%s: %s; it was set aside as %s, and a new store begun", o.dir,
			  g.store.aside_why.msg, g.store.aside);
		tool_alert(t, "damaged", 0, 2, true, true, "LocalLog", g.store.aside_why.msg);
	}
	log_state("open");
	pack();
	return 0;
}

static void stop(struct tool *t)
{
	(void)t;
	if (g.open)
		store_close(&g.store);
}

int log_record(int argc, char **argv)
{
	static const struct tool_def def = {
	    .name = "evse-log",
	    .src = "log",
	    .about = "Takes every record of standard input into a store. Writes an ack after "
		     "events are durable.",
	    .examples = "  evse-meter ... | evse-log record -d store\n",
	    .kind = TOOL_BRIDGE,
	    .options = options,
	    .needs = CONFINE_FILES | CONFINE_FORK,
	    .start = start,
	    .on_other = on_other,
	    .on_record = on_record,
	    .on_drained = on_drained,
	    .on_end = on_end,
	    .stop = stop,
	    .state_dir = &o.dir,
	    .on_set = on_set,
	};

	return tool_main(&def, argc, argv);
}
