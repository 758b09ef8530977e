/* Lines on standard output: one JSON object for each thing that happens. */
#include "csms.h"

#include "core/utc.h"

/* Room for the other members of a line. */
enum { RAW_MAX = NDJSON_LINE_MAX - 2048 };

struct jw *say(struct office *o, const char *who, bool in, const char *kind)
{
	char now[UTC_LEN + 1];

	buf_reset(&o->line);
	jw_init(&o->w, &o->line);
	utc_format(tool_now(o->t).real_us, now);
	jw_obj(&o->w);
	jw_kstr(&o->w, "t", now);
	if (who)
		jw_kstr(&o->w, in ? "from" : "to", who);
	jw_kstr(&o->w, "dir", in ? "in" : "out");
	jw_kstr(&o->w, "kind", kind);
	return &o->w;
}

void say_raw(struct office *o, const char *key, const char *text, size_t len)
{
	char bytes[40];

	if (len <= RAW_MAX) {
		jw_key(&o->w, key);
		jw_raw(&o->w, text, len);
		return;
	}
	snprintf(bytes, sizeof(bytes), "%s_bytes", key);
	jw_knull(&o->w, key);
	jw_kint(&o->w, bytes, (int64_t)len);
}

void said(struct office *o)
{
	jw_end(&o->w);
	if (jw_failed(&o->w)) {
		log_error("a line could not be built");
		return;
	}
	/* a raw payload may be laid out over several lines; between values any blank will do */
	for (size_t i = 0; i < o->line.len; i++)
		if (o->line.data[i] == '\n' || o->line.data[i] == '\r')
			o->line.data[i] = ' ';
	out_line(&o->t->out, o->line.data, o->line.len);
}
