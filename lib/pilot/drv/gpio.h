/* GPIO lines by name, through the kernel's character device (v2 ioctls). No library. */
#ifndef PILOT_GPIO_H
#define PILOT_GPIO_H

#include <stdbool.h>

#include "core/err.h"
#include "pilot/drv/board.h"

/* One requested line; fd -1: not there. */
struct gpio {
	int fd;
};

/**
 * Finds a line by its name on all chips of $EVSE_DEV (/dev) and requests it.
 *
 * @output  else an input
 * @value   first value of an output, active = true
 * @return  0 (also where the line has no name: then fd is -1), or -1 with @err
 */
int gpio_open(struct gpio *g, const struct board_line *line, bool output, bool value,
	      struct err *err);
void gpio_close(struct gpio *g);

/** Sets an output. @return 0, or -1 with errno. */
int gpio_set(const struct gpio *g, bool active);
/**
 * Reads a line.
 *
 * @absent  what one that is not there reads as
 * @return  0, or -1 with errno where the kernel does not give its level: @value is untouched
 */
int gpio_get(const struct gpio *g, bool absent, bool *value);

/** Calls @fn for each line that there is. */
void gpio_each(void (*fn)(void *ctx, const char *chip, unsigned offset, const char *name,
			  bool output, const char *consumer),
	       void *ctx);

#endif
