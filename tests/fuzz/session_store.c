/* What a state file may hold: a stored session that is accepted comes out as it went in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(const char *text, size_t len, struct session_stored *s)
{
	struct err err = {""};
	bool ok;
	jv v;

	if (json_parse(text, len, &v, &err) < 0)
		return false;
	ok = store_read(v, s, &err) == 0;
	json_free(v);
	return ok;
}

static void print(const struct session_stored *s, struct buf *b)
{
	struct jw w;

	buf_init(b, 1 << 20);
	jw_init(&w, b);
	jw_obj(&w);
	store_write(&w, s);
	jw_end(&w);
	if (jw_failed(&w))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session_stored first, again;
	struct buf a, b;

	if (!load((const char *)data, size, &first))
		return 0;
	print(&first, &a);
	if (!load(buf_str(&a), a.len, &again))
		abort();
	print(&again, &b);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	buf_release(&a);
	buf_release(&b);
	return 0;
}
