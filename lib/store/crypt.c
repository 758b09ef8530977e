#include "store/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

static int fail(struct err *err, const char *what)
{
	unsigned long e = ERR_get_error();

	ERR_clear_error();
	return err_set(err, "%s: %s", what, e ? ERR_reason_error_string(e) : "failed");
}

int crypt_random(void *out, size_t len)
{
	return RAND_bytes(out, (int)len) == 1 ? 0 : -1;
}

void crypt_forget(void *key, size_t len)
{
	if (key)
		OPENSSL_cleanse(key, len);
}

/* ---- hashes ---- */

void crypt_sha256_2(const void *a, size_t alen, const void *b, size_t blen, uint8_t out[CRYPT_HASH])
{
	static _Thread_local EVP_MD *md;
	static _Thread_local EVP_MD_CTX *ctx;

	if (!md) {
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
		ctx = EVP_MD_CTX_new();
	}
	if (!md || !ctx || EVP_DigestInit_ex2(ctx, md, NULL) != 1 ||
	    EVP_DigestUpdate(ctx, a, alen) != 1 || (blen && EVP_DigestUpdate(ctx, b, blen) != 1) ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort(); /* no memory for a hash: nothing may be stored or believed */
}

void crypt_sha256(const void *data, size_t len, uint8_t out[CRYPT_HASH])
{
	crypt_sha256_2(data, len, NULL, 0, out);
}

void crypt_hmac(const uint8_t key[CRYPT_KEY], const void *data, size_t len, uint8_t out[CRYPT_HASH])
{
	uint8_t pad[64], inner[CRYPT_HASH];

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < CRYPT_KEY; i++)
		pad[i] ^= key[i];
	crypt_sha256_2(pad, sizeof(pad), data, len, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	crypt_sha256_2(pad, sizeof(pad), inner, sizeof(inner), out);
	crypt_forget(pad, sizeof(pad));
}

void crypt_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool crypt_unhex(const char *hex, size_t hex_len, void *out, size_t len)
{
	uint8_t *p = out;

	if (hex_len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int a = hex_digit(hex[2 * i]), b = hex_digit(hex[2 * i + 1]);

		if (a < 0 || b < 0)
			return false;
		p[i] = (uint8_t)(a << 4 | b);
	}
	return true;
}

/* ---- AES-256-GCM ---- */

struct crypt_box {
	EVP_CIPHER_CTX *enc, *dec;
};

void crypt_box_free(struct crypt_box *b)
{
	if (!b)
		return;
	EVP_CIPHER_CTX_free(b->enc);
	EVP_CIPHER_CTX_free(b->dec);
	free(b);
}

struct crypt_box *crypt_box_new(const uint8_t key[CRYPT_KEY])
{
	struct crypt_box *b = calloc(1, sizeof(*b));
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);

	if (b && gcm) {
		b->enc = EVP_CIPHER_CTX_new();
		b->dec = EVP_CIPHER_CTX_new();
	}
	if (!b || !gcm || !b->enc || !b->dec ||
	    EVP_EncryptInit_ex2(b->enc, gcm, key, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(b->dec, gcm, key, NULL, NULL) != 1) {
		crypt_box_free(b);
		b = NULL;
	}
	EVP_CIPHER_free(gcm);
	return b;
}

int crypt_seal(struct crypt_box *b, const uint8_t nonce[CRYPT_NONCE], const void *aad,
	       size_t aad_len, const void *in, size_t len, uint8_t *out)
{
	int n = 0, end = 0;

	if (EVP_EncryptInit_ex2(b->enc, NULL, NULL, nonce, NULL) != 1 ||
	    (aad_len && EVP_EncryptUpdate(b->enc, NULL, &n, aad, (int)aad_len) != 1) ||
	    EVP_EncryptUpdate(b->enc, out, &n, in, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(b->enc, out + n, &end) != 1 ||
	    EVP_CIPHER_CTX_ctrl(b->enc, EVP_CTRL_AEAD_GET_TAG, CRYPT_TAG, out + len) != 1)
		return -1;
	return 0;
}

int crypt_open(struct crypt_box *b, const uint8_t nonce[CRYPT_NONCE], const void *aad,
	       size_t aad_len, const uint8_t *in, size_t len, void *out)
{
	uint8_t tag[CRYPT_TAG];
	int n = 0, end = 0;

	if (len < CRYPT_TAG)
		return -1;
	len -= CRYPT_TAG;
	memcpy(tag, in + len, sizeof(tag));
	if (EVP_DecryptInit_ex2(b->dec, NULL, NULL, nonce, NULL) != 1 ||
	    (aad_len && EVP_DecryptUpdate(b->dec, NULL, &n, aad, (int)aad_len) != 1) ||
	    EVP_DecryptUpdate(b->dec, out, &n, in, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(b->dec, EVP_CTRL_AEAD_SET_TAG, CRYPT_TAG, tag) != 1 ||
	    EVP_DecryptFinal_ex(b->dec, (uint8_t *)out + n, &end) != 1) {
		ERR_clear_error();
		return -1;
	}
	return 0;
}

/* ---- the device key ---- */

void crypt_key_id(const uint8_t key[CRYPT_KEY], uint8_t id[CRYPT_ID])
{
	uint8_t h[CRYPT_HASH];

	crypt_sha256_2("evse-log device key", 19, key, CRYPT_KEY, h);
	memcpy(id, h, CRYPT_ID);
}

static int wrap(const uint8_t *kek, int encrypt, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	EVP_CIPHER *kw = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
	int n = 0, end = 0, rc = -1;

	if (c && kw) {
		EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		if (EVP_CipherInit_ex2(c, kw, kek, NULL, encrypt, NULL) == 1 &&
		    EVP_CipherUpdate(c, out, &n, in, (int)len) == 1 &&
		    EVP_CipherFinal_ex(c, out + n, &end) == 1)
			rc = 0;
	}
	EVP_CIPHER_free(kw);
	EVP_CIPHER_CTX_free(c);
	ERR_clear_error();
	return rc;
}

int crypt_wrap(const uint8_t kek[CRYPT_KEY], const uint8_t key[CRYPT_KEY],
	       uint8_t out[CRYPT_WRAPPED])
{
	return wrap(kek, 1, key, CRYPT_KEY, out);
}

int crypt_unwrap(const uint8_t kek[CRYPT_KEY], const uint8_t in[CRYPT_WRAPPED],
		 uint8_t key[CRYPT_KEY])
{
	uint8_t out[CRYPT_WRAPPED + 8];
	int rc = wrap(kek, 0, in, CRYPT_WRAPPED, out);

	if (rc == 0)
		memcpy(key, out, CRYPT_KEY);
	crypt_forget(out, sizeof(out));
	return rc;
}

/* ---- signatures ---- */

struct crypt_signer {
	EVP_PKEY *key;
	uint8_t pub[CRYPT_PUB];
};

static int bio_into(BIO *bio, struct buf *out)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	return len < 0 ? -1 : buf_add(out, data, (size_t)len);
}

struct crypt_signer *crypt_signer_read(const char *pem, size_t len, struct err *err)
{
	struct crypt_signer *s = calloc(1, sizeof(*s));
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	size_t pub = CRYPT_PUB;

	if (s && bio)
		s->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!s || !s->key || EVP_PKEY_get_base_id(s->key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(s->key, s->pub, &pub) != 1) {
		fail(err, "unable to read a private Ed25519 key");
		crypt_signer_free(s);
		return NULL;
	}
	return s;
}

int crypt_signer_make(struct buf *private_pem, struct buf *public_pem, struct err *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem());
	int rc = -1;

	if (key && a && b &&
	    PEM_write_bio_PKCS8PrivateKey(a, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_PUBKEY(b, key) == 1 && bio_into(a, private_pem) == 0)
		rc = bio_into(b, public_pem);
	BIO_free(a);
	BIO_free(b);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : fail(err, "unable to make a signing key");
}

void crypt_signer_free(struct crypt_signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	free(s);
}

const uint8_t *crypt_signer_pub(const struct crypt_signer *s)
{
	return s->pub;
}

int crypt_sign(const struct crypt_signer *s, const void *data, size_t len, uint8_t sig[CRYPT_SIG])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = CRYPT_SIG;
	int ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) == 1 &&
		 EVP_DigestSign(ctx, sig, &n, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

bool crypt_verify(const uint8_t pub[CRYPT_PUB], const void *data, size_t len,
		  const uint8_t sig[CRYPT_SIG])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, CRYPT_PUB);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, sig, CRYPT_SIG, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

int crypt_pub_read(const char *pem, size_t len, uint8_t (*pubs)[CRYPT_PUB], size_t max,
		   struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key;
	size_t n = 0;

	while (bio && n < max && (key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL))) {
		size_t size = CRYPT_PUB;

		if (EVP_PKEY_get_raw_public_key(key, pubs[n], &size) == 1 && size == CRYPT_PUB)
			n++;
		EVP_PKEY_free(key);
	}
	BIO_free(bio);
	if (!n)
		return fail(err, "unable to read a public Ed25519 key");
	ERR_clear_error();
	return (int)n;
}

int crypt_pub_write(const uint8_t pub[CRYPT_PUB], struct buf *pem)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, CRYPT_PUB);
	BIO *b = BIO_new(BIO_s_mem());
	int rc = key && b && PEM_write_bio_PUBKEY(b, key) == 1 ? bio_into(b, pem) : -1;

	BIO_free(b);
	EVP_PKEY_free(key);
	return rc;
}

/* ---- CMS ---- */

struct crypt_recipients {
	X509 **certs;
	size_t count;
};

struct crypt_recipients *crypt_recipients_new(void)
{
	return calloc(1, sizeof(struct crypt_recipients));
}

void crypt_recipients_free(struct crypt_recipients *r)
{
	for (size_t i = 0; r && i < r->count; i++)
		X509_free(r->certs[i]);
	if (r)
		free(r->certs);
	free(r);
}

int crypt_recipients_add(struct crypt_recipients *r, const char *pem, size_t len, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	X509 **more = cert ? realloc(r->certs, (r->count + 1) * sizeof(*more)) : NULL;

	BIO_free(bio);
	if (!more) {
		X509_free(cert);
		return fail(err, "unable to read a certificate");
	}
	r->certs = more;
	r->certs[r->count++] = cert;
	return 0;
}

static bool add_recipients(CMS_ContentInfo *cms, const uint8_t *kek,
			   const struct crypt_recipients *r)
{
	unsigned char *key = OPENSSL_memdup(kek, CRYPT_KEY), *id = OPENSSL_malloc(CRYPT_ID);

	if (id)
		crypt_key_id(kek, id);
	if (!key || !id ||
	    !CMS_add0_recipient_key(cms, NID_undef, key, CRYPT_KEY, id, CRYPT_ID, NULL, NULL,
				    NULL)) {
		OPENSSL_clear_free(key, CRYPT_KEY);
		OPENSSL_free(id);
		return false;
	}
	for (size_t i = 0; r && i < r->count; i++)
		if (!CMS_add1_recipient_cert(cms, r->certs[i], 0))
			return false;
	return true;
}

int crypt_cms_seal(const uint8_t kek[CRYPT_KEY], const struct crypt_recipients *r, const void *in,
		   size_t len, struct buf *der, struct err *err)
{
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	CMS_ContentInfo *cms = gcm ? CMS_AuthEnvelopedData_create(gcm) : NULL;
	BIO *data = BIO_new_mem_buf(in, (int)len), *out = BIO_new(BIO_s_mem());
	int rc = -1;

	if (cms && data && out && CMS_set_detached(cms, 0) == 1 && add_recipients(cms, kek, r) &&
	    CMS_final(cms, data, NULL, CMS_BINARY) == 1 && i2d_CMS_bio(out, cms) == 1)
		rc = bio_into(out, der);
	BIO_free(data);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	EVP_CIPHER_free(gcm);
	return rc == 0 ? 0 : fail(err, "unable to seal");
}

static bool set_opener(CMS_ContentInfo *cms, const struct crypt_opener *o)
{
	uint8_t id[CRYPT_ID];
	BIO *kb, *cb;
	EVP_PKEY *key;
	X509 *cert;
	bool ok;

	if (o->kek) {
		uint8_t kek[CRYPT_KEY];

		memcpy(kek, o->kek, sizeof(kek));
		crypt_key_id(kek, id);
		ok = CMS_decrypt_set1_key(cms, kek, CRYPT_KEY, id, CRYPT_ID) == 1;
		crypt_forget(kek, sizeof(kek));
		return ok;
	}
	kb = BIO_new_mem_buf(o->key_pem, (int)o->key_len);
	cb = BIO_new_mem_buf(o->cert_pem, (int)o->cert_len);
	key = kb ? PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL) : NULL;
	cert = cb ? PEM_read_bio_X509(cb, NULL, NULL, NULL) : NULL;
	ok = key && cert && CMS_decrypt_set1_pkey(cms, key, cert) == 1;
	BIO_free(kb);
	BIO_free(cb);
	EVP_PKEY_free(key);
	X509_free(cert);
	return ok;
}

int crypt_cms_open(const struct crypt_opener *o, const void *der, size_t len, struct buf *out,
		   struct err *err)
{
	BIO *in, *plain;
	CMS_ContentInfo *cms;
	int rc = -1;

	if (!o->kek && (!o->key_pem || !o->cert_pem))
		return err_set(err, "no device key for it");
	in = BIO_new_mem_buf(der, (int)len);
	plain = BIO_new(BIO_s_mem());
	cms = in ? d2i_CMS_bio(in, NULL) : NULL;

	if (cms && plain && OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData &&
	    set_opener(cms, o) && CMS_decrypt(cms, NULL, NULL, NULL, plain, CMS_BINARY) == 1)
		rc = bio_into(plain, out);
	BIO_free(in);
	BIO_free(plain);
	CMS_ContentInfo_free(cms);
	return rc == 0 ? 0 : fail(err, "unable to open");
}
