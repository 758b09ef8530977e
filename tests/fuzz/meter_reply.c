/* What a device may answer: any bytes, through libmodbus and the decoding of each type.
 *
 * Input: a byte of choices (bit 0 RTU, bit 1 the length of the request), then the bytes of the
 * answer. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter/link.h"
#include "meter/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Registers as a value of each type; scaling and printing must hold for all of them. */
static void decode_all(const uint16_t *regs, int count)
{
	for (int type = METER_U16; type <= METER_T6; type++) {
		for (unsigned invalid = 0; invalid < 8; invalid += 7) {
			int len = meter_type_len((enum meter_type)type);
			struct meter_layout l = {(enum meter_type)type, len ? len : count,
						 invalid & 1, invalid};
			char text[METER_DEC_MAX];
			struct meter_value v;

			if (l.len > count || l.len > METER_STR_MAX)
				continue;
			meter_value_decode(&l, regs, &v);
			meter_value_scale(&v, (int)(regs[0] % 41) - 20);
			if (v.kind != METER_NUMBER)
				continue;
			meter_dec_text(&v.num, text, sizeof(text));
			if (meter_dec_cmp(&v.num, &v.num) != 0)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct meter_address a = {
	    .baud = 9600, .data = 8, .stop = 1, .parity = 'N', .unit = 1, .port = 502};
	struct meter_span span = {4, 0, 2};
	uint16_t regs[METER_READ_MAX] = {0};
	struct err err = {""};
	struct meter_link *l;
	int pair[2];

	if (size < 1 || size > 512 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 0;
	a.rtu = data[0] & 1;
	a.host[0] = '/';
	span.count = data[0] & 2 ? 36 : 2;
	l = meter_link_new(&a, 20, &err);
	if (!l || write(pair[1], data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(pair[1], SHUT_WR);
	meter_link_adopt(l, pair[0]);
	meter_link_trust_line(l);
	if (meter_link_read(l, &span, regs, &err) == METER_LINK_OK)
		decode_all(regs, span.count);
	meter_link_free(l);
	close(pair[1]);
	return 0;
}
