/* What came into a tool, in order and with its time, for giving it again: --journal and --replay.
 *
 * Text, one entry a line, members separated by tabs: a letter, real_us, mono_us, then
 *   S epoch            start                    L channel line   input
 *   T timer            a timer fired            D                all input so far was given
 *   E                  end of input
 * All functions take a NULL journal and then do nothing. */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stddef.h>

#include "core/clock.h"
#include "core/err.h"

enum journal_kind { JOURNAL_START, JOURNAL_LINE, JOURNAL_TIMER, JOURNAL_DRAINED, JOURNAL_END };

struct journal_entry {
	enum journal_kind kind;
	struct now now;
	const char *name; /* of the channel or timer */
	const char *text; /* the line; valid until the next call */
	size_t len;
};

struct journal;

/** Makes @path anew, for writing. NULL with @err. */
struct journal *journal_create(const char *path, struct now now, const char *epoch,
			       struct err *err);
/** Opens a journal for reading and reads its start entry. NULL with @err. */
struct journal *journal_open(const char *path, struct now *now, char *epoch, size_t epoch_size,
			     struct err *err);
void journal_close(struct journal *j);

/* Each is written at once, before what it leads to. A failed write is reported once, and ends the
 * journal. */
void journal_line(struct journal *j, struct now now, const char *channel, const char *line,
		  size_t len);
void journal_timer(struct journal *j, struct now now, const char *name);
void journal_drained(struct journal *j, struct now now);
void journal_end(struct journal *j, struct now now);

/** The next entry. @return 1, 0 at the end, -1 with @err when the line is none. */
int journal_next(struct journal *j, struct journal_entry *e, struct err *err);

/** Puts back the entry that journal_next() gave last: it gives it once more. */
void journal_again(struct journal *j);

#endif
