#include "harness.h"

#include <math.h>
#include <string.h>

#include "clocks/chrony.h"
#include "clocks/timesync.h"

/* An answer to sequence 1: stratum 2 from 10.9.9.1, 0.1 s behind. */
static void reply(unsigned char p[CHRONY_REPLY])
{
	static const unsigned char head[] = {6, 2, 0, 0, 0, 33, 0, 5, 0, 0,
					     0, 0, 0, 0, 0, 0,  0, 0, 0, 1};
	static const unsigned char body[] = {10, 9, 9, 1, 10, 9, 9, 1};
	/* 7 bits of exponent, 25 of coefficient / 2^25 */
	static const unsigned char floats[9][4] = {
	    {0xfc, 0xcc, 0xcc, 0xcd}, /* 2^-2 * 0.4 = 0.1 */
	    {0, 0, 0, 0},
	    {0, 0, 0, 0},
	    {0x05, 0x40, 0, 0}, /* 2^2 * -0.375 = -1.5 */
	    {0, 0, 0, 0},
	    {0x04, 0x80, 0, 0}, /* 2^2 * 0.25 = 1 */
	    {0x02, 0x80, 0, 0}, /* 0.5 */
	    {0x00, 0x80, 0, 0}, /* 0.25 */
	    {0x0e, 0x80, 0, 0}, /* 2^7 * 0.25 = 32 */
	};

	memset(p, 0, CHRONY_REPLY);
	memcpy(p, head, sizeof head);
	memcpy(p + 28, body, sizeof body);
	p[53] = 2;
	memcpy(p + 60, (const unsigned char[]){0x6a, 0, 0, 0, 0x1d, 0xcd, 0x65, 0}, 8);
	memcpy(p + 68, floats, sizeof floats);
}

TEST(a_request_is_as_long_as_its_reply)
{
	unsigned char p[CHRONY_REQUEST];

	chrony_request(0x01020304, p);
	CHECK_INT(p[0], 6);
	CHECK_INT(p[1], 1);
	CHECK_INT(p[5], 33);
	CHECK(memcmp(p + 8, "\1\2\3\4", 4) == 0);
}

TEST(a_tracking_report_is_read)
{
	unsigned char p[CHRONY_REPLY];
	struct chrony_tracking t;
	struct err err;

	reply(p);
	CHECK_INT(chrony_reply(p, sizeof p, 1, &t, &err), 0);
	CHECK_INT(t.stratum, 2);
	CHECK_INT(t.leap, 0);
	CHECK(t.ref_id == 0x0a090901);
	CHECK_NUM((double)t.ref_us, (double)INT64_C(1778384896500000), 1);
	CHECK_NUM(t.correction_s, 0.1, 1e-7);
	CHECK_NUM(t.freq_ppm, -1.5, 0);
	CHECK_NUM(t.skew_ppm, 1, 0);
	CHECK_NUM(t.root_delay_s, 0.5, 0);
	CHECK_NUM(t.root_dispersion_s, 0.25, 0);
	CHECK_NUM(t.interval_s, 32, 0);
}

TEST(foreign_late_and_short_replies_are_refused)
{
	unsigned char p[CHRONY_REPLY];
	struct chrony_tracking t = {.stratum = 99};
	struct err err;

	reply(p);
	CHECK(chrony_reply(p, sizeof p, 2, &t, &err) < 0);
	for (size_t n = 0; n < sizeof p; n++)
		CHECK(chrony_reply(p, n, 1, &t, &err) < 0);
	p[9] = 2; /* unauthorised */
	CHECK(chrony_reply(p, sizeof p, 1, &t, &err) < 0);
	CHECK(strstr(err.msg, "refused") != NULL);
	reply(p);
	p[0] = 5;
	CHECK(chrony_reply(p, sizeof p, 1, &t, &err) < 0);
	CHECK_INT(t.stratum, 99);
}

static const char status[] = "       Server: 192.0.2.1 (ntp.example)\n"
			     "Poll interval: 34min 8s (min: 32s; max 34min 8s)\n"
			     "         Leap: normal\n"
			     "      Version: 4\n"
			     "      Stratum: 2\n"
			     "    Reference: C0000201\n"
			     "    Precision: 1us (-24)\n"
			     "Root distance: 1.205ms (max: 5s)\n"
			     "       Offset: -233us\n"
			     "        Delay: 12.5ms\n"
			     "       Jitter: 1.5ms\n"
			     " Packet count: 7\n"
			     "    Frequency: -12.345ppm\n";

TEST(timesync_status_is_read)
{
	struct timesync t;

	CHECK_INT(timesync_parse(status, &t), 0);
	CHECK(t.measured && t.leap_known);
	CHECK_INT(t.stratum, 2);
	CHECK_NUM(t.offset_ms, -0.233, 1e-9);
	CHECK_NUM(t.delay_ms, 12.5, 1e-9);
	CHECK_NUM(t.distance_ms, 1.205, 1e-9);
	CHECK_NUM(t.jitter_ms, 1.5, 1e-9);
	CHECK_NUM(t.frequency_ppm, -12.345, 1e-9);
	CHECK_NUM(t.interval_s, 2048, 1e-9);
}

TEST(timesync_without_a_packet_measures_nothing)
{
	struct timesync t;

	CHECK_INT(timesync_parse("Server: n/a;Poll interval: 0 (min: 32s; max 34min 8s);"
				 "Packet count: 0",
				 &t),
		  0);
	CHECK(!t.measured && isnan(t.frequency_ppm));
	CHECK(timesync_parse("", &t) < 0);
	CHECK(timesync_parse("Failed to query server", &t) < 0);
	CHECK_INT(timesync_parse("Leap: not synchronized", &t), 0);
	CHECK(!t.leap_known);
}

TEST(spans_of_systemd)
{
	double ms = 7;

	CHECK(timesync_span("1min 4.5s", &ms));
	CHECK_NUM(ms, 64500, 1e-9);
	CHECK(timesync_span("+1.5s", &ms));
	CHECK_NUM(ms, 1500, 1e-9);
	CHECK(timesync_span("-3\xc2\xb5s", &ms));
	CHECK_NUM(ms, -0.003, 1e-12);
	CHECK(!timesync_span("soon", &ms));
	CHECK(!timesync_span("5parsec", &ms));
	CHECK(!timesync_span("", &ms));
	CHECK_NUM(ms, -0.003, 1e-12);
}
