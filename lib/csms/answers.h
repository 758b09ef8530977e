/* What the back office answers to a charger's call, as a table of texts with places to fill in. */
#ifndef CSMS_ANSWERS_H
#define CSMS_ANSWERS_H

#include "core/buf.h"
#include "core/json.h"
#include "csms/cards.h"

struct csms_facts {
	const struct csms_cards *cards;
	int64_t now_us;
	int64_t interval_s; /* of heartbeats */
	const char *boot;   /* Accepted, Pending or Rejected */
};

enum csms_known { CSMS_UNKNOWN_ACTION, CSMS_UNSUPPORTED, CSMS_ANSWERED };

/**
 * Appends the payload of the answer to @action.
 *
 * @request  the call's payload; borrowed
 * @return   CSMS_UNKNOWN_ACTION (answer NotImplemented) and CSMS_UNSUPPORTED (NotSupported) append
 * nothing Source: OCPP 2.0.1 part 3 and 2.1 part 3 (schemas): each answer has its required members
 */
enum csms_known csms_answer(const char *action, jv request, const struct csms_facts *facts,
			    struct buf *out);

/** The actions in the table, one by one; NULL at the end. */
const char *csms_answer_action(size_t i);

#endif
