/* Property: what is encoded decodes to the same, for random schema-valid messages of all schemas
 * (COM-4).
 *
 * Each stream goes through JSON and back, through its C structure and back, and through the
 * structure with every list, text and binary fetched into memory and back; all three have to give
 * the same octets. EVSE_RANDOM_COUNT sets how many (default 50,000), EVSE_RANDOM_SEED where to
 * begin. */
#include "exi_fetch.h"
#include "exi_make.h"

#include "exi/json.h"
#include "harness.h"

enum { STREAM = 1 << 17, TEXT = 4 << 20 };

static uint8_t stream[STREAM], again[STREAM];
static char text[TEXT];

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

static bool json_returns(int schema, int flags, size_t size)
{
	struct exi_err err = {0};
	ssize_t n = exi_to_json(schema, flags, stream, size, text, sizeof text, NULL, &err);
	struct err bad;
	jv value;

	if (n < 0) {
		HARNESS_FAIL("%s: to JSON, bit %u: %s (%s)", exi_schema_name(schema), err.bit,
			     err.what, err.expected);
		return false;
	}
	if (json_parse(text, (size_t)n, &value, &bad) < 0) {
		HARNESS_FAIL("%s: %s", exi_schema_name(schema), bad.msg);
		return false;
	}
	n = exi_from_json(schema, flags, value, again, sizeof again, NULL, &err);
	json_free(value);
	if (n < 0)
		HARNESS_FAIL("%s: from JSON: %s (%s)", exi_schema_name(schema), err.what,
			     err.expected);
	else if ((size_t)n != size || memcmp(stream, again, size) != 0)
		HARNESS_FAIL("%s: other octets through JSON: %.200s", exi_schema_name(schema),
			     text);
	else
		return true;
	return false;
}

static bool writes_same(int message, const void *msg, size_t size, const char *how)
{
	struct exi_err err = {0};
	ssize_t n = exi_write(message, msg, exi_messages[message].size, again, sizeof again, &err);

	if (n >= 0 && (size_t)n == size && memcmp(stream, again, size) == 0)
		return true;
	HARNESS_FAIL("%s: %s: %s", exi_message_name(message), how,
		     n < 0 ? err.what : "other octets");
	return false;
}

static bool structure_returns(int message, size_t size)
{
	const struct exi_message_row *row = &exi_messages[message];
	const struct exi_schema_row *schema = &exi_schemas[row->schema];
	struct exi_err err = {0};
	struct exi_in in;
	uint8_t *msg;

	fetch_used = 0;
	msg = fetch_room(row->size);
	if (exi_open(&in, row->schema, stream, size, &err) < 0 ||
	    exi_read(&in, msg, row->size, &err) < 0) {
		HARNESS_FAIL("%s: read, bit %u: %s", exi_message_name(message), err.bit, err.what);
		return false;
	}
	CHECK_INT(in.message, message);
	if (!writes_same(message, msg, size, "written as read"))
		return false;
	if (schema->wrap != EXI_NONE && !fetch_type(&exi_types[schema->header], msg))
		HARNESS_FAIL("%s: header can't be fetched", exi_message_name(message));
	if (!fetch_type(&exi_types[row->type], msg + row->body))
		HARNESS_FAIL("%s: can't be fetched", exi_message_name(message));
	return writes_same(message, msg, size, "written as fetched");
}

TEST(messages_return)
{
	uint64_t count = from_env("EVSE_RANDOM_COUNT", 50000);
	struct make m = {.seed = from_env("EVSE_RANDOM_SEED", 1)};

	for (uint64_t i = 0; i < count; i++) {
		uint64_t seed = m.seed;
		int message = (int)(i % EXI_MESSAGES);
		size_t size = make_message(&m, message, stream, sizeof stream);

		if (size == 0)
			continue;
		if (!json_returns(exi_message_schema(message), 0, size) ||
		    !structure_returns(message, size)) {
			printf("EVSE_RANDOM_SEED=%llu, message %s of %s, %zu octets\n",
			       (unsigned long long)seed, exi_message_name(message),
			       exi_schema_name(exi_message_schema(message)), size);
			return;
		}
	}
}

TEST(fragments_return)
{
	uint64_t count = from_env("EVSE_RANDOM_COUNT", 50000) / 4;
	struct make m = {.seed = from_env("EVSE_RANDOM_SEED", 2)};

	for (uint64_t i = 0; i < count; i++) {
		uint64_t seed = m.seed;
		int schema = (int)(i % EXI_SCHEMAS);
		size_t size = make_fragment(&m, schema, stream, sizeof stream);

		if (size && !json_returns(schema, EXI_FRAGMENT, size)) {
			printf("EVSE_RANDOM_SEED=%llu, schema %s, %zu octets\n",
			       (unsigned long long)seed, exi_schema_name(schema), size);
			return;
		}
	}
}
