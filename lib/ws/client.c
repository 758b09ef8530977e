/* The client: one connection that is kept up. */
#include "ws/internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/err.h>

#include "ws/resolve.h"
#include "ws/url.h"

enum client_state { CLIENT_WAITING, CLIENT_CONNECTING, CLIENT_OPEN, CLIENT_STOPPED };

struct ws_client {
	struct ws *ws;
	struct ws_client *next;
	ws_client_fn *fn;
	void *user;
	struct ws_client_conf conf; /* its texts are ours */
	struct ws_url url;
	bool conf_changed;
	SSL_CTX *ctx;
	struct lws_vhost *vhost;
	struct lws *wsi; /* of the present try or connection */
	enum client_state state;
	bool dead, stop, again;
	bool certificate_asked; /* and we had none to give */
	uint32_t attempt;
	int resolve_fd; /* while a name is looked up, else -1 */
	struct ws_addresses addresses;
	unsigned address_at;
	struct loop_timer retry_timer, connect_timer;
	struct ws_fault fault;
	struct ws_link link;
};

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len);

static const struct lws_protocols client_protocols[] = {
    {.name = "evse-client", .callback = client_callback, .rx_buffer_size = 16384},
    {.name = NULL},
};

/* ---- TLS ---- */

static int load_tls(SSL_CTX *ctx, const struct ws_client_conf *conf, const struct ws_url *url,
		    struct err *e)
{
	struct ws_tls_conf tls = {.ca_file = conf->ca_file,
				  .cert_file = conf->cert_file,
				  .key_file = conf->key_file,
				  .name = url->host,
				  .tls12 = conf->tls12};

	return url->tls ? ws_tls_load(ctx, &tls, e) : 0;
}

static void on_tls(const SSL *ssl, int where, int ret)
{
	struct ws_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	ws_tls_server_name(ssl, where, c->url.host);
	c->ws->work++;
	if (c->state !=
	    CLIENT_OPEN) /* later than that a connection is closed or lost, whatever TLS says */
		ws_tls_note(&c->fault, ssl, where, ret);
}

/* Checks the server's chain and name as ever, and keeps what was wrong. */
static int on_server_chain(X509_STORE_CTX *store, void *arg)
{
	struct ws_client *c = arg;
	int ok = X509_verify_cert(store);

	if (ok <= 0)
		ws_tls_note_verify(&c->fault, store);
	return ok;
}

/* The server asks for our certificate. */
static int on_certificate_asked(SSL *ssl, void *arg)
{
	struct ws_client *c = arg;

	c->certificate_asked = SSL_get_certificate(ssl) == NULL;
	return 1;
}

static struct lws_vhost *make_vhost(struct ws_client *c, SSL_CTX *ctx)
{
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN,
	    .protocols = client_protocols,
	    .vhost_name = "evse-client",
	    .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	    .provided_client_ssl_ctx = ctx,
	    .http_proxy_address = "", /* else $http_proxy would take over */
	    .alpn = "http/1.1",
	    .retry_and_idle_policy = &ws_idle_policy,
	};
	unsigned seconds = c->conf.connect_timeout_ms / 1000 + 2;

	/* a little longer than our own deadline, which then decides */
	info.connect_timeout_secs = seconds;
	info.timeout_secs = seconds;
	return lws_create_vhost(c->ws->lws, &info);
}

/* A fresh TLS context and vhost, as certificates can't be taken out of an old one. */
static int rebuild(struct ws_client *c, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct lws_vhost *vhost;

	if (!ctx)
		return err_set(e, "OpenSSL does not give a TLS context");
	if (load_tls(ctx, &c->conf, &c->url, e) < 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	ws_tls_watch(ctx, c, on_tls);
	SSL_CTX_set_cert_verify_callback(ctx, on_server_chain, c);
	SSL_CTX_set_cert_cb(ctx, on_certificate_asked, c);
	vhost = make_vhost(c, ctx);
	if (!vhost) {
		SSL_CTX_free(ctx);
		return err_set(e, "libwebsockets does not give a client");
	}
	if (c->vhost)
		lws_vhost_destroy(c->vhost);
	SSL_CTX_free(c->ctx);
	c->vhost = vhost;
	c->ctx = ctx;
	c->conf_changed = false;
	return 0;
}

/* ---- tries ---- */

static void stop_resolving(struct ws_client *c)
{
	if (c->resolve_fd < 0)
		return;
	loop_unwatch(c->ws->loop, c->resolve_fd);
	close(c->resolve_fd);
	c->resolve_fd = -1;
}

static void detach(struct ws_client *c)
{
	stop_resolving(c);
	if (!c->wsi)
		return;
	lws_set_opaque_user_data(c->wsi, NULL);
	ws_kill(c->wsi, false);
	c->wsi = NULL;
}

static uint32_t random32(void)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), 0) < 0)
		value = 0;
	return value;
}

/* Plans the next try, if there is to be one. @return the wait in ms, at least 1; 0 when none */
static uint32_t plan_retry(struct ws_client *c)
{
	uint32_t wait;

	c->state = CLIENT_WAITING;
	if (c->again) {
		c->again = false;
		c->attempt = 0;
		loop_timer_after(c->ws->loop, &c->retry_timer, 0);
		return 1;
	}
	if (c->stop || !c->conf.reconnect) {
		c->state = CLIENT_STOPPED;
		return 0;
	}
	wait = ws_backoff_ms(&c->conf.backoff, c->attempt++, random32());
	loop_timer_after(c->ws->loop, &c->retry_timer, (int64_t)wait * 1000);
	return wait ? wait : 1;
}

static void refused(struct ws_client *c, int http_status)
{
	struct ws_fault fault = c->fault;
	struct ws_event ev = {.kind = WS_REFUSED,
			      .reason = fault.reason,
			      .text = fault.text,
			      .http_status = http_status,
			      .peer = c->conf.url};

	ws_noted(c->ws);
	loop_timer_cancel(c->ws->loop, &c->connect_timer);
	c->wsi = NULL;
	ev.retry_ms = plan_retry(c);
	c->fn(c->user, c, &ev);
}

static void connect_now(struct ws_client *c)
{
	char host[sizeof(c->url.host) + 10];
	struct lws_client_connect_info info = {
	    .context = c->ws->lws,
	    .vhost = c->vhost,
	    .address = c->addresses.count ? c->addresses.text[c->address_at] : c->url.host,
	    .port = c->url.port,
	    .path = c->url.path,
	    .host = host,
	    .protocol = c->conf.subprotocols,
	    .local_protocol_name = client_protocols[0].name,
	    .opaque_user_data = c,
	    .pwsi = &c->wsi,
	    .alpn = "http/1.1",
	    .retry_and_idle_policy = &ws_idle_policy,
	};

	snprintf(host, sizeof(host), strchr(c->url.host, ':') ? "[%s]:%u" : "%s:%u", c->url.host,
		 (unsigned)c->url.port);
	/* a redirect would take our password along, to anybody and out of TLS */
	info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	/* the name is checked by our TLS context, which knows IPv6 addresses too */
	if (c->url.tls)
		info.ssl_connection |= LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
	if (!lws_client_connect_via_info(&info) && c->state == CLIENT_CONNECTING &&
	    !c->retry_timer.armed) {
		ws_fault_set(&c->fault, WS_UNREACHABLE, "unable to connect to %s", c->conf.url);
		refused(c, 0);
	}
}

static void on_resolved(void *ctx, int fd, short revents)
{
	struct ws_client *c = ctx;
	bool taken = ws_resolve_take(fd, &c->addresses) == 0;

	(void)revents;
	stop_resolving(c);
	if (taken && c->addresses.code == 0) {
		connect_now(c);
		return;
	}
	c->addresses.count = 0;
	ws_fault_set(&c->fault, WS_DNS, "host name \"%s\" not found: %s", c->url.host,
		     taken ? gai_strerror(c->addresses.code) : "no answer");
	refused(c, 0);
}

/* Looks the host up where that may take time, then connects. */
static void begin_connect(struct ws_client *c)
{
	c->state = CLIENT_CONNECTING;
	c->addresses.count = c->address_at = 0;
	loop_timer_after(c->ws->loop, &c->connect_timer,
			 (int64_t)c->conf.connect_timeout_ms * 1000);
	if (!ws_resolve_needed(c->url.host)) {
		connect_now(c);
		return;
	}
	c->resolve_fd = ws_resolve_start(c->url.host);
	if (c->resolve_fd >= 0 &&
	    loop_watch(c->ws->loop, c->resolve_fd, POLLIN, on_resolved, c) == 0)
		return;
	ws_fault_set(&c->fault, WS_DNS, "unable to look up \"%s\": %s", c->url.host,
		     strerror(errno));
	detach(c);
	refused(c, 0);
}

/* The host may have another address that can be reached. */
static bool next_address(struct ws_client *c)
{
	if (c->fault.reason != WS_UNREACHABLE || c->address_at + 1 >= c->addresses.count)
		return false;
	c->wsi = NULL;
	c->address_at++;
	loop_timer_after(c->ws->loop, &c->retry_timer, 0);
	return true;
}

static void on_retry_timer(void *ctx)
{
	struct ws_client *c = ctx;
	struct err e = {""};

	c->fault = (struct ws_fault){.reason = WS_OK};
	c->certificate_asked = false;
	if (c->state == CLIENT_CONNECTING && !c->conf_changed) { /* with the host's next address */
		connect_now(c);
		return;
	}
	if ((c->conf_changed ? rebuild(c, &e) : load_tls(c->ctx, &c->conf, &c->url, &e)) < 0) {
		ws_fault_set(&c->fault, WS_LOCAL, "%s", e.msg);
		refused(c, 0);
		return;
	}
	begin_connect(c);
}

static void on_connect_timer(void *ctx)
{
	struct ws_client *c = ctx;

	ws_fault_set(&c->fault, WS_TIMEOUT, "no answer from %s within %u ms", c->conf.url,
		     c->conf.connect_timeout_ms);
	loop_timer_cancel(c->ws->loop, &c->retry_timer);
	detach(c);
	refused(c, 0);
}

/* ---- why it failed ---- */

/* In TLS 1.3 the server checks our certificate when our side of the handshake is done already; its
 * alert may lie unread behind a request that could not be written any more. */
static void read_last_alert(struct ws_client *c, struct lws *wsi)
{
	SSL *ssl = lws_get_ssl(wsi);
	char byte;

	ERR_clear_error();
	if (ssl && c->fault.reason == WS_OK)
		SSL_peek(ssl, &byte, 1);
	ERR_clear_error();
}

static void connection_error(struct ws_client *c, struct lws *wsi, const char *cause)
{
	int status = (int)lws_http_client_http_response(wsi);

	read_last_alert(c, wsi);
	lws_set_opaque_user_data(wsi, NULL); /* it is over for this one: nothing more from it */
	if (c->certificate_asked && !status &&
	    (c->fault.reason == WS_OK || c->fault.reason == WS_TLS_OTHER))
		c->fault = (struct ws_fault){WS_TLS_CERT_MISSING,
					     "client certificate missing: the server asked for one "
					     "and ended the connection"};
	ws_fault_connect(&c->fault, c->conf.url, status, cause);
	if (next_address(c))
		return;
	refused(c, status == 101 ? 0 : status);
}

/* ---- callbacks ---- */

static int check_subprotocol(struct ws_client *c, struct lws *wsi)
{
	char chosen[64] = "";

	lws_hdr_copy(wsi, chosen, sizeof(chosen), WSI_TOKEN_PROTOCOL);
	if (!c->conf.subprotocols ||
	    ws_subprotocol_pick(c->link.subprotocol, sizeof(c->link.subprotocol), chosen,
				c->conf.subprotocols))
		return 0;
	ws_fault_set(&c->fault, WS_SUBPROTOCOL, "%s chose subprotocol \"%s\" of \"%s\"",
		     c->conf.url, chosen, c->conf.subprotocols);
	return -1;
}

static void established(struct ws_client *c, struct lws *wsi)
{
	struct ws_event ev;

	loop_timer_cancel(c->ws->loop, &c->connect_timer);
	c->state = CLIENT_OPEN;
	c->attempt = 0;
	ws_link_open(&c->link, wsi);
	ev = ws_link_event(&c->link, WS_OPEN);
	c->fn(c->user, c, &ev);
}

static void closed(struct ws_client *c)
{
	struct ws_event ev;

	lws_set_opaque_user_data(c->wsi, NULL);
	c->wsi = NULL;
	ws_fault_set(&c->link.fault, c->fault.reason, "%s", c->fault.text);
	ws_link_closed(&c->link, &ev);
	ev.retry_ms = plan_retry(c);
	c->fn(c->user, c, &ev);
}

static void emit(void *owner, const struct ws_event *ev)
{
	struct ws_client *c = owner;

	c->fn(c->user, c, ev);
}

/* The callbacks that matter before the upgrade is done. */
static int handshake_callback(struct ws_client *c, struct lws *wsi,
			      enum lws_callback_reasons reason, void *in, size_t len)
{
	if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
		return ws_client_authorization(&c->conf, c->url.identity, wsi, in, len, &c->fault);
	} else if (reason == LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH) {
		return check_subprotocol(c, wsi);
	} else if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
		connection_error(c, wsi, in);
	} else if (reason == LWS_CALLBACK_CLOSED_CLIENT_HTTP ||
		   reason == LWS_CALLBACK_CLIENT_CLOSED || reason == LWS_CALLBACK_WSI_DESTROY) {
		/* libwebsockets does not always call it an error */
		connection_error(c, wsi, "closed");
	} else if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
		ws_noted(c->ws);
		established(c, wsi);
	}
	return 0;
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	struct ws_client *c = lws_get_opaque_user_data(wsi);

	(void)user;
	/* a wsi that was let go has lost its owner; one being made may not be known to it yet */
	if (!c || c->dead)
		return ws_orphan(wsi, reason);
	if (c->state == CLIENT_CONNECTING)
		return handshake_callback(c, wsi, reason, in, len);
	if (reason == LWS_CALLBACK_CLIENT_RECEIVE) {
		ws_noted(c->ws);
		return ws_link_receive(&c->link, in, len);
	}
	if (reason == LWS_CALLBACK_CLIENT_WRITEABLE) {
		ws_noted(c->ws);
		return ws_link_writeable(&c->link);
	}
	if (reason == LWS_CALLBACK_CLIENT_RECEIVE_PONG) {
		ws_noted(c->ws);
		ws_link_pong(&c->link);
	} else if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
		ws_link_peer_close(&c->link, in, len);
	} else if (reason == LWS_CALLBACK_CLIENT_CLOSED) {
		ws_noted(c->ws);
		closed(c);
	}
	return 0;
}

/* ---- for callers ---- */

struct ws_client *ws_client_new(struct ws *ws, const struct ws_client_conf *conf, ws_client_fn *fn,
				void *user, struct err *e)
{
	struct ws_limits limits = {conf->ping_interval_ms, conf->pong_timeout_ms, conf->message_max,
				   conf->queue_max};
	struct ws_client *c;
	struct ws_url url;

	if (ws_client_conf_check(conf, &url, e) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c || ws_client_conf_copy(&c->conf, conf) < 0) {
		free(c);
		err_sys(e, "unable to make a websocket client");
		return NULL;
	}
	c->ws = ws;
	c->resolve_fd = -1;
	c->fn = fn;
	c->user = user;
	c->url = url;
	c->retry_timer = (struct loop_timer){.name = "ws.retry", .fn = on_retry_timer, .ctx = c};
	c->connect_timer =
	    (struct loop_timer){.name = "ws.connect", .fn = on_connect_timer, .ctx = c};
	ws_link_init(&c->link, ws, c, emit, &limits);
	if (rebuild(c, e) < 0) {
		ws_client_conf_release(&c->conf);
		free(c);
		return NULL;
	}
	c->next = ws->clients;
	ws->clients = c;
	loop_timer_after(ws->loop, &c->retry_timer, 0);
	return c;
}

int ws_client_set_conf(struct ws_client *c, const struct ws_client_conf *conf, struct err *e)
{
	struct ws_client_conf copy;
	struct ws_url url;
	SSL_CTX *trial;
	int ok;

	if (ws_client_conf_check(conf, &url, e) < 0)
		return -1;
	trial = SSL_CTX_new(TLS_client_method());
	ok = trial ? load_tls(trial, conf, &url, e) : err_set(e, "OpenSSL gives no TLS context");
	SSL_CTX_free(trial);
	if (ok < 0)
		return -1;
	if (ws_client_conf_copy(&copy, conf) < 0)
		return err_sys(e, "unable to change the websocket client");
	ws_client_conf_release(&c->conf);
	c->conf = copy;
	c->url = url;
	c->conf_changed = true;
	ws_link_set_ping(&c->link, copy.ping_interval_ms);
	return 0;
}

void ws_client_free(struct ws_client *c)
{
	if (!c || c->dead)
		return;
	c->dead = true;
	c->ws->reap = true;
	loop_timer_cancel(c->ws->loop, &c->retry_timer);
	loop_timer_cancel(c->ws->loop, &c->connect_timer);
	loop_timer_cancel(c->ws->loop, &c->link.ping_timer);
	loop_timer_cancel(c->ws->loop, &c->link.pong_timer);
	loop_timer_cancel(c->ws->loop, &c->link.close_timer);
	if (c->state == CLIENT_OPEN)
		ws_leave(c->wsi);
	else
		detach(c);
	c->wsi = c->link.wsi = NULL;
}

void ws_client_reap(struct ws *ws)
{
	for (struct ws_client **p = &ws->clients; *p;) {
		struct ws_client *c = *p;

		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		ws_link_release(&c->link);
		lws_vhost_destroy(c->vhost);
		SSL_CTX_free(c->ctx);
		ws_client_conf_release(&c->conf);
		free(c);
	}
}

int ws_client_send(struct ws_client *c, const char *data, size_t len)
{
	return ws_link_send(&c->link, data, len);
}

void ws_client_close(struct ws_client *c, int code, const char *text)
{
	c->stop = true;
	if (c->state == CLIENT_OPEN) {
		ws_link_close(&c->link, code, text);
		return;
	}
	loop_timer_cancel(c->ws->loop, &c->retry_timer);
	loop_timer_cancel(c->ws->loop, &c->connect_timer);
	detach(c);
	c->state = CLIENT_STOPPED;
}

void ws_client_reconnect(struct ws_client *c)
{
	c->stop = false;
	c->again = true;
	if (c->state == CLIENT_OPEN) {
		ws_link_close(&c->link, 1000, "reconnecting");
		return;
	}
	loop_timer_cancel(c->ws->loop, &c->connect_timer);
	detach(c);
	plan_retry(c);
}

void ws_client_set_ping(struct ws_client *c, uint32_t interval_ms)
{
	c->conf.ping_interval_ms = interval_ms;
	ws_link_set_ping(&c->link, interval_ms);
}

bool ws_client_is_open(const struct ws_client *c)
{
	return c->state == CLIENT_OPEN && !c->link.closing;
}

size_t ws_client_queued(const struct ws_client *c)
{
	return c->link.queued;
}

const char *ws_client_identity(const struct ws_client *c)
{
	return c->url.identity;
}
