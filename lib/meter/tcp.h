/* Modbus TCP answers that belong to their request.
 *
 * libmodbus 3.1.6 over TCP looks at the transaction id, the function and the length, but not at the
 * unit: behind a gateway that mixes up its units, another meter's counter would be taken for this
 * one's. So requests over TCP are framed and checked here, on libmodbus' connection. */
#ifndef METER_TCP_H
#define METER_TCP_H

#include <stdint.h>

#include "meter/plan.h"

/**
 * Ask for registers, and wait for the answer.
 *
 * @fd          a connected stream socket
 * @id          of this transaction; another one for each request
 * @regs        span->count registers, in host order; undefined on failure
 * @timeout_ms  longest wait for the whole answer
 * @return  0, or -1 with errno: ETIMEDOUT, ECONNRESET (closed), one of libmodbus' for an exception
 * (EMBXILADD …), EMBBADSLAVE (another unit's answer), EMBBADDATA (an answer to something else), or
 * what the system says
 *
 * Blocking: at most timeout_ms.  Source: Modbus messaging on TCP/IP V1.0b, 3.1.3 and 4.4.2.2
 */
int meter_tcp_read(int fd, uint16_t id, int unit, const struct meter_span *span, uint16_t *regs,
		   int timeout_ms);

#endif
