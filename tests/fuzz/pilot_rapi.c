/* Lines of RAPI: what is taken has a right checksum, and its arguments stay inside. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pilot/drv/rapi_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rapi_line l;
	long v;

	if (rapi_parse((const char *)data, size, &l) < 0)
		return 0;
	assert(l.nargs >= 0 && l.nargs <= RAPI_ARGS && l.id >= 0 && l.id <= 255);
	for (int i = 0; i < l.nargs; i++) {
		assert(l.arg[i] >= l.text && l.arg[i] < l.text + sizeof l.text);
		assert(strlen(l.arg[i]) < sizeof l.text);
		if (rapi_arg(&l, i, 16, 0, 255, &v))
			assert(v >= 0 && v <= 255);
	}
	return 0;
}
