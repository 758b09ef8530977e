/* State files, the event spool, journals. */
#include "harness.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/journal.h"
#include "core/spool.h"
#include "core/state.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];

	if (!dir[0]) {
		strcpy(dir, "/tmp/evse-unit-XXXXXX");
		if (!mkdtemp(dir))
			abort();
	}
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

TEST(state_round_trip_and_formats)
{
	struct buf b;
	struct err err;
	int format = 1;

	in_dir("");
	buf_init(&b, 1000);
	CHECK_INT(state_load(dir, "none", &format, &b, &err), STATE_NONE);
	CHECK_INT(state_save(dir, "s", 1, "hello\n", 6, &err), 0);
	CHECK_INT(state_load(dir, "s", &format, &b, &err), STATE_OK);
	CHECK_STR(buf_str(&b), "hello\n");
	CHECK_INT(state_save(dir, "s", 2, "x", 1, &err), 0);
	buf_reset(&b);
	CHECK_INT(state_load(dir, "s", &format, &b, &err), STATE_NEWER);
	CHECK(strstr(err.msg, "has format 2") != NULL);
	int fd = open(in_dir("s"), O_WRONLY | O_TRUNC);
	CHECK_INT(write(fd, "garbage", 7), 7);
	close(fd);
	buf_reset(&b);
	CHECK_INT(state_load(dir, "s", &format, &b, &err), STATE_BAD);
	buf_release(&b);
}

static int count_events(struct spool *s, char *first, size_t size)
{
	uint64_t at = 0;
	const char *line;
	size_t len;
	int n = 0;

	while ((line = spool_next(s, &at, &len)))
		if (!n++)
			snprintf(first, size, "%.*s", (int)len, line);
	return n;
}

TEST(spool_keeps_across_processes)
{
	struct spool *s = spool_open(in_dir("spool"), NULL);
	char first[100];
	uint64_t at = 0;
	size_t len;
	int status;

	REQUIRE(s);
	pid_t pid = fork();
	if (pid == 0) {
		struct spool *c = spool_open(in_dir("spool"), NULL);
		spool_add(c, "one", 3);
		spool_add(c, "two", 3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(count_events(s, first, sizeof first), 2);
	CHECK_STR(first, "one");
	CHECK(spool_next(s, &at, &len) != NULL);
	spool_drop(s, at);
	CHECK_INT(count_events(s, first, sizeof first), 1);
	CHECK_STR(first, "two");
	spool_close(s);
}

TEST(spool_full_drops_oldest_and_says_so)
{
	struct spool *s = spool_open(in_dir("full"), NULL);
	char line[1000], first[100];
	int n;

	REQUIRE(s);
	for (int i = 0; i < 5000; i++) {
		memset(line, 'x', sizeof line);
		n = snprintf(line, sizeof line, "event %d ", i);
		line[n] = 'x';
		CHECK_INT(spool_add(s, line, (size_t)(100 + i % 900)), 0);
	}
	n = count_events(s, first, sizeof first);
	CHECK(n > 1000 && n < 5000);
	CHECK_INT(spool_lost(s), 5000 - n);
	snprintf(line, sizeof line, "event %d ", 5000 - n);
	CHECK_INT(strncmp(first, line, strlen(line)), 0);
	spool_close(s);
}

TEST(journal_gives_back_what_came)
{
	struct now t = {1000000, 2000000};
	struct journal *j = journal_create(in_dir("journal"), t, "abc", NULL);
	struct journal_entry e;
	char epoch[16];

	REQUIRE(j);
	journal_line(j, t, "in", "{\"a\":\"tab\\t\"}", 13);
	journal_timer(j, (struct now){5, 6}, "tick");
	journal_drained(j, t);
	journal_end(j, t);
	journal_close(j);
	j = journal_open(in_dir("journal"), &t, epoch, sizeof epoch, NULL);
	REQUIRE(j);
	CHECK_STR(epoch, "abc");
	CHECK_INT(journal_next(j, &e, NULL), 1);
	CHECK_STR(e.text, "{\"a\":\"tab\\t\"}");
	CHECK_STR(e.name, "in");
	CHECK_INT(journal_next(j, &e, NULL), 1);
	CHECK_INT(e.kind, JOURNAL_TIMER);
	CHECK_INT(e.now.mono_us, 6);
	CHECK_INT(journal_next(j, &e, NULL), 1);
	CHECK_INT(journal_next(j, &e, NULL), 1);
	CHECK_INT(e.kind, JOURNAL_END);
	CHECK_INT(journal_next(j, &e, NULL), 0);
	journal_close(j);
}
