/* One Modbus device on libmodbus, over TCP or a serial line: reads of registers that can be trusted
 * to be answers.
 *
 * libmodbus 3.1.6 over RTU takes whatever frame of the right unit, function and length comes next
 * as the answer: after one late frame every read hands out the answer to the one before. So, over
 * RTU, all that stands in the line is thrown away and the line must be quiet before each request,
 * and after a read that failed the owner must prove the order again (meter_link_suspect(),
 * reader.c). Over TCP, where answers carry an id, the connection is dropped, and an answer is
 * checked here (tcp.h).
 *
 * Several processes may share a serial line: each holds a lock on it while it reads.
 * A read blocks, never longer than the time-out plus the quiet wait (at most 2 * timeout_ms in
 * all); opening a TCP connection never longer than the time-out for each address of the host,
 * besides looking up a host's name. */
#ifndef METER_LINK_H
#define METER_LINK_H

#include <stdbool.h>

#include "core/err.h"
#include "meter/address.h"
#include "meter/plan.h"

enum meter_link_result {
	METER_LINK_OK,
	METER_LINK_REFUSED, /* the device has no such registers: an answer */
	METER_LINK_FAILED,  /* no answer, or none that counts */
};

struct meter_link;

/**
 * Make a link; opens nothing.
 *
 * @a           complete: no member left to the model
 * @timeout_ms  longest wait for an answer
 * @return  a new link, to be freed with meter_link_free(), or NULL with @err
 */
struct meter_link *meter_link_new(const struct meter_address *a, int timeout_ms, struct err *err);
void meter_link_free(struct meter_link *l);

/** Connect or open the line. @return 0, or -1 with @err. */
int meter_link_open(struct meter_link *l, struct err *err);
void meter_link_close(struct meter_link *l);
bool meter_link_is_open(const struct meter_link *l);
bool meter_link_is_rtu(const struct meter_link *l);
int meter_link_timeout_ms(const struct meter_link *l);

/** Use an open descriptor (tests and fuzzing) in place of meter_link_open(); the link closes it. */
void meter_link_adopt(struct meter_link *l, int fd);

/** Leave out the quiet wait: only for the test that shows what it is for. */
void meter_link_trust_line(struct meter_link *l);

/** Take the serial line for a few reads. @return true, or false while another process has it. */
bool meter_link_lock(struct meter_link *l);
void meter_link_unlock(struct meter_link *l);

/**
 * Read registers.
 *
 * @regs  span->count registers, in host order; undefined unless METER_LINK_OK
 * @err   set for METER_LINK_REFUSED and METER_LINK_FAILED. After a failure over TCP, or when the
 * line is gone, the link is closed; after one over RTU it is suspect.
 */
enum meter_link_result meter_link_read(struct meter_link *l, const struct meter_span *span,
				       uint16_t *regs, struct err *err);

/** Most lost reads that are told apart; with more, the line must rest. */
#define METER_LOST_MAX 8

/** True while an answer to an older request may still come (RTU). */
bool meter_link_suspect(const struct meter_link *l);
/** The reads whose answers may still come: their number, @spans set; METER_LOST_MAX means that
 * there may be more. */
int meter_link_lost(const struct meter_link *l, const struct meter_span **spans);
/** The order was proved by an answer that none but the newest request can have. */
void meter_link_proved(struct meter_link *l);

/** Bytes thrown away as nobody's answer, since meter_link_new(). */
unsigned long meter_link_strays(const struct meter_link *l);

#endif
