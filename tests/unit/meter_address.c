#include "harness.h"
#include "meter/address.h"

#include <errno.h>

TEST(full_addresses)
{
	struct meter_address a;
	const char *why;

	REQUIRE(meter_address_parse("tcp://127.0.0.1:1502/7", &a, &why) == 0);
	CHECK(!a.rtu);
	CHECK_STR(a.host, "127.0.0.1");
	CHECK_INT(a.port, 1502);
	CHECK_INT(a.unit, 7);
	REQUIRE(meter_address_parse("tcp://[fe80::1]:503/255", &a, &why) == 0);
	CHECK_STR(a.host, "fe80::1");
	CHECK_INT(a.port, 503);
	CHECK_INT(a.unit, 255);
	REQUIRE(meter_address_parse("rtu:/dev/tty@9600,8N1/1", &a, &why) == 0);
	CHECK(a.rtu);
	CHECK_STR(a.host, "/dev/tty");
	CHECK_INT(a.baud, 9600);
	CHECK_INT(a.data, 8);
	CHECK_INT(a.parity, 'N');
	CHECK_INT(a.stop, 1);
	CHECK_INT(a.unit, 1);
}

TEST(short_addresses_leave_the_rest_to_the_model)
{
	struct meter_address a;
	const char *why;

	REQUIRE(meter_address_parse("tcp://meter.local", &a, &why) == 0);
	CHECK_STR(a.host, "meter.local");
	CHECK_INT(a.port, 502);
	CHECK_INT(a.unit, -1);
	REQUIRE(meter_address_parse("tcp://[::1]", &a, &why) == 0);
	CHECK_STR(a.host, "::1");
	REQUIRE(meter_address_parse("rtu:/run/a/b.tty", &a, &why) == 0);
	CHECK_STR(a.host, "/run/a/b.tty");
	CHECK_INT(a.baud, 0);
	CHECK_INT(a.parity, 0);
	REQUIRE(meter_address_parse("rtu:/dev/x@/33", &a, &why) == 0);
	CHECK_INT(a.unit, 33);
	REQUIRE(meter_address_parse("rtu:/dev/x@19200", &a, &why) == 0);
	CHECK_INT(a.baud, 19200);
	CHECK_INT(a.unit, -1);
}

TEST(bad_addresses_say_why)
{
	static const char *const bad[] = {"",
					  "tcp:",
					  "tcp://",
					  "tcp://:502/1",
					  "tcp://h:0/1",
					  "tcp://h:65536/1",
					  "tcp://h:502/256",
					  "tcp://h:502/",
					  "tcp://h:502/x",
					  "tcp://[::1",
					  "tcp://[::1]x",
					  "udp://h",
					  "rtu:",
					  "rtu:ttyS0@9600",
					  "rtu:/dev/x@12,8N1/1",
					  "rtu:/dev/x@9600,9N1/1",
					  "rtu:/dev/x@9600,8N/1",
					  "rtu:/dev/x@9600,8N1/0",
					  "rtu:/dev/x@9600,8N1/248",
					  "rtu:/dev/x@fast",
					  "/dev/ttyS0",
					  "tcp://h:99999999999999999999/1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct meter_address a;
		const char *why = NULL;

		errno = 0;
		if (meter_address_parse(bad[i], &a, &why) != -1 || errno != EINVAL || !why)
			HARNESS_FAIL("\"%s\" was not refused with a reason", bad[i]);
	}
}
