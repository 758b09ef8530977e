#include "csms/cards.h"

#include <stdlib.h>
#include <string.h>

#include "core/jw.h"
#include "core/utc.h"

static const char *const statuses[] = {
    "Accepted", "Blocked",           "ConcurrentTx",       "Expired",       "Invalid", "NoCredit",
    "Unknown",  "NotAtThisLocation", "NotAllowedTypeEVSE", "NotAtThisTime", NULL};

static struct csms_card *find(const struct csms_cards *cards, const char *id)
{
	struct csms_card *c = cards->first;

	while (c && strcasecmp(c->id, id) != 0)
		c = c->next;
	return c;
}

static int read_entry(struct csms_card *card, jv entry, struct err *e)
{
	const char *status = json_str(entry), *group = NULL;
	size_t i = 0;

	if (!status && (json_want_str(entry, "status", 20, &status, e) <= 0 ||
			json_want_str(entry, "group", sizeof(card->group) - 1, &group, e) < 0 ||
			json_want_time(entry, "expires", &card->expires_us, e) < 0))
		return err_set(
		    e,
		    "card \"%.40s\": expected a status, or an object with \"status\" and maybe "
		    "\"group\", \"expires\"",
		    card->id);
	while (statuses[i] && strcmp(statuses[i], status) != 0)
		i++;
	if (!statuses[i])
		return err_set(e, "card \"%.40s\": unknown status \"%.40s\"", card->id, status);
	memcpy(card->status, statuses[i], strlen(statuses[i]) + 1);
	if (group)
		memcpy(card->group, group, strlen(group) + 1);
	return 0;
}

int csms_cards_set(struct csms_cards *cards, const char *id, jv entry, struct err *e)
{
	struct csms_card made = {.next = NULL}, *c = find(cards, id);

	if (!*id || strlen(id) >= sizeof(made.id))
		return err_set(e, "card id of 1 to %zu bytes expected", sizeof(made.id) - 1);
	memcpy(made.id, id, strlen(id) + 1);
	if (read_entry(&made, entry, e) < 0)
		return -1;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return err_sys(e, "unable to add a card");
		c->next = cards->first;
		cards->first = c;
	}
	made.next = c->next;
	*c = made;
	return 0;
}

struct loading {
	struct csms_cards *cards;
	struct err *e;
};

static int load_one(void *ctx, const char *key, jv value)
{
	struct loading *l = ctx;

	return csms_cards_set(l->cards, key, value, l->e);
}

int csms_cards_load(struct csms_cards *cards, const char *path, struct err *e)
{
	struct loading l = {cards, e};
	int result;
	jv all;

	if (json_load(path, 4u << 20, &all, e) < 0)
		return -1;
	result = json_is(all, JV_KIND_OBJECT) ? json_each(all, load_one, &l)
					      : err_set(e, "expected an object of cards");
	json_free(all);
	return result < 0 ? err_prefix(e, "card list \"%s\"", path) : 0;
}

void csms_cards_release(struct csms_cards *cards)
{
	while (cards->first) {
		struct csms_card *c = cards->first;

		cards->first = c->next;
		free(c);
	}
}

void csms_cards_info(const struct csms_cards *cards, const char *id, int64_t now_us,
		     struct buf *out)
{
	const struct csms_card *c = find(cards, id);
	const char *status = cards->first ? "Unknown" : "Accepted";
	char until[UTC_LEN + 1];
	struct jw w;

	if (!c)
		c = find(cards, "*");
	if (c)
		status = c->expires_us && c->expires_us <= now_us ? "Expired" : c->status;
	jw_init(&w, out);
	jw_obj(&w);
	jw_kstr(&w, "status", status);
	if (c && c->expires_us) {
		utc_format(c->expires_us, until);
		jw_kstr(&w, "cacheExpiryDateTime", until);
	}
	if (c && c->group[0]) {
		jw_kobj(&w, "groupIdToken");
		jw_kstr(&w, "idToken", c->group);
		jw_kstr(&w, "type", "Central");
		jw_end(&w);
	}
	jw_end(&w);
}
