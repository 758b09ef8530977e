/* What the benches of the bus share: a bus of their own, and its CPU time. Include once, from a
 * bench's main file. */
#ifndef BENCH_BUS_H
#define BENCH_BUS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Runs `evse-bus serve` on @dir for @evses, after @before (may be NULL) in the child, and waits
 * until it is ready. */
static pid_t bench_serve(const char *program, const char *dir, const char *evses,
			 void (*before)(void))
{
	char byte;
	int ready[2];
	pid_t pid;

	if (pipe(ready) < 0 || (pid = fork()) < 0)
		exit(71);
	if (pid == 0) {
		if (before)
			before();
		dup2(ready[1], 9);
		execl(program, program, "serve", "-d", dir, "-q", "--evses", evses, "--notify-fd",
		      "9", (char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(71);
	close(ready[0]);
	return pid;
}

/** CPU seconds of a process so far. */
static double bench_cpu_s(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user, sys;
	ssize_t n;
	char *p;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	if (!p ||
	    sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
		return 0;
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/** Removes what the bus leaves in @dir. */
static void bench_clean(const char *dir)
{
	char path[128];

	snprintf(path, sizeof path, "%s/bus.lock", dir);
	unlink(path);
	rmdir(dir);
}

#endif
