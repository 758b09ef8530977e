#include "meter/tcp.h"

#include <errno.h>
#include <modbus.h>
#include <stdbool.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

/* Transaction, protocol and length, two bytes each, then the unit; the length counts from there. */
enum { HEADER = 7, ADU_MAX = 260 };

static void put16(uint8_t *at, int v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static int fail(int code)
{
	errno = code;
	return -1;
}

static int ask(int fd, uint16_t id, int unit, const struct meter_span *span)
{
	uint8_t adu[HEADER + 5] = {0};

	put16(adu, id);
	put16(adu + 4, 6);
	adu[6] = (uint8_t)unit;
	adu[7] = (uint8_t)span->fc;
	put16(adu + 8, span->addr);
	put16(adu + 10, span->count);
	if (send(fd, adu, sizeof adu, MSG_NOSIGNAL) != (ssize_t)sizeof adu)
		return fail(errno ? errno : EIO);
	return 0;
}

/* Exactly @len bytes. select() leaves in @left what remains of it, so that all parts of an answer
 * share one time-out without a clock. */
static int take(int fd, uint8_t *to, int len, struct timeval *left)
{
	fd_set ready;
	ssize_t n;
	int rc;

	if (fd >= FD_SETSIZE)
		return fail(EMFILE);
	while (len > 0) {
		FD_ZERO(&ready);
		FD_SET(fd, &ready);
		rc = select(fd + 1, &ready, NULL, NULL, left);
		if (rc == 0)
			return fail(ETIMEDOUT);
		n = rc < 0 ? -1 : recv(fd, to, (size_t)len, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return fail(n < 0 ? errno : ECONNRESET);
		to += n;
		len -= (int)n;
	}
	return 0;
}

/* The protocol data unit, from the function on. @return 0, or -1 with errno */
static int check(const uint8_t *pdu, int len, const struct meter_span *span)
{
	if (len == 2 && pdu[0] == (span->fc | 0x80))
		return fail(pdu[1] && pdu[1] < MODBUS_EXCEPTION_MAX ? MODBUS_ENOBASE + pdu[1]
								    : EMBBADEXC);
	if (pdu[0] != span->fc || len != 2 + 2 * span->count || pdu[1] != 2 * span->count)
		return fail(EMBBADDATA);
	return 0;
}

int meter_tcp_read(int fd, uint16_t id, int unit, const struct meter_span *span, uint16_t *regs,
		   int timeout_ms)
{
	struct timeval left = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	uint8_t adu[ADU_MAX];
	int len;

	errno = 0;
	if (ask(fd, id, unit, span) < 0 || take(fd, adu, HEADER, &left) < 0)
		return -1;
	len = get16(adu + 4) - 1;
	if (get16(adu) != id || get16(adu + 2) != 0 || len < 2 || len > ADU_MAX - HEADER)
		return fail(EMBBADDATA);
	if (adu[6] != unit)
		return fail(EMBBADSLAVE);
	if (take(fd, adu + HEADER, len, &left) < 0 || check(adu + HEADER, len, span) < 0)
		return -1;
	for (int i = 0; i < span->count; i++)
		regs[i] = (uint16_t)get16(adu + HEADER + 2 + 2 * i);
	return 0;
}
