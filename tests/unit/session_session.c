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

static void fault(const char *reason)
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

TEST(a_whole_session_in_order)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	session_announce(&s, 1, &now);
	SAID("idle");
	pilot(1, "A1", false);
	SAID("");
	pilot(1, "B1", false);
	SAID("connected");
	CHECK(!last.allow);
	CHECK(token(1, "a", "Accepted", "") == NULL);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK(!last.allow); /* the begin reading precedes closing */
	read_back(1234);
	SAID("signed");
	CHECK(last.allow);
	CHECK_NUM(last_reading.import_wh, 1234, 0);
	pilot(1, "C2", true);
	SAID("path_closed energy_on");
	CHECK_INT(last.state, SESSION_CHARGING);
	pass(5000);
	CHECK(token(1, "a", "Unknown", "") == NULL); /* the same token stops without a question */
	SAID("deauthorized");
	CHECK(!last.allow);
	CHECK_STR(last.reason, "Local");
	pilot(1, "B1", false);
	SAID("energy_off reading:End"); /* the end reading follows opening */
	read_back(2234);
	SAID("path_open");
	CHECK_INT(last.state, SESSION_FINISHING);
	pilot(1, "A1", false);
	SAID("departed");
	CHECK_INT(last.state, SESSION_ENDED);
	CHECK(session_next_ms(&s, 1, &now) == SESSION_NEVER);
}

TEST(token_before_plug_and_its_time_out)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	token(1, "a", "Accepted", "");
	SAID("auth:Accepted authorized");
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 60000);
	pilot(1, "B1", false);
	SAID("connected reading:Begin");
	begin(&c);
	token(1, "a", "Accepted", "");
	drain();
	said[0] = 0;
	pass(59999);
	SAID("");
	pass(1);
	SAID("deauthorized departed");
	CHECK_STR(last.reason, "Timeout");
}

TEST(readings_that_do_not_come_are_flagged_after_three_seconds)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	session_on_meter(&s, 1, 777, "777.0", 0, &now);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	SAID("connected auth:Accepted authorized reading:Begin");
	pass(2999);
	SAID("");
	pass(1);
	SAID("signed");
	CHECK(last_reading.flagged && last_reading.have);
	CHECK_NUM(last_reading.import_wh, 777, 0);
	CHECK_STR(last_reading.import_register, "777.0");
	session_stop(&s, 1, "", "Remote", &now);
	SAID("deauthorized reading:End");
	session_on_reading(&s, last_id, NULL, &now); /* there is no such meter */
	SAID("path_open");
	CHECK(last_reading.flagged);
	CHECK(!session_on_reading(&s, last_id, NULL, &now));
}

TEST(current_tells_energy_where_there_is_a_meter)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	read_back(0);
	session_on_meter(&s, 1, 0, "", 0, &now);
	drain();
	said[0] = 0;
	pilot(1, "C2", true);
	SAID("path_closed");
	session_on_meter(&s, 1, 1, "", 9.8, &now);
	SAID("energy_on");
	pilot(1, "B2", false); /* the car pauses */
	SAID("energy_off suspended_ev");
	pilot(1, "B1", false); /* now we hold it back */
	SAID("suspended_evse");
	pilot(1, "C2", true);
	SAID("path_closed energy_on");
	pilot(1, "C1", false);
	SAID("energy_off suspended_evse");
}

TEST(a_car_that_does_not_close_is_suspended_after_a_while)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	read_back(0);
	pilot(1, "B2", false);
	drain();
	said[0] = 0;
	pass(10000);
	SAID("suspended_ev");
	pass(10000);
	SAID("");
}

TEST(unplugging_ends_the_session)
{
	charge();
	pilot(1, "A2", true); /* the contactor follows within its time */
	SAID("deauthorized");
	CHECK_STR(last.reason, "EVDisconnected");
	pilot(1, "A1", false);
	SAID("energy_off reading:End");
	read_back(5);
	SAID("path_open departed");
}

TEST(a_contactor_that_stays_closed_does_not_hold_the_end_for_ever)
{
	charge();
	session_stop(&s, 1, "", "Remote", &now);
	SAID("deauthorized");
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 10000);
	pass(10000);
	SAID("reading:End");
}

TEST(faults_end_the_session_with_their_reason)
{
	charge();
	fault("GroundFault");
	SAID("deauthorized energy_off reading:End");
	CHECK_STR(last.reason, "GroundFault");
	read_back(1);
	SAID("path_open");
	CHECK_STR(token(1, "b", "Accepted", ""), "inoperative");
	pilot(1, "B1", false);
	CHECK(token(1, "c", "Accepted", "") == NULL);
	SAID("departed connected auth:Accepted authorized reading:Begin");
}

TEST(bounds_of_the_authorisation_end_it)
{
	struct session_conf c = conf_of(1);
	struct session_auth a = {
	    .verdict = "Accepted", .by = "ocpp", .stop_ms = 1060000, .energy_max_wh = 500};

	c.ocpp = true;
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	SAID("connected authorize");
	CHECK(session_on_verdict(&s, last_id, &a, &now));
	read_back(1000);
	pilot(1, "C2", true);
	drain();
	said[0] = 0;
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 60000);
	session_on_meter(&s, 1, 1499, "", 10, &now);
	SAID("");
	session_on_meter(&s, 1, 1500, "", 10, &now);
	SAID("deauthorized");
	CHECK_STR(last.reason, "EnergyLimitReached");
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	drain();
	session_on_verdict(&s, last_id, &a, &now);
	drain();
	said[0] = 0;
	now.mono_ms += 60000;
	now.wall_ms += 60000;
	session_on_meter(&s, 1, 0, "", 0, &now);
	SAID("deauthorized");
	CHECK_STR(last.reason, "TimeLimitReached");
}

TEST(an_unreachable_back_office_leaves_the_own_list)
{
	struct session_conf c = conf_of(1);

	c.ocpp = true;
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	SAID("connected authorize");
	CHECK_STR(token(1, "b", "Accepted", ""), "busy");
	pass(5000);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK_STR(last_auth.by, "list");
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Unknown", "");
	drain();
	CHECK(!session_on_verdict(&s, "other", NULL, &now));
	CHECK(session_on_verdict(&s, last_id, NULL, &now));
	SAID("connected authorize auth:Unknown");
	CHECK_INT(last.state, SESSION_CONNECTED);
	pass(3000);
	CHECK(token(1, "a", "Unknown", "") == NULL); /* may try again */
	SAID("authorize");
}

TEST(the_back_office_may_have_authorised_already)
{
	struct session_conf c = conf_of(1);
	struct session_token t = {.id_hash = "r",
				  .kind = "Central",
				  .authorized = true,
				  .has_remote_start = true,
				  .remote_start_id = 77};
	struct session_auth none = {.verdict = "Unknown"};

	c.ocpp = true;
	begin(&c);
	CHECK(session_on_token(&s, 1, &t, &none, &now) == NULL);
	SAID("auth:Accepted authorized");
	CHECK(last.has_remote_start && last.remote_start_id == 77);
	CHECK_STR(last_auth.by, "ocpp");
	pass(3000);
	CHECK_STR(session_on_token(&s, 1, &t, &none, &now), "busy");
}

TEST(only_the_same_token_or_its_group_stops)
{
	charge();
	pass(5000);
	CHECK(token(1, "b", "Accepted", "other") == NULL);
	SAID("auth:ConcurrentTx");
	CHECK(token(1, "c", "Invalid", "g") == NULL);
	SAID("auth:Invalid");
	CHECK(token(1, "d", "Accepted", "g") == NULL);
	SAID("auth:Accepted deauthorized");
	CHECK_STR(last.reason, "Local");
	CHECK_STR(token(1, "a", "Accepted", "g"), "busy");
}

TEST(a_card_held_on_is_one_swipe)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	pass(1500);
	CHECK_STR(token(1, "a", "Accepted", ""), "repeat");
	pass(1500);
	CHECK_STR(token(1, "a", "Accepted", ""), "repeat");
	pass(2000);
	drain();
	said[0] = 0;
	CHECK(token(1, "a", "Accepted", "") == NULL);
	SAID("deauthorized reading:End");
}

TEST(stopped_before_the_begin_reading_needs_no_end_reading)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	drain();
	said[0] = 0;
	CHECK(session_stop(&s, 0, s.evse[0].now.id, "Remote", &now));
	SAID("deauthorized");
	CHECK(!session_on_reading(&s, last_id, NULL, &now));
	pass(20000);
	SAID("");
	CHECK(token(1, "b", "Accepted", "") == NULL);
	SAID("departed connected auth:Accepted authorized reading:Begin");
	CHECK(!session_stop(&s, 2, "", "Remote", &now));
	CHECK(!session_stop(&s, 0, "", "Remote", &now));
	CHECK(!session_stop(&s, 0, "nobody", "Remote", &now));
}

TEST(free_vending_needs_no_token)
{
	struct session_conf c = conf_of(1);

	c.free = true;
	begin(&c);
	session_on_availability(&s, 1, false, &now);
	pilot(1, "B1", false);
	SAID("connected");
	CHECK_STR(token(1, "a", "Accepted", ""), "inoperative");
	session_on_availability(&s, 1, true, &now);
	SAID("auth:Accepted authorized reading:Begin");
	CHECK_STR(last_auth.by, "free");
	CHECK(!session_on_availability(&s, 9, true, &now));
	CHECK(!session_on_meter(&s, 9, 0, "", 0, &now));
}

TEST(a_reader_for_several_finds_the_waiting_car)
{
	struct session_conf c = conf_of(3);

	begin(&c);
	CHECK_STR(token(0, "a", "Accepted", ""), "no_evse");
	pilot(2, "B1", false);
	CHECK_INT(session_place(&s, "a"), 2);
	token(0, "a", "Accepted", "");
	drain();
	CHECK_INT(session_place(&s, "a"), 2); /* its own session */
	pilot(1, "B1", false);
	CHECK_INT(session_place(&s, "a"), 1); /* a car that waits goes first */
	token(1, "b", "Accepted", "");
	drain();
	CHECK_INT(session_place(&s, "x"), 3); /* the only idle one */
}

TEST(words_both_ways)
{
	for (enum session_state st = 0; st < SESSION_STATES; st++)
		CHECK_INT(session_state_of(session_state_word(st)), st);
	CHECK_INT(session_state_of("nonsense"), SESSION_STATES);
}

/* ---- restart ---- */

static void restart(void)
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

TEST(after_a_restart_the_session_goes_on_under_its_id)
{
	char id[SESSION_ID_MAX];

	charge();
	snprintf(id, sizeof id, "%s", s.evse[0].now.id);
	restart();
	pilot(1, "C2", true);
	SAID("");
	CHECK_STR(s.evse[0].now.id, id);
	CHECK(s.evse[0].now.allow);
	pass(5000);
	token(1, "a", "Accepted", "");
	SAID("deauthorized");
	restart();
	pilot(1, "B1", false);
	SAID("energy_off reading:End");
	restart(); /* the answer goes to nobody: asked anew */
	pilot(1, "B1", false);
	SAID("reading:End");
	read_back(9);
	SAID("path_open");
	restart();
	pilot(1, "A1", false);
	SAID("departed");
}

TEST(what_was_waited_for_is_waited_for_anew)
{
	struct session_conf c = conf_of(1);

	begin(&c);
	token(1, "a", "Accepted", "");
	drain();
	said[0] = 0;
	pass(50000);
	restart();
	CHECK_INT(session_next_ms(&s, 1, &now), now.mono_ms + 60000);
	pass(60000);
	SAID("deauthorized departed");
	/* The begin reading comes before the pilot has spoken: nothing to suspend, no timer left
	 * over. */
	begin(&c);
	pilot(1, "B1", false);
	token(1, "a", "Accepted", "");
	drain();
	restart();
	said[0] = 0;
	pass(1);
	SAID("reading:Begin");
	read_back(3);
	SAID("signed");
	pass(10000);
	CHECK(session_next_ms(&s, 1, &now) == SESSION_NEVER);
	SAID("");
}

TEST(a_car_that_left_while_nobody_looked)
{
	charge();
	restart();
	pilot(1, "A1", false);
	SAID("deauthorized energy_off reading:End");
	CHECK_STR(last.reason, "EVDisconnected");
}

/* Random events on two EVSEs, restarts among them. What came out is judged as a reader would. */
struct seen {
	char id[SESSION_ID_MAX];
	bool edge[SESSION_EDGES];
	bool over;
};

static unsigned long seed = 7;

static unsigned random_to(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

static struct seen seen[3];
static bool contactor[3];
static char open_id[3][SESSION_ID_MAX];

static void judge_edge(const struct session_action *a, unsigned long at)
{
	struct seen *x = &seen[a->evse];
	enum session_edge e = a->edge;
	bool once = e == SESSION_EDGE_CONNECTED || e == SESSION_EDGE_AUTHORIZED ||
		    e == SESSION_EDGE_SIGNED || e == SESSION_EDGE_DEAUTHORIZED ||
		    e == SESSION_EDGE_PATH_OPEN || e == SESSION_EDGE_DEPARTED;

	if (strcmp(x->id, a->stored.id) != 0) {
		if (x->id[0] && !x->over)
			HARNESS_FAIL("seed %lu: %s replaced before its end", at, x->id);
		memset(x, 0, sizeof *x);
		snprintf(x->id, sizeof x->id, "%s", a->stored.id);
	}
	if (x->over || (once && x->edge[e]))
		HARNESS_FAIL("seed %lu: %s came again or after the end", at, session_edge_word(e));
	if ((e == SESSION_EDGE_SIGNED &&
	     !(x->edge[SESSION_EDGE_CONNECTED] && x->edge[SESSION_EDGE_AUTHORIZED])) ||
	    (e == SESSION_EDGE_PATH_CLOSED && !x->edge[SESSION_EDGE_SIGNED]) ||
	    (e == SESSION_EDGE_PATH_OPEN && !x->edge[SESSION_EDGE_DEAUTHORIZED]) ||
	    (e == SESSION_EDGE_DEPARTED && x->edge[SESSION_EDGE_SIGNED] &&
	     !x->edge[SESSION_EDGE_PATH_OPEN]))
		HARNESS_FAIL("seed %lu: %s out of order", at, session_edge_word(e));
	if (a->stored.allow && (!x->edge[SESSION_EDGE_AUTHORIZED] || a->stored.stopping ||
				(e != SESSION_EDGE_SIGNED && !x->edge[SESSION_EDGE_SIGNED])))
		HARNESS_FAIL("seed %lu: energy allowed at %s", at, session_edge_word(e));
	x->edge[e] = true;
	x->over = e == SESSION_EDGE_DEPARTED;
}

static void judge(unsigned long at)
{
	for (size_t i = 0; i < s.queued; i++) {
		const struct session_action *a = &s.queue[i];

		if (a->kind == SESSION_SAY_SESSION && a->edge)
			judge_edge(a, at);
		if (a->kind == SESSION_DO_READING)
			snprintf(open_id[a->evse], SESSION_ID_MAX, "%s", a->id);
	}
	s.queued = 0;
}

static void random_event(void)
{
	static const char *const states[] = {"A1", "B1", "B2", "C2", "C1", "F1"};
	static const char *const hashes[] = {"a", "b", "c"};
	int evse = 1 + (int)random_to(2);
	struct session_reading r = {.have = true, .import_wh = 5};
	const char *state = states[random_to(6)];

	switch (random_to(8)) {
	case 0:
	case 1:
	case 2:
		/* As evse-pilot does it: closed only in C2 with energy allowed. */
		contactor[evse] = state[0] == 'C' && s.evse[evse - 1].now.allow;
		pilot(evse, state, contactor[evse]);
		break;
	case 3:
		token(evse, hashes[random_to(3)], random_to(4) ? "Accepted" : "Invalid",
		      random_to(2) ? "g" : "");
		break;
	case 4:
		session_on_reading(&s, open_id[evse], random_to(4) ? &r : NULL, &now);
		break;
	case 5:
		pass((int64_t)random_to(8000));
		break;
	case 6:
		session_stop(&s, evse, "", "Remote", &now);
		break;
	default:
		if (random_to(3) == 0)
			restart();
		break;
	}
}

TEST(property_edges_in_order_once_and_through_restarts)
{
	struct session_conf c = conf_of(2);

	for (int round = 0; round < 200; round++) {
		begin(&c);
		memset(seen, 0, sizeof seen);
		s.random = seed;
		for (int step = 0; step < 500; step++) {
			unsigned long at = seed;
			char before[SESSION_ID_MAX];
			bool over = seen[1].over;

			snprintf(before, sizeof before, "%s", seen[1].id);
			random_event();
			judge(at);
			if (before[0] && !over && strcmp(before, seen[1].id) != 0 &&
			    !seen[1].over && !seen[1].edge[SESSION_EDGE_CONNECTED] &&
			    !seen[1].edge[SESSION_EDGE_AUTHORIZED])
				HARNESS_FAIL("seed %lu: the session lost its id", at);
		}
	}
}
