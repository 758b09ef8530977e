/* Sessions that outlive the program, and the property over random histories. */
#include "session_rig.h"

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
