/* The charging station as the back office sees it: OCPP behind five calls.
 *
 * Records, frames, the state of the connection and the time go in; records and frames come out
 * through the hooks. No socket, no clock and no loop is touched here, so that a test or a replay
 * drives it alone. What must survive is kept in files below `state_dir`. One station a process, one
 * thread. */
#ifndef OCPP_STATION_H
#define OCPP_STATION_H

#include "core/clock.h"
#include "core/err.h"
#include "core/out.h"
#include "core/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ocpp;

struct ocpp_conf {
	int evses;
	int phases;       /* wired, 1 or 3 */
	double max_a;     /* per phase and EVSE */
	double voltage_v; /* line to neutral, for A to W in composite schedules */
	bool tethered;
	const char *vendor, *model, *serial, *firmware;
	const char *identity, *url;
	int security_profile;
	const char *state_dir;     /* NULL: nothing is kept */
	const char *password_file; /* where SetVariables of BasicAuthPassword goes; NULL: refused */
	const char *boot_reason;   /* OCPP word, "PowerUp" */
};

/* How the station reaches the connection; `ctx` is given back. */
struct ocpp_hooks {
	int (*send)(void *ctx, const char *text, size_t len); /* 0, or -1 while not open */
	void (*reconnect)(void *ctx);
	void (*restart)(void *ctx); /* end this process: a reset that nobody else carried out */
	void (*set_ping)(void *ctx, int seconds);
	void (*set_backoff)(void *ctx, int minimum_s, int random_s, int repeats);
	/* the URL and security profile of the next connection, NULL: the configured ones; `trial`:
	 * only say whether it can be. 0, or -1 when it can't */
	int (*set_profile)(void *ctx, const char *url, int security_profile, bool trial);
	void *ctx;
};

/** What is said of an open connection. Strings are copied. */
struct ocpp_link {
	const char *tls; /* "TLSv1.3", NULL in clear */
};

/**
 * Make the station and load what it kept.
 *
 * @conf, @out  borrowed, must outlive the station
 * @err         on failure: a state file of a newer format (errno EPROTO), or one that can't be used
 * @return      the station, or NULL
 *
 * Ownership: the caller frees with ocpp_free().  Blocking: on the disk.
 */
struct ocpp *ocpp_new(const struct ocpp_conf *conf, const struct ocpp_hooks *hooks, struct out *out,
		      struct now now, struct err *err);

/** Free the station. What waits for the back office stays in its file. */
void ocpp_free(struct ocpp *o);

/** Take an input record: session, auth, pilot, meter, command, … Unknown types are ignored. Blocks
 * on the disk. */
void ocpp_record(struct ocpp *o, struct now now, const struct record *r);

/** The connection is open. */
void ocpp_opened(struct ocpp *o, struct now now, const struct ocpp_link *link);

/** The connection was lost, or could not be made; `security` is the event to report later, or NULL.
 */
void ocpp_closed(struct ocpp *o, struct now now, const char *reason, const char *security);

/** A text frame came. */
void ocpp_receive(struct ocpp *o, struct now now, const char *text, size_t len);

/**
 * Do what is due.
 *
 * @return  the next instant (now.mono_us) at which something is due
 */
int64_t ocpp_tick(struct ocpp *o, struct now now);

/** True when nothing waits for an answer and no transaction message waits to be sent. */
bool ocpp_settled(const struct ocpp *o);

/** True once the back office accepted the boot. */
bool ocpp_accepted(const struct ocpp *o);

#endif
