/* Client and server against each other on one loop: messages, bounds, ends. */
#include "ws_rig.h"

TEST(messages_go_both_ways)
{
	struct ws_server_conf sc = {.subprotocols = "ocpp2.0.1,ocpp2.1"};
	struct ws_client_conf cc = {.subprotocols = "ocpp2.1,ocpp2.0.1"};

	REQUIRE(begin(&sc));
	r.echo = true;
	REQUIRE(join(&cc));
	CHECK(!ws_client_is_open(r.client));
	CHECK(ws_client_send(r.client, "x", 1) < 0);
	CHECK_INT(errno, ENOTCONN);
	REQUIRE(run_until(&r.client_open, 1));
	CHECK(ws_client_is_open(r.client));
	CHECK_STR(r.subprotocol, "ocpp2.1");
	CHECK_STR(r.tls, "");
	CHECK_STR(ws_client_identity(r.client), "CS001");
	end();
}

static void send_three(void)
{
	static char big[300000];

	memset(big, 'b', sizeof(big));
	CHECK(ws_client_send(r.client, "one", 3) == 0);
	CHECK(ws_client_send(r.client, big, sizeof(big)) == 0);
	CHECK(ws_client_send(r.client, "\xc3\xa4 last", 7) == 0);
	CHECK_INT(ws_client_queued(r.client), 3 + sizeof(big) + 7);
}

TEST(three_messages_come_back_in_order_whatever_their_size)
{
	struct ws_server_conf sc = {.message_max = 400000};
	struct ws_client_conf cc = {.message_max = 400000};

	REQUIRE(begin(&sc));
	r.echo = true;
	REQUIRE(join(&cc));
	when_open(send_three);
	CHECK(run_until(&r.client_messages, 3));
	CHECK_STR(r.last, "\xc3\xa4 last");
	CHECK_INT(r.server_messages, 3);
	CHECK(r.client_drained >= 1);
	CHECK_INT(ws_client_queued(r.client), 0);
	end();
}

static void overfill(void)
{
	char kb[1000];

	memset(kb, 'x', sizeof(kb));
	CHECK(ws_client_send(r.client, kb, sizeof(kb)) == 0);
	CHECK(ws_client_send(r.client, kb, sizeof(kb)) == 0);
	CHECK(ws_client_send(r.client, kb, sizeof(kb)) < 0);
	CHECK_INT(errno, ENOBUFS);
	CHECK_INT(ws_client_queued(r.client), 2000);
}

TEST(the_queue_has_its_bound)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.queue_max = 2500};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(overfill);
	CHECK(run_until(&r.server_messages, 2));
	end();
}

static void send_too_big(void)
{
	char kb[1000] = {0};

	memset(kb, 'x', sizeof(kb));
	ws_client_send(r.client, kb, sizeof(kb));
}

TEST(a_message_over_the_bound_ends_the_connection)
{
	struct ws_server_conf sc = {.message_max = 999};
	struct ws_client_conf cc = {.url = NULL};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(send_too_big);
	CHECK(run_until(&r.closed, 2));
	CHECK_INT(r.server_reason, WS_TOO_BIG);
	CHECK_INT(r.client_reason, WS_PROTOCOL);
	CHECK_INT(r.close_code, 1009);
	CHECK_INT(r.server_messages, 0);
	CHECK_INT(r.retry_ms, 0);
	end();
}

static void flood(int (*send)(const char *text, size_t len))
{
	char *mb = malloc(1 << 20);

	REQUIRE(mb != NULL);
	memset(mb, 'x', 1 << 20);
	send(mb, 1 << 20);
	send(mb, 1 << 20);
	free(mb);
}

static int to_server(const char *text, size_t len)
{
	return ws_client_send(r.client, text, len);
}

static int to_client(const char *text, size_t len)
{
	return ws_conn_send(r.conn, text, len);
}

static void flood_server(void)
{
	flood(to_server);
}

static void flood_client(void)
{
	flood(to_client);
}

/* Far more than one buffer of libwebsockets comes behind the breach: it was written past its end,
 * which a sanitizer build shows for certain. */
TEST(what_comes_behind_a_breach_is_passed_over)
{
	struct ws_server_conf sc = {.message_max = 999};
	struct ws_client_conf cc = {.message_max = 999};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(flood_server);
	CHECK(run_until(&r.closed, 2));
	CHECK_INT(r.server_reason, WS_TOO_BIG);
	CHECK_INT(r.server_messages, 0);
	end();

	cc.url = NULL;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(flood_client);
	CHECK(run_until(&r.closed, 2));
	CHECK_INT(r.client_reason, WS_TOO_BIG);
	CHECK_INT(r.client_messages, 0);
	end();
}

static void send_bad_text(void)
{
	ws_client_send(r.client, "\xc0\x80", 2);
}

TEST(text_that_is_not_utf8_ends_the_connection)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = NULL};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(send_bad_text);
	CHECK(run_until(&r.closed, 2));
	CHECK_INT(r.server_reason, WS_PROTOCOL);
	CHECK_INT(r.close_code, 1007);
	end();
}

static void close_politely(void)
{
	ws_client_send(r.client, "last words", 10);
	ws_client_close(r.client, 1000, "bye");
	CHECK(ws_client_send(r.client, "too late", 8) < 0);
	CHECK(!ws_client_is_open(r.client));
}

TEST(a_polite_end_sends_what_is_queued_first)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(close_politely);
	CHECK(run_until(&r.client_closed, 1));
	CHECK_STR(r.last, "last words");
	CHECK_INT(r.client_reason, WS_LOCAL);
	CHECK_INT(r.retry_ms, 0);
	end();
}

static void server_closes(void)
{
	ws_conn_close(r.conn, 1001, "going");
}

static void server_breaks(void)
{
	ws_conn_break(r.conn);
}

TEST(the_server_ends_it_politely_or_not)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true, .backoff = {5000, 0, 0}};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(server_closes);
	CHECK(run_until(&r.client_closed, 1));
	CHECK_INT(r.client_reason, WS_OK);
	CHECK_INT(r.close_code, 1001);
	CHECK_INT(r.retry_ms, 5000);
	end();

	cc.url = NULL;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(server_breaks);
	CHECK(run_until(&r.client_closed, 1));
	CHECK_INT(r.client_reason, WS_LOST);
	end();
}

TEST(a_client_may_be_freed_while_open)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = NULL};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(free_client);
	CHECK(run_until(&r.server_closed, 1));
	CHECK_INT(r.server_reason, WS_OK);
	CHECK_INT(r.client_closed, 0);
	end();
}

static void free_server(void)
{
	ws_server_free(r.server);
}

TEST(a_server_may_be_freed_while_open)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.url = NULL};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(free_server);
	CHECK(run_until(&r.client_closed, 1));
	CHECK_INT(r.close_code, 1001);
	CHECK_INT(r.server_closed, 0);
	end();
}
