/* A: security events, and the change of the password. Source: OCPP 2.0.1 Part 2, A01, A04 */
#include "ocpp/block.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INVALID_EACH (60 * OCPP_S)

static void hold(struct ocpp *o, const char *type, const char *text, int64_t t_us);

/* An event that went down with the connection is held for the next one. */
static void notified(struct ocpp *o, const struct ocpp_call *call, const struct ocpp_frame *answer)
{
	const struct held_event *h = call->cookie;

	if (!answer && !o->open)
		hold(o, h->type, h->text, h->t_us);
}

static void notify(struct ocpp *o, const char *type, const char *text, int64_t t_us)
{
	struct held_event *h = malloc(sizeof(*h));
	struct jw *w = call_begin(o, "SecurityEventNotification");

	if (!h)
		return;
	snprintf(h->type, sizeof(h->type), "%s", type);
	snprintf(h->text, sizeof(h->text), "%s", text);
	h->t_us = t_us;
	jw_kstr(w, "type", type);
	jw_ktime(w, "timestamp", t_us);
	if (text[0])
		jw_kstr(w, "techInfo", text);
	call_send(o, CALL_NORMAL, notified, h);
}

/* Held until the back office listens. One of each kind: a certificate that is wrong at each try is
 * one event; when full the newest are not held, since the first ones say how it began. */
static void hold(struct ocpp *o, const char *type, const char *text, int64_t t_us)
{
	struct held_event *h = &o->held[o->n_held];

	for (size_t i = 0; i < o->n_held; i++)
		if (strcmp(o->held[i].type, type) == 0)
			return;
	if (o->n_held == EVENTS_MAX)
		return;
	snprintf(h->type, sizeof(h->type), "%s", type);
	snprintf(h->text, sizeof(h->text), "%s", text);
	h->t_us = t_us;
	o->n_held++;
}

static void tell(struct ocpp *o, const char *type, const char *text, int64_t t_us)
{
	char cut[250];

	snprintf(cut, sizeof(cut), "%s", text);
	if (online(o))
		notify(o, type, cut, t_us);
	else
		hold(o, type, cut, t_us);
}

/* Invalid messages come in floods, and one that answers our own event would go round for ever. */
static bool too_soon(struct ocpp *o)
{
	bool soon = o->invalid_us && o->now.mono_us - o->invalid_us < INVALID_EACH;

	if (!soon)
		o->invalid_us = o->now.mono_us;
	return soon;
}

/* An event is also a record, for the charger's own log. */
void security_event(struct ocpp *o, const char *type, const char *text)
{
	if (strcmp(type, "InvalidMessages") == 0 && too_soon(o))
		return;
	struct jw *w = out_begin(o->out, o->now, "security", (struct out_head){0});

	jw_kstr(w, "event", type);
	jw_kstr(w, "text", text);
	out_send(o->out);
	tell(o, type, text, o->now.real_us);
}

static int write_whole(int fd, const char *text)
{
	size_t len = strlen(text);

	return write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
}

/* Replaces the password file as a whole; the connection takes it up at its next try. */
int password_set(struct ocpp *o, const char *password)
{
	char *temp = NULL;
	int fd = -1, rc = -1;

	if (!o->conf.password_file || strlen(password) < 16 || strlen(password) > 40)
		return -1;
	if (asprintf(&temp, "%s.new", o->conf.password_file) >= 0)
		fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write_whole(fd, password) == 0 && rename(temp, o->conf.password_file) == 0)
		rc = 0;
	else
		log_error("the new password can't be written to %s: %s", o->conf.password_file,
			  strerror(errno));
	if (fd >= 0)
		close(fd);
	free(temp);
	if (rc < 0)
		return -1;
	security_event(o, "ReconfigurationOfSecurityParameters", "BasicAuthPassword");
	o->reconnect_us = o->now.mono_us + OCPP_S;
	return 0;
}

/* A second after its answer the station comes back with the new password. */
static int64_t tick(struct ocpp *o)
{
	if (!o->reconnect_us)
		return CLOCK_NEVER;
	if (o->now.mono_us < o->reconnect_us)
		return o->reconnect_us;
	o->reconnect_us = 0;
	o->hooks.reconnect(o->hooks.ctx);
	return CLOCK_NEVER;
}

static void accepted(struct ocpp *o, bool first)
{
	if (first)
		security_event(o, "StartupOfTheDevice", o->boot.reason);
	for (size_t i = 0; i < o->n_held; i++)
		notify(o, o->held[i].type, o->held[i].text, o->held[i].t_us);
	o->n_held = 0;
}

/* Other tools' events go to the back office too. */
static void record(struct ocpp *o, const struct record *r)
{
	const char *event = str_of(r->body, "event");

	if (record_is(r, "security") && event[0] && strlen(event) <= 50)
		tell(o, event, str_of(r->body, "text"), r->t_us);
}

const struct ocpp_block block_security = {.accepted = accepted, .record = record, .tick = tick};
