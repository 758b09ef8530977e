/* B05, B06: SetVariables and GetVariables on the table of model.c; written values survive. */
#include "ocpp/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* identifierString: compared without regard to case. */
static bool same(const char *a, const char *b)
{
	return strcasecmp(a ? a : "", b ? b : "") == 0;
}

struct lookup {
	bool component, variable; /* found, as far as it went */
	enum var_id id;
	int evse;
};

static bool place_fits(const struct ocpp *o, const struct var_row *row, jv component)
{
	jv evse = json_get(component, "evse");
	int64_t id = int_of(evse, "id", 0), connector = int_of(evse, "connectorId", 0);

	switch (row->scope) {
	case VAR_OF_STATION:
		return id == 0 && connector == 0;
	case VAR_OF_EVSE:
		return id >= 1 && id <= o->conf.evses && connector == 0;
	case VAR_OF_CONNECTOR:
		return id >= 1 && id <= o->conf.evses && connector == 1;
	}
	return false;
}

static struct lookup find(struct ocpp *o, jv item)
{
	jv component = json_get(item, "component"), variable = json_get(item, "variable");
	struct lookup found = {.id = VAR_COUNT,
			       .evse = (int)int_of(json_get(component, "evse"), "id", 0)};

	for (int i = 0; i < VAR_COUNT; i++) {
		const struct var_row *row = &ocpp_vars[i];

		if (!same(row->component, str_of(component, "name")) ||
		    str_of(component, "instance")[0] || !place_fits(o, row, component))
			continue;
		found.component = true;
		if (!same(row->variable, str_of(variable, "name")) ||
		    !same(row->instance, str_of(variable, "instance")))
			continue;
		found.variable = true;
		found.id = (enum var_id)i;
		break;
	}
	return found;
}

/* The component and variable of a result are those of the request. */
static void echo(struct jw *w, jv item)
{
	static const char *const names[] = {"component", "variable"};
	struct buf b;

	for (int i = 0; i < 2; i++) {
		buf_init(&b, OCPP_FRAME_MAX);
		json_print(json_get(item, names[i]), &b);
		jw_key(w, names[i]);
		jw_raw(w, buf_str(&b), b.len);
		buf_release(&b);
	}
}

static bool actual(jv item)
{
	const char *type = str_of(item, "attributeType");

	return !type[0] || strcmp(type, "Actual") == 0;
}

static void get_one(struct ocpp *o, struct jw *w, jv item)
{
	struct lookup l = find(o, item);
	char value[VAR_VALUE_MAX];
	const char *status = "Accepted";

	if (!l.component)
		status = "UnknownComponent";
	else if (!l.variable)
		status = "UnknownVariable";
	else if (!actual(item))
		status = "NotSupportedAttributeType";
	else if (ocpp_vars[l.id].access == VAR_WRITE)
		status = "Rejected";
	bool write_only = strcmp(status, "Rejected") == 0;
	jw_obj(w);
	jw_kstr(w, "attributeStatus", status);
	if (str_of(item, "attributeType")[0])
		jw_kstr(w, "attributeType", str_of(item, "attributeType"));
	if (strcmp(status, "Accepted") == 0) {
		var_get(o, l.id, l.evse, value);
		jw_kstr(w, "attributeValue", value);
	}
	echo(w, item);
	if (write_only) {
		jw_kobj(w, "attributeStatusInfo");
		jw_kstr(w, "reasonCode", "WriteOnly");
		jw_end(w);
	}
	jw_end(w);
}

static bool too_many(struct ocpp *o, jv items, enum var_id limit)
{
	if (json_len(items) <= var_int(o, limit))
		return false;
	reply_error(o, OCPP_OCCURRENCE_VIOLATION, "more items than ItemsPerMessage allows");
	return true;
}

static void get_variables(struct ocpp *o, const struct ocpp_frame *f)
{
	jv items = json_get(f->payload, "getVariableData");

	if (too_many(o, items, VAR_ITEMS_GET_VARIABLES))
		return;
	struct jw *w = reply_begin(o);
	jw_karr(w, "getVariableResult");
	for (int i = 0; i < json_len(items); i++)
		get_one(o, w, json_at(items, i));
	jw_end(w);
	reply_send(o);
}

static void say_backoff(struct ocpp *o)
{
	o->hooks.set_backoff(o->hooks.ctx, (int)var_int(o, VAR_COMM_BACKOFF_MINIMUM),
			     (int)var_int(o, VAR_COMM_BACKOFF_RANDOM),
			     (int)var_int(o, VAR_COMM_BACKOFF_REPEATS));
}

/* evse-session waits for the plug: what was written is told to each new start of it. */
static void say_plug_timeout(struct ocpp *o)
{
	struct jw *w;

	if (!o->model.values[VAR_TX_CONNECTION_TIMEOUT])
		return;
	w = command_begin(o, "session", "set", 0, NULL);
	jw_kobj(w, "values");
	jw_kint(w, "plug-timeout", var_int(o, VAR_TX_CONNECTION_TIMEOUT));
	jw_end(w);
	command_send(o);
}

/* evse-session says in its `var` whom it asks. */
static void take_session_vars(struct ocpp *o, jv vars)
{
	bool free_one = json_bool(json_get(json_get(vars, "free"), "value"), false);

	o->free_vending = free_one && !json_bool(json_get(json_get(vars, "ocpp"), "value"), false);
}

/* A record of evse-session in an epoch not seen yet: it began anew. */
static void record(struct ocpp *o, const struct record *r)
{
	size_t len = strcspn(record_n(r), ".");
	char epoch[sizeof(o->session_epoch)];

	if (record_is(r, "var") && strcmp(record_src(r), "session") == 0)
		take_session_vars(o, record_get(r, "vars"));
	if (!record_is(r, "session"))
		return;
	snprintf(epoch, sizeof(epoch), "%.*s", (int)len, record_n(r));
	if (strcmp(epoch, o->session_epoch) == 0)
		return;
	memcpy(o->session_epoch, epoch, sizeof(epoch));
	say_plug_timeout(o);
}

/* What a written value changes at once. */
static void apply(struct ocpp *o, enum var_id id)
{
	if (id == VAR_COMM_PING)
		o->hooks.set_ping(o->hooks.ctx, (int)var_int(o, id));
	if (id == VAR_COMM_BACKOFF_MINIMUM || id == VAR_COMM_BACKOFF_RANDOM ||
	    id == VAR_COMM_BACKOFF_REPEATS)
		say_backoff(o);
	if (id == VAR_ALIGNED_INTERVAL)
		o->aligned_due_us = 0;
	if (id == VAR_TX_CONNECTION_TIMEOUT)
		say_plug_timeout(o);
	if (id == VAR_SMART_ENABLED)
		limits_emit(o);
	if (id == VAR_CLOCK_SOURCE)
		uplink_say(o);
	if (id == VAR_TX_BEFORE_ACCEPTED)
		availability_apply(o);
}

static const char *set_one(struct ocpp *o, jv item, const char **reason)
{
	struct lookup l = find(o, item);
	const char *value = str_of(item, "attributeValue");

	*reason = NULL;
	if (!l.component)
		return "UnknownComponent";
	if (!l.variable)
		return "UnknownVariable";
	if (!actual(item))
		return "NotSupportedAttributeType";
	if (l.id == VAR_SECURITY_PASSWORD && password_set(o, value) < 0) {
		*reason = "NotEnabled";
		return "Rejected";
	}
	if (l.id == VAR_SECURITY_PASSWORD)
		return "Accepted";
	switch (var_set(o, l.id, value)) {
	case VAR_ACCEPTED:
		apply(o, l.id);
		return "Accepted";
	case VAR_REBOOT:
		return "RebootRequired";
	case VAR_READ_ONLY:
		*reason = "ReadOnly";
		return "Rejected";
	case VAR_BAD_VALUE:
		*reason = "InvalidValue";
		return "Rejected";
	case VAR_REJECTED:
		*reason = "InternalError";
		return "Rejected";
	}
	return "Rejected";
}

static void save(struct ocpp *o)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 1 << 20);
	jw_init(&w, &b);
	jw_obj(&w);
	for (int i = 0; i < VAR_COUNT; i++) {
		const struct var_row *row = &ocpp_vars[i];
		char name[128];

		if (!o->model.values[i])
			continue;
		snprintf(name, sizeof(name), "%s.%s%s%s", row->component, row->variable,
			 row->instance ? "." : "", row->instance ? row->instance : "");
		jw_kstr(&w, name, o->model.values[i]);
	}
	jw_end(&w);
	keep(o, "variables", &b);
	buf_release(&b);
}

static void set_variables(struct ocpp *o, const struct ocpp_frame *f)
{
	jv items = json_get(f->payload, "setVariableData");
	const char *reason;

	if (too_many(o, items, VAR_ITEMS_SET_VARIABLES))
		return;
	struct jw *w = reply_begin(o);
	jw_karr(w, "setVariableResult");
	for (int i = 0; i < json_len(items); i++) {
		jv item = json_at(items, i);

		jw_obj(w);
		if (str_of(item, "attributeType")[0])
			jw_kstr(w, "attributeType", str_of(item, "attributeType"));
		jw_kstr(w, "attributeStatus", set_one(o, item, &reason));
		echo(w, item);
		if (reason) {
			jw_kobj(w, "attributeStatusInfo");
			jw_kstr(w, "reasonCode", reason);
			jw_end(w);
		}
		jw_end(w);
	}
	jw_end(w);
	save(o);
	reply_send(o);
}

/* A value that this version doesn't take any more is passed over: the built-in one holds. */
static int load_one(void *ctx, const char *key, jv value)
{
	struct ocpp *o = ctx;

	for (int i = 0; i < VAR_COUNT; i++) {
		const struct var_row *row = &ocpp_vars[i];
		char name[128];

		snprintf(name, sizeof(name), "%s.%s%s%s", row->component, row->variable,
			 row->instance ? "." : "", row->instance ? row->instance : "");
		if (strcmp(name, key) == 0 && json_str(value))
			var_set(o, (enum var_id)i, json_str(value));
	}
	return 0;
}

static int load(struct ocpp *o, struct err *err)
{
	jv v;
	int rc = kept(o, "variables", &v, err);

	if (rc > 0)
		json_each(v, load_one, o);
	json_free(v);
	say_backoff(o);
	return rc < 0 ? -1 : 0;
}

static const struct ocpp_handler handlers[] = {
    {"GetVariables", get_variables}, {"SetVariables", set_variables}, {0}};

const struct ocpp_block block_variables = {.load = load, .record = record, .handlers = handlers};
