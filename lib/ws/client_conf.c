/* A client's configuration: what goes together, and a copy of its own. */
#include "ws/internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ws/url.h"

enum { CONNECT_DEFAULT_MS = 30000 };

static const size_t conf_texts[] = {
    offsetof(struct ws_client_conf, url),           offsetof(struct ws_client_conf, subprotocols),
    offsetof(struct ws_client_conf, ca_file),       offsetof(struct ws_client_conf, cert_file),
    offsetof(struct ws_client_conf, key_file),      offsetof(struct ws_client_conf, user),
    offsetof(struct ws_client_conf, password_file),
};

#define N_TEXTS (sizeof(conf_texts) / sizeof(*conf_texts))

static char **conf_text(struct ws_client_conf *conf, size_t i)
{
	return (char **)(void *)((char *)conf + conf_texts[i]);
}

void ws_client_conf_release(struct ws_client_conf *conf)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		free(*conf_text(conf, i));
}

int ws_client_conf_copy(struct ws_client_conf *to, const struct ws_client_conf *from)
{
	*to = *from;
	for (size_t i = 0; i < N_TEXTS; i++) {
		char **text = conf_text(to, i);

		if (*text && !(*text = strdup(*text))) {
			while (++i < N_TEXTS)
				*conf_text(to, i) = NULL;
			ws_client_conf_release(to);
			return -1;
		}
	}
	if (!to->connect_timeout_ms)
		to->connect_timeout_ms = CONNECT_DEFAULT_MS;
	if (!to->backoff.wait_min_ms && !to->backoff.random_range_ms && !to->backoff.repeat_times)
		to->backoff = WS_BACKOFF_DEFAULT;
	return 0;
}

/* What each security profile demands. Source: OCPP 2.0.1 part 2, A00. */
static int profile_check(const struct ws_client_conf *conf, const struct ws_url *url, struct err *e)
{
	int p = conf->security_profile;

	if (p < 0 || p > 3)
		return err_set(e, "security profile %d: expected 0 to 3", p);
	if (p == 1 && url->tls)
		return err_set(e,
			       "security profile 1 is without TLS: the URL must begin with ws://");
	if (p >= 2 && !url->tls)
		return err_set(e, "security profile %d needs TLS: the URL must begin with wss://",
			       p);
	if ((p == 1 || p == 2) && !conf->password_file)
		return err_set(e, "security profile %d needs a password file", p);
	if (p == 3 && !conf->cert_file)
		return err_set(e, "security profile 3 needs a client certificate and its key");
	if ((conf->cert_file == NULL) != (conf->key_file == NULL))
		return err_set(e, "a client certificate and its key go together: one is missing");
	return 0;
}

int ws_client_conf_check(const struct ws_client_conf *conf, struct ws_url *url, struct err *e)
{
	char password[WS_PASSWORD_MAX + 2];
	int ok;

	errno = EINVAL;
	if (!conf->url)
		return err_set(e, "no URL to connect to");
	if (ws_url_parse(url, conf->url, e) < 0 || profile_check(conf, url, e) < 0)
		return -1;
	if (url->http)
		return err_set(e, "URL \"%.200s\" is not for websockets: ws:// or wss://",
			       conf->url);
	if (!conf->password_file)
		return 0;
	ok = ws_secret_line(password, sizeof(password), conf->password_file, e);
	explicit_bzero(password, sizeof(password));
	return ok;
}

int ws_client_check(const struct ws_client_conf *conf, struct err *e)
{
	struct ws_url url;

	return ws_client_conf_check(conf, &url, e);
}

int ws_client_authorization(const struct ws_client_conf *conf, const char *identity,
			    struct lws *wsi, unsigned char **p, size_t room, struct ws_fault *fault)
{
	char password[WS_PASSWORD_MAX + 2], plain[WS_PASSWORD_MAX + WS_IDENTITY_MAX + 260];
	char value[sizeof(plain) * 4 / 3 + 16] = "Basic ";
	struct err e = {""};
	int n, result = -1;

	if (!conf->password_file || conf->security_profile == 3)
		return 0;
	if (ws_secret_line(password, sizeof(password), conf->password_file, &e) < 0) {
		ws_fault_set(fault, WS_LOCAL, "%s", e.msg);
		return -1;
	}
	n = snprintf(plain, sizeof(plain), "%s:%s", conf->user ? conf->user : identity, password);
	if (n > 0 && (size_t)n < sizeof(plain) &&
	    lws_b64_encode_string(plain, n, value + 6, (int)sizeof(value) - 6) >= 0 &&
	    lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (unsigned char *)value,
					 (int)strlen(value), p, *p + room) == 0)
		result = 0;
	explicit_bzero(password, sizeof(password));
	explicit_bzero(plain, sizeof(plain));
	explicit_bzero(value, sizeof(value));
	return result;
}
