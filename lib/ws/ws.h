/* Websockets, client and server, on the tool's own loop; the only place where libwebsockets is
 * used.
 *
 * Everything runs in the loop's thread, and nothing here blocks: a host name is looked up beside
 * it.
 *
 * What happens arrives as `struct ws_event` at one handler: a whole message is one event, whatever
 * its fragments were; texts in an event live until the handler returns. The handler may send, close
 * and free anything but the `struct ws` itself. Text frames are checked for UTF-8; binary frames
 * end the connection with status 1003, since OCPP-J knows none.
 *
 * TLS: 1.3 at least, unless `tls12` lowers that. A client always checks the chain against `ca_file`
 * (or the system's certificates) and the server's name or address against the URL. No switch turns
 * that off.
 *
 * Source: RFC 6455; OCPP 2.0.1 part 2, security profiles 1 to 3 (block A), part 4 (OCPP-J).
 */
#ifndef WS_WS_H
#define WS_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "ws/backoff.h"

struct loop;
struct ws;        /* one per loop */
struct ws_client; /* one connection that is kept up */
struct ws_server; /* one listening socket */
struct ws_conn;   /* one accepted connection */

enum ws_kind {
	WS_OPEN,    /* connected: `subprotocol`, `tls`, `peer_name`, `peer` */
	WS_MESSAGE, /* a text message: `data`, `len` (NUL follows, not counted) */
	WS_CLOSED,  /* a connection that was open has ended: `reason`, `close_code`, `text` */
	WS_REFUSED, /* it never opened: `reason`, `http_status`, `text` (server: `conn` is NULL) */
	WS_DRAINED, /* everything queued has been handed to the kernel */
};

enum ws_reason {
	WS_OK,               /* closed normally by either side */
	WS_LOCAL,            /* closed by our own call */
	WS_DNS,              /* host name not found */
	WS_UNREACHABLE,      /* connection refused, no route, network down */
	WS_TIMEOUT,          /* no answer within connect_timeout_ms */
	WS_TLS_NAME,         /* certificate is for another name or address */
	WS_TLS_UNKNOWN_CA,   /* not signed by a known authority */
	WS_TLS_EXPIRED,      /* certificate has expired */
	WS_TLS_NOT_YET,      /* certificate not valid yet (or our clock is wrong) */
	WS_TLS_REVOKED,      /* certificate revoked */
	WS_TLS_VERSION,      /* no TLS version in common: one side's is too old */
	WS_TLS_CERT_MISSING, /* a client certificate is demanded and none was given */
	WS_TLS_CERT_REFUSED, /* the other side refuses our certificate; `text` has its alert */
	WS_TLS_NONE,         /* one side speaks TLS and the other does not */
	WS_TLS_OTHER,        /* any other failure of the handshake, named in `text` */
	WS_HTTP,             /* answered with another HTTP status than 101: `http_status` */
	WS_SUBPROTOCOL,      /* no subprotocol in common */
	WS_PONG,             /* nothing came back within pong_timeout_ms of a ping */
	WS_TOO_BIG,          /* a message over message_max */
	WS_PROTOCOL,         /* binary frame, invalid UTF-8 or another breach of the protocol */
	WS_LOST,             /* the connection broke without a close frame */
};

struct ws_event {
	enum ws_kind kind;
	enum ws_reason reason;
	int http_status; /* 0 where none was seen */
	int close_code;  /* RFC 6455 7.4.1 status; 0 where none was given */
	const char
	    *text; /* one sentence for people: what failed, on what, why; "" on the other kinds */
	const char *data; /* the message */
	size_t len;
	const char *subprotocol; /* as agreed */
	const char *tls;         /* "TLSv1.3", or NULL in clear */
	const char *peer_name;   /* common name of the peer's certificate, or NULL */
	const char *peer;        /* "address:port" */
	const char *path;        /* server: the path asked for */
	uint32_t
	    retry_ms; /* client, WS_CLOSED and WS_REFUSED: the next try is in this time; 0 = none */
};

/**
 * The word for a reason: "ok", "wrong_name", "unknown_ca", "expired", "tls_version",
 * "certificate_missing", "certificate_refused", "http", "timeout", …; stable, for records.
 */
const char *ws_reason_word(enum ws_reason r);

/**
 * Makes the websocket side of a loop. From then on libwebsockets does that loop's waiting; so it
 * comes before any descriptor is watched: in a tool's setup(). After ws_free the loop must not be
 * run again.
 *
 * @loop    must outlive the result
 * @return  NULL with @e set when libwebsockets or OpenSSL can't start
 *
 * Ownership: the caller frees with ws_free, which first frees what is left of clients and servers.
 */
struct ws *ws_new(struct loop *loop, struct err *e);
void ws_free(struct ws *ws);

/* ---- client ---- */

struct ws_client_conf {
	const char
	    *url; /* ws://host[:port]/path or wss://…; the last path segment is the identity */
	const char *subprotocols; /* comma list, most wanted first: "ocpp2.1,ocpp2.0.1" */
	int security_profile;     /* 1: ws:// and password; 2: wss:// and password; 3: wss:// and
				     certificate;     0: as the URL says, nothing demanded */
	bool tls12;               /* allow TLS 1.2 too */
	const char *ca_file;      /* PEM; NULL: the system's */
	const char *cert_file;    /* PEM chain, leaf first; NULL: none */
	const char *key_file;     /* PEM; refused when group or others can read it */
	const char *user;         /* basic auth; NULL: the identity */
	const char
	    *password_file; /* first line; refused when group or others can read it; NULL: none */
	uint32_t connect_timeout_ms; /* TCP, TLS and upgrade together; 0: 30 s */
	uint32_t ping_interval_ms;   /* 0: none */
	uint32_t pong_timeout_ms;    /* 0: 10 s */
	size_t message_max;          /* bytes; 0: 1 MiB */
	size_t queue_max;            /* bytes that may wait to be sent; 0: 4 MiB */
	bool reconnect;              /* after WS_CLOSED and WS_REFUSED, by `backoff` */
	struct ws_backoff backoff;   /* all 0: the defaults of backoff.h */
};

typedef void ws_client_fn(void *user, struct ws_client *c, const struct ws_event *ev);

/**
 * Makes a client and begins to connect at the next turn of the loop.
 *
 * The files are read here and again at each try, so that renewed certificates and passwords are
 * taken up.
 *
 * @return  NULL with @e set: malformed URL, profile and URL that do not fit, a file that is
 * missing, unreadable, readable by others, or not what it should be. errno: EINVAL for a wrong
 *          configuration, else of the file.
 */
struct ws_client *ws_client_new(struct ws *ws, const struct ws_client_conf *conf, ws_client_fn *fn,
				void *user, struct err *e);

/** Whether a client could be made of the configuration. @return 0, or -1 with @e set */
int ws_client_check(const struct ws_client_conf *conf, struct err *e);

/**
 * Changes the configuration; used from the next try on (ws_client_reconnect makes one now).
 * On failure nothing changes. @return 0, or -1 with @e set as by ws_client_new
 */
int ws_client_set_conf(struct ws_client *c, const struct ws_client_conf *conf, struct err *e);

/** Frees without a further event; an open connection is closed with status 1001 if it can be at
 * once. */
void ws_client_free(struct ws_client *c);

/**
 * Queues a text message. Copies.
 * @return 0, or -1: errno ENOTCONN while not open, ENOBUFS when queue_max would be passed, ENOMEM
 */
int ws_client_send(struct ws_client *c, const char *data, size_t len);

/** Sends what is queued, then a close frame. No new try follows. WS_CLOSED comes at the end, at
 * most 2 s later. */
void ws_client_close(struct ws_client *c, int code, const char *text);

/** Ends the present connection or wait and tries anew now, with the back-off at its start. */
void ws_client_reconnect(struct ws_client *c);

/** New ping interval (0 = none), as OCPP's WebSocketPingInterval; from now on. */
void ws_client_set_ping(struct ws_client *c, uint32_t interval_ms);

bool ws_client_is_open(const struct ws_client *c);
size_t ws_client_queued(const struct ws_client *c); /* bytes */
const char *ws_client_identity(const struct ws_client *c);

/* ---- server ---- */

/* What a client asks for, before it is let in. */
struct ws_request {
	const char *path;      /* "/ocpp/CS001" */
	const char *identity;  /* last segment, percent-decoded: "CS001"; "" where there is none */
	const char *user;      /* basic auth, or NULL */
	const char *password;  /* basic auth, or NULL */
	const char *peer_name; /* common name of the client certificate, or NULL */
	const char *peer;
	const char *subprotocols; /* as asked, comma list; "" */
};

struct ws_server_conf {
	const char *listen;    /* "127.0.0.1:0", "[::1]:8443", "0.0.0.0:8443"; port 0: a free one */
	const char *cert_file; /* PEM chain; NULL: in clear */
	const char *key_file;
	const char *ca_file;      /* authorities of client certificates */
	bool require_client_cert; /* needs ca_file; without it a certificate is asked for if ca_file
				     is set */
	bool tls12;
	const char *subprotocols; /* comma list; the client's order of preference decides */
	uint32_t ping_interval_ms;
	uint32_t pong_timeout_ms;
	size_t message_max;
	size_t queue_max; /* per connection */
	/* @return 0 to let it in, or the HTTP status to refuse with: 401, 403, 404, 503. NULL: all
	 * are let in. */
	int (*admit)(void *user, const struct ws_request *rq);
};

typedef void ws_server_fn(void *user, struct ws_conn *conn, const struct ws_event *ev);

/** @return NULL with @e set: address not understood or in use, certificate or key that can't be
 * used */
struct ws_server *ws_server_new(struct ws *ws, const struct ws_server_conf *conf, ws_server_fn *fn,
				void *user, struct err *e);
/** Ends listening and all connections (status 1001), without further events. */
void ws_server_free(struct ws_server *s);
int ws_server_port(const struct ws_server *s);

/** Stops reading from all connections, or goes on: back-pressure for who can't take more. */
void ws_server_hold(struct ws_server *s, bool hold);

/** As ws_client_send. */
int ws_conn_send(struct ws_conn *conn, const char *data, size_t len);
void ws_conn_close(struct ws_conn *conn, int code, const char *text);
/** Breaks the TCP connection (reset), as a network that dies. WS_CLOSED follows, reason WS_LOCAL.
 */
void ws_conn_break(struct ws_conn *conn);
const char *ws_conn_identity(const struct ws_conn *conn);
void ws_conn_set_user(struct ws_conn *conn, void *user);
void *ws_conn_user(const struct ws_conn *conn);

#endif
