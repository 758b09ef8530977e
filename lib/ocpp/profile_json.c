#include "ocpp/profile_json.h"

#include "core/buf.h"
#include "core/utc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_MAX = 1 << 18 };

static const char *const purposes[] = {
    [PROFILE_EXTERNAL] = "ChargingStationExternalConstraints",
    [PROFILE_STATION_MAX] = "ChargingStationMaxProfile",
    [PROFILE_TX_DEFAULT] = "TxDefaultProfile",
    [PROFILE_TX] = "TxProfile",
};
static const char *const kinds[] = {
    [PROFILE_ABSOLUTE] = "Absolute",
    [PROFILE_RECURRING] = "Recurring",
    [PROFILE_RELATIVE] = "Relative",
};
static const char *const recurrencies[] = {
    [PROFILE_NOT_RECURRING] = "",
    [PROFILE_DAILY] = "Daily",
    [PROFILE_WEEKLY] = "Weekly",
};
static const char *const units[] = {[PROFILE_A] = "A", [PROFILE_W] = "W"};

const char *profile_purpose_word(enum profile_purpose purpose)
{
	return purposes[purpose];
}

static int word_index(jv obj, const char *name, const char *const *words, int n)
{
	const char *text = json_str(json_get(obj, name));

	for (int i = 0; i < n; i++)
		if (strcmp(text ? text : "", words[i]) == 0)
			return i;
	return -1;
}

static bool read_int(jv obj, const char *name, int64_t min, int64_t fallback, int *out)
{
	jv v = json_get(obj, name);
	int64_t n = fallback;

	if (!json_absent(v) && !json_int(v, min, INT32_MAX, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool read_time(jv obj, const char *name, int64_t fallback, int64_t *ms)
{
	const char *text = json_str(json_get(obj, name));
	int64_t us;

	*ms = fallback;
	if (!text)
		return json_absent(json_get(obj, name));
	if (utc_parse(text, strlen(text), &us) < 0)
		return false;
	*ms = us / 1000;
	return true;
}

static bool read_period(jv v, struct profile_period *p)
{
	return read_int(v, "startPeriod", 0, -1, &p->start_s) && p->start_s >= 0 &&
	       json_num(json_get(v, "limit"), -INFINITY, INFINITY, &p->limit) &&
	       read_int(v, "numberPhases", 1, 0, &p->phases) &&
	       read_int(v, "phaseToUse", 1, 0, &p->phase_to_use);
}

static bool read_schedule(jv v, struct profile_schedule *s)
{
	jv periods = json_get(v, "chargingSchedulePeriod");
	int n = json_len(periods), unit = word_index(v, "chargingRateUnit", units, 2);

	if (!json_is(periods, JV_KIND_ARRAY) || n < 1 || n > PROFILE_PERIODS_MAX || unit < 0)
		return false;
	s->unit = (enum profile_unit)unit;
	s->has_start = !json_absent(json_get(v, "startSchedule"));
	if (!json_num(json_get(v, "minChargingRate"), 0, INFINITY, &s->min_rate))
		s->min_rate = NAN;
	if (!read_time(v, "startSchedule", 0, &s->start_ms) ||
	    !read_int(v, "duration", 1, 0, &s->duration_s) ||
	    !read_int(v, "id", INT32_MIN, 0, &s->id))
		return false;
	s->periods = calloc((size_t)n, sizeof(*s->periods));
	if (!s->periods)
		return false;
	s->n_periods = (size_t)n;
	for (int i = 0; i < n; i++)
		if (!read_period(json_at(periods, i), &s->periods[i]))
			return false;
	return true;
}

static bool read_head(jv v, struct profile *p)
{
	int purpose = word_index(v, "chargingProfilePurpose", purposes, 4);
	int kind = word_index(v, "chargingProfileKind", kinds, 3);
	int recurrency = word_index(v, "recurrencyKind", recurrencies, 3);
	const char *tx = json_str(json_get(v, "transactionId"));

	if (purpose < 0 || kind < 0 || recurrency < 0 ||
	    (tx && strlen(tx) >= sizeof(p->transaction)))
		return false;
	p->purpose = (enum profile_purpose)purpose;
	p->kind = (enum profile_kind)kind;
	p->recurrency = (enum profile_recurrency)recurrency;
	snprintf(p->transaction, sizeof(p->transaction), "%s", tx ? tx : "");
	return read_int(v, "id", INT32_MIN, 0, &p->id) &&
	       read_int(v, "stackLevel", INT32_MIN, -1, &p->stack_level) &&
	       read_time(v, "validFrom", INT64_MIN, &p->valid_from_ms) &&
	       read_time(v, "validTo", PROFILE_NEVER, &p->valid_to_ms);
}

static char *print(jv v)
{
	struct buf b;
	char *text;

	buf_init(&b, SOURCE_MAX);
	text = json_print(v, &b) == 0 ? strdup(buf_str(&b)) : NULL;
	buf_release(&b);
	return text;
}

struct profile *profile_read(jv v, int evse, struct profile_fault *fault)
{
	struct profile *p = calloc(1, sizeof(*p));

	*fault = (struct profile_fault){"OutOfMemory", "no memory"};
	if (!p)
		return NULL;
	p->evse = evse;
	*fault = (struct profile_fault){"InvalidProfile", "a member of the profile is not usable"};
	if (read_head(v, p)) {
		*fault = (struct profile_fault){"InvalidSchedule",
						"a member of the schedule is not usable"};
		if (read_schedule(json_at(json_get(v, "chargingSchedule"), 0), &p->schedule)) {
			*fault =
			    (struct profile_fault){"TooLargeElement", "the profile is too long"};
			p->source = print(v);
			if (p->source)
				return p;
		}
	}
	profile_free(p);
	return NULL;
}

int profile_bind(struct profile *p, const char *transaction)
{
	char *bound;
	size_t len = strlen(p->source);

	if (p->transaction[0] || asprintf(&bound, "%.*s,\"transactionId\":\"%s\"}", (int)len - 1,
					  p->source, transaction) < 0)
		return -1;
	free(p->source);
	p->source = bound;
	snprintf(p->transaction, sizeof(p->transaction), "%s", transaction);
	return 0;
}

bool profile_fits(const struct profile *p, jv criterion, const int64_t *evse)
{
	const char *purpose = json_str(json_get(criterion, "chargingProfilePurpose"));
	jv ids = json_get(criterion, "chargingProfileId");
	int64_t n;

	if (evse && *evse != p->evse)
		return false;
	if (purpose && strcmp(purpose, purposes[p->purpose]) != 0)
		return false;
	if (json_int(json_get(criterion, "stackLevel"), INT32_MIN, INT32_MAX, &n) &&
	    n != p->stack_level)
		return false;
	for (int i = 0; i < json_len(ids); i++)
		if (json_int(json_at(ids, i), INT32_MIN, INT32_MAX, &n) && n == p->id)
			return true;
	return json_len(ids) == 0;
}
