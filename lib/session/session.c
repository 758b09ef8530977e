#include "session/session.h"
#include "session/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A meter's noise, or a car's heater relay, is no energy transfer. */
#define LEAST_CURRENT_A 0.5

void session_conf_init(struct session_conf *c)
{
	memset(c, 0, sizeof *c);
	c->evses = 1;
	c->plug_ms = 60000;
	c->ask_ms = 5000;
	c->reading_ms = 3000;
	c->open_ms = 10000;
	c->settle_ms = 10000;
	c->repeat_ms = 2000;
}

/* ---- small things ---- */

void session_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static void new_uuid(struct sessions *s, char out[SESSION_ID_MAX])
{
	uint64_t a = draw(&s->random), b = draw(&s->random);

	snprintf(out, SESSION_ID_MAX, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
		 (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
		 (unsigned long long)(b & 0xffffffffffffU));
}

struct session *session_get(struct sessions *s, int evse)
{
	return evse >= 1 && evse <= s->conf.evses ? &s->evse[evse - 1] : NULL;
}

static int number_of(const struct sessions *s, const struct session *x)
{
	return (int)(x - s->evse) + 1;
}

struct session_action *session_act(struct sessions *s, struct session *x,
				   enum session_action_kind kind)
{
	struct session_action *a;

	if (s->queued == SESSION_ACTIONS_MAX)
		s->queued--; /* can't be: one input makes a dozen at most */
	a = &s->queue[s->queued++];
	memset(a, 0, sizeof *a);
	a->kind = kind;
	a->evse = number_of(s, x);
	a->stored = x->now;
	return a;
}

static void say(struct sessions *s, struct session *x, enum session_edge edge,
		const struct session_reading *r, const struct session_now *now)
{
	struct session_action *a = session_act(s, x, SESSION_SAY_SESSION);

	a->edge = edge;
	a->edge_ms = now->wall_ms;
	if (r)
		a->reading = *r;
	x->dirty = true;
}

void session_say_auth(struct sessions *s, struct session *x, const struct session_token *t,
		      const struct session_auth *auth)
{
	struct session_action *a = session_act(s, x, SESSION_SAY_AUTH);

	a->token = *t;
	a->auth = *auth;
	x->dirty = true;
}

static bool plugged(const struct session *x)
{
	return x->pilot_known &&
	       (x->pilot.state == 'B' || x->pilot.state == 'C' || x->pilot.state == 'D');
}

static void forget_waiting(struct session *x)
{
	x->asking = SESSION_ASK_NONE;
	x->read_id[0] = 0;
	x->plug_until_ms = x->open_until_ms = x->settle_until_ms = SESSION_NEVER;
}

void sessions_init(struct sessions *s, const struct session_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->conf = *conf;
	s->random = conf->seed;
	for (int i = 0; i < SESSION_EVSES_MAX; i++)
		forget_waiting(&s->evse[i]);
}

bool session_restore(struct sessions *s, int evse, const struct session_stored *stored,
		     const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (!x)
		return false;
	x->now = *stored;
	if (x->now.id[0] && x->now.authorized && !x->now.connected)
		x->plug_until_ms = now->mono_ms + s->conf.plug_ms;
	if (x->now.stopping)
		x->open_until_ms = now->mono_ms + s->conf.open_ms;
	return true;
}

void session_announce(struct sessions *s, int evse, const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (x && !x->now.id[0])
		say(s, x, SESSION_EDGE_NONE, NULL, now);
}

/* ---- the steps of a session ---- */

static void begin_session(struct sessions *s, struct session *x)
{
	memset(&x->now, 0, sizeof x->now);
	new_uuid(s, x->now.id);
	x->dirty = true;
}

static void ask_reading(struct sessions *s, struct session *x, const char *context,
			const struct session_now *now)
{
	struct session_action *a = session_act(s, x, SESSION_DO_READING);

	snprintf(x->read_id, sizeof x->read_id, "%s.r%llu", s->conf.epoch,
		 (unsigned long long)++s->ids);
	session_copy(a->id, sizeof a->id, x->read_id);
	a->context = context;
	x->read_until_ms = now->mono_ms + s->conf.reading_ms;
}

void session_set_authorized(struct sessions *s, struct session *x, const struct session_token *t,
			    const struct session_auth *auth, const struct session_now *now)
{
	if (!x->now.id[0])
		begin_session(s, x);
	x->now.authorized = true;
	x->now.state = SESSION_AUTHORIZED;
	x->now.auth = *auth;
	session_copy(x->now.id_hash, sizeof x->now.id_hash, t->id_hash);
	session_copy(x->now.kind, sizeof x->now.kind, t->kind);
	x->now.has_remote_start = t->has_remote_start;
	x->now.remote_start_id = t->remote_start_id;
	session_say_auth(s, x, t, auth);
	say(s, x, SESSION_EDGE_AUTHORIZED, NULL, now);
	if (!x->now.connected)
		x->plug_until_ms = now->mono_ms + s->conf.plug_ms;
}

/* Energy is no longer allowed. What follows (opening, reading, leaving) is session_advance()'s. */
void session_begin_stop(struct sessions *s, struct session *x, const char *reason,
			const struct session_now *now)
{
	x->now.allow = false;
	x->now.stopping = true;
	x->now.state = SESSION_FINISHING;
	session_copy(x->now.reason, sizeof x->now.reason, reason);
	x->plug_until_ms = x->settle_until_ms = SESSION_NEVER;
	x->open_until_ms = now->mono_ms + s->conf.open_ms;
	x->asking = SESSION_ASK_NONE;
	if (!x->now.begun)
		x->read_id[0] = 0; /* a begin reading that comes now is of no use */
	say(s, x, SESSION_EDGE_DEAUTHORIZED, NULL, now);
}

void session_end(struct sessions *s, struct session *x, const struct session_now *now)
{
	x->now.state = SESSION_ENDED;
	x->now.connected = false;
	x->now.allow = false;
	say(s, x, SESSION_EDGE_DEPARTED, NULL, now);
	memset(&x->now, 0, sizeof x->now);
	forget_waiting(x);
}

static void take_begin(struct sessions *s, struct session *x, const struct session_reading *r,
		       const struct session_now *now)
{
	x->read_id[0] = 0;
	x->now.begun = true;
	x->now.begin = *r;
	x->now.allow = true;
	x->settle_until_ms = now->mono_ms + s->conf.settle_ms;
	say(s, x, SESSION_EDGE_SIGNED, r, now);
}

static void take_end(struct sessions *s, struct session *x, const struct session_reading *r,
		     const struct session_now *now)
{
	x->read_id[0] = 0;
	x->now.end_read = true;
	say(s, x, SESSION_EDGE_PATH_OPEN, r, now);
}

static void suspend(struct sessions *s, struct session *x, const struct session_now *now)
{
	bool by_ev = x->pilot.pwm;

	x->now.state = by_ev ? SESSION_SUSPENDED_EV : SESSION_SUSPENDED_EVSE;
	x->settle_until_ms = SESSION_NEVER;
	say(s, x, by_ev ? SESSION_EDGE_SUSPENDED_EV : SESSION_EDGE_SUSPENDED_EVSE, NULL, now);
}

/* Contactor and current against what was last said. */
static void follow_path(struct sessions *s, struct session *x, const struct session_now *now)
{
	bool flowing = x->pilot.closed && (!x->meter_known || x->current_a >= LEAST_CURRENT_A);
	bool suspended =
	    x->now.state == SESSION_SUSPENDED_EV || x->now.state == SESSION_SUSPENDED_EVSE;

	if (x->pilot.closed && !x->now.closed && !x->now.stopping) {
		x->now.closed = true;
		x->settle_until_ms = now->mono_ms + s->conf.settle_ms;
		say(s, x, SESSION_EDGE_PATH_CLOSED, NULL, now);
	}
	if (flowing && x->now.closed && !x->now.energy && !x->now.stopping) {
		x->now.energy = true;
		x->now.state = SESSION_CHARGING;
		x->settle_until_ms = SESSION_NEVER;
		say(s, x, SESSION_EDGE_ENERGY_ON, NULL, now);
	}
	if (x->pilot.closed)
		return;
	if (x->now.energy) {
		x->now.energy = false;
		say(s, x, SESSION_EDGE_ENERGY_OFF, NULL, now);
	}
	if (x->now.closed) {
		x->now.closed = false;
		x->dirty = true;
		if (!x->now.stopping)
			suspend(s, x, now);
	} else if (suspended && !x->now.stopping &&
		   x->pilot.pwm != (x->now.state == SESSION_SUSPENDED_EV)) {
		suspend(s, x, now); /* the other side now holds it back */
	}
}

void session_follow_plug(struct sessions *s, struct session *x, const struct session_now *now)
{
	if (plugged(x) && !x->now.connected) {
		if (!x->now.id[0])
			begin_session(s, x);
		x->now.connected = true;
		x->plug_until_ms = SESSION_NEVER;
		if (!x->now.authorized)
			x->now.state = SESSION_CONNECTED;
		say(s, x, SESSION_EDGE_CONNECTED, NULL, now);
	}
	if (x->pilot_known && x->pilot.state == 'A' && x->now.connected && !x->now.stopping) {
		if (x->now.authorized)
			session_begin_stop(s, x, "EVDisconnected", now);
		else
			session_end(s, x, now);
	}
}

static void vend_free(struct sessions *s, struct session *x, const struct session_now *now)
{
	struct session_token t = {.kind = "NoAuthorization"};
	struct session_auth a = {.verdict = "Accepted", .by = "free"};

	if (s->conf.free && !s->conf.ocpp && !x->inoperative && !x->pilot.fault_reason)
		session_set_authorized(s, x, &t, &a, now);
}

/* After a stop: contactor open, end reading, car away. */
static void follow_end(struct sessions *s, struct session *x, const struct session_now *now)
{
	bool open = !x->pilot.closed || now->mono_ms >= x->open_until_ms;
	bool away = !x->now.connected || (x->pilot_known && x->pilot.state == 'A');

	if (x->now.begun && !x->now.end_read) {
		if (open && !x->read_id[0])
			ask_reading(s, x, "Transaction.End", now);
		return;
	}
	if (away && open)
		session_end(s, x, now);
}

static const char *limit_reached(const struct session *x, const struct session_now *now)
{
	const struct session_auth *a = &x->now.auth;

	if (a->stop_ms && now->wall_ms >= a->stop_ms)
		return "TimeLimitReached";
	if (a->energy_max_wh > 0 && x->now.begun && x->now.begin.have && x->meter_known &&
	    x->import_wh - x->now.begin.import_wh >= a->energy_max_wh)
		return "EnergyLimitReached";
	return NULL;
}

/* Bring the session as far as what is known allows. */
void session_advance(struct sessions *s, struct session *x, const struct session_now *now)
{
	const char *reason;

	session_follow_plug(s, x, now);
	if (!x->now.id[0])
		return;
	if (x->now.connected && !x->now.authorized && !x->now.stopping)
		vend_free(s, x, now);
	if (x->now.authorized && !x->now.stopping) {
		reason = x->pilot.fault_reason ? x->pilot.fault_reason : limit_reached(x, now);
		if (reason)
			session_begin_stop(s, x, reason, now);
	}
	if (x->now.authorized && x->now.connected && !x->now.begun && !x->now.stopping &&
	    !x->read_id[0])
		ask_reading(s, x, "Transaction.Begin", now);
	if (x->now.begun && x->pilot_known)
		follow_path(s, x, now);
	if (x->now.stopping && x->pilot_known)
		follow_end(s, x, now);
}

/* ---- inputs ---- */

bool session_on_pilot(struct sessions *s, int evse, const struct session_pilot *p,
		      const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (!x)
		return false;
	x->pilot = *p;
	x->pilot_known = true;
	session_advance(s, x, now);
	return true;
}

bool session_on_meter(struct sessions *s, int evse, double import_wh, const char *import_register,
		      double current_a, const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (!x)
		return false;
	/* The counter only falls where the meter was exchanged or reset: what was used before
	 * still counts against the limit. */
	if (x->meter_known && import_wh < x->import_wh && x->now.begun && x->now.begin.have) {
		x->now.begin.import_wh -= x->import_wh - import_wh;
		x->dirty = true;
	}
	x->meter_known = true;
	x->import_wh = import_wh;
	x->current_a = current_a;
	session_copy(x->import_register, sizeof x->import_register, import_register);
	session_advance(s, x, now);
	return true;
}

bool session_on_availability(struct sessions *s, int evse, bool operative,
			     const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (!x)
		return false;
	x->inoperative = !operative;
	session_advance(s, x, now);
	return true;
}

/* What the edge says where the reading can't be had: the last known value, flagged. */
static struct session_reading last_known(const struct session *x)
{
	struct session_reading r = {.have = x->meter_known, .flagged = true};

	r.import_wh = x->import_wh;
	session_copy(r.import_register, sizeof r.import_register, x->import_register);
	return r;
}

static void take_reading(struct sessions *s, struct session *x, const struct session_reading *r,
			 const struct session_now *now)
{
	if (x->now.begun)
		take_end(s, x, r, now);
	else
		take_begin(s, x, r, now);
	session_advance(s, x, now);
}

bool session_on_reading(struct sessions *s, const char *read_id, const struct session_reading *r,
			const struct session_now *now)
{
	for (int i = 0; i < s->conf.evses; i++) {
		struct session *x = &s->evse[i];
		struct session_reading known;

		if (!x->read_id[0] || strcmp(x->read_id, read_id) != 0)
			continue;
		known = last_known(x);
		take_reading(s, x, r ? r : &known, now);
		return true;
	}
	return false;
}

bool session_stop(struct sessions *s, int evse, const char *id, const char *reason,
		  const struct session_now *now)
{
	for (int i = 0; i < s->conf.evses; i++) {
		struct session *x = &s->evse[i];

		if (!x->now.authorized || x->now.stopping || (evse && evse != i + 1) ||
		    (id[0] && strcmp(id, x->now.id) != 0) || (!evse && !id[0]))
			continue;
		session_begin_stop(s, x, reason, now);
		session_advance(s, x, now);
		return true;
	}
	return false;
}

void session_on_time(struct sessions *s, int evse, const struct session_now *now)
{
	struct session *x = session_get(s, evse);

	if (!x)
		return;
	if (x->asking != SESSION_ASK_NONE && now->mono_ms >= x->ask_until_ms)
		session_settle(s, x, &x->fallback, now);
	if (x->read_id[0] && now->mono_ms >= x->read_until_ms) {
		struct session_reading known = last_known(x);

		take_reading(s, x, &known, now);
	}
	if (now->mono_ms >= x->plug_until_ms) {
		session_begin_stop(s, x, "Timeout", now);
		x->open_until_ms = now->mono_ms;
		session_end(s, x, now);
	}
	if (now->mono_ms >= x->settle_until_ms) {
		x->settle_until_ms = SESSION_NEVER;
		if (x->pilot_known && !x->now.energy)
			suspend(s, x, now);
	}
	session_advance(s, x, now);
}

int64_t session_next_ms(const struct sessions *s, int evse, const struct session_now *now)
{
	const struct session *x = &s->evse[evse - 1];
	int64_t next = x->asking != SESSION_ASK_NONE ? x->ask_until_ms : SESSION_NEVER;
	int64_t stop = x->now.auth.stop_ms;

	if (x->read_id[0] && x->read_until_ms < next)
		next = x->read_until_ms;
	if (x->plug_until_ms < next)
		next = x->plug_until_ms;
	if (x->settle_until_ms < next)
		next = x->settle_until_ms;
	if (x->now.stopping && x->pilot.closed && x->open_until_ms > now->mono_ms &&
	    x->open_until_ms < next)
		next = x->open_until_ms;
	if (stop && x->now.authorized && !x->now.stopping &&
	    now->mono_ms + (stop - now->wall_ms) < next)
		next = now->mono_ms + (stop - now->wall_ms);
	return next;
}
