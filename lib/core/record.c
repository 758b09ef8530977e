#include "core/record.h"

#include <string.h>

#include "core/utc.h"

static bool same_text(jv v, struct slice s)
{
	const char *text = json_str(v);

	return s.len ? text && slice_is(s, text) : json_absent(v);
}

static bool same_int(jv v, int64_t want, int64_t absent)
{
	double d;

	if (want == absent)
		return json_absent(v);
	return json_num(v, 0, 9007199254740992.0, &d) && (int64_t)d == want;
}

/* A repeated key is the last one for libjq and the first one for the scanner: both must agree. */
static int check_head(const struct record *r, struct err *err)
{
	const struct head *h = &r->head;
	const struct {
		const char *name;
		bool same;
	} members[] = {
	    {"t", same_text(json_get(r->body, "t"), h->t)},
	    {"type", same_text(json_get(r->body, "type"), h->type)},
	    {"src", same_text(json_get(r->body, "src"), h->src)},
	    {"n", same_text(json_get(r->body, "n"), h->n)},
	    {"m", same_int(json_get(r->body, "m"), h->m, -1)},
	    {"evse", same_int(json_get(r->body, "evse"), h->evse, 0)},
	    {"connector", same_int(json_get(r->body, "connector"), h->connector, 0)},
	    {"to", same_text(json_get(r->body, "to"), h->to)},
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (!members[i].same)
			return err_set(
			    err,
			    "\"%s\" is repeated, or stands behind the head (t type src n m evse "
			    "connector to)",
			    members[i].name);
	return 0;
}

int record_parse(const char *line, size_t len, struct record *r, struct err *err)
{
	*r = (struct record){.line = line, .len = len, .body = jv_invalid()};
	if (head_scan(line, len, &r->head, err) < 0)
		return -1;
	if (utc_parse(r->head.t.at, r->head.t.len, &r->t_us) < 0)
		return err_set(err, "\"t\": expected a time like \"2026-11-22T10:00:00.000Z\"");
	if (json_parse(line, len, &r->body, err) < 0)
		return -1;
	if (!json_is(r->body, JV_KIND_OBJECT))
		err_set(err, "expected one JSON object");
	else if (check_head(r, err) == 0)
		return 0;
	record_release(r);
	return -1;
}

void record_release(struct record *r)
{
	json_free(r->body);
	r->body = jv_invalid();
}

static const char *text_of(const struct record *r, const char *name)
{
	const char *s = json_str(json_get(r->body, name));

	return s ? s : "";
}

const char *record_type_name(const struct record *r)
{
	return text_of(r, "type");
}

const char *record_src(const struct record *r)
{
	return text_of(r, "src");
}

const char *record_n(const struct record *r)
{
	return text_of(r, "n");
}

const char *record_to(const struct record *r)
{
	return text_of(r, "to");
}

bool record_gone(const struct record *r)
{
	return json_bool(json_get(r->body, "gone"), false);
}
