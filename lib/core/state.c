#include "core/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -1;
	}
	return 0;
}

int state_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int state_save(const char *dir, const char *name, int format, const void *data, size_t len,
	       struct err *err)
{
	char path[PATH_MAX], temp[PATH_MAX], first[96];
	int fd, n;

	n = snprintf(path, sizeof path, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof path - 5)
		return err_set(err, "path too long: %s/%s", dir, name);
	snprintf(temp, sizeof temp, "%.*s.new", PATH_MAX - 6, path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "unable to write %s", temp);
	n = snprintf(first, sizeof first, "evse-state %s %d\n", name, format);
	if (write_all(fd, first, (size_t)n) < 0 || write_all(fd, data, len) < 0 || fsync(fd) < 0) {
		err_sys(err, "unable to write %s", temp);
		close(fd);
		unlink(temp);
		return -1;
	}
	close(fd);
	if (rename(temp, path) < 0 || state_sync_dir(dir) < 0)
		return err_sys(err, "unable to replace %s", path);
	return 0;
}

/* Of line 1: the format, and where the line ends; -1 when it is not that of @name. */
static int first_line(const char *text, const char *name, char **end)
{
	static const char mark[] = "evse-state ";
	size_t len = strlen(name);
	long format;

	if (strncmp(text, mark, sizeof mark - 1) != 0)
		return -1;
	text += sizeof mark - 1;
	if (strncmp(text, name, len) != 0 || text[len] != ' ')
		return -1;
	text += len + 1;
	format = strtol(text, end, 10);
	if (*text < '0' || *text > '9' || **end != '\n')
		return -1;
	return format < INT_MAX ? (int)format : INT_MAX;
}

enum state_result state_load(const char *dir, const char *name, int *format, struct buf *data,
			     struct err *err)
{
	char path[PATH_MAX], *end;
	size_t start = data->len, used;
	int fd, have;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return STATE_NONE;
	if (fd < 0 || buf_read_all(data, fd) < 0) {
		err_sys(err, "unable to read %s", path);
		if (fd >= 0)
			close(fd);
		return STATE_BAD;
	}
	close(fd);
	have = first_line(buf_str(data) + start, name, &end);
	if (have < 0) {
		err_set(err, "%s: expected \"evse-state %s FORMAT\" in line 1", path, name);
		return STATE_BAD;
	}
	if (have > *format) {
		err_set(err, "%s: has format %d, this program knows up to %d", path, have, *format);
		return STATE_NEWER;
	}
	*format = have;
	used = (size_t)(end + 1 - (data->data + start));
	memmove(data->data + start, end + 1, data->len - start - used + 1);
	data->len -= used;
	return STATE_OK;
}

int state_dir(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	if (!len || len >= sizeof path)
		return err_set(err, "not a directory name: '%s'", dir);
	memcpy(path, dir, len + 1);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return err_sys(err, "unable to make the directory %s", path);
		*p = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "unable to make the directory %s", path);
	return 0;
}
