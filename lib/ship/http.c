#include "ship/http.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { CHUNK = 16 << 10, NAME_MAX_LEN = 200 };
enum { TICK_US = 200000 }; /* how often deadline and stop are looked at, whatever else happens */

/* A connection outlives its upload: libwebsockets may tell of its end only in the midst of the
 * next one. So each upload has a turn, its connection carries it, and an event of another turn
 * counts for nothing. */
struct ship_http {
	struct ship_http_conf conf;
	struct lws_context *lws; /* NULL after a failure, which leaves no connection behind */
	lws_sorted_usec_list_t tick;
	char host[256], path[512];
	int port;
	lws_usec_t free_at; /* the rate lets nothing go before this */
	/* the upload at hand */
	uintptr_t turn;
	struct lws *wsi;
	const uint8_t *data;
	size_t len, sent;
	int queued; /* bytes that the far end had not yet acknowledged when last seen */
	uint64_t rate;
	lws_usec_t progress;
	unsigned status;
	bool done;
	char why[256];
};

static void end(struct ship_http *h, const char *why)
{
	if (!h->done && why && !h->why[0])
		snprintf(h->why, sizeof(h->why), "%s", why);
	h->done = true;
	lws_cancel_service(h->lws);
}

static int add_headers(struct ship_http *h, struct lws *wsi, unsigned char **p, unsigned char *stop)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%zu", h->len);

	if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, (unsigned char *)text,
					 n, p, stop) ||
	    lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE,
					 (const unsigned char *)"application/octet-stream", 24, p,
					 stop))
		return -1;
	lws_client_http_body_pending(wsi, 1);
	lws_callback_on_writable(wsi);
	return 0;
}

static int send_chunk(struct ship_http *h, struct lws *wsi)
{
	unsigned char room[LWS_PRE + CHUNK];
	size_t n = h->len - h->sent < CHUNK ? h->len - h->sent : CHUNK;
	bool last = h->sent + n == h->len;
	lws_usec_t now = lws_now_usecs();

	if (h->rate && now < h->free_at) {
		h->progress = now; /* it waits for itself alone */
		lws_set_timer_usecs(wsi, 20000);
		return 0;
	}
	memcpy(room + LWS_PRE, h->data + h->sent, n);
	if (lws_write(wsi, room + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
	    (int)n)
		return -1;
	h->sent += n;
	h->progress = now;
	if (h->rate)
		h->free_at = now + (lws_usec_t)(n * 1000000 / h->rate);
	if (last)
		lws_client_http_body_pending(wsi, 0);
	else
		lws_callback_on_writable(wsi);
	return 0;
}

/* A slow link takes long to empty the kernel's queue: that is progress too. */
static void on_tick(lws_sorted_usec_list_t *tick)
{
	struct ship_http *h = lws_container_of(tick, struct ship_http, tick);
	int queued = 0;

	if (h->wsi && ioctl(lws_get_socket_fd(h->wsi), SIOCOUTQ, &queued) == 0) {
		if (queued < h->queued)
			h->progress = lws_now_usecs();
		h->queued = queued;
		/* the deadline is this module's: libwebsockets' own would cut slow uploads */
		lws_set_timeout(h->wsi, PENDING_TIMEOUT_CLIENT_ISSUE_PAYLOAD,
				h->conf.timeout_s + 1);
	}
	lws_sul_schedule(h->lws, 0, &h->tick, on_tick, TICK_US);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct ship_http *h = lws_context_user(lws_get_context(wsi));
	char room[LWS_PRE + 1024], *at = room + LWS_PRE;
	int n = (int)sizeof(room) - LWS_PRE;
	bool current = (uintptr_t)lws_get_opaque_user_data(wsi) == h->turn && !h->done;

	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		h->wsi = current ? wsi : h->wsi;
		return current ? add_headers(h, wsi, in, *(unsigned char **)in + len) : -1;
	case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
		if (!current)
			return -1;
		return h->sent < h->len ? send_chunk(h, wsi) : 0;
	case LWS_CALLBACK_TIMER:
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		if (!current)
			return -1;
		h->status = lws_http_client_http_response(wsi);
		h->progress = lws_now_usecs();
		return 0;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
		return !current || lws_http_client_read(wsi, &at, &n) < 0 ? -1 : 0;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		return 0;
	case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
		if (current)
			end(h, NULL);
		return -1;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (current)
			end(h, in ? in : "the connection failed");
		return 0;
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		if (current)
			end(h, h->status ? NULL : "the connection was closed before the answer");
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (wsi == h->wsi)
			h->wsi = NULL;
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_event},
    {0},
};

static int split_url(struct ship_http *h, struct err *err)
{
	static const char scheme[] = "https://";
	const char *at = h->conf.url + sizeof(scheme) - 1, *slash, *colon, *end_host;
	char *rest;

	if (strncmp(h->conf.url, scheme, sizeof(scheme) - 1) != 0)
		return err_set(err, "%s: expected https://host/path", h->conf.url);
	slash = strchr(at, '/');
	if (!slash)
		slash = at + strlen(at);
	colon = memchr(at, ':', (size_t)(slash - at));
	end_host = colon ? colon : slash;
	h->port = 443;
	if (colon) {
		h->port = (int)strtol(colon + 1, &rest, 10);
		if (rest != slash || h->port < 1 || h->port > 65535)
			return err_set(err, "%s: not a port", h->conf.url);
	}
	if (end_host == at || (size_t)(end_host - at) >= sizeof(h->host) || strlen(slash) > 250)
		return err_set(err, "%s: expected https://host/path", h->conf.url);
	memcpy(h->host, at, (size_t)(end_host - at));
	snprintf(h->path, sizeof(h->path), "%s", slash);
	while (h->path[0] && h->path[strlen(h->path) - 1] == '/')
		h->path[strlen(h->path) - 1] = '\0';
	return 0;
}

static int connect_ready(struct ship_http *h, struct err *err)
{
	const struct ship_http_conf *conf = &h->conf;
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN,
	    .protocols = protocols,
	    .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	    .http_proxy_address = "", /* else $http_proxy would take over */
	    .user = h,
	    .gid = -1,
	    .uid = -1,
	    .alpn = "http/1.1",
	    .timeout_secs = (unsigned)conf->timeout_s + 1,
	    .ssl_client_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2,
	    .client_ssl_ca_filepath = conf->ca_file,
	    .client_ssl_cert_filepath = conf->cert_file,
	    .client_ssl_private_key_filepath = conf->key_file,
	};

	if (h->lws)
		return 0;
	h->lws = lws_create_context(&info);
	if (!h->lws)
		return err_set(
		    err, "unable to use the certificate %s with the key %s and the authorities %s",
		    conf->cert_file ? conf->cert_file : "(none)",
		    conf->key_file ? conf->key_file : "(none)",
		    conf->ca_file ? conf->ca_file : "of the system");
	return 0;
}

static void disconnect(struct ship_http *h)
{
	lws_sul_cancel(&h->tick);
	h->done = true;
	lws_context_destroy(h->lws);
	h->lws = NULL;
	h->wsi = NULL;
}

struct ship_http *ship_http_new(const struct ship_http_conf *conf, struct err *err)
{
	struct ship_http *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(err, "out of memory");
		return NULL;
	}
	h->conf = *conf;
	lws_set_log_level(0, NULL);
	if (split_url(h, err) < 0 || connect_ready(h, err) < 0) {
		free(h);
		return NULL;
	}
	return h;
}

void ship_http_free(struct ship_http *h)
{
	if (!h)
		return;
	disconnect(h);
	free(h);
}

/* Until the answer, the deadline, or the signal to stop. */
static void transfer(struct ship_http *h, const char *path)
{
	struct lws_client_connect_info info = {
	    .context = h->lws,
	    .address = h->host,
	    .host = h->host,
	    .origin = h->host,
	    .port = h->port,
	    .path = path,
	    .method = "PUT",
	    .ssl_connection = LCCSCF_USE_SSL | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
	    .alpn = "http/1.1",
	    .local_protocol_name = "http",
	    .opaque_user_data = (void *)h->turn,
	};
	lws_usec_t limit = (lws_usec_t)h->conf.timeout_s * 1000000;

	lws_sul_schedule(h->lws, 0, &h->tick, on_tick, TICK_US);
	if (!lws_client_connect_via_info(&info))
		end(h, "unable to connect");
	while (!h->done && !*h->conf.stop) {
		if (lws_service(h->lws, 0) < 0)
			break;
		if (!h->done && lws_now_usecs() - h->progress > limit) {
			snprintf(h->why, sizeof(h->why), "no progress for %d s", h->conf.timeout_s);
			break;
		}
	}
	lws_sul_cancel(&h->tick);
	h->done = true;
	h->wsi = NULL;
}

int ship_http_put(struct ship_http *h, const char *name, const void *data, size_t len,
		  uint64_t rate, struct err *err)
{
	char path[sizeof(h->path) + NAME_MAX_LEN + 2];

	snprintf(path, sizeof(path), "%s/%.*s", h->path, NAME_MAX_LEN, name);
	if (connect_ready(h, err) < 0)
		return -1;
	h->turn++;
	h->wsi = NULL;
	h->data = data;
	h->len = len;
	h->sent = 0;
	h->queued = 0;
	h->rate = rate;
	h->status = 0;
	h->done = false;
	h->why[0] = '\0';
	h->progress = lws_now_usecs();
	transfer(h, path);
	if ((h->status == 200 || h->status == 201 || h->status == 204) && h->sent == h->len &&
	    !h->why[0])
		return 0;
	disconnect(h);
	if (h->status && !h->why[0])
		snprintf(h->why, sizeof(h->why), "the server answered %u", h->status);
	return err_set(err, "%s%s: %s", h->host, path, h->why[0] ? h->why : "stopped");
}
