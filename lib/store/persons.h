/* The keys of persons. Personal values (a card's id, a car's) are stored sealed under a key of
 * that person (conceal.h), so that destroying the key erases them everywhere in the store, while
 * every signature and hash stays true (REG-4).
 *
 * The keys stand in the file "persons", wrapped by a ring key that the device key wraps. It grows
 * at its end, a line for each person, and for one not seen for long again; a line that a cut left
 * unfinished is none. It is written anew, under a new ring key, to erase, and when half of it is
 * repeats. evse-log(1) states the form. */
#ifndef STORE_PERSONS_H
#define STORE_PERSONS_H

#include "store/keys.h"
#include "store/sip.h"

enum {
	PERSONS_TAG = 8,
	PERSONS_MAC = 16,
	PERSONS_MAX = 16384,
	PERSONS_WORD_MIN = 4, /* a value of fewer or more bytes is not looked for in texts */
	PERSONS_WORD_MAX = 63,
};

struct person {
	uint8_t
	    mac[PERSONS_MAC]; /* of the value, under the ring's own key: how it is found again */
	uint8_t tag[PERSONS_TAG]; /* random: says nothing once this entry is gone */
	uint8_t key[CRYPT_KEY];
	uint64_t word; /* a quick hash of the value, 0: not known (from a file of format 1) */
	uint32_t seen; /* the greater the later */
	uint8_t len;   /* of the value; 0: not looked for in texts */
	bool unsaved;
};

/* Open addressing: place in the list plus 1. */
struct persons_index {
	uint32_t *slot;
	size_t size; /* a power of 2 */
};

struct persons {
	int dir_fd;
	const struct keys *keys;
	uint8_t ring[CRYPT_KEY], mac_key[CRYPT_KEY], word_key[SIP_KEY];
	struct person *list;
	size_t count, cap, unsaved, nameless; /* nameless: of format 1, without word */
	struct persons_index by_word, by_tag;
	uint64_t lengths; /* of the values that are looked for in texts, a bit each */
	uint32_t clock;   /* of seen */
	/* the file as read */
	uint64_t stamp[3], good, lines, bad; /* good: up to its last whole line; bad: lines */
	char head[512];
	int version; /* 0: there is none */
	bool loaded, rewrite;
	bool set_aside; /* the file was damaged and a new one begun: for the caller to report */
	uint64_t generation; /* changes when entries went */
};

/** @keys and @dir_fd are borrowed. Nothing is read yet. */
void persons_init(struct persons *p, int dir_fd, const struct keys *keys);
void persons_release(struct persons *p);

/** Reads what is new in the file. @return 0, or -1 with @err: its head does not open, or cannot be
 * read. Single damaged lines are counted in @p->bad, and are nobody. */
int persons_load(struct persons *p, struct err *err);

/** Who has this value, as it stands in a line; else a new person, with a key that persons_save()
 * makes durable. NULL with @err. Valid until the next call. */
const struct person *persons_get(struct persons *p, const char *value, size_t len, struct err *err);
/** Who has this value; NULL: nobody known. @folded as by names_fold(). */
const struct person *persons_word(struct persons *p, const char *folded, size_t len);
/** NULL when the key is gone. */
const struct person *persons_by_tag(const struct persons *p, const uint8_t tag[PERSONS_TAG]);

/** Makes new keys durable; to be called before what they sealed is written. @return 0, or -1 with
 * errno and @err; what was not saved is kept. */
int persons_save(struct persons *p, struct err *err);

/** Destroys the keys of @value. @return how many, or -1 with @err. */
int persons_erase(struct persons *p, const char *value, struct err *err);

#endif
