/* The bus: takes lines from services, checks their right to say them, gives them to who wants them.
 *
 * Lines are routed by their head alone; only commands are parsed. One ring holds the last lines,
 * each subscriber has a cursor into it, so a slow reader costs nothing but its own delay: "latest"
 * readers skip what is out of date, "every record" readers that the ring overtakes are disconnected
 * with an alert, and catch up when they come again. */
#ifndef BUS_ROUTER_H
#define BUS_ROUTER_H

#include "bus/keep.h"
#include "bus/ring.h"
#include "bus/rights.h"
#include "bus/topics.h"
#include "core/buf.h"
#include "core/loop.h"
#include "core/out.h"

enum {
	ROUTER_PEERS = 512,
	ROUTER_SERVICE_PEERS = 64, /* of one service */
	ROUTER_KEYS = 4096,
	ROUTER_SERVICE_KEYS = 1024, /* of one service */
	ROUTER_TYPES = 128,
	ROUTER_SAYS = 5, /* complaints about one peer in a second; the rest is only counted */
};

/* One connection. */
struct peer {
	struct router *router;
	int fd;
	int32_t id;      /* its place in router->peer */
	uint64_t serial; /* order of arrival */
	const char *service;
	struct lines lines;
	bool subscribed, resending, live_due, joined;
	bool dead, slow; /* to be freed at the end of the turn; because it fell behind */
	bool full;       /* has as many retained records as a service may */
	struct topics topics;
	uint8_t mode[ROUTER_TYPES]; /* enum topic_mode by type index; 0xff: not looked up yet */
	uint8_t may[ROUTER_TYPES];  /* 1: its service may write the type, 0: not; 0xff: as above */
	uint64_t cursor,
	    urgent;          /* next entry to look at; next urgent one, when those may go first */
	uint64_t *owed;      /* bits by key: the retained record is still to be sent */
	uint64_t live_after; /* the live mark waits until the cursors are there */
	bool any_owed, two_pass, watching;
	struct buf rest; /* of a line that the socket took only a part of */
	uint64_t bad, sent, refused;
	int64_t said_us; /* begin of the second in which complaints are counted */
	uint64_t said;
};

struct service {
	char name[64];
	int fd; /* listening */
	struct router *router;
};

struct router {
	struct loop *loop;
	struct ring ring;
	struct keep keep;
	struct rights rights;
	struct peer *peer[ROUTER_PEERS];
	int peer_end;  /* places in use lie below it */
	uint64_t seen; /* every peer's cursors are here or further */
	struct service *service;
	size_t nservices;
	struct out out; /* builds the bus's own records */
	char type[ROUTER_TYPES][33];
	uint8_t type_len[ROUTER_TYPES];
	int32_t type_row[ROUTER_TYPES]; /* index in core/types.c, -1: unknown */
	size_t ntypes;
	uint64_t routed, refused, serial;
};

/** Opens DIR/<name>.sock for each of @names. @return 0, or -1 with @err. */
int router_open(struct router *r, struct loop *loop, const char *dir, const char *const *names,
		size_t count, size_t ring_bytes, struct err *err);
void router_close(struct router *r, const char *dir);

/** A line of @p, without newline: the whole way of a record. For tests and the fuzz target as well.
 */
void router_take(struct router *r, struct peer *p, const char *line, size_t len);

/* router_peer.c */
struct peer *peer_new(struct router *r, int fd, const char *service);
void peer_free(struct peer *p);
/** Reads once and routes what came; in router.c. */
void peer_readable(struct peer *p);
/** Sends what the socket takes now. */
void peer_flush(struct peer *p);
void peer_subscribe(struct peer *p, const struct topics *topics);
/** Entry @seq leaves the ring: what @p has not seen of it is owed, or @p is too slow. @return false
 * then. */
bool peer_evict(struct peer *p, uint64_t seq);
/** The index of a type, made when it is new. @return -1 when there are too many. */
int router_type_index(struct router *r, struct slice type);

#endif
