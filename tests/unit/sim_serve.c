/* The servers of the simulator with real sockets and a real loop: slow, half and noisy peers. */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/mbserve.h"
#include "sim/pilotsock.h"

static struct loop *loop;
static char dir[] = "/tmp/sim-serve-XXXXXX";

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop, 0);
}

static void start(void)
{
	struct err err;

	if (strstr(dir, "XXXXXX"))
		CHECK(mkdtemp(dir) != NULL);
	loop = loop_new(&err);
	CHECK(loop != NULL);
}

/* Runs the loop for a while, with something done in the middle of it. */
static void run_ms(int ms, void (*middle)(void *ctx), void *ctx)
{
	struct loop_timer until = {.name = "stop", .fn = stop};
	struct loop_timer half = {.name = "middle", .fn = middle, .ctx = ctx};
	int64_t now_us = clock_read().mono_us;

	loop_timer_set(loop, &until, now_us + ms * 1000);
	if (middle)
		loop_timer_set(loop, &half, now_us + ms * 700);
	loop_run(loop);
}

/* ---- Modbus ---- */

static int late_ms;

static void ask(void *ctx, int line, const struct sim_mb_request *r, struct sim_mb_reply *out)
{
	(void)ctx;
	out->late_ms = late_ms;
	out->garbage = r->addr == 666;
	out->exception = r->count < 1 || r->count > 125 ? 3 : 0;
	for (int i = 0; i < 125; i++)
		out->registers[i] = (uint16_t)(line * 1000 + r->addr + i);
}

static int dial(int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static const uint8_t read_two[] = {0, 7, 0, 0, 0, 6, 1, 4, 0, 10, 0, 2};

static void send_bytes(int fd, const void *bytes, size_t len)
{
	CHECK_INT(write(fd, bytes, len), len);
}

static long got(int fd, uint8_t *bytes, size_t len)
{
	return recv(fd, bytes, len, MSG_DONTWAIT);
}

TEST(one_slow_client_holds_up_nobody)
{
	uint8_t answer[64];
	struct sim_mbserve *s;
	struct err err;
	int port = 0, a, b, c;

	start();
	s = sim_mbserve_new(loop, ask, NULL);
	CHECK_INT(sim_mbserve_tcp(s, "127.0.0.1", &port, &err), 0);
	a = dial(port);
	b = dial(port);
	c = dial(port);
	send_bytes(a, read_two, 7);
	send_bytes(b, read_two, sizeof(read_two));
	send_bytes(c, "GET / HTTP/1.1\r\n\r\n", 18);
	run_ms(50, NULL, NULL);
	CHECK_INT(got(b, answer, sizeof(answer)), 13);
	CHECK_INT(answer[1], 7);
	CHECK_INT(answer[10], 10);
	CHECK(got(a, answer, sizeof(answer)) < 0);
	CHECK_INT(got(c, answer, sizeof(answer)), 0); /* closed: it is no Modbus */
	close(a);
	close(b);
	close(c);
	sim_mbserve_free(s);
	loop_free(loop);
}

TEST(late_answers_keep_their_order_and_pipelined_requests_their_answers)
{
	uint8_t answer[64];
	struct sim_mbserve *s;
	struct err err;
	int port = 0, a;

	start();
	s = sim_mbserve_new(loop, ask, NULL);
	CHECK_INT(sim_mbserve_tcp(s, "127.0.0.1", &port, &err), 0);
	a = dial(port);
	late_ms = 30;
	for (uint8_t i = 1; i <= 3; i++) {
		uint8_t req[sizeof(read_two)];

		memcpy(req, read_two, sizeof(req));
		req[1] = i;
		send_bytes(a, req, sizeof(req));
	}
	run_ms(150, NULL, NULL);
	late_ms = 0;
	CHECK_INT(got(a, answer, sizeof(answer)), 39);
	CHECK_INT(answer[1], 1);
	CHECK_INT(answer[14], 2);
	CHECK_INT(answer[27], 3);
	close(a);
	sim_mbserve_free(s);
	loop_free(loop);
}

static const uint8_t serial_read[] = {1, 4, 0, 0, 0, 2, 0x71, 0xcb};

static void ask_again(void *ctx)
{
	send_bytes(*(int *)ctx, serial_read, sizeof(serial_read));
}

TEST(a_serial_line_forgets_half_a_request)
{
	struct sim_mbserve *s;
	uint8_t answer[64];
	char path[64];
	struct err err;
	int fd;

	start();
	snprintf(path, sizeof(path), "%s/tty", dir);
	s = sim_mbserve_new(loop, ask, NULL);
	CHECK_INT(sim_mbserve_tty(s, 3, path, &err), 0);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	CHECK(fd >= 0);
	send_bytes(fd, serial_read, 3);
	run_ms(120, ask_again, &fd); /* the half is dropped after 50 ms of silence */
	CHECK_INT(read(fd, answer, sizeof(answer)), 9);
	CHECK_INT(answer[3] << 8 | answer[4], 3000);
	close(fd);
	sim_mbserve_free(s);
	CHECK(access(path, F_OK) < 0);
	loop_free(loop);
}

TEST(wrong_addresses_are_explained)
{
	struct sim_mbserve *s;
	struct err err;
	int port = 0;

	start();
	s = sim_mbserve_new(loop, ask, NULL);
	CHECK_INT(sim_mbserve_tcp(s, "localhost", &port, &err), -1);
	CHECK(strstr(err.msg, "localhost") != NULL);
	CHECK_INT(sim_mbserve_tty(s, 1, "/nowhere/at/all", &err), -1);
	CHECK(strstr(err.msg, "/nowhere/at/all") != NULL);
	sim_mbserve_free(s);
	loop_free(loop);
}

/* ---- pilot sockets ---- */

static struct sim_pilotsock *pilots;
static int hellos, last_evse;
static char last_line[64];

static void on_line(void *ctx, int evse, const char *line, size_t len)
{
	(void)ctx;
	last_evse = evse;
	snprintf(last_line, sizeof(last_line), "%s", line ? line : "(none)");
	CHECK(!line || len == strlen(line));
}

static void on_hello(void *ctx, int evse)
{
	(void)ctx;
	hellos++;
	sim_pilotsock_send(pilots, evse, "newest", 6);
}

static int controller(int evse)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/pilot.%d.sock", dir, evse);
	CHECK_INT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void start_pilots(void)
{
	const struct sim_pilotsock_calls calls = {on_line, on_hello, NULL};
	struct err err;

	start();
	pilots = sim_pilotsock_new(loop, dir, 2, &calls, &err);
	CHECK(pilots != NULL);
	hellos = 0;
}

TEST(lines_come_and_go_by_evse)
{
	uint8_t text[64] = {0};
	int a, b;

	start_pilots();
	a = controller(1);
	b = controller(2);
	send_bytes(b, "{\"alive\":1}\n", 12);
	run_ms(30, NULL, NULL);
	CHECK_INT(hellos, 2);
	CHECK_INT(last_evse, 1);
	CHECK_STR(last_line, "{\"alive\":1}");
	CHECK(sim_pilotsock_heard(pilots, 0) && sim_pilotsock_heard(pilots, 1));
	CHECK_INT(got(a, text, sizeof(text)), 7);
	CHECK(memcmp(text, "newest\n", 7) == 0);
	close(a);
	close(b);
	sim_pilotsock_free(pilots);
	loop_free(loop);
}

static void flood_then_read(void *ctx)
{
	int fd = *(int *)ctx;
	uint8_t text[4096];

	for (int i = 0; i < 100000; i++)
		sim_pilotsock_send(pilots, 0, "an old state of the board", 25);
	while (got(fd, text, sizeof(text)) > 0)
		;
}

TEST(a_controller_that_does_not_read_gets_the_newest_state_when_it_does)
{
	uint8_t text[65536];
	long n;
	int a;

	start_pilots();
	a = controller(1);
	run_ms(60, flood_then_read, &a);
	CHECK_INT(hellos, 2);
	n = got(a, text, sizeof(text));
	CHECK(n > 7 && memcmp(text + n - 8, "\nnewest\n", 8) == 0);
	close(a);
	sim_pilotsock_free(pilots);
	sim_pilotsock_send(NULL, 0, "x", 1);
	CHECK(!sim_pilotsock_heard(NULL, 0));
	loop_free(loop);
}

TEST(a_path_too_long_for_a_socket_is_explained)
{
	const struct sim_pilotsock_calls calls = {on_line, on_hello, NULL};
	char deep[200];
	struct err err;

	start();
	memset(deep, 'x', sizeof(deep) - 1);
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	CHECK(sim_pilotsock_new(loop, deep, 1, &calls, &err) == NULL);
	CHECK(strstr(err.msg, "too long") != NULL);
	loop_free(loop);
}

TEST(cleans_up)
{
	CHECK_INT(rmdir(dir), 0);
}
