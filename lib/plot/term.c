#include "plot/term.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot/ticks.h"

enum { LEFT = 8, LABEL = 14 };

struct canvas {
	int width, height; /* cells */
	unsigned char *dots, *colour;
	int64_t from, to;
	struct scale scale;
	double divide;
};

/* As in the SVG, as near as 16 colours come: blue, yellow, green, magenta, red, cyan. */
static int colour_of(int evse)
{
	static const unsigned char ansi[] = {34, 33, 32, 35, 31, 36};

	return evse ? ansi[(evse - 1) % 6] : 37;
}

static void dot(struct canvas *c, int x, int y, int colour)
{
	/* Braille dots 1 2 3 7 stand left, 4 5 6 8 right. */
	static const unsigned char bit[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
	size_t cell;

	if (x < 0 || y < 0 || x >= 2 * c->width || y >= 4 * c->height)
		return;
	cell = (size_t)(y / 4) * (size_t)c->width + (size_t)(x / 2);
	c->dots[cell] |= bit[y % 4][x % 2];
	c->colour[cell] = (unsigned char)colour;
}

static int at_x(const struct canvas *c, int64_t t)
{
	return (int)((double)(t - c->from) / (double)(c->to - c->from) * (2 * c->width - 1));
}

static int at_y(const struct canvas *c, double v)
{
	double part = (v / c->divide - c->scale.low) / (c->scale.high - c->scale.low);

	return (int)lround((1 - fmin(fmax(part, 0), 1)) * (4 * c->height - 1));
}

static void column(struct canvas *c, int x, int a, int b, int colour, bool dashed)
{
	for (int y = a < b ? a : b; y <= (a > b ? a : b); y++)
		if (!dashed || x % 3 != 2)
			dot(c, x, y, colour);
}

/* Each bin as a column from its least to its greatest; across short silence the last value holds.
 */
static void line(struct canvas *c, const struct plot_series *s)
{
	const struct bins *b = &s->bins;
	int64_t before = INT64_MIN, gap = 3 * b->width_us > 90000000 ? 3 * b->width_us : 90000000;
	int last_x = -1, last_y = 0, colour = colour_of(s->evse);

	for (int i = 0; i < BINS; i++) {
		const struct bin *bin = &b->bin[i];
		int64_t t = bins_time(b, i);
		int x, y;

		if (!bin->any || t < c->from || t > c->to)
			continue;
		x = at_x(c, t);
		y = at_y(c, (double)bin->first);
		if (last_x >= 0 && t - before <= gap) {
			for (int k = last_x + 1; k < x; k++)
				column(c, k, last_y, last_y, colour, s->limit);
			column(c, x, last_y, y, colour, s->limit);
		}
		column(c, x, at_y(c, (double)bin->min), at_y(c, (double)bin->max), colour,
		       s->limit);
		last_x = x;
		last_y = at_y(c, (double)bin->last);
		before = t;
	}
}

static void cell_out(struct buf *out, unsigned char dots)
{
	/* U+2800 and the dots, in UTF-8 */
	const char text[3] = {(char)0xe2, (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f))};

	if (dots)
		buf_add(out, text, sizeof text);
	else
		buf_addc(out, ' ');
}

static void row_out(const struct canvas *c, int row, bool colour, struct buf *out)
{
	int last = c->width, now = 0;

	while (last > 0 && !c->dots[row * c->width + last - 1])
		last--;
	for (int x = 0; x < last; x++) {
		unsigned char dots = c->dots[row * c->width + x],
			      want = c->colour[row * c->width + x];

		if (colour && dots && want != now)
			buf_addf(out, "\033[%dm", now = want);
		cell_out(out, dots);
	}
	buf_adds(out, now ? "\033[0m\n" : "\n");
}

/* A label stands on the line in which its value is; the value of every second line has one. */
static void rows_out(const struct canvas *c, bool colour, struct buf *out)
{
	for (int row = 0; row < c->height; row++) {
		int n = (int)lround((c->scale.high - c->scale.low) / c->scale.step);
		char label[32] = "";

		for (int i = 0; i <= n; i++) {
			double v = c->scale.low + i * c->scale.step;

			if (at_y(c, v * c->divide) / 4 == row)
				snprintf(label, sizeof label, "%.*f", c->scale.decimals, v);
		}
		buf_addf(out, "%*s %s", LEFT - 2, label, label[0] ? "┤" : "│");
		row_out(c, row, colour, out);
	}
}

static void axis_out(const struct canvas *c, struct buf *out)
{
	struct time_tick tick[TICKS_MAX];
	int n = time_ticks(c->from, c->to, c->width / LABEL, tick), at = 0;
	char labels[1024];

	memset(labels, ' ', sizeof labels);
	buf_addf(out, "%*s└", LEFT - 1, "");
	for (int i = 0; i < n; i++) {
		int x = at_x(c, tick[i].t_us) / 2, len = (int)strlen(tick[i].text);
		int begin = LEFT + x - len / 2, most = LEFT + c->width - len;

		begin = begin > most ? most : begin;
		begin = begin < 0 ? 0 : begin;
		for (; at < x; at++)
			buf_adds(out, "─");
		if (at < c->width)
			buf_adds(out, "┬");
		at++;
		if (begin + len < (int)sizeof labels)
			memcpy(labels + begin, tick[i].text, (size_t)len);
	}
	for (; at < c->width; at++)
		buf_adds(out, "─");
	buf_addc(out, '\n');
	at = (int)sizeof labels;
	while (at > 0 && labels[at - 1] == ' ')
		at--;
	buf_add(out, labels, (size_t)at);
	buf_addc(out, '\n');
}

static void heading(const struct plot *p, enum plot_panel which, int evse, const char *unit,
		    bool colour, struct buf *out)
{
	buf_addf(out, "%s, %s:", plot_panel_title(which), unit);
	for (size_t i = 0; i < p->nseries; i++) {
		const struct plot_series *s = p->series[i];

		if (!plot_shows(p, s, which, evse))
			continue;
		buf_adds(out, "  ");
		if (colour)
			buf_addf(out, "\033[%dm", colour_of(s->evse));
		buf_addf(out, "%s %s", s->limit ? "╍╍" : "━━", s->name);
		buf_adds(out, colour ? "\033[0m" : "");
	}
	buf_addc(out, '\n');
}

static void panel(const struct plot *p, enum plot_panel which, int evse, struct canvas *c,
		  bool colour, struct buf *out)
{
	double min, max;
	const char *unit;

	if (!plot_extent(p, which, evse, &min, &max, &c->divide, &unit))
		return;
	c->scale = scale_make(min / c->divide, max / c->divide, c->height / 2);
	memset(c->dots, 0, (size_t)c->width * (size_t)c->height);
	for (int limits = 1; limits >= 0; limits--)
		for (size_t i = 0; i < p->nseries; i++)
			if (plot_shows(p, p->series[i], which, evse) &&
			    p->series[i]->limit == (limits == 1))
				line(c, p->series[i]);
	heading(p, which, evse, unit, colour, out);
	rows_out(c, colour, out);
	axis_out(c, out);
	buf_addc(out, '\n');
}

/* A series shows in one panel of its own for each EVSE (and one for the grid), or all in one. */
static void panels(const struct plot *p, enum plot_panel which, struct canvas *c, bool colour,
		   struct buf *out)
{
	int done[PLOT_SERIES_MAX], n = 0;

	if (colour) {
		panel(p, which, 0, c, true, out);
		return;
	}
	for (size_t i = 0; i < p->nseries; i++) {
		int evse = p->series[i]->evse, k = 0;

		if (!plot_shows(p, p->series[i], which, 0))
			continue;
		while (k < n && done[k] != evse)
			k++;
		if (k < n)
			continue;
		done[n++] = evse;
		panel(p, which, evse ? evse : PLOT_GRID, c, false, out);
	}
}

static void bars(const struct plot *p, const struct canvas *c, bool colour, struct buf *out)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	double min, max, divide;
	const char *unit;
	char when[TICK_TEXT];

	if (!plot_extent(p, PLOT_ENERGY, 0, &min, &max, &divide, &unit))
		return;
	buf_addf(out, "%s, %s:\n", plot_panel_title(PLOT_ENERGY), unit);
	for (size_t i = 0; i < p->nsessions; i++) {
		const struct plot_session *s = &p->session[i];
		double wh = s->end_wh - s->begin_wh;
		int part = (int)lround(8 * (c->width - 38) * fmax(wh, 0) / max);

		if (s->end_us < c->from || s->begin_us > c->to)
			continue;
		time_text(s->begin_us, when);
		buf_addf(out, "  %20s  EVSE %-3d %9.*f ", when, s->evse, divide > 1 ? 2 : 0,
			 wh / divide);
		if (colour)
			buf_addf(out, "\033[%dm", colour_of(s->evse));
		for (; part >= 8; part -= 8)
			buf_adds(out, "█");
		buf_addf(out, "%s%s\n", eighths[part > 0 ? part : 0], colour ? "\033[0m" : "");
	}
	buf_addc(out, '\n');
}

int plot_term(const struct plot *p, int width, int height, bool colour, const char *title,
	      struct buf *out)
{
	struct canvas c = {.width = width - LEFT - 1, .height = height};
	char from[TICK_TEXT], to[TICK_TEXT];
	size_t begin = out->len;

	if (!plot_range(p, &c.from, &c.to))
		return -1;
	c.dots = calloc((size_t)c.width * (size_t)height, 1);
	c.colour = calloc((size_t)c.width * (size_t)height, 1);
	if (c.dots && c.colour) {
		time_text(c.from, from);
		time_text(c.to, to);
		buf_addf(out, "%s%s%s – %s UTC\n\n", title ? title : "", title ? "  " : "", from,
			 to);
		begin = out->len;
		for (int i = 0; i < PLOT_ENERGY; i++)
			panels(p, (enum plot_panel)i, &c, colour, out);
		bars(p, &c, colour, out);
	}
	free(c.dots);
	free(c.colour);
	return out->len > begin ? 0 : -1;
}
