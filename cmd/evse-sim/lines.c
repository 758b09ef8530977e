/* The pilot sockets and the `car` records: what the world shows of itself. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"
#include "sim/wire.h"

static void send_wire(struct sim *s, int evse, const struct sim_wire *wire)
{
	struct buf line;

	buf_init(&line, 1024);
	sim_wire_print(wire, &line);
	sim_pilotsock_send(s->pilots, evse, buf_str(&line), line.len);
	buf_release(&line);
	s->sent[evse] = *wire;
}

/* Through the journal: "EVSE LINE". */
static void on_pilot_line(void *ctx, const char *data, size_t len)
{
	struct sim *s = ctx;
	struct sim_outputs out;
	struct err err;
	char *end;
	int evse = (int)strtol(data, &end, 10);

	if (evse < 0 || evse >= s->world.evses || *end != ' ')
		return;
	end++;
	if (sim_wire_parse(end, len - (size_t)(end - data), &out, &err) < 0) {
		log_warning("pilot socket %d: %s; line ignored", evse + 1, err.msg);
		return;
	}
	sim_now(s);
	sim_wire_apply(&s->world, evse, &out);
	sim_sync(s);
	if (sim_wire_lasts(&out))
		keep_soon(s);
}

static void on_socket_line(void *ctx, int evse, const char *line, size_t len)
{
	struct sim *s = ctx;
	struct buf data;

	if (!line) {
		log_warning("pilot socket %d: a line that is too long, or without its end; ignored",
			    evse + 1);
		return;
	}
	buf_init(&data, NDJSON_LINE_MAX + 16);
	buf_addf(&data, "%d ", evse);
	buf_add(&data, line, len);
	tool_feed(s->tool, s->pilot_channel, buf_str(&data), data.len);
	buf_release(&data);
}

static void on_hello(void *ctx, int evse)
{
	struct sim *s = ctx;
	struct sim_wire wire;

	sim_now(s);
	sim_world_wire(&s->world, evse, &wire);
	send_wire(s, evse, &wire);
	sim_sync(s);
}

static void on_keepalive(void *ctx)
{
	struct sim *s = ctx;

	sim_now(s);
	for (int i = 0; i < s->world.evses; i++) {
		struct sim_wire wire;

		if (!sim_pilotsock_heard(s->pilots, i))
			continue;
		sim_world_wire(&s->world, i, &wire);
		send_wire(s, i, &wire);
	}
	loop_timer_after(s->tool->loop, &s->keepalive_timer, s->opt.keepalive_ms * 1000);
}

void lines_car(struct sim *s, int evse)
{
	const struct sim_evse *e = &s->world.evse[evse];
	const struct sim_car *c = &e->car;
	double current_a[SIM_PHASES];
	char item[16];
	struct jw *w;

	for (int i = 0; i < SIM_PHASES; i++)
		current_a[i] = (double)e->flow.current_ma[i] / 1000;
	snprintf(item, sizeof(item), "car.%d", evse + 1);
	w = tool_record(s->tool, "car", (struct out_head){.item = item, .evse = evse + 1});
	jw_kbool(w, "plugged", e->plugged);
	if (e->plugged) {
		jw_kstr(w, "car", c->model.name);
		jw_kbool(w, "s2", c->s2);
		jw_knum(w, "soc_pct", sim_car_soc_cpct(c) / 100.0, 2);
		jw_knum(w, "limit_seen_a",
			c->pilot_seen ? sim_cp_ev_limit_ma(c->duty_seen) / 1000.0 : 0, 3);
		jw_knum(w, "duty_seen_pct", c->duty_seen / 100.0, 2);
		jw_kbool(w, "asleep", c->asleep);
		if (c->broken)
			jw_kbool(w, "broken", true);
	}
	jw_knum3(w, "current_a", current_a, 3);
	jw_knum(w, "power_w", e->plugged ? (double)c->power_mw / 1000 : 0, 3);
	jw_knum(w, "energy_wh", (double)c->taken_nj / (double)SIM_NJ_PER_WH, 3);
	tool_send(s->tool);
}

static struct car_said what_to_say(const struct sim_evse *e, const struct car_said *was)
{
	const struct sim_car *c = &e->car;
	struct car_said now = {0};

	if (!e->plugged)
		return now;
	now.plugged = true;
	now.s2 = c->s2;
	now.pilot = c->pilot_seen;
	now.charging = c->current_ma > 0;
	now.asleep = c->asleep;
	now.broken = c->broken;
	now.duty = c->duty_seen;
	/* A ramp is said once, at its end. */
	now.settled_ma = c->ramp_us == SIM_NEVER ? c->current_ma / 100 : was->settled_ma;
	return now;
}

static bool same_words(const struct car_said *a, const struct car_said *b)
{
	return a->plugged == b->plugged && a->s2 == b->s2 && a->pilot == b->pilot &&
	       a->charging == b->charging && a->asleep == b->asleep && a->broken == b->broken &&
	       a->duty == b->duty && a->settled_ma == b->settled_ma;
}

static void on_report(void *ctx)
{
	struct sim *s = ctx;

	sim_now(s);
	for (int i = 0; i < s->world.evses; i++)
		lines_car(s, i);
	sim_sync(s);
	loop_timer_set(s->tool->loop, &s->report_timer,
		       s->report_timer.deadline_us + s->opt.interval_ms * 1000);
}

void lines_sync(struct sim *s)
{
	for (int i = 0; i < s->world.evses; i++) {
		struct car_said said = what_to_say(&s->world.evse[i], &s->said[i]);
		struct sim_wire wire;

		sim_world_wire(&s->world, i, &wire);
		if (sim_wire_differs(&wire, &s->sent[i], s->world.cp_noise_mv))
			send_wire(s, i, &wire);
		if (!same_words(&said, &s->said[i])) {
			s->said[i] = said;
			lines_car(s, i);
		}
	}
}

int lines_start(struct sim *s, struct err *err)
{
	const struct sim_pilotsock_calls calls = {on_socket_line, on_hello, s};

	s->pilot_channel = tool_channel(s->tool, "pilot", on_pilot_line, s);
	s->keepalive_timer = (struct loop_timer){.name = "keepalive", .fn = on_keepalive, .ctx = s};
	s->report_timer = (struct loop_timer){.name = "report", .fn = on_report, .ctx = s};
	if (!s->tool->replaying) {
		s->pilots =
		    sim_pilotsock_new(s->tool->loop, s->opt.dir, s->world.evses, &calls, err);
		if (!s->pilots)
			return -1;
	}
	for (int i = 0; i < s->world.evses; i++) {
		s->said[i] = what_to_say(&s->world.evse[i], &s->said[i]);
		lines_car(s, i);
	}
	if (s->opt.keepalive_ms > 0)
		loop_timer_after(s->tool->loop, &s->keepalive_timer, s->opt.keepalive_ms * 1000);
	if (s->opt.interval_ms > 0)
		loop_timer_after(s->tool->loop, &s->report_timer, s->opt.interval_ms * 1000);
	return 0;
}
