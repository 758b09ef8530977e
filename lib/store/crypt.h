/* The store's cryptography: the only file here that includes OpenSSL.
 *
 * Keys of 32 bytes are for AES-256; signatures are Ed25519; hashes SHA-256. A failure returns -1
 * and fills @err where there is one. Keys are erased from memory by whoever holds them, with
 * crypt_forget(). */
#ifndef STORE_CRYPT_H
#define STORE_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	CRYPT_KEY = 32,
	CRYPT_TAG = 16,
	CRYPT_NONCE = 12,
	CRYPT_WRAPPED = 40,
	CRYPT_HASH = 32,
	CRYPT_SIG = 64,
	CRYPT_PUB = 32,
	CRYPT_ID = 8,
};

int crypt_random(void *out, size_t len);
void crypt_forget(void *key, size_t len);

/* ---- hashes ---- */

void crypt_sha256(const void *data, size_t len, uint8_t out[CRYPT_HASH]);
/** Of two pieces, one after the other. */
void crypt_sha256_2(const void *a, size_t alen, const void *b, size_t blen,
		    uint8_t out[CRYPT_HASH]);
void crypt_hmac(const uint8_t key[CRYPT_KEY], const void *data, size_t len,
		uint8_t out[CRYPT_HASH]);
void crypt_hex(const void *data, size_t len, char *out);
/** @return false when @hex is not 2 * @len hexadecimal digits in lower case. */
bool crypt_unhex(const char *hex, size_t hex_len, void *out, size_t len);

/* ---- AES-256-GCM with a nonce that the caller never uses twice under one key ---- */

struct crypt_box;

struct crypt_box *crypt_box_new(const uint8_t key[CRYPT_KEY]);
void crypt_box_free(struct crypt_box *b);
/** @out takes @len + CRYPT_TAG bytes. */
int crypt_seal(struct crypt_box *b, const uint8_t nonce[CRYPT_NONCE], const void *aad,
	       size_t aad_len, const void *in, size_t len, uint8_t *out);
/** @len includes the tag; @out takes @len - CRYPT_TAG bytes. @return -1 when anything was changed.
 */
int crypt_open(struct crypt_box *b, const uint8_t nonce[CRYPT_NONCE], const void *aad,
	       size_t aad_len, const uint8_t *in, size_t len, void *out);

/* ---- the device key ---- */

/** The name of a device key: the first bytes of a hash of it. */
void crypt_key_id(const uint8_t key[CRYPT_KEY], uint8_t id[CRYPT_ID]);
/** AES key wrap (RFC 3394), which needs no nonce. */
int crypt_wrap(const uint8_t kek[CRYPT_KEY], const uint8_t key[CRYPT_KEY],
	       uint8_t out[CRYPT_WRAPPED]);
int crypt_unwrap(const uint8_t kek[CRYPT_KEY], const uint8_t in[CRYPT_WRAPPED],
		 uint8_t key[CRYPT_KEY]);

/* ---- signatures ---- */

struct crypt_signer;

/** @pem  a private Ed25519 key */
struct crypt_signer *crypt_signer_read(const char *pem, size_t len, struct err *err);
/** Makes a key; @private_pem and @public_pem are appended to. */
int crypt_signer_make(struct buf *private_pem, struct buf *public_pem, struct err *err);
void crypt_signer_free(struct crypt_signer *s);
const uint8_t *crypt_signer_pub(const struct crypt_signer *s);
int crypt_sign(const struct crypt_signer *s, const void *data, size_t len, uint8_t sig[CRYPT_SIG]);
bool crypt_verify(const uint8_t pub[CRYPT_PUB], const void *data, size_t len,
		  const uint8_t sig[CRYPT_SIG]);
/** Reads the public keys of a PEM file, one or more. @return how many, or -1. */
int crypt_pub_read(const char *pem, size_t len, uint8_t (*pubs)[CRYPT_PUB], size_t max,
		   struct err *err);
int crypt_pub_write(const uint8_t pub[CRYPT_PUB], struct buf *pem);

/* ---- CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM ---- */

struct crypt_recipients;

/** No recipient yet. Certificates are added from PEM text. */
struct crypt_recipients *crypt_recipients_new(void);
void crypt_recipients_free(struct crypt_recipients *r);
int crypt_recipients_add(struct crypt_recipients *r, const char *pem, size_t len, struct err *err);

/** Seals for the device key and all of @r (which may be NULL), under a fresh random key. @der is
 * appended to. */
int crypt_cms_seal(const uint8_t kek[CRYPT_KEY], const struct crypt_recipients *r, const void *in,
		   size_t len, struct buf *der, struct err *err);

/* Who opens: the device key where @kek is not NULL, else the private key and certificate in PEM. */
struct crypt_opener {
	const uint8_t *kek;
	const char *key_pem, *cert_pem;
	size_t key_len, cert_len;
};

int crypt_cms_open(const struct crypt_opener *o, const void *der, size_t len, struct buf *out,
		   struct err *err);

#endif
