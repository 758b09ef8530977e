/* evse-session: what its files share. */
#ifndef EVSE_SESSION_H
#define EVSE_SESSION_H

#include "core/tool.h"
#include "session/list.h"
#include "session/store.h"

enum { LINES_MAX = 48, STATE_MAX = 16 << 20 };

/* What waits for a keyed hash: the hash comes through a channel, so that a journal holds it and a
 * replay needs no key. */
enum waiting { WAIT_NOTHING, WAIT_TOKEN, WAIT_START, WAIT_VERDICT };

struct session_tool {
	/* options */
	struct session_conf conf;
	int64_t evses;
	double plug_s;
	const char *list_path, *dir;
	/* state */
	struct sessions core;
	struct token_key key;
	struct token_list list;
	struct buf
	    last[SESSION_EVSES_MAX]; /* each EVSE's lines of its last change, one after another */
	struct buf lines;            /* what the present input gives */
	bool line_is_state[LINES_MAX];
	int line_evse[LINES_MAX], line_count;
	struct loop_timer timer;
	int start_channel, hash_channel;
	bool started;
	enum waiting waiting;
	struct session_token token;
	char token_group[SESSION_TOKEN_MAX]; /* clear, until it is hashed */
	struct session_auth auth;
	int evse;
	char ask_id[SESSION_ID_MAX], from[64], command_id[64];
};

static inline struct session_now now_of(const struct tool *t)
{
	return (struct session_now){tool_now(t).mono_us / 1000, tool_now(t).real_us / 1000};
}

/** Stores what the last input changed, sends what it said, and waits for the next deadline. */
void session_settle_all(struct tool *t);

/** As session_settle_all, without the waiting: between the EVSEs of one turn. */
void session_carry_out(struct tool *t);

/** Says again what an EVSE said last before a restart. */
void session_say_again(struct tool *t, int evse);

/** The timer's function. */
void session_on_wait(void *ctx);

/** A record of any wanted type. */
void session_on_record(struct tool *t, const struct record *r);

/** The channel that brings hashes. */
void session_on_hash(void *ctx, const char *data, size_t len);

extern const char *const session_wants[];

#endif
