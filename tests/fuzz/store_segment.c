/* A segment's head and its parts from anywhere. */
#include <stdint.h>

#include "store/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CRYPT_KEY] = {1};
	const struct crypt_opener opener = {.kek = key};
	struct segment_head h;

	if (segment_head_read((const char *)data, size, &h, NULL) < 0)
		return 0;
	(void)segment_head_signed((const char *)data, &h);
	for (size_t i = 0; i < h.parts; i++) {
		struct segment_body b;

		(void)segment_open((const char *)data, size, &h, i, &opener, true, &b, NULL);
		segment_body_release(&b);
	}
	return 0;
}
