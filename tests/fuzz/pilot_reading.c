/* A reading's text, as journals hold it: what is read is written the same again. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pilot/drv/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pilot_readings a, b;
	char text[160];

	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (driver_scan(text, &a) < 0)
		return 0;
	driver_print(&a, text, sizeof text);
	assert(driver_scan(text, &b) == 0);
	assert(memcmp(&a, &b, sizeof a) == 0);
	return 0;
}
