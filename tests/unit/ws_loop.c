/* The loop that libwebsockets drives: files, pipes, timers. */
#include "ws_rig.h"

static int file_reads;

static void on_file(void *ctx, int fd, short revents)
{
	char c;

	(void)ctx;
	CHECK(revents & (POLLIN | POLLHUP));
	if (read(fd, &c, 1) == 1) {
		file_reads++;
		return;
	}
	loop_unwatch(r.loop, fd);
	loop_stop(r.loop, 0);
}

TEST(regular_files_and_pipes_are_read_to_their_end)
{
	struct ws_server_conf sc = {.listen = NULL};
	int pipes[2], fd;

	file_reads = 0;
	REQUIRE(begin(&sc));
	fd = open("VERSION", O_RDONLY);
	REQUIRE(fd >= 0);
	CHECK(loop_watch(r.loop, fd, POLLIN, on_file, NULL) == 0);
	loop_run(r.loop);
	CHECK(file_reads > 2);
	close(fd);
	end();

	file_reads = 0;
	REQUIRE(begin(&sc));
	REQUIRE(pipe(pipes) == 0);
	CHECK(write(pipes[1], "abc", 3) == 3);
	close(pipes[1]);
	CHECK(loop_watch(r.loop, pipes[0], 0, on_file, NULL) == 0);
	CHECK(loop_watch(r.loop, pipes[0], POLLIN, on_file, NULL) == 0);
	loop_run(r.loop);
	CHECK_INT(file_reads, 3);
	close(pipes[0]);
	end();
}

static int64_t fired_us;

static void on_fire(void *ctx)
{
	(void)ctx;
	fired_us = loop_now(r.loop).mono_us;
	loop_stop(r.loop, 0);
}

TEST(timers_are_not_early)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct loop_timer t = {.name = "t", .fn = on_fire};
	int64_t begun;

	REQUIRE(begin(&sc));
	begun = loop_now(r.loop).mono_us;
	loop_timer_set(r.loop, &t, begun + 30500);
	loop_run(r.loop);
	CHECK(fired_us >= begun + 30500);
	end();
}

TEST(every_reason_has_a_word)
{
	for (int i = WS_OK; i <= WS_LOST; i++)
		CHECK(ws_reason_word((enum ws_reason)i)[0] != '\0');
	CHECK_STR(ws_reason_word(WS_TLS_UNKNOWN_CA), "unknown_ca");
}
