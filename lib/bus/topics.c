#include "bus/topics.h"

#include <string.h>

static bool word_ok(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '_'))
			return false;
	return len > 0 && len <= 32;
}

static int add(struct topics *t, const char *p, size_t len, struct err *err)
{
	enum topic_mode mode = TOPIC_EVERY;

	if (len && (p[len - 1] == '~' || p[len - 1] == '!'))
		mode = p[--len] == '~' ? TOPIC_LATEST : TOPIC_STREAM;
	if (len == 1 && *p == '*') {
		t->rest = mode;
		return 0;
	}
	if (!word_ok(p, len))
		return err_set(err, "'%.*s': expected a record type, with ~ or ! behind it",
			       (int)(len < 40 ? len : 40), p);
	if (t->count == TOPICS_MAX)
		return err_set(err, "more than %d types", TOPICS_MAX);
	memcpy(t->item[t->count].type, p, len);
	t->item[t->count].type[len] = '\0';
	t->item[t->count++].mode = mode;
	return 0;
}

int topics_parse(const char *list, struct topics *t, struct err *err)
{
	size_t len;

	memset(t, 0, sizeof *t);
	for (const char *p = list; *p; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		if (add(t, p, len, err) < 0)
			return -1;
	}
	return 0;
}

enum topic_mode topics_mode(const struct topics *t, const char *type, size_t len)
{
	for (size_t i = 0; i < t->count; i++)
		if (strncmp(t->item[i].type, type, len) == 0 && !t->item[i].type[len])
			return t->item[i].mode;
	return t->rest;
}

bool topics_only_latest(const struct topics *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->item[i].mode != TOPIC_LATEST)
			return false;
	return t->rest == TOPIC_NONE || t->rest == TOPIC_LATEST;
}
