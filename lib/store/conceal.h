/* Lines with their personal values sealed, and opened again.
 *
 * A sealed value stands in its line in place of the bytes that it was, as CONCEAL_MARK and, in
 * hexadecimal digits, the person's tag, a nonce, ciphertext and authentication tag. No line of
 * UTF-8 holds that mark by itself. */
#ifndef STORE_CONCEAL_H
#define STORE_CONCEAL_H

#include "store/persons.h"

enum { CONCEAL_MARK = 0xff, CONCEAL_KEPT = 16, CONCEAL_KEPT_MAX = 96 };

/* The last values that were sealed, with what they became: the same value becomes the same bytes
 * for a while, which cost nothing once packed. */
struct conceal {
	struct persons *persons;
	uint64_t generation, used;
	struct conceal_kept {
		char value[CONCEAL_KEPT_MAX];
		size_t len;
		uint64_t used;
		struct buf sealed;
	} kept[CONCEAL_KEPT];
};

/** @persons is borrowed. */
void conceal_init(struct conceal *c, struct persons *persons);
void conceal_release(struct conceal *c);

/**
 * Copies @line to @out with its personal values sealed: those that names.h names, and in every
 * other string but the head's, where they stand as words, those of persons that are known.
 * persons_save() is to be called before the line is written.
 *
 * @return  1, 0 when there is none and @out is as it was, or -1 with @err
 */
int conceal(struct conceal *c, const char *line, size_t len, struct buf *out, struct err *err);

/** The opposite. A value whose key is gone, or of which @p is NULL, becomes "#" and its tag.
 * @return  0, or -1 with @err */
int reveal(struct persons *p, const char *line, size_t len, struct buf *out, struct err *err);

/** How long the sealed value at @mark is, with its mark; 0 when none stands there. */
size_t conceal_len(const char *mark, const char *end);

#endif
