/* A packed block from anywhere; and what was packed from any bytes comes back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "store/pack.h"
#include "store/varint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The columns' descriptions, past the deflation that mutations would not survive. */
static void unpack_columns(const uint8_t *data, size_t size)
{
	size_t text = size < 4 ? 0 : (data[0] | (size_t)data[1] << 8) % (size - 3);
	uLongf zlen = compressBound(text);
	struct buf block, out;
	char *z = malloc(zlen);

	if (size < 4 || !z || compress2((Bytef *)z, &zlen, data + 4, text, 1) != Z_OK) {
		free(z);
		return;
	}
	buf_init(&block, 1 << 20);
	buf_init(&out, PACK_BLOCK_MAX);
	varint_put(&block, 1);
	varint_put(&block, data[2]);
	varint_put(&block, data[3] * 8u);
	varint_put(&block, text);
	varint_put(&block, zlen);
	buf_add(&block, z, zlen);
	buf_add(&block, data + 4 + text, size - 4 - text);
	(void)unpack(block.data, block.len, &out, NULL);
	buf_release(&block);
	buf_release(&out);
	free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out, packed, back;

	unpack_columns(data, size);

	buf_init(&out, PACK_BLOCK_MAX);
	if (unpack(data, size, &out, NULL) < 0 && out.len)
		abort();
	buf_release(&out);
	if (!size || size > 65536 || data[size - 1] != '\n' || memchr(data, 0, size))
		return 0;
	buf_init(&packed, (size_t)16 << 20);
	buf_init(&back, PACK_BLOCK_MAX);
	if (pack((const char *)data, size, &packed) < 0 ||
	    unpack(packed.data, packed.len, &back, NULL) < 0 || back.len != size ||
	    memcmp(back.data, data, size) != 0)
		abort();
	buf_release(&packed);
	buf_release(&back);
	return 0;
}
