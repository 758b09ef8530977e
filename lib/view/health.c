/* Whether the charger is well, and if not, what a technician should look at. */
#include <stdio.h>
#include <string.h>

#include "view/view.h"

enum { PILOT_MAX_MS = 15000, SETPOINT_MAX_MS = 5000, SERIOUS = 5 };

static void wrong(struct view_health *h, const char *what, const char *who)
{
	h->healthy = false;
	buf_addf(&h->reasons, "%s: %s\n", who, what);
}

static void judge_evse(const struct view *v, int evse, struct view_health *h)
{
	jv pilot = view_evse(v, "pilot", evse), faults = json_get(pilot, "faults");
	char who[32], what[160];

	snprintf(who, sizeof who, "EVSE %d", evse);
	if (view_age_ms(v, "pilot", evse) > PILOT_MAX_MS || json_absent(pilot))
		wrong(h, "no word from evse-pilot", who);
	if (!json_absent(pilot) && (view_age_ms(v, "setpoint", evse) > SETPOINT_MAX_MS ||
				    json_absent(view_evse(v, "setpoint", evse))))
		wrong(h, "no setpoint: it charges with the fail-safe or not at all", who);
	for (int i = 0; i < json_len(faults); i++) {
		const char *code = json_str(json_at(faults, i));

		snprintf(what, sizeof what, "fault %s", code ? code : "?");
		wrong(h, what, who);
	}
}

static void judge_alert(void *ctx, const struct view_state *s)
{
	struct view_health *h = ctx;
	const char *text = json_str(json_get(s->body, "text"));
	double severity = 0;

	if (!json_bool(json_get(s->body, "raised"), false))
		return;
	h->alerts++;
	json_num(json_get(s->body, "severity"), 0, 9, &severity);
	if (severity <= SERIOUS)
		wrong(h, text ? text : "alert", s->src);
}

static void judge_uplink(void *ctx, const struct view_state *s)
{
	if (!json_bool(json_get(s->body, "connected"), false))
		wrong(ctx, "not connected to the back office", s->src);
}

void view_judge(const struct view *v, struct view_health *h)
{
	int evse[VIEW_EVSES], n = view_evses(v, evse);

	*h = (struct view_health){.healthy = true};
	buf_init(&h->reasons, 65536);
	if (!n)
		wrong(h, "no EVSE has said anything", "charger");
	for (int i = 0; i < n; i++)
		judge_evse(v, evse[i], h);
	view_each(v, "uplink", judge_uplink, h);
	view_each(v, "alert", judge_alert, h);
}

void view_health_release(struct view_health *h)
{
	buf_release(&h->reasons);
}
