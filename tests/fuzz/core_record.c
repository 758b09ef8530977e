/* The reader of records: lines, head scan, whole parse; what both accept must agree. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *ctx, const char *line, size_t len)
{
	struct record r;
	struct head h;
	struct err err;

	(void)ctx;
	if (!line)
		return;
	if (head_scan(line, len, &h, &err) == 0 && h.body > len)
		abort();
	if (record_parse(line, len, &r, &err) < 0)
		return;
	if (record_type_name(&r)[0] == '\0' || record_src(&r)[0] == '\0')
		abort();
	record_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines l;

	lines_init(&l);
	lines_feed(&l, (const char *)data, size, on_line, NULL);
	lines_feed(&l, "", 0, on_line, NULL);
	lines_release(&l);
	return 0;
}
