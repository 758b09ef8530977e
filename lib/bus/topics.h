/* What a subscriber wants: "meter~,pilot,session!" or "*".
 *
 *   type    every record, and first the retained one of each src
 *   type~   the latest of each src is enough (events and changes are still given one by one)
 *   type!   every record, without the retained ones: for durable readers, who get events again from
 * the relays
 *   *       all types, with ~ or ! as above */
#ifndef BUS_TOPICS_H
#define BUS_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

enum { TOPICS_MAX = 64 };

enum topic_mode { TOPIC_NONE, TOPIC_EVERY, TOPIC_LATEST, TOPIC_STREAM };

struct topics {
	struct {
		char type[33];
		enum topic_mode mode;
	} item[TOPICS_MAX];
	size_t count;
	enum topic_mode rest; /* of "*" */
};

/** @return  0, or -1 with @err naming the word that is wrong. */
int topics_parse(const char *list, struct topics *t, struct err *err);

/** How @type is wanted; a type named by itself goes before "*". */
enum topic_mode topics_mode(const struct topics *t, const char *type, size_t len);

/** True when nothing but "latest" is wanted: then urgent types may go first. */
bool topics_only_latest(const struct topics *t);

#endif
