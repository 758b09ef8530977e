/* Records: meter, reading, alerts; and the epoch that they carry. */
#include "app.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/state.h"

/* OCPP severities. */
#define SEVERITY_ERROR 4
#define SEVERITY_ALERT 5

/* A counter that was only written here is at most this old after a power cut. */
#define SAVE_EVERY_US (INT64_C(15) * 60 * 1000000)

#define COMPONENT "FiscalMetering"

void publish_save(struct app *a)
{
	struct buf data;
	struct err err;

	if (!a->opt.state_dir || a->t->replaying || !a->epoch.count)
		return;
	buf_init(&data, 4096);
	if (meter_epoch_write(&a->epoch, &data) || buf_addc(&data, '\n'))
		log_error("unable to keep the epoch: out of memory");
	else if (state_save(a->opt.state_dir, "epoch", 1, data.data, data.len, &err))
		log_error("%s", err.msg);
	a->saved_us = tool_now(a->t).mono_us;
	buf_release(&data);
}

static void comm_alert(struct app *a, bool raised, const char *text)
{
	tool_alert(a->t, "comm", (int)a->opt.evse, SEVERITY_ERROR, raised, false, COMPONENT, text);
	a->comm_raised = raised;
	a->comm_told = true;
}

/* One lost answer is no alert: the next turn decides. Before the first reading there is nothing to
 * wait for. */
void publish_failure(struct app *a, const char *why)
{
	snprintf(a->trouble, sizeof(a->trouble), "%s", why);
	if (a->failures < 2 && a->had_any) {
		log_info("no reading: %s", why);
		return;
	}
	if (!a->comm_raised) {
		log_warning("no reading: %s", why);
		comm_alert(a, true, why);
	}
}

/* An earlier run of this tool may have left the alert raised: say once that all is well. */
static void all_is_well(struct app *a)
{
	if (a->comm_raised)
		log_notice("readings again");
	if (a->comm_raised || !a->comm_told)
		comm_alert(a, false, "");
	a->had_any = true;
}

static void epoch_alert(struct app *a, enum meter_epoch_verdict verdict)
{
	char id[METER_SERIAL_MAX + 16], text[160];

	snprintf(text, sizeof(text), "%s: epoch %s begins",
		 verdict == METER_EPOCH_EXCHANGE ? "the meter was exchanged"
						 : "the meter was reset",
		 meter_epoch_id(&a->epoch, id, sizeof(id)));
	log_warning("%s", text);
	tool_alert(a->t, "epoch", (int)a->opt.evse, SEVERITY_ALERT, true, false, COMPONENT, text);
	a->epoch_raised = true;
}

/* @return  false where the counters must not be used yet */
static bool take_epoch(struct app *a, const struct meter_turn *turn, struct meter_sample *s)
{
	enum meter_epoch_verdict verdict =
	    meter_epoch_step(&a->epoch, turn->serial, &s->import, &s->export);

	switch (verdict) {
	case METER_EPOCH_HELD:
		log_info("a counter is lower than before: waiting for the next reading");
		return false;
	case METER_EPOCH_RESET:
	case METER_EPOCH_EXCHANGE:
		epoch_alert(a, verdict);
		publish_save(a);
		return true;
	case METER_EPOCH_FIRST:
		publish_save(a);
		return true;
	case METER_EPOCH_SAME:
		if (tool_now(a->t).mono_us - a->saved_us > SAVE_EVERY_US)
			publish_save(a);
		return true;
	}
	return false;
}

static bool any(const double v[3])
{
	return !isnan(v[0]) || !isnan(v[1]) || !isnan(v[2]);
}

static void put_phases(struct jw *w, const char *name, const double v[3], int decimals)
{
	if (any(v))
		jw_knum3(w, name, v, decimals);
}

static void put_num(struct jw *w, const char *name, double v, int decimals)
{
	if (!isnan(v))
		jw_knum(w, name, v, decimals);
}

static void put_power_factor(struct jw *w, const struct meter_sample *s)
{
	if (isnan(s->cosphi))
		return;
	jw_knum(w, "cosphi", s->cosphi, 4);
	if (!isnan(s->reactive_total_var) && fabs(s->reactive_total_var) > 0)
		jw_kstr(w, "excitation", s->reactive_total_var > 0 ? "under" : "over");
}

static void meter_record(struct app *a, const struct meter_turn *turn, const struct meter_sample *s,
			 bool counters)
{
	const struct meter_counter none = {0};
	char id[METER_SERIAL_MAX + 16];
	struct out_head head = {.evse = (int)a->opt.evse,
				.t_us = (turn->begin_us + turn->end_us) / 2};
	struct jw *w = tool_record(a->t, "meter", head);

	put_phases(w, "voltage_v", s->voltage_v, 3);
	put_phases(w, "voltage_ll_v", s->voltage_ll_v, 3);
	put_phases(w, "current_a", s->current_a, 4);
	put_phases(w, "power_w", s->power_w, 2);
	put_num(w, "power_total_w", s->power_total_w, 2);
	put_phases(w, "reactive_var", s->reactive_var, 2);
	put_num(w, "reactive_total_var", s->reactive_total_var, 2);
	put_power_factor(w, s);
	put_num(w, "freq_hz", s->freq_hz, 4);
	put_counter(w, "import_wh", counters ? &s->import : &none);
	put_counter(w, "export_wh", counters ? &s->export : &none);
	put_register(w, counters ? &s->import : &none, counters ? &s->export : &none);
	jw_kstr(w, "epoch", meter_epoch_id(&a->epoch, id, sizeof(id)));
	put_num(w, "t_err_ms", a->t_err_ms, 3);
	jw_knum(w, "t_half_ms", (double)(turn->end_us - turn->begin_us) / 2000, 1);
	if (a->model.refresh_ms)
		jw_kint(w, "refresh_ms", a->model.refresh_ms);
	if (*turn->serial)
		jw_kstr(w, "serial", turn->serial);
	tool_send(a->t);
}

void publish_turn(struct app *a, const struct meter_turn *turn)
{
	struct meter_sample s;
	bool counters;

	all_is_well(a);
	meter_sample_make(&a->model, &a->wiring, turn->value, &s);
	counters = take_epoch(a, turn, &s);
	meter_record(a, turn, &s, counters);
	if (a->epoch_raised) {
		tool_alert(a->t, "epoch", (int)a->opt.evse, SEVERITY_ALERT, false, false, COMPONENT,
			   "");
		a->epoch_raised = false;
	}
	if (counters)
		command_serve(a, turn, &s);
}
