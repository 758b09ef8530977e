/* SLAC messages as JSON. */
#include "harness.h"

#include "pcap/slac.h"

static const uint8_t parm[] = {0x01, 0x64, 0x60, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0};
static const uint8_t match[] = {
    0x01, 0x7d, 0x60, 0,  0,  0,  0,  0x56, 0,  'E', 'V', '1', 0,  0,  0,    0,  0,  0,  0,
    0,    0,    0,    0,  0,  0,  0,  2,    0,  0,   0,   0,   1,  1,  2,    3,  4,  5,  6,
    7,    8,    9,    10, 11, 12, 13, 14,   15, 16,  17,  2,   0,  0,  0,    0,  2,  1,  2,
    3,    4,    5,    6,  7,  8,  0,  0,    0,  0,   0,   0,   0,  0,  0xb0, 1,  2,  3,  4,
    5,    6,    0,    1,  2,  3,  4,  5,    6,  7,   8,   9,   10, 11, 12,   13, 14, 15, 16};

static int print(const uint8_t *data, size_t size, struct slac *s, struct buf *out, struct err *err)
{
	struct jw w;
	int r;

	CHECK_INT(slac_read(data, size, s, err), 0);
	buf_reset(out);
	jw_init(&w, out);
	r = slac_print(s, &w, err);
	CHECK(!jw_failed(&w));
	return r;
}

TEST(messages)
{
	struct slac s;
	struct buf out;
	struct err err;

	buf_init(&out, 4096);
	CHECK_INT(print(parm, sizeof parm, &s, &out, &err), 0);
	CHECK_STR(s.name, "CM_SLAC_PARM.REQ");
	CHECK_INT(s.dir, SLAC_FROM_EV);
	CHECK_STR(buf_str(&out), "{\"application_type\":0,\"security_type\":0,"
				 "\"run_id\":\"0102030405060708\"}");
	CHECK_INT(print(match, sizeof match, &s, &out, &err), 0);
	CHECK_STR(s.name, "CM_SLAC_MATCH.CNF");
	CHECK_INT(s.dir, SLAC_FROM_EVSE);
	/* An identifier of text, one of octets; and never the key. */
	CHECK_STR(
	    buf_str(&out),
	    "{\"application_type\":0,\"security_type\":0,\"mvf_length\":86,\"pev_id\":\"EV1\","
	    "\"pev_mac\":\"02:00:00:00:00:01\","
	    "\"evse_id\":\"0102030405060708090a0b0c0d0e0f1011\","
	    "\"evse_mac\":\"02:00:00:00:00:02\",\"run_id\":\"0102030405060708\","
	    "\"nid\":\"b0010203040506\"}");
	buf_release(&out);
}

TEST(cut)
{
	struct slac s;
	struct buf out;
	struct err err;

	buf_init(&out, 4096);
	for (size_t n = 5; n < sizeof match; n++) {
		uint8_t *copy = malloc(n);

		memcpy(copy, match, n);
		CHECK_INT(print(copy, n, &s, &out, &err), -1);
		free(copy);
	}
	CHECK_INT(slac_read(match, 4, &s, &err), -1);
	CHECK_INT(slac_read(match, 0, &s, &err), -1);
	buf_release(&out);
}

TEST(others)
{
	/* Version 0 has no fragment words; a vendor's type has no name. */
	static const uint8_t old[] = {0x00, 0x65, 0x60, 1, 2, 3}, vendor[] = {0, 0x38, 0xa0};
	struct slac s;
	struct err err;

	CHECK_INT(slac_read(old, sizeof old, &s, &err), 0);
	CHECK_INT(s.size, 3);
	CHECK_INT(slac_read(vendor, sizeof vendor, &s, &err), 0);
	CHECK(s.name == NULL);
}
