/* Where a meter is: "tcp://host:port/unit" or "rtu:/dev/tty@9600,8N1/unit".
 *
 * Pure. What a short address leaves out comes from the meter's model: "tcp://host",
 * "rtu:/dev/ttyUSB0", "rtu:/dev/ttyUSB0@19200", "rtu:/dev/ttyUSB0@/7". */
#ifndef METER_ADDRESS_H
#define METER_ADDRESS_H

#include <stdbool.h>

struct meter_address {
	bool rtu;
	char host[256];       /* or the device's path */
	int port;             /* TCP: 502 where not given */
	int baud, data, stop; /* RTU; 0 where not given */
	char parity;          /* 'N' 'E' 'O'; 0 where not given */
	int unit;             /* -1 where not given */
};

/**
 * Read an address.
 *
 * @why  filled with the reason on failure: a constant
 * @return  0, or -1 with errno EINVAL
 */
int meter_address_parse(const char *text, struct meter_address *out, const char **why);

#endif
