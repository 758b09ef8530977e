#include "pilot/drv/gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CHIPS_MAX = 64 };

static int open_chip(int i, char *path, size_t size, struct gpiochip_info *info)
{
	const char *dev = getenv("EVSE_DEV");
	int fd;

	snprintf(path, size, "%s/gpiochip%d", dev ? dev : "/dev", i);
	fd = open(path, O_RDWR | O_CLOEXEC);
	memset(info, 0, sizeof *info);
	if (fd >= 0 && ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, info) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool line_info(int chip, unsigned offset, struct gpio_v2_line_info *info)
{
	memset(info, 0, sizeof *info);
	info->offset = offset;
	return ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, info) == 0;
}

static int request(int chip, unsigned offset, bool output, bool active_low, bool value)
{
	struct gpio_v2_line_request r;

	memset(&r, 0, sizeof r);
	r.offsets[0] = offset;
	r.num_lines = 1;
	snprintf(r.consumer, sizeof r.consumer, "evse-pilot");
	r.config.flags = output ? GPIO_V2_LINE_FLAG_OUTPUT : GPIO_V2_LINE_FLAG_INPUT;
	if (active_low)
		r.config.flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
	if (output) {
		r.config.num_attrs = 1;
		r.config.attrs[0].mask = 1;
		r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
		r.config.attrs[0].attr.values = value;
	}
	return ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0 ? -1 : r.fd;
}

int gpio_open(struct gpio *g, const struct board_line *line, bool output, bool value,
	      struct err *err)
{
	struct gpiochip_info chip;
	struct gpio_v2_line_info info;
	char path[256];

	g->fd = -1;
	if (!line->name[0])
		return 0;
	for (int i = 0; i < CHIPS_MAX; i++) {
		int fd = open_chip(i, path, sizeof path, &chip);

		for (unsigned k = 0; fd >= 0 && k < chip.lines; k++) {
			if (!line_info(fd, k, &info) || strcmp(info.name, line->name) != 0)
				continue;
			g->fd = request(fd, k, output, line->active_low, value);
			if (g->fd < 0)
				err_sys(err, "unable to take the line %s (%s, %u)", line->name,
					path, k);
			close(fd);
			return g->fd < 0 ? -1 : 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return err_set(err, "no GPIO line is named %s", line->name);
}

void gpio_close(struct gpio *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

int gpio_set(const struct gpio *g, bool active)
{
	struct gpio_v2_line_values v = {.bits = active, .mask = 1};

	return g->fd < 0 ? 0 : ioctl(g->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v);
}

int gpio_get(const struct gpio *g, bool absent, bool *value)
{
	struct gpio_v2_line_values v = {.bits = absent, .mask = 1};

	if (g->fd >= 0 && ioctl(g->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0)
		return -1;
	*value = v.bits & 1;
	return 0;
}

void gpio_each(void (*fn)(void *ctx, const char *chip, unsigned offset, const char *name,
			  bool output, const char *consumer),
	       void *ctx)
{
	struct gpiochip_info chip;
	struct gpio_v2_line_info info;
	char path[256];

	for (int i = 0; i < CHIPS_MAX; i++) {
		int fd = open_chip(i, path, sizeof path, &chip);

		for (unsigned k = 0; fd >= 0 && k < chip.lines; k++)
			if (line_info(fd, k, &info))
				fn(ctx, path, k, info.name, info.flags & GPIO_V2_LINE_FLAG_OUTPUT,
				   info.consumer);
		if (fd >= 0)
			close(fd);
	}
}
