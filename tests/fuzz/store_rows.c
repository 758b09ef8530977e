/* A rows file from anywhere, read without and with a key; also as tip and as changes of keys. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/rotation.h"
#include "store/rows.h"
#include "store/tip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *key(void *ctx, const uint8_t id[CRYPT_ID])
{
	static const uint8_t k[CRYPT_KEY] = {1};

	(void)ctx;
	(void)id;
	return k;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.rows", "tip", "rotations"};
	struct rotation list[4];
	struct rows_info info;
	struct tip tip;
	static int dir = -1;
	char path[64];

	if (dir < 0) {
		snprintf(path, sizeof path, "/tmp/fuzz-rows-XXXXXX");
		dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = openat(dir, names[i], O_CREAT | O_TRUNC | O_WRONLY, 0600);

		if (fd < 0 || write(fd, data, size) != (ssize_t)size)
			abort();
		close(fd);
	}
	(void)rows_read(dir, "a.rows", NULL, NULL, NULL, &info, NULL);
	(void)rows_read(dir, "a.rows", key, NULL, NULL, &info, NULL);
	(void)tip_read(dir, &tip, NULL);
	(void)rotation_read(dir, list, 4, NULL);
	return 0;
}
