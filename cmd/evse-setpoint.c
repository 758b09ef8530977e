/* evse-setpoint: how much each EVSE may take, and why.
 *
 * Reads   pilot, meter, session, limit, boot, bus, command
 * Writes  setpoint (each EVSE, every second and on change), alert, reply
 * Uses    lib/setpoint for the decision, lib/core for everything else
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/tool.h"
#include "setpoint/read.h"

enum { EVERY_US = 1000000, REFUSED_MAX = 64 };

/* A src whose last limit was refused: so that its alert is raised once and cleared by a good one.
 */
struct refused {
	char src[LEASE_SRC_MAX];
	char why[128];
};

struct setpoint_tool {
	/* options */
	struct setpoint_conf conf;
	int64_t evses, seed;
	double meter_age_s, pilot_age_s, delay_s, resume_s, idle_s;
	const char *pcc_meter;
	struct cli_list rotations, source_list;
	jv sources;
	bool bus;
	/* state */
	struct setpoint core;
	struct setpoint_decision last[SETPOINT_EVSES_MAX];
	bool dirty, heard;
	struct refused refused[REFUSED_MAX];
	int refused_count;
	struct loop_timer tick, step;
	int start_channel;
};

/* ---- writing ---- */

static void write_because(struct jw *w, const struct setpoint_decision *d)
{
	jw_karr(w, "because");
	for (int i = 0; i < d->because_count; i++) {
		const struct setpoint_because *b = &d->because[i];

		jw_obj(w);
		jw_kstr(w, "src", b->src);
		if (b->n[0])
			jw_kstr(w, "n", b->n);
		jw_kstr(w, "rule", setpoint_rule_word(b->rule));
		if (isfinite(b->value_a))
			jw_knum(w, "value_a", b->value_a, 2);
		jw_kstr(w, "role", b->winner ? "winner" : "loser");
		jw_end(w);
	}
	jw_end(w);
}

static void write_decision(struct tool *t, int evse, const struct setpoint_decision *d)
{
	char item[16];
	struct jw *w;

	snprintf(item, sizeof item, "%d", evse);
	w = tool_record(t, "setpoint", (struct out_head){.item = item, .evse = evse});
	jw_kbool(w, "enable", d->enable);
	if (d->session[0])
		jw_kstr(w, "session", d->session);
	jw_knum(w, "import_max_a", d->import_max_a, 4);
	jw_knum(w, "export_max_a", d->export_max_a, 4);
	if (d->phases)
		jw_kint(w, "phases", d->phases);
	jw_knum(w, "min_a", d->min_a, 2);
	write_because(w, d);
	tool_send(t);
}

/* Decides, writes what changed (all with `every`), and arms the timer for the next change by time.
 */
static void decide(struct tool *t, bool every)
{
	struct setpoint_tool *s = t->ctx;
	struct now now = tool_now(t);
	struct lease_clock clock = {now.mono_us / 1000, now.real_us / 1000, clock_is_set(now)};
	struct setpoint_decision next[SETPOINT_EVSES_MAX];
	int64_t next_ms;

	s->dirty = false;
	setpoint_decide(&s->core, &clock, next, &next_ms);
	for (int i = 0; i < s->conf.evses; i++) {
		if (next[i].known && (every || setpoint_differs(&next[i], &s->last[i])))
			write_decision(t, i + 1, &next[i]);
		s->last[i] = next[i];
	}
	if (next_ms == LEASE_NEVER)
		loop_timer_cancel(t->loop, &s->step);
	else
		loop_timer_set(t->loop, &s->step, next_ms * 1000);
}

static void on_step(void *ctx)
{
	decide(ctx, false);
}

static void on_tick(void *ctx)
{
	struct tool *t = ctx;
	struct setpoint_tool *s = t->ctx;

	loop_timer_set(t->loop, &s->tick, s->tick.deadline_us + EVERY_US);
	if (s->tick.deadline_us < tool_now(t).mono_us) /* we were stopped for a while */
		loop_timer_after(t->loop, &s->tick, EVERY_US);
	decide(t, true);
}

static void on_clock_step(void *ctx, int64_t step_us)
{
	(void)step_us;
	decide(ctx, false);
}

/* ---- refusals ---- */

static struct refused *find_refused(struct setpoint_tool *s, const char *src)
{
	for (int i = 0; i < s->refused_count; i++)
		if (strcmp(s->refused[i].src, src) == 0)
			return &s->refused[i];
	return NULL;
}

static void alert_limit(struct tool *t, const struct record *r, bool raised, const char *text)
{
	char code[8 + LEASE_SRC_MAX];

	snprintf(code, sizeof code, "limit.%s", record_src(r));
	tool_alert(t, code, r->head.evse, 4, raised, false, "SmartChargingCtrlr", text);
}

static void refuse(struct tool *t, const struct record *r, const char *why)
{
	struct setpoint_tool *s = t->ctx;
	struct refused *old = find_refused(s, record_src(r));

	lease_refuse(&s->core.leases, record_src(r), record_n(r), r->head.evse);
	if (old && strncmp(old->why, why, sizeof old->why - 1) == 0)
		return;
	if (!old)
		old = &s->refused[s->refused_count < REFUSED_MAX ? s->refused_count++
								 : REFUSED_MAX - 1];
	snprintf(old->src, sizeof old->src, "%s", record_src(r));
	snprintf(old->why, sizeof old->why, "%s", why);
	log_warning("limit %s of %s refused: %s", record_n(r), record_src(r), why);
	alert_limit(t, r, true, why);
}

static void accept_again(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	struct refused *old = find_refused(s, record_src(r));

	if (!old)
		return;
	*old = s->refused[--s->refused_count];
	alert_limit(t, r, false, "a limit of this source was taken");
}

/* ---- reading ---- */

/* A retained limit's lease has run since it was written, as long as `m` is of this boot. */
static int64_t lease_from(const struct setpoint_tool *s, const struct record *r, int64_t now_ms)
{
	bool retained = s->bus && !s->core.live;

	return retained && r->head.m >= 0 && r->head.m < now_ms ? r->head.m : now_ms;
}

static void take_limit(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	enum lease_verdict verdict;
	struct lease_limit limit;
	struct err err;

	if (record_gone(r)) {
		lease_withdraw(&s->core.leases, record_src(r));
		accept_again(t, r);
		return;
	}
	if (setpoint_read_limit(r, &limit, &err) < 0) {
		refuse(t, r, err.msg);
		return;
	}
	if (limit.evse > s->core.conf.evses) {
		free(limit.entries);
		refuse(t, r, "evse: there is no such EVSE here");
		return;
	}
	verdict = lease_take(&s->core.leases, &limit, lease_from(s, r, tool_now(t).mono_us / 1000));
	if (verdict == LEASE_TAKEN)
		accept_again(t, r);
	else
		refuse(t, r, lease_verdict_word(verdict));
}

static void take_pilot(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	struct setpoint_pilot p;
	struct err err;

	if (record_gone(r))
		setpoint_forget_pilot(&s->core, setpoint_read_evse(r));
	else if (setpoint_read_pilot(r, &p, &err) < 0)
		log_warning("pilot record of %s not understood: %s", record_src(r), err.msg);
	else
		setpoint_on_pilot(&s->core, setpoint_read_evse(r), &p, tool_now(t).mono_us / 1000);
}

static void take_meter(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	int64_t now_ms = tool_now(t).mono_us / 1000;
	struct setpoint_meter m;

	if (record_gone(r))
		return; /* its age ends it */
	setpoint_read_meter(r, &m);
	if (strcmp(record_src(r), s->pcc_meter) == 0)
		setpoint_on_pcc(&s->core, &m, now_ms);
	else
		setpoint_on_meter(&s->core, setpoint_read_evse(r), &m, now_ms);
}

static void take_session(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	struct setpoint_session session;
	struct err err;

	if (record_gone(r))
		setpoint_forget_session(&s->core, setpoint_read_evse(r));
	else if (setpoint_read_session(r, &session, &err) < 0)
		log_warning("session record of %s not understood: %s", record_src(r), err.msg);
	else
		setpoint_on_session(&s->core, setpoint_read_evse(r), &session);
}

static void take_command(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	const char *kind = json_str(record_get(r, "kind"));

	if (!tool_addressed(t, r))
		return;
	if (kind && strcmp(kind, "cancel_delay") == 0) {
		setpoint_cancel_delay(&s->core, r->head.evse);
		tool_reply_simple(t, r, "accepted", NULL);
	} else {
		tool_reply_simple(t, r, "unknown_kind", kind ? kind : "no kind");
	}
}

static void take_bus(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;
	const char *state = json_str(record_get(r, "state"));

	if (state && strcmp(state, "live") == 0)
		setpoint_go_live(&s->core);
}

static void take_boot(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;

	/* A retained boot record tells of a start long past. */
	if (s->core.live)
		lease_writer_restarted(&s->core.leases, record_src(r));
}

static const struct {
	const char *type;
	void (*take)(struct tool *t, const struct record *r);
} takers[] = {
    {"pilot", take_pilot}, {"meter", take_meter}, {"session", take_session}, {"limit", take_limit},
    {"boot", take_boot},   {"bus", take_bus},     {"command", take_command},
};

static const char *const wants[] = {"pilot", "meter", "session", "limit",
				    "boot",  "bus",   "command", NULL};

static void on_record(struct tool *t, const struct record *r)
{
	struct setpoint_tool *s = t->ctx;

	for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
		if (record_is(r, takers[i].type))
			takers[i].take(t, r);
	s->dirty = s->heard = true;
}

static void on_drained(struct tool *t)
{
	struct setpoint_tool *s = t->ctx;

	/* Without a bus nobody says where the retained set ends: what was there at first is it. */
	if (!s->bus && s->heard && !s->core.live)
		setpoint_go_live(&s->core);
	if (s->dirty)
		decide(t, false);
}

/* ---- start ---- */

/* Whether there is a bus is an input like others: a replay must find what the live run found. */
static void on_start_word(void *ctx, const char *data, size_t len)
{
	struct tool *t = ctx;
	struct setpoint_tool *s = t->ctx;

	s->bus = len >= 3 && memcmp(data, "bus", 3) == 0;
}

static int add_source(struct setpoint_tool *s, jv source, struct err *err)
{
	struct lease_source src;

	if (setpoint_read_source(source, &src, err) < 0)
		return -1;
	if (lease_add_source(&s->core.leases, &src) < 0)
		return err_set(err, "more than %d sources", LEASE_SOURCES_MAX);
	return 0;
}

static int add_sources(struct setpoint_tool *s)
{
	struct err err;

	for (size_t i = 0; i < s->source_list.count; i++) {
		jv source =
		    jv_object_set(jv_object(), jv_string("src"), jv_string(s->source_list.item[i]));
		int rc = add_source(s, source, &err);

		json_free(source);
		if (rc < 0) {
			log_error("--source %s: %s", s->source_list.item[i], err.msg);
			return EXIT_USAGE;
		}
	}
	if (!json_absent(s->sources) && !json_is(s->sources, JV_KIND_ARRAY)) {
		log_error("--sources: expected an array of objects");
		return EXIT_CONFIG;
	}
	for (int i = 0; i < json_len(s->sources); i++) {
		if (add_source(s, json_at(s->sources, i), &err) < 0) {
			log_error("--sources[%d]: %s", i, err.msg);
			return EXIT_CONFIG;
		}
	}
	return 0;
}

/* "STR": what the EVSE calls L1 is the grid's L2, and so on. R is L1, S L2, T L3. */
static int set_rotations(struct setpoint_tool *s)
{
	static const char *const known[] = {"RST", "RTS", "SRT", "STR", "TRS", "TSR"};

	for (size_t i = 0; i < s->rotations.count; i++) {
		const char *word = s->rotations.item[i];
		size_t k = 0;

		while (k < 6 && strcmp(known[k], word) != 0)
			k++;
		if (k == 6) {
			log_error("--phase-rotation %s: expected RST, RTS, SRT, STR, TRS or TSR",
				  word);
			return EXIT_USAGE;
		}
		s->conf.first_phase[i] = word[0] - 'R';
	}
	return 0;
}

static void derive(struct setpoint_tool *s)
{
	s->conf.evses = (int)s->evses;
	s->conf.meter_age_ms = (int64_t)(s->meter_age_s * 1000);
	s->conf.pilot_age_ms = (int64_t)(s->pilot_age_s * 1000);
	s->conf.delay_max_ms = (int64_t)(s->delay_s * 1000);
	s->conf.idle_ms = (int64_t)(s->idle_s * 1000);
	s->conf.resume_ms = (int64_t)(s->resume_s * 1000);
	s->conf.seed = (uint64_t)s->seed;
}

static void on_set(struct tool *t)
{
	struct setpoint_tool *s = t->ctx;

	derive(s);
	s->core.conf = s->conf;
	s->dirty = true;
}

static int start(struct tool *t)
{
	struct setpoint_tool *s = t->ctx;
	const char *bus = getenv("EVSE_BUS");
	int rc;

	derive(s);
	rc = set_rotations(s);
	if (rc)
		return rc;
	setpoint_init(&s->core, &s->conf);
	rc = add_sources(s);
	if (rc)
		return rc;
	s->start_channel = tool_channel(t, "start", on_start_word, t);
	if (!t->replaying) {
		const char *word = s->bus || (bus && *bus) ? "bus" : "pipe";

		tool_feed(t, s->start_channel, word, strlen(word));
	}
	s->tick = (struct loop_timer){.name = "tick", .fn = on_tick, .ctx = t};
	s->step = (struct loop_timer){.name = "step", .fn = on_step, .ctx = t};
	loop_timer_after(t->loop, &s->tick, EVERY_US);
	loop_on_step(t->loop, on_clock_step, t);
	return 0;
}

static void stop(struct tool *t)
{
	struct setpoint_tool *s = t->ctx;

	setpoint_release(&s->core);
	json_free(s->sources);
}

static struct setpoint_tool setpoint;

static const struct cli_opt options[] = {
    {'e', "evses", "N", NULL, "number of EVSEs (1)", CLI_INT, &setpoint.evses, 1,
     SETPOINT_EVSES_MAX, false, false},
    {'m', "managed", NULL, NULL,
     "energy flows only while session says allow; else whenever a car is plugged in", CLI_FLAG,
     &setpoint.conf.managed, 0, 0, false, false},
    {'C', "ceiling", "A", NULL, "current that the station's supply gives, each phase", CLI_NUM,
     &setpoint.conf.ceiling_a, 0, 10000, false, CLI_SET | CLI_LOWER},
    {0, "evse-max", "A", NULL, "most current of each EVSE", CLI_NUM, &setpoint.conf.evse_max_a, 0,
     1000, false, CLI_SET | CLI_LOWER},
    {0, "pcc-ceiling", "A", NULL,
     "current that the grid connection carries, each phase, house included", CLI_NUM,
     &setpoint.conf.pcc_ceiling_a, 0, 10000, false, CLI_SET | CLI_LOWER},
    {0, "pcc-meter", "SRC", NULL, "src of the connection's meter (meter.grid)", CLI_STR,
     &setpoint.pcc_meter, 0, 0, false, false},
    {0, "pcc-unseen", "A", NULL,
     "what the station may take while that meter is silent, each phase (6)", CLI_NUM,
     &setpoint.conf.pcc_unseen_a, 0, 10000, false, CLI_SET | CLI_LOWER},
    {0, "source", "SRC", NULL,
     "take limits of SRC (a name, or a pattern ending in *) with the rank and scopes of "
     "its service and 6 A as fail-safe; may be repeated",
     CLI_LIST, &setpoint.source_list, 0, 0, false, false},
    {0, "sources", "JSON", NULL,
     "array of sources with src, rank, scopes, valid_s, fail_safe; see the manual", CLI_JSON,
     &setpoint.sources, 0, 0, false, false},
    {0, "min", "A", NULL, "least current of a car (6)", CLI_NUM, &setpoint.conf.min_a, 1, 100,
     false, false},
    {0, "nominal", "V", NULL, "phase voltage where no meter tells (230)", CLI_NUM,
     &setpoint.conf.nominal_v, 50, 500, false, false},
    {0, "phase-rotation", "ORDER", "RST|RTS|SRT|STR|TRS|TSR",
     "grid phases on the terminals of an EVSE; once for each EVSE in order (RST)", CLI_LIST,
     &setpoint.rotations, 0, 0, false, false},
    {0, "idle-turn", "S", NULL,
     "a car that leaves its current unused for S seconds makes room for who waits (300)", CLI_NUM,
     &setpoint.idle_s, 0, 86400, false, CLI_SET},
    {0, "resume-hold", "S", NULL,
     "a car that lost its minimum to others waits S seconds before it gets it back (30)", CLI_NUM,
     &setpoint.resume_s, 0, 3600, false, CLI_SET},
    {0, "ramp", "A/S", NULL, "let each EVSE rise no faster than this (0: at once)", CLI_NUM,
     &setpoint.conf.ramp_a_per_s, 0, 1000, false, CLI_SET},
    {0, "random-delay", "S", NULL, "delay each start from 0 A by a random time up to S seconds (0)",
     CLI_NUM, &setpoint.delay_s, 0, 86400, false, CLI_SET | CLI_RAISE},
    {0, "seed", "N", NULL, "seed of the random delays (1)", CLI_INT, &setpoint.seed, 0, 1e15, false,
     false},
    {0, "meter-age", "S", NULL, "a meter not heard for S seconds is absent (5)", CLI_NUM,
     &setpoint.meter_age_s, 0.1, 3600, false, CLI_SET | CLI_LOWER},
    {0, "pilot-age", "S", NULL, "a pilot not heard for S seconds is absent (15)", CLI_NUM,
     &setpoint.pilot_age_s, 0.1, 3600, false, CLI_SET | CLI_LOWER},
    {0, "bus", NULL, NULL,
     "wait for the bus's mark before raising anything (set by evse-bus attach)", CLI_FLAG,
     &setpoint.bus, 0, 0, false, false},
    {0},
};

int main(int argc, char **argv)
{
	const struct tool_def def = {
	    .name = "evse-setpoint",
	    .src = "setpoint",
	    .about = "Decide how much current each EVSE may take, and say why.",
	    .examples = "  evse-meter ... | evse-setpoint -p --ceiling 16 -i back |\n"
			"    evse-pilot -p ... | tee -p back\n",
	    .kind = TOOL_FILTER,
	    .options = options,
	    .wants = wants,
	    .needs = CONFINE_NOTHING,
	    .ctx = &setpoint,
	    .start = start,
	    .on_record = on_record,
	    .on_drained = on_drained,
	    .stop = stop,
	    .on_set = on_set,
	};

	setpoint_conf_init(&setpoint.conf);
	setpoint.evses = 1;
	setpoint.seed = 1;
	setpoint.pcc_meter = "meter.grid";
	setpoint.meter_age_s = 5;
	setpoint.pilot_age_s = 15;
	setpoint.resume_s = 30;
	setpoint.idle_s = 300;
	setpoint.sources = jv_invalid();
	return tool_main(&def, argc, argv);
}
