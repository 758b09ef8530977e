/* B11, B12: Reset. The charger's supervisor does it; here are the waiting and the transactions'
 * ends. */
#include "ocpp/block.h"

#include "core/log.h"

#include <string.h>

#define SETTLE (3 * OCPP_S) /* for the ends of the transactions and their readings */
#define AGAIN  (5 * OCPP_S) /* after a reset that failed */

static bool busy(const struct ocpp *o)
{
	for (int i = 1; i <= o->conf.evses; i++)
		if (o->evse[i].tx.id[0])
			return true;
	return false;
}

static void stop_all(struct ocpp *o)
{
	for (int i = 1; i <= o->conf.evses; i++) {
		if (!o->evse[i].tx.id[0])
			continue;
		struct jw *w = command_begin(o, "session", "stop", i, NULL);
		jw_kstr(w, "reason", "ImmediateReset");
		command_send(o);
	}
}

static void reset(struct ocpp *o, const struct ocpp_frame *f)
{
	bool on_idle = strcmp(str_of(f->payload, "type"), "OnIdle") == 0;
	bool wait = busy(o);

	if (int_of(f->payload, "evseId", 0) != 0) {
		reply_status(o, "Rejected", "UnsupportedParam", "an EVSE can't be reset alone");
		return;
	}
	o->reset.wanted = true;
	o->reset.tries = o->reset.retry_us = 0;
	o->reset.on_idle = on_idle;
	o->reset.due_us = o->now.mono_us + (wait ? SETTLE : OCPP_S / 5);
	o->reset.waits = wait && on_idle;
	availability_apply(o);
	if (wait && !on_idle)
		stop_all(o);
	reply_status(o, wait && on_idle ? "Scheduled" : "Accepted", NULL, NULL);
}

/* Tried again ResetRetries times. Then, without a supervisor that takes the command, this process
 * begins anew, which is the least of a reset. */
static void told(struct ocpp *o, struct pending_command *p, const struct record *reply)
{
	(void)p;
	if (reply && strcmp(str_of(reply->body, "status"), "accepted") == 0)
		return;
	if (o->reset.tries++ < var_int(o, VAR_COMM_RESET_RETRIES)) {
		log_notice("the reset failed: attempt %lld follows", (long long)o->reset.tries + 1);
		o->reset.wanted = true;
		o->reset.retry_us = o->now.mono_us + AGAIN;
		return;
	}
	log_notice("no supervisor carried out the reset: evse-ocpp starts anew by itself");
	o->hooks.restart(o->hooks.ctx);
}

static void restart(struct ocpp *o)
{
	struct pending_command *slot;
	struct jw *w = command_begin(o, "charger", "reset", 0, &slot);

	if (!w) {
		o->reset.due_us = o->now.mono_us + OCPP_S;
		return;
	}
	slot->done = told;
	jw_kstr(w, "reset_type", o->reset.on_idle ? "OnIdle" : "Immediate");
	command_send(o);
	o->reset.wanted = false;
	if (o->reset.tries > 0)
		return;
	security_event(o, "ResetOrReboot", "asked for by the back office");
	boot_note_reason(o, o->reset.on_idle ? "ScheduledReset" : "RemoteReset");
	log_notice("the back office asked for a reset: the supervisor was told");
}

static int64_t tick(struct ocpp *o)
{
	if (!o->reset.wanted)
		return CLOCK_NEVER;
	if (busy(o) && (o->reset.on_idle || o->now.mono_us < o->reset.due_us))
		return o->reset.on_idle ? CLOCK_NEVER : o->reset.due_us;
	if (!busy(o) && !o->reset.on_idle && o->now.mono_us < o->reset.due_us - SETTLE + OCPP_S / 5)
		return o->reset.due_us - SETTLE + OCPP_S / 5;
	if (o->now.mono_us < o->reset.retry_us)
		return o->reset.retry_us;
	restart(o);
	return o->reset.wanted ? o->reset.due_us : CLOCK_NEVER;
}

static const struct ocpp_handler handlers[] = {{"Reset", reset}, {0}};

const struct ocpp_block block_reset = {.tick = tick, .handlers = handlers};
