/* The keys directory: who may open the store, and who signs it.
 *
 *   device.key        32 random bytes in hexadecimal: opens all that is stored here; or wrapped by
 * a token device-*.key      earlier ones, after a rotation; they still open what they sealed
 *   sign.key          private Ed25519 key, PEM
 *   sign.pub          its public half, for `evse-log verify`
 *   recipients/NAME.pem certificates of those who may open what they receive
 *
 * A secret that group or others can read is refused. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store/crypt.h"

enum { KEYS_DEVICE_MAX = 16 };

struct keys {
	uint8_t device[KEYS_DEVICE_MAX][CRYPT_KEY]; /* [0] is the present one */
	uint8_t id[KEYS_DEVICE_MAX][CRYPT_ID];
	size_t devices;
	bool token; /* a token's module is loaded whenever the keys are read */
	struct crypt_signer *signer;
	struct crypt_recipients *recipients;
};

enum keys_need { KEYS_OPEN, KEYS_OPEN_AND_SIGN };

/**
 * Reads the keys, for opening alone or also for signing.
 *
 * @make    makes the directory, device.key and the signing key where there are none
 * @return  0, or -1 with @err; errno is EACCES where a secret's file mode was the reason
 */
int keys_load(struct keys *k, const char *dir, enum keys_need need, bool make, struct err *err);
void keys_release(struct keys *k);

/** The device key named @id, or NULL; a rows_key_fn for @ctx = struct keys. */
const uint8_t *keys_find(const struct keys *k, const uint8_t id[CRYPT_ID]);

/** Reads a whole small file; @secret: refuses one that group or others can read (errno EACCES). */
int keys_read_file(const char *path, bool secret, struct buf *out, struct err *err);

/** Makes or replaces a file of the directory: temporary name, fsync, rename. */
int keys_write_file(const char *dir, const char *name, const void *data, size_t len, unsigned mode,
		    struct err *err);

/** A new device key from now on; the old one is kept under its id, since it opens what it sealed.
 * @token, where not NULL, is the URI of the token's key that wraps it (token.h). */
int keys_rotate_device(const char *dir, const char *token, struct err *err);
/** Makes "sign.next", which the writer takes up with its next segment (rotation.h). */
int keys_rotate_sign(const char *dir, struct err *err);

#endif
