/* Signed texts: one line of JSON, then one with its Ed25519 signature. Their members stand in one
 * fixed order and spelling, so that equal contents are equal bytes. Pure but for the signing. */
#ifndef STORE_SIGNED_H
#define STORE_SIGNED_H

#include "store/crypt.h"

enum { SIGNED_SIG_LINE = 10 + 2 * CRYPT_SIG }; /* {"sig":"…"} and its newline */

/** Ends the line begun in @b at @from with a newline and appends the line of the signature. */
int signed_end(struct buf *b, size_t from, const struct crypt_signer *signer);

/**
 * Takes a signed text off the front of @data.
 *
 * @line_len  of its first line, with the newline
 * @len       of both lines
 * @return    false when there is none that is well-formed; the signature is in @sig, not checked
 * yet
 */
bool signed_split(const char *data, size_t size, size_t *line_len, size_t *len,
		  uint8_t sig[CRYPT_SIG]);

/* ---- writing and reading the members ---- */

void signed_hex(struct buf *b, const char *before, const void *data, size_t len);
void signed_uint(struct buf *b, const char *before, uint64_t v);
void signed_time(struct buf *b, const char *before, int64_t ms);

struct scan {
	const char *at, *end;
	bool bad; /* sticks */
};

void scan_text(struct scan *s, const char *text);
/** True and taken when @text comes next. */
bool scan_is(struct scan *s, const char *text);
void scan_hex(struct scan *s, const char *before, void *out, size_t len);
uint64_t scan_uint(struct scan *s, const char *before);
int64_t scan_time(struct scan *s, const char *before);

#endif
