/* Lines of evse-exi: whatever they are, each is answered by one line of JSON. */
#include "core/json.h"
#include "exi/lines.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answered(int (*work)(const char *, size_t, struct buf *), const char *line, size_t size)
{
	struct err err;
	struct buf out;
	jv v;

	buf_init(&out, EXI_ANSWER_MAX);
	work(line, size, &out);
	if (buf_failed(&out) || strchr(buf_str(&out), '\n') ||
	    json_parse(buf_str(&out), out.len, &v, &err) < 0)
		abort();
	json_free(v);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);

	memcpy(line, data, size);
	line[size] = '\0';
	answered(exi_line_decode, line, size);
	answered(exi_line_encode, line, size);
	free(line);
	return 0;
}
