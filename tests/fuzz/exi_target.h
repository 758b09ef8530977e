/* One schema's decoder under the fuzzer: whatever is read has to come back the same, by both ways
 * in.
 *
 * The input is a stream; one that begins with 40 in place of 80 is taken as a fragment.
 * EXI_FUZZ_SCHEMA is set by the file that includes this. */
#ifndef EXI_TARGET_H
#define EXI_TARGET_H

#include "../unit/exi_fetch.h"

#include "exi/explain.h"
#include "exi/json.h"

#include <stdlib.h>

enum { TEXT = 1 << 22, STREAM = 1 << 17 };

static char text[TEXT], text_again[TEXT];
static uint8_t again[STREAM];
static uint64_t structure[2048];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jv parse(const char *json, size_t len)
{
	struct err bad;
	jv v;

	if (json_parse(json, len, &v, &bad) < 0)
		abort();
	return v;
}

/* The stream in again, of n octets, says the same as the JSON in text. */
static void says_the_same(int flags, ssize_t n, size_t len)
{
	struct exi_err err;
	ssize_t m = exi_to_json(EXI_FUZZ_SCHEMA, flags, again, (size_t)n, text_again,
				sizeof text_again, NULL, &err);
	jv one, other;

	if (m < 0)
		abort();
	one = parse(text, len);
	other = parse(text_again, (size_t)m);
	if (!jv_equal(one, other))
		abort();
}

static bool by_json(const uint8_t *data, size_t size, int flags, size_t *len, struct exi_err *err)
{
	ssize_t n = exi_to_json(EXI_FUZZ_SCHEMA, flags, data, size, text, sizeof text, NULL, err);
	struct exi_err wrong;
	jv v;

	if (n < 0)
		return false;
	*len = (size_t)n;
	v = parse(text, *len);
	n = exi_from_json(EXI_FUZZ_SCHEMA, flags, v, again, sizeof again, NULL, &wrong);
	json_free(v);
	if (n >= 0)
		says_the_same(flags, n, *len);
	else if (!strstr(wrong.what, "several namespaces"))
		abort();
	return true;
}

/* JSON alone can't hold a repeated choice in mixed order. */
static void by_structure(const uint8_t *data, size_t size, bool good, size_t len,
			 const struct exi_err *err)
{
	const struct exi_message_row *row;
	struct exi_err wrong;
	struct exi_in in;
	ssize_t n;

	if (exi_open(&in, EXI_FUZZ_SCHEMA, data, size, &wrong) < 0)
		return;
	row = &exi_messages[in.message];
	if ((exi_read(&in, structure, row->size, &wrong) == 0) != good) {
		if (!good && strstr(err->what, "mixed order"))
			return;
		abort();
	}
	if (!good)
		return;
	fetch_used = 0;
	if (!in.two_bit_ends) {
		n = exi_write(in.message, structure, row->size, again, sizeof again, &wrong);
		if (n < 0)
			abort();
		says_the_same(0, n, len);
	}
	if (!fetch_type(&exi_types[row->type], (uint8_t *)structure + row->body) &&
	    fetch_used < FETCH_ARENA)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int flags = size && data[0] == 0x40 ? EXI_FRAGMENT : 0;
	uint8_t *copy = malloc(size + !size);
	struct exi_err err;
	struct buf out;
	size_t len = 0;
	bool good;

	memcpy(copy, data, size);
	if (flags)
		copy[0] = 0x80;
	good = by_json(copy, size, flags, &len, &err);
	if (!flags)
		by_structure(copy, size, good, len, &err);
	buf_init(&out, 1 << 20);
	exi_explain(EXI_FUZZ_SCHEMA, flags, copy, size, &out);
	buf_release(&out);
	free(copy);
	return 0;
}

#endif
