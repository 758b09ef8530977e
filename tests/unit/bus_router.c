/* The router with sockets whose other ends the test holds: what slow readers get, byte for byte. */
#include "harness.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/router.h"

enum { LINES = 4000 };

static struct router router;
static struct loop *loop;

/* A peer of @service that @fd speaks to. */
static struct peer *join(const char *service, const char *topics, int *fd)
{
	int pair[2], small = 8192;
	struct topics t;
	struct peer *p;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return NULL;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	*fd = pair[1];
	p = peer_new(&router, pair[0], service);
	if (p && topics && topics_parse(topics, &t, NULL) == 0)
		peer_subscribe(p, &t);
	return p;
}

static bool open_router(size_t ring_kib)
{
	struct err err;

	memset(&router, 0, sizeof router);
	loop = loop_new(&err);
	rights_init(&router.rights);
	return loop && router_open(&router, loop, "/nowhere", NULL, 0, ring_kib * 1024, &err) == 0;
}

static void close_router(void)
{
	router_close(&router, "/nowhere");
	loop_free(loop);
}

static size_t make_line(char *line, size_t size, const char *src, int n, int pad)
{
	int len = snprintf(line, size,
			   "{\"t\":\"2026-11-22T10:00:00.000Z\",\"type\":\"meter\",\"src\":\"%s\","
			   "\"n\":\"a.%d\",\"pad\":\"%*s\"}\n",
			   src, n, pad, "");

	return (size_t)len;
}

/* Reads a random part of what is there. */
static void take_some(int fd, struct buf *got)
{
	size_t most = (size_t)(rand() % 30000);
	char *at = buf_room(got, most);
	ssize_t n = at ? read(fd, at, most) : -1;

	if (n > 0)
		buf_added(got, (size_t)n);
}

static void take_all(struct peer *p, int fd, struct buf *got)
{
	char part[65536];
	ssize_t n;

	do {
		peer_flush(p);
		n = read(fd, part, sizeof part);
		if (n > 0)
			buf_add(got, part, (size_t)n);
	} while (n > 0);
}

/* The live mark comes first; then every line of @want in its order. */
static void check_same(const struct buf *got, const struct buf *want)
{
	const char *records = memchr(buf_str(got), '\n', got->len);

	REQUIRE(records && memmem(buf_str(got), (size_t)(records - buf_str(got)), "\"live\"", 6));
	records++;
	CHECK_INT(got->len - (size_t)(records - buf_str(got)), want->len);
	CHECK(memcmp(records, buf_str(want), want->len) == 0);
}

TEST(a_slow_reader_of_every_record_gets_each_byte_once)
{
	static char line[70000];
	struct buf got, want;
	struct peer *writer, *reader;
	int in, out;
	size_t len;

	srand(11);
	REQUIRE(open_router(1024));
	writer = join("meter.1", NULL, &in);
	reader = join("tap", "meter!", &out);
	REQUIRE(writer && reader);
	buf_init(&got, 64 << 20);
	buf_init(&want, 64 << 20);
	for (int i = 1; i <= LINES; i++) {
		len = make_line(line, sizeof line, "meter.1", i,
				rand() % 50 == 0 ? rand() % 60000 : rand() % 200);
		buf_add(&want, line, len);
		for (size_t at = 0; at < len;) {
			ssize_t n = write(in, line + at, len - at);

			at += n > 0 ? (size_t)n : 0;
			if (n < 0 || rand() % 20 == 0)
				peer_readable(writer);
		}
		if (want.len - got.len > 200000)
			take_all(reader, out, &got);
		else if (rand() % 10 == 0)
			take_some(out, &got);
		if (rand() % 3 == 0)
			peer_flush(reader);
	}
	peer_readable(writer);
	peer_readable(writer);
	take_all(reader, out, &got);
	check_same(&got, &want);
	CHECK_INT(router.routed, LINES);
	CHECK(!reader->slow);
	buf_release(&got);
	buf_release(&want);
	close(in);
	close(out);
	close_router();
}

TEST(a_reader_of_the_latest_that_stops_gets_the_newest_of_each_src)
{
	static char line[70000];
	struct peer *writer[3], *reader;
	int in[3], out, last[3] = {0};
	struct buf got;

	srand(12);
	REQUIRE(open_router(256));
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"meter.1", "meter.2", "meter.3"};

		REQUIRE((writer[i] = join(names[i], NULL, &in[i])));
	}
	REQUIRE((reader = join("tap", "meter~", &out)));
	buf_init(&got, 64 << 20);
	for (int i = 1; i <= LINES; i++) {
		int w = rand() % 3;
		char src[16];
		size_t len;

		snprintf(src, sizeof src, "meter.%d", w + 1);
		len = make_line(line, sizeof line, src, i, rand() % 2000);
		REQUIRE(write(in[w], line, len) == (ssize_t)len);
		peer_readable(writer[w]);
		last[w] = i;
	}
	CHECK(!reader->dead);
	take_all(reader, out, &got);
	for (int w = 0; w < 3; w++) {
		char n[32];

		snprintf(n, sizeof n, "\"meter.%d\",\"n\":\"a.%d\"", w + 1, last[w]);
		CHECK(memmem(buf_str(&got), got.len, n, strlen(n)));
	}
	/* far less than all */
	CHECK(got.len < 200000);
	buf_release(&got);
	for (int i = 0; i < 3; i++)
		close(in[i]);
	close(out);
	close_router();
}

TEST(a_reader_of_every_record_that_stops_is_let_go_and_nobody_else)
{
	static char line[1000];
	struct peer *writer, *stops, *reads;
	struct buf got, want;
	int in, out, other;
	size_t len;

	REQUIRE(open_router(256));
	writer = join("meter.1", NULL, &in);
	stops = join("tap", "meter!", &out);
	reads = join("tap", "meter!", &other);
	REQUIRE(writer && stops && reads);
	buf_init(&got, 64 << 20);
	buf_init(&want, 64 << 20);
	for (int i = 1; i <= LINES; i++) {
		len = make_line(line, sizeof line, "meter.1", i, 300);
		buf_add(&want, line, len);
		REQUIRE(write(in, line, len) == (ssize_t)len);
		peer_readable(writer);
		take_all(reads, other, &got);
	}
	check_same(&got, &want);
	CHECK(router.peer[1] == NULL);
	CHECK(router.peer[2] == reads);
	buf_release(&got);
	buf_release(&want);
	close(in);
	close(out);
	close(other);
	close_router();
}

/* ---- what the bus refuses, and whom it gives what ---- */

static void say(struct peer *p, const char *type, const char *src, int n, const char *more)
{
	char line[400];
	int len = snprintf(line, sizeof line,
			   "{\"t\":\"2026-11-22T10:00:00.000Z\",\"type\":\"%s\",\"src\":\"%s\","
			   "\"n\":\"a.%d\"%s}",
			   type, src, n, more);

	router_take(&router, p, line, (size_t)len);
}

/* All that came to @fd since the last call. */
static const char *heard(struct peer *p, int fd)
{
	static struct buf got;

	buf_release(&got);
	buf_init(&got, 16 << 20);
	take_all(p, fd, &got);
	return buf_str(&got);
}

static int times(const char *text, const char *word)
{
	int count = 0;

	for (; (text = strstr(text, word)); text++)
		count++;
	return count;
}

TEST(a_state_replaced_before_it_is_sent_comes_in_order_and_before_the_mark)
{
	const char *text, *third, *mark;
	struct peer *writer, *reader;
	int in, out;

	REQUIRE(open_router(256));
	writer = join("session", NULL, &in);
	say(writer, "session", "session.1", 1, "");
	reader = join("setpoint", "session~", &out);
	say(writer, "session", "session.1", 2, "");
	say(writer, "session", "session.1", 3, "");
	text = heard(reader, out);
	third = strstr(text, "\"a.3\"");
	mark = strstr(text, "\"live\"");
	CHECK_INT(times(text, "\"a.3\""), 1);
	CHECK(third && strstr(text, "\"a.2\"") && strstr(text, "\"a.2\"") < third);
	CHECK(mark && mark > third);
	close(in);
	close(out);
	close_router();
}

TEST(a_withdrawal_reaches_a_reader_of_the_latest_that_the_ring_overtook)
{
	static char pad[300];
	struct peer *writer, *noise, *reader;
	const char *text;
	int in, in2, out;

	REQUIRE(open_router(256));
	writer = join("ocpp", NULL, &in);
	noise = join("meter.1", NULL, &in2);
	say(writer, "reservation", "ocpp", 1, "");
	reader = join("display", "reservation~", &out);
	heard(reader, out);
	say(writer, "reservation", "ocpp", 2, ",\"gone\":true");
	snprintf(pad, sizeof pad, ",\"pad\":\"%200s\"", "");
	for (int i = 0; i < 4000; i++)
		say(noise, "meter", "meter.1", i, pad);
	text = heard(reader, out);
	CHECK(strstr(text, "\"gone\":true"));
	peer_free(reader);
	close(out);
	reader = join("display", "reservation~", &out);
	text = heard(reader, out);
	CHECK(!strstr(text, "reservation"));
	close(in);
	close(in2);
	close(out);
	close_router();
}

TEST(nonsense_types_use_up_no_places)
{
	struct peer *bad, *ocpp;
	char type[16];
	int in, in2;

	REQUIRE(open_router(256));
	bad = join("meter.1", NULL, &in);
	ocpp = join("ocpp", NULL, &in2);
	for (int i = 0; i < 2 * ROUTER_TYPES; i++) {
		snprintf(type, sizeof type, "x%d", i);
		say(bad, type, "meter.1", i, "");
	}
	CHECK_INT(router.routed, ROUTER_SAYS); /* as many security records */
	say(ocpp, "tariff", "ocpp", 1, "");
	CHECK_INT(router.routed, ROUTER_SAYS + 1);
	CHECK_INT(ocpp->refused, 0);
	close(in);
	close(in2);
	close_router();
}

TEST(a_flood_of_refused_lines_does_not_drive_others_off)
{
	struct peer *bad, *log;
	const char *text;
	int in, out;

	REQUIRE(open_router(256));
	bad = join("meter.1", NULL, &in);
	log = join("log", "*!", &out);
	for (int i = 0; i < 20000; i++)
		say(bad, "meter", "meter.2", i, "");
	CHECK_INT(bad->refused, 20000);
	CHECK(!log->dead);
	text = heard(log, out);
	CHECK_INT(times(text, "\"security\""), ROUTER_SAYS);
	close(in);
	close(out);
	close_router();
}

TEST(one_service_cannot_use_up_the_retained_state)
{
	struct peer *bad, *ocpp, *reader;
	char src[32];
	int in, in2, out;

	REQUIRE(open_router(256));
	bad = join("meter.1", NULL, &in);
	ocpp = join("ocpp", NULL, &in2);
	for (int i = 0; i < 2 * ROUTER_KEYS; i++) {
		snprintf(src, sizeof src, "meter.1.x%d", i);
		say(bad, "var", src, i + 1, "");
	}
	CHECK_INT(router.keep.count, ROUTER_SERVICE_KEYS);
	say(bad, "var", "meter.1.x0", 20000, "");
	say(ocpp, "availability", "ocpp.avail.1", 1, "");
	reader = join("session", "availability,var", &out);
	CHECK_INT(times(heard(reader, out), "\"availability\""), 1);
	close(in);
	close(in2);
	close(out);
	close_router();
}

TEST(a_command_goes_to_the_newest_connection_and_its_reply_to_all_of_the_service)
{
	static const char command[] = ",\"to\":\"sim\",\"id\":\"7\",\"kind\":\"plug\"";
	struct peer *asker, *other, *first, *second, *third;
	int fd[5];

	REQUIRE(open_router(256));
	first = join("sim", "", &fd[0]);
	second = join("sim", "", &fd[1]);
	asker = join("operator", "", &fd[2]);
	other = join("operator", "", &fd[3]);
	first->joined = second->joined = asker->joined = other->joined = true;
	peer_free(first);
	close(fd[0]);
	third = join("sim", "", &fd[4]); /* in the first place, but newer than the second */
	third->joined = true;
	CHECK_INT(third->id, 0);
	say(asker, "command", "operator", 1, command);
	CHECK_INT(times(heard(second, fd[1]), "\"plug\""), 0);
	CHECK_INT(times(heard(third, fd[4]), "\"plug\""), 1);
	say(third, "reply", "sim", 2, ",\"to\":\"operator\",\"id\":\"7\",\"status\":\"accepted\"");
	CHECK_INT(times(heard(asker, fd[2]), "\"accepted\""), 1);
	CHECK_INT(times(heard(other, fd[3]), "\"accepted\""), 1);
	CHECK_INT(times(heard(second, fd[1]), "\"accepted\""), 0);
	for (int i = 1; i < 5; i++)
		close(fd[i]);
	close_router();
}
