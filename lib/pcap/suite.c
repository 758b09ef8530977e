#include "pcap/suite.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { TAG = 16, HASH_MAX = 48, LABEL_MAX = 64 };

static const struct suite suites[] = {
    {0x1301, "TLS_AES_128_GCM_SHA256", SUITE_GCM_128, true, false},
    {0x1302, "TLS_AES_256_GCM_SHA384", SUITE_GCM_256, true, true},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", SUITE_CHACHA, true, false},
    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", SUITE_CBC_128, false, false},
    {0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", SUITE_GCM_128, false, false},
    {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", SUITE_CBC_128, false, false},
    {0xc025, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", SUITE_CBC_128, false, false},
    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", SUITE_CBC_128, false, false},
    {0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", SUITE_GCM_128, false, false},
    {0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", SUITE_GCM_256, false, true},
    {0xc02d, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", SUITE_GCM_128, false, false},
    {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", SUITE_GCM_128, false, false},
    {0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", SUITE_GCM_256, false, true},
    {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", SUITE_CHACHA, false, false},
    {0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", SUITE_CHACHA, false, false},
};

const struct suite *suite_find(uint16_t number)
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		if (suites[i].number == number)
			return &suites[i];
	}
	return NULL;
}

size_t suite_hash_size(const struct suite *s)
{
	return s->sha384 ? 48 : 32;
}

size_t suite_key_size(const struct suite *s)
{
	return s->cipher == SUITE_GCM_256 || s->cipher == SUITE_CHACHA ? 32 : 16;
}

size_t suite_iv_size(const struct suite *s)
{
	if (s->cipher == SUITE_CBC_128)
		return 0;
	return s->tls13 || s->cipher == SUITE_CHACHA ? 12 : 4;
}

size_t suite_mac_size(const struct suite *s)
{
	return s->cipher == SUITE_CBC_128 ? 32 : 0;
}

static const EVP_MD *hash(const struct suite *s)
{
	return s->sha384 ? EVP_sha384() : EVP_sha256();
}

static int hmac(const struct suite *s, const uint8_t *key, size_t key_size, const uint8_t *data,
		size_t size, uint8_t *out)
{
	return HMAC(hash(s), key, (int)key_size, data, size, out, NULL) ? 0 : -1;
}

int suite_expand(const struct suite *s, const uint8_t *secret, const char *label, uint8_t *out,
		 size_t size)
{
	uint8_t info[LABEL_MAX], mac[HASH_MAX];
	size_t len = strlen(label), n = 0;
	int r;

	if (len + 12 > sizeof info || size > suite_hash_size(s))
		return -1;
	info[n++] = 0;
	info[n++] = (uint8_t)size;
	info[n++] = (uint8_t)(6 + len);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, len);
	n += 6 + len;
	info[n++] = 0; /* no context */
	info[n++] = 1; /* the first block of HKDF-Expand, and all that is needed */
	r = hmac(s, secret, suite_hash_size(s), info, n, mac);
	memcpy(out, mac, size);
	OPENSSL_cleanse(mac, sizeof mac);
	return r;
}

/* A(i) is kept in front of the label and the seeds, as P_hash wants it. */
int suite_key_block(const struct suite *s, const uint8_t master[48], const uint8_t server[32],
		    const uint8_t client[32], uint8_t *out, size_t size)
{
	static const char label[] = "key expansion";
	enum { SEED = sizeof label - 1 + 64 };
	size_t h = suite_hash_size(s);
	uint8_t in[HASH_MAX + SEED], block[HASH_MAX], *seed = in + h;

	memcpy(seed, label, sizeof label - 1);
	memcpy(seed + sizeof label - 1, server, 32);
	memcpy(seed + sizeof label - 1 + 32, client, 32);
	if (hmac(s, master, 48, seed, SEED, block) < 0)
		return -1;
	for (size_t done = 0; done < size; done += h) {
		size_t n = size - done < h ? size - done : h;

		memcpy(in, block, h);
		if (hmac(s, master, 48, in, h + SEED, block) < 0)
			return -1;
		memcpy(out + done, block, n);
		if (hmac(s, master, 48, in, h, block) < 0)
			return -1;
	}
	OPENSSL_cleanse(block, sizeof block);
	OPENSSL_cleanse(in, sizeof in);
	return 0;
}

static const EVP_CIPHER *cipher(const struct suite *s)
{
	return s->cipher == SUITE_CHACHA    ? EVP_chacha20_poly1305()
	       : s->cipher == SUITE_GCM_256 ? EVP_aes_256_gcm()
					    : EVP_aes_128_gcm();
}

int suite_open(const struct suite *s, const uint8_t *key, const uint8_t nonce[12],
	       struct suite_aad aad, const uint8_t *in, size_t size, uint8_t *out)
{
	EVP_CIPHER_CTX *c;
	uint8_t tag[TAG];
	int n = 0, ok;

	if (size < TAG || s->cipher == SUITE_CBC_128)
		return -1;
	c = EVP_CIPHER_CTX_new();
	if (!c)
		return -1;
	memcpy(tag, in + size - TAG, TAG);
	ok = EVP_DecryptInit_ex(c, cipher(s), NULL, key, nonce) &&
	     EVP_DecryptUpdate(c, NULL, &n, aad.at, (int)aad.size) &&
	     EVP_DecryptUpdate(c, out, &n, in, (int)(size - TAG)) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
	     EVP_DecryptFinal_ex(c, out + n, &n) > 0;
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : -1;
}

int suite_cbc(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
	      uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	if (!c)
		return -1;
	ok = size % 16 == 0 && EVP_DecryptInit_ex(c, EVP_aes_128_cbc(), NULL, key, iv) &&
	     EVP_CIPHER_CTX_set_padding(c, 0) && EVP_DecryptUpdate(c, out, &n, in, (int)size);
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : -1;
}

int suite_mac(const uint8_t key[32], struct suite_aad head, const uint8_t *data, size_t size,
	      const uint8_t mac[32])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, key, 32);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t own[EVP_MAX_MD_SIZE];
	size_t n = sizeof own;
	int ok;

	ok = pkey && c && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, pkey) &&
	     EVP_DigestSignUpdate(c, head.at, head.size) && EVP_DigestSignUpdate(c, data, size) &&
	     EVP_DigestSignFinal(c, own, &n) && n == 32 && CRYPTO_memcmp(own, mac, 32) == 0;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(pkey);
	return ok ? 0 : -1;
}
