/* --strict: what chargers send is checked against the tables of OCPP 2.0.1. */
#include "csms.h"

#include <string.h>

static bool check(const struct csms_frame *f, uint16_t type, struct ocpp_fault *fault)
{
	bool good = true;
	struct err e;
	jv payload;

	if (type == OCPP_NO_TYPE || json_parse(f->payload.at, f->payload.len, &payload, &e) < 0)
		return true;
	good = ocpp_check(&ocpp_v201, type, payload, fault) == 0;
	json_free(payload);
	return good;
}

bool strict_good(const struct charger *c, const struct csms_frame *f, struct ocpp_fault *fault)
{
	bool call = f->kind == CSMS_CALL,
	     result = f->kind == CSMS_RESULT && c->pending && strcmp(c->pending->id, f->id) == 0;
	const struct ocpp_message *m;

	if (!c->office->strict || strcmp(c->subprotocol, ocpp_v201.protocol) != 0 ||
	    (!call && !result))
		return true;
	m = ocpp_find(&ocpp_v201, call ? f->action : c->pending->action);
	if (!m)
		return true;
	if (call && !(m->by & OCPP_BY_CS)) {
		*fault = (struct ocpp_fault){OCPP_NOT_SUPPORTED, "action",
					     "one that a charging station sends"};
		return false;
	}
	return check(f, call ? m->request : m->response, fault);
}
