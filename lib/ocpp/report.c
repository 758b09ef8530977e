/* B07, B08: GetBaseReport and GetReport, answered by NotifyReport in parts. */
#include "ocpp/block.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PART_ITEMS 20 /* report items a message */

enum report_kind { REPORT_FULL, REPORT_CONFIGURATION, REPORT_SUMMARY, REPORT_CUSTOM };

static bool wanted(const struct var_row *row, enum report_kind kind)
{
	switch (kind) {
	case REPORT_FULL:
	case REPORT_CUSTOM:
		return true;
	case REPORT_CONFIGURATION:
		return row->access != VAR_READ;
	case REPORT_SUMMARY:
		return strcmp(row->variable, "AvailabilityState") == 0;
	}
	return false;
}

static bool text_fits(jv obj, const char *name, const char *have)
{
	const char *want = str_of(obj, name);

	return !want[0] || strcasecmp(want, have ? have : "") == 0;
}

static bool place_fits(jv evse, const struct var_row *row, int id)
{
	int64_t want = int_of(evse, "id", -1), connector = int_of(evse, "connectorId", -1);

	if (want >= 0 && (row->scope == VAR_OF_STATION || want != id))
		return false;
	return connector < 0 || (row->scope == VAR_OF_CONNECTOR && connector == 1);
}

/* GetReport: named component-variables, and criteria. A criterion is met by a component whose
 * variable says so; where the component has no such variable it is met. */
static bool listed(jv list, const struct var_row *row, int id)
{
	for (int i = 0; i < json_len(list); i++) {
		jv component = json_get(json_at(list, i), "component"),
		   variable = json_get(json_at(list, i), "variable");

		if (text_fits(component, "name", row->component) &&
		    !str_of(component, "instance")[0] &&
		    place_fits(json_get(component, "evse"), row, id) &&
		    (json_absent(variable) || (text_fits(variable, "name", row->variable) &&
					       text_fits(variable, "instance", row->instance))))
			return true;
	}
	return json_len(list) == 0;
}

static bool criterion_met(struct ocpp *o, const char *criterion, const struct var_row *row, int id)
{
	char value[VAR_VALUE_MAX];

	for (int i = 0; i < VAR_COUNT; i++) {
		if (strcmp(ocpp_vars[i].component, row->component) != 0 ||
		    strcmp(ocpp_vars[i].variable, criterion) != 0)
			continue;
		var_get(o, (enum var_id)i, id, value);
		return strcmp(value, "true") == 0;
	}
	return strcmp(criterion, "Problem") != 0;
}

static bool criteria_met(struct ocpp *o, jv criteria, const struct var_row *row, int id)
{
	for (int i = 0; i < json_len(criteria); i++)
		if (criterion_met(o, json_str(json_at(criteria, i)), row, id))
			return true;
	return json_len(criteria) == 0;
}

static void write_item(struct ocpp *o, struct jw *w, enum var_id id, int evse)
{
	static const char *const access[] = {"ReadOnly", "WriteOnly", "ReadWrite"};
	const struct var_row *row = &ocpp_vars[id];
	char value[VAR_VALUE_MAX];
	double limit =
	    id == VAR_EVSE_POWER ? o->conf.max_a * o->conf.voltage_v * o->conf.phases : row->limit;

	jw_obj(w);
	jw_kobj(w, "component");
	jw_kstr(w, "name", row->component);
	if (row->scope != VAR_OF_STATION) {
		jw_kobj(w, "evse");
		jw_kint(w, "id", evse);
		if (row->scope == VAR_OF_CONNECTOR)
			jw_kint(w, "connectorId", 1);
		jw_end(w);
	}
	jw_end(w);
	jw_kobj(w, "variable");
	jw_kstr(w, "name", row->variable);
	if (row->instance)
		jw_kstr(w, "instance", row->instance);
	jw_end(w);
	jw_karr(w, "variableAttribute");
	jw_obj(w);
	if (row->access != VAR_WRITE) {
		var_get(o, id, evse, value);
		jw_kstr(w, "value", value);
	}
	jw_kstr(w, "mutability", access[row->access]);
	jw_kbool(w, "persistent", row->access != VAR_READ);
	jw_end(w);
	jw_end(w);
	jw_kobj(w, "variableCharacteristics");
	if (row->unit)
		jw_kstr(w, "unit", row->unit);
	jw_kstr(w, "dataType", var_type_word(row->type));
	if (row->access != VAR_READ && row->max > 0)
		jw_knum(w, "minLimit", row->min, 3);
	if (row->max > 0 || limit > 0)
		jw_knum(w, "maxLimit", limit > 0 ? limit : row->max, 3);
	if (row->values && row->values[0])
		jw_kstr(w, "valuesList", row->values);
	jw_kbool(w, "supportsMonitoring", false);
	jw_end(w);
	jw_end(w);
}

struct item {
	enum var_id id;
	int evse;
};

static size_t collect(struct ocpp *o, enum report_kind kind, jv list, jv criteria,
		      struct item *items)
{
	size_t n = 0;

	for (int i = 0; i < VAR_COUNT; i++) {
		const struct var_row *row = &ocpp_vars[i];
		int places = row->scope == VAR_OF_STATION ? 1 : o->conf.evses;

		for (int p = 1; p <= places; p++)
			if (wanted(row, kind) && listed(list, row, p) &&
			    criteria_met(o, criteria, row, p))
				items[n++] = (struct item){(enum var_id)i,
							   row->scope == VAR_OF_STATION ? 0 : p};
	}
	return n;
}

static void send_parts(struct ocpp *o, int64_t request, const struct item *items, size_t n)
{
	for (size_t at = 0, part = 0; at < n; part++) {
		struct jw *w = call_begin(o, "NotifyReport");

		jw_kint(w, "requestId", request);
		jw_ktime(w, "generatedAt", o->now.real_us);
		jw_kint(w, "seqNo", (int64_t)part);
		jw_karr(w, "reportData");
		for (size_t k = 0; k < PART_ITEMS && at < n; k++, at++)
			write_item(o, w, items[at].id, items[at].evse);
		jw_end(w);
		jw_kbool(w, "tbc", at < n);
		call_send(o, CALL_FORCED, NULL, NULL);
	}
}

static void report(struct ocpp *o, const struct ocpp_frame *f, enum report_kind kind)
{
	size_t most = (size_t)VAR_COUNT * (size_t)o->conf.evses;
	struct item *items = calloc(most, sizeof(*items));
	size_t n = items ? collect(o, kind, json_get(f->payload, "componentVariable"),
				   json_get(f->payload, "componentCriteria"), items)
			 : 0;

	if (!calls_room(o, (n + PART_ITEMS - 1) / PART_ITEMS)) {
		reply_status(o, "Rejected", "OutOfMemory", "earlier reports wait to be taken");
		free(items);
		return;
	}
	reply_status(o, n ? "Accepted" : "EmptyResultSet", NULL, NULL);
	send_parts(o, int_of(f->payload, "requestId", 0), items, n);
	free(items);
}

static void get_base_report(struct ocpp *o, const struct ocpp_frame *f)
{
	const char *base = str_of(f->payload, "reportBase");

	report(o, f,
	       strcmp(base, "FullInventory") == 0            ? REPORT_FULL
	       : strcmp(base, "ConfigurationInventory") == 0 ? REPORT_CONFIGURATION
							     : REPORT_SUMMARY);
}

static void get_report(struct ocpp *o, const struct ocpp_frame *f)
{
	if (json_len(json_get(f->payload, "componentVariable")) > var_int(o, VAR_ITEMS_GET_REPORT))
		reply_error(o, OCPP_OCCURRENCE_VIOLATION, "more items than ItemsPerMessage allows");
	else
		report(o, f, REPORT_CUSTOM);
}

static const struct ocpp_handler handlers[] = {
    {"GetBaseReport", get_base_report}, {"GetReport", get_report}, {0}};

const struct ocpp_block block_report = {.handlers = handlers};
