/* Certificates and keys into a TLS context. What went wrong in a handshake: fault.c. */
#include "ws/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Opens a file that holds a secret: regular, and for its owner alone. */
static FILE *secret_open(const char *path, const char *what, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, "unable to open %s \"%s\"", what, path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		close(fd);
		err_set(e, "%s \"%s\": mode %03o lets others at it; make it 600", what, path,
			(unsigned)(st.st_mode & 0777));
		errno = EPERM;
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f) {
		err_sys(e, "unable to read %s \"%s\"", what, path);
		close(fd);
	}
	return f;
}

int ws_secret_line(char *line, size_t size, const char *path, struct err *e)
{
	FILE *f = secret_open(path, "password file", e);
	size_t len;
	int result = -1;

	if (!f)
		return -1;
	setvbuf(f, NULL, _IONBF, 0); /* no copy of the secret stays in a stdio buffer */
	if (!fgets(line, (int)size, f)) {
		err_set(e, "password file \"%s\" is empty", path);
		errno = EINVAL;
		goto out;
	}
	len = strcspn(line, "\r\n");
	if (line[len] == '\0' && len + 1 == size) {
		err_set(e, "password file \"%s\": password longer than %zu bytes", path, size - 2);
		errno = EINVAL;
		goto out;
	}
	line[len] = '\0';
	result = 0;
out:
	fclose(f);
	return result;
}

/* No terminal prompts: an encrypted key is refused. */
static int no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf, (void)size, (void)rwflag, (void)u;
	return -1;
}

static EVP_PKEY *key_read(const char *path, struct err *e)
{
	FILE *f = secret_open(path, "key file", e);
	EVP_PKEY *key;

	if (!f)
		return NULL;
	key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	if (!key) {
		err_set(e, "key file \"%s\" holds no PEM private key without a passphrase", path);
		errno = EINVAL;
	}
	return key;
}

/* Leaf first, then the chain. @return the leaf */
static X509 *chain_read(STACK_OF(X509) * chain, const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	X509 *leaf, *more;

	if (!f) {
		err_sys(e, "unable to open certificate file \"%s\"", path);
		return NULL;
	}
	leaf = PEM_read_X509_AUX(f, NULL, no_passphrase, NULL);
	while (leaf && (more = PEM_read_X509(f, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(chain, more))
			X509_free(more);
	fclose(f);
	if (!leaf) {
		err_set(e, "certificate file \"%s\" holds no PEM certificate", path);
		errno = EINVAL;
	}
	return leaf;
}

static X509_STORE *store_read(const char *path, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	int ok;

	if (!store) {
		err_set(e, "out of memory");
		return NULL;
	}
	if (path && access(path, R_OK) < 0) {
		err_sys(e, "unable to open CA file \"%s\"", path);
		ok = 0;
	} else {
		ok = path ? X509_STORE_load_file(store, path) : X509_STORE_set_default_paths(store);
		if (ok != 1) {
			err_set(e, "CA file \"%s\" holds no PEM certificate",
				path ? path : "(system)");
			errno = EINVAL;
		}
	}
	if (ok != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

static void check_name(SSL_CTX *ctx, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	X509_VERIFY_PARAM_set1_host(param, NULL, 0);
	X509_VERIFY_PARAM_set1_ip(param, NULL, 0);
	/* an address is looked for among the certificate's addresses, anything else among its names
	 */
	if (!X509_VERIFY_PARAM_set1_ip_asc(param, name))
		X509_VERIFY_PARAM_set1_host(param, name, 0);
}

static void apply(SSL_CTX *ctx, const struct ws_tls_conf *conf)
{
	SSL_CTX_set_min_proto_version(ctx, conf->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* each connection proves itself anew */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (conf->name)
		check_name(ctx, conf->name);
	if (conf->server && conf->ca_file)
		SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(conf->ca_file));
}

int ws_tls_load(SSL_CTX *ctx, const struct ws_tls_conf *conf, struct err *e)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509_STORE *store = NULL;
	X509 *leaf = NULL;
	EVP_PKEY *key = NULL;
	int result = -1;

	ERR_clear_error();
	if (!chain) {
		err_set(e, "out of memory");
		goto out;
	}
	if (conf->ca_file || !conf->server) {
		store = store_read(conf->ca_file, e);
		if (!store)
			goto out;
	}
	if (conf->cert_file) {
		leaf = chain_read(chain, conf->cert_file, e);
		key = leaf ? key_read(conf->key_file, e) : NULL;
		if (!key)
			goto out;
		if (X509_check_private_key(leaf, key) != 1 ||
		    SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 1) != 1) {
			err_set(e, "certificate \"%s\" and key \"%s\" do not go together",
				conf->cert_file, conf->key_file);
			errno = EINVAL;
			goto out;
		}
	}
	if (store)
		SSL_CTX_set_cert_store(ctx, store);
	store = NULL;
	apply(ctx, conf);
	result = 0;
out:
	ERR_clear_error();
	X509_STORE_free(store);
	X509_free(leaf);
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	return result;
}

void ws_tls_watch(SSL_CTX *ctx, void *user, void (*fn)(const SSL *ssl, int where, int ret))
{
	SSL_CTX_set_app_data(ctx, user);
	SSL_CTX_set_info_callback(ctx, fn);
}

void ws_tls_server_name(const SSL *ssl, int where, const char *host)
{
	struct in6_addr any;

	if ((where & SSL_CB_HANDSHAKE_START) &&
	    (inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1))
		SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, NULL);
}
