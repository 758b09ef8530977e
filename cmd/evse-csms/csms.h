/* What the files of evse-csms share. */
#ifndef EVSE_CSMS_H
#define EVSE_CSMS_H

#include "core/tool.h"
#include "csms/cards.h"
#include "csms/frame.h"
#include "csms/rules.h"
#include "ocpp/schema.h"
#include "ws/ws.h"

enum { QUEUE_MAX = 1000, CALL_TIMEOUT_MS = 30000 };

/* A call to a charger, waiting to be sent or for its answer. */
struct call {
	struct call *next;
	char id[CSMS_ID_MAX + 1], action[64];
	char *payload; /* JSON text */
	int64_t timeout_ms;
};

/* Every charger ever seen or spoken to; it outlives its connections. */
struct charger {
	struct charger *next;
	struct office *office;
	char id[65];
	struct ws_conn *conn; /* NULL while away */
	char subprotocol[32];
	struct call *queue, *pending;
	size_t nqueued;
	struct loop_timer timer; /* of the pending call */
};

/* An answer that is held back. */
struct late {
	struct late *next;
	struct office *office;
	struct charger *charger;
	struct ws_conn *conn; /* on which the call came; it dies with it */
	char id[CSMS_ID_MAX + 1], action[64];
	char *payload;
	struct loop_timer timer;
};

struct office {
	struct tool *t;
	struct ws *ws;
	struct ws_server *server;
	struct charger *chargers;
	struct late *held;
	struct csms_cards cards;
	struct csms_rules rules;
	jv passwords;
	bool has_passwords;
	uint64_t calls, lines;
	char call_prefix[12];
	struct loop_timer end_timer, room_timer;
	bool ending, closing;
	struct buf line, payload, frame; /* working space */
	struct jw w;
	/* options */
	const char *listen, *cert, *key, *ca, *cards_file, *passwords_file, *subprotocols,
	    *port_file;
	int64_t profile, interval_s, ping_s;
	bool tls12, stay, strict;
	int boot;
};

/* print.c: lines on standard output */

/** Begins a line of @kind, from or to a charger (@who NULL: neither); members are then added. */
struct jw *say(struct office *o, const char *who, bool in, const char *kind);
void said(struct office *o);
/** A member with JSON text as it came; too long for a line, it becomes null beside "<key>_bytes".
 */
void say_raw(struct office *o, const char *key, const char *text, size_t len);

/* chargers.c: who is there, calls both ways */

void on_ws(void *user, struct ws_conn *conn, const struct ws_event *ev);
struct charger *charger_find(struct office *o, const char *id, bool make);
/** Queues a call. @id may be NULL. @return 0, or -1 with @e */
int charger_call(struct charger *c, const char *id, const char *action, const char *payload,
		 int64_t timeout_ms, struct err *e);
bool office_busy(const struct office *o);
void office_release(struct office *o);

/* strict.c: the check of what comes */

/** @return true when there is nothing to say against @f; else @fault tells */
bool strict_good(const struct charger *c, const struct csms_frame *f, struct ocpp_fault *fault);

/* commands.c: lines of standard input */

bool on_command(struct tool *t, const char *line, size_t len);

#endif
