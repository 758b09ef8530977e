/* What libmodbus does on a serial line with a late answer, and that we don't. The device is a child
 * process on a pty that answers each register with its own address, as late as it is told. */
#include "harness.h"
#include "meter/link.h"
#include "meter/reader.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 100

struct device {
	pid_t pid;
	char tty[64];
};

static void sleep_ms(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

static uint16_t crc16(const uint8_t *p, int n)
{
	uint16_t crc = 0xffff;

	for (int i = 0; i < n; i++) {
		crc ^= p[i];
		for (int b = 0; b < 8; b++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
	}
	return crc;
}

static void answer(int fd, const uint8_t *request)
{
	int addr = request[2] << 8 | request[3], count = request[5], n = 3;
	uint8_t frame[260] = {request[0], request[1], (uint8_t)(2 * count)};
	uint16_t crc;

	for (int i = 0; i < count; i++) {
		frame[n++] = (uint8_t)((addr + i) >> 8);
		frame[n++] = (uint8_t)(addr + i);
	}
	crc = crc16(frame, n);
	frame[n++] = (uint8_t)crc;
	frame[n++] = (uint8_t)(crc >> 8);
	if (write(fd, frame, (size_t)n) != n)
		_exit(1);
}

/* Answer in order; delay_ms[i] before the i-th answer, 0 behind the end; negative: no answer. */
static void serve(int fd, const int *delay_ms, int n)
{
	uint8_t request[8];

	for (int i = 0;; i++) {
		for (int got = 0; got < 8;) {
			ssize_t part = read(fd, request + got, (size_t)(8 - got));

			if (part <= 0)
				_exit(0);
			got += (int)part;
		}
		if (i < n && delay_ms[i] > 0)
			sleep_ms(delay_ms[i]);
		if (i >= n || delay_ms[i] >= 0)
			answer(fd, request);
	}
}

static bool device_start(struct device *d, const int *delay_ms, int n)
{
	struct termios raw;
	int master, slave;

	cfmakeraw(memset(&raw, 0, sizeof(raw)));
	if (openpty(&master, &slave, d->tty, &raw, NULL))
		return false;
	d->pid = fork();
	if (d->pid == 0)
		serve(master, delay_ms, n);
	close(master);
	close(slave);
	return d->pid > 0;
}

static void device_stop(struct device *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
}

static struct meter_link *link_to(const struct device *d, int timeout_ms)
{
	struct meter_address a = {
	    .rtu = true, .baud = 115200, .data = 8, .stop = 1, .parity = 'N', .unit = 1};
	struct err err = {""};
	struct meter_link *l;

	snprintf(a.host, sizeof(a.host), "%s", d->tty);
	l = meter_link_new(&a, timeout_ms, &err);
	if (!l || meter_link_open(l, &err))
		printf("%s\n", err.msg);
	return l;
}

static int ask(struct meter_link *l, int addr)
{
	uint16_t regs[2] = {0};
	struct err err = {""};

	if (meter_link_read(l, &(struct meter_span){4, addr, 2}, regs, &err) != METER_LINK_OK)
		return -1;
	return regs[0];
}

/* The trap: after one late answer, each read hands out the answer to the one before, for ever and
 * without an error. */
TEST(without_a_quiet_line_one_late_answer_shifts_all_that_follow)
{
	struct device d;
	struct meter_link *l;

	REQUIRE(device_start(&d, (const int[]){2 * TIMEOUT_MS}, 1));
	l = link_to(&d, TIMEOUT_MS);
	meter_link_trust_line(l);
	CHECK_INT(ask(l, 10), -1);
	sleep_ms(2 * TIMEOUT_MS);
	CHECK_INT(ask(l, 20), 10);
	sleep_ms(20);
	CHECK_INT(ask(l, 30), 20);
	sleep_ms(20);
	CHECK_INT(ask(l, 40), 30);
	meter_link_free(l);
	device_stop(&d);
}

TEST(with_a_quiet_line_each_answer_is_to_its_own_question)
{
	struct device d;
	struct meter_link *l;

	REQUIRE(device_start(&d, (const int[]){2 * TIMEOUT_MS}, 1));
	l = link_to(&d, TIMEOUT_MS);
	CHECK_INT(ask(l, 10), -1);
	CHECK(meter_link_suspect(l));
	sleep_ms(2 * TIMEOUT_MS);
	CHECK_INT(ask(l, 20), 20);
	CHECK_INT((int)meter_link_strays(l), 9);
	CHECK_INT(ask(l, 30), 30);
	CHECK_INT(ask(l, 40), 40);
	meter_link_free(l);
	device_stop(&d);
}

/* Quiet alone does not help against an answer that comes after the next question: the order must be
 * proved. */
TEST(the_reader_never_takes_an_answer_for_another_however_late)
{
	static struct meter_model m = {.phases = 3, .limits = {8, 1, 0}, .name = "addresses"};
	enum { SCRIPT = 60, TIMEOUT = 30 };
	int delay_ms[SCRIPT], turns = 0, failures = 0;
	const unsigned first = 20261122;
	unsigned seed = first;
	struct device d;
	struct meter_reader *r;
	struct err err = {""};

	m.n = 0;
	for (int i = 0; i < 3; i++)
		m.reg[m.n++] = (struct meter_register){.q = METER_VOLTAGE,
						       .ph = (enum meter_phase)i,
						       .at = {4, 1 + 100 * i, 1},
						       .scale_addr = -1,
						       .layout = {METER_U16, 1, false, 0}};
	m.reg[m.n++] = (struct meter_register){.q = METER_ENERGY_IMPORT,
					       .ph = METER_TOTAL,
					       .at = {4, 500, 4},
					       .scale_addr = -1,
					       .layout = {METER_U64, 4, false, 0}};
	for (int i = 0; i < SCRIPT; i++) {
		seed = seed * 1664525u + 1013904223u;
		delay_ms[i] = seed >> 28 < 12 ? 0 : (int)(seed >> 16 & 0xff) * TIMEOUT * 4 / 256;
	}
	REQUIRE(device_start(&d, delay_ms, SCRIPT));
	r = meter_reader_new(&m, link_to(&d, TIMEOUT), meter_register_is_live, &err);
	REQUIRE(r);
	for (int steps = 0; turns < 25 && steps < 2000; steps++) {
		switch (meter_reader_step(r, &err)) {
		case METER_STEP_MORE:
			break;
		case METER_STEP_LATER:
			sleep_ms((int)(meter_reader_wait_us(r) / 1000) + 1);
			break;
		case METER_STEP_FAILED:
			failures++;
			break;
		case METER_STEP_DONE:
			turns++;
			for (int i = 0; i < 3; i++) {
				struct meter_value v;

				meter_reader_value(r, i, &v);
				if (v.num.mant != 1 + 100u * (unsigned)i)
					HARNESS_FAIL("turn %d: register %d says %llu (seed %u)",
						     turns, m.reg[i].at.addr,
						     (unsigned long long)v.num.mant, first);
			}
			break;
		}
	}
	CHECK_INT(turns, 25);
	CHECK(failures > 0);
	meter_reader_free(r);
	device_stop(&d);
}

TEST(two_processes_share_a_line)
{
	struct device d;
	struct meter_link *a, *b;

	REQUIRE(device_start(&d, NULL, 0));
	a = link_to(&d, TIMEOUT_MS);
	b = link_to(&d, TIMEOUT_MS);
	CHECK(meter_link_lock(a));
	CHECK(meter_link_lock(a));
	CHECK(!meter_link_lock(b));
	meter_link_unlock(a);
	CHECK(meter_link_lock(b));
	CHECK_INT(ask(b, 7), 7);
	meter_link_free(b);
	CHECK(meter_link_lock(a));
	meter_link_free(a);
	device_stop(&d);
}

TEST(a_line_that_is_gone_is_closed)
{
	struct device d;
	struct meter_link *l;

	REQUIRE(device_start(&d, NULL, 0));
	l = link_to(&d, TIMEOUT_MS);
	CHECK_INT(ask(l, 1), 1);
	device_stop(&d);
	CHECK_INT(ask(l, 2), -1);
	CHECK(!meter_link_is_open(l));
	meter_link_free(l);
}

TEST(what_cannot_be_opened_is_named)
{
	struct meter_address a = {
	    .rtu = true, .baud = 9600, .data = 8, .stop = 1, .parity = 'N', .unit = 1};
	struct err err = {""};
	struct meter_link *l;

	snprintf(a.host, sizeof(a.host), "/nonexistent/tty");
	l = meter_link_new(&a, TIMEOUT_MS, &err);
	REQUIRE(l);
	CHECK_INT(meter_link_open(l, &err), -1);
	CHECK(strstr(err.msg, "/nonexistent/tty") && strstr(err.msg, "No such file"));
	meter_link_free(l);
	a.rtu = false;
	a.unit = 250;
	CHECK(!meter_link_new(&a, TIMEOUT_MS, &err));
}
