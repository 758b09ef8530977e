#include "sim/modbus.h"

enum {
	MBAP = 7, /* transaction, protocol, length, unit */
	MBAP_LEN_MAX = 254,
	RTU_READ = 8, /* unit, function, address, count, CRC */

};

uint16_t sim_mb_crc(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1);
	}
	return crc;
}

static int word(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put_word(uint8_t *p, int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void take_pdu(const uint8_t *pdu, size_t len, struct sim_mb_request *out)
{
	out->fc = pdu[0];
	out->addr = out->count = -1;
	if (len == 5 && out->fc >= 1 && out->fc <= 6) {
		out->addr = word(pdu + 1);
		out->count = word(pdu + 3);
	}
}

static int take_tcp(const uint8_t *d, size_t len, size_t *used, struct sim_mb_request *out)
{
	size_t body;

	if (len < 6)
		return 0;
	body = (size_t)word(d + 4);
	if (word(d + 2) != 0 || body < 2 || body > MBAP_LEN_MAX)
		return -1;
	if (len < 6 + body)
		return 0;
	*used = 6 + body;
	out->transaction = (uint16_t)word(d);
	out->unit = d[6];
	take_pdu(d + MBAP, body - 1, out);
	return 1;
}

/* Bytes of an RTU request by its function; 0 = more bytes are needed to tell, -1 = unknown
 * function. */
static int rtu_len(const uint8_t *d, size_t len)
{
	if (len < 2)
		return 0;
	switch (d[1]) {
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		return RTU_READ;
	case 15:
	case 16:
		return len < 7 ? 0 : 9 + d[6];
	default:
		return -1;
	}
}

/* A frame ends where its length says. Unknown functions and wrong sums drop what is there: the
 * line's master repeats after its time-out, and begins on a quiet line. */
static int take_rtu(const uint8_t *d, size_t len, size_t *used, struct sim_mb_request *out)
{
	int want = rtu_len(d, len);
	size_t n;

	if (want < 0) {
		*used = len;
		return 0;
	}
	n = (size_t)want;
	if (n == 0 || len < n)
		return 0;
	if (sim_mb_crc(d, n - 2) != (uint16_t)(d[n - 2] | d[n - 1] << 8)) {
		*used = len;
		return 0;
	}
	*used = n;
	out->transaction = 0;
	out->unit = d[0];
	take_pdu(d + 1, n - 3, out);
	return 1;
}

int sim_mb_take(enum sim_framing framing, const uint8_t *data, size_t len, size_t *used,
		struct sim_mb_request *out)
{
	*used = 0;
	return framing == SIM_MB_TCP ? take_tcp(data, len, used, out)
				     : take_rtu(data, len, used, out);
}

size_t sim_mb_answer(enum sim_framing framing, const struct sim_mb_request *r, int exception,
		     const uint16_t *registers, uint8_t *out)
{
	uint8_t *pdu = out + (framing == SIM_MB_TCP ? MBAP : 1);
	size_t len = 2, total;

	pdu[0] = (uint8_t)(exception ? r->fc | 0x80 : r->fc);
	pdu[1] = (uint8_t)(exception ? exception : r->count * 2);
	for (int i = 0; !exception && i < r->count; i++, len += 2)
		put_word(pdu + len, registers[i]);
	total = (size_t)(pdu - out) + len;
	out[framing == SIM_MB_TCP ? 6 : 0] = (uint8_t)r->unit;
	if (framing == SIM_MB_TCP) {
		put_word(out, r->transaction);
		put_word(out + 2, 0);
		put_word(out + 4, (int)len + 1);
	} else {
		uint16_t crc = sim_mb_crc(out, total);

		out[total++] = (uint8_t)crc;
		out[total++] = (uint8_t)(crc >> 8);
	}
	return total;
}
