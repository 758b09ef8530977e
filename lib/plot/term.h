/* A plot in characters: braille dots, two by four in a cell, and bars of blocks. */
#ifndef PLOT_TERM_H
#define PLOT_TERM_H

#include <stdbool.h>

#include "core/buf.h"
#include "plot/model.h"

/** Writes @p, @width characters wide with panels of @height lines, onto @out. Without @colour the
 * EVSEs get panels of their own, since their lines would look alike. @return 0, or -1 when there is
 * nothing to show. */
int plot_term(const struct plot *p, int width, int height, bool colour, const char *title,
	      struct buf *out);

#endif
