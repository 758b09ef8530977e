/* What the files of lib/ws share. Nobody else includes this: it brings libwebsockets and OpenSSL
 * along.
 *
 * A `struct ws_link` is what both ends have in common: an established connection with its queue,
 * its half received message and its timers. libwebsockets calls back per connection (wsi); a wsi
 * knows its owner by the opaque pointer, and an owner that is freed first takes that pointer away.
 * Owners are never freed within a callback: they wait in the context's list until libwebsockets has
 * returned.
 */
#ifndef WS_INTERNAL_H
#define WS_INTERNAL_H

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include "core/buf.h"
#include "core/loop.h"
#include "ws/ws.h"

#define WS_CLOSE_GRACE_US INT64_C(2000000)

/* ---- the context (ws.c, loop_lws.c) ---- */

struct ws {
	struct loop *loop;
	struct lws_context *lws;
	/* the loop's side of the waiting */
	struct lws_vhost *loop_vhost;
	int epoll_fd, timer_fd;
	int *always; /* watched descriptors that epoll refuses, as regular files: always ready */
	short *always_events;
	size_t nalways, always_cap;
	bool waiting; /* inside libwebsockets, which may be blocked */
	int work;     /* things done in this wait */
	bool fresh;   /* the loop has the time of this wait's end */
	/* owners */
	struct ws_client *clients;
	struct ws_server *servers;
	bool reap; /* some owner is dead */
};

extern const struct loop_backend ws_loop_backend, ws_loop_ended;
int ws_loop_init(struct ws *ws, struct err *e);
void ws_loop_release(struct ws *ws);
int ws_loop_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		     size_t len);

/** Counts a thing done, gives the loop the time, and cuts a wait short so that new deadlines are
 * seen. */
void ws_noted(struct ws *ws);
/** Frees the dead owners; only outside libwebsockets. */
void ws_client_reap(struct ws *ws);
void ws_server_reap(struct ws *ws);

/* ---- TLS (tls.c) ---- */

/* What is known of a failing handshake; the first cause stays. */
struct ws_fault {
	enum ws_reason reason; /* WS_OK while none */
	char text[240];
};

struct ws_tls_conf {
	const char *ca_file, *cert_file, *key_file;
	const char *name; /* of the server, to be checked by a client; NULL: none */
	bool server, require_peer, tls12;
};

/**
 * Reads all files of @conf and puts them into @ctx, replacing what was there.
 * @return 0, or -1 with @e set and @ctx as before
 */
int ws_tls_load(SSL_CTX *ctx, const struct ws_tls_conf *conf, struct err *e);
/** Calls back (SSL_CTX app data is @user) for each step; ws_tls_note then finds the cause. */
void ws_tls_watch(SSL_CTX *ctx, void *user, void (*fn)(const SSL *ssl, int where, int ret));
/** At the begin of a handshake: libwebsockets gives addresses too as server name; takes those out.
 * Source: RFC 6066 3 */
void ws_tls_server_name(const SSL *ssl, int where, const char *host);
/** Takes an info event's alert or error into @fault. */
void ws_tls_note(struct ws_fault *fault, const SSL *ssl, int where, int ret);
/** Takes a failed check of the peer's certificate into @fault. */
void ws_tls_note_verify(struct ws_fault *fault, X509_STORE_CTX *store);
/** Common name of the peer's certificate; "" when it gave none. */
void ws_tls_peer_name(char *text, size_t size, const SSL *ssl);
void ws_fault_set(struct ws_fault *fault, enum ws_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Why a client's connection failed: @status of HTTP or 0, @cause as libwebsockets says it, or
 * NULL. */
void ws_fault_connect(struct ws_fault *fault, const char *url, int status, const char *cause);

/** First line of a file that only its owner may read. @return 0 or -1 with @e set */
int ws_secret_line(char *line, size_t size, const char *path, struct err *e);

/* ---- a client's configuration (client_conf.c) ---- */

#define WS_PASSWORD_MAX 256

struct ws_url;
/** @return 0 and @url, or -1 with @e and errno */
int ws_client_conf_check(const struct ws_client_conf *conf, struct ws_url *url, struct err *e);
/** Copies, with defaults filled in; then the texts are @to's. @return 0, or -1 when out of memory
 */
int ws_client_conf_copy(struct ws_client_conf *to, const struct ws_client_conf *from);
void ws_client_conf_release(struct ws_client_conf *conf);
/** Adds the header with user and password to a request, where there is a password. @return 0 or -1
 * with @fault */
int ws_client_authorization(const struct ws_client_conf *conf, const char *identity,
			    struct lws *wsi, unsigned char **p, size_t room,
			    struct ws_fault *fault);

/* ---- parts of the server (listen.c) ---- */

/** Opens a listening socket. @return it and its *@port, or -1 with @e and errno */
int ws_listen(const char *address, int *port, struct err *e);
/** "address:port" of a socket's address. */
void ws_address_text(char *text, size_t size, const struct sockaddr_storage *sa, socklen_t len);
/** Answers a request with @status. @return -1, as a callback returns to end the connection */
int ws_http_answer(struct lws *wsi, int status);
/** Upgrades without a subprotocol and closes at once, with status 1002. @return -1, or as above
 * Source: OCPP 2.0.1 part 4 3.1.2 */
int ws_no_subprotocol(struct lws *wsi);

/* ---- an established connection (link.c) ---- */

struct ws_out {
	struct ws_out *next;
	size_t len;
	unsigned char data[]; /* LWS_PRE bytes of room, then the message */
};

struct ws_link {
	struct ws *ws;
	struct lws *wsi; /* NULL while not established */
	void *owner;
	void (*emit)(void *owner, const struct ws_event *ev);
	struct ws_out *out, **out_tail;
	size_t queued, queue_max;
	bool sent; /* something was sent since the last WS_DRAINED */
	struct buf in;
	uint32_t ping_interval_ms, pong_timeout_ms;
	struct loop_timer ping_timer, pong_timer, close_timer;
	bool ping_wanted, closing;
	bool deaf;      /* the peer broke the rules: what still comes is passed over */
	int close_code; /* ours while closing, the peer's when it closed */
	struct ws_fault fault;
	char close_text[124];
	/* for events */
	char subprotocol[32], tls[16], peer_name[65], peer[64];
};

struct ws_limits {
	uint32_t ping_interval_ms, pong_timeout_ms;
	size_t message_max, queue_max;
};

void ws_link_init(struct ws_link *l, struct ws *ws, void *owner,
		  void (*emit)(void *owner, const struct ws_event *ev),
		  const struct ws_limits *limits);
void ws_link_release(struct ws_link *l);
/** The upgrade is done: fills the texts for events, starts the pings. */
void ws_link_open(struct ws_link *l, struct lws *wsi);
/** It ended: stops timers, empties queues, and fills @ev as WS_CLOSED. */
void ws_link_closed(struct ws_link *l, struct ws_event *ev);
/** @return what a libwebsockets callback returns: 0, or -1 to end the connection */
int ws_link_receive(struct ws_link *l, const void *data, size_t len);
int ws_link_writeable(struct ws_link *l);
void ws_link_pong(struct ws_link *l);
void ws_link_peer_close(struct ws_link *l, const unsigned char *in, size_t len);
int ws_link_send(struct ws_link *l, const char *data, size_t len);
void ws_link_close(struct ws_link *l, int code, const char *text);
void ws_link_set_ping(struct ws_link *l, uint32_t interval_ms);
/** An event of @kind with the link's texts. */
struct ws_event ws_link_event(const struct ws_link *l, enum ws_kind kind);
/* Silence is watched by our own pings; libwebsockets' own are put off for hours. */
extern const lws_retry_bo_t ws_idle_policy;

/** Takes the owner from an open connection and has it end with status 1001 by itself. */
void ws_leave(struct lws *wsi);
/** The callback of a connection without an owner. */
int ws_orphan(struct lws *wsi, enum lws_callback_reasons reason);
/** Ends a connection without farewell; with @reset by a TCP reset. Its close callback follows. */
void ws_kill(struct lws *wsi, bool reset);

#endif
