/* evse-status: one screen, or one JSON object, of how the charger is now. Reads the retained state
 * of the bus (or records on standard input with -), writes text. Exit 0: healthy; 1: not, and says
 * what; 69: no bus. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/client.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/jw.h"
#include "core/log.h"
#include "core/utc.h"
#include "view/view.h"

enum { WAIT_MS = 3000 };

static struct {
	bool json;
	const char *dir;
} o;

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir",
     "directory of the bus's sockets (default $EVSE_RUN, else /run/evse)", CLI_STR, &o.dir, 0, 0,
     false, false},
    {'j', "json", NULL, NULL, "one JSON object instead of text", CLI_FLAG, &o.json, 0, 0, false,
     false},
    {0},
};

struct status {
	struct view view;
	struct lines lines;
	bool live;
};

static void on_line(void *ctx, const char *line, size_t len)
{
	struct status *s = ctx;
	struct record r;
	struct err err = {.msg = "over-long, or cut short"};

	if (!line || record_parse(line, len, &r, &err) < 0) {
		log_warning("line %" PRIu64 ": not a record: %s; skipped", s->lines.number,
			    err.msg);
		return;
	}
	if (record_is(&r, "bus") && json_str(record_get(&r, "state")) &&
	    strcmp(json_str(record_get(&r, "state")), "live") == 0)
		s->live = true;
	/* A retained record's own time is when it was heard, as far as its age goes. */
	view_take(&s->view, &r, r.t_us);
	record_release(&r);
}

static int read_state(struct status *s, int fd, bool to_end)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	long n = 1;

	lines_init(&s->lines);
	while (n > 0 && (to_end || !s->live) && poll(&pfd, 1, to_end ? -1 : WAIT_MS) > 0)
		n = lines_read(&s->lines, fd, on_line, s);
	if (n < 0)
		log_fatal(EXIT_IO, "unable to read records: %s", strerror(errno));
	lines_release(&s->lines);
	return to_end || s->live ? 0 : -1;
}

/* ---- text ---- */

static void print_evse(const struct view *v, int evse)
{
	jv pilot = view_evse(v, "pilot", evse), session = view_evse(v, "session", evse),
	   meter = view_evse(v, "meter", evse), amps = json_get(meter, "current_a");
	char why[96], a[32] = "-", limit[24] = "-";
	double d;

	view_why(v, evse, why, sizeof why);
	if (json_num(json_get(pilot, "limit_a"), 0, 1000, &d))
		snprintf(limit, sizeof limit, "%.1f", d);
	if (json_len(amps) == 3)
		snprintf(a, sizeof a, "%.1f %.1f %.1f", view_number(json_at(amps, 0), 0),
			 view_number(json_at(amps, 1), 0), view_number(json_at(amps, 2), 0));
	printf("%4d  %-5s %-14s %-9s %8s  %-17s %9.0f\n      %s\n", evse,
	       view_word(json_get(pilot, "state"), "?"), view_word(json_get(session, "state"), "-"),
	       json_bool(json_get(json_get(pilot, "contactor"), "feedback"), false) ? "closed"
										    : "open",
	       limit, a, view_number(json_get(meter, "power_total_w"), 0), why);
}

static void print_uplink(void *ctx, const struct view_state *s)
{
	(void)ctx;
	printf("Back office  %s %s%s%s\n",
	       json_bool(json_get(s->body, "connected"), false) ? "connected" : "NOT CONNECTED",
	       view_word(json_get(s->body, "url"), s->src),
	       json_str(json_get(s->body, "tls")) ? ", " : ", in clear",
	       view_word(json_get(s->body, "tls"), ""));
}

static void print_delivery(const struct view_state *s)
{
	const char *event = view_word(json_get(s->body, "event"), "?");

	if (strcmp(event, "shipped") == 0)
		printf("Delivery     up to segment %.0f at %s\n",
		       view_number(json_get(s->body, "segment"), 0),
		       view_word(json_get(s->body, "place"), "?"));
	else
		printf("Delivery     %s: %s\n", event, view_word(json_get(s->body, "reason"), "-"));
}

static void print_log(void *ctx, const struct view_state *s)
{
	(void)ctx;
	if (strcmp(s->src, "log.ship") == 0) {
		print_delivery(s);
		return;
	}
	printf("Log          %.0f records, %.1f MB, oldest %s\n",
	       view_number(json_get(s->body, "records"), 0),
	       view_number(json_get(s->body, "bytes"), 0) / 1e6,
	       view_word(json_get(s->body, "oldest"), "-"));
}

static void print_clock(void *ctx, const struct view_state *s)
{
	char bound[40] = "its error is not known";
	double ms;

	(void)ctx;
	if (json_num(json_get(s->body, "bound_ms"), 0, 1e15, &ms))
		snprintf(bound, sizeof bound, "off by %.1f ms at most", ms);
	printf("Clock        %s (%s), %s\n",
	       json_bool(json_get(s->body, "synced"), false) ? "synchronised" : "not synchronised",
	       view_word(json_get(s->body, "source"), "?"), bound);
}

/* Those that make nothing unhealthy; the others stand below it. */
static void print_alert(void *ctx, const struct view_state *s)
{
	(void)ctx;
	if (json_bool(json_get(s->body, "raised"), false) &&
	    view_number(json_get(s->body, "severity"), 9) > VIEW_SERIOUS)
		printf("Note         %s: %s\n", s->src,
		       view_word(json_get(s->body, "text"),
				 view_word(json_get(s->body, "code"), "?")));
}

static void print_reasons(const struct view_health *h)
{
	const char *what = buf_str(&h->reasons), *step = buf_str(&h->steps);

	puts("\nLook at:");
	for (; *what; what += strcspn(what, "\n") + 1, step += strcspn(step, "\n") + 1) {
		printf("%.*s\n", (int)strcspn(what, "\n"), what);
		if (*step != '\n')
			printf("    -> %.*s\n", (int)strcspn(step, "\n"), step);
	}
}

static void print_text(const struct view *v, const struct view_health *h)
{
	int evse[VIEW_EVSES], n = view_evses(v, evse);
	jv grid = view_get(v, "meter", "meter.grid");

	printf("%s\n\n", h->healthy ? "healthy" : "NOT HEALTHY");
	printf("EVSE  CP    session        contactor  limit A  A on L1 L2 L3       power W\n");
	for (int i = 0; i < n; i++)
		print_evse(v, evse[i]);
	putchar('\n');
	if (!json_absent(grid))
		printf("Grid         %.0f W, %.2f Hz\n",
		       view_number(json_get(grid, "power_total_w"), 0),
		       view_number(json_get(grid, "freq_hz"), 0));
	view_each(v, "uplink", print_uplink, NULL);
	view_each(v, "clock", print_clock, NULL);
	view_each(v, "log", print_log, NULL);
	view_each(v, "alert", print_alert, NULL);
	if (!h->healthy)
		print_reasons(h);
}

/* ---- JSON ---- */

static void add_states(struct jw *w, const struct view *v)
{
	struct buf text;

	buf_init(&text, NDJSON_LINE_MAX);
	jw_karr(w, "state");
	for (size_t i = 0; i < v->count; i++) {
		buf_reset(&text);
		if (json_print(v->state[i].body, &text) == 0)
			jw_raw(w, buf_str(&text), text.len);
	}
	jw_end(w);
	buf_release(&text);
}

static void add_lines(struct jw *w, const char *name, const struct buf *text)
{
	jw_karr(w, name);
	for (const char *p = buf_str(text); *p; p += strcspn(p, "\n") + 1)
		jw_strn(w, p, strcspn(p, "\n"));
	jw_end(w);
}

static void print_json(const struct view *v, const struct view_health *h)
{
	char t[UTC_LEN + 1];
	struct buf b;
	struct jw w;

	buf_init(&b, 8 << 20);
	jw_init(&w, &b);
	utc_format(v->now_us, t);
	jw_obj(&w);
	jw_kstr(&w, "t", t);
	jw_kbool(&w, "healthy", h->healthy);
	add_lines(&w, "reasons", &h->reasons);
	add_lines(&w, "steps", &h->steps);
	add_states(&w, v);
	jw_end(&w);
	puts(buf_str(&b));
	buf_release(&b);
}

/* For records of the past, now is when the last of them was said. */
static int64_t last_time(const struct view *v)
{
	int64_t last = 0;

	for (size_t i = 0; i < v->count; i++)
		if (v->state[i].t_us > last)
			last = v->state[i].t_us;
	return last;
}

int main(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-status",
	    .synopsis = "[-]",
	    .about = "Prints how the charger is now. Exit status 0: healthy, 1: not.",
	    .own = options,
	    .common = cli_answers,
	    .examples = "  evse-status                     one screen\n"
			"  evse-status --json | jq .healthy\n"
			"  evse-log show -d DIR | evse-status -   as it was at the end of a log\n",
	};
	struct status s = {0};
	struct view_health h;
	struct err err;
	int code, fd = STDIN_FILENO;
	bool piped;

	cli_init(true);
	log_init("evse-status");
	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	piped = c.nargs == 1 && strcmp(c.args[0], "-") == 0;
	if (c.nargs && !piped)
		log_fatal(EXIT_USAGE, "unexpected argument '%s'; try --help", c.args[0]);
	view_init(&s.view);
	if (!piped && ((fd = bus_connect(bus_dir(o.dir), "tap", &err)) < 0 ||
		       bus_subscribe(fd, "*", &err) < 0))
		log_fatal(EXIT_UNAVAILABLE, "%s", err.msg);
	confine_tell(CONFINE_NOTHING);
	if (read_state(&s, fd, piped) < 0)
		log_fatal(EXIT_UNAVAILABLE, "the bus did not give its state within %d s",
			  WAIT_MS / 1000);
	s.view.now_us = piped ? last_time(&s.view) : clock_read().real_us;
	view_judge(&s.view, piped ? NULL : bus_dir(o.dir), &h);
	if (o.json)
		print_json(&s.view, &h);
	else
		print_text(&s.view, &h);
	code = h.healthy ? EXIT_DONE : EXIT_NO;
	view_health_release(&h);
	view_release(&s.view);
	return cli_close(code);
}
