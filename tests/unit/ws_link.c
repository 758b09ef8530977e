/* Client and server against each other on one loop: messages, bounds, pings, ends, TLS, tries anew.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/loop.h"
#include "ws/resolve.h"
#include "ws/url.h"
#include "ws/ws.h"

static struct rig {
	struct loop *loop;
	struct ws *ws;
	struct ws_server *server;
	struct ws_client *client;
	struct ws_conn *conn;
	struct loop_timer give_up, poke;
	int refuse_with;
	int client_open, client_closed, client_refused, client_messages, client_drained;
	int closed; /* by both ends */
	int server_open, server_closed, server_refused, server_messages;
	enum ws_reason client_reason, server_reason;
	int http_status, close_code;
	uint32_t retry_ms;
	size_t last_len;
	char last[256], text[300], tls[16], peer_name[65], subprotocol[32];
	char identity[WS_IDENTITY_MAX + 1];
	bool echo, timed_out;
	int *wait_for, wait_count;
	void (*on_poke)(void);
} r;

static void stop_when_reached(void)
{
	if (r.wait_for && *r.wait_for >= r.wait_count)
		loop_stop(r.loop, 0);
}

static void keep(const struct ws_event *ev)
{
	r.last_len = ev->len;
	snprintf(r.last, sizeof(r.last), "%.200s", ev->data);
}

static void on_client(void *user, struct ws_client *c, const struct ws_event *ev)
{
	(void)user, (void)c;
	switch (ev->kind) {
	case WS_OPEN:
		r.client_open++;
		snprintf(r.tls, sizeof(r.tls), "%s", ev->tls ? ev->tls : "");
		snprintf(r.subprotocol, sizeof(r.subprotocol), "%s", ev->subprotocol);
		break;
	case WS_MESSAGE:
		r.client_messages++;
		keep(ev);
		break;
	case WS_CLOSED:
		r.client_closed++;
		r.closed++;
		r.client_reason = ev->reason;
		r.close_code = ev->close_code;
		r.retry_ms = ev->retry_ms;
		snprintf(r.text, sizeof(r.text), "%s", ev->text);
		break;
	case WS_REFUSED:
		r.client_refused++;
		r.client_reason = ev->reason;
		r.http_status = ev->http_status;
		r.retry_ms = ev->retry_ms;
		snprintf(r.text, sizeof(r.text), "%s", ev->text);
		break;
	case WS_DRAINED:
		r.client_drained++;
		break;
	}
	stop_when_reached();
}

static void on_server(void *user, struct ws_conn *conn, const struct ws_event *ev)
{
	(void)user;
	switch (ev->kind) {
	case WS_OPEN:
		r.server_open++;
		r.conn = conn;
		snprintf(r.identity, sizeof(r.identity), "%s", ws_conn_identity(conn));
		snprintf(r.peer_name, sizeof(r.peer_name), "%s",
			 ev->peer_name ? ev->peer_name : "");
		break;
	case WS_MESSAGE:
		r.server_messages++;
		keep(ev);
		if (r.echo)
			ws_conn_send(conn, ev->data, ev->len);
		break;
	case WS_CLOSED:
		r.server_closed++;
		r.closed++;
		r.server_reason = ev->reason;
		r.conn = NULL;
		break;
	case WS_REFUSED:
		r.server_refused++;
		r.server_reason = ev->reason;
		break;
	case WS_DRAINED:
		break;
	}
	stop_when_reached();
}

static int admit(void *user, const struct ws_request *rq)
{
	(void)user;
	if (rq->user && strcmp(rq->password, "right password") != 0)
		return 401;
	return r.refuse_with;
}

static void on_give_up(void *ctx)
{
	(void)ctx;
	r.timed_out = true;
	loop_stop(r.loop, 1);
}

static void on_poke(void *ctx)
{
	(void)ctx;
	r.on_poke();
}

/* Loops are run several times here; only tests do that. */
static bool run_until(int *counter, int count)
{
	r.wait_for = counter;
	r.wait_count = count;
	r.timed_out = false;
	loop_timer_set(r.loop, &r.give_up, clock_read().mono_us + 10000000);
	if (*counter < count)
		loop_run(r.loop);
	loop_timer_cancel(r.loop, &r.give_up);
	return !r.timed_out && *counter >= count;
}

static char *pki(const char *file)
{
	static char dir[64], path[16][128];
	static int turn;
	char command[200];

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/tmp/ws_link.XXXXXX");
		if (!mkdtemp(dir))
			return NULL;
		snprintf(command, sizeof(command), "sh cmd/evse-pki.sh -d %s demo CS001 >/dev/null",
			 dir);
		if (system(command) != 0)
			printf("evse-pki failed\n");
	}
	turn = (turn + 1) % 16;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, file);
	return path[turn];
}

static void remove_pki(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf %s", pki(""));
	if (system(command) != 0)
		printf("unable to remove %s\n", pki(""));
}

__attribute__((constructor)) static void clean_up_at_exit(void)
{
	atexit(remove_pki);
}

static bool begin(struct ws_server_conf *sc)
{
	struct err e = {""};

	r = (struct rig){.give_up = {.name = "give-up", .fn = on_give_up},
			 .poke = {.name = "poke", .fn = on_poke}};
	r.loop = loop_new(&e);
	r.ws = ws_new(r.loop, &e);
	if (!sc->listen)
		sc->listen = "127.0.0.1:0";
	sc->admit = admit;
	r.server = ws_server_new(r.ws, sc, on_server, NULL, &e);
	if (!r.server)
		printf("%s\n", e.msg);
	return r.server != NULL;
}

static bool join(struct ws_client_conf *cc)
{
	static char url[64];
	struct err e = {""};

	if (!cc->url) {
		snprintf(url, sizeof(url), "%s://127.0.0.1:%d/x/CS001", cc->ca_file ? "wss" : "ws",
			 ws_server_port(r.server));
		cc->url = url;
	}
	r.client = ws_client_new(r.ws, cc, on_client, NULL, &e);
	if (!r.client)
		printf("%s\n", e.msg);
	return r.client != NULL;
}

static void end(void)
{
	ws_free(r.ws);
	loop_free(r.loop);
}

/* Run again after a stop: a fresh rig is simpler than an API for it. */
#define BOTH_OPEN(sc, cc)                              \
	do {                                           \
		REQUIRE(begin(sc));                    \
		REQUIRE(join(cc));                     \
		REQUIRE(run_until(&r.client_open, 1)); \
	} while (0)

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

/* Does its work as soon as the connection is open: the loop is run once. */
static void when_open(void (*fn)(void))
{
	r.on_poke = fn;
	loop_timer_after(r.loop, &r.poke, 150000);
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

static void free_client(void)
{
	ws_client_free(r.client);
	ws_client_free(r.client);
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

TEST(tls_13_with_certificates_on_both_ends)
{
	struct ws_server_conf sc = {.cert_file = pki("server.crt"),
				    .key_file = pki("server.key"),
				    .ca_file = pki("ca.crt"),
				    .require_client_cert = true};
	struct ws_client_conf cc;

	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.ca_file = pki("ca.crt"),
				     .cert_file = pki("CS001.crt"),
				     .key_file = pki("CS001.key"),
				     .security_profile = 3};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_open, 1));
	CHECK_STR(r.tls, "TLSv1.3");
	end();
	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.ca_file = pki("ca.crt")};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.client_reason, WS_TLS_CERT_MISSING);
	end();
}

TEST(files_are_read_again_at_each_try)
{
	struct ws_server_conf sc = {.cert_file = pki("server.crt"), .key_file = pki("server.key")};
	struct ws_client_conf cc;
	char path[128], moved[128];

	REQUIRE(begin(&sc));
	snprintf(path, sizeof(path), "%s", pki("ca.crt"));
	snprintf(moved, sizeof(moved), "%s", pki("ca.moved"));
	r.refuse_with = 503;
	cc = (struct ws_client_conf){.ca_file = path, .reconnect = true, .backoff = {10, 0, 0}};
	REQUIRE(join(&cc));
	REQUIRE(rename(path, moved) == 0);
	CHECK(run_until(&r.client_refused, 2));
	CHECK_INT(r.client_reason, WS_LOCAL);
	CHECK(strstr(r.text, "unable to open CA file") != NULL);
	CHECK(rename(moved, path) == 0);
	end();
}

TEST(basic_auth_is_sent_and_judged)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s", pki("password"));
	f = fopen(path, "w");
	REQUIRE(f != NULL);
	fputs("right password\n", f);
	fclose(f);
	CHECK(chmod(path, 0600) == 0);
	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.security_profile = 1, .password_file = path};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_open, 1));
	end();
	f = fopen(path, "w");
	REQUIRE(f != NULL);
	fputs("wrong", f);
	fclose(f);
	cc.url = NULL;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.http_status, 401);
	end();
}

static void change_identity(void)
{
	struct ws_client_conf other = {.reconnect = true, .backoff = {60000, 0, 0}};
	struct err e = {""};
	char url[64];

	other.url = "nonsense";
	CHECK(ws_client_set_conf(r.client, &other, &e) < 0);
	CHECK(strstr(e.msg, "none of") != NULL);
	CHECK_STR(ws_client_identity(r.client), "CS001");
	snprintf(url, sizeof(url), "ws://localhost:%d/x/CS002", ws_server_port(r.server));
	other.url = url;
	CHECK(ws_client_set_conf(r.client, &other, &e) == 0);
	CHECK_STR(ws_client_identity(r.client), "CS002");
	CHECK(ws_client_is_open(r.client));
	ws_client_reconnect(r.client);
}

TEST(a_configuration_can_be_changed_and_a_bad_one_changes_nothing)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true, .backoff = {60000, 0, 0}};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(change_identity);
	CHECK(run_until(&r.server_open, 2));
	CHECK_STR(r.identity, "CS002");
	CHECK_INT(r.client_closed, 1);
	end();
}

TEST(impossible_configurations_are_refused)
{
	struct ws_server_conf sc = {.listen = NULL}, bad;
	struct err e = {""};

	REQUIRE(begin(&sc));
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .require_client_cert = true};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .cert_file = "x"};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = NULL};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .subprotocols = "a,b,c,d,e,f,g,h,i"};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	CHECK(strstr(e.msg, "subprotocols") != NULL);
	end();
}

/* ---- the loop's side ---- */

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
