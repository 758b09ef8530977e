#include "plot/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plot/ticks.h"

/* Colours that stay apart for eyes that see few of them, after Okabe and Ito; grey is the grid. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73",
				      "#cc79a7", "#e69f00", "#56b4e9"};
#define GRID "#555"

enum { LEFT = 62, RIGHT = 18, TOP = 44, GAP = 34, BOTTOM = 30, LABEL_PX = 92, DIGIT_PX = 7 };
/* Without a word for so long a line is not drawn on. */
#define GAP_US INT64_C(90000000)

struct frame {
	struct buf *b;
	const struct plot *p;
	int width, height, top; /* of the panel */
	int64_t from, to;
	struct scale scale;
	double divide;
};

static const char *colour(int evse)
{
	return evse ? colours[(evse - 1) % 6] : GRID;
}

static double at_x(const struct frame *f, int64_t t)
{
	return LEFT + (double)(t - f->from) / (double)(f->to - f->from) * (f->width - LEFT - RIGHT);
}

static double at_y(const struct frame *f, double v)
{
	double part = (v / f->divide - f->scale.low) / (f->scale.high - f->scale.low);

	return f->top + f->height * (1 - fmin(fmax(part, 0), 1));
}

static void text(struct buf *b, double x, double y, const char *anchor, const char *class,
		 const char *s)
{
	buf_addf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s%s%s>", x, y, anchor,
		 class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
	for (; *s; s++) {
		if (*s == '<' || *s == '&')
			buf_addf(b, "&#%d;", *s);
		else if ((unsigned char)*s >= ' ')
			buf_addc(b, *s);
	}
	buf_adds(b, "</text>\n");
}

/* ---- axes ---- */

static void y_axis(const struct frame *f, const char *title, const char *unit)
{
	int n = (int)lround((f->scale.high - f->scale.low) / f->scale.step);
	char label[64];

	for (int i = 0; i <= n; i++) {
		double v = f->scale.low + i * f->scale.step, y = at_y(f, v * f->divide);

		buf_addf(f->b, "<path class=\"%s\" d=\"M%d %.1fH%d\"/>\n",
			 fabs(v) < f->scale.step / 1e6 ? "zero" : "grid", LEFT, y,
			 f->width - RIGHT);
		snprintf(label, sizeof label, "%.*f", f->scale.decimals, v);
		text(f->b, LEFT - 7, y + 4, "end", NULL, label);
	}
	snprintf(label, sizeof label, "%s, %s", title, unit);
	text(f->b, LEFT, f->top - 9, "start", "title", label);
}

static void x_axis(const struct frame *f, bool labels)
{
	struct time_tick tick[TICKS_MAX];
	int n = time_ticks(f->from, f->to, (f->width - LEFT - RIGHT) / LABEL_PX, tick);

	for (int i = 0; i < n; i++) {
		double x = at_x(f, tick[i].t_us);

		buf_addf(f->b, "<path class=\"grid\" d=\"M%.1f %dv%d\"/>\n", x, f->top,
			 f->height + (labels ? 5 : 0));
		if (labels)
			text(f->b, x, f->top + f->height + 18, "middle", NULL, tick[i].text);
	}
	buf_addf(f->b, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
		 LEFT, f->top, f->width - LEFT - RIGHT, f->height);
}

/* From the right: name and a piece of its line. */
static double legend(const struct frame *f, double right, const char *name, int evse, bool dashed)
{
	double left = right - (double)strlen(name) * DIGIT_PX - 26;

	buf_addf(f->b, "<path class=\"line%s\" stroke=\"%s\" d=\"M%.1f %dh20\"/>\n",
		 dashed ? " limit" : "", colour(evse), left, f->top - 13);
	text(f->b, left + 25, f->top - 9, "start", NULL, name);
	return left - 14;
}

/* ---- what is drawn ---- */

/* A line under way: where the pen is, and how far the same value went on without a point. */
struct pen {
	bool down;
	double x, y, until;
};

static void rest(const struct frame *f, struct pen *pen)
{
	if (pen->down && pen->until > pen->x)
		buf_addf(f->b, "L%.1f %.1f", pen->until, pen->y);
	pen->x = pen->until;
}

static void point(const struct frame *f, struct pen *pen, double x, double v)
{
	double y = at_y(f, v);

	if (pen->down && fabs(y - pen->y) < 0.05) {
		pen->until = x;
		return;
	}
	rest(f, pen);
	buf_addf(f->b, "%c%.1f %.1f", pen->down ? 'L' : 'M', x, y);
	*pen = (struct pen){true, x, y, x};
}

/* Each bin from its first over its extremes to its last value, so that no peak is lost. A limit
 * holds until the next is told. */
static void line(const struct frame *f, const struct plot_series *s)
{
	const struct bins *b = &s->bins;
	int64_t before = 0, gap = GAP_US > 3 * b->width_us ? GAP_US : 3 * b->width_us;
	struct pen pen = {0};
	float last = 0;

	buf_addf(f->b, "<path class=\"line%s\" stroke=\"%s\" d=\"", s->limit ? " limit" : "",
		 colour(s->evse));
	for (int i = 0; i < BINS; i++) {
		const struct bin *bin = &b->bin[i];
		int64_t t = bins_time(b, i);
		double x = at_x(f, t);

		if (!bin->any || t < f->from || t > f->to)
			continue;
		if (pen.down && t - before > gap) {
			rest(f, &pen);
			pen.down = false;
		}
		if (pen.down && s->limit)
			point(f, &pen, x, (double)last);
		point(f, &pen, x, (double)bin->first);
		point(f, &pen, x, (double)bin->min);
		point(f, &pen, x, (double)bin->max);
		point(f, &pen, x, (double)bin->last);
		before = t;
		last = bin->last;
	}
	rest(f, &pen);
	buf_adds(f->b, "\"/>\n");
}

static void bar(const struct frame *f, const struct plot_session *s, double *label_end)
{
	double wh = s->end_wh - s->begin_wh, zero = at_y(f, 0), y = at_y(f, wh);
	double left = fmax(at_x(f, s->begin_us), LEFT),
	       right = fmin(at_x(f, s->end_us), f->width - RIGHT);
	char label[32];
	double half;

	if (s->end_us < f->from || s->begin_us > f->to)
		return;
	if (right - left < 3)
		right = left + 3;
	buf_addf(
	    f->b,
	    "<rect class=\"bar\" fill=\"%s\" stroke=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
	    "height=\"%.1f\">"
	    "<title>EVSE %d: %.0f Wh</title></rect>\n",
	    colour(s->evse), colour(s->evse), left, fmin(y, zero), right - left, fabs(zero - y),
	    s->evse, wh);
	snprintf(label, sizeof label, "%.*f", f->divide > 1 ? 1 : 0, wh / f->divide);
	half = (double)strlen(label) * DIGIT_PX / 2;
	/* a label that would lie upon the one before is left out */
	if ((left + right) / 2 - half < *label_end)
		return;
	*label_end = (left + right) / 2 + half + 4;
	text(f->b, (left + right) / 2,
	     fmin(y, zero) - 3 < f->top + 12 ? fmin(y, zero) + 13 : fmin(y, zero) - 3, "middle",
	     NULL, label);
}

static void bars(const struct frame *f)
{
	unsigned long long seen = 0;
	double label_end = 0, right = f->width - RIGHT;
	char name[32];

	for (size_t i = 0; i < f->p->nsessions; i++) {
		bar(f, &f->p->session[i], &label_end);
		if (f->p->session[i].evse < 64)
			seen |= 1ull << f->p->session[i].evse;
	}
	for (int evse = 63; evse > 0; evse--)
		if (seen >> evse & 1) {
			snprintf(name, sizeof name, "EVSE %d", evse);
			right = legend(f, right, name, evse, false);
		}
}

static bool panel(struct frame *f, enum plot_panel which, bool labels)
{
	double min, max, right = f->width - RIGHT;
	const char *unit;

	if (!plot_extent(f->p, which, 0, &min, &max, &f->divide, &unit))
		return false;
	/* the label above the highest bar wants room */
	if (which == PLOT_ENERGY)
		max *= 1.08;
	f->scale = scale_make(min / f->divide, max / f->divide, f->height / 30);
	x_axis(f, labels);
	y_axis(f, plot_panel_title(which), unit);
	if (which == PLOT_ENERGY)
		bars(f);
	/* the grid beneath, the limits above */
	for (int layer = 0; layer < 3; layer++)
		for (size_t i = 0; i < f->p->nseries; i++) {
			const struct plot_series *s = f->p->series[i];

			if (plot_shows(f->p, s, which, 0) && layer == (s->limit  ? 2
								       : s->evse ? 1
										 : 0))
				line(f, s);
		}
	for (size_t i = f->p->nseries; i-- > 0;)
		if (plot_shows(f->p, f->p->series[i], which, 0))
			right = legend(f, right, f->p->series[i]->name, f->p->series[i]->evse,
				       f->p->series[i]->limit);
	return true;
}

static const char style[] =
    "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.head{font-size:14px}"
    ".grid{stroke:#ddd}.zero{stroke:#999}.frame{fill:none;stroke:#999}"
    ".line{fill:none;stroke-width:1.4;stroke-linejoin:round}"
    ".bar{fill-opacity:.35;stroke-width:1.4}"
    ".limit{stroke-dasharray:5 3;stroke-width:1.2}</style>\n";

int plot_svg(const struct plot *p, int width, int height, const char *title, struct buf *out)
{
	struct frame f = {.b = out, .p = p, .width = width, .height = height};
	char from[TICK_TEXT], to[TICK_TEXT], head[2 * TICK_TEXT + 16];
	double min, max, divide;
	const char *unit;
	int n = 0, done = 0;

	for (int i = 0; i < PLOT_PANELS; i++)
		n += plot_extent(p, (enum plot_panel)i, 0, &min, &max, &divide, &unit);
	if (n == 0 || !plot_range(p, &f.from, &f.to))
		return -1;
	buf_addf(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 "
		 "0 %d %d\">\n%s"
		 "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		 width, TOP + n * (height + GAP) + BOTTOM, width, TOP + n * (height + GAP) + BOTTOM,
		 style);
	time_text(f.from, from);
	time_text(f.to, to);
	snprintf(head, sizeof head, "%s – %s UTC", from, to);
	text(out, LEFT, 20, "start", "title head", title ? title : head);
	if (title)
		text(out, width - RIGHT, 20, "end", NULL, head);
	f.top = TOP + 14;
	for (int i = 0; i < PLOT_PANELS; i++)
		if (panel(&f, (enum plot_panel)i, done == n - 1)) {
			f.top += height + GAP;
			done++;
		}
	buf_adds(out, "</svg>\n");
	return 0;
}
