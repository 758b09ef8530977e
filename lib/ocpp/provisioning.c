/* B: BootNotification with its retry, Heartbeat and the back office's clock.
 *
 * Source: OCPP 2.0.1 Part 2, B01 to B04 (boot), G02 (heartbeat) */
#include "ocpp/block.h"

#include "core/log.h"
#include "core/utc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX_S 2592000 /* 30 days: a longer one is taken as this */
#define FAR_MS         5000    /* clocks further apart are worth a warning */
#define RETRY_S        60      /* after an answer with interval 0, or none at all */

/* The back office's clock is noted and told in `uplink`, not followed: evse-clock judges by it.
 * Many back offices tell whole seconds: then the middle of that second is meant. */
static void note_clock(struct ocpp *o, jv payload)
{
	const char *text = str_of(payload, "currentTime");
	bool was_far = llabs(o->boot.offset_ms) >= FAR_MS;
	int64_t us;

	if (utc_parse(text, strlen(text), &us) < 0)
		return;
	o->boot.resolution_ms = strchr(text, '.') ? 1 : 1000;
	o->boot.rtt_ms = (o->now.mono_us - o->calls.last_sent_us) / 1000;
	o->boot.offset_ms =
	    (us - o->now.real_us) / 1000 + o->boot.rtt_ms / 2 + o->boot.resolution_ms / 2;
	o->boot.clock_at_us = o->now.real_us;
	if (llabs(o->boot.offset_ms) >= FAR_MS && !was_far)
		log_warning("the back office's clock and ours are %lld ms apart",
			    (long long)o->boot.offset_ms);
	uplink_say(o);
}

static void accept(struct ocpp *o)
{
	bool first = !o->boot.was_accepted;

	o->boot.was_accepted = true;
	o->boot.state = BOOT_ACCEPTED;
	for (const struct ocpp_block *const *b = ocpp_blocks; *b; b++)
		if ((*b)->accepted)
			(*b)->accepted(o, first);
}

static void boot_done(struct ocpp *o, const struct ocpp_call *call, const struct ocpp_frame *answer)
{
	int64_t interval = RETRY_S;

	(void)call;
	if (!answer || answer->kind == OCPP_CALLERROR) {
		if (o->boot.state == BOOT_SENT)
			o->boot.state = BOOT_UNSENT;
		o->boot.due_us = o->now.mono_us + (o->open ? interval * OCPP_S : 0);
		return;
	}
	note_clock(o, answer->payload);
	interval = int_of(answer->payload, "interval", 0);
	if (interval > INTERVAL_MAX_S)
		interval = INTERVAL_MAX_S;
	const char *status = str_of(answer->payload, "status");
	if (strcmp(status, "Accepted") == 0) {
		log_notice("the back office accepted the station (heartbeat each %lld s, its clock "
			   "%+lld ms)",
			   (long long)interval, (long long)o->boot.offset_ms);
		if (interval > 0) {
			o->boot.heartbeat_s = interval;
			var_forget(o, VAR_COMM_HEARTBEAT); /* what came last counts */
		}
		if (o->boot.state != BOOT_ACCEPTED)
			accept(o);
		return;
	}
	log_notice("the back office answered the boot with %s", status);
	o->boot.state = strcmp(status, "Pending") == 0 ? BOOT_PENDING : BOOT_REJECTED;
	o->boot.due_us = o->now.mono_us + (interval > 0 ? interval : RETRY_S) * OCPP_S;
}

static void write_boot(struct ocpp *o, const char *reason)
{
	struct jw *w = call_begin(o, "BootNotification");

	jw_kobj(w, "chargingStation");
	jw_kstr(w, "model", o->conf.model);
	jw_kstr(w, "vendorName", o->conf.vendor);
	if (o->conf.serial)
		jw_kstr(w, "serialNumber", o->conf.serial);
	jw_kstr(w, "firmwareVersion", o->conf.firmware);
	jw_end(w);
	jw_kstr(w, "reason", reason);
}

void boot_send(struct ocpp *o, enum call_rank rank, const char *reason)
{
	write_boot(o, reason);
	call_send(o, rank, boot_done, NULL);
}

/* What the station says of itself is configured: a mistake there would keep it from booting. */
static int check_boot(struct ocpp *o, struct err *err)
{
	const struct ocpp_message *m = ocpp_find(o->schema, "BootNotification");
	struct ocpp_fault fault = {0};
	jv v;

	write_boot(o, o->boot.reason);
	jw_end(&o->w);
	int rc = json_parse(buf_str(&o->payload), o->payload.len, &v, err);
	if (rc == 0 && (rc = ocpp_check(o->schema, m->request, v, &fault)) < 0)
		err_set(err, "BootNotification can't be sent: %s: expected %s", fault.where,
			fault.expected);
	json_free(v);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

static void heartbeat_done(struct ocpp *o, const struct ocpp_call *call,
			   const struct ocpp_frame *answer)
{
	(void)call;
	if (answer && answer->kind == OCPP_CALLRESULT)
		note_clock(o, answer->payload);
}

void heartbeat_send(struct ocpp *o, enum call_rank rank)
{
	call_begin(o, "Heartbeat");
	call_send(o, rank, heartbeat_done, NULL);
}

static int64_t heartbeat_interval_us(struct ocpp *o)
{
	int64_t s = var_int(o, VAR_COMM_HEARTBEAT);

	return (s > 0 ? s : o->boot.heartbeat_s) * OCPP_S;
}

static int64_t tick(struct ocpp *o)
{
	if (!o->open)
		return CLOCK_NEVER;
	if (o->boot.state == BOOT_SENT)
		return CLOCK_NEVER;
	if (o->boot.state != BOOT_ACCEPTED) {
		if (o->now.mono_us < o->boot.due_us)
			return o->boot.due_us;
		if (o->boot.state == BOOT_UNSENT)
			o->boot.state = BOOT_SENT;
		o->boot.due_us = o->now.mono_us + RETRY_S * OCPP_S;
		boot_send(o, CALL_FIRST, o->boot.reason);
		return o->boot.due_us;
	}
	int64_t due = o->calls.last_sent_us + heartbeat_interval_us(o);
	if (o->now.mono_us < due)
		return due;
	o->calls.last_sent_us = o->now.mono_us;
	heartbeat_send(o, CALL_NORMAL);
	return o->now.mono_us + heartbeat_interval_us(o);
}

void boot_note_reason(struct ocpp *o, const char *reason)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 256);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "reason", reason);
	jw_end(&w);
	keep(o, "boot", &b);
	buf_release(&b);
}

/* A reason noted by the run before is good for one start. */
static int load(struct ocpp *o, struct err *err)
{
	jv v;
	int rc = kept(o, "boot", &v, err);

	if (rc > 0 && str_of(v, "reason")[0]) {
		snprintf(o->boot.reason, sizeof(o->boot.reason), "%s", str_of(v, "reason"));
		boot_note_reason(o, "");
	}
	json_free(v);
	return rc < 0 ? -1 : check_boot(o, err);
}

/* The ping interval is a variable of the back office's: the connection learns it here. */
static void accepted(struct ocpp *o, bool first)
{
	(void)first;
	o->hooks.set_ping(o->hooks.ctx, (int)var_int(o, VAR_COMM_PING));
}

const struct ocpp_block block_provisioning = {.load = load, .accepted = accepted, .tick = tick};
