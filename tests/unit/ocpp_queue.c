/* The offline queue: order, survival, torn ends, and what happens at the bound. */
#include "ocpp/queue.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct queue_conf roomy = {1000, 1 << 20};
static char dir[] = "/tmp/ocpp-queue.XXXXXX", path[64];

__attribute__((constructor)) static void make_folder(void)
{
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/queue", dir);
}

__attribute__((destructor)) static void drop_folder(void)
{
	unlink(path);
	rmdir(dir);
}

static struct queue *again(struct queue *q, const struct queue_conf *conf)
{
	struct err err;

	queue_close(q);
	return queue_open(path, conf, NULL, NULL, &err);
}

static struct queue *fresh(const struct queue_conf *conf)
{
	unlink(path);
	return again(NULL, conf);
}

static int add(struct queue *q, enum queue_class class, const char *text)
{
	return queue_add(q, class, text, strlen(text));
}

static const char *head(struct queue *q)
{
	static struct buf b;

	buf_release(&b);
	buf_init(&b, 1 << 20);
	return queue_head(q, &b) == 1 ? buf_str(&b) : "(none)";
}

TEST(order_is_kept_across_openings)
{
	struct queue *q = fresh(&roomy);

	REQUIRE(q);
	CHECK(add(q, QUEUE_STARTED, "{\"a\":1}") == 0);
	CHECK(add(q, QUEUE_UPDATED, "two") == 0);
	CHECK(add(q, QUEUE_ENDED, "three") == 0);
	q = again(q, &roomy);
	REQUIRE(q);
	CHECK_INT(queue_count(q), 3);
	CHECK_STR(head(q), "{\"a\":1}");
	CHECK(queue_done(q) == 0);
	q = again(q, &roomy);
	REQUIRE(q);
	CHECK_STR(head(q), "two");
	CHECK(queue_done(q) == 0 && queue_done(q) == 0);
	CHECK_STR(head(q), "(none)");
	CHECK(add(q, QUEUE_STARTED, "four") == 0);
	q = again(q, &roomy);
	REQUIRE(q);
	CHECK_STR(head(q), "four");
	queue_close(q);
}

TEST(a_torn_end_is_cut_off_and_nothing_before_it)
{
	struct queue *q = fresh(&roomy);

	REQUIRE(q);
	add(q, QUEUE_STARTED, "one");
	add(q, QUEUE_UPDATED, "two");
	queue_close(q);
	int fd = open(path, O_WRONLY | O_APPEND);
	CHECK(write(fd, "0badc0de A 3 u tor", 18) == 18);
	close(fd);
	q = again(NULL, &roomy);
	REQUIRE(q);
	CHECK_INT(queue_count(q), 2);
	CHECK(add(q, QUEUE_ENDED, "three") == 0);
	q = again(q, &roomy);
	REQUIRE(q);
	CHECK_INT(queue_count(q), 3);
	queue_close(q);
}

TEST(a_damaged_line_costs_only_itself)
{
	struct queue *q = fresh(&roomy);

	REQUIRE(q);
	add(q, QUEUE_STARTED, "one");
	add(q, QUEUE_UPDATED, "two");
	add(q, QUEUE_ENDED, "three");
	queue_close(q);
	int fd = open(path, O_WRONLY);
	CHECK(pwrite(fd, "X", 1, 20 + 12) == 1);
	close(fd);
	q = again(NULL, &roomy);
	REQUIRE(q);
	CHECK_INT(queue_count(q), 2);
	CHECK_INT(queue_damaged(q), 1);
	CHECK_STR(head(q), "one");
	queue_done(q);
	CHECK_STR(head(q), "three");
	queue_close(q);
}

TEST(at_the_bound_intermediate_ones_go_and_the_ends_stay)
{
	static const struct queue_conf tight = {8, 1 << 16};
	struct queue *q = fresh(&tight);
	char text[16];

	REQUIRE(q);
	CHECK(add(q, QUEUE_STARTED, "s") == 0);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "u%d", i);
		CHECK(add(q, QUEUE_UPDATED, text) == 0);
	}
	CHECK(add(q, QUEUE_ENDED, "e") == 0);
	CHECK(queue_count(q) <= 8);
	CHECK(queue_dropped(q) >= 14);
	q = again(q, &tight);
	REQUIRE(q);
	CHECK_STR(head(q), "s");
	while (queue_count(q) > 1)
		CHECK(queue_done(q) == 0);
	CHECK_STR(head(q), "e");
	for (int i = 0; i < 7; i++)
		CHECK(add(q, QUEUE_STARTED, "s") == 0);
	errno = 0;
	CHECK(add(q, QUEUE_STARTED, "s") < 0);
	CHECK_INT(errno, ENOSPC);
	CHECK_INT(queue_count(q), 8);
	queue_close(q);
}

TEST(what_cannot_be_an_entry_is_refused)
{
	static const struct queue_conf small = {8, 10};
	struct queue *q = fresh(&small);

	REQUIRE(q);
	CHECK(add(q, QUEUE_STARTED, "a\nb") < 0);
	CHECK_INT(errno, EINVAL);
	CHECK(add(q, QUEUE_STARTED, "0123456789a") < 0);
	CHECK_INT(errno, EMSGSIZE);
	CHECK(add(q, QUEUE_STARTED, "0123456789") == 0);
	queue_close(q);
}

TEST(the_file_stays_small_when_much_passes_through)
{
	static const struct queue_conf small = {8, 100};
	struct queue *q = fresh(&small);

	REQUIRE(q);
	for (int i = 0; i < 200; i++) {
		CHECK(add(q, QUEUE_UPDATED, "0123456789") == 0);
		CHECK(queue_done(q) == 0);
	}
	int fd = open(path, O_RDONLY);
	CHECK(lseek(fd, 0, SEEK_END) < 300);
	close(fd);
	queue_close(q);
}

TEST(what_the_disk_refuses_waits_in_memory_and_is_written_later)
{
	struct rlimit all, little;
	struct queue *q = fresh(&roomy);

	REQUIRE(q);
	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &all) == 0);
	CHECK(add(q, QUEUE_STARTED, "one") == 0);
	little = all;
	little.rlim_cur = 36;
	setrlimit(RLIMIT_FSIZE, &little);
	CHECK(add(q, QUEUE_UPDATED, "two") == 1);
	CHECK(add(q, QUEUE_UPDATED, "three") == 1);
	CHECK(queue_find(q, "three") && !queue_find(q, "four"));
	queue_done(q);
	CHECK_STR(head(q), "two");
	setrlimit(RLIMIT_FSIZE, &all);
	CHECK(add(q, QUEUE_ENDED, "four") == 0);
	q = again(q, &roomy);
	REQUIRE(q);
	CHECK_STR(head(q), "two");
	queue_done(q);
	CHECK_STR(head(q), "three");
	queue_done(q);
	CHECK_STR(head(q), "four");
	CHECK_INT(queue_count(q), 1);
	queue_close(q);
}

TEST(a_second_process_is_kept_out)
{
	struct queue *q = fresh(&roomy);
	struct err err;

	REQUIRE(q);
	CHECK(!queue_open(path, &roomy, NULL, NULL, &err));
	queue_close(q);
}

/* A child adds numbered entries and says each on a pipe after queue_add() returned; it is killed.
 */
static int child_adds(int out)
{
	struct queue *q = again(NULL, &roomy);
	char text[16];

	for (int i = 0; q; i++) {
		snprintf(text, sizeof(text), "%d", i);
		if (add(q, QUEUE_STARTED, text) < 0 || write(out, &i, sizeof(i)) != sizeof(i))
			break;
	}
	return 1;
}

TEST(what_was_added_is_there_after_kill_9)
{
	static struct queue_conf wide = {100000, 1 << 20};
	int p[2], said = -1;

	unlink(path);
	REQUIRE(pipe(p) == 0);
	pid_t pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0)
		_exit(child_adds(p[1]));
	close(p[1]);
	while (said < 40 && read(p[0], &said, sizeof(said)) == sizeof(said))
		;
	kill(pid, SIGKILL);
	while (read(p[0], &said, sizeof(said)) == sizeof(said))
		;
	waitpid(pid, NULL, 0);
	close(p[0]);

	struct queue *q = again(NULL, &wide);
	REQUIRE(q);
	CHECK((int)queue_count(q) > said);
	for (int i = 0; i <= said; i++) {
		CHECK_INT(atol(head(q)), i);
		queue_done(q);
	}
	queue_close(q);
}
