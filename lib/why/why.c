#include "why/why.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/jw.h"
#include "core/utc.h"

void why_init(struct why *w, int64_t at_us)
{
	memset(w, 0, sizeof *w);
	w->at_us = at_us;
}

void why_release(struct why *w)
{
	for (int i = 0; i < WHY_EVSES_MAX; i++) {
		free(w->evse[i].setpoint);
		free(w->evse[i].pilot);
		free(w->evse[i].session);
	}
	for (int i = 0; i < w->limits; i++)
		free(w->limit[i].line);
	memset(w, 0, sizeof *w);
}

static void keep(char **line, const struct record *r)
{
	char *copy = record_gone(r) ? NULL : strndup(r->line, r->len);

	free(*line);
	*line = copy;
}

/* ---- taking ---- */

static const char *text(jv obj, const char *name)
{
	const char *s = json_str(json_get(obj, name));

	return s ? s : "";
}

static double number(jv obj, const char *name)
{
	double v;

	return json_num(json_get(obj, name), -1e9, 1e9, &v) ? v : (double)NAN;
}

static void take_setpoint(struct why_evse *e, const struct record *r)
{
	jv winner = json_at(record_get(r, "because"), 0);
	char stands[sizeof e->stands];

	snprintf(stands, sizeof stands, "%g %d %s %s", number(r->body, "import_max_a"),
		 json_bool(record_get(r, "enable"), false), text(winner, "src"),
		 text(winner, "rule"));
	if (!e->setpoint || strcmp(stands, e->stands) != 0)
		e->since_us = r->t_us;
	memcpy(e->stands, stands, sizeof stands);
	keep(&e->setpoint, r);
}

static void take_limit(struct why *w, const struct record *r)
{
	int i = 0;

	while (i < w->limits && strcmp(w->limit[i].src, record_src(r)) != 0)
		i++;
	if (i == WHY_LIMITS_MAX)
		return;
	if (i == w->limits) {
		w->limits++;
		snprintf(w->limit[i].src, sizeof w->limit[i].src, "%s", record_src(r));
	}
	keep(&w->limit[i].line, r);
}

void why_take(struct why *w, const struct record *r)
{
	int evse = r->head.evse;

	if (r->t_us > w->at_us)
		return;
	if (record_is(r, "limit")) {
		take_limit(w, r);
		return;
	}
	if (evse < 1 || evse > WHY_EVSES_MAX)
		return;
	if (record_is(r, "setpoint") && !record_gone(r))
		take_setpoint(&w->evse[evse - 1], r);
	else if (record_is(r, "pilot"))
		keep(&w->evse[evse - 1].pilot, r);
	else if (record_is(r, "session"))
		keep(&w->evse[evse - 1].session, r);
}

bool why_knows(const struct why *w, int evse)
{
	return evse >= 1 && evse <= WHY_EVSES_MAX && w->evse[evse - 1].setpoint;
}

/* ---- telling ---- */

/* What each rule means; @ is the source. */
static const struct {
	const char *rule, *says;
} rules[] = {
    {"ceiling", "@ allows no more"},
    {"schedule", "the plan of @ allows no more at this time"},
    {"setpoint", "@ asks for it"},
    {"fail_safe", "@ has said nothing valid, so its fail-safe holds"},
    {"lease_expired", "the lease of @ ran out, so its fail-safe holds"},
    {"station_share", "this is its fair share of what @ leaves to all"},
    {"minimum_wait", "@ leaves too little for one more car's minimum, so it waits its turn"},
    {"phase_min", "@ allows less than the least current of a car"},
    {"cable", "cable and board carry no more (@)"},
    {"thermal", "it is too hot for more (@)"},
    {"fault", "@ has a fault"},
    {"no_session", "there is no session (@)"},
    {"not_allowed", "@ does not allow energy"},
    {"start_hold", "@ has just started and does not know all limits yet"},
    {"no_live", "@ is not heard"},
    {"ramp", "it rises no faster than the configured ramp (@)"},
    {"random_delay", "the configured random delay runs (@)"},
};

static const char *meaning(const char *rule)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].rule, rule) == 0)
			return rules[i].says;
	return "of @";
}

static bool parse(const char *line, struct record *r)
{
	struct err err;

	return line && record_parse(line, strlen(line), r, &err) == 0;
}

static const char *limit_line(const struct why *w, const char *src)
{
	for (int i = 0; i < w->limits; i++)
		if (strcmp(w->limit[i].src, src) == 0)
			return w->limit[i].line;
	return NULL;
}

static void clock_text(int64_t us, char out[16])
{
	char full[UTC_LEN + 1];

	utc_format(us, full);
	snprintf(out, 16, "%.12s", full + 11);
}

static void describe_entry(jv entry, struct buf *out)
{
	static const struct {
		const char *name, *unit;
	} values[] = {
	    {"import_max_a", "A"}, {"import_max_w", "W"}, {"setpoint_a", "A"}, {"setpoint_w", "W"}};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		double v = number(entry, values[i].name);

		if (isfinite(v))
			buf_addf(out, " %s%g %s", strncmp(values[i].name, "set", 3) ? "" : "to ", v,
				 values[i].unit);
	}
}

static void describe_next(jv schedule, int64_t at_us, struct buf *out)
{
	char when[16];

	for (int i = 0; i < json_len(schedule); i++) {
		jv entry = json_at(schedule, i);
		struct err err;
		int64_t us;

		if (json_want_time(entry, "at", &us, &err) <= 0 || us <= at_us)
			continue;
		clock_text(us, when);
		buf_addf(out, "; from %s", when);
		describe_entry(entry, out);
		return;
	}
}

/* The lease behind a reason: scope, what is left of it, the next step of its plan. */
static void describe_lease(const struct why *w, jv reason, int64_t at_us, struct buf *out)
{
	struct record limit;
	double valid;

	if (!parse(limit_line(w, text(reason, "src")), &limit))
		return;
	if (strcmp(record_n(&limit), text(reason, "n")) == 0) {
		double left = 0;

		valid = number(limit.body, "valid_s");
		left = valid - (double)(at_us - limit.t_us) / 1e6;
		buf_addf(out, "%s", text(limit.body, "scope"));
		if (isfinite(valid) && left > 0)
			buf_addf(out, ", %.0f s of %g s left", left, valid);
		else if (isfinite(valid))
			buf_addf(out, ", ran out %.0f s ago", -left);
		describe_next(record_get(&limit, "schedule"), at_us, out);
	}
	record_release(&limit);
}

static int64_t instant(const struct why *w, const struct record *setpoint)
{
	if (w->now_us)
		return w->now_us;
	return w->at_us != INT64_MAX ? w->at_us : setpoint->t_us;
}

static void say_rule(const char *says, const char *source, struct buf *out)
{
	const char *at = strchr(says, '@');

	buf_addf(out, "%.*s%s%s", (int)(at - says), says, source, at + 1);
}

static void tell_sentence(const struct why *w, int evse, const struct record *sp, struct buf *out)
{
	jv winner = json_at(record_get(sp, "because"), 0);
	double amps = number(sp->body, "import_max_a");
	char source[96], since[16];

	clock_text(w->evse[evse - 1].since_us, since);
	snprintf(source, sizeof source, "%s",
		 *text(winner, "src") ? text(winner, "src") : "nobody");
	buf_addf(out, "EVSE %d", evse);
	if (json_bool(record_get(sp, "enable"), false) && amps > 0)
		buf_addf(out, " may take %g A", amps);
	else
		buf_addf(out, " may take nothing");
	if (w->now_us)
		buf_adds(
		    out,
		    ", because "); /* the bus keeps the newest alone: since when is not known */
	else
		buf_addf(out, " since %s, because ", since);
	say_rule(meaning(text(winner, "rule")), source, out);
	buf_adds(out, ".\n");
}

/* A setpoint comes each second: an old one is from before the charger stopped or its log broke off.
 */
static void tell_gap(const struct why *w, const struct record *sp, struct buf *out)
{
	int64_t silent_us = instant(w, sp) - sp->t_us;
	char when[UTC_LEN + 1];

	if (silent_us <= WHY_FRESH_US)
		return;
	utc_format(sp->t_us, when);
	buf_addf(out,
		 "Nothing is known of the %.10g s before that moment: this is what held at %s.\n",
		 round((double)silent_us / 1e5) / 10, when);
}

static void tell_pilot(const struct why *w, int evse, const struct record *sp, struct buf *out)
{
	struct record pilot, session;

	if (parse(w->evse[evse - 1].pilot, &pilot)) {
		double limit = number(pilot.body, "limit_a");
		const char *follows = text(pilot.body, "setpoint");
		bool same = *follows && strcmp(follows, record_n(sp)) == 0;

		buf_addf(out, "The pilot is in %s and signals ", text(pilot.body, "state"));
		if (isfinite(limit))
			buf_addf(out, "%g A", limit);
		else
			buf_adds(out, "no current");
		buf_addf(out, same ? ", following this very record.\n" : ".\n");
		record_release(&pilot);
	}
	if (parse(w->evse[evse - 1].session, &session)) {
		buf_addf(out, "The session is %s.\n", text(session.body, "state"));
		record_release(&session);
	}
}

static void tell_table(const struct why *w, const struct record *sp, struct buf *out)
{
	jv because = record_get(sp, "because");
	int64_t at_us = instant(w, sp);

	buf_addf(out, "  %-7s %8s  %-14s %-20s %-18s %s\n", "", "A", "RULE", "SOURCE", "RECORD",
		 "LEASE");
	for (int i = 0; i < json_len(because); i++) {
		jv b = json_at(because, i);
		double amps = number(b, "value_a");
		char value[24] = "-";

		if (isfinite(amps))
			snprintf(value, sizeof value, "%g", amps);
		buf_addf(out, "  %-7s %8s  %-14s %-20s %-18s ", text(b, "role"), value,
			 text(b, "rule"), text(b, "src"), *text(b, "n") ? text(b, "n") : "-");
		describe_lease(w, b, at_us, out);
		while (out->len && out->data[out->len - 1] == ' ')
			out->len--;
		buf_addc(out, '\n');
	}
}

int why_tell(const struct why *w, int evse, struct buf *out)
{
	struct record sp;

	if (!why_knows(w, evse) || !parse(w->evse[evse - 1].setpoint, &sp))
		return -1;
	tell_sentence(w, evse, &sp, out);
	tell_gap(w, &sp, out);
	tell_pilot(w, evse, &sp, out);
	tell_table(w, &sp, out);
	record_release(&sp);
	return buf_failed(out) ? -1 : 0;
}

int why_json(const struct why *w, int evse, struct buf *out)
{
	struct record sp;
	struct buf line;
	struct jw j;
	char when[UTC_LEN + 1];
	bool failed;

	if (!why_knows(w, evse) || !parse(w->evse[evse - 1].setpoint, &sp))
		return -1;
	buf_init(&line, NDJSON_LINE_MAX);
	json_print(record_get(&sp, "because"), &line);
	jw_init(&j, out);
	jw_obj(&j);
	jw_kint(&j, "evse", evse);
	utc_format(w->evse[evse - 1].since_us, when);
	if (!w->now_us)
		jw_kstr(&j, "since", when);
	jw_kbool(&j, "enable", json_bool(record_get(&sp, "enable"), false));
	jw_knum(&j, "import_max_a", number(sp.body, "import_max_a"), 4);
	jw_kstr(&j, "setpoint", record_n(&sp));
	utc_format(sp.t_us, when);
	jw_kstr(&j, "setpoint_t", when);
	jw_key(&j, "because");
	jw_raw(&j, buf_str(&line), line.len);
	jw_end(&j);
	buf_addc(out, '\n');
	failed = jw_failed(&j) || buf_failed(out);
	buf_release(&line);
	record_release(&sp);
	return failed ? -1 : 0;
}
