/* Records of any kind and shape into the decision, one a line; a line in brackets is a list of
 * sources. What comes out is a current that the wire can carry, whatever went in. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "setpoint/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_sources(struct setpoint *s, const char *line, size_t len)
{
	struct lease_source source;
	struct err err;
	jv list;

	if (json_parse(line, len, &list, &err) < 0)
		return;
	for (int i = 0; i < json_len(list); i++)
		if (setpoint_read_source(json_at(list, i), &source, &err) == 0)
			lease_add_source(&s->leases, &source);
	json_free(list);
}

static void take_limit(struct setpoint *s, const struct record *r)
{
	struct lease_limit limit;
	struct err err;

	if (record_gone(r))
		lease_withdraw(&s->leases, record_src(r));
	else if (setpoint_read_limit(r, &limit, &err) < 0)
		lease_refuse(&s->leases, record_src(r), record_n(r), r->head.evse);
	else
		lease_take(&s->leases, &limit, 1000);
}

static void take(struct setpoint *s, const char *line, size_t len)
{
	struct setpoint_session session;
	struct setpoint_pilot pilot;
	struct setpoint_meter meter;
	struct record r;
	struct err err;

	if (len && line[0] == '[') {
		take_sources(s, line, len);
		return;
	}
	if (record_parse(line, len, &r, &err) < 0)
		return;
	if (record_is(&r, "limit"))
		take_limit(s, &r);
	else if (record_is(&r, "pilot") && setpoint_read_pilot(&r, &pilot, &err) == 0)
		setpoint_on_pilot(s, setpoint_read_evse(&r), &pilot, 1000);
	else if (record_is(&r, "session") && setpoint_read_session(&r, &session, &err) == 0)
		setpoint_on_session(s, setpoint_read_evse(&r), &session);
	setpoint_read_meter(&r, &meter);
	if (record_is(&r, "meter"))
		setpoint_on_meter(s, setpoint_read_evse(&r), &meter, 1000);
	setpoint_on_pcc(s, &meter, 1000);
	record_release(&r);
}

static void decide(struct setpoint *s)
{
	struct setpoint_decision d[SETPOINT_EVSES_MAX];
	struct lease_clock now = {2000, 1795341600000, true};
	int64_t next;

	setpoint_decide(s, &now, d, &next);
	for (int i = 0; i < s->conf.evses; i++) {
		double a = d[i].import_max_a, cable = s->evse[i].pilot.cable_a;

		if (!isfinite(a) || a < 0 || a > cable + 1e-3 || (a > 0 && a < s->conf.min_a))
			abort();
		if (d[i].because_count < 0 || d[i].because_count > SETPOINT_BECAUSE_MAX)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct setpoint s;
	struct setpoint_conf conf;
	char *copy = malloc(size + 1), *line, *save;

	memcpy(copy, data, size);
	copy[size] = 0;
	setpoint_conf_init(&conf);
	conf.evses = 3;
	conf.ceiling_a = 50;
	setpoint_init(&s, &conf);
	setpoint_go_live(&s);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take(&s, line, strlen(line));
	decide(&s);
	setpoint_release(&s);
	free(copy);
	return 0;
}
