#include "meter/link.h"

#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "meter/tcp.h"

struct meter_link {
	struct meter_address at;
	modbus_t *mb;
	int timeout_ms, quiet_ms;
	bool open, locked, trusting, suspect;
	struct meter_span lost[METER_LOST_MAX];
	int n_lost;
	unsigned long strays;
	uint16_t id; /* of the last request over TCP */
};

/* Silence that ends a frame: 3.5 characters of 11 bits, at least 1.75 ms; one more for the system's
 * rounding. Source: Modbus over serial line V1.02, 2.5.1.1 */
static int quiet_ms(int baud)
{
	int us = baud > 19200 ? 1750 : 38500000 / baud;

	return us / 1000 + 2;
}

static modbus_t *make(const struct meter_address *a)
{
	char port[8];

	if (a->rtu)
		return modbus_new_rtu(a->host, a->baud, a->parity, a->data, a->stop);
	snprintf(port, sizeof(port), "%d", a->port);
	return modbus_new_tcp_pi(a->host, port);
}

struct meter_link *meter_link_new(const struct meter_address *a, int timeout_ms, struct err *err)
{
	struct meter_link *l = calloc(1, sizeof(*l));

	if (!l) {
		err_sys(err, "memory");
		return NULL;
	}
	l->at = *a;
	l->timeout_ms = timeout_ms;
	l->quiet_ms = a->rtu ? quiet_ms(a->baud) : 0;
	l->mb = make(a);
	if (!l->mb || modbus_set_slave(l->mb, a->unit)) {
		err_set(err, "%s: %s", a->host, modbus_strerror(errno));
		meter_link_free(l);
		return NULL;
	}
	/* Without a byte time-out the response time-out bounds the whole answer, also when it
	 * trickles in. */
	modbus_set_response_timeout(l->mb, (uint32_t)timeout_ms / 1000,
				    (uint32_t)timeout_ms % 1000 * 1000);
	modbus_set_byte_timeout(l->mb, 0, 0);
	modbus_set_error_recovery(l->mb, MODBUS_ERROR_RECOVERY_NONE);
	return l;
}

void meter_link_free(struct meter_link *l)
{
	if (!l)
		return;
	meter_link_close(l);
	if (l->mb)
		modbus_free(l->mb);
	free(l);
}

int meter_link_open(struct meter_link *l, struct err *err)
{
	if (l->open)
		return 0;
	if (modbus_connect(l->mb))
		return err_set(err, "%s: %s", l->at.host, modbus_strerror(errno));
	l->open = true;
	/* What an earlier owner of the line asked may still be answered. */
	l->suspect = l->at.rtu;
	l->n_lost = 0;
	return 0;
}

void meter_link_close(struct meter_link *l)
{
	meter_link_unlock(l);
	if (l->open)
		modbus_close(l->mb);
	l->open = l->suspect = false;
	l->n_lost = 0;
}

bool meter_link_is_open(const struct meter_link *l)
{
	return l->open;
}

bool meter_link_is_rtu(const struct meter_link *l)
{
	return l->at.rtu;
}

void meter_link_adopt(struct meter_link *l, int fd)
{
	modbus_set_socket(l->mb, fd);
	l->open = true;
}

void meter_link_trust_line(struct meter_link *l)
{
	l->trusting = true;
}

bool meter_link_lock(struct meter_link *l)
{
	if (!l->at.rtu || !l->open || l->locked)
		return true;
	l->locked = flock(modbus_get_socket(l->mb), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
	return l->locked;
}

void meter_link_unlock(struct meter_link *l)
{
	if (l->locked)
		flock(modbus_get_socket(l->mb), LOCK_UN);
	l->locked = false;
}

/* Throw away what stands in the line until it was quiet for once. */
static int make_quiet(struct meter_link *l, struct err *err)
{
	struct pollfd p = {.fd = modbus_get_socket(l->mb), .events = POLLIN};

	for (int waited = 0; waited <= l->timeout_ms; waited += l->quiet_ms) {
		char stray[256];
		ssize_t n;

		if (poll(&p, 1, l->quiet_ms) == 0)
			return 0;
		n = read(p.fd, stray, sizeof(stray));
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return err_set(err, "%s: the line is gone", l->at.host);
		l->strays += n > 0 ? (unsigned long)n : 0;
	}
	return err_set(err, "%s: the line is never quiet", l->at.host);
}

/* Exceptions by which a device says that it has no such registers; the others are troubles that may
 * pass. Source: Modbus application protocol V1.1b3, 7 */
static bool is_refusal(int code)
{
	return code == EMBXILFUN || code == EMBXILADD || code == EMBXILVAL;
}

static bool is_exception(int code)
{
	return code > MODBUS_ENOBASE && code < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX;
}

/* Whether an RTU line can go on being used after this errno. */
static bool line_lives(int code)
{
	return code == ETIMEDOUT || code == EMBBADCRC || code == EMBBADDATA || code == EMBBADEXC ||
	       code == EMBUNKEXC || code == EMBMDATA || code == EMBBADSLAVE;
}

/* @return 0, or -1 with errno (0: a wrong answer that has no code) */
static int read_span(struct meter_link *l, const struct meter_span *span, uint16_t *regs)
{
	int n;

	errno = 0;
	if (!l->at.rtu)
		return meter_tcp_read(modbus_get_socket(l->mb), ++l->id, l->at.unit, span, regs,
				      l->timeout_ms);
	n = span->fc == 4 ? modbus_read_input_registers(l->mb, span->addr, span->count, regs)
			  : modbus_read_registers(l->mb, span->addr, span->count, regs);
	return n == span->count ? 0 : -1;
}

enum meter_link_result meter_link_read(struct meter_link *l, const struct meter_span *span,
				       uint16_t *regs, struct err *err)
{
	int code;

	if (l->at.rtu && !l->trusting && make_quiet(l, err)) {
		meter_link_close(l);
		return METER_LINK_FAILED;
	}
	if (read_span(l, span, regs) == 0)
		return METER_LINK_OK;
	code = errno;
	err_set(err, "%s: unit %d, function %d, registers %d to %d: %s", l->at.host, l->at.unit,
		span->fc, span->addr, span->addr + span->count - 1,
		code ? modbus_strerror(code) : "wrong answer");
	if (is_refusal(code))
		return METER_LINK_REFUSED;
	if (is_exception(code))
		return METER_LINK_FAILED;
	l->suspect = true;
	if (l->n_lost < METER_LOST_MAX)
		l->lost[l->n_lost++] = *span;
	if (!l->at.rtu || !line_lives(code))
		meter_link_close(l);
	return METER_LINK_FAILED;
}

bool meter_link_suspect(const struct meter_link *l)
{
	return l->suspect;
}

int meter_link_lost(const struct meter_link *l, const struct meter_span **spans)
{
	*spans = l->lost;
	return l->n_lost;
}

void meter_link_proved(struct meter_link *l)
{
	l->suspect = false;
	l->n_lost = 0;
}

unsigned long meter_link_strays(const struct meter_link *l)
{
	return l->strays;
}

int meter_link_timeout_ms(const struct meter_link *l)
{
	return l->timeout_ms;
}
