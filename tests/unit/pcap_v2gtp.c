/* V2GTP frames out of streams with holes, and SDP. */
#include "harness.h"

#include "pcap/v2gtp.h"

static const uint8_t stream[] = {0x01, 0xfe, 0x80, 0x01, 0,    0, 0, 4, 0x80, 0x40, 0x00,
				 0x40, 0x01, 0xfe, 0x80, 0x04, 0, 0, 0, 2,    0x80, 0x77,
				 0x01, 0xfe, 0x80, 0x02, 0,    0, 0, 3, 0x80, 0x01, 0xfe};
static const struct {
	uint16_t type;
	size_t size;
} frames[] = {{0x8001, 4}, {0x8004, 2}, {0x8002, 3}};

/* Takes the frames there are, which go on from the given one. */
static size_t take(struct v2gtp *v, size_t next)
{
	struct v2gtp_frame f;
	struct err err;

	while (v2gtp_next(v, &f, &err) == 1 && next < 3) {
		CHECK_INT(f.type, frames[next].type);
		CHECK_INT(f.size, frames[next].size);
		CHECK_INT(f.payload[0], 0x80);
		next++;
	}
	return next;
}

TEST(frames_in_pieces)
{
	for (size_t piece = 1; piece <= sizeof stream; piece++) {
		struct v2gtp v;
		size_t next = 0;

		v2gtp_init(&v, piece % 2);
		for (size_t i = 0; i < sizeof stream; i += piece) {
			size_t n = sizeof stream - i < piece ? sizeof stream - i : piece;

			CHECK_INT(v2gtp_feed(&v, stream + i, n), 0);
			next = take(&v, next);
		}
		CHECK_INT(next, 3);
		CHECK_INT(v2gtp_left(&v), 0);
		v2gtp_release(&v);
	}
}

/* Whatever is missing: the frames before and behind are there, and no wrong one is. */
TEST(lost_octets)
{
	static const size_t starts[] = {0, 12, 22, sizeof stream};

	for (size_t from = 0; from < sizeof stream; from++) {
		for (size_t to = from + 1; to <= sizeof stream; to++) {
			struct v2gtp v;
			size_t whole = 0, next;

			v2gtp_init(&v, false);
			v2gtp_feed(&v, stream, from);
			while (whole < 3 && starts[whole + 1] <= from)
				whole++;
			CHECK_INT(take(&v, 0), whole);
			v2gtp_lost(&v, to - from);
			v2gtp_feed(&v, stream + to, sizeof stream - to);
			for (next = 0; next < 3 && starts[next] < to; next++)
				;
			CHECK_INT(take(&v, next), 3);
			v2gtp_release(&v);
		}
	}
}

TEST(no_header)
{
	static const uint8_t wrong[] = {0x01, 0xfd, 0x80, 0x01, 0, 0, 0, 4},
			     vast[] = {0x01, 0xfe, 0x80, 0x01, 1, 0, 0, 0};
	struct v2gtp_frame f;
	struct err err;
	struct v2gtp v;

	v2gtp_init(&v, false);
	v2gtp_feed(&v, wrong, sizeof wrong);
	CHECK_INT(v2gtp_next(&v, &f, &err), -1);
	CHECK_STR(err.msg, "V2GTP header 01 fd where 01 fe is due");
	CHECK_INT(v2gtp_next(&v, &f, &err), 0);
	v2gtp_feed(&v, stream, sizeof stream);
	CHECK_INT(take(&v, 0), 3);
	v2gtp_feed(&v, vast, sizeof vast);
	CHECK_INT(v2gtp_next(&v, &f, &err), -1);
	CHECK_STR(err.msg, "V2GTP payload of 16777216 octets");
	v2gtp_feed(&v, stream, sizeof stream);
	CHECK_INT(take(&v, 0), 3);
	v2gtp_feed(&v, stream, 10);
	CHECK_INT(take(&v, 0), 0);
	CHECK_INT(v2gtp_left(&v), 10);
	v2gtp_release(&v);
}

TEST(sdp)
{
	static const uint8_t request[] = {0x01, 0xfe, 0x90, 0x00, 0, 0, 0, 2, 0x10, 0x00},
			     response[] = {0x01, 0xfe, 0x90, 0x01, 0,    0,    0,
					   20,   0xfe, 0x80, 0,    0,    0,    0,
					   0,    0,    2,    0x11, 0x22, 0xff, 0xfe,
					   0x33, 0x44, 0x55, 0xc0, 0x00, 0x00, 0x00};
	uint8_t bad[sizeof request + 1];
	struct v2gtp_frame f;
	struct v2gtp_sdp s;
	struct err err;

	CHECK_INT(v2gtp_datagram(request, sizeof request, &f, &err), 0);
	CHECK_INT(v2gtp_sdp(&f, &s, &err), 0);
	CHECK_STR(s.message, "SDPRequest");
	CHECK_STR(v2gtp_security(s.security), "none");
	CHECK_STR(v2gtp_transport(s.transport), "tcp");
	CHECK_INT(v2gtp_datagram(response, sizeof response, &f, &err), 0);
	CHECK_INT(v2gtp_sdp(&f, &s, &err), 0);
	CHECK_INT(s.port, 49152);
	CHECK_STR(v2gtp_security(s.security), "tls");
	CHECK(memcmp(s.ip, response + 8, 16) == 0);
	CHECK_INT(v2gtp_datagram(request, 7, &f, &err), -1);
	CHECK_INT(v2gtp_datagram(request, sizeof request - 1, &f, &err), -1);
	memcpy(bad, request, sizeof request);
	bad[sizeof request] = 0xff;
	CHECK_INT(v2gtp_datagram(bad, sizeof bad, &f, &err), -1);
	bad[7] = 3;
	CHECK_INT(v2gtp_datagram(bad, sizeof bad, &f, &err), 0);
	CHECK_INT(v2gtp_sdp(&f, &s, &err), -1);
	bad[2] = 0x80;
	CHECK_INT(v2gtp_datagram(bad, sizeof bad, &f, &err), 0);
	CHECK_INT(v2gtp_sdp(&f, &s, &err), -1);
}

TEST(types)
{
	CHECK_INT(v2gtp_schema_type(0x8101), 0x8002);
	CHECK_INT(v2gtp_schema_type(0x8004), 0x8004);
	CHECK_INT(v2gtp_schema_type(0x9000), 0);
	CHECK(v2gtp_type_name(0x8007) == NULL);
	CHECK_STR(v2gtp_security(0x20), "reserved");
	CHECK_STR(v2gtp_transport(0x20), "reserved");
}
