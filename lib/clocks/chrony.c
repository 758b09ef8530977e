#include "clocks/chrony.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
	VERSION = 6,
	REQUEST = 1,
	REPLY = 2,
	CMD_TRACKING = 33,
	RPY_TRACKING = 5,
	REQUEST_HEAD = 20,
	REPLY_HEAD = 28,
	NO_TIME_HIGH = 0x7fffffff, /* high word of the seconds: none, by 32-bit builds */
};

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static uint32_t get16(const unsigned char *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const unsigned char *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* 7 bits of exponent and 25 of coefficient, both two's complement. */
static double get_float(const unsigned char *p)
{
	uint32_t x = get32(p);
	int exponent = (int)(x >> 25), coefficient = (int)(x & 0x1ffffff);

	if (exponent >= 1 << 6)
		exponent -= 1 << 7;
	if (coefficient >= 1 << 24)
		coefficient -= 1 << 25;
	return ldexp(coefficient, exponent - 25);
}

void chrony_request(uint32_t sequence, unsigned char out[CHRONY_REQUEST])
{
	memset(out, 0, CHRONY_REQUEST);
	out[0] = VERSION;
	out[1] = REQUEST;
	put16(out + 4, CMD_TRACKING);
	put16(out + 8, sequence >> 16);
	put16(out + 10, sequence & 0xffff);
}

static int check(const unsigned char *p, size_t len, uint32_t sequence, struct err *err)
{
	if (len < REPLY_HEAD)
		return err_set(err, "a reply of %zu bytes", len);
	if (p[0] != VERSION || p[1] != REPLY)
		return err_set(err, "version %u, kind %u: not a reply of version %d", p[0], p[1],
			       VERSION);
	if (get32(p + 16) != sequence)
		return err_set(err, "the reply to another request");
	if (get16(p + 8) != 0)
		return err_set(err, "refused with status %u", (unsigned)get16(p + 8));
	if (get16(p + 4) != CMD_TRACKING || get16(p + 6) != RPY_TRACKING || len < CHRONY_REPLY)
		return err_set(err, "not a tracking report");
	return 0;
}

int chrony_reply(const unsigned char *data, size_t len, uint32_t sequence,
		 struct chrony_tracking *t, struct err *err)
{
	const unsigned char *p = data + REPLY_HEAD;
	uint32_t high;
	int64_t seconds;

	if (check(data, len, sequence, err) < 0)
		return -1;
	high = get32(p + 28);
	seconds = (int64_t)((uint64_t)(high == NO_TIME_HIGH ? 0 : high) << 32 | get32(p + 32));
	if (seconds < 0 || seconds > INT64_C(253402300799))
		return err_set(err, "a time beyond the year 9999");
	*t = (struct chrony_tracking){
	    .ref_id = get32(p),
	    .stratum = (int)get16(p + 24),
	    .leap = (int)get16(p + 26),
	    .ref_us = seconds * 1000000 + get32(p + 36) % 1000000000 / 1000,
	    .correction_s = get_float(p + 40),
	    .last_offset_s = get_float(p + 44),
	    .rms_offset_s = get_float(p + 48),
	    .freq_ppm = get_float(p + 52),
	    .resid_ppm = get_float(p + 56),
	    .skew_ppm = get_float(p + 60),
	    .root_delay_s = get_float(p + 64),
	    .root_dispersion_s = get_float(p + 68),
	    .interval_s = get_float(p + 72),
	};
	return 0;
}
