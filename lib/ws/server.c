/* The server: accepted connections, admitted one by one. */
#include "ws/internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws/url.h"

enum { SUBPROTOCOLS_MAX = 8, HANDSHAKE_S = 15, TEXT_MAX = 512 };

enum conn_state { CONN_PENDING, CONN_REFUSED, CONN_OPEN };

struct ws_conn {
	struct ws_server *server;
	struct ws_conn *next;
	struct lws *wsi;
	int fd;
	enum conn_state state;
	bool dead;
	void *user;
	struct ws_fault fault; /* of the handshake */
	char identity[WS_IDENTITY_MAX + 1];
	char path[TEXT_MAX];
	struct ws_link link;
};

struct ws_server {
	struct ws *ws;
	struct ws_server *next;
	ws_server_fn *fn;
	void *user;
	int (*admit)(void *user, const struct ws_request *rq);
	struct ws_limits limits;
	char *subprotocols;
	struct lws_protocols protocols[SUBPROTOCOLS_MAX + 2];
	char names[SUBPROTOCOLS_MAX][32];
	struct ws_tls_conf tls; /* its texts are the caller's: used while the server is made */
	struct err *tls_err;
	int tls_result;
	SSL_CTX *ctx; /* the vhost's */
	struct lws_vhost *vhost;
	int listen_fd, port;
	bool dead, held;
	struct ws_conn *conns;
};

/* ---- TLS ---- */

static struct ws_conn *conn_of(const SSL *ssl)
{
	struct ws_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int fd = SSL_get_fd(ssl);
	struct ws_conn *c = s->conns;

	while (c && (c->dead || c->fd != fd))
		c = c->next;
	return c;
}

static void on_tls(const SSL *ssl, int where, int ret)
{
	struct ws_conn *c = conn_of(ssl);

	if (!c)
		return;
	c->server->ws->work++;
	ws_tls_note(&c->fault, ssl, where, ret);
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct ws_conn *c = conn_of(ssl);

	if (!ok && c)
		ws_tls_note_verify(&c->fault, store);
	return ok;
}

static int set_up_tls(struct ws_server *s, SSL_CTX *ctx)
{
	int verify = s->tls.ca_file ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;

	if (s->tls.require_peer)
		verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	s->ctx = ctx;
	s->tls_result = ws_tls_load(ctx, &s->tls, s->tls_err);
	SSL_CTX_set_verify(ctx, verify, on_verify);
	ws_tls_watch(ctx, s, on_tls);
	return s->tls_result < 0;
}

/* ---- letting in ---- */

static void conn_refused(struct ws_conn *c, enum ws_reason reason, int status, const char *text)
{
	struct ws_event ev = {.kind = WS_REFUSED,
			      .reason = reason,
			      .http_status = status,
			      .text = text,
			      .peer = c->link.peer,
			      .path = c->path};

	if (c->state != CONN_PENDING)
		return;
	c->state = CONN_REFUSED;
	ws_noted(c->server->ws);
	if (!c->server->dead)
		c->server->fn(c->server->user, NULL, &ev);
}

/* The last segment of a path; libwebsockets has decoded it already. */
static int identity_of(char *identity, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *segment = slash ? slash + 1 : path;

	if (strlen(segment) > WS_IDENTITY_MAX)
		return -1;
	for (const char *p = segment; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -1;
	memcpy(identity, segment, strlen(segment) + 1);
	return 0;
}

static int ask_admission(struct ws_conn *c, struct lws *wsi, const char *asked)
{
	char header[TEXT_MAX] = "", user[256], password[256];
	struct ws_request rq = {
	    .path = c->path, .identity = c->identity, .peer = c->link.peer, .subprotocols = asked};
	char name[65];
	int status;

	if (lws_hdr_copy(wsi, header, sizeof(header), WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
	    ws_basic_parse(header, user, password, sizeof(user)) == 0) {
		rq.user = user;
		rq.password = password;
	}
	ws_tls_peer_name(name, sizeof(name), lws_get_ssl(wsi));
	rq.peer_name = name[0] ? name : NULL;
	status = c->server->admit ? c->server->admit(c->server->user, &rq) : 0;
	explicit_bzero(header, sizeof(header));
	explicit_bzero(password, sizeof(password));
	return status;
}

/* @return as HTTP_CONFIRM_UPGRADE wants it: 0 go on, -1 hang up */
static int confirm(struct ws_conn *c, struct lws *wsi, const char *upgrade)
{
	char asked[TEXT_MAX] = "", picked[32], text[TEXT_MAX + 128];
	int status;

	if (strcasecmp(upgrade, "websocket") != 0)
		return -1;
	lws_hdr_copy(wsi, c->path, sizeof(c->path), WSI_TOKEN_GET_URI);
	lws_hdr_copy(wsi, asked, sizeof(asked), WSI_TOKEN_PROTOCOL);
	if (identity_of(c->identity, c->path) < 0) {
		conn_refused(c, WS_HTTP, 404, "identity in the path is too long or not printable");
		return ws_http_answer(wsi, 404);
	}
	if (c->server->subprotocols &&
	    !ws_subprotocol_pick(picked, sizeof(picked), asked, c->server->subprotocols)) {
		snprintf(text, sizeof(text), "subprotocol: asked for \"%s\", served is \"%s\"",
			 asked, c->server->subprotocols);
		conn_refused(c, WS_SUBPROTOCOL, 101, text);
		return ws_no_subprotocol(wsi);
	}
	status = ask_admission(c, wsi, asked);
	if (status == 0)
		return 0;
	snprintf(text, sizeof(text), "refused with HTTP status %d", status);
	conn_refused(c, WS_HTTP, status, text);
	return ws_http_answer(wsi, status);
}

/* ---- callbacks ---- */

static void emit(void *owner, const struct ws_event *ev)
{
	struct ws_conn *c = owner;

	c->server->fn(c->server->user, c, ev);
}

static void established(struct ws_conn *c, struct lws *wsi)
{
	const struct lws_protocols *p = lws_get_protocol(wsi);
	struct ws_event ev;

	c->state = CONN_OPEN;
	snprintf(c->link.subprotocol, sizeof(c->link.subprotocol), "%s",
		 p && p != &c->server->protocols[0] ? p->name : "");
	ws_link_open(&c->link, wsi);
	ev = ws_link_event(&c->link, WS_OPEN);
	ev.path = c->path;
	if (c->server->held)
		lws_rx_flow_control(wsi, 0);
	emit(c, &ev);
}

static void ended(struct ws_conn *c)
{
	struct ws_event ev;

	ws_noted(c->server->ws);
	if (c->state == CONN_OPEN) {
		ws_link_closed(&c->link, &ev);
		ev.path = c->path;
		emit(c, &ev);
	} else {
		ws_fault_set(&c->fault, WS_LOST,
			     "the connection ended before a request was understood");
		conn_refused(c, c->fault.reason, 0, c->fault.text);
	}
	c->state = CONN_REFUSED;
	c->dead = true;
	c->server->ws->reap = true;
}

static int open_callback(struct ws_conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
	if (reason == LWS_CALLBACK_RECEIVE) {
		ws_noted(c->server->ws);
		return ws_link_receive(&c->link, in, len);
	}
	if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
		ws_noted(c->server->ws);
		return ws_link_writeable(&c->link);
	}
	if (reason == LWS_CALLBACK_RECEIVE_PONG)
		ws_link_pong(&c->link);
	else if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
		ws_link_peer_close(&c->link, in, len);
	return 0;
}

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	struct ws_conn *c;

	if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
		return set_up_tls(lws_vhost_user(in), user);
	c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
	if (!c || c->dead)
		return ws_orphan(wsi, reason);
	if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE)
		return confirm(c, wsi, in);
	if (reason == LWS_CALLBACK_HTTP) {
		snprintf(c->path, sizeof(c->path), "%s", in ? (char *)in : "");
		conn_refused(c, WS_HTTP, 426, "a plain HTTP request: only websockets are served");
		return ws_http_answer(wsi, 426);
	}
	if (reason == LWS_CALLBACK_ESTABLISHED) {
		ws_noted(c->server->ws);
		established(c, wsi);
	} else if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_WSI_DESTROY) {
		ended(c);
	}
	return c->state == CONN_OPEN ? open_callback(c, reason, in, len) : 0;
}

/* ---- accepting ---- */

static void adopt(struct ws_server *s, int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	struct ws_conn *c = calloc(1, sizeof(*c));
	lws_adopt_desc_t desc = {.vh = s->vhost,
				 .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
				 .fd.sockfd = fd,
				 .opaque = c};
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->server = s;
	c->fd = fd;
	ws_link_init(&c->link, s->ws, c, emit, &s->limits);
	ws_address_text(c->link.peer, sizeof(c->link.peer), sa, len);
	c->next = s->conns;
	s->conns = c;
	c->wsi = lws_adopt_descriptor_vhost_via_info(&desc); /* closes fd when it fails */
	if (!c->wsi) {
		c->dead = true;
		s->ws->reap = true;
	}
}

static void on_listen(void *ctx, int fd, short revents)
{
	struct ws_server *s = ctx;

	(void)revents;
	for (int i = 0; i < 16; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		int got = accept4(fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (got < 0)
			return;
		adopt(s, got, &sa, len);
	}
}

/* ---- making and freeing ---- */

static int name_protocols(struct ws_server *s, const char *list, struct err *e)
{
	const char *word;
	size_t n = 0, len;

	s->protocols[0] = (struct lws_protocols){
	    .name = "evse-server", .callback = server_callback, .rx_buffer_size = 16384};
	if (!list)
		return 0;
	s->subprotocols = strdup(list);
	if (!s->subprotocols)
		return err_sys(e, "unable to make a websocket server");
	while ((len = ws_list_next(&list, &word)) > 0) {
		if (n == SUBPROTOCOLS_MAX || len >= sizeof(s->names[0]))
			return err_set(e, "subprotocols: more than %d, or one too long",
				       SUBPROTOCOLS_MAX);
		memcpy(s->names[n], word, len);
		s->protocols[n + 1] = s->protocols[0];
		s->protocols[n + 1].name = s->names[n];
		n++;
	}
	return 0;
}

static void finalize(struct lws_vhost *vhost, void *arg)
{
	struct ws_server *s = arg;

	(void)vhost;
	free(s->subprotocols);
	free(s);
}

static int check_conf(const struct ws_server_conf *conf, struct err *e)
{
	errno = EINVAL;
	if (!conf->listen)
		return err_set(e, "no address to listen on");
	if ((conf->cert_file == NULL) != (conf->key_file == NULL))
		return err_set(e, "a server certificate and its key go together: one is missing");
	if (conf->require_client_cert && (!conf->ca_file || !conf->cert_file))
		return err_set(e, "client certificates need TLS and a CA file to check them with");
	return 0;
}

static int open_listener(struct ws_server *s, const char *address, struct err *e)
{
	s->listen_fd = ws_listen(address, &s->port, e);
	if (s->listen_fd < 0)
		return -1;
	if (loop_watch(s->ws->loop, s->listen_fd, POLLIN, on_listen, s) < 0)
		return err_sys(e, "unable to watch the listening socket");
	return 0;
}

static int make_vhost(struct ws_server *s, bool tls, struct err *e)
{
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN_SERVER,
	    .protocols = s->protocols,
	    .vhost_name = "evse-server",
	    .user = s,
	    .alpn = "http/1.1",
	    .timeout_secs = HANDSHAKE_S,
	    .retry_and_idle_policy = &ws_idle_policy,
	    .finalize = finalize,
	    .finalize_arg = s,
	};

	if (tls)
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			       LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |
			       LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS; /* else a client's store is
									 filled for nothing */
	s->tls_err = e;
	s->vhost = lws_create_vhost(s->ws->lws, &info);
	s->tls_err = NULL;
	if (!s->vhost)
		return err_set(e, "libwebsockets does not give a server");
	if (tls && !s->ctx)
		return err_set(e, "libwebsockets does not give a TLS context");
	return 0;
}

struct ws_server *ws_server_new(struct ws *ws, const struct ws_server_conf *conf, ws_server_fn *fn,
				void *user, struct err *e)
{
	struct ws_server *s;
	SSL_CTX *trial;
	int ok;

	if (check_conf(conf, e) < 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_sys(e, "unable to make a websocket server");
		return NULL;
	}
	s->ws = ws;
	s->fn = fn;
	s->user = user;
	s->admit = conf->admit;
	s->listen_fd = -1;
	s->limits = (struct ws_limits){conf->ping_interval_ms, conf->pong_timeout_ms,
				       conf->message_max, conf->queue_max};
	s->tls = (struct ws_tls_conf){.ca_file = conf->ca_file,
				      .cert_file = conf->cert_file,
				      .key_file = conf->key_file,
				      .server = true,
				      .require_peer = conf->require_client_cert,
				      .tls12 = conf->tls12};
	/* tried on a context of our own first: libwebsockets only says that something failed */
	trial = conf->cert_file ? SSL_CTX_new(TLS_server_method()) : NULL;
	ok = trial ? ws_tls_load(trial, &s->tls, e) : 0;
	SSL_CTX_free(trial);
	if (ok < 0 || name_protocols(s, conf->subprotocols, e) < 0 ||
	    open_listener(s, conf->listen, e) < 0 ||
	    make_vhost(s, conf->cert_file != NULL, e) < 0) {
		ws_server_free(s);
		return NULL;
	}
	s->next = ws->servers;
	ws->servers = s;
	return s;
}

static void conn_detach(struct ws_conn *c)
{
	if (c->wsi && !c->dead && c->state == CONN_OPEN) {
		ws_leave(c->wsi);
	} else if (c->wsi && !c->dead) {
		lws_set_opaque_user_data(c->wsi, NULL);
		ws_kill(c->wsi, false); /* a vhost only goes when its last connection has gone */
	}
	c->dead = true;
}

static void conn_free(struct ws_conn *c)
{
	ws_link_release(&c->link);
	free(c);
}

static void stop_listening(struct ws_server *s)
{
	if (s->listen_fd < 0)
		return;
	loop_unwatch(s->ws->loop, s->listen_fd);
	close(s->listen_fd);
	s->listen_fd = -1;
}

void ws_server_free(struct ws_server *s)
{
	if (!s || s->dead)
		return;
	stop_listening(s);
	if (!s->vhost) { /* was never made whole */
		finalize(NULL, s);
		return;
	}
	s->dead = true;
	s->ws->reap = true;
	for (struct ws_conn *c = s->conns; c; c = c->next)
		conn_detach(c);
}

static void reap_conns(struct ws_server *s)
{
	for (struct ws_conn **p = &s->conns; *p;) {
		struct ws_conn *c = *p;

		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		conn_free(c);
	}
}

void ws_server_reap(struct ws *ws)
{
	for (struct ws_server **p = &ws->servers; *p;) {
		struct ws_server *s = *p;

		reap_conns(s);
		if (!s->dead) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		lws_vhost_destroy(s->vhost); /* finalize() frees s */
	}
}

int ws_server_port(const struct ws_server *s)
{
	return s->port;
}

void ws_server_hold(struct ws_server *s, bool hold)
{
	if (s->held == hold)
		return;
	s->held = hold;
	for (struct ws_conn *c = s->conns; c; c = c->next)
		if (!c->dead && c->state == CONN_OPEN)
			lws_rx_flow_control(c->wsi, !hold);
}

int ws_conn_send(struct ws_conn *conn, const char *data, size_t len)
{
	return ws_link_send(&conn->link, data, len);
}

void ws_conn_close(struct ws_conn *conn, int code, const char *text)
{
	ws_link_close(&conn->link, code, text);
}

void ws_conn_break(struct ws_conn *conn)
{
	if (!conn->link.wsi)
		return;
	ws_fault_set(&conn->link.fault, WS_LOCAL, "broken by us");
	ws_kill(conn->link.wsi, true);
}

const char *ws_conn_identity(const struct ws_conn *conn)
{
	return conn->identity;
}

void ws_conn_set_user(struct ws_conn *conn, void *user)
{
	conn->user = user;
}

void *ws_conn_user(const struct ws_conn *conn)
{
	return conn->user;
}
