/* A sealed segment: a signed head that anyone can check, and one or two encrypted parts.
 *
 * The head names the segment before by its hash (the chain), and of each part the length, the hash
 * of its bytes and the root of the Merkle tree over its lines. The part with the events stands
 * first, so that the data can be dropped by cutting the file short and the events and the chain
 * stay whole. evse-log(1) states the form. */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/rows.h"
#include "store/signed.h"

enum { SEGMENT_PARTS = 2, SEGMENT_HEAD_MAX = 2048 };

struct segment_part {
	enum rows_class kind; /* ROWS_EVENT or ROWS_DATA */
	uint64_t records, bytes;
	uint8_t hash[CRYPT_HASH], root[CRYPT_HASH];
};

struct segment_head {
	uint8_t store[STORE_ID];
	uint64_t seq, records;
	uint8_t prev[CRYPT_HASH],
	    link[CRYPT_HASH];              /* link: the hash of this head, signature included */
	int64_t from_ms, to_ms, sealed_ms; /* least and greatest t of the records */
	uint8_t key[CRYPT_PUB], device[CRYPT_ID];
	struct segment_part part[SEGMENT_PARTS];
	size_t parts, len; /* len: of the head with its signature; the parts follow */
};

/* ---- sealing ---- */

struct segment_lines {
	struct buf events, data; /* lines */
	struct buf
	    places; /* of the events among all records: varints, each the records passed over */
	uint64_t event_count, data_count, since_event;
	int64_t from_ms, to_ms;
};

void segment_lines_init(struct segment_lines *l);
void segment_lines_release(struct segment_lines *l);
void segment_lines_add(struct segment_lines *l, enum rows_class c, const char *line, size_t len);

/** Fills what the head needs beside @h's store, seq, prev and sealed_ms, and appends the whole file
 * to @out. */
int segment_seal(struct segment_head *h, const struct segment_lines *l,
		 const struct crypt_signer *signer, const uint8_t device_key[CRYPT_KEY],
		 const struct crypt_recipients *recipients, struct buf *out, struct err *err);

/* ---- reading; @data from anywhere ---- */

/** Reads a head, without looking at its signature. @return 0, or -1 with @err. */
int segment_head_read(const char *data, size_t size, struct segment_head *h, struct err *err);
/** Whether the head's own key has signed it. */
bool segment_head_signed(const char *data, const struct segment_head *h);

/* An opened part. */
struct segment_body {
	uint8_t salt_key[CRYPT_KEY];
	uint64_t *place; /* of each event among all records; NULL for data */
	struct buf lines;
	size_t count;
};

/**
 * Opens part @index of the segment that @data holds whole.
 *
 * @check_root  also computes the Merkle tree and compares its root
 * @body        released by the caller with segment_body_release(), whatever was returned
 */
int segment_open(const char *data, size_t size, const struct segment_head *h, size_t index,
		 const struct crypt_opener *opener, bool check_root, struct segment_body *body,
		 struct err *err);
void segment_body_release(struct segment_body *b);

/** The leaves of a body's lines; NULL without memory. The caller frees them. */
uint8_t (*segment_leaves(const struct segment_body *b))[CRYPT_HASH];

#endif
