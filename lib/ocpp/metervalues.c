/* J: meter values: sampled ones inside transactions, clock-aligned ones always.
 *
 * Source: OCPP 2.0.1 Part 2, J01 (outside transactions), J02 (in transactions), MeasurandEnumType
 */
#include "ocpp/block.h"

#include <math.h>
#include <string.h>

struct value_writer {
	struct jw *w;
	const char *context;
	bool any;
};

static void write_value(struct value_writer *v, const char *measurand, const char *phase,
			const char *unit, double value)
{
	struct jw *w = v->w;

	if (isnan(value))
		return;
	v->any = true;
	jw_obj(w);
	jw_knum(w, "value", value, 3);
	jw_kstr(w, "context", v->context);
	jw_kstr(w, "measurand", measurand);
	if (phase)
		jw_kstr(w, "phase", phase);
	jw_kstr(w, "location", "Outlet");
	if (unit) {
		jw_kobj(w, "unitOfMeasure");
		jw_kstr(w, "unit", unit);
		jw_end(w);
	}
	jw_end(w);
}

static void write_energy(struct value_writer *v, const struct meter_sample *m,
			 const struct reading *r, const char *measurands)
{
	if (list_has(measurands, "Energy.Active.Import.Register"))
		write_value(v, "Energy.Active.Import.Register", NULL, "Wh",
			    r        ? r->import_wh
			    : m->any ? m->import_wh
				     : (double)NAN);
	if (list_has(measurands, "Energy.Active.Export.Register"))
		write_value(v, "Energy.Active.Export.Register", NULL, "Wh",
			    r        ? r->export_wh
			    : m->any ? m->export_wh
				     : (double)NAN);
}

static double sum(const double p[3])
{
	double s = NAN;

	for (int i = 0; i < 3; i++)
		if (!isnan(p[i]))
			s = isnan(s) ? p[i] : s + p[i];
	return s;
}

static void write_present(struct value_writer *v, const struct evse *e, const char *measurands)
{
	static const char *const lines[] = {"L1", "L2", "L3"}, *const to_n[] = {"L1-N", "L2-N",
										"L3-N"};
	const struct meter_sample *m = &e->meter;

	if (list_has(measurands, "Power.Active.Import"))
		write_value(v, "Power.Active.Import", NULL, "W", m->power_total_w);
	if (list_has(measurands, "Power.Reactive.Import"))
		write_value(v, "Power.Reactive.Import", NULL, "var", sum(m->reactive_var));
	if (list_has(measurands, "Power.Factor"))
		write_value(v, "Power.Factor", NULL, NULL, m->cosphi);
	if (list_has(measurands, "Frequency"))
		write_value(v, "Frequency", NULL, "Hz", m->freq_hz);
	for (int i = 0; i < 3; i++) {
		if (list_has(measurands, "Current.Import"))
			write_value(v, "Current.Import", lines[i], "A", m->current_a[i]);
		if (list_has(measurands, "Voltage"))
			write_value(v, "Voltage", to_n[i], "V", m->voltage_v[i]);
	}
	if (list_has(measurands, "Current.Offered"))
		write_value(v, "Current.Offered", NULL, "A", e->offered_a);
	if (list_has(measurands, "Power.Offered"))
		write_value(v, "Power.Offered", NULL, "W", e->offered_a * sum(m->voltage_v));
}

bool write_meter_value(struct jw *w, const struct evse *e, const char *measurands,
		       const char *context, const struct reading *reading, int64_t t_us)
{
	static const struct meter_sample none;
	size_t before = w->b->len;
	struct buf values;
	struct jw inner;

	buf_init(&values, 1 << 15);
	jw_init(&inner, &values);
	struct value_writer v = {&inner, context, false};
	jw_arr(&inner);
	write_energy(&v, e ? &e->meter : &none, reading, measurands);
	if (e && e->meter.any)
		write_present(&v, e, measurands);
	jw_end(&inner);
	if (v.any) {
		jw_obj(w);
		jw_ktime(w, "timestamp", t_us);
		jw_key(w, "sampledValue");
		jw_raw(w, values.data, values.len);
		jw_end(w);
	}
	buf_release(&values);
	return w->b->len > before;
}

void meter_values(struct ocpp *o, struct evse *e, const char *context, enum call_rank rank)
{
	struct jw *w = call_begin(o, "MeterValues");

	jw_kint(w, "evseId", e->id);
	jw_karr(w, "meterValue");
	if (!write_meter_value(w, e, var_text(o, VAR_ALIGNED_MEASURANDS), context, NULL,
			       e->meter.t_us))
		return;
	jw_end(w);
	call_send(o, rank, NULL, NULL);
}

/* ---- the meters ---- */

/* Older than this, or than two and a half of the meter's own intervals, is no value of now. */
#define FRESH_US (10 * OCPP_S)

bool meter_fresh(const struct ocpp *o, const struct evse *e)
{
	int64_t age = o->now.real_us - e->meter.t_us;

	return e->meter.any && (age < FRESH_US || age < e->meter.interval_us * 5 / 2);
}

static void read_three(jv v, double out[3])
{
	for (int i = 0; i < 3; i++)
		if (!json_num(json_at(v, i), -1e9, 1e9, &out[i]))
			out[i] = NAN;
}

static void record(struct ocpp *o, const struct record *r)
{
	struct evse *e = evse_of(o, r->head.evse);

	if (!record_is(r, "meter") || !e || record_gone(r))
		return;
	struct meter_sample *m = &e->meter;
	*m = (struct meter_sample){
	    .any = true, .t_us = r->t_us, .interval_us = m->any ? r->t_us - m->t_us : 0};
	read_three(record_get(r, "voltage_v"), m->voltage_v);
	read_three(record_get(r, "current_a"), m->current_a);
	read_three(record_get(r, "power_w"), m->power_w);
	read_three(record_get(r, "reactive_var"), m->reactive_var);
	m->power_total_w = num_of(r->body, "power_total_w", NAN);
	m->freq_hz = num_of(r->body, "freq_hz", NAN);
	m->cosphi = num_of(r->body, "cosphi", NAN);
	m->import_wh = num_of(r->body, "import_wh", NAN);
	m->export_wh = num_of(r->body, "export_wh", NAN);
}

/* ---- clock-aligned ---- */

static void send_aligned(struct ocpp *o)
{
	bool only_idle = var_bool(o, VAR_ALIGNED_IDLE), busy = false;

	for (int i = 1; i <= o->conf.evses; i++)
		busy |= o->evse[i].tx.id[0] != '\0';
	if (only_idle && busy)
		return;
	for (int i = 1; i <= o->conf.evses; i++) {
		struct evse *e = &o->evse[i];

		if (!meter_fresh(o, e))
			continue;
		if (e->tx.id[0])
			tx_sample(o, e, "MeterValueClock");
		else if (tells(o))
			meter_values(o, e, "Sample.Clock", CALL_NORMAL);
	}
}

/* Instants are counted from midnight UTC, so that they agree between stations. */
static int64_t tick(struct ocpp *o)
{
	int64_t interval = var_int(o, VAR_ALIGNED_INTERVAL) * OCPP_S, day = 86400 * OCPP_S;
	int64_t since = o->now.real_us % day;

	if (interval <= 0 || !var_bool(o, VAR_ALIGNED_ENABLED) || !clock_is_set(o->now))
		return CLOCK_NEVER;
	if (o->aligned_due_us && o->now.real_us >= o->aligned_due_us) {
		o->aligned_due_us = 0;
		send_aligned(o);
	}
	if (!o->aligned_due_us || o->aligned_due_us > o->now.real_us + interval) {
		int64_t into = (since / interval + 1) * interval;

		o->aligned_due_us = o->now.real_us - since + (into < day ? into : day);
	}
	return clock_deadline(o->now, o->aligned_due_us);
}

const struct ocpp_block block_metervalues = {.record = record, .tick = tick};
