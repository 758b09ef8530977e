/* URLs, listen addresses, basic auth and subprotocol lists; and the back-off. */
#include "harness.h"

#include "ws/backoff.h"
#include "ws/url.h"

static bool refused(const char *text, const char *says)
{
	struct ws_url url;
	struct err e = {""};

	return ws_url_parse(&url, text, &e) < 0 && strstr(e.msg, says) != NULL;
}

TEST(a_url_is_taken_apart)
{
	struct ws_url url;

	REQUIRE(ws_url_parse(&url, "wss://csms.example:8443/ocpp/v2/CS%20001?a=b", NULL) == 0);
	CHECK(url.tls && !url.http);
	CHECK_STR(url.host, "csms.example");
	CHECK_INT(url.port, 8443);
	CHECK_STR(url.path, "/ocpp/v2/CS%20001?a=b");
	CHECK_STR(url.identity, "CS 001");
}

TEST(ports_and_paths_have_defaults)
{
	struct ws_url url;

	REQUIRE(ws_url_parse(&url, "ws://h", NULL) == 0);
	CHECK(!url.tls);
	CHECK_INT(url.port, 80);
	CHECK_STR(url.path, "/");
	CHECK_STR(url.identity, "");
	REQUIRE(ws_url_parse(&url, "https://h?x", NULL) == 0);
	CHECK(url.tls && url.http);
	CHECK_INT(url.port, 443);
	CHECK_STR(url.path, "/?x");
	REQUIRE(ws_url_parse(&url, "wss://[::1]:99/CS", NULL) == 0);
	CHECK_STR(url.host, "::1");
	CHECK_INT(url.port, 99);
}

TEST(bad_urls_are_refused_with_the_cause)
{
	CHECK(refused("ftp://h/", "none of"));
	CHECK(refused("", "none of"));
	CHECK(refused("ws://", "host or port"));
	CHECK(refused("ws:///x", "host or port"));
	CHECK(refused("ws://h:0/", "host or port"));
	CHECK(refused("ws://h:65536/", "host or port"));
	CHECK(refused("ws://h:8x/", "host or port"));
	CHECK(refused("ws://h:/", "host or port"));
	CHECK(refused("ws://[::1/", "host or port"));
	CHECK(refused("ws://[]/", "host or port"));
	CHECK(refused("ws://[::1]9/", "host or port"));
	CHECK(refused("ws://user:pw@h/", "user or password"));
	CHECK(refused("ws://h/a b", "space or control"));
	CHECK(refused("ws://h/a\n", "space or control"));
	CHECK(refused("ws://h/a#b", "fragment"));
	CHECK(refused("ws://h/a%2", "escape"));
	CHECK(refused("ws://h/a%zz", "escape"));
	CHECK(refused("ws://h/a%00", "control byte"));
}

TEST(long_urls_are_refused)
{
	char text[WS_URL_MAX + 40];
	struct ws_url url;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "ws://", 5);
	CHECK(refused(text, "longer"));
	text[WS_URL_MAX - 1] = '\0';
	CHECK(refused(text, "host or port"));
	memcpy(text, "ws://h/", 7);
	CHECK(refused(text, "identity in the path is longer"));
	text[7 + WS_IDENTITY_MAX] = '\0';
	CHECK(ws_url_parse(&url, text, NULL) == 0);
	CHECK_INT(strlen(url.identity), WS_IDENTITY_MAX);
	/* the longest query after the host alone: the '/' put before it must still fit */
	memset(text, 'a', sizeof(text));
	memcpy(text, "ws://h?", 7);
	text[WS_URL_MAX - 1] = '\0';
	CHECK(ws_url_parse(&url, text, NULL) == 0);
}

TEST(listen_addresses)
{
	char host[64];
	uint16_t port;

	REQUIRE(ws_listen_parse(host, sizeof(host), &port, "127.0.0.1:8443", NULL) == 0);
	CHECK_STR(host, "127.0.0.1");
	CHECK_INT(port, 8443);
	REQUIRE(ws_listen_parse(host, sizeof(host), &port, "[::1]:0", NULL) == 0);
	CHECK_STR(host, "::1");
	CHECK_INT(port, 0);
	REQUIRE(ws_listen_parse(host, sizeof(host), &port, ":80", NULL) == 0);
	CHECK_STR(host, "");
	CHECK(ws_listen_parse(host, sizeof(host), &port, "127.0.0.1", NULL) < 0);
	CHECK(ws_listen_parse(host, sizeof(host), &port, "::1:80", NULL) < 0);
	CHECK(ws_listen_parse(host, sizeof(host), &port, "[::1]", NULL) < 0);
	CHECK(ws_listen_parse(host, sizeof(host), &port, "h:70000", NULL) < 0);
	CHECK(ws_listen_parse(host, sizeof(host), &port, "", NULL) < 0);
	CHECK(ws_listen_parse(host, sizeof(host), &port, "8443", NULL) < 0);
}

TEST(basic_auth_headers)
{
	char user[16] = "-", password[16] = "-";

	CHECK(ws_basic_parse("Digest x", user, password, 16) < 0);
	CHECK(ws_basic_parse("Basic", user, password, 16) < 0);
	CHECK(ws_basic_parse("Basic Q1MwMDE6cA=", user, password, 16) < 0);
	CHECK(ws_basic_parse("Basic Q1Mw=DE6", user, password, 16) < 0);
	CHECK(ws_basic_parse("Basic Q1MwMDE=", user, password, 16) < 0); /* no colon */
	CHECK(ws_basic_parse("Basic ADpw", user, password, 16) < 0);     /* NUL inside */
	CHECK(ws_basic_parse("Basic YTphYWFhYWFhYWFhYWFhYWFhYWE=", user, password, 16) < 0);
	CHECK_STR(user, "-");
	REQUIRE(ws_basic_parse("basic Q1MwMDE6cGE6c3M=", user, password, 16) == 0);
	CHECK_STR(user, "CS001");
	CHECK_STR(password, "pa:ss");
	REQUIRE(ws_basic_parse("Basic Og==", user, password, 16) == 0);
	CHECK_STR(user, "");
	CHECK_STR(password, "");
}

TEST(subprotocols_are_picked_in_the_order_wanted)
{
	char out[16] = "";

	CHECK(ws_subprotocol_pick(out, sizeof(out), "ocpp2.1, ocpp2.0.1", "ocpp2.0.1,ocpp2.1"));
	CHECK_STR(out, "ocpp2.1");
	CHECK(ws_subprotocol_pick(out, sizeof(out), "ocpp2.1,ocpp2.0.1", "ocpp1.6 , ocpp2.0.1 "));
	CHECK_STR(out, "ocpp2.0.1");
	CHECK(!ws_subprotocol_pick(out, sizeof(out), "ocpp2.1", "ocpp2.0.1"));
	CHECK(!ws_subprotocol_pick(out, sizeof(out), "", ""));
	CHECK(!ws_subprotocol_pick(out, 4, "ocpp2.1", "ocpp2.1"));
}

TEST(the_wait_doubles_and_then_stays)
{
	struct ws_backoff b = {1000, 0, 3};

	CHECK_INT(ws_backoff_ms(&b, 0, 0), 1000);
	CHECK_INT(ws_backoff_ms(&b, 1, 0), 2000);
	CHECK_INT(ws_backoff_ms(&b, 3, 0), 8000);
	CHECK_INT(ws_backoff_ms(&b, 4, 0), 8000);
	CHECK_INT(ws_backoff_ms(&b, UINT32_MAX, 0), 8000);
}

TEST(the_random_part_stays_in_its_range)
{
	struct ws_backoff b = {1000, 500, 0};
	uint32_t seed = 1, seen_min = UINT32_MAX, seen_max = 0;

	CHECK_INT(ws_backoff_ms(&b, 0, UINT32_MAX), 1500);
	CHECK_INT(ws_backoff_ms(&b, 0, 0), 1000);
	for (int i = 0; i < 20000; i++) {
		uint32_t w;

		seed = seed * 1664525u + 1013904223u;
		w = ws_backoff_ms(&b, 9, seed);
		seen_min = w < seen_min ? w : seen_min;
		seen_max = w > seen_max ? w : seen_max;
	}
	CHECK_INT(seen_min, 1000);
	CHECK_INT(seen_max, 1500);
}

TEST(the_wait_never_overflows)
{
	struct ws_backoff b = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

	CHECK_INT(ws_backoff_ms(&b, UINT32_MAX, UINT32_MAX), WS_BACKOFF_MAX_MS);
	b.wait_min_ms = 0;
	b.random_range_ms = 0;
	CHECK_INT(ws_backoff_ms(&b, UINT32_MAX, UINT32_MAX), 0);
}
