/* TCP streams put together again from captured segments: in order, each octet once.
 *
 * Segments may come late, twice, overlapping, across the wrap of the sequence numbers, or never.
 * What came ahead of a hole waits; the hole is declared lost when the waiting octets are over the
 * bound, when the other side has acknowledged them for a second (so they were sent, only the
 * capture missed them), or at the end. Of octets sent twice the first ones count.
 *
 * Memory is bounded: TCP_HELD_MAX a direction and TCP_STREAMS_MAX connections, of which the one
 * silent for longest is closed for a new one. */
#ifndef PCAP_TCP_H
#define PCAP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TCP_HELD_MAX = 256 << 10,
	TCP_STREAMS_MAX = 128,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
};

struct tcp_end {
	uint8_t version; /* of IP */
	uint8_t ip[16];
	uint16_t port;
};

static inline bool tcp_end_same(const struct tcp_end *a, const struct tcp_end *b)
{
	if (a->version != b->version || a->port != b->port)
		return false;
	for (int i = 0; i < 16; i++) {
		if (a->ip[i] != b->ip[i])
			return false;
	}
	return true;
}

struct tcp_held;

struct tcp_half {
	bool started, ended;
	uint32_t first; /* sequence number of its first octet */
	uint32_t next;  /* sequence number of the octet awaited */
	uint32_t end;   /* of the FIN */
	struct tcp_held *held;
	size_t held_size;
	int64_t hole_us; /* when the first of the held came */
};

struct tcp_conn {
	struct tcp_end end[2];
	int client;      /* index of the end that opened it; -1 where that wasn't captured */
	uint64_t number; /* counts from 0 in order of appearance */
	int64_t last_us;
	struct tcp_half half[2]; /* what end[i] sent */
	void *user;              /* the caller's; NULL at first */
};

struct tcp_segment {
	struct tcp_end src, dst;
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *data;
	size_t size;
	int64_t time_us;
};

/* What is told, during tcp_segment() and tcp_release(). from is the index of the sender's end. */
struct tcp_events {
	void (*data)(void *ctx, struct tcp_conn *conn, int from, const uint8_t *data, size_t size);
	void (*lost)(void *ctx, struct tcp_conn *conn, int from, size_t size);
	void (*closed)(void *ctx, struct tcp_conn *conn); /* user is to be freed */
};

struct tcp {
	const struct tcp_events *events;
	void *ctx;
	uint64_t count;
	struct tcp_conn *conn[TCP_STREAMS_MAX];
};

void tcp_init(struct tcp *t, const struct tcp_events *events, void *ctx);

/** Gives what still waits, closes all connections and frees them. */
void tcp_release(struct tcp *t);

/**
 * Takes one segment.
 *
 * @return  0, or -1 with errno ENOMEM
 *
 * Source: RFC 9293, 3.4 (sequence numbers)
 */
int tcp_segment(struct tcp *t, const struct tcp_segment *s);

#endif
