#include "meter/sample.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int meter_rotation_parse(const char *word, int phase[3])
{
	int got[3];

	if (strlen(word) != 3)
		goto bad;
	for (int i = 0; i < 3; i++) {
		got[i] = word[i] - 'R';
		if (got[i] < 0 || got[i] > 2)
			goto bad;
	}
	if (got[0] == got[1] || got[1] == got[2] || got[0] == got[2])
		goto bad;
	memcpy(phase, got, sizeof(got));
	return 0;
bad:
	errno = EINVAL;
	return -1;
}

int meter_network_parse(const char *word, enum meter_network *out)
{
	static const char *const words[] = {"tn", "tt", "it", "split"};

	for (int i = 0; i < 4; i++) {
		if (strcmp(word, words[i]) == 0) {
			*out = (enum meter_network)i;
			return 0;
		}
	}
	errno = EINVAL;
	return -1;
}

/* The values as the meter gives them: by terminal, in its own signs. */
struct raw {
	double at[METER_QUANTITIES][4];
	struct meter_counter import, export;
};

static struct meter_counter counter(const struct meter_model *m, const struct meter_value *value,
				    enum meter_quantity q)
{
	int i = meter_model_find(m, q, METER_TOTAL);

	if (i < 0 || value[i].kind != METER_NUMBER || value[i].num.neg)
		return (struct meter_counter){0};
	return (struct meter_counter){
	    .have = true,
	    .rolls = m->reg[i].layout.type == METER_ACC32,
	    .value = value[i].num,
	};
}

/* import - export, where a meter has a register for each direction instead of a sign. */
static double net(double import, double export)
{
	if (isnan(import))
		return isnan(export) ? (double)NAN : -export;
	return isnan(export) ? import : import - export;
}

static void gather(const struct meter_model *m, const struct meter_value *value, struct raw *r)
{
	for (int q = 0; q < METER_QUANTITIES; q++)
		for (int ph = 0; ph < 4; ph++)
			r->at[q][ph] = (double)NAN;
	for (int i = 0; i < m->n; i++)
		if (value[i].kind == METER_NUMBER)
			r->at[m->reg[i].q][m->reg[i].ph] = meter_dec_num(&value[i].num);
	for (int ph = 0; ph < 4; ph++)
		if (isnan(r->at[METER_POWER][ph]))
			r->at[METER_POWER][ph] =
			    net(r->at[METER_POWER_IMPORT][ph], r->at[METER_POWER_EXPORT][ph]);
	r->import = counter(m, value, METER_ENERGY_IMPORT);
	r->export = counter(m, value, METER_ENERGY_EXPORT);
}

/* A single-phase meter may state its only phase as l1 or as the total; else the total is the sum.
 */
static void complete(double v[4], int phases)
{
	if (phases == 1) {
		if (isnan(v[METER_L1]))
			v[METER_L1] = v[METER_TOTAL];
		if (isnan(v[METER_TOTAL]))
			v[METER_TOTAL] = v[METER_L1];
		return;
	}
	if (!isnan(v[METER_TOTAL]))
		return;
	v[METER_TOTAL] = 0;
	for (int ph = 0; ph < phases; ph++)
		v[METER_TOTAL] += v[ph];
}

static void clear(struct meter_sample *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 3; i++) {
		s->voltage_v[i] = s->voltage_ll_v[i] = s->current_a[i] = (double)NAN;
		s->power_w[i] = s->reactive_var[i] = (double)NAN;
	}
}

static void put_phases(const struct meter_model *m, const struct meter_wiring *w,
		       const struct raw *r, double sign, struct meter_sample *s)
{
	bool lines_only = w->network == METER_IT;
	bool two_lines = m->phases == 1 && (lines_only || w->network == METER_SPLIT);

	for (int ph = 0; ph < m->phases; ph++) {
		int g = w->phase[ph];

		s->current_a[g] = fabs(r->at[METER_CURRENT][ph]);
		if (lines_only || two_lines) {
			s->voltage_ll_v[g] = r->at[METER_VOLTAGE][ph];
			continue;
		}
		s->voltage_v[g] = r->at[METER_VOLTAGE][ph];
		s->power_w[g] = sign * r->at[METER_POWER][ph];
		s->reactive_var[g] = sign * r->at[METER_REACTIVE][ph];
	}
	if (two_lines)
		s->current_a[w->phase[1]] = s->current_a[w->phase[0]];
}

void meter_sample_make(const struct meter_model *m, const struct meter_wiring *w,
		       const struct meter_value *value, struct meter_sample *out)
{
	double sign = m->generator != w->invert ? -1 : 1;
	int serial = meter_model_find(m, METER_SERIAL, METER_TOTAL);
	struct raw r;

	clear(out);
	gather(m, value, &r);
	complete(r.at[METER_POWER], m->phases);
	complete(r.at[METER_REACTIVE], m->phases);
	if (m->phases == 1) {
		complete(r.at[METER_VOLTAGE], 1);
		complete(r.at[METER_CURRENT], 1);
	}
	put_phases(m, w, &r, sign, out);
	out->power_total_w = sign * r.at[METER_POWER][METER_TOTAL];
	out->reactive_total_var = sign * r.at[METER_REACTIVE][METER_TOTAL];
	complete(r.at[METER_POWER_FACTOR], 1);
	out->cosphi = fabs(r.at[METER_POWER_FACTOR][METER_TOTAL]);
	if (out->cosphi > 1)
		out->cosphi = (double)NAN;
	out->freq_hz = r.at[METER_FREQUENCY][METER_TOTAL];
	out->import = w->invert ? r.export : r.import;
	out->export = w->invert ? r.import : r.export;
	if (serial >= 0 && value[serial].kind == METER_TEXT)
		snprintf(out->serial, sizeof(out->serial), "%.*s", METER_SERIAL_MAX - 1,
			 value[serial].text);
	else if (serial >= 0 && value[serial].kind == METER_NUMBER)
		meter_dec_text(&value[serial].num, out->serial, sizeof(out->serial));
}
