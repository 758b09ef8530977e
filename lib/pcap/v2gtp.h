/* V2GTP frames out of a stream of octets, and SDP in a datagram.
 *
 * After octets that are no header, or that the capture lost, the stream is searched for the next
 * octets that can be one. Memory: one frame. */
#ifndef PCAP_V2GTP_H
#define PCAP_V2GTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	V2GTP_HEAD = 8,
	V2GTP_PAYLOAD_MAX = 256 << 10, /* longer frames are refused */
	V2GTP_SDP_REQ = 0x9000,
	V2GTP_SDP_RES = 0x9001,
};

struct v2gtp {
	struct buf in;
	size_t done; /* octets of in that were given */
	size_t skip; /* octets of a damaged frame to come */
	bool searching;
};

struct v2gtp_frame {
	uint16_t type;
	const uint8_t *payload; /* until the next call */
	size_t size;
};

/** @searching  true where the stream may begin in the middle of a frame */
void v2gtp_init(struct v2gtp *v, bool searching);
void v2gtp_release(struct v2gtp *v);

/** Takes octets of the stream. @return 0, or -1 when out of memory. */
int v2gtp_feed(struct v2gtp *v, const uint8_t *data, size_t size);

/** Tells that the next size octets of the stream are missing. */
void v2gtp_lost(struct v2gtp *v, size_t size);

/**
 * The next whole frame.
 *
 * @return  1; 0 when more octets are needed; -1 with @err where no header stands: call again, the
 * search goes on
 *
 * Source: ISO 15118-2:2014, 7.8.3; ISO 15118-20:2022, 7.8.3
 */
int v2gtp_next(struct v2gtp *v, struct v2gtp_frame *frame, struct err *err);

/** Octets of a frame that began and didn't end. */
size_t v2gtp_left(const struct v2gtp *v);

/**
 * The one frame of a datagram.
 *
 * @return  0, or -1 with @err
 */
int v2gtp_datagram(const uint8_t *data, size_t size, struct v2gtp_frame *frame, struct err *err);

/** What a payload type is called, or NULL where the standards have none of that number. */
const char *v2gtp_type_name(uint16_t type);

/** The type whose schema the EXI of this one has: 0x8101 to 0x8104 carry messages of others. */
uint16_t v2gtp_schema_type(uint16_t type);

struct v2gtp_sdp {
	const char *message; /* "SDPRequest", "SDPResponse" */
	uint8_t security, transport;
	uint8_t ip[16]; /* of a response */
	uint16_t port;
};

/**
 * SDP, from payload of 0x9000 or 0x9001.
 *
 * @return  0, or -1 with @err
 *
 * Source: ISO 15118-2:2014, 7.10.1
 */
int v2gtp_sdp(const struct v2gtp_frame *frame, struct v2gtp_sdp *out, struct err *err);

/** "tls", "none" or "reserved"; "tcp", "udp(reserved)" or "reserved". */
const char *v2gtp_security(uint8_t security);
const char *v2gtp_transport(uint8_t transport);

#endif
