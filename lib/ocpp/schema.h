/* What an OCPP version allows on the wire, as data, and the check of a payload against it.
 *
 * The tables are generated (tools/ocpp-tables) from the JSON schemas of the version. Everything is
 * an index into the arrays of one `struct ocpp_schema`; names are offsets into its pool. */
#ifndef OCPP_SCHEMA_H
#define OCPP_SCHEMA_H

#include "core/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ocpp_kind {
	OCPP_STRING,
	OCPP_DATETIME,
	OCPP_INTEGER,
	OCPP_NUMBER,
	OCPP_BOOLEAN,
	OCPP_ENUM,   /* ref: the enum */
	OCPP_OBJECT, /* ref: the type */
	OCPP_ANY,    /* any JSON value (data of DataTransfer) */
};

enum { OCPP_REQUIRED = 1, OCPP_ARRAY = 2 }; /* flags of a field */
enum { OCPP_BY_CS = 1, OCPP_BY_CSMS = 2 };  /* who may send the request */
#define OCPP_NO_TYPE UINT16_MAX             /* a message without response (2.1: SEND) */

/* One member of an object. Bounds that the schema doesn't state are 0 (lengths, counts). */
struct ocpp_field {
	uint16_t name;
	uint16_t ref;
	uint16_t max_length;
	uint16_t min_items, max_items;
	uint8_t kind, flags, range;
};

struct ocpp_type {
	uint16_t first, count; /* its fields, sorted by name */
	bool open;             /* members that are not listed are allowed (customData) */
};

struct ocpp_enum {
	uint16_t first, count;
};

struct ocpp_range {
	double min, max;
};

struct ocpp_message {
	uint16_t name, request, response;
	uint8_t by;
};

struct ocpp_schema {
	const char *protocol; /* the websocket subprotocol */
	const char *pool;
	const struct ocpp_field *fields;
	const struct ocpp_type *types;
	const uint16_t *words;
	const struct ocpp_enum *enums;
	const struct ocpp_range *ranges;
	const struct ocpp_message *messages; /* sorted by name */
	size_t n_messages;
};

extern const struct ocpp_schema ocpp_v201;

/* The error codes of a CALLERROR. Source: OCPP 2.0.1 Part 4, 4.3 (RPC framework error codes). */
enum ocpp_error {
	OCPP_OK,
	OCPP_FORMAT_VIOLATION,
	OCPP_GENERIC_ERROR,
	OCPP_INTERNAL_ERROR,
	OCPP_MESSAGE_TYPE_NOT_SUPPORTED,
	OCPP_NOT_IMPLEMENTED,
	OCPP_NOT_SUPPORTED,
	OCPP_OCCURRENCE_VIOLATION,
	OCPP_PROPERTY_VIOLATION,
	OCPP_PROTOCOL_ERROR,
	OCPP_RPC_FRAMEWORK_ERROR,
	OCPP_SECURITY_ERROR,
	OCPP_TYPE_VIOLATION,
};

/* What is wrong with a payload: where, and what was expected there. */
struct ocpp_fault {
	enum ocpp_error code;
	char where[160]; /* "chargingProfile.chargingSchedule[0].duration" */
	char expected[96];
};

/**
 * The word of an error code as it stands in a CALLERROR.
 *
 * @return  a constant string; "" for OCPP_OK
 *
 * Ownership: none.  Blocking: never.
 */
const char *ocpp_error_word(enum ocpp_error code);

/**
 * Find a message by its action, "BootNotification".
 *
 * @return  the message, or NULL when the version has none of that name
 *
 * Ownership: none.  Blocking: never.
 */
const struct ocpp_message *ocpp_find(const struct ocpp_schema *s, const char *action);

/** The action of a message. */
const char *ocpp_action(const struct ocpp_schema *s, const struct ocpp_message *m);

/**
 * Check a payload against a type of the tables.
 *
 * Members that are missing or too many in number are occurrence violations, wrong JSON types type
 * violations, values outside a length, range, word list or date form property violations, members
 * that the type doesn't know format violations. The first fault found is reported.
 *
 * @type     index of the type: the message's request or response
 * @payload  the parsed payload
 * @fault    filled when -1 is answered
 * @return   0, or -1
 *
 * Ownership: payload borrowed.  Blocking: never.
 * Source: OCPP 2.0.1 Part 3 (schemas) and Part 4, 4.3
 */
int ocpp_check(const struct ocpp_schema *s, uint16_t type, jv payload, struct ocpp_fault *fault);

#endif
