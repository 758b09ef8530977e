/* A store that is written: one directory, one writer.
 *
 *   tip               signed: which segments there are (tip.h)
 *   00000012.seg      a sealed segment (segment.h), never changed but for its data being cut off
 *   00000013.rows     what is not packed yet (rows.h); becomes 00000013.seg
 *   lock              held by the writer
 *   reserve           room for the tip and one segment when the disk is full
 *
 * A rows file is closed by store_rotate() and packed by a child process of low priority, in order.
 * All calls but those said to wait return as soon as the disk lets them. Times are given by the
 * caller. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sys/types.h>

#include "core/head.h"
#include "core/seen.h"
#include "store/keys.h"
#include "store/conceal.h"
#include "store/rows.h"
#include "store/tip.h"

enum {
	STORE_ROWS_RAW_MAX =
	    2 << 20, /* bytes of lines in a rows file; the block that is packed from it */
	STORE_PENDING_MAX = 3 << 20, /* bytes held in memory while the disk takes nothing */
	STORE_RESERVE = 256 << 10,
	STORE_TIGHT_ROWS =
	    96 << 10, /* a rows file of this size is packed when there is little room: */
	STORE_TIGHT_FREE = 2 << 20, /* less than this; so the reserve is always enough to pack it */
};

struct store_limits {
	int64_t max_age_ms, events_age_ms; /* data, events */
	uint64_t max_bytes;
};

struct store {
	int dir_fd, lock_fd;
	struct keys keys;
	char *keys_dir;
	struct tip tip;
	struct rows rows;
	struct seen seen;
	struct store_limits limits;
	struct persons persons;
	struct conceal conceal;
	struct buf sealed;  /* a line with its personal values sealed */
	uint64_t pack_next; /* the rows file that is packed next; rows.seq when none waits */
	pid_t child;
	uint64_t bytes;   /* of all segments */
	uint64_t written; /* by this process and its children, to rows, segments and tips */
	uint64_t syncs;   /* of rows, by this process */
	/* what happened, for the caller to report and reset */
	uint64_t cut_bytes, cut_files; /* found unfinished at the start */
	uint64_t pruned_data, pruned_events, dropped, unsealed_values;
	bool bare;         /* no room for the data of what is packed next */
	bool for_room;     /* what was pruned had to go for a full disk */
	uint64_t asked_at; /* size of the rows file when the room was looked at */
	bool tight;        /* and what was seen */
	bool full, pack_failed;
	char aside[40]; /* where a store went that could not be gone on with; "": nowhere */
	struct err aside_why;
	bool damaged;
	struct err persons_err; /* why a personal value was not sealed */
	struct err keys_err;    /* new keys could not be taken up; "" while all is well */
};

/**
 * Opens or makes the store; recovers whatever a cut left. Waits at most @wait_ms for another writer
 * to end.
 *
 * @return  0, or -1 with @err; errno EBUSY: another writer, EACCES: a key file that others can read
 */
int store_open(struct store *s, const char *dir, const char *keys_dir,
	       const struct store_limits *limits, int wait_ms, int64_t now_ms, struct err *err);

/** True when a record with this head was taken before; else notes it. */
bool store_taken(struct store *s, const struct head *h);

/** Takes a line; its personal values are sealed first. @return 0, or -1 with errno ENOSPC when it
 * had to be dropped (counted). */
int store_append(struct store *s, enum rows_class c, const char *line, size_t len);

/**
 * Writes what was taken; with @sync it is durable when this returns 0. When the disk is full the
 * oldest goes first.
 *
 * @return  0, or -1 with errno; what was taken is kept in memory then
 */
int store_commit(struct store *s, bool sync, int64_t now_ms);

/** Closes the rows file and begins the next, for packing. Nothing happens where it holds no record.
 */
int store_rotate(struct store *s, int64_t now_ms, struct err *err);

/** True when the rows file is as large as a block may be, or as the room on the disk allows. */
bool store_rows_full(struct store *s);

/** True when so little of the disk is free that old data may have to go. */
bool store_tight(const struct store *s);

/**
 * Packs what waits: begins a child, or takes note of one that ended.
 *
 * Nothing is removed while a child works; so, when the disk is full, none begins right after one
 * ended.
 * @return  1 when a segment was sealed by it, 0 otherwise, -1 with @err when a child failed
 */
int store_pack(struct store *s, int64_t now_ms, struct err *err);
/** Waits for the child at work, if there is one. */
void store_wait(struct store *s, int64_t now_ms);
/** True while a child works or a rows file waits for one. */
bool store_packing(const struct store *s);

/** Removes what is older than the limits allow, or more. */
int store_retain(struct store *s, int64_t now_ms, struct err *err);

/** The time of the oldest data kept in segments, ms since 1970; -1 when there are none. */
int64_t store_oldest(struct store *s);

/** Waits for all packing, then frees everything. */
void store_close(struct store *s);

/** "00000012" and @suffix. */
void store_name(char name[32], uint64_t seq, const char *suffix);
/** @return the number in a name with @suffix, 0 when it is none. */
uint64_t store_number(const char *name, const char *suffix);

#endif
