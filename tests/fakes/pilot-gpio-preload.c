/* A fake of the kernel's GPIO character device for tests, loaded with LD_PRELOAD.
 *
 * $FAKE_GPIO is a directory with one file a line, its name the line's name, its content 0 or 1: the
 * physical level. /dev/gpiochip0 (below $EVSE_DEV) then has these lines in the order of their
 * names. Outputs write their file, inputs read it; ACTIVE_LOW is honoured. Each set is appended to
 * $FAKE_GPIO.log with its time in ms. A line NAME fails with EIO while a file .NAME.broken is
 * there. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 256, LINES = 64 };

static struct {
	int line; /* 1 + number; -1: the chip */
	int low;
} fds[FDS];
static char names[LINES][64];
static int lines = -1;

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void scan(void)
{
	DIR *d = opendir(getenv("FAKE_GPIO"));
	struct dirent *e;

	lines = 0;
	while (d && (e = readdir(d)) && lines < LINES)
		if (e->d_name[0] != '.')
			snprintf(names[lines++], sizeof names[0], "%.63s", e->d_name);
	if (d)
		closedir(d);
	qsort(names, (size_t)lines, sizeof names[0], by_name);
}

static int broken(int line)
{
	char path[512];

	snprintf(path, sizeof path, "%s/.%s.broken", getenv("FAKE_GPIO"), names[line]);
	if (access(path, F_OK) < 0)
		return 0;
	errno = EIO;
	return 1;
}

static int level(int line, int set)
{
	char path[512], text[4] = "0";
	int fd;

	snprintf(path, sizeof path, "%s/%s", getenv("FAKE_GPIO"), names[line]);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, set < 0 ? O_RDONLY : O_WRONLY | O_TRUNC, 0);
	if (fd < 0)
		return 0;
	if (set >= 0) {
		struct timespec t;
		FILE *log;

		if (write(fd, set ? "1\n" : "0\n", 2) != 2)
			perror(path);
		snprintf(path, sizeof path, "%s.log", getenv("FAKE_GPIO"));
		log = fopen(path, "a");
		clock_gettime(CLOCK_MONOTONIC, &t);
		if (log) {
			fprintf(log, "%lld.%03ld %s %d\n", (long long)t.tv_sec, t.tv_nsec / 1000000,
				names[line], set);
			fclose(log);
		}
	} else if (read(fd, text, sizeof text - 1) < 1) {
		text[0] = '0';
	}
	close(fd);
	return text[0] == '1';
}

int open(const char *path, int flags, ...)
{
	const char *base = strrchr(path, '/');
	va_list ap;
	int mode, fd;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	if (!base || strncmp(base, "/gpiochip", 9) != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (strcmp(base, "/gpiochip0") != 0) {
		errno = ENOENT;
		return -1;
	}
	if (lines < 0)
		scan();
	fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	if (fd >= 0 && fd < FDS)
		fds[fd].line = -1;
	return fd;
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		fds[fd].line = 0;
	return (int)syscall(SYS_close, fd);
}

static int request(struct gpio_v2_line_request *r)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);

	if (fd < 0 || fd >= FDS || r->num_lines != 1 || (int)r->offsets[0] >= lines) {
		errno = EINVAL;
		return -1;
	}
	fds[fd].line = 1 + (int)r->offsets[0];
	fds[fd].low = (r->config.flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW) != 0;
	if (r->config.flags & GPIO_V2_LINE_FLAG_OUTPUT) {
		int value = r->config.num_attrs ? (int)(r->config.attrs[0].attr.values & 1) : 0;

		level((int)r->offsets[0], value != fds[fd].low);
	}
	r->fd = fd;
	return 0;
}

int ioctl(int fd, unsigned long what, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, what);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd < 0 || fd >= FDS || fds[fd].line == 0)
		return (int)syscall(SYS_ioctl, fd, what, arg);
	if (what == GPIO_GET_CHIPINFO_IOCTL) {
		((struct gpiochip_info *)arg)->lines = (unsigned)lines;
		return 0;
	}
	if (what == GPIO_V2_GET_LINEINFO_IOCTL) {
		struct gpio_v2_line_info *i = arg;

		if ((int)i->offset >= lines) {
			errno = EINVAL;
			return -1;
		}
		snprintf(i->name, sizeof i->name, "%.31s", names[i->offset]);
		return 0;
	}
	if (what == GPIO_V2_GET_LINE_IOCTL)
		return request(arg);
	if (fds[fd].line > 0 && broken(fds[fd].line - 1))
		return -1;
	if (what == GPIO_V2_LINE_SET_VALUES_IOCTL) {
		level(fds[fd].line - 1,
		      (int)(((struct gpio_v2_line_values *)arg)->bits & 1) != fds[fd].low);
		return 0;
	}
	if (what == GPIO_V2_LINE_GET_VALUES_IOCTL) {
		((struct gpio_v2_line_values *)arg)->bits =
		    (unsigned)(level(fds[fd].line - 1, -1) != fds[fd].low);
		return 0;
	}
	errno = ENOTTY;
	return -1;
}
