/* Misbehaviour on request: what to do with a charger's call in place of the proper answer. Pure. */
#ifndef CSMS_RULES_H
#define CSMS_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum csms_what {
	CSMS_DELAY,  /* the proper answer, `ms` late */
	CSMS_DROP,   /* no answer */
	CSMS_REJECT, /* a CALLERROR */
	CSMS_ANSWER, /* another payload */
	CSMS_BREAK,  /* the connection breaks in place of the answer */
	CSMS_REFUSE, /* the connection is not let in; only by charger */
	CSMS_WHATS,
};

struct csms_rule {
	struct csms_rule *next;
	enum csms_what what;
	char charger[65]; /* "*": any */
	char action[64];  /* "*": any */
	int64_t left;     /* times still; -1: for ever */
	int64_t skip;     /* let so many pass first */
	int64_t ms;       /* CSMS_DELAY */
	int status;       /* CSMS_REFUSE: the HTTP status */
	char code[64], description[128];
	char *payload; /* CSMS_ANSWER: JSON text, owned */
};

struct csms_rules {
	struct csms_rule *first;
};

/** The word of a rule as in commands: "delay", "drop", …; NULL past the end. */
const char *csms_what_word(enum csms_what what);

/** Adds a copy behind the others; takes over `payload`. @return 0, or -1 with errno ENOMEM (payload
 * freed) */
int csms_rules_add(struct csms_rules *rules, const struct csms_rule *rule);

/**
 * The first rule that fits, counted down; with @refuse only CSMS_REFUSE, else all others.
 *
 * @return a rule good until the next call on @rules, or NULL
 */
const struct csms_rule *csms_rules_take(struct csms_rules *rules, const char *charger,
					const char *action, bool refuse);

/** Removes the rules of @charger ("*": all). @return how many */
int csms_rules_clear(struct csms_rules *rules, const char *charger);

#endif
