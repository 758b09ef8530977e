/* Pilots, meters and limits for the core to hear, each in one line. */
#ifndef SETPOINT_RIG_H
#define SETPOINT_RIG_H

#include "harness.h"
#include "setpoint/setpoint.h"

static struct setpoint s;
static struct setpoint_decision d[SETPOINT_EVSES_MAX];
static int64_t next_ms;

static struct setpoint_pilot pilot(int evse, char state, double limit_a)
{
	struct setpoint_pilot p = {.state = state,
				   .pwm = limit_a > 0,
				   .limit_a = limit_a,
				   .cable_a = 32,
				   .thermal_a = HUGE_VAL,
				   .step_a = 0.1,
				   .phases = 3};

	snprintf(p.src, sizeof p.src, "pilot.%d", evse);
	snprintf(p.n, sizeof p.n, "p.%d", evse);
	return p;
}

static void hear(int evse, char state, double limit_a, int64_t now)
{
	struct setpoint_pilot p = pilot(evse, state, limit_a);

	setpoint_on_pilot(&s, evse, &p, now);
}

static inline struct setpoint_meter meter(double v, double a, double w)
{
	struct setpoint_meter m = {.src = "meter.x", .n = "m.1", .power_total_w = 3 * w};

	for (int ph = 0; ph < 3; ph++) {
		m.voltage_v[ph] = v;
		m.current_a[ph] = a;
		m.power_w[ph] = w;
	}
	return m;
}

static void add_source(const char *pattern, enum lease_rank rank)
{
	struct lease_source src = {
	    .rank = rank, .scopes = 0xf, .max_valid_ms = 600000, .fail_safe_scope = LEASE_EVSE};

	snprintf(src.pattern, sizeof src.pattern, "%s", pattern);
	src.fail_safe.import_max_a = (struct lease_amount){.set = true, .v = {6, 6, 6}};
	lease_add_source(&s.leases, &src);
}

enum kind { IMPORT_A, IMPORT_W, SETPOINT_A, SETPOINT_W };

static void say(const char *src, enum lease_scope scope, int evse, enum kind kind, double value,
		int64_t now)
{
	struct lease_limit l = {.scope = scope, .evse = evse, .valid_ms = 30000, .count = 1};
	struct lease_amount v = {.set = true,
				 .total = kind == IMPORT_W || kind == SETPOINT_W,
				 .v = {value, value, value}};

	snprintf(l.src, sizeof l.src, "%s", src);
	snprintf(l.n, sizeof l.n, "l.1");
	l.entries = calloc(1, sizeof *l.entries);
	l.entries->at_ms = INT64_MIN;
	switch (kind) {
	case IMPORT_A:
		l.entries->import_max_a = v;
		break;
	case IMPORT_W:
		l.entries->import_max_w = v;
		break;
	case SETPOINT_A:
		l.entries->setpoint_a = v;
		break;
	case SETPOINT_W:
		l.entries->setpoint_w = v;
		break;
	}
	lease_take(&s.leases, &l, now);
}

static void decide(int64_t now)
{
	struct lease_clock c = {now, 1000000 + now, true};

	setpoint_decide(&s, &c, d, &next_ms);
}

static struct setpoint_conf begin(int evses)
{
	struct setpoint_conf c;

	setpoint_release(&s);
	setpoint_conf_init(&c);
	c.evses = evses;
	setpoint_init(&s, &c);
	setpoint_go_live(&s);
	return c;
}

static inline const char *winner(int i)
{
	return d[i].because_count && d[i].because[0].winner
		   ? setpoint_rule_word(d[i].because[0].rule)
		   : "";
}

#endif
