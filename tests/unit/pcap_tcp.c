/* TCP streams put together: a random sender against the octets that it sent. */
#include "harness.h"

#include "pcap/tcp.h"

enum { OCTETS = 60000, SEGMENTS = 400 };

struct sink {
	struct tcp tcp;
	uint8_t got[2][OCTETS];
	size_t n[2], lost[2], last;
	int closed;
	bool counting; /* the octets don't matter */
};

static void on_data(void *ctx, struct tcp_conn *c, int from, const uint8_t *data, size_t size)
{
	struct sink *s = ctx;

	(void)c;
	if (s->counting)
		return;
	if (s->n[from] + size > OCTETS) {
		HARNESS_FAIL("more octets than were sent");
		return;
	}
	memcpy(s->got[from] + s->n[from], data, size);
	s->n[from] += size;
}

static void on_lost(void *ctx, struct tcp_conn *c, int from, size_t size)
{
	struct sink *s = ctx;

	(void)c;
	s->lost[from] += size;
	s->last = s->n[from];
}

static void on_closed(void *ctx, struct tcp_conn *c)
{
	(void)c;
	((struct sink *)ctx)->closed++;
}

static const struct tcp_events events = {on_data, on_lost, on_closed};
static struct sink sink;
static uint8_t sent[OCTETS];

static struct tcp_segment segment(uint16_t src, uint16_t dst, uint32_t seq, uint8_t flags,
				  const void *data, size_t size)
{
	return (struct tcp_segment){.src = {6, {0}, src},
				    .dst = {6, {0}, dst},
				    .seq = seq,
				    .flags = flags,
				    .data = data,
				    .size = size};
}

static void put(uint32_t seq, uint8_t flags, const void *data, size_t size)
{
	struct tcp_segment s = segment(1, 2, seq, flags, data, size);

	CHECK_INT(tcp_segment(&sink.tcp, &s), 0);
}

static void begin(void)
{
	sink = (struct sink){0};
	tcp_init(&sink.tcp, &events, &sink);
}

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Cuts the octets at random, doubles and overlaps them, and swaps neighbours at some distance. */
static void random_stream(uint32_t isn, size_t total)
{
	struct {
		size_t at, size;
	} list[SEGMENTS];
	size_t n = 0, at = 0;

	for (; at < total && n < SEGMENTS; n++) {
		size_t size = 1 + any((uint32_t)(2 * total / SEGMENTS + 300)),
		       back = any(4) ? 0 : any(200);

		back = back > at ? at : back;
		size = size > total - at ? total - at : size;
		list[n].at = at - back;
		list[n].size = size + back;
		at += size;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		size_t other = i + any(8);

		if (other < n) {
			__typeof__(list[0]) swap = list[i];

			list[i] = list[other];
			list[other] = swap;
		}
	}
	put(isn, TCP_SYN, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		put(isn + 1 + (uint32_t)list[i].at, TCP_ACK, sent + list[i].at, list[i].size);
		if (!any(5))
			put(isn + 1 + (uint32_t)list[i].at, TCP_ACK, sent + list[i].at,
			    list[i].size);
	}
	CHECK_INT(sink.n[0], at);
	CHECK(memcmp(sink.got[0], sent, at) == 0);
	CHECK_INT(sink.lost[0], 0);
}

TEST(any_order_gives_what_was_sent)
{
	for (size_t i = 0; i < OCTETS; i++)
		sent[i] = (uint8_t)(i * 131 + i / 251);
	for (uint32_t round = 0; round < 300; round++) {
		seed = round;
		begin();
		/* Every other one across the wrap of the sequence numbers. */
		random_stream(round % 2 ? 0xffffffffu - any(20000) : any(0xffffff),
			      1 + any(OCTETS));
		tcp_release(&sink.tcp);
		CHECK_INT(sink.closed, 1);
		if (harness_bad) {
			printf("seed %u\n", round);
			break;
		}
	}
}

TEST(a_hole_is_lost_at_the_end)
{
	begin();
	put(100, TCP_SYN, NULL, 0);
	put(101, TCP_ACK, "abc", 3);
	put(114, TCP_ACK, "xyz", 3);
	CHECK_INT(sink.n[0], 3);
	put(117, TCP_ACK | TCP_FIN, "", 0);
	tcp_release(&sink.tcp);
	CHECK_INT(sink.n[0], 6);
	CHECK_INT(sink.lost[0], 10);
	CHECK_INT(sink.last, 3);
}

TEST(the_last_segment_lost_shows_by_the_fin)
{
	begin();
	put(100, TCP_SYN, NULL, 0);
	put(111, TCP_ACK | TCP_FIN, NULL, 0);
	tcp_release(&sink.tcp);
	CHECK_INT(sink.lost[0], 10);
}

TEST(a_hole_is_lost_when_it_was_acknowledged)
{
	struct tcp_segment ack = segment(2, 1, 500, TCP_ACK, NULL, 0);

	begin();
	put(100, TCP_SYN, NULL, 0);
	put(105, TCP_ACK, "xyz", 3);
	ack.ack = 108;
	tcp_segment(&sink.tcp, &ack);
	CHECK_INT(sink.lost[0], 0);
	ack.time_us = 1000000;
	ack.ack = 105;
	tcp_segment(&sink.tcp, &ack);
	CHECK_INT(sink.lost[0], 0);
	ack.ack = 108;
	tcp_segment(&sink.tcp, &ack);
	CHECK_INT(sink.lost[0], 4);
	CHECK_INT(sink.n[0], 3);
	tcp_release(&sink.tcp);
}

TEST(memory_has_a_bound)
{
	static const uint8_t octets[1000];
	const struct tcp_half *h;

	begin();
	sink.counting = true;
	put(100, TCP_SYN, NULL, 0);
	h = &sink.tcp.conn[0]->half[0];
	/* Every second one is missing, each comes twice, and single octets cost more than one. */
	for (uint32_t i = 0; i < 3000; i++) {
		size_t size = i % 2 ? 1 : sizeof octets;

		put(1101 + i * 2000, TCP_ACK, octets, size);
		put(1101 + i * 2000, TCP_ACK, octets, size);
		CHECK(h->held_size <= TCP_HELD_MAX);
	}
	CHECK(sink.lost[0] > 0);
	for (uint16_t port = 10; port < 10 + 3 * TCP_STREAMS_MAX; port++) {
		struct tcp_segment s = segment(port, 2, 1, TCP_SYN, NULL, 0);

		s.time_us = port;
		CHECK_INT(tcp_segment(&sink.tcp, &s), 0);
	}
	CHECK_INT(sink.closed, 2 * TCP_STREAMS_MAX + 1);
	tcp_release(&sink.tcp);
	CHECK_INT(sink.closed, 3 * TCP_STREAMS_MAX + 1);
}

TEST(a_port_used_again_is_another_connection)
{
	begin();
	put(100, TCP_SYN, NULL, 0);
	put(100, TCP_SYN, NULL, 0);
	put(101, TCP_ACK, "abc", 3);
	put(100, TCP_SYN, NULL, 0);
	CHECK_INT(sink.tcp.count, 1);
	put(90000, TCP_SYN, NULL, 0);
	CHECK_INT(sink.closed, 1);
	put(90001, TCP_ACK, "def", 3);
	CHECK_INT(sink.tcp.count, 2);
	CHECK_INT(sink.tcp.conn[0]->number, 1);
	CHECK_INT(sink.n[0], 6);
	tcp_release(&sink.tcp);
}

TEST(who_opened)
{
	struct tcp_segment answer = segment(2, 1, 500, TCP_SYN | TCP_ACK, NULL, 0);

	begin();
	put(100, TCP_SYN, NULL, 0);
	CHECK_INT(sink.tcp.conn[0]->client, 0);
	tcp_release(&sink.tcp);
	begin();
	tcp_segment(&sink.tcp, &answer);
	CHECK_INT(sink.tcp.conn[0]->client, 1);
	tcp_release(&sink.tcp);
	begin();
	put(100, TCP_ACK, "abc", 3);
	CHECK_INT(sink.tcp.conn[0]->client, -1);
	CHECK_INT(sink.n[0], 3);
	/* Far from the window: not of this connection. */
	put(100 + (1u << 30), TCP_ACK, "abc", 3);
	tcp_release(&sink.tcp);
	CHECK_INT(sink.n[0], 3);
	CHECK_INT(sink.lost[0], 0);
}
