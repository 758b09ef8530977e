/* Checks a store, or a directory of delivered segments, with public keys alone. */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/reader.h"

enum { VERIFY_KEYS_MAX = 32 };

/* What delivery or a visit wrote down: the store, a segment and its hash. */
struct anchor {
	uint8_t store[STORE_ID], link[CRYPT_HASH];
	uint64_t seq;
};

/* A key and the segments that it may have signed. */
struct verify_trust {
	uint8_t pub[CRYPT_PUB];
	uint64_t first, until;
};

struct verify {
	uint8_t (*pubs)[CRYPT_PUB]; /* trusted */
	size_t pub_count;
	const struct keys *keys;    /* not NULL: also opens everything and checks the roots */
	struct crypt_opener opener; /* key_pem not NULL: a recipient, who opens likewise */
	const struct anchor *anchor;
	bool delivered; /* no tip, no rows: a receiver's copies, from any number on */
	/* result */
	char bad[256]; /* "" when clean: the first bad place, and what is wrong there */
	uint64_t first, last, records, bytes;
	uint64_t rows, tail_records, tail_bytes,
	    torn_bytes; /* what is not sealed yet; records only with keys */
	bool anchored;
	/* internal */
	struct verify_trust trust[VERIFY_KEYS_MAX];
	size_t trust_count;
};

/** @return 0 when it could be checked (see bad), -1 with @err when it could not. */
int verify_store(struct verify *v, const char *dir, struct err *err);

#endif
