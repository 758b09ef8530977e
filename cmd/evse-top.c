/* evse-top: the charger live in a terminal. Reads the bus (or records on standard input with -),
 * draws with ncurses.
 *
 * Keys: q end, h or ? help, up and down choose an EVSE, space holds the picture, a shows what is
 * wrong. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/client.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/utc.h"
#include "view/view.h"

enum { REFRESH_MS = 250, HISTORY = 240, LOG_LINES = 64 };
enum { SMALL = 14, WIDE = 100 }; /* lines below which little is shown; columns for the why */
enum { GOOD = 1, WARN, BAD, DIM };

static struct {
	const char *dir;
	int64_t seconds;
} o;

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir",
     "directory of the bus's sockets (default $EVSE_RUN, else /run/evse)", CLI_STR, &o.dir, 0, 0,
     false, false},
    {0, "seconds", "N", NULL, "end after N seconds", CLI_INT, &o.seconds, 1, 1e9, false, true},
    {0},
};

struct top {
	struct view view;
	struct lines lines;
	int fd;
	const char *run; /* where the services stand; NULL: records of the past */
	bool end, hold, help, alerts, gone, utf8;
	int chosen; /* index of the EVSE */
	double power[VIEW_EVSES][HISTORY];
	int filled;
	int64_t sampled_us;
	char event[LOG_LINES][160]; /* newest last */
	int events;
};

/* ---- records ---- */

static void note(struct top *t, const struct record *r, const char *text)
{
	const char *src = record_src(r), *alert = strstr(src, ".alert.");
	int len = alert ? (int)(alert - src) : (int)strlen(src);

	if (t->events == LOG_LINES) {
		memmove(t->event[0], t->event[1], sizeof t->event - sizeof t->event[0]);
		t->events--;
	}
	snprintf(t->event[t->events++], sizeof t->event[0], "%.8s  %-12.*s %s", r->head.t.at + 11,
		 len < 20 ? len : 20, src, text);
}

/* What people want to read as it happens: edges of sessions, alerts, commands and refusals. */
static void note_event(struct top *t, const struct record *r)
{
	char text[120];
	jv b = r->body;

	if (record_is(r, "session") && json_str(json_get(b, "edge")))
		snprintf(text, sizeof text, "%s: %s %s", view_word(json_get(b, "state"), "?"),
			 view_word(json_get(b, "edge"), ""), view_word(json_get(b, "reason"), ""));
	else if (record_is(r, "alert"))
		snprintf(text, sizeof text, "%s %s %s",
			 json_bool(json_get(b, "raised"), false) ? "ALERT" : "cleared",
			 view_word(json_get(b, "code"), "?"), view_word(json_get(b, "text"), ""));
	else if (record_is(r, "command"))
		snprintf(text, sizeof text, "asks %s: %s", record_to(r),
			 view_word(json_get(b, "kind"), "?"));
	else if (record_is(r, "reply"))
		snprintf(text, sizeof text, "answers %s: %s", record_to(r),
			 view_word(json_get(b, "status"), "?"));
	else if (record_is(r, "token"))
		snprintf(text, sizeof text, "a card was shown");
	else if (record_is(r, "security"))
		snprintf(text, sizeof text, "SECURITY %s",
			 view_word(json_get(b, "text"), view_word(json_get(b, "event"), "")));
	else if (record_is(r, "bus") && json_str(json_get(b, "peer")))
		snprintf(text, sizeof text, "%s %s", view_word(json_get(b, "peer"), ""),
			 view_word(json_get(b, "state"), ""));
	else
		return;
	note(t, r, text);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct top *t = ctx;
	struct record r;

	if (!line || record_parse(line, len, &r, NULL) < 0)
		return;
	view_take(&t->view, &r, r.t_us);
	note_event(t, &r);
	record_release(&r);
}

static void sample(struct top *t)
{
	int evse[VIEW_EVSES], n = view_evses(&t->view, evse);

	if (t->view.now_us - t->sampled_us < 1000000)
		return;
	t->sampled_us = t->view.now_us;
	for (int i = 0; i < n; i++) {
		memmove(t->power[i], t->power[i] + 1, sizeof t->power[i] - sizeof t->power[i][0]);
		t->power[i][HISTORY - 1] = view_number(
		    json_get(view_evse(&t->view, "meter", evse[i]), "power_total_w"), 0);
	}
	if (t->filled < HISTORY)
		t->filled++;
}

/* ---- drawing ---- */

static void say(int y, int x, int pair, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void say(int y, int x, int pair, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (y < 0 || y >= LINES || x >= COLS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (pair)
		attron(COLOR_PAIR(pair));
	mvaddnstr(y, x, text, COLS - x);
	if (pair)
		attroff(COLOR_PAIR(pair));
}

static int state_colour(const char *state, int faults)
{
	if (faults || state[0] == 'E' || state[0] == 'F')
		return BAD;
	return state[0] == 'C' || state[0] == 'D' ? GOOD : state[0] == 'B' ? WARN : 0;
}

static int draw_head(const struct top *t, const struct view_health *h)
{
	char time[UTC_LEN + 1];
	jv grid = view_get(&t->view, "meter", "meter.grid");

	utc_format(t->view.now_us, time);
	attron(A_BOLD);
	say(0, 0, 0, "evse-top");
	attroff(A_BOLD);
	say(0, 10, h->healthy ? GOOD : BAD, "%s", h->healthy ? "healthy" : "NOT HEALTHY");
	say(0, 24, 0, "%.19sZ  alerts %d%s%s", time, h->alerts, t->hold ? "  HELD" : "",
	    t->gone ? "  the bus is gone" : "");
	say(0, COLS - 16 > 62 ? COLS - 16 : 62, DIM, "h help   q end");
	if (json_absent(grid) || LINES < SMALL)
		return 1;
	say(1, 0, 0, "grid %.0f W   %.2f Hz   %.1f V",
	    view_number(json_get(grid, "power_total_w"), 0),
	    view_number(json_get(grid, "freq_hz"), 0),
	    view_number(json_at(json_get(grid, "voltage_v"), 0), 0));
	return 2;
}

static void draw_row(const struct top *t, int y, int evse, bool chosen)
{
	const struct view *v = &t->view;
	jv pilot = view_evse(v, "pilot", evse), session = view_evse(v, "session", evse),
	   meter = view_evse(v, "meter", evse), amps = json_get(meter, "current_a");
	const char *state = view_word(json_get(pilot, "state"), "?");
	char why[100], limit[16] = "-";
	double d;

	view_why(v, evse, why, sizeof why);
	if (COLS < WIDE) /* the chosen one's reasons stand below */
		why[0] = '\0';
	if (json_num(json_get(pilot, "limit_a"), 0, 1000, &d))
		snprintf(limit, sizeof limit, "%.1f", d);
	if (chosen)
		attron(A_REVERSE);
	say(y, 0, 0, "%4d ", evse);
	if (chosen)
		attroff(A_REVERSE);
	say(y, 6, state_colour(state, json_len(json_get(pilot, "faults"))), "%-3s", state);
	say(y, 11, 0, "%-14s %-7s %7s %6.1f %6.1f %6.1f %8.0f  %s",
	    view_word(json_get(session, "state"), "-"),
	    json_bool(json_get(json_get(pilot, "contactor"), "feedback"), false) ? "closed"
										 : "open",
	    limit, view_number(json_at(amps, 0), 0), view_number(json_at(amps, 1), 0),
	    view_number(json_at(amps, 2), 0), view_number(json_get(meter, "power_total_w"), 0),
	    why);
}

/* The power of the chosen EVSE over the last minutes, as columns of block characters. */
static int draw_power(const struct top *t, int y, int index)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
	const char *const *eighth = t->utf8 ? blocks : ascii;
	int width = COLS - 12 < HISTORY ? COLS - 12 : HISTORY, rows = LINES > 30 ? 6 : 3;
	const double *p = t->power[index] + HISTORY - (width > 0 ? width : 0);
	double top = 1000;

	if (width < 10 || y + rows + 2 > LINES)
		return y;
	for (int x = 0; x < width; x++)
		if (p[x] > top)
			top = p[x];
	for (int r = 0; r < rows; r++) {
		double floor_w = top * (rows - 1 - r) / rows;

		say(y + r, 0, DIM, "%7.0f W ", top * (rows - r) / rows);
		for (int x = 0; x < width; x++) {
			double part = (p[x] - floor_w) / (top / rows);
			int i = part <= 0 ? 0 : part >= 1 ? 8 : (int)lround(part * 8);

			mvaddstr(y + r, 10 + x, eighth[i]);
		}
	}
	say(y + rows, 10, DIM, "the last %d s", width);
	return y + rows + 1;
}

static int draw_because(const struct top *t, int y, int evse)
{
	jv setpoint = view_evse(&t->view, "setpoint", evse),
	   because = json_get(setpoint, "because");
	jv session = view_evse(&t->view, "session", evse), car = view_evse(&t->view, "car", evse);

	say(y++, 0, DIM, "EVSE %d  session %s  token %s", evse,
	    view_word(json_get(session, "id"), "-"),
	    view_word(json_get(json_get(session, "token"), "kind"), "-"));
	if (!json_absent(car))
		say(y++, 0, DIM, "        car: %.0f Wh, SOC %.1f %%, sees a limit of %.1f A",
		    view_number(json_get(car, "energy_wh"), 0),
		    view_number(json_get(car, "soc_pct"), 0),
		    view_number(json_get(car, "limit_seen_a"), 0));
	for (int i = 0; i < json_len(because) && y < LINES - 4; i++) {
		jv b = json_at(because, i);
		bool wins = strcmp(view_word(json_get(b, "role"), ""), "winner") == 0;

		say(y++, 2, wins ? GOOD : 0, "%s %-18s %-14s %6.1f A", wins ? ">" : " ",
		    view_word(json_get(b, "src"), "?"), view_word(json_get(b, "rule"), "?"),
		    view_number(json_get(b, "value_a"), 0));
	}
	return y;
}

static void draw_uplink(void *ctx, const struct view_state *s)
{
	int *y = ctx;
	bool on = json_bool(json_get(s->body, "connected"), false);

	say((*y)++, 0, on ? GOOD : BAD, "back office %s %s %s", on ? "connected" : "away",
	    view_word(json_get(s->body, "url"), ""), view_word(json_get(s->body, "tls"), ""));
}

static void draw_log(void *ctx, const struct view_state *s)
{
	int *y = ctx;

	if (strcmp(s->src, "log") != 0)
		return;
	say((*y)++, 0, 0, "log %.0f records, %.1f MB", view_number(json_get(s->body, "records"), 0),
	    view_number(json_get(s->body, "bytes"), 0) / 1e6);
}

/* What is wrong, and with @steps what to do about it. */
static int draw_reasons(int y, const struct view_health *h, bool steps)
{
	const char *what = buf_str(&h->reasons), *step = buf_str(&h->steps);

	for (; *what && y < LINES;
	     what += strcspn(what, "\n") + 1, step += strcspn(step, "\n") + 1) {
		say(y++, 0, BAD, "! %.*s", (int)strcspn(what, "\n"), what);
		if (steps && *step != '\n')
			say(y++, 0, 0, "    -> %.*s", (int)strcspn(step, "\n"), step);
	}
	return y;
}

static void draw_help(void)
{
	static const char *const text[] = {
	    "q        end",
	    "h ?      this text",
	    "up down  choose an EVSE",
	    "space    hold the picture",
	    "a        what is wrong, and what to do about it",
	    "",
	    "CP: A no car, B connected, C charging, D with ventilation,",
	    "    E pilot shorted, F not available; 1 without PWM, 2 with",
	    "> marks the source that decides the current; the others would allow more"};

	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		say(2 + (int)i, 2, 0, "%s", text[i]);
}

static int draw_charger(struct top *t, int y, const struct view_health *h)
{
	int evse[VIEW_EVSES], n = view_evses(&t->view, evse);
	bool small = LINES < SMALL;

	if (t->chosen >= n)
		t->chosen = n ? n - 1 : 0;
	y += !small;
	say(y++, 0, DIM,
	    "EVSE  CP   session        contact   limit    A L1     L2     L3        W%s",
	    COLS < WIDE ? "" : "  why");
	for (int i = 0; i < n && y < LINES - (small ? 0 : 8); i++)
		draw_row(t, y++, evse[i], i == t->chosen);
	y = draw_reasons(y, h, false);
	if (small)
		return y;
	if (n) {
		y = draw_because(t, y + 1, evse[t->chosen]);
		y = draw_power(t, y + 1, t->chosen);
	}
	view_each(&t->view, "uplink", draw_uplink, &y);
	view_each(&t->view, "log", draw_log, &y);
	return y;
}

static void draw(struct top *t)
{
	struct view_health h;
	int y;

	view_judge(&t->view, t->run, &h);
	erase();
	y = draw_head(t, &h);
	if (t->help) {
		draw_help();
	} else {
		y = t->alerts ? draw_reasons(y + 1, &h, true) : draw_charger(t, y, &h);
		y++;
		for (int i = t->events > LINES - y ? t->events - (LINES - y) : 0;
		     i >= 0 && i < t->events && y < LINES; i++)
			say(y++, 0, 0, "%s", t->event[i]);
	}
	view_health_release(&h);
	refresh();
}

/* ---- keys and the loop ---- */

static void on_key(struct top *t, int key)
{
	switch (key) {
	case 'q':
	case 27:
		t->end = true;
		break;
	case 'h':
	case '?':
		t->help = !t->help;
		break;
	case 'a':
		t->alerts = !t->alerts;
		break;
	case ' ':
		t->hold = !t->hold;
		break;
	case KEY_UP:
	case 'k':
		t->chosen -= t->chosen > 0;
		break;
	case KEY_DOWN:
	case 'j':
		t->chosen++;
		break;
	default: /* KEY_RESIZE too: the next drawing has the new size */
		break;
	}
}

static int start_screen(bool piped)
{
	FILE *in = stdin;

	setlocale(LC_ALL, "");
	if (piped && !(in = fopen("/dev/tty", "r")))
		return -1;
	if (!newterm(NULL, stdout, in))
		return -1;
	if (!tigetstr("cup")) { /* "dumb" knows no place on the screen */
		endwin();
		return -1;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(GOOD, COLOR_GREEN, -1);
		init_pair(WARN, COLOR_YELLOW, -1);
		init_pair(BAD, COLOR_RED, -1);
		init_pair(DIM, COLOR_CYAN, -1);
	}
	return fileno(in);
}

static void run(struct top *t, int key_fd)
{
	struct pollfd pfd[2] = {{.fd = key_fd, .events = POLLIN}, {.fd = t->fd, .events = POLLIN}};
	int64_t start = clock_read().mono_us;
	int key;

	while (!t->end) {
		if (poll(pfd, 2, REFRESH_MS) < 0 && errno != EINTR)
			break;
		if (pfd[1].fd >= 0 && pfd[1].revents &&
		    lines_read(&t->lines, t->fd, on_line, t) <= 0) {
			pfd[1].fd = -1;
			t->gone = true;
		}
		while ((key = getch()) != ERR)
			on_key(t, key);
		if (!t->hold) {
			t->view.now_us = clock_read().real_us;
			sample(t);
		}
		draw(t);
		if (o.seconds && clock_read().mono_us - start > o.seconds * 1000000)
			break;
	}
}

int main(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-top",
	    .synopsis = "[-]",
	    .about = "Shows the charger live in a terminal. Keys: q end, h help.",
	    .own = options,
	    .common = cli_answers,
	};
	static struct top t = {.fd = STDIN_FILENO};
	struct err err;
	int code, key_fd;
	bool piped;

	cli_init(true);
	log_init("evse-top");
	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	piped = c.nargs == 1 && strcmp(c.args[0], "-") == 0;
	if (c.nargs && !piped)
		log_fatal(EXIT_USAGE, "unexpected argument '%s'; try --help", c.args[0]);
	if (!isatty(STDOUT_FILENO))
		log_fatal(EXIT_USAGE,
			  "standard output is no terminal; evse-status prints the same once");
	if (!piped && ((t.fd = bus_connect(bus_dir(o.dir), "tap", &err)) < 0 ||
		       bus_subscribe(t.fd, "*", &err) < 0))
		log_fatal(EXIT_UNAVAILABLE, "%s", err.msg);
	key_fd = start_screen(piped);
	if (key_fd < 0)
		log_fatal(EXIT_OS,
			  "unable to draw on this terminal (TERM=%s); evse-status prints the same "
			  "once",
			  getenv("TERM") ? getenv("TERM") : "");
	t.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t.run = piped ? NULL : bus_dir(o.dir);
	view_init(&t.view);
	lines_init(&t.lines);
	confine_tell(CONFINE_DEVICE);
	run(&t, key_fd);
	endwin();
	lines_release(&t.lines);
	view_release(&t.view);
	return cli_close(EXIT_DONE);
}
