#include "pilot/drv/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *root(void)
{
	const char *r = getenv("EVSE_SYSFS");

	return r ? r : "/sys";
}

/* A path that does not fit becomes "", which nothing is found at. */
__attribute__((format(printf, 2, 3))) static void join(char out[PATH_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(out, PATH_MAX, fmt, ap) >= PATH_MAX)
		out[0] = '\0';
	va_end(ap);
}

static int read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* ---- PWM ---- */

/* The name behind a chip's device link: "20fc000.pwm". */
static void chip_name(const char *chip, char out[PATH_MAX])
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;
	const char *base;

	join(path, "%s/class/pwm/%s/device", root(), chip);
	n = readlink(path, link, sizeof link - 1);
	link[n > 0 ? n : 0] = '\0';
	base = strrchr(link, '/');
	join(out, "%s", base ? base + 1 : link);
}

static bool find_chip(const char *wanted, char out[PATH_MAX])
{
	char path[PATH_MAX], name[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	join(path, "%s/class/pwm", root());
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		if (strncmp(e->d_name, "pwmchip", 7) != 0)
			continue;
		chip_name(e->d_name, name);
		found = strcmp(name, wanted) == 0 || strcmp(e->d_name, wanted) == 0;
		if (found)
			join(out, "%s/%s", path, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static int set_member(const char *dir, const char *name, const char *value, struct err *err)
{
	char path[PATH_MAX];

	join(path, "%s/%s", dir, name);
	return write_text(path, value) < 0 ? err_sys(err, "unable to write %s to %s", value, path)
					   : 0;
}

static int get_member(const char *dir, const char *name)
{
	char path[PATH_MAX], text[64];

	join(path, "%s/%s", dir, name);
	return read_text(path, text, sizeof text) < 0 ? 0 : (int)strtol(text, NULL, 10);
}

/* The kernel takes a polarity only while disabled. */
static int set_polarity(const char *dir, const char *wanted, struct err *err)
{
	char path[PATH_MAX], text[32];

	join(path, "%s/polarity", dir);
	if (read_text(path, text, sizeof text) == 0 && strcmp(text, wanted) == 0)
		return 0;
	if (get_member(dir, "enable") == 1 && set_member(dir, "enable", "0", err) < 0)
		return -1;
	return set_member(dir, "polarity", wanted, err);
}

/* The period is set before the duty, never below it. */
static int set_up(const char *dir, const struct board *b, struct err *err)
{
	char text[32];

	snprintf(text, sizeof text, "%d", b->pwm.period_ns);
	if (get_member(dir, "duty_cycle") > b->pwm.period_ns &&
	    set_member(dir, "duty_cycle", text, err) < 0)
		return -1;
	if (get_member(dir, "period") != b->pwm.period_ns &&
	    set_member(dir, "period", text, err) < 0)
		return -1;
	if (set_polarity(dir, b->pwm.inversed ? "inversed" : "normal", err) < 0)
		return -1;
	if (get_member(dir, "enable") == 1)
		return 0;
	/* A line that was off starts with X1. */
	if (set_member(dir, "duty_cycle", text, err) < 0)
		return -1;
	return set_member(dir, "enable", "1", err);
}

int sysfs_pwm_open(struct sysfs_pwm *p, const struct board *b, struct err *err)
{
	char chip[PATH_MAX], dir[PATH_MAX], path[PATH_MAX], text[16];

	p->duty_fd = -1;
	p->period_ns = b->pwm.period_ns;
	p->offset_ns = b->pwm.offset_ns;
	if (!find_chip(b->pwm.chip, chip))
		return err_set(err, "no PWM chip is %s", b->pwm.chip);
	join(dir, "%s/pwm%d", chip, b->pwm.channel);
	if (access(dir, F_OK) < 0) {
		snprintf(text, sizeof text, "%d", b->pwm.channel);
		if (set_member(chip, "export", text, err) < 0)
			return -1;
	}
	if (set_up(dir, b, err) < 0)
		return -1;
	join(path, "%s/duty_cycle", dir);
	p->duty_fd = open(path, O_WRONLY | O_CLOEXEC);
	return p->duty_fd < 0 ? err_sys(err, "unable to open %s", path) : 0;
}

void sysfs_pwm_close(struct sysfs_pwm *p)
{
	if (p->duty_fd >= 0)
		close(p->duty_fd);
	p->duty_fd = -1;
}

int sysfs_pwm_set(const struct sysfs_pwm *p, int permyriad)
{
	int ns = (int)((int64_t)p->period_ns * permyriad / 10000);
	char text[16];
	int n;

	/* The calibration shifts edges; steady levels have none. */
	if (permyriad > 0 && permyriad < 10000)
		ns += p->offset_ns;
	n = snprintf(text, sizeof text, "%d\n", ns);
	return pwrite(p->duty_fd, text, (size_t)n, 0) == n ? 0 : -1;
}

/* ---- IIO ---- */

/* What a device sits on, from its place among the devices: "…/i2c-0/0-0021/iio:device0". */
static void iio_place(const char *device, char out[PATH_MAX])
{
	char link[PATH_MAX];
	ssize_t n = readlink(device, link, sizeof link - 1);
	char *end;

	link[n > 0 ? n : 0] = '\0';
	end = strrchr(link, '/');
	if (end)
		*end = '\0';
	else
		link[0] = '\0';
	end = strrchr(link, '/');
	join(out, "%s", end ? end + 1 : "");
}

static bool has_name(const char *device, const char *wanted)
{
	char path[PATH_MAX], name[64];

	join(path, "%s/name", device);
	return read_text(path, name, sizeof name) == 0 && strcmp(name, wanted) == 0;
}

/* A name that two devices share says neither: their order may change with each start. */
static int find_iio(const char *wanted, char out[PATH_MAX], struct err *err)
{
	char dir[PATH_MAX], path[PATH_MAX], place[PATH_MAX];
	struct dirent *e;
	bool exact = false;
	int named = 0;
	DIR *d;

	join(dir, "%s/bus/iio/devices", root());
	d = opendir(dir);
	while (d && !exact && (e = readdir(d))) {
		if (strncmp(e->d_name, "iio:device", 10) != 0)
			continue;
		join(path, "%s/%s", dir, e->d_name);
		iio_place(path, place);
		exact = strcmp(e->d_name, wanted) == 0 || strcmp(place, wanted) == 0;
		if (!exact && !has_name(path, wanted))
			continue;
		named++;
		join(out, "%s", path);
	}
	if (d)
		closedir(d);
	if (named > 1 && !exact)
		return err_set(err,
			       "%d IIO devices are named %s: evse-pilot probe tells their places",
			       named, wanted);
	return named ? 0 : err_set(err, "no IIO device is named %s", wanted);
}

/* A number of the channel's own, or what the kernel gives for all of its kind: in_voltage2_scale or
 * in_voltage_scale, in_temp_object_scale or in_temp_scale. */
static double kernel_number(const char *dir, const char *channel, const char *what, double fallback)
{
	const size_t ends[] = {strlen(channel), strcspn(channel, "0123456789"),
			       strcspn(channel, "_")};
	char path[PATH_MAX], text[64];

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		join(path, "%s/in_%.*s_%s", dir, (int)ends[i], channel, what);
		if (read_text(path, text, sizeof text) == 0)
			return strtod(text, NULL);
	}
	return fallback;
}

int sysfs_adc_open(struct sysfs_adc *s, const struct board_adc *a, struct err *err)
{
	char dir[PATH_MAX], path[PATH_MAX];

	s->fd = -1;
	if (!a->iio[0])
		return 0;
	if (find_iio(a->iio, dir, err) < 0)
		return -1;
	join(path, "%s/in_%s_raw", dir, a->channel);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		return err_sys(err, "unable to open %s", path);
	s->scale = a->scale;
	s->offset = a->offset;
	if (s->scale == 0) {
		s->scale = kernel_number(dir, a->channel, "scale", 1);
		s->offset += kernel_number(dir, a->channel, "offset", 0) * s->scale;
	}
	return 0;
}

void sysfs_adc_close(struct sysfs_adc *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int sysfs_adc_read(const struct sysfs_adc *s, int *mv)
{
	char text[32];
	ssize_t n = pread(s->fd, text, sizeof text - 1, 0);
	char *end;
	long raw;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	raw = strtol(text, &end, 10);
	if (end == text || raw < -10000000 || raw > 10000000) {
		errno = EBADMSG;
		return -1;
	}
	*mv = (int)((double)raw * s->scale + s->offset);
	return 0;
}

void sysfs_each(void (*fn)(void *ctx, const char *kind, const char *device, const char *what,
			   const char *place),
		void *ctx)
{
	char path[PATH_MAX], sub[PATH_MAX], name[PATH_MAX], place[PATH_MAX];
	struct dirent *e, *f;
	DIR *d, *in;

	join(path, "%s/class/pwm", root());
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, "pwmchip", 7) == 0) {
			chip_name(e->d_name, name);
			fn(ctx, "pwm", e->d_name, name, "");
		}
	if (d)
		closedir(d);
	join(path, "%s/bus/iio/devices", root());
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "iio:device", 10) != 0)
			continue;
		join(sub, "%s/%s/name", path, e->d_name);
		if (read_text(sub, name, sizeof name) < 0)
			continue;
		join(sub, "%s/%s", path, e->d_name);
		iio_place(sub, place);
		in = opendir(sub);
		while (in && (f = readdir(in))) {
			size_t n = strlen(f->d_name);

			if (strncmp(f->d_name, "in_", 3) == 0 && n > 7 &&
			    strcmp(f->d_name + n - 4, "_raw") == 0)
				fn(ctx, "iio", name, f->d_name, place);
		}
		if (in)
			closedir(in);
	}
	if (d)
		closedir(d);
}
