/* The sources: a socket to chronyd, a short-lived timedatectl, the RTC's file. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "clocks/chrony.h"

extern char **environ;

enum { TEXT_MAX = 8192 };

void ask_fact(struct clock_tool *c, const char *fmt, ...)
{
	char line[TEXT_MAX + 256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < sizeof line)
		tool_feed(c->tool, c->facts, line, (size_t)len);
}

/* ---- chronyd ---- */

static void on_chrony(void *ctx, int fd, short revents)
{
	struct clock_tool *c = ctx;
	unsigned char data[512];
	char hex[2 * CHRONY_REPLY + 1];
	struct chrony_tracking t;
	struct err err;
	ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		log_debug("chronyd at %s: %s", c->chrony, strerror(errno));
		ask_fact(c, "chrony -");
		return;
	}
	if (chrony_reply(data, (size_t)n, c->sequence, &t, &err) < 0) {
		log_info("chronyd at %s: %s", c->chrony, err.msg);
		return; /* a late or a foreign one: the right one may still come */
	}
	for (size_t i = 0; i < CHRONY_REPLY; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	ask_fact(c, "chrony %u %s", c->sequence, hex);
}

static int chrony_open(struct clock_tool *c)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *ai;
	char host[64], *port;
	int rc;

	snprintf(host, sizeof host, "%s", c->chrony);
	port = strrchr(host, ':');
	if (port)
		*port++ = '\0';
	rc = getaddrinfo(host, port ? port : "323", &hints, &ai);
	if (rc != 0) {
		log_error("--chrony %s: expected ADDRESS:PORT: %s", c->chrony, gai_strerror(rc));
		return EXIT_CONFIG;
	}
	c->chrony_fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->chrony_fd >= 0 && (connect(c->chrony_fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
				  loop_watch(c->tool->loop, c->chrony_fd, POLLIN, on_chrony, c))) {
		close(c->chrony_fd);
		c->chrony_fd = -1;
	}
	freeaddrinfo(ai);
	if (c->chrony_fd < 0)
		log_warning("chronyd cannot be asked: %s", strerror(errno));
	return 0;
}

static bool chrony_ask(struct clock_tool *c)
{
	unsigned char request[CHRONY_REQUEST];

	if (c->chrony_fd < 0)
		return false;
	chrony_request(++c->sequence, request);
	/* The first send after a refusal reports that refusal: once more. */
	for (int i = 0; i < 2; i++)
		if (send(c->chrony_fd, request, sizeof request, 0) >= 0)
			return true;
	return false;
}

/* ---- systemd-timesyncd ---- */

static void child_end(struct clock_tool *c)
{
	if (c->child_fd >= 0) {
		loop_unwatch(c->tool->loop, c->child_fd);
		close(c->child_fd);
		c->child_fd = -1;
	}
	if (c->child > 0) {
		kill(c->child, SIGKILL); /* all that it says was read, or came too late */
		waitpid(c->child, NULL, 0);
		c->child = 0;
	}
}

static long long sync_time(const struct clock_tool *c)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof path, "%s/synchronized", c->timesync_dir);
	return stat(path, &st) < 0
		   ? 0
		   : (long long)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
}

static void on_child(void *ctx, int fd, short revents)
{
	struct clock_tool *c = ctx;
	char data[2048];
	ssize_t n = read(fd, data, sizeof data);

	(void)revents;
	if (n > 0) {
		for (ssize_t i = 0; i < n; i++)
			buf_addc(&c->text, data[i] == '\n' || data[i] == '\0' ? ';' : data[i]);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	child_end(c);
	ask_fact(c, "timesync %lld %s", sync_time(c), buf_str(&c->text));
}

static bool timesync_ask(struct clock_tool *c)
{
	char *argv[] = {(char *)(uintptr_t)c->timedatectl, (char *)(uintptr_t) "timesync-status",
			NULL};
	posix_spawn_file_actions_t fa;
	struct stat st;
	int fds[2], rc;

	if (stat(c->timesync_dir, &st) < 0 || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], STDOUT_FILENO);
	rc = posix_spawnp(&c->child, c->timedatectl, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (rc != 0) {
		log_debug("unable to run %s: %s", c->timedatectl, strerror(rc));
		close(fds[0]);
		c->child = 0;
		return false;
	}
	c->child_fd = fds[0];
	buf_reset(&c->text);
	loop_watch(c->tool->loop, c->child_fd, POLLIN, on_child, c);
	return true;
}

/* ---- the RTC ---- */

static void rtc_ask(struct clock_tool *c)
{
	char path[512], text[32] = "";
	long long s;
	FILE *f;

	snprintf(path, sizeof path, "%s/since_epoch", c->rtc);
	f = fopen(path, "re");
	if (!f)
		return;
	s = fgets(text, sizeof text, f) ? strtoll(text, NULL, 10) : 0;
	fclose(f);
	if (s > 0 && s < 253402300799)
		ask_fact(c, "rtc %lld", s);
}

/* ---- all ---- */

int ask_open(struct clock_tool *c)
{
	char id[40] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f) {
		if (fscanf(f, "%39s", id) == 1)
			ask_fact(c, "boot %s", id);
		fclose(f);
	}
	return clock_wants(c, CLOCKS_CHRONY) ? chrony_open(c) : 0;
}

void ask_all(struct clock_tool *c)
{
	unsigned asked = 0;

	ask_give_up(c);
	rtc_ask(c);
	if (clock_wants(c, CLOCKS_CHRONY) && chrony_ask(c))
		asked |= BIT_CHRONY;
	if (clock_wants(c, CLOCKS_TIMESYNC) && timesync_ask(c))
		asked |= BIT_TIMESYNC;
	ask_fact(c, "asked %u", asked);
}

void ask_give_up(struct clock_tool *c)
{
	unsigned late = c->pending;

	child_end(c);
	if (late & BIT_CHRONY)
		ask_fact(c, "chrony -");
	if (late & BIT_TIMESYNC)
		ask_fact(c, "timesync -");
}

void ask_close(struct clock_tool *c)
{
	child_end(c);
	if (c->chrony_fd >= 0) {
		loop_unwatch(c->tool->loop, c->chrony_fd);
		close(c->chrony_fd);
	}
	buf_release(&c->text);
}
