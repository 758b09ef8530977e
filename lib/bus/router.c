/* The bus's way of a record: from a service's socket, past its rights, into the ring and the
 * retained state. */
#include "bus/router.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "core/record.h"
#include "core/types.h"

/* A read of so much says that more is there: the readers are then served after several reads. */
enum { FLOOD = 16384 };

/* ---- types ---- */

static int known_type(const struct router *r, struct slice type)
{
	for (size_t i = 0; i < r->ntypes; i++)
		if (type.len == r->type_len[i] && memcmp(type.at, r->type[i], type.len) == 0)
			return (int)i;
	return -1;
}

int router_type_index(struct router *r, struct slice type)
{
	const struct record_type *row;
	size_t count;
	int known = known_type(r, type);

	if (known >= 0)
		return known;
	if (r->ntypes == ROUTER_TYPES || type.len >= sizeof r->type[0])
		return -1;
	row = record_type(type.at, type.len);
	memcpy(r->type[r->ntypes], type.at, type.len);
	r->type[r->ntypes][type.len] = '\0';
	r->type_len[r->ntypes] = (uint8_t)type.len;
	r->type_row[r->ntypes] = row ? (int32_t)(row - record_types(&count)) : -1;
	return (int)r->ntypes++;
}

static const struct record_type *row_of(const struct router *r, int type)
{
	size_t count;

	return r->type_row[type] < 0 ? NULL : record_types(&count) + r->type_row[type];
}

/* ---- into the ring ---- */

/* Marked only: the peer may be the very one whose lines are being read. */
static void evict(void *ctx, uint64_t seq)
{
	struct router *r = ctx;

	for (int i = 0; seq >= r->seen && i < r->peer_end; i++)
		if (r->peer[i] && !r->peer[i]->dead && !peer_evict(r->peer[i], seq))
			r->peer[i]->dead = r->peer[i]->slow = true;
}

/* The end of a retained record's life: its type's maximum age, and for a limit its lease. */
static int64_t life_end(struct router *r, const struct record_type *row, const char *line,
			size_t len)
{
	int64_t now = loop_now(r->loop).mono_us;
	const char *at;
	double s;

	if (strcmp(row->name, "limit") == 0 && (at = memmem(line, len, "\"valid_s\":", 10))) {
		s = strtod(at + 10, NULL);
		return s >= 0 && s < 1e9 ? now + (int64_t)(s * 1e6) : now;
	}
	return row->max_age_s ? now + (int64_t)row->max_age_s * 1000000 : CLOCK_NEVER;
}

static bool is_gone(const char *line, size_t len)
{
	return memmem(line, len, "\"gone\":true", 11) != NULL;
}

/* One service must not use up all places of the retained state. */
static bool has_many(const struct router *r, struct peer *p)
{
	const struct kept *k = r->keep.item;
	int keys = 0;

	for (size_t i = 0; !p->full && i < r->keep.count; i++)
		keys += rights_src(p->service, (struct slice){k[i].src, strlen(k[i].src)});
	p->full = p->full || keys >= ROUTER_SERVICE_KEYS;
	return p->full;
}

/* Where a record of @p (NULL: the bus itself) is retained, if it is. @return -1 when it may not be.
 */
static int find_place(struct router *r, struct peer *p, const struct head *h, struct ring_entry *e)
{
	const struct record_type *row = row_of(r, e->type);

	e->key = -1;
	if (!row || !row->retained)
		return 0;
	e->key = (int32_t)keep_lookup(&r->keep, h->type, h->src);
	if (e->key >= 0)
		return 0;
	if (p && has_many(r, p))
		return -1;
	e->key = (int32_t)keep_add(&r->keep, h->type, h->src);
	if (e->key < 0)
		log_warning("more than %d states: %.*s of %.*s is not retained", ROUTER_KEYS,
			    (int)h->type.len, h->type.at, (int)h->src.len, h->src.at);
	return 0;
}

static void publish(struct router *r, const char *line, size_t len, struct ring_entry e)
{
	const struct record_type *row = row_of(r, e.type);

	if (row) {
		e.urgent = row->urgent;
		e.conflate = !row->event;
	}
	if (e.key >= 0)
		keep_put(&r->keep, e.key, line, len, r->ring.last, life_end(r, row, line, len),
			 is_gone(line, len));
	ring_add(&r->ring, line, len, e, evict, r);
	r->routed++;
}

/* A record of the bus's own that was built in r->out. */
static void publish_own(struct router *r, int32_t only)
{
	struct ring_entry e = {.only = only};
	struct head h;
	int type;

	jw_end(&r->out.w);
	if (jw_failed(&r->out.w) ||
	    head_scan(buf_str(&r->out.line), r->out.line.len, &h, NULL) < 0 ||
	    (type = router_type_index(r, h.type)) < 0)
		return;
	e.type = (uint16_t)type;
	find_place(r, NULL, &h, &e);
	publish(r, buf_str(&r->out.line), r->out.line.len, e);
}

static struct jw *own(struct router *r, const char *type, const char *to)
{
	return out_begin(&r->out, loop_now(r->loop), type, (struct out_head){.to = to});
}

static void say_peer(struct router *r, const char *state, const char *service)
{
	struct jw *w = own(r, "bus", NULL);

	jw_kstr(w, "state", state);
	jw_kstr(w, "peer", service);
	publish_own(r, -1);
}

/* Takes leave of a peer. */
static void part(struct router *r, struct peer *p)
{
	bool slow = p->slow, said = p->joined && strcmp(p->service, "tap") != 0;
	const char *service = p->service;
	struct jw *w;

	peer_free(p);
	if (slow) {
		log_warning("%s: too slow for every record: disconnected, it catches up when it "
			    "comes again",
			    service);
		w = out_begin(&r->out, loop_now(r->loop), "alert",
			      (struct out_head){.item = "alert.slow_reader"});
		jw_kstr(w, "code", "slow_reader");
		jw_kint(w, "severity", 5);
		jw_kstr(w, "component", service);
		jw_kbool(w, "raised", true);
		jw_kbool(w, "latched", false);
		jw_kstr(w, "text", "fell behind the ring and was disconnected");
		publish_own(r, -1);
	}
	if (said)
		say_peer(r, "lost", service);
}

static void flush_all(struct router *r)
{
	struct peer *p;

	for (int i = 0; i < r->peer_end; i++)
		if (r->peer[i] && r->peer[i]->dead)
			part(r, r->peer[i]);
	r->seen = r->ring.last;
	for (int i = 0; i < r->peer_end; i++) {
		if (!(p = r->peer[i]))
			continue;
		if (!p->watching)
			peer_flush(p);
		r->seen = p->cursor < r->seen ? p->cursor : r->seen;
		r->seen = p->urgent < r->seen ? p->urgent : r->seen;
	}
}

/* ---- refusals and commands ---- */

/* A peer that writes nothing but nonsense must not fill the ring and the log with complaints. */
static bool complain(struct peer *p)
{
	int64_t now = loop_now(p->router->loop).mono_us;

	if (now - p->said_us >= 1000000) {
		if (p->said > ROUTER_SAYS)
			log_warning("%s: %llu more lines were refused or skipped", p->service,
				    (unsigned long long)p->said - ROUTER_SAYS);
		p->said_us = now;
		p->said = 0;
	}
	return ++p->said <= ROUTER_SAYS;
}

static void refuse(struct router *r, struct peer *p, const struct head *h, const char *why)
{
	struct jw *w;

	p->refused++;
	r->refused++;
	if (!complain(p))
		return;
	log_warning("%s: refused %.*s of %.*s: %s", p->service, (int)h->type.len, h->type.at,
		    (int)h->src.len, h->src.at, why);
	w = own(r, "security", NULL);
	jw_kstr(w, "event", "refused");
	jw_kstr(w, "service", p->service);
	jw_key(w, "what");
	jw_strn(w, h->type.at, h->type.len);
	jw_key(w, "said_src");
	jw_strn(w, h->src.at, h->src.len);
	jw_kint(w, "refused", (int64_t)p->refused);
	jw_kstr(w, "text", why);
	publish_own(r, -1);
}

/* The newest connection of the service that @name names or lies below. */
static struct peer *addressee(struct router *r, struct slice name)
{
	struct peer *found = NULL, *p;

	for (int i = 0; i < r->peer_end; i++) {
		p = r->peer[i];
		if (p && p->joined && !p->dead && rights_src(p->service, name) &&
		    (!found || p->serial > found->serial))
			found = p;
	}
	return found;
}

static void unreachable(struct router *r, struct peer *p, const struct record *rec)
{
	struct jw *w = own(r, "reply", record_src(rec));

	jw_kstr(w, "id", json_str(record_get(rec, "id")));
	jw_kstr(w, "status", "unreachable");
	jw_kstr(w, "reason", "no tool of this name is on the bus");
	publish_own(r, p->id);
}

/* @return the peer that the command is for; NULL when it was answered or refused here. */
static struct peer *check_command(struct router *r, struct peer *p, const char *line, size_t len,
				  const struct head *h)
{
	struct record rec;
	struct err err;
	const char *kind;
	struct peer *to = NULL;

	if (record_parse(line, len, &rec, &err) < 0) {
		refuse(r, p, h, err.msg);
		return NULL;
	}
	kind = json_str(record_get(&rec, "kind"));
	if (!kind || !h->to.len || !json_str(record_get(&rec, "id")))
		refuse(r, p, h, "a command needs \"to\" in its head, \"id\" and \"kind\"");
	else if (!rights_command(&r->rights, p->service, h->to, (struct slice){kind, strlen(kind)}))
		refuse(r, p, h, "this service may not command that");
	else if (!(to = addressee(r, h->to)) && !p->resending)
		unreachable(r, p, &rec);
	record_release(&rec);
	return to;
}

/* ---- a line of a peer ---- */

static void control(struct router *r, struct peer *p, const char *line, size_t len)
{
	struct topics topics;
	struct err err;
	jv v;

	if (json_parse(line, len, &v, &err) < 0) {
		log_warning("%s: %s", p->service, err.msg);
		return;
	}
	if (json_str(json_get(v, "subscribe"))) {
		if (topics_parse(json_str(json_get(v, "subscribe")), &topics, &err) < 0)
			log_warning("%s: subscribe: %s", p->service, err.msg);
		else
			peer_subscribe(p, &topics);
		if (!p->joined && strcmp(p->service, "tap") != 0)
			say_peer(r, "joined", p->service);
		p->joined = true;
	}
	if (!json_absent(json_get(v, "resend")))
		p->resending = json_bool(json_get(v, "resend"), false);
	json_free(v);
}

/* The index of a type that @p may write; -1: it may not. Only such types get an index, or any peer
 * could use all of them up. */
static int writable_type(struct router *r, struct peer *p, struct slice name)
{
	int type = known_type(r, name);

	if (type < 0 && rights_type(&r->rights, p->service, name))
		type = router_type_index(r, name);
	if (type < 0)
		return -1;
	if (p->may[type] == 0xff)
		p->may[type] = rights_type(&r->rights, p->service, name);
	return p->may[type] ? type : -1;
}

void router_take(struct router *r, struct peer *p, const char *line, size_t len)
{
	struct ring_entry e;
	struct peer *to;
	struct head h;
	struct err err;
	int type;

	if (strncmp(line, "{\"subscribe\":", 13) == 0 || strncmp(line, "{\"resend\":", 10) == 0) {
		control(r, p, line, len);
		return;
	}
	if (head_scan(line, len, &h, &err) < 0) {
		p->bad++;
		if (complain(p))
			log_warning("%s line %llu: not a record: %s; skipped", p->service,
				    (unsigned long long)p->lines.number, err.msg);
		return;
	}
	if (!rights_src(p->service, h.src)) {
		refuse(r, p, &h, "src is not this service's name");
		return;
	}
	if ((type = writable_type(r, p, h.type)) < 0) {
		refuse(r, p, &h, "this service may not write this type");
		return;
	}
	e = (struct ring_entry){.type = (uint16_t)type, .only = -1, .resent = p->resending};
	if (find_place(r, p, &h, &e) < 0) {
		refuse(r, p, &h, "this service has as many states as are kept for one");
		return;
	}
	if (slice_is(h.type, "command")) {
		to = check_command(r, p, line, len, &h);
		if (!to && !p->resending)
			return;
		e.only = to ? to->id : -1;
	} else if (slice_is(h.type, "reply") && h.to.len) {
		to = addressee(r, h.to);
		e.service = to ? to->service : NULL;
	}
	publish(r, line, len, e);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct peer *p = ctx;

	if (line) {
		router_take(p->router, p, line, len);
		return;
	}
	p->bad++;
	if (complain(p))
		log_warning(
		    "%s line %llu: %s; skipped", p->service, (unsigned long long)p->lines.number,
		    len >= NDJSON_LINE_MAX ? "longer than 65536 bytes" : "no newline at the end");
}

void peer_readable(struct peer *p)
{
	struct router *r = p->router;
	size_t most = r->ring.size / 8;
	long n = lines_read(&p->lines, p->fd, on_line, p);

	if (n < 0 && errno == EAGAIN)
		return;
	for (size_t sum = (size_t)n; n >= FLOOD && sum < most; sum += (size_t)n)
		n = lines_read(&p->lines, p->fd, on_line, p);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		p->dead = true;
	flush_all(r);
}

static void on_readable(void *ctx, int fd, short revents)
{
	(void)fd, (void)revents;
	peer_readable(ctx);
}

/* ---- sockets ---- */

static int connections(const struct router *r, const char *service)
{
	int count = 0;

	for (int i = 0; i < r->peer_end; i++)
		count += r->peer[i] && strcmp(r->peer[i]->service, service) == 0;
	return count;
}

static void on_accept(void *ctx, int fd, short revents)
{
	struct service *s = ctx;
	struct ucred cred;
	socklen_t len = sizeof cred;
	struct peer *p;
	int peer_fd;

	(void)revents;
	peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer_fd < 0)
		return;
	if (getsockopt(peer_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    !rights_user(&s->router->rights, s->name, cred.uid)) {
		log_warning("%s: refused a connection of user %u", s->name, (unsigned)cred.uid);
		close(peer_fd);
		return;
	}
	p = connections(s->router, s->name) < ROUTER_SERVICE_PEERS
		? peer_new(s->router, peer_fd, s->name)
		: NULL;
	if (!p || loop_watch(s->router->loop, peer_fd, POLLIN, on_readable, p) < 0) {
		log_error("%s: no room for another connection (at most %d of one service, %d of "
			  "all)",
			  s->name, ROUTER_SERVICE_PEERS, ROUTER_PEERS);
		if (p)
			peer_free(p);
		else
			close(peer_fd);
	}
}

static int open_service(struct router *r, struct service *s, const char *dir, const char *name,
			struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%s/%s.sock", dir, name);

	if (n < 0 || (size_t)n >= sizeof sa.sun_path || strlen(name) >= sizeof s->name)
		return err_set(err, "%s/%s.sock: longer than a socket's name may be", dir, name);
	snprintf(s->name, sizeof s->name, "%s", name);
	s->router = r;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(sa.sun_path);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
	    chmod(sa.sun_path, 0660) < 0 || listen(s->fd, 64) < 0)
		return err_sys(err, "unable to listen on %s", sa.sun_path);
	return loop_watch(r->loop, s->fd, POLLIN, on_accept, s);
}

int router_open(struct router *r, struct loop *loop, const char *dir, const char *const *names,
		size_t count, size_t ring_bytes, struct err *err)
{
	r->loop = loop;
	keep_init(&r->keep, ROUTER_KEYS);
	out_init(&r->out, -1, NULL, "bus", loop_now(loop));
	r->service = calloc(count ? count : 1, sizeof *r->service);
	if (!r->service || ring_init(&r->ring, ring_bytes) < 0)
		return err_set(err, "out of memory for a ring of %zu bytes", ring_bytes);
	for (; r->nservices < count; r->nservices++)
		if (open_service(r, &r->service[r->nservices], dir, names[r->nservices], err) < 0)
			return -1;
	return 0;
}

void router_close(struct router *r, const char *dir)
{
	char path[256];

	for (int i = 0; i < r->peer_end; i++)
		if (r->peer[i])
			peer_free(r->peer[i]);
	for (size_t i = 0; i < r->nservices; i++) {
		loop_unwatch(r->loop, r->service[i].fd);
		close(r->service[i].fd);
		snprintf(path, sizeof path, "%s/%s.sock", dir, r->service[i].name);
		unlink(path);
	}
	free(r->service);
	ring_release(&r->ring);
	keep_release(&r->keep);
	rights_release(&r->rights);
	out_release(&r->out);
}
