/* A device key that only opens with a token (PKCS#11: a secure element, a TPM's module, SoftHSM):
 * what stands in the key file is wrapped by an AES key that never leaves the token. The module is
 * loaded for the moment of wrapping or unwrapping. */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "store/crypt.h"

/**
 * Wraps or unwraps @key with the token's AES key, by CKM_AES_KEY_WRAP.
 *
 * @uri     pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE (RFC 7512)
 * @return  0, or -1 with @err
 *
 * Blocking: as long as the token takes.
 * Source: PKCS #11 Cryptographic Token Interface Base Specification 2.40; RFC 7512
 */
int token_wrap(const char *uri, const uint8_t key[CRYPT_KEY], uint8_t wrapped[CRYPT_WRAPPED],
	       struct err *err);
int token_unwrap(const char *uri, const uint8_t wrapped[CRYPT_WRAPPED], uint8_t key[CRYPT_KEY],
		 struct err *err);

#endif
