/* A driver: the board behind the machine. sim:SOCKET, linux:BOARD.json, rapi:/dev/tty…
 *
 * A driver turns hardware into struct pilot_readings and struct pilot_out into hardware, and says
 * what it can't do. It runs in the caller's loop, never blocks longer than a register write, and
 * holds an exclusive lock on its device from open to close, so that two programs never drive one
 * board. */
#ifndef PILOT_DRIVER_H
#define PILOT_DRIVER_H

#include <stddef.h>

#include "core/err.h"
#include "core/loop.h"
#include "pilot/machine.h"

/* What a board has. Absent things are reported absent, not zero. */
struct driver_caps {
	int step_ma;
	bool voltages;      /* CP levels are real measurements */
	bool pp;            /* PP is read */
	bool hlc;           /* 5 % can be made */
	bool cp_disconnect; /* the pilot line can be cut */
	bool phase_switch;
	bool lock, feedback, rcd_test, current, temperature;
	bool
	    guarded; /* hardware notices the end of this program: alive line, watchdog, heartbeat */
	bool own_machine; /* the board runs its own safety machine and has the last word */
};

struct driver_host {
	struct loop *loop;
	void *ctx;
	bool safe; /* drive contactor and pilot line only; lock, phases and tests are left as they
		      are */
	/** A fresh reading. */
	void (*readings)(void *ctx, const struct pilot_readings *r);
	/** The board can't be reached; `why` is for a message. Readings end that. */
	void (*lost)(void *ctx, const char *why);
};

struct driver;

struct driver_ops {
	const char *scheme; /* "sim" */
	/** Fills the capabilities, and in @c what a board file fixes. Touches no hardware. */
	int (*describe)(const char *address, struct driver_caps *caps, struct pilot_conf *c,
			struct err *err, int *code);
	/** @return NULL with @err and the exit code in @code */
	struct driver *(*open)(const char *address, const struct driver_host *host, struct err *err,
			       int *code);
	void (*apply)(struct driver *d, const struct pilot_out *out);
	void (*close)(struct driver *d);
};

/* The start of every driver's own structure. */
struct driver {
	const struct driver_ops *ops;
	struct driver_host host;
};

/**
 * Says what the board at "scheme:address" has, without touching it; capabilities that it lacks are
 * switched off in @c, and what its board file fixes is set.
 *
 * @code    filled on failure: EXIT_USAGE, EXIT_NO_INPUT, EXIT_CONFIG
 * @return  0, or -1 with @err
 */
int driver_describe(const char *address, struct driver_caps *caps, struct pilot_conf *c,
		    struct err *err, int *code);

/**
 * Opens the board at "scheme:address" and takes its lock.
 *
 * A sim socket that is not there yet is no failure: the driver keeps trying, and says lost.
 * @code    filled on failure: as driver_describe, and EXIT_TEMPORARY (locked by another)
 * @return  the driver, to be closed with driver_close(); NULL with @err
 */
struct driver *driver_open(const char *address, const struct driver_host *host, struct err *err,
			   int *code);

/** Makes the outputs follow; only what changed is written. */
void driver_apply(struct driver *d, const struct pilot_out *out);

/** Releases the device and its lock. Outputs stay as they are. */
void driver_close(struct driver *d);

/**
 * Takes the exclusive lock of a device by its lock file.
 *
 * @return  a descriptor that holds the lock until closed; -1 with @err (errno EWOULDBLOCK: held)
 */
int driver_lock(const char *path, struct err *err);

/** A reading as one line of text, for journals. @return its length. */
int driver_print(const struct pilot_readings *r, char *text, size_t size);
/** The reverse. @return 0, or -1 when the text is none. */
int driver_scan(const char *text, struct pilot_readings *r);

extern const struct driver_ops driver_sim, driver_linux, driver_rapi;

#endif
