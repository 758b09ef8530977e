/* Whether the charger is well, and if not, what a technician should look at. */
#include <stdio.h>
#include <string.h>

#include "pilot/fault.h"
#include "view/advice.h"
#include "view/view.h"

enum { PILOT_MAX_MS = 15000, SETPOINT_MAX_MS = 5000 };

void view_wrong(struct view_health *h, const char *who, const char *what, const char *step)
{
	h->healthy = false;
	buf_addf(&h->reasons, "%s: %s\n", who, what);
	buf_addf(&h->steps, "%s\n", step ? step : "");
}

/* A command is to be copied as it stands: the N of "pilot.N" becomes the EVSE's number. */
static void for_evse(const char *advice, int evse, char *out, size_t size)
{
	static const char name[] = "pilot.N";
	const char *at = strstr(advice, name);

	if (at)
		snprintf(out, size, "%.*spilot.%d%s", (int)(at - advice), advice, evse,
			 at + strlen(name));
	else
		snprintf(out, size, "%s", advice);
}

static void judge_faults(jv pilot, int evse, const char *who, struct view_health *h)
{
	jv faults = json_get(pilot, "faults");
	char what[96], step[160];

	for (int i = 0; i < json_len(faults); i++) {
		const char *code = json_str(json_at(faults, i)), *text = "";

		for (enum pilot_fault f = 0; code && f < FAULT_COUNT; f++)
			if (strcmp(pilot_fault_table[f].code, code) == 0)
				text = pilot_fault_table[f].text;
		snprintf(what, sizeof what, "fault %s%s%s", code ? code : "?", *text ? ": " : "",
			 text);
		for_evse(advice_fault(code), evse, step, sizeof step);
		view_wrong(h, who, what, step);
	}
}

static void judge_evse(const struct view *v, int evse, struct view_health *h)
{
	jv pilot = view_evse(v, "pilot", evse);
	char who[32];

	snprintf(who, sizeof who, "EVSE %d", evse);
	if (view_age_ms(v, "pilot", evse) > PILOT_MAX_MS || json_absent(pilot))
		view_wrong(h, who, "no word from evse-pilot", "evse-charger status; its messages");
	if (!json_absent(pilot) && (view_age_ms(v, "setpoint", evse) > SETPOINT_MAX_MS ||
				    json_absent(view_evse(v, "setpoint", evse))))
		view_wrong(h, who, "no setpoint: it charges with the fail-safe or not at all",
			   "evse-charger status; the messages of setpoint");
	judge_faults(pilot, evse, who, h);
}

/* The alert of a fault that the pilot itself still names says nothing new. */
static bool told(const struct view *v, const struct view_state *s, const char *code)
{
	jv faults = json_get(view_evse(v, "pilot", s->evse), "faults");

	for (int i = 0; code && s->evse && i < json_len(faults); i++) {
		const char *fault = json_str(json_at(faults, i));

		if (fault && strcmp(fault, code) == 0)
			return true;
	}
	return false;
}

struct judging {
	const struct view *v;
	struct view_health *h;
};

static void judge_alert(void *ctx, const struct view_state *s)
{
	const struct judging *j = ctx;
	const char *text = json_str(json_get(s->body, "text")),
		   *code = json_str(json_get(s->body, "code"));
	double severity = 0;

	if (!json_bool(json_get(s->body, "raised"), false))
		return;
	j->h->alerts++;
	json_num(json_get(s->body, "severity"), 0, 9, &severity);
	if (severity <= VIEW_SERIOUS && !told(j->v, s, code))
		view_wrong(j->h, s->src, text ? text : "alert", advice_alert(code));
}

static void judge_uplink(void *ctx, const struct view_state *s)
{
	const struct judging *j = ctx;

	if (!json_bool(json_get(s->body, "connected"), false))
		view_wrong(j->h, s->src, "not connected to the back office",
			   "charging goes on; is the network up? the messages of ocpp say why not");
}

static void judge_clock(void *ctx, const struct view_state *s)
{
	const struct judging *j = ctx;
	double bound_ms;

	/* In holdover the bound is still known, and an alert of its own tells when it is too wide.
	 */
	if (!json_bool(json_get(s->body, "synced"), false) &&
	    !json_num(json_get(s->body, "bound_ms"), 0, 1e15, &bound_ms))
		view_wrong(j->h, s->src, "the clock was never synchronised: times may be wrong",
			   advice_alert("unsynchronised"));
}

void view_judge(const struct view *v, const char *run, struct view_health *h)
{
	int evse[VIEW_EVSES], n = view_evses(v, evse);
	struct judging j = {v, h};

	*h = (struct view_health){.healthy = true};
	buf_init(&h->reasons, 65536);
	buf_init(&h->steps, 65536);
	if (run)
		view_services(h, run); /* what does not run explains much of the rest */
	if (!n)
		view_wrong(h, "charger", "no EVSE has said anything", "evse-charger status");
	for (int i = 0; i < n; i++)
		judge_evse(v, evse[i], h);
	view_each(v, "uplink", judge_uplink, &j);
	view_each(v, "clock", judge_clock, &j);
	view_each(v, "alert", judge_alert, &j);
}

void view_health_release(struct view_health *h)
{
	buf_release(&h->reasons);
	buf_release(&h->steps);
}
