#include "pcap/v2gtp.h"

#include "pcap/octets.h"

#include <string.h>

enum { EXI_HEAD = 0x80, VERSION = 0x01 };

static const struct {
	uint16_t type, schema_type;
	const char *name;
} types[] = {
    {0x8001, 0x8001, "EXI of DIN 70121, ISO 15118-2 and the handshake"},
    {0x8002, 0x8002, "ISO 15118-20 common messages"},
    {0x8003, 0x8003, "ISO 15118-20 AC"},
    {0x8004, 0x8004, "ISO 15118-20 DC"},
    {0x8005, 0x8005, "ISO 15118-20 ACDP"},
    {0x8006, 0x8006, "ISO 15118-20 WPT"},
    {0x8101, 0x8002, "schedule renegotiation"},
    {0x8102, 0x8002, "metering confirmation"},
    {0x8103, 0x8005, "ACDP system status"},
    {0x8104, 0x8002, "parking status"},
    {V2GTP_SDP_REQ, 0, "SDP request"},
    {V2GTP_SDP_RES, 0, "SDP response"},
    {0x9002, 0, "SDP request, wireless"},
    {0x9003, 0, "SDP response, wireless"},
};

static int type_row(uint16_t type)
{
	for (int i = 0; i < (int)(sizeof types / sizeof *types); i++) {
		if (types[i].type == type)
			return i;
	}
	return -1;
}

const char *v2gtp_type_name(uint16_t type)
{
	int row = type_row(type);

	return row < 0 ? NULL : types[row].name;
}

uint16_t v2gtp_schema_type(uint16_t type)
{
	int row = type_row(type);

	return row < 0 ? 0 : types[row].schema_type;
}

void v2gtp_init(struct v2gtp *v, bool searching)
{
	*v = (struct v2gtp){.searching = searching};
	buf_init(&v->in, V2GTP_PAYLOAD_MAX + (128 << 10));
}

void v2gtp_release(struct v2gtp *v)
{
	buf_release(&v->in);
}

static const uint8_t *at(const struct v2gtp *v, size_t *size)
{
	*size = v->in.len - v->done;
	return (const uint8_t *)buf_str(&v->in) + v->done;
}

int v2gtp_feed(struct v2gtp *v, const uint8_t *data, size_t size)
{
	size_t n = v->skip < size ? v->skip : size;

	v->skip -= n;
	buf_drop(&v->in, v->done);
	v->done = 0;
	return buf_add(&v->in, data + n, size - n);
}

void v2gtp_lost(struct v2gtp *v, size_t size)
{
	size_t have, left = v->skip;
	const uint8_t *p = at(v, &have);

	if (!left && !v->searching && have >= V2GTP_HEAD)
		left = V2GTP_HEAD + (size_t)be32(p + 4) - have;
	v->searching = v->searching || size > left;
	v->skip = size > left ? 0 : left - size;
	buf_reset(&v->in);
	v->done = 0;
}

size_t v2gtp_left(const struct v2gtp *v)
{
	return v->searching ? 0 : v->in.len - v->done;
}

static int check_head(const uint8_t *p, struct err *err)
{
	if (p[0] != VERSION || p[1] != (uint8_t)~VERSION)
		return err_set(err, "V2GTP header %02x %02x where 01 fe is due", p[0], p[1]);
	if (be32(p + 4) > V2GTP_PAYLOAD_MAX)
		return err_set(err, "V2GTP payload of %u octets", be32(p + 4));
	return 0;
}

/* Whether a frame may begin with these octets, of which some may not be there yet. */
static bool plausible(const uint8_t *p, size_t size)
{
	if (p[0] != VERSION || (size > 1 && p[1] != (uint8_t)~VERSION))
		return false;
	if (size > 3 && type_row(be16(p + 2)) < 0)
		return false;
	if (size > 7 && be32(p + 4) > V2GTP_PAYLOAD_MAX)
		return false;
	return size <= V2GTP_HEAD || p[3] >= 0x90 || p[V2GTP_HEAD] == EXI_HEAD;
}

/* Goes to the next octets that can be a header: true where nine of them are there. */
static bool search(struct v2gtp *v)
{
	size_t size;
	const uint8_t *p = at(v, &size);

	while (size && !plausible(p, size)) {
		p++;
		size--;
		v->done++;
	}
	return size > V2GTP_HEAD;
}

int v2gtp_next(struct v2gtp *v, struct v2gtp_frame *frame, struct err *err)
{
	const uint8_t *p;
	size_t size;

	if (v->searching && !search(v))
		return 0;
	v->searching = false;
	p = at(v, &size);
	if (size < V2GTP_HEAD)
		return 0;
	if (check_head(p, err) < 0) {
		v->searching = true;
		v->done++;
		return -1;
	}
	if (size - V2GTP_HEAD < be32(p + 4))
		return 0;
	*frame = (struct v2gtp_frame){be16(p + 2), p + V2GTP_HEAD, be32(p + 4)};
	v->done += V2GTP_HEAD + frame->size;
	return 1;
}

int v2gtp_datagram(const uint8_t *data, size_t size, struct v2gtp_frame *frame, struct err *err)
{
	if (size < V2GTP_HEAD)
		return err_set(err, "V2GTP header of %zu octets", size);
	if (check_head(data, err) < 0)
		return -1;
	if (be32(data + 4) != size - V2GTP_HEAD)
		return err_set(err, "V2GTP payload of %zu octets where %u are said",
			       size - V2GTP_HEAD, be32(data + 4));
	*frame = (struct v2gtp_frame){be16(data + 2), data + V2GTP_HEAD, size - V2GTP_HEAD};
	return 0;
}

int v2gtp_sdp(const struct v2gtp_frame *frame, struct v2gtp_sdp *out, struct err *err)
{
	const uint8_t *p = frame->payload;
	bool request = frame->type == V2GTP_SDP_REQ;
	size_t want = request ? 2 : 20;

	if (!request && frame->type != V2GTP_SDP_RES)
		return err_set(err, "payload type 0x%04x is not SDP", frame->type);
	if (frame->size != want)
		return err_set(err, "SDP of %zu octets where %zu are due", frame->size, want);
	*out = (struct v2gtp_sdp){.message = request ? "SDPRequest" : "SDPResponse",
				  .security = p[want - 2],
				  .transport = p[want - 1]};
	if (!request) {
		memcpy(out->ip, p, 16);
		out->port = be16(p + 16);
	}
	return 0;
}

const char *v2gtp_security(uint8_t security)
{
	return security == 0x00 ? "tls" : security == 0x10 ? "none" : "reserved";
}

const char *v2gtp_transport(uint8_t transport)
{
	return transport == 0x00 ? "tcp" : transport == 0x10 ? "udp(reserved)" : "reserved";
}
