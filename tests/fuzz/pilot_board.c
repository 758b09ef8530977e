/* Board files: refused with a text, or whole and within their bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pilot/drv/board.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct board b;
	struct err err;

	if (fd < 0) {
		fd = memfd_create("board", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	err.msg[0] = '\0';
	if (board_load(path, &b, &err) < 0) {
		assert(err.msg[0]);
		return 0;
	}
	assert(b.contactors >= 1 && b.contactors <= BOARD_CONTACTORS && b.temps <= BOARD_TEMPS);
	assert(b.phases == 1 || b.phases == 3);
	assert(b.max_ma >= 6000 && b.max_ma <= 80000 && b.cp.samples >= 1);
	assert(memchr(b.name, 0, sizeof b.name) && memchr(b.pwm.chip, 0, sizeof b.pwm.chip));
	return 0;
}
