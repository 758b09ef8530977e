/* Commands to the other tools of the charger, and their replies. */
#include "ocpp/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VALID_MS 5000

struct jw *command_begin(struct ocpp *o, const char *to, const char *kind, int evse,
			 struct pending_command **slot)
{
	struct pending_command *p = NULL;
	char id[24];

	snprintf(id, sizeof(id), "%.8s-%" PRIu64, o->out->epoch, ++o->last_command);
	if (slot) {
		for (int i = 0; i < COMMANDS_MAX && !p; i++)
			if (!o->commands[i].id[0])
				p = &o->commands[i];
		if (!p)
			return NULL;
		*p = (struct pending_command){.deadline_us =
						  o->now.mono_us + VALID_MS * OCPP_S / 1000};
		memcpy(p->id, id, sizeof(id));
		if (o->answering) {
			snprintf(p->call_id, sizeof(p->call_id), "%s", o->answering->id);
			snprintf(p->action, sizeof(p->action), "%.31s", o->answering->action);
		}
		*slot = p;
	}
	struct jw *w =
	    out_begin(o->out, o->now, "command", (struct out_head){.evse = evse, .to = to});
	jw_kstr(w, "id", id);
	jw_kstr(w, "kind", kind);
	jw_kint(w, "valid_ms", VALID_MS);
	return w;
}

void command_send(struct ocpp *o)
{
	out_send(o->out);
}

static void finish(struct ocpp *o, struct pending_command *p, const struct record *reply)
{
	struct pending_command done = *p;

	p->id[0] = '\0';
	done.done(o, &done, reply);
}

void command_reply(struct ocpp *o, const struct record *r)
{
	const char *id = json_str(record_get(r, "id"));

	for (int i = 0; i < COMMANDS_MAX && id && id[0]; i++)
		if (strcmp(o->commands[i].id, id) == 0)
			finish(o, &o->commands[i], r);
}

/* Who asked is gone; the tools' replies still end what was begun. */
void command_closed(struct ocpp *o)
{
	for (int i = 0; i < COMMANDS_MAX; i++)
		o->commands[i].call_id[0] = '\0';
}

int64_t command_tick(struct ocpp *o)
{
	int64_t next = CLOCK_NEVER;

	for (int i = 0; i < COMMANDS_MAX; i++) {
		struct pending_command *p = &o->commands[i];

		if (p->id[0] && o->now.mono_us >= p->deadline_us)
			finish(o, p, NULL);
		else if (p->id[0])
			next = earlier(next, p->deadline_us);
	}
	return next;
}
