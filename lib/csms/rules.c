#include "csms/rules.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[CSMS_WHATS] = {
    [CSMS_DELAY] = "delay",   [CSMS_DROP] = "drop",   [CSMS_REJECT] = "reject",
    [CSMS_ANSWER] = "answer", [CSMS_BREAK] = "break", [CSMS_REFUSE] = "refuse",
};

const char *csms_what_word(enum csms_what what)
{
	return what < CSMS_WHATS ? words[what] : NULL;
}

int csms_rules_add(struct csms_rules *rules, const struct csms_rule *rule)
{
	struct csms_rule **p = &rules->first, *r = malloc(sizeof(*r));

	if (!r) {
		free(rule->payload);
		return -1;
	}
	while (*p)
		p = &(*p)->next;
	*r = *rule;
	r->next = NULL;
	*p = r;
	return 0;
}

static bool fits(const char *pattern, const char *name)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

static void drop_spent(struct csms_rules *rules)
{
	for (struct csms_rule **p = &rules->first; *p;) {
		struct csms_rule *r = *p;

		if (r->left != 0) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		free(r->payload);
		free(r);
	}
}

const struct csms_rule *csms_rules_take(struct csms_rules *rules, const char *charger,
					const char *action, bool refuse)
{
	drop_spent(rules);
	for (struct csms_rule *r = rules->first; r; r = r->next) {
		if ((r->what == CSMS_REFUSE) != refuse || !fits(r->charger, charger) ||
		    !fits(r->action, action))
			continue;
		if (r->skip > 0) {
			r->skip--;
			continue;
		}
		if (r->left > 0)
			r->left--;
		return r;
	}
	return NULL;
}

int csms_rules_clear(struct csms_rules *rules, const char *charger)
{
	int n = 0;

	for (struct csms_rule *r = rules->first; r; r = r->next) {
		if (r->left != 0 &&
		    (strcmp(charger, "*") == 0 || strcmp(charger, r->charger) == 0)) {
			r->left = 0;
			n++;
		}
	}
	drop_spent(rules);
	return n;
}
