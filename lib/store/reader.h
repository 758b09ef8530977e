/* Reads a store, also while it is written: every kept record, in order, byte for byte, but for what
 * was erased. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/keys.h"
#include "store/conceal.h"
#include "store/hidden.h"
#include "store/segment.h"
#include "store/tip.h"

/* Where a record stands. */
struct place {
	uint64_t seq, index; /* segment; record within it, from 0 */
	enum rows_class kind;
	bool sealed;
	bool hidden; /* something of it is not shown any more */
};

struct reader {
	int dir_fd;
	struct crypt_opener opener; /* used where no device key fits: a recipient's */
	const struct keys *keys;    /* may be NULL */
	int64_t from_ms, to_ms;     /* segments wholly outside are passed over */
	bool check_roots;
	bool
	    strict; /* personal values that don't open end the reading; else their tags are given */
	bool stored; /* give lines as they are stored, personal values sealed */
	struct persons persons;
	struct hidden hidden;
	struct buf plain, masked;
	bool no_persons;               /* personal values could not be opened */
	uint64_t damaged;              /* segments that could not be read */
	uint64_t skipped_data;         /* records whose data part was removed */
	uint64_t last_seq, last_index; /* what was given last; for going on */
	bool started;
	uint64_t *seqs; /* the listing */
	size_t seq_count;
};

/** @return other than 0 to stop. */
typedef int reader_fn(void *ctx, const struct place *p, const char *line, size_t len);

int reader_open(struct reader *r, const char *dir, const struct keys *keys, struct err *err);
void reader_close(struct reader *r);

/** Lists the numbers of all segments and rows files again, in order. */
int reader_list(struct reader *r, struct err *err);

/**
 * Gives each record behind what was given last. Memory is bounded by one segment's.
 *
 * @return  0 at the end, what @fn returned when it stopped, or -1 with @err when something could
 * not be read: the first such thing; all that can be read was given
 */
int reader_each(struct reader *r, reader_fn *fn, void *ctx, struct err *err);

/** Reads the segment @seq whole. @return 0, 1 when there is no such file, -1 with @err. */
int reader_segment(const struct reader *r, uint64_t seq, struct buf *data, struct segment_head *h,
		   struct err *err);

/** Reads only the head of @seq; @size of its file. @return 0, 1 when there is none, -1 with @err.
 */
int reader_head(const struct reader *r, uint64_t seq, struct segment_head *h, uint64_t *size,
		struct err *err);

/** Who opens a segment with this head. */
struct crypt_opener reader_opener(const struct reader *r, const struct segment_head *h);

#endif
