/* evse-pilot: what its parts share. */
#ifndef EVSE_PILOT_APP_H
#define EVSE_PILOT_APP_H

#include "core/tool.h"
#include "pilot/drv/driver.h"
#include "pilot/machine.h"

enum { SEEN_COMMANDS = 32 };

struct options {
	const char *device;
	int64_t evse;
	double max_a, tethered_a, failsafe_a;
	int64_t phases, raise_ms, open_ms, duty_blank_ms, switch_blank_ms, close_ms, min_close_ms,
	    fault_f_ms, phase_wait_ms, realtime;
	bool socket, ventilation, lock_in_session, simplified_10a, no_rcd_test, no_phase_switch;
	struct cli_list wake;
	bool safe, safe_f;
};

/* What a pilot record says, for telling a change. */
struct shown {
	char state[3];
	int duty, limit_ma, cable_ma, pp;
	bool contactor, fb, lock, locked, unlocked, rcd_ok, simplified, operative, valid;
	uint8_t phases, bcb;
	uint32_t faults;
};

struct app {
	struct driver_caps caps;
	struct pilot_conf conf;
	struct pilot p;
	struct driver *driver;
	struct tool *t;
	int channel;
	bool started, ready; /* a first reading came */
	struct loop_timer step, periodic, give_up;

	char setpoint_n[32], setpoint_src[64]; /* the setpoint followed */
	const char *cause;                     /* what made this step */
	struct shown shown;
	uint32_t alerted; /* faults whose alert is out */
	bool quiet_alert; /* the alert of a silent setpoint is out */
	struct pilot_readings last;
	int64_t last_us, rcd_tested_us, meter_us;
	int board_ma; /* what the board carries */
	int meter_ma; /* highest phase by this EVSE's meter */

	struct unlock {
		bool pending;
		char src[64], id[80];
		int64_t until_us;
	} unlock;
	uint32_t seen[SEEN_COMMANDS]; /* hashes of executed (src, id) */
	unsigned seen_next;
};

static inline int64_t app_now(const struct app *a)
{
	return tool_now(a->t).mono_us;
}

/** As the command line, the file and the commands `set` give them. */
extern struct options options;
extern const struct cli_opt option_table[];
/** Options and what the board can do become the machine's configuration. @return 0 or an exit code.
 */
int options_apply(struct app *a);
/** The same for what can be set while it runs. */
void options_follow(struct app *a);

/** Settles the machine, makes the board follow, reports, and arms the next deadline. */
void app_step(struct app *a, const char *cause);

/** Writes the pilot record if anything changed, and always if @force; alerts first. */
void app_report(struct app *a, bool force);
/** The records that come at intervals. */
void app_periodic(struct app *a);

/** Takes a command record addressed to this pilot. */
void app_command(struct app *a, const struct record *r);
/** Answers an unlock once the lock has moved, or has not. */
void app_unlock_step(struct app *a);

/** --safe: see safe.c. */
int safe_start(struct app *a, char **argv);

/** probe, test, scope, the first of @argv: what a technician does without the charger. @return the
 * exit code. */
int technician(int argc, char **argv);
/** Which of these a word is; -1 none. */
int technician_word(const char *word);
/** Prints them for completions, as --option-table prints commands. */
void technician_table(void);

#endif
