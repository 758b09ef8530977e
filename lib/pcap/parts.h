/* What the files of talk.h share. Private to lib/pcap. */
#ifndef PCAP_PARTS_H
#define PCAP_PARTS_H

#include "core/buf.h"
#include "core/jw.h"
#include "pcap/net.h"
#include "pcap/talk.h"
#include "pcap/tcp.h"
#include "pcap/tls.h"
#include "pcap/v2gtp.h"

enum { ANNOUNCED = 8, OFFERS = 20, TEXT_MAX = 4 << 20, LINE_MAX_OCTETS = 8 << 20 };

/* One line being written, and what it begins with. */
struct talk_line {
	int from_ev; /* 1: ev->evse, 0: evse->ev, -1: not known */
	const char *from, *to;
	const struct tcp_conn *conn; /* NULL: no stream */
	const char *tls;             /* version; NULL: none */
};

/* What the handshake offered: the car's number for a schema of ours. */
struct talk_offer {
	uint64_t id;
	int schema; /* -1: none of ours */
};

struct talk {
	const struct keylog *keys;
	void (*say)(void *ctx, const char *line, size_t len);
	void *ctx;
	struct tcp tcp;
	struct talk_count count;
	uint64_t frame;
	int64_t time_us;
	bool failed; /* out of memory */
	struct tcp_end announced[ANNOUNCED];
	unsigned announcements;
	struct buf line;
	struct jw w;
	char *text; /* TEXT_MAX octets */
};

/* What is known of a TCP connection. */
struct talk_stream {
	struct talk *talk;
	struct tcp_conn *conn;
	enum { STREAM_NEW, STREAM_PLAIN, STREAM_TLS, STREAM_FOREIGN } kind;
	bool sure; /* it is of V2G, so what is wrong in it is told */
	struct v2gtp v2gtp[2];
	struct tls *tls;
	char version[8]; /* of TLS */
	struct talk_offer offer[OFFERS];
	size_t offers;
	int schema; /* negotiated of those that share 0x8001; -1: none */
};

/* Begins the line of the present packet; the object is left open. */
struct jw *talk_begin(struct talk *t, const struct talk_line *line);

/* Adds the member error; what may be longer than is kept. */
void talk_error(struct talk *t, const char *what);

void talk_end(struct talk *t);

/* A member of hex. */
void talk_hex(struct jw *w, const char *key, const uint8_t *data, size_t size);

/* Whether SDP told this end, and the telling of it. */
bool talk_is_announced(const struct talk *t, const struct tcp_end *end);
void talk_announce(struct talk *t, const struct tcp_end *end);

/* Says the line of a V2GTP frame in a stream. */
void talk_frame(struct talk_stream *s, int from, const struct v2gtp_frame *frame);

/* What the streams tell goes here; ctx is a struct talk. */
extern const struct tcp_events talk_tcp_events;

/* A line about a stream from one of its ends. */
struct jw *talk_begin_stream(struct talk_stream *s, int from);

#endif
