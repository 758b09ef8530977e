/* Looking up schemas and messages by name, number and payload type. */
#include "exi/bits.h"
#include "exi/exi.h"
#include "exi/tables.h"

#include <stdio.h>

int exi_schema_find(const char *name)
{
	if (strncmp(name, "xmldsig", 7) == 0)
		return EXI_XMLDSIG;
	for (int i = 0; i < EXI_SCHEMAS; i++) {
		if (strcmp(name, exi_schemas[i].name) == 0)
			return i;
	}
	return -1;
}

const char *exi_schema_name(int schema)
{
	return exi_schemas[schema].name;
}

const char *exi_schema_ns(int schema)
{
	return exi_schemas[schema].ns;
}

uint16_t exi_schema_payload(int schema)
{
	return exi_schemas[schema].payload_type;
}

const char *exi_message_name(int message)
{
	return exi_name(exi_messages[message].name);
}

int exi_message_schema(int message)
{
	return exi_messages[message].schema;
}

int exi_message_find(int schema, const char *name)
{
	const struct exi_schema_row *row = &exi_schemas[schema];

	for (int i = row->messages; i < row->messages + row->nmessages; i++) {
		if (strcmp(name, exi_message_name(i)) == 0)
			return i;
	}
	return -1;
}

/* Whether the stream opens with an element that this schema sends as a message. */
static bool opens_message(const struct exi_schema_row *row, const uint8_t *data, size_t size)
{
	unsigned bits = 32u - (unsigned)__builtin_clz(row->nroots);
	struct bit_reader b = {data, (uint32_t)size, 8, (uint32_t)size * 8, false};
	uint64_t code = bit_get(&b, bits);

	if (b.over)
		return false;
	if (row->wrap != EXI_NONE)
		return code == row->wrap;
	for (int i = row->messages; i < row->messages + row->nmessages; i++) {
		if (exi_messages[i].code == code)
			return true;
	}
	return false;
}

int exi_schema_guess(uint16_t payload_type, const uint8_t *data, size_t size, struct exi_err *err)
{
	bool known = false;

	for (int i = 0; i < EXI_SCHEMAS; i++) {
		if (!payload_type || exi_schemas[i].payload_type != payload_type)
			continue;
		known = true;
		if (size <= EXI_STREAM_MAX && opens_message(&exi_schemas[i], data, size))
			return i;
	}
	*err = (struct exi_err){.bit = 8};
	snprintf(err->what, sizeof err->what,
		 known ? "no message of the schemas of payload type 0x%04x"
		       : "payload type 0x%04x carries no EXI message",
		 payload_type);
	return -1;
}
