/* evse-plot: power, current against its limit, frequency, state of charge and energy by session, as
 * a picture.
 *
 * Reads   meter, pilot, car, ev, session
 * Writes  SVG, or text for a terminal
 * Uses    lib/plot */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clocks/when.h"
#include "core/cli.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/utc.h"
#include "plot/svg.h"
#include "plot/term.h"

static struct {
	bool term;
	const char *from, *to, *what, *title;
	int64_t evse, width, height;
	int colour;
} o;

static const struct cli_opt options[] = {
    {0, "from", "TIME", NULL, "from this time on (UTC, RFC 3339)", CLI_STR, &o.from, 0, 0, false,
     true},
    {0, "to", "TIME", NULL, "up to this time", CLI_STR, &o.to, 0, 0, false, true},
    {'e', "evse", "N", NULL, "this EVSE only", CLI_INT, &o.evse, 1, 1e6, false, true},
    {'w', "what", "LIST", NULL,
     "panels to draw: power,current,freq,soc,energy (all that have data)", CLI_STR, &o.what, 0, 0,
     false, true},
    {'t', "term", NULL, NULL, "draw with characters, for a terminal", CLI_FLAG, &o.term, 0, 0,
     false, true},
    {0, "colour", "WHEN", "auto|always|never", "colours with --term (auto: on a terminal)",
     CLI_WORD, &o.colour, 0, 0, false, true},
    {0, "width", "N", NULL, "width in pixels (1000), or in characters (the terminal's, else 100)",
     CLI_INT, &o.width, 40, 20000, false, true},
    {0, "height", "N", NULL, "height of a panel in pixels (180), or in lines (10)", CLI_INT,
     &o.height, 4, 5000, false, true},
    {0, "title", "TEXT", NULL, "title of the picture", CLI_STR, &o.title, 0, 0, false, true},
    {0},
};

struct reading {
	struct plot plot;
	struct lines lines;
};

static void on_line(void *ctx, const char *line, size_t len)
{
	struct reading *rd = ctx;
	struct err err = {"over-long, or cut short"};
	struct record r;
	struct head h;

	if (!line || head_scan(line, len, &h, &err) < 0) {
		log_warning("line %llu: not a record: %s; skipped",
			    (unsigned long long)rd->lines.number, err.msg);
		return;
	}
	if (!plot_wants(&rd->plot, &h))
		return;
	if (record_parse(line, len, &r, &err) < 0) {
		log_warning("line %llu: not a record: %s; skipped",
			    (unsigned long long)rd->lines.number, err.msg);
		return;
	}
	plot_take(&rd->plot, &r);
	record_release(&r);
}

static int read_all(struct reading *rd)
{
	confine_tell(CONFINE_NOTHING);
	if (lines_read_all(&rd->lines, STDIN_FILENO, on_line, rd) == 0)
		return 0;
	log_error("unable to read: %s", strerror(errno));
	return EXIT_IO;
}

static void want_time(const char *name, const char *text, int64_t *us)
{
	if (text && when_parse(text, us) < 0)
		log_fatal(EXIT_USAGE, "--%s %s: expected a UTC time as 2026-11-22T10:00:00Z", name,
			  text);
}

static unsigned want_panels(const char *list)
{
	unsigned bits = 0;

	for (const char *p = list; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		int i = 0;

		while (i < PLOT_PANELS &&
		       (strlen(plot_panel_name((enum plot_panel)i)) != len ||
			memcmp(plot_panel_name((enum plot_panel)i), p, len) != 0))
			i++;
		if (i == PLOT_PANELS)
			log_fatal(EXIT_USAGE,
				  "--what %s: '%.*s' is none of power, current, freq, soc, energy",
				  list, (int)len, p);
		bits |= 1u << i;
		p += len;
	}
	return bits;
}

static int columns(void)
{
	struct winsize ws;
	const char *env = getenv("COLUMNS");
	double n;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40)
		return ws.ws_col;
	return env && cli_number(env, 40, 1000, &n, NULL) == 0 ? (int)n : 100;
}

static int draw(const struct plot *p, struct buf *b)
{
	bool colour = o.colour == 1 || (o.colour == 0 && isatty(STDOUT_FILENO));

	if (o.term)
		return plot_term(p, o.width ? (int)o.width : columns(),
				 o.height ? (int)o.height : 10, colour, o.title, b);
	return plot_svg(p, o.width ? (int)o.width : 1000, o.height ? (int)o.height : 180, o.title,
			b);
}

static int run(void)
{
	static struct reading rd;
	struct buf b;
	int code;

	plot_init(&rd.plot);
	want_time("from", o.from, &rd.plot.from_us);
	want_time("to", o.to, &rd.plot.to_us);
	if (rd.plot.to_us <= rd.plot.from_us)
		log_fatal(EXIT_USAGE, "--to is not after --from");
	if (o.what)
		rd.plot.panels = want_panels(o.what);
	rd.plot.evse = (int)o.evse;
	code = read_all(&rd);
	buf_init(&b, PLOT_SVG_MAX);
	if (code == 0 && draw(&rd.plot, &b) < 0) {
		log_error("no record to draw: nothing of %s in that range",
			  o.what ? o.what : "meters, pilots, cars and sessions");
		code = EXIT_NO;
	}
	if (rd.plot.dropped)
		log_warning("%llu values of more series or sessions than fit are left out",
			    (unsigned long long)rd.plot.dropped);
	if (code == 0 && (buf_failed(&b) || fwrite(b.data, 1, b.len, stdout) != b.len))
		code = EXIT_IO;
	buf_release(&b);
	plot_release(&rd.plot);
	return code;
}

int main(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-plot",
	    .about =
		"Draws records: power, current and limit, frequency, charge, energy by session.",
	    .own = options,
	    .common = cli_answers,
	    .examples = "  evse-log show -d DIR --from T --to T | evse-plot >day.svg\n"
			"  evse-log show -d DIR | evse-plot --term --what power,current\n",
	};
	int code;

	cli_init(true);
	log_init("evse-plot");
	if (cli_parse(&c, argc, argv, NULL, NULL, &code) == CLI_GO)
		code = run();
	free(c.args);
	free(c.origin);
	return cli_close(code);
}
