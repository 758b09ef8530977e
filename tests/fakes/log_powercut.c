/* LD_PRELOAD: a disk that can lose its power. Every change of files below $POWERCUT_DIR is written
 * to the trace $POWERCUT_TRACE; at change number $POWERCUT_AT the whole process group dies as by a
 * cut. log_cuts.py then builds from the trace a directory as a disk could hold it: with what was
 * synced, and any part of what was not.
 *
 * A trace entry: kind, 4 bytes path length, 4 bytes second path length, 8 bytes offset, 4 bytes
 * data length, then these. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long *counter;
static long cut_at;
static int trace_fd = -1;
static char root[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("POWERCUT_DIR"), *trace = getenv("POWERCUT_TRACE"),
		   *at = getenv("POWERCUT_AT");

	if (!dir || !trace || !realpath(dir, root))
		return;
	cut_at = at ? atol(at) : 0;
	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	trace_fd = syscall(2 /* open */, trace, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static int path_of(int fd, char *out)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n < 0)
		return 0;
	out[n] = 0;
	return strncmp(out, root, strlen(root)) == 0 && trace_fd >= 0;
}

static int path_at(int dir, const char *name, char *out)
{
	char base[PATH_MAX];

	if (name[0] == '/') {
		snprintf(out, PATH_MAX, "%s", name);
	} else if (dir == AT_FDCWD) {
		if (!getcwd(base, sizeof base))
			return 0;
		snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, name);
	} else {
		if (!path_of(dir, base))
			return 0;
		snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, name);
	}
	return trace_fd >= 0 && strncmp(out, root, strlen(root)) == 0;
}

static void note(char kind, const char *a, const char *b, uint64_t off, const void *data,
		 size_t len)
{
	uint32_t al = (uint32_t)strlen(a), bl = b ? (uint32_t)strlen(b) : 0, dl = (uint32_t)len;
	char head[21];
	struct iovec v[4] = {
	    {head, sizeof head}, {(void *)a, al}, {(void *)b, bl}, {(void *)data, len}};

	head[0] = kind;
	memcpy(head + 1, &al, 4);
	memcpy(head + 5, &bl, 4);
	memcpy(head + 9, &off, 8);
	memcpy(head + 17, &dl, 4);
	if (cut_at && atomic_fetch_add(counter, 1) + 1 >= cut_at)
		kill(0, SIGKILL);
	if (writev(trace_fd, v, 4) < 0)
		abort();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
	char p[PATH_MAX];
	off_t at = path_of(fd, p) ? lseek(fd, 0, SEEK_CUR) : -1;

	if (at >= 0)
		note('w', p, NULL, (uint64_t)at, data, len);
	return REAL(write)(fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	char p[PATH_MAX];

	if (path_of(fd, p))
		note('w', p, NULL, (uint64_t)at, data, len);
	return REAL(pwrite64)(fd, data, len, at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

int fsync(int fd)
{
	char p[PATH_MAX];
	int rc = REAL(fsync)(fd);

	if (path_of(fd, p))
		note('s', p, NULL, 0, NULL, 0);
	return rc;
}

int fdatasync(int fd)
{
	char p[PATH_MAX];
	int rc = REAL(fdatasync)(fd);

	if (path_of(fd, p))
		note('s', p, NULL, 0, NULL, 0);
	return rc;
}

int renameat(int d1, const char *a, int d2, const char *b)
{
	char p[PATH_MAX], q[PATH_MAX];

	if (path_at(d1, a, p) && path_at(d2, b, q))
		note('r', p, q, 0, NULL, 0);
	return REAL(renameat)(d1, a, d2, b);
}

int rename(const char *a, const char *b)
{
	return renameat(AT_FDCWD, a, AT_FDCWD, b);
}

int unlinkat(int d, const char *a, int flags)
{
	char p[PATH_MAX];

	if (path_at(d, a, p) && faccessat(d, a, F_OK, 0) == 0)
		note('u', p, NULL, 0, NULL, 0);
	return REAL(unlinkat)(d, a, flags);
}

int unlink(const char *a)
{
	return unlinkat(AT_FDCWD, a, 0);
}

int ftruncate64(int fd, off64_t len)
{
	char p[PATH_MAX];

	if (path_of(fd, p))
		note('t', p, NULL, (uint64_t)len, NULL, 0);
	return REAL(ftruncate64)(fd, len);
}

int ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

int openat64(int d, const char *name, int flags, ...)
{
	char p[PATH_MAX];
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & (O_CREAT | O_TRUNC)) && path_at(d, name, p)) {
		if (faccessat(d, name, F_OK, 0) < 0)
			note('c', p, NULL, 0, NULL, 0);
		else if (flags & O_TRUNC)
			note('t', p, NULL, 0, NULL, 0);
	}
	return REAL(openat64)(d, name, flags, mode);
}

int openat(int d, const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat64(d, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat64(AT_FDCWD, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat64(AT_FDCWD, name, flags, mode);
}

/* Room is given, nothing is written. */
int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	(void)fd;
	(void)at;
	(void)len;
	return 0;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	return posix_fallocate64(fd, at, len);
}
