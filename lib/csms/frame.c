#include "csms/frame.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"

enum { PARTS_MAX = 5 };

/* The end of the JSON value that begins at @p, in text that is known to be JSON. */
static const char *value_end(const char *p, const char *end)
{
	int depth = 0;
	bool string = false;

	for (; p < end; p++) {
		if (string) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				string = false;
			continue;
		}
		if (*p == '"')
			string = true;
		else if (*p == '[' || *p == '{')
			depth++;
		else if ((*p == ']' || *p == '}' || *p == ',') && depth == 0)
			return p;
		else if (*p == ']' || *p == '}')
			depth--;
	}
	return end;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The elements of a JSON array's text. @return how many */
static int elements(struct slice part[PARTS_MAX], const char *text, size_t len)
{
	const char *end = text + len, *p = memchr(text, '[', len);
	int n = 0;

	for (p++; n < PARTS_MAX && p < end; p++) {
		const char *stop = value_end(p, end), *last = stop;

		while (p < stop && blank(*p))
			p++;
		while (last > p && blank(last[-1]))
			last--;
		part[n++] = (struct slice){p, (size_t)(last - p)};
		p = stop;
		if (p < end && *p == ']')
			break;
	}
	return n;
}

static int text_of(char *out, size_t size, jv v, const char *what, struct err *e)
{
	const char *s = json_str(v);

	if (!s || !*s || strlen(s) >= size)
		return err_set(e, "%s: expected a text of 1 to %zu bytes", what, size - 1);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int cut_call(struct csms_frame *f, jv all, const struct slice part[PARTS_MAX], struct err *e)
{
	if (json_len(all) != 4)
		return err_set(e, "a call has 4 elements, this has %d", json_len(all));
	if (text_of(f->action, sizeof(f->action), json_at(all, 2), "action", e) < 0)
		return -1;
	if (!json_is(json_at(all, 3), JV_KIND_OBJECT))
		return err_set(e, "payload: expected an object");
	f->payload = part[3];
	return 0;
}

static int cut_result(struct csms_frame *f, jv all, const struct slice part[PARTS_MAX],
		      struct err *e)
{
	if (json_len(all) != 3)
		return err_set(e, "a result has 3 elements, this has %d", json_len(all));
	if (!json_is(json_at(all, 2), JV_KIND_OBJECT))
		return err_set(e, "payload: expected an object");
	f->payload = part[2];
	return 0;
}

static int cut_error(struct csms_frame *f, jv all, const struct slice part[PARTS_MAX],
		     struct err *e)
{
	if (json_len(all) != 5)
		return err_set(e, "an error has 5 elements, this has %d", json_len(all));
	if (text_of(f->code, sizeof(f->code), json_at(all, 2), "error code", e) < 0)
		return -1;
	if (!json_str(json_at(all, 3)) || !json_is(json_at(all, 4), JV_KIND_OBJECT))
		return err_set(e, "an error ends in a description (text) and details (object)");
	f->description = part[3];
	f->payload = part[4];
	return 0;
}

static int cut(struct csms_frame *f, jv all, const char *text, size_t len, struct err *e)
{
	struct slice part[PARTS_MAX] = {{NULL, 0}};
	int64_t kind;

	if (!json_is(all, JV_KIND_ARRAY) || !json_int(json_at(all, 0), 2, 6, &kind))
		return err_set(e, "expected an array that begins with a message type from 2 to 6");
	f->kind = (enum csms_kind)kind;
	if (text_of(f->id, sizeof(f->id), json_at(all, 1), "message id", e) < 0) {
		memcpy(f->id, "-1", 3);
		return -1;
	}
	elements(part, text, len);
	switch (f->kind) {
	case CSMS_CALL:
	case CSMS_SEND:
		return cut_call(f, all, part, e);
	case CSMS_RESULT:
		return cut_result(f, all, part, e);
	case CSMS_ERROR:
	case CSMS_RESULT_ERROR:
		return cut_error(f, all, part, e);
	}
	return -1;
}

int csms_frame_cut(struct csms_frame *frame, const char *text, size_t len, struct err *e)
{
	jv all;
	int result;

	*frame = (struct csms_frame){.id = "-1"};
	if (json_parse(text, len, &all, e) < 0)
		return -1;
	result = cut(frame, all, text, len, e);
	json_free(all);
	return result;
}
