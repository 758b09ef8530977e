#include "ocpp/schema.h"

#include "core/utc.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [OCPP_OK] = "",
    [OCPP_FORMAT_VIOLATION] = "FormatViolation",
    [OCPP_GENERIC_ERROR] = "GenericError",
    [OCPP_INTERNAL_ERROR] = "InternalError",
    [OCPP_MESSAGE_TYPE_NOT_SUPPORTED] = "MessageTypeNotSupported",
    [OCPP_NOT_IMPLEMENTED] = "NotImplemented",
    [OCPP_NOT_SUPPORTED] = "NotSupported",
    [OCPP_OCCURRENCE_VIOLATION] = "OccurrenceConstraintViolation",
    [OCPP_PROPERTY_VIOLATION] = "PropertyConstraintViolation",
    [OCPP_PROTOCOL_ERROR] = "ProtocolError",
    [OCPP_RPC_FRAMEWORK_ERROR] = "RpcFrameworkError",
    [OCPP_SECURITY_ERROR] = "SecurityError",
    [OCPP_TYPE_VIOLATION] = "TypeConstraintViolation",
};

const char *ocpp_error_word(enum ocpp_error code)
{
	return words[code];
}

const char *ocpp_action(const struct ocpp_schema *s, const struct ocpp_message *m)
{
	return s->pool + m->name;
}

const struct ocpp_message *ocpp_find(const struct ocpp_schema *s, const char *action)
{
	size_t low = 0, high = s->n_messages;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(action, ocpp_action(s, &s->messages[mid]));

		if (order == 0)
			return &s->messages[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* The way down to a value, on the stack of the walk; written out only when something is wrong. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an element */
	int index;
};

struct walk {
	const struct ocpp_schema *s;
	struct ocpp_fault *fault;
};

static void write_place(const struct place *p, char *out, size_t size)
{
	size_t len;

	if (!p)
		return;
	write_place(p->up, out, size);
	len = strlen(out);
	if (p->name)
		snprintf(out + len, size - len, "%s%.64s", len ? "." : "", p->name);
	else
		snprintf(out + len, size - len, "[%d]", p->index);
}

static int fail(const struct walk *w, const struct place *p, enum ocpp_error code, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

static int fail(const struct walk *w, const struct place *p, enum ocpp_error code, const char *fmt,
		...)
{
	va_list ap;

	w->fault->code = code;
	w->fault->where[0] = '\0';
	write_place(p, w->fault->where, sizeof(w->fault->where));
	va_start(ap, fmt);
	vsnprintf(w->fault->expected, sizeof(w->fault->expected), fmt, ap);
	va_end(ap);
	return -1;
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xC0) != 0x80;
	return n;
}

static int check_string(const struct walk *w, const struct place *p, const struct ocpp_field *f,
			jv v)
{
	const char *text = json_str(v);
	int64_t us;

	if (!text)
		return fail(w, p, OCPP_TYPE_VIOLATION, "a string");
	if (f->max_length && characters(text) > f->max_length)
		return fail(w, p, OCPP_PROPERTY_VIOLATION, "at most %d characters", f->max_length);
	if (f->kind == OCPP_DATETIME && utc_parse(text, strlen(text), &us) < 0)
		return fail(w, p, OCPP_PROPERTY_VIOLATION, "an RFC 3339 date-time");
	return 0;
}

static int check_enum(const struct walk *w, const struct place *p, const struct ocpp_field *f, jv v)
{
	const struct ocpp_enum *e = &w->s->enums[f->ref];
	const char *text = json_str(v);

	if (!text)
		return fail(w, p, OCPP_TYPE_VIOLATION, "a string");
	for (uint16_t i = 0; i < e->count; i++)
		if (strcmp(text, w->s->pool + w->s->words[e->first + i]) == 0)
			return 0;
	return fail(w, p, OCPP_PROPERTY_VIOLATION, "one of %d words, such as %s", e->count,
		    w->s->pool + w->s->words[e->first]);
}

static int check_number(const struct walk *w, const struct place *p, const struct ocpp_field *f,
			jv v)
{
	const struct ocpp_range *r = &w->s->ranges[f->range];
	double d;

	if (!json_is(v, JV_KIND_NUMBER) || !json_num(v, -INFINITY, INFINITY, &d))
		return fail(w, p, OCPP_TYPE_VIOLATION, "a number");
	if (f->kind == OCPP_INTEGER && d != floor(d))
		return fail(w, p, OCPP_TYPE_VIOLATION, "a whole number");
	if (d < r->min || d > r->max)
		return fail(w, p, OCPP_PROPERTY_VIOLATION, "a number from %g to %g", r->min,
			    r->max);
	return 0;
}

static int check_object(const struct walk *w, const struct place *p, uint16_t type, jv v);

static int check_value(const struct walk *w, const struct place *p, const struct ocpp_field *f,
		       jv v)
{
	switch ((enum ocpp_kind)f->kind) {
	case OCPP_STRING:
	case OCPP_DATETIME:
		return check_string(w, p, f, v);
	case OCPP_INTEGER:
	case OCPP_NUMBER:
		return check_number(w, p, f, v);
	case OCPP_BOOLEAN:
		if (!json_is(v, JV_KIND_TRUE) && !json_is(v, JV_KIND_FALSE))
			return fail(w, p, OCPP_TYPE_VIOLATION, "true or false");
		return 0;
	case OCPP_ENUM:
		return check_enum(w, p, f, v);
	case OCPP_OBJECT:
		return check_object(w, p, f->ref, v);
	case OCPP_ANY:
		return 0;
	}
	return 0;
}

static int check_array(const struct walk *w, const struct place *p, const struct ocpp_field *f,
		       jv v)
{
	int n = json_len(v);

	if (!json_is(v, JV_KIND_ARRAY))
		return fail(w, p, OCPP_TYPE_VIOLATION, "an array");
	if (n < f->min_items)
		return fail(w, p, OCPP_OCCURRENCE_VIOLATION, "at least %d elements", f->min_items);
	if (f->max_items && n > f->max_items)
		return fail(w, p, OCPP_OCCURRENCE_VIOLATION, "at most %d elements", f->max_items);
	for (int i = 0; i < n; i++) {
		struct place here = {p, NULL, i};

		if (check_value(w, &here, f, json_at(v, i)) < 0)
			return -1;
	}
	return 0;
}

static const struct ocpp_field *find_field(const struct ocpp_schema *s, const struct ocpp_type *t,
					   const char *name)
{
	for (uint16_t i = t->first; i < t->first + t->count; i++)
		if (strcmp(name, s->pool + s->fields[i].name) == 0)
			return &s->fields[i];
	return NULL;
}

struct member_walk {
	const struct walk *w;
	const struct place *up;
	const struct ocpp_type *type;
};

static int check_member(void *ctx, const char *key, jv value)
{
	const struct member_walk *m = ctx;
	const struct ocpp_field *f = find_field(m->w->s, m->type, key);
	struct place here = {m->up, key, 0};

	if (!f)
		return m->type->open ? 0
				     : fail(m->w, &here, OCPP_FORMAT_VIOLATION, "no such member");
	return f->flags & OCPP_ARRAY ? check_array(m->w, &here, f, value)
				     : check_value(m->w, &here, f, value);
}

static int check_object(const struct walk *w, const struct place *p, uint16_t type, jv v)
{
	const struct ocpp_type *t = &w->s->types[type];
	struct member_walk m = {w, p, t};

	if (!json_is(v, JV_KIND_OBJECT))
		return fail(w, p, p ? OCPP_TYPE_VIOLATION : OCPP_FORMAT_VIOLATION, "an object");
	for (uint16_t i = t->first; i < t->first + t->count; i++) {
		const char *name = w->s->pool + w->s->fields[i].name;
		struct place here = {p, name, 0};

		if ((w->s->fields[i].flags & OCPP_REQUIRED) && json_absent(json_get(v, name)))
			return fail(w, &here, OCPP_OCCURRENCE_VIOLATION,
				    "a value: the member is required");
	}
	return json_each(v, check_member, &m) ? -1 : 0;
}

int ocpp_check(const struct ocpp_schema *s, uint16_t type, jv payload, struct ocpp_fault *fault)
{
	struct walk w = {s, fault};

	return check_object(&w, NULL, type, payload);
}
