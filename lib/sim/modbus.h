/* The server's side of Modbus frames, TCP and RTU. Pure: bytes in, a request out; registers in,
 * bytes out.
 *
 * Written here rather than taken from libmodbus: its server waits for the rest of a frame, and one
 * slow client would stop the whole world; and the clients that are tested against it use libmodbus.
 */
#ifndef SIM_MODBUS_H
#define SIM_MODBUS_H

#include <stddef.h>
#include <stdint.h>

enum sim_framing { SIM_MB_TCP, SIM_MB_RTU };

enum { SIM_MB_FRAME_MAX = 260 };

struct sim_mb_request {
	uint16_t transaction; /* TCP only */
	int unit;
	int fc;
	int addr, count; /* of a read; -1 where the function has none or the request is too short */
};

/**
 * Takes one request from the front of a byte stream.
 *
 * @used    bytes to drop from the front, also when there is no request
 * @return  1 with a request; 0 when more bytes are needed, or some were dropped (RTU noise, wrong
 * CRC); -1 when the stream is no Modbus TCP: close it
 */
int sim_mb_take(enum sim_framing framing, const uint8_t *data, size_t len, size_t *used,
		struct sim_mb_request *out);

/**
 * Builds the answer to a read request.
 *
 * @exception  0: registers follow; else the exception code
 * @registers  r->count values, NULL with an exception
 * @out        SIM_MB_FRAME_MAX bytes
 * @return     bytes written
 */
size_t sim_mb_answer(enum sim_framing framing, const struct sim_mb_request *r, int exception,
		     const uint16_t *registers, uint8_t *out);

/** CRC-16 of Modbus RTU over len bytes; on the wire the low byte goes first. */
uint16_t sim_mb_crc(const uint8_t *data, size_t len);

#endif
