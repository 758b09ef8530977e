/* What the functional blocks share: the station's state, and the few calls that they make.
 *
 * A block is one row in blocks.c: the requests of the back office that it answers, the records it
 * takes, what it does when the connection is ready, and what is due by time. Private to lib/ocpp.
 */
#ifndef OCPP_BLOCK_H
#define OCPP_BLOCK_H

#include "core/buf.h"
#include "core/jw.h"
#include "core/seen.h"
#include "ocpp/cache.h"
#include "ocpp/frame.h"
#include "ocpp/model.h"
#include "ocpp/profile.h"
#include "ocpp/queue.h"
#include "ocpp/station.h"

#define OCPP_S INT64_C(1000000) /* a second of now.mono_us */

/* ---- calls to the back office ---- */

struct ocpp_call;
/* The answer to a call; NULL when none came in time or the connection was lost. A CALLERROR is an
 * answer. */
typedef void ocpp_done_fn(struct ocpp *o, const struct ocpp_call *call,
			  const struct ocpp_frame *answer);

enum call_rank {
	CALL_FIRST,  /* before all that waits: boot, authorisation */
	CALL_NORMAL, /* in order */
	CALL_FORCED, /* also while the boot is only Pending, as TriggerMessage allows */
};

struct ocpp_call {
	struct ocpp_call *next;
	char id[OCPP_ID_MAX + 1];
	const char *action;
	char *payload;
	ocpp_done_fn *done;
	void *cookie; /* freed with free() after `done` */
	enum call_rank rank;
};

struct calls {
	struct ocpp_call *first; /* those that wait */
	size_t n;
	struct ocpp_call *running; /* sent, unanswered: at most one, by the protocol's rule */
	int64_t deadline_us;       /* of its answer */
	const char *action;        /* of the one that is being built */
	uint64_t last_id;
	int64_t last_sent_us;
	uint64_t dropped; /* of those that wait for a connection, at their bound */
};

/* ---- state of the blocks ---- */

enum boot_state { BOOT_UNSENT, BOOT_SENT, BOOT_PENDING, BOOT_REJECTED, BOOT_ACCEPTED };

struct boot {
	enum boot_state state;
	bool was_accepted;
	int64_t due_us;      /* of the next BootNotification */
	int64_t offset_ms;   /* the back office's clock less ours, as of its last currentTime */
	int64_t clock_at_us; /* our time then; 0: never told */
	int64_t rtt_ms, resolution_ms; /* how well that is known */
	int64_t heartbeat_s;           /* as told with the last acceptance */
	char reason[24];
};

/* The latest of a meter; NAN = not measured. */
struct meter_sample {
	bool any;
	int64_t t_us, interval_us; /* interval: since the one before, 0 = none */
	double voltage_v[3], current_a[3], power_w[3], power_total_w, reactive_var[3], freq_hz;
	double import_wh, export_wh, cosphi;
};

/* A legal reading at an edge of a session. */
struct reading {
	bool any;
	bool sampled; /* none was there: the meter's value of then */
	bool ends;    /* the energy had ended then */
	int64_t t_us;
	double import_wh, export_wh;
};

struct transaction {
	char session[40]; /* id of evse-session's session */
	char id[37];      /* "" = no transaction runs */
	char last_id[37]; /* of the one before */
	bool id_used;     /* the session's own id was given to one of its transactions */
	int64_t seq;      /* of the next message */
	int64_t start_us;
	bool connected, authorized, path, energy; /* path: the contactor is closed */
	bool told_token;                          /* the idToken was sent */
	bool stopping;       /* stop point reached; waits for the open path and its reading */
	int64_t stop_due_us; /* mono: not longer than this */
	char stop_trigger[32], stop_reason[32];
	char charging_state[24], told_state[24];
	char token[256], token_kind[24],
	    token_session[40];   /* clear, from the auth record; never logged */
	int64_t remote_start_id; /* 0 = none */
	struct reading begin, last;
	int64_t sample_due_us; /* mono: next sampled Updated */
	int64_t energy_since_us, charged_us;
	bool invalid, suspended; /* the token is not good any more; and no energy for it */
	double invalid_wh;       /* until this register, NAN = at once */
};

struct evse {
	int id;
	char pilot[4]; /* IEC 61851 state; "" = unknown */
	bool plugged, faulted;
	bool out, connector_out;          /* set out of service, by itself */
	bool operative, wanted_operative; /* in effect; and as soon as no transaction runs */
	double offered_a;
	const char *reported; /* status last told, constant string; NULL = none yet */
	struct meter_sample meter;
	struct transaction tx;
};

#define OCPP_EVSES_MAX 64
#define COMMANDS_MAX   16

/* A request of the back office, or a block's own, that waits for a tool's reply. */
struct pending_command {
	char id[24];
	int64_t deadline_us;
	char call_id[OCPP_ID_MAX + 1]; /* to answer, "" = none */
	char action[32];
	void (*done)(struct ocpp *o, struct pending_command *p,
		     const struct record *reply); /* NULL reply: late */
};

struct limits {
	struct profile_set set;
	int64_t due_us; /* of the next refresh */
	bool out_max;
	char layer[OCPP_EVSES_MAX + 1]; /* 0, 'd' (ocpp.default.N) or 't' (ocpp.tx.N) is in force */
	struct profile
	    *starting[OCPP_EVSES_MAX + 1]; /* of RequestStartTransaction, until it starts */
};

/* Network connection profiles; [0] and [1] unused: slot 1 is the configuration. */
#define NETWORK_SLOTS 4
struct network_slot {
	char url[600]; /* with the identity; "" = not set */
	int security_profile;
	int64_t timeout_s; /* of an answer */
};
struct network {
	struct network_slot slots[NETWORK_SLOTS + 1];
	int active;
	int64_t failed; /* tries of it, one after the other */
};

/* Security events that happened while they could not be told. */
#define EVENTS_MAX 16
struct held_event {
	char type[51], text[256];
	int64_t t_us;
};

/* The charger's alerts: what is raised, and what the back office was told of it. */
#define ALERTS_MAX 64
struct alert {
	char src[64], code[51], text[251], component[51], variable[51];
	int evse;
	int64_t t_us;
	bool raised, told;
};

struct reset {
	bool wanted, on_idle;
	bool waits; /* for a transaction: no other begins */
	int64_t due_us;
	int64_t tries, retry_us; /* that failed; and the next one, 0 = now */
};

struct ocpp {
	struct ocpp_conf conf;
	struct ocpp_hooks hooks;
	struct out *out;
	struct now now;
	const struct ocpp_schema *schema;

	bool open, was_offline;
	char tls[16];
	int64_t link_since_us;              /* real: since when open, or not */
	int64_t open_since_us, lost_us;     /* mono */
	const struct ocpp_frame *answering; /* the request being answered */
	bool answered;
	struct buf payload, reply,
	    frame; /* of requests and of responses: one may be built inside the other */
	struct jw w, rw;

	struct calls calls;
	struct boot boot;
	struct model model;
	struct network network;
	struct cache cache, list;
	int64_t list_version;
	struct queue *queue; /* transaction messages; NULL without state_dir */
	struct buf queue_head;
	bool tx_kept;        /* the event being taken is on the disk: it may be acknowledged */
	uint64_t tx_dropped; /* at the bound, as last reported */
	int64_t tx_version;  /* counts changes of what is kept of transactions */
	int tx_attempts;
	int64_t tx_retry_us;
	bool tx_running; /* the head of the queue is among the calls */
	struct seen seen;
	struct limits limits;
	struct reset reset;
	char session_epoch[32]; /* of evse-session, as last heard */
	bool free_vending;      /* evse-session asks nobody */
	bool station_out;       /* set out of service as a whole */
	int64_t aligned_due_us; /* real */
	struct pending_command commands[COMMANDS_MAX];
	uint64_t last_command;
	int64_t event_id;
	struct alert alerts[ALERTS_MAX];
	struct held_event held[EVENTS_MAX];
	size_t n_held;
	int64_t invalid_us;                   /* mono: last InvalidMessages; 0 = none */
	int64_t reconnect_us;                 /* mono: with a new password; 0 = no */
	struct evse evse[OCPP_EVSES_MAX + 1]; /* [0] unused */
};

struct ocpp_handler {
	const char *action;
	void (*fn)(struct ocpp *o, const struct ocpp_frame *f);
};

struct ocpp_block {
	int (*load)(struct ocpp *o, struct err *err);
	void (*accepted)(struct ocpp *o, bool first); /* ready to talk; first since the start */
	void (*record)(struct ocpp *o, const struct record *r);
	int64_t (*tick)(struct ocpp *o);     /* does what is due, answers the next instant (mono) */
	const struct ocpp_handler *handlers; /* ends with a NULL action */
};

extern const struct ocpp_block block_network, block_variables, block_report, block_provisioning,
    block_security, block_availability, block_authorization, block_locallist, block_transactions,
    block_remote, block_metervalues, block_smartcharging, block_limits, block_reset,
    block_diagnostics, block_transfer;

extern const struct ocpp_block *const ocpp_blocks[]; /* ends with NULL */

/* ---- calls.c ---- */

/** Begin a request: the members of its payload are written to what is answered. */
struct jw *call_begin(struct ocpp *o, const char *action);
/** Check and queue the request. `cookie` (malloc or NULL) is the call's from then on. @return 0, or
 * -1: not sent. */
int call_send(struct ocpp *o, enum call_rank rank, ocpp_done_fn *done, void *cookie);
/** Queue a request whose payload is text already, unchecked. */
int call_send_text(struct ocpp *o, enum call_rank rank, const char *action, const char *payload,
		   ocpp_done_fn *done);
/** Whether so many further requests can wait. */
bool calls_room(const struct ocpp *o, size_t n);
void calls_opened(struct ocpp *o);
void calls_closed(struct ocpp *o);
/** Take a CALLRESULT or CALLERROR. */
void calls_answer(struct ocpp *o, const struct ocpp_frame *f);
/** A frame with that id was no message: if it is the running call's, no answer of it will come. */
void calls_spoilt(struct ocpp *o, const char *id);
/** Send what may be sent now; notices late answers. */
int64_t calls_tick(struct ocpp *o);
void calls_free(struct ocpp *o);

/* ---- answer.c: requests of the back office ---- */

/** Find the block that answers, or answer with the right CALLERROR. */
void answer_call(struct ocpp *o, const struct ocpp_frame *f);
/** Begin the response to the request being answered. */
struct jw *reply_begin(struct ocpp *o);
/** Check and send it. A response that our own tables refuse becomes an InternalError. */
void reply_send(struct ocpp *o);
/** The whole of it: {"status":…} with an optional reason code and text. */
void reply_status(struct ocpp *o, const char *status, const char *reason, const char *info);
void reply_error(struct ocpp *o, enum ocpp_error code, const char *text);
/** Say that the answer comes later, when a tool has replied. */
void reply_later(struct ocpp *o);
/** Answer such a request. */
void reply_late(struct ocpp *o, const char *call_id, const char *action, const char *status);

/* ---- command.c: commands to other tools ---- */

/** Begin a command record; further members are written to the jw. NULL when too many wait. */
struct jw *command_begin(struct ocpp *o, const char *to, const char *kind, int evse,
			 struct pending_command **slot);
void command_send(struct ocpp *o);
void command_reply(struct ocpp *o, const struct record *r);
/** The connection was lost: nobody waits for answers any more. */
void command_closed(struct ocpp *o);
int64_t command_tick(struct ocpp *o);

/* ---- helpers ---- */

/** True when requests may be sent: open and accepted. */
static inline bool online(const struct ocpp *o)
{
	return o->open && o->boot.state == BOOT_ACCEPTED;
}
/** True when a message that tells something new may be made: to be sent, or with QueueAllMessages
 * to wait for the connection. */
static inline bool tells(const struct ocpp *o)
{
	return online(o) || var_bool(o, VAR_COMM_QUEUE_ALL);
}
/** The EVSE of that id, NULL when there is none. */
struct evse *evse_of(struct ocpp *o, int64_t id);
/** A member "name" as a UTC time. */
void jw_ktime(struct jw *w, const char *name, int64_t real_us);
/** An int member of a payload that the tables have checked; `fallback` when absent. */
int64_t int_of(jv obj, const char *name, int64_t fallback);
double num_of(jv obj, const char *name, double fallback);
/** A string member, "" when absent. */
const char *str_of(jv obj, const char *name);
/** Save a state file; a failure is logged. @return 0, or -1 */
int keep(struct ocpp *o, const char *name, struct buf *data);
/** Load a state file that holds JSON. @return 1, 0 when there is none, -1 with err. */
int kept(struct ocpp *o, const char *name, jv *v, struct err *err);
static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- what blocks do for each other ---- */

/* network.c: the profile in use, and which is next */
const char *network_url(const struct ocpp *o);
int network_security_profile(const struct ocpp *o);
int64_t network_timeout_s(const struct ocpp *o);
/** Whether each slot of a priority list is set. */
bool network_priority_fits(const struct ocpp *o, const char *value);
/** Take the first of the priority list into use, once all is loaded. */
void network_begin(struct ocpp *o);
void network_opened(struct ocpp *o);
void network_failed(struct ocpp *o);
void boot_send(struct ocpp *o, enum call_rank rank, const char *reason);
/** Publish the link, and the back office's clock, anew. */
void uplink_say(struct ocpp *o);
/** Keep the reason that the next start's BootNotification gives. */
void boot_note_reason(struct ocpp *o, const char *reason);
void heartbeat_send(struct ocpp *o, enum call_rank rank);
/** What was set for station, EVSEs and connectors, as far as no transaction runs. */
void availability_apply(struct ocpp *o);
void status_send(struct ocpp *o, struct evse *e, enum call_rank rank);
const char *status_of(const struct ocpp *o, const struct evse *e);
void security_event(struct ocpp *o, const char *type, const char *text);
/* transactions.c: edges of sessions */
void tx_sample(struct ocpp *o, struct evse *e, const char *trigger);
/* txmessage.c: builds the message of an event and queues it; src and n name the record that caused
 * it */
struct tx_event {
	const char *type, *trigger, *context; /* context of its readings, NULL: as the type says */
	const char *src, *n;
	int64_t t_us;
	bool with_reading;
};
void tx_message(struct ocpp *o, struct evse *e, const struct tx_event *ev);
/* txkeep.c: what survives, and the sending in order */
int tx_keep_open(struct ocpp *o, struct err *err);
int tx_save(struct ocpp *o);
int tx_enqueue(struct ocpp *o, struct evse *e, enum queue_class class, const char *src,
	       const char *n);
int64_t tx_send_tick(struct ocpp *o);
/** Whether a message of that transaction waits. */
bool tx_waits(struct ocpp *o, const char *id);
void tx_ack(struct ocpp *o, const char *src, const char *n);
struct evse *tx_find(struct ocpp *o, const char *id);
/** The back office refused a transaction's token. */
void tx_deauthorize(struct ocpp *o, struct evse *e);
/** Whether the energy that a refused token still gets has been given. */
void tx_deauthorized_tick(struct ocpp *o, struct evse *e);
void tx_ended_profiles(struct ocpp *o, struct evse *e);
void tx_started_profiles(struct ocpp *o, struct evse *e);
void limits_emit(struct ocpp *o);
struct profile_who limits_who(const struct ocpp *o, const struct evse *e);
int password_set(struct ocpp *o, const char *password);
/** The profiles that count: none while smart charging is not enabled. */
const struct profile_set *limits_set(const struct ocpp *o);
/** Whether the meter's latest values are of the present. */
bool meter_fresh(const struct ocpp *o, const struct evse *e);
void meter_values(struct ocpp *o, struct evse *e, const char *context, enum call_rank rank);
/**
 * Write one MeterValue of the measurands in a comma list.
 *
 * @e        its meter's latest sample gives the values; NULL: only what the reading has
 * @reading  the energy registers come from here; NULL: from the sample
 * @return   false when there was nothing to write
 */
bool write_meter_value(struct jw *w, const struct evse *e, const char *measurands,
		       const char *context, const struct reading *reading, int64_t t_us);
/** Whether the token is good at that EVSE. */
bool token_fits(const struct cache_entry *e, int evse);
/** Take status, group, EVSEs and expiry from an IdTokenInfo. */
void read_token_info(struct cache_entry *e, jv info);
void tokens_save(struct ocpp *o, const char *name, const struct cache *c, int64_t version);
int tokens_load(struct ocpp *o, const char *name, struct cache *c, int64_t *version,
		struct err *err);
void write_token(struct jw *w, const char *id, const char *kind);
void take_token_info(struct ocpp *o, const char *id, const char *kind, jv info);

#endif
