/* What the quick look takes for a record, the parser takes too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/head.h"
#include "core/record.h"
#include "core/utc.h"
#include "store/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct record r;
	struct head h;
	struct err err;
	int64_t time;

	if (!line || memchr(data, '\n', size) || memchr(data, 0, size)) {
		free(line);
		return 0;
	}
	memcpy(line, data, size);
	line[size] = '\0';
	if (head_scan(line, size, &h, NULL) == 0 && line_is_plain(line, size, h.body) &&
	    utc_parse(h.t.at, h.t.len, &time) == 0) {
		if (record_parse(line, size, &r, &err) < 0)
			abort();
		record_release(&r);
	}
	free(line);
	return 0;
}
