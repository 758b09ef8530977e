/* The back office's card list.
 *
 * A JSON object, by card: {"04A2B3C4":"Accepted", "DEAD":"Blocked",
 *  "A1":{"status":"Accepted","group":"FLEET","expires":"2027-01-01T00:00:00Z"}, "*":"Unknown"}.
 * "*" stands for all cards not named; without it they are Unknown. Ids compare without regard to
 * case.
 */
#ifndef CSMS_CARDS_H
#define CSMS_CARDS_H

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

struct csms_card {
	struct csms_card *next;
	char id[256], status[24], group[40];
	int64_t expires_us; /* 0: never */
};

struct csms_cards {
	struct csms_card *first;
};

/** Reads a file. Without a call, or with no card at all, every card is Accepted. @return 0, or -1
 * with @e */
int csms_cards_load(struct csms_cards *cards, const char *path, struct err *e);
/** Adds or replaces one card. @entry: a status word or an object as above. @return 0, or -1 with @e
 */
int csms_cards_set(struct csms_cards *cards, const char *id, jv entry, struct err *e);
void csms_cards_release(struct csms_cards *cards);

/** Appends the IdTokenInfoType object for @id as things stand at @now_us. Source: OCPP 2.0.1 part
 * 2, 2.x */
void csms_cards_info(const struct csms_cards *cards, const char *id, int64_t now_us,
		     struct buf *out);

#endif
