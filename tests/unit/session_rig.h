/* Pilots, tokens and readings for the core, and what it says to them as words. */
#ifndef SESSION_RIG_H
#define SESSION_RIG_H

#include "harness.h"
#include "session/session.h"

static struct sessions s;
static struct session_now now;
/* What came out since the last look, as words: "connected authorize reading:Transaction.Begin …".
 */
static char said[4096];
static char last_id[SESSION_ID_MAX];
static struct session_stored last;
static struct session_reading last_reading;
static struct session_auth last_auth;

static void add(const char *word, const char *more)
{
	size_t at = strlen(said);

	snprintf(said + at, sizeof said - at, "%s%s%s", at ? " " : "", word, more);
}

static void drain(void)
{
	for (size_t i = 0; i < s.queued; i++) {
		const struct session_action *a = &s.queue[i];

		switch (a->kind) {
		case SESSION_SAY_SESSION:
			add(a->edge ? session_edge_word(a->edge) : "idle", "");
			last = a->stored;
			if (a->reading.have || a->reading.flagged)
				last_reading = a->reading;
			break;
		case SESSION_SAY_AUTH:
			add("auth:", a->auth.verdict);
			last_auth = a->auth;
			break;
		case SESSION_DO_AUTHORIZE:
			add("authorize", "");
			snprintf(last_id, sizeof last_id, "%s", a->id);
			break;
		case SESSION_DO_READING:
			add("reading:", a->context + strlen("Transaction."));
			snprintf(last_id, sizeof last_id, "%s", a->id);
			break;
		}
	}
	s.queued = 0;
}

#define SAID(want)                     \
	do {                           \
		drain();               \
		CHECK_STR(said, want); \
		said[0] = 0;           \
	} while (0)

static struct session_conf conf_of(int evses)
{
	struct session_conf c;

	session_conf_init(&c);
	c.evses = evses;
	c.seed = 1;
	snprintf(c.epoch, sizeof c.epoch, "e");
	return c;
}

static void begin(const struct session_conf *c)
{
	sessions_init(&s, c);
	now = (struct session_now){1000, 1000000};
	said[0] = 0;
}

static void pilot(int evse, const char *state, bool closed)
{
	struct session_pilot p = {.state = state[0], .pwm = state[1] == '2', .closed = closed};

	session_on_pilot(&s, evse, &p, &now);
}

static inline void fault(const char *reason)
{
	struct session_pilot p = {.state = 'F', .fault_reason = reason};

	session_on_pilot(&s, 1, &p, &now);
}

static const char *token(int evse, const char *hash, const char *verdict, const char *group)
{
	struct session_token t = {.kind = "ISO14443"};
	struct session_auth local = {.by = "list"};

	snprintf(t.id, sizeof t.id, "clear-%s", hash);
	snprintf(t.id_hash, sizeof t.id_hash, "%s", hash);
	snprintf(local.verdict, sizeof local.verdict, "%s", verdict);
	snprintf(local.group_hash, sizeof local.group_hash, "%s", group);
	return session_on_token(&s, evse, &t, &local, &now);
}

static void read_back(double wh)
{
	struct session_reading r = {.have = true, .import_wh = wh};

	drain();
	session_on_reading(&s, last_id, &r, &now);
}

static void pass(int64_t ms)
{
	now.mono_ms += ms;
	now.wall_ms += ms;
	for (int i = 1; i <= s.conf.evses; i++)
		session_on_time(&s, i, &now);
}

static void charge(void)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "g");
	read_back(100);
	pilot(1, "C2", true);
	drain();
	said[0] = 0;
}

static inline void restart(void)
{
	struct session_stored kept[SESSION_EVSES_MAX];
	struct session_conf c = s.conf;

	for (int i = 0; i < c.evses; i++)
		kept[i] = s.evse[i].now;
	c.seed = s.random + 99;
	snprintf(c.epoch, sizeof c.epoch, "e%d", rand());
	sessions_init(&s, &c);
	for (int i = 0; i < c.evses; i++)
		session_restore(&s, i + 1, &kept[i], &now);
}

#endif
