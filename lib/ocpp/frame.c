#include "ocpp/frame.h"

#include "core/jw.h"

#include <stdio.h>
#include <string.h>

static int fail(struct ocpp_fault *fault, enum ocpp_error code, const char *where,
		const char *expected)
{
	fault->code = code;
	snprintf(fault->where, sizeof(fault->where), "%s", where);
	snprintf(fault->expected, sizeof(fault->expected), "%s", expected);
	return -1;
}

/* Copies a string element; false when it is none or too long. */
static bool take(jv v, char *out, size_t size)
{
	const char *text = json_str(v);

	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static int parse_call(struct ocpp_frame *f, struct ocpp_fault *fault)
{
	if (json_len(f->all) != 4)
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "frame", "[2, id, action, payload]");
	if (!take(json_at(f->all, 2), f->action, sizeof(f->action)))
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "action", "a string");
	f->payload = json_at(f->all, 3);
	return 0;
}

static int parse_error(struct ocpp_frame *f, struct ocpp_fault *fault)
{
	const char *text = json_str(json_at(f->all, 3));

	if (json_len(f->all) != 5 || !text || !take(json_at(f->all, 2), f->error, sizeof(f->error)))
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "frame",
			    "[4, id, code, text, details]");
	snprintf(f->text, sizeof(f->text), "%s", text);
	return 0;
}

int ocpp_frame_parse(const char *text, size_t len, struct ocpp_frame *f, struct ocpp_fault *fault)
{
	struct err err;
	int64_t kind;

	*f = (struct ocpp_frame){.id = "-1", .payload = jv_invalid(), .all = jv_invalid()};
	if (json_parse(text, len, &f->all, &err) < 0)
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "frame", "JSON");
	if (!json_is(f->all, JV_KIND_ARRAY) || !json_int(json_at(f->all, 0), 0, 1000, &kind))
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "frame",
			    "an array that begins with a message type");
	if (kind >= OCPP_CALL && kind <= OCPP_CALLERROR)
		f->kind = (enum ocpp_frame_kind)kind;
	if (!take(json_at(f->all, 1), f->id, sizeof(f->id))) {
		memcpy(f->id, "-1", 3);
		return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "id",
			    "a string of at most 36 characters");
	}
	switch (kind) {
	case OCPP_CALL:
		return parse_call(f, fault);
	case OCPP_CALLRESULT:
		f->payload = json_at(f->all, 2);
		if (json_len(f->all) != 3)
			return fail(fault, OCPP_RPC_FRAMEWORK_ERROR, "frame", "[3, id, payload]");
		return 0;
	case OCPP_CALLERROR:
		return parse_error(f, fault);
	}
	return fail(fault, OCPP_MESSAGE_TYPE_NOT_SUPPORTED, "message type", "2, 3 or 4");
}

void ocpp_frame_release(struct ocpp_frame *f)
{
	json_free(f->all);
	f->all = f->payload = jv_invalid();
}

static void write_string(struct buf *out, const char *text)
{
	struct jw w;

	jw_init(&w, out);
	jw_str(&w, text);
}

void ocpp_write_call(struct buf *out, const char *id, const char *action, const char *payload)
{
	buf_adds(out, "[2,");
	write_string(out, id);
	buf_addc(out, ',');
	write_string(out, action);
	buf_addf(out, ",%s]", payload);
}

void ocpp_write_result(struct buf *out, const char *id, const char *payload)
{
	buf_adds(out, "[3,");
	write_string(out, id);
	buf_addf(out, ",%s]", payload);
}

void ocpp_write_error(struct buf *out, const char *id, enum ocpp_error code, const char *text)
{
	char cut[256];

	snprintf(cut, sizeof(cut), "%s", text);
	buf_adds(out, "[4,");
	write_string(out, id);
	buf_addf(out, ",\"%s\",", ocpp_error_word(code));
	write_string(out, cut);
	buf_adds(out, ",{}]");
}
