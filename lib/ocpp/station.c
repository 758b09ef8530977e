#include "ocpp/station.h"

#include "core/log.h"
#include "core/state.h"
#include "core/utc.h"
#include "ocpp/block.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_FORMAT = 1, STATE_MAX = 4 << 20, SEEN_MAX = 512 };

/* ---- helpers of the blocks ---- */

struct evse *evse_of(struct ocpp *o, int64_t id)
{
	return id >= 1 && id <= o->conf.evses ? &o->evse[id] : NULL;
}

void jw_ktime(struct jw *w, const char *name, int64_t real_us)
{
	char text[UTC_LEN + 1];

	utc_format(real_us, text);
	jw_kstr(w, name, text);
}

int64_t int_of(jv obj, const char *name, int64_t fallback)
{
	int64_t v;

	return json_int(json_get(obj, name), -(INT64_C(1) << 53), INT64_C(1) << 53, &v) ? v
											: fallback;
}

double num_of(jv obj, const char *name, double fallback)
{
	double v;

	return json_num(json_get(obj, name), -INFINITY, INFINITY, &v) ? v : fallback;
}

const char *str_of(jv obj, const char *name)
{
	const char *text = json_str(json_get(obj, name));

	return text ? text : "";
}

int keep(struct ocpp *o, const char *name, struct buf *data)
{
	struct err err = {"too long"};

	if (!o->conf.state_dir)
		return 0;
	if (!buf_failed(data) &&
	    state_save(o->conf.state_dir, name, STATE_FORMAT, data->data, data->len, &err) == 0)
		return 0;
	log_error("unable to keep %s: %s", name, err.msg);
	return -1;
}

int kept(struct ocpp *o, const char *name, jv *v, struct err *err)
{
	int format = STATE_FORMAT, rc = -1;
	struct buf data;

	*v = jv_invalid();
	if (!o->conf.state_dir)
		return 0;
	buf_init(&data, STATE_MAX);
	switch (state_load(o->conf.state_dir, name, &format, &data, err)) {
	case STATE_OK:
		rc = json_parse(buf_str(&data), data.len, v, err) == 0
			 ? 1
			 : err_prefix(err, "%s", name);
		break;
	case STATE_NONE:
		rc = 0;
		break;
	case STATE_NEWER:
		errno = EPROTO;
		err_set(err, "%s/%s has format %d, newer than %d", o->conf.state_dir, name, format,
			STATE_FORMAT);
		break;
	case STATE_BAD:
		errno = EIO;
		break;
	}
	buf_release(&data);
	return rc;
}

/* ---- life ---- */

static int load(struct ocpp *o, struct err *err)
{
	if (o->conf.state_dir && state_dir(o->conf.state_dir, err) < 0)
		return -1;
	for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
		if ((*b)->load && (*b)->load(o, err) < 0)
			return -1;
	return 0;
}

void uplink_say(struct ocpp *o)
{
	struct jw *w = out_begin(o->out, o->now, "uplink", (struct out_head){.item = "uplink"});

	jw_kbool(w, "connected", o->open);
	jw_kstr(w, "url", network_url(o));
	jw_kint(w, "security_profile", network_security_profile(o));
	jw_kstr(w, "tls", o->open && o->tls[0] ? o->tls : NULL);
	jw_ktime(w, "since", o->link_since_us);
	if (o->boot.clock_at_us && list_has(var_text(o, VAR_CLOCK_SOURCE), "Heartbeat")) {
		jw_kobj(w, "clock");
		jw_kint(w, "offset_ms", o->boot.offset_ms);
		jw_kint(w, "rtt_ms", o->boot.rtt_ms);
		jw_kint(w, "resolution_ms", o->boot.resolution_ms);
		jw_ktime(w, "at", o->boot.clock_at_us);
		jw_end(w);
	}
	out_send(o->out);
}

static void uplink(struct ocpp *o)
{
	o->link_since_us = o->now.real_us;
	uplink_say(o);
}

struct ocpp *ocpp_new(const struct ocpp_conf *conf, const struct ocpp_hooks *hooks, struct out *out,
		      struct now now, struct err *err)
{
	struct ocpp *o = calloc(1, sizeof(*o));

	if (!o) {
		err_sys(err, "no memory");
		return NULL;
	}
	o->conf = *conf;
	o->hooks = *hooks;
	o->out = out;
	o->now = now;
	o->schema = &ocpp_v201;
	o->boot.heartbeat_s = 300;
	snprintf(o->boot.reason, sizeof(o->boot.reason), "%s", conf->boot_reason);
	buf_init(&o->payload, OCPP_FRAME_MAX);
	buf_init(&o->reply, OCPP_FRAME_MAX);
	buf_init(&o->frame, OCPP_FRAME_MAX + 256);
	buf_init(&o->queue_head, OCPP_FRAME_MAX);
	seen_init(&o->seen, SEEN_MAX);
	for (int i = 1; i <= conf->evses; i++) {
		o->evse[i].id = i;
		o->evse[i].operative = o->evse[i].wanted_operative = true;
		o->evse[i].offered_a = NAN;
	}
	if (load(o, err) == 0) {
		network_begin(o);
		uplink(o);
		return o;
	}
	ocpp_free(o);
	return NULL;
}

void ocpp_free(struct ocpp *o)
{
	if (!o)
		return;
	calls_free(o);
	queue_close(o->queue);
	seen_release(&o->seen);
	profile_set_clear(&o->limits.set);
	for (int i = 0; i <= OCPP_EVSES_MAX; i++)
		profile_free(o->limits.starting[i]);
	for (int i = 0; i < VAR_COUNT; i++)
		free(o->model.values[i]);
	cache_clear(&o->cache);
	cache_clear(&o->list);
	buf_release(&o->payload);
	buf_release(&o->reply);
	buf_release(&o->frame);
	buf_release(&o->queue_head);
	free(o);
}

/* ---- what goes in ---- */

void ocpp_record(struct ocpp *o, struct now now, const struct record *r)
{
	o->now = now;
	if (record_is(r, "reply") && strcmp(record_to(r), o->out->src) == 0)
		command_reply(o, r);
	for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
		if ((*b)->record)
			(*b)->record(o, r);
}

void ocpp_opened(struct ocpp *o, struct now now, const struct ocpp_link *link)
{
	o->now = now;
	o->open = true;
	o->open_since_us = now.mono_us;
	snprintf(o->tls, sizeof(o->tls), "%s", link->tls ? link->tls : "");
	network_opened(o);
	uplink(o);
	calls_opened(o);
	if (o->boot.state == BOOT_ACCEPTED)
		for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
			if ((*b)->accepted)
				(*b)->accepted(o, false);
}

void ocpp_closed(struct ocpp *o, struct now now, const char *reason, const char *security)
{
	bool was_open = o->open;

	o->now = now;
	o->open = false;
	if (was_open) {
		o->lost_us = now.mono_us;
		o->was_offline = true;
		calls_closed(o);
		command_closed(o);
		if (o->boot.state != BOOT_ACCEPTED)
			o->boot.state = BOOT_UNSENT;
		uplink(o);
	} else {
		network_failed(o);
	}
	if (security)
		security_event(o, security, reason);
}

void ocpp_receive(struct ocpp *o, struct now now, const char *text, size_t len)
{
	struct ocpp_frame f;
	struct ocpp_fault fault = {0};

	o->now = now;
	if (ocpp_frame_parse(text, len, &f, &fault) < 0) {
		log_warning("a frame is wrong at %s: expected %s", fault.where, fault.expected);
		if (f.kind == OCPP_CALLRESULT || f.kind == OCPP_CALLERROR) {
			calls_spoilt(o, f.id);
		} else {
			buf_reset(&o->frame);
			ocpp_write_error(&o->frame, f.id, fault.code, fault.expected);
			o->hooks.send(o->hooks.ctx, o->frame.data, o->frame.len);
		}
		security_event(o, "InvalidMessages", fault.where);
	} else if (f.kind == OCPP_CALL) {
		answer_call(o, &f);
	} else {
		calls_answer(o, &f);
	}
	ocpp_frame_release(&f);
}

int64_t ocpp_tick(struct ocpp *o, struct now now)
{
	int64_t next;

	o->now = now;
	next = command_tick(o);
	for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
		if ((*b)->tick)
			next = earlier(next, (*b)->tick(o));
	return earlier(next, calls_tick(o));
}

bool ocpp_settled(const struct ocpp *o)
{
	return !o->calls.running && !o->calls.first && (!o->queue || queue_count(o->queue) == 0);
}

bool ocpp_accepted(const struct ocpp *o)
{
	return o->boot.state == BOOT_ACCEPTED;
}
