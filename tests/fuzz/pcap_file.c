/* A whole capture, with the secrets that it may hold, to lines: each is JSON. */
#include "core/json.h"
#include "pcap/capture.h"
#include "pcap/talk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(void *ctx, const char *line, size_t len)
{
	struct err err;
	jv v;

	(void)ctx;
	if (json_parse(line, len, &v, &err) < 0 || memchr(line, '\n', len))
		abort();
	json_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture c;
	struct capture_item item;
	struct keylog keys;
	struct talk *t;
	struct err err;
	size_t used, done = 0;

	capture_init(&c);
	keylog_init(&keys);
	t = talk_new(&keys, say, NULL);
	while (capture_next(&c, data + done, size - done, &used, &item, &err) == 1) {
		done += used;
		if (item.kind == CAPTURE_SECRETS)
			keylog_add(&keys, (const char *)item.data, item.size);
		else if (talk_packet(t, &item, c.frames) < 0)
			abort();
	}
	talk_free(t, NULL);
	keylog_release(&keys);
	return 0;
}
