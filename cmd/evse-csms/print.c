/* Lines on standard output: one JSON object for each thing that happens. */
#include "csms.h"

#include "core/utc.h"

/* Room for the other members of a line. */
enum { RAW_MAX = NDJSON_LINE_MAX - 2048 };

#define ROOM_LOOK_US INT64_C(10000)

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

/* The reader of our output has caught up, or we look again soon. */
static void on_room_timer(void *ctx)
{
	struct office *o = ctx;

	if (out_blocked(&o->t->out))
		loop_timer_after(o->t->loop, &o->room_timer, ROOM_LOOK_US);
	else
		ws_server_hold(o->server, false);
}

/* Nothing is dropped: while nobody takes our lines, we take nothing from the chargers. */
static void hold_when_blocked(struct office *o)
{
	if (!o->server || !out_blocked(&o->t->out) || o->room_timer.armed)
		return;
	o->room_timer = (struct loop_timer){.name = "csms.room", .fn = on_room_timer, .ctx = o};
	loop_timer_after(o->t->loop, &o->room_timer, ROOM_LOOK_US);
	ws_server_hold(o->server, true);
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
	hold_when_blocked(o);
}
