/* Who is not let in, not answered or not there; tries anew, and pings. */
#include "ws_rig.h"

TEST(it_tries_again_until_it_is_let_in)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true, .backoff = {20, 5, 1}};

	REQUIRE(begin(&sc));
	r.refuse_with = 503;
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 3));
	CHECK_INT(r.client_reason, WS_HTTP);
	CHECK_INT(r.http_status, 503);
	CHECK(r.retry_ms >= 40 && r.retry_ms <= 45);
	end();
}

TEST(without_reconnect_one_refusal_is_the_end)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = NULL};

	REQUIRE(begin(&sc));
	r.refuse_with = 404;
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.http_status, 404);
	CHECK_INT(r.retry_ms, 0);
	CHECK_INT(r.server_refused, 1);
	end();
}

static void go_again(void)
{
	r.refuse_with = 0;
	ws_client_reconnect(r.client);
}

TEST(told_to_reconnect_it_does_so_at_once)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true, .backoff = {60000, 0, 0}};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(go_again);
	CHECK(run_until(&r.client_open, 2));
	CHECK_INT(r.client_closed, 1);
	end();

	cc.url = NULL;
	REQUIRE(begin(&sc));
	r.refuse_with = 503;
	REQUIRE(join(&cc));
	when_open(go_again);
	CHECK(run_until(&r.client_open, 1));
	CHECK_INT(r.client_refused, 1);
	end();
}

/* A peer that accepts and then says nothing. */
static int silent_listener(int *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	*port = ntohs(sa.sin_port);
	return fd;
}

TEST(a_silent_server_times_out)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {
	    .connect_timeout_ms = 100, .reconnect = true, .backoff = {10, 0, 0}};
	char url[64];
	int port, fd = silent_listener(&port);

	REQUIRE(fd >= 0);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/CS001", port);
	cc.url = url;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 2));
	CHECK_INT(r.client_reason, WS_TIMEOUT);
	end();
	close(fd);
}

TEST(nobody_there_is_unreachable)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = NULL};
	char url[64];
	int port, fd = silent_listener(&port);

	REQUIRE(fd >= 0);
	close(fd);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/CS001", port);
	cc.url = url;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.client_reason, WS_UNREACHABLE);
	end();
}

TEST(a_name_that_is_not_there_is_looked_up_beside_the_loop)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = "ws://nowhere.invalid/CS001",
				    .connect_timeout_ms = 5000};

	CHECK(ws_resolve_needed("nowhere.invalid"));
	CHECK(!ws_resolve_needed("127.0.0.1"));
	CHECK(!ws_resolve_needed("::1"));
	CHECK(!ws_resolve_needed("localhost"));
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	/* a network whose name server is slow or dead is no fault of ours */
	CHECK(r.client_reason == WS_DNS || r.client_reason == WS_TIMEOUT);
	end();
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(free_client);
	loop_timer_set(r.loop, &r.give_up, clock_read().mono_us + 400000);
	loop_run(r.loop);
	end();
}

static void nothing(void)
{
	loop_stop(r.loop, 0);
}

TEST(pings_keep_it_open_and_are_answered)
{
	struct ws_server_conf sc = {.ping_interval_ms = 20, .pong_timeout_ms = 200};
	struct ws_client_conf cc = {.ping_interval_ms = 20, .pong_timeout_ms = 200};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	r.on_poke = nothing;
	loop_timer_after(r.loop, &r.poke, 600000);
	run_until(&r.client_closed, 1);
	CHECK_INT(r.client_open, 1);
	CHECK_INT(r.client_closed, 0);
	CHECK_INT(r.server_closed, 0);
	CHECK_STR(r.text, "");
	end();
}
