/* Personal values (a card's id, a car's) are stored sealed under a key of that person, so that
 * destroying the key erases them everywhere in the store, while every signature and hash stays true
 * (REG-4).
 *
 * A sealed value stands in its line in place of the string, as PERSONS_MARK, 16 hexadecimal digits
 * of the person's random tag, then nonce, ciphertext and authentication tag in hexadecimal. The
 * keys stand in the file "persons", wrapped by a ring key that the device key wraps. */
#ifndef STORE_PERSONS_H
#define STORE_PERSONS_H

#include "store/keys.h"

enum { PERSONS_MARK = 0xff, PERSONS_TAG = 8, PERSONS_MAC = 16, PERSONS_MAX = 16384 };

struct person {
	uint8_t
	    mac[PERSONS_MAC]; /* of the value, under the ring's own key: how it is found again */
	uint8_t tag[PERSONS_TAG]; /* random: says nothing once this entry is gone */
	uint8_t key[CRYPT_KEY];
};

struct persons {
	int dir_fd;
	const struct keys *keys;
	uint8_t mac_key[CRYPT_KEY];
	struct person *list;
	size_t count;
	uint64_t stamp[3]; /* of the file that was read: inode, time, size */
	bool loaded;
};

/** @keys and @dir_fd are borrowed. Nothing is read yet. */
void persons_init(struct persons *p, int dir_fd, const struct keys *keys);
void persons_release(struct persons *p);

/** True when the line holds personal values; cheap. */
bool persons_in(const char *line, size_t len);

/** Copies @line to @out with its personal values sealed. New keys are on the disk when this
 * returns. */
int persons_seal(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err);

/** The opposite; a value whose key is gone, or of which @p is NULL, becomes "#" and its tag. */
int persons_open(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err);

/** Destroys the keys of @value. @return how many, or -1 with @err. */
int persons_erase(struct persons *p, const char *value, struct err *err);

#endif
