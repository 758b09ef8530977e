/* evse-exi pcap: reads a capture from a file or a pipe, writes a line of JSON for each message. */
#include "pcap.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "pcap/capture.h"
#include "pcap/keylog.h"
#include "pcap/talk.h"

enum { KEYS_MAX = 4 << 20, READ_MAX = 64 << 10 };

struct reading {
	const char *path;
	int fd;
	struct buf window;
	struct capture capture;
	struct keylog keys;
	struct talk *talk;
};

static void say(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	fwrite(line, 1, len, stdout);
	putchar('\n');
}

static int open_input(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		log_fatal(EXIT_NO_INPUT, "unable to open '%s': %s", path, strerror(errno));
	return fd;
}

/* Reads some more; 0 at the end. */
static size_t read_some(int fd, const char *path, struct buf *b)
{
	char *room = buf_room(b, READ_MAX);
	ssize_t n;

	if (!room)
		log_fatal(EXIT_OS, "'%s': no memory for it, or too long", path);
	do
		n = read(fd, room, READ_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_fatal(EXIT_IO, "unable to read '%s': %s", path, strerror(errno));
	buf_added(b, (size_t)n);
	return (size_t)n;
}

static void add_keys(struct reading *r, const char *path, const char *text, size_t len)
{
	size_t bad = r->keys.bad;

	if (keylog_add(&r->keys, text, len) < 0)
		log_fatal(EXIT_OS, "out of memory");
	if (r->keys.bad > bad)
		log_warning("'%s': %zu lines that aren't of a key log", path, r->keys.bad - bad);
	if (r->keys.over)
		log_warning("'%s': %zu secrets over the first %d not kept", path, r->keys.over,
			    KEYLOG_MAX);
}

static void load_keys(struct reading *r, const char *path)
{
	int fd = open_input(path);
	struct buf text;

	buf_init(&text, KEYS_MAX);
	while (read_some(fd, path, &text) > 0)
		;
	add_keys(r, path, buf_str(&text), text.len);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_release(&text);
	close(fd);
}

/* Takes all that the window holds whole. */
static void take_window(struct reading *r)
{
	struct capture_item item;
	struct err err;
	size_t used, done = 0;
	int n;

	for (;;) {
		const uint8_t *p = (const uint8_t *)buf_str(&r->window) + done;

		n = capture_next(&r->capture, p, r->window.len - done, &used, &item, &err);
		done += used;
		if (n < 0) {
			talk_free(r->talk, NULL);
			fflush(stdout);
			log_fatal(EXIT_BAD_DATA, "'%s': %s", r->path, err.msg);
		}
		if (n == 0)
			break;
		if (item.kind == CAPTURE_SECRETS)
			add_keys(r, r->path, (const char *)item.data, item.size);
		else if (talk_packet(r->talk, &item, r->capture.frames) < 0)
			log_fatal(EXIT_OS, "frame %llu: out of memory",
				  (unsigned long long)r->capture.frames);
	}
	buf_drop(&r->window, done);
}

/* What was found so far goes out before a wait. */
static bool more_comes(const struct reading *r, const sigset_t *waiting)
{
	if (fflush(stdout) == EOF)
		log_fatal(EXIT_IO, "unable to write: %s", strerror(errno));
	return wait_input(r->fd, waiting);
}

/* stopped: by a signal, so the capture may go on. */
static int report(const struct reading *r, const struct talk_count *count, bool stopped)
{
	bool cut = !stopped && (r->window.len > 0 || r->capture.format == CAPTURE_NEW);

	if (count->malformed)
		log_warning("%llu packets malformed, or cut in their heads",
			    (unsigned long long)count->malformed);
	if (count->fragments)
		log_warning("%llu fragments of IP packets not read",
			    (unsigned long long)count->fragments);
	if (count->unknown_link)
		log_warning("%llu packets of link types that can't be read, the last of %u",
			    (unsigned long long)count->unknown_link, count->link);
	if (cut)
		log_error("'%s' ends within a packet, or is no capture", r->path);
	if (cut)
		return EXIT_BAD_DATA;
	return count->errors || count->unknown_link ? EXIT_NO : EXIT_DONE;
}

int pcap_print(const char *path, const char *keys)
{
	struct reading r = {.path = path, .fd = open_input(path)};
	struct talk_count count;
	sigset_t waiting;
	bool going;
	int code;

	buf_init(&r.window, (size_t)2 * CAPTURE_BLOCK_MAX);
	capture_init(&r.capture);
	keylog_init(&r.keys);
	if (keys)
		load_keys(&r, keys);
	r.talk = talk_new(&r.keys, say, NULL);
	if (!r.talk)
		log_fatal(EXIT_OS, "out of memory");
	wait_begin(&waiting);
	while ((going = more_comes(&r, &waiting)) && read_some(r.fd, path, &r.window) > 0)
		take_window(&r);
	talk_free(r.talk, &count);
	code = report(&r, &count, !going);
	keylog_release(&r.keys);
	buf_release(&r.window);
	return code;
}
