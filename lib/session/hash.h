/* A token's keyed hash: what stands for it wherever its clear value must not stand. */
#ifndef SESSION_HASH_H
#define SESSION_HASH_H

#include "core/err.h"
#include "session/session.h"

enum { HASH_KEY_BYTES = 32 };

struct token_key {
	unsigned char bytes[HASH_KEY_BYTES];
};

/**
 * The key of this charger: read from DIR/token.key, made there (mode 0600) when missing; a fresh
 * one for this process alone where dir is NULL.
 *
 * @return  0, or -1 with @err; a key file that others can read is refused
 *
 * Blocking: for the disk.
 */
int token_key_load(struct token_key *k, const char *dir, struct err *err);

/**
 * HMAC-SHA-256 of the id in capitals, its first 16 bytes in hex: OCPP's ids don't tell case apart.
 * An empty id gives "".
 *
 * Source: OCPP 2.0.1 part 2, IdTokenType.idToken (identifierString is case insensitive)
 */
void token_hash(const struct token_key *k, const char *id, char out[SESSION_HASH_MAX]);

#endif
