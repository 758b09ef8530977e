/* A plot as SVG: one panel below the other on one axis of time. */
#ifndef PLOT_SVG_H
#define PLOT_SVG_H

#include "core/buf.h"
#include "plot/model.h"

enum { PLOT_SVG_MAX = 16 << 20 };

/** Writes @p, @width pixels wide with panels of @height, onto @out. @title may be NULL. @return 0,
 * or -1 when there is nothing to show. */
int plot_svg(const struct plot *p, int width, int height, const char *title, struct buf *out);

#endif
