#include "session/store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct session_stored, member)
#define TEXT(name, member)                                                     \
	{                                                                      \
		name, AT(member), sizeof(((struct session_stored *)0)->member) \
	}

static const struct {
	const char *name;
	size_t at, size;
} texts[] = {
    TEXT("id", id),
    TEXT("id_hash", id_hash),
    TEXT("kind", kind),
    TEXT("reason", reason),
    TEXT("verdict", auth.verdict),
    TEXT("by", auth.by),
    TEXT("group_hash", auth.group_hash),
    TEXT("begin_register", begin.import_register),
};

static const struct {
	const char *name;
	size_t at;
} flags[] = {
    {"connected", AT(connected)},
    {"authorized", AT(authorized)},
    {"begun", AT(begun)},
    {"closed", AT(closed)},
    {"energy", AT(energy)},
    {"allow", AT(allow)},
    {"stopping", AT(stopping)},
    {"end_read", AT(end_read)},
    {"begin_have", AT(begin.have)},
    {"begin_flagged", AT(begin.flagged)},
    {"has_remote_start", AT(has_remote_start)},
};

void store_write(struct jw *w, const struct session_stored *s)
{
	const char *base = (const char *)s;

	jw_kstr(w, "state", session_state_word(s->state));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		jw_kstr(w, texts[i].name, base + texts[i].at);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		jw_kbool(w, flags[i].name, *(const bool *)(base + flags[i].at));
	jw_kint(w, "stop_ms", s->auth.stop_ms);
	jw_knum(w, "energy_max_wh", s->auth.energy_max_wh, 3);
	jw_kint(w, "remote_start_id", s->remote_start_id);
	jw_knum(w, "begin_wh", s->begin.import_wh, 6);
}

int store_read(jv obj, struct session_stored *s, struct err *err)
{
	const char *word = json_str(json_get(obj, "state"));
	char *base = (char *)s;

	memset(s, 0, sizeof *s);
	s->state = word ? session_state_of(word) : SESSION_STATES;
	if (s->state == SESSION_STATES)
		return err_set(err, "state: expected the word of a session state");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *text = json_str(json_get(obj, texts[i].name));

		if (!text || strlen(text) >= texts[i].size)
			return err_set(err, "%s: expected a string below %zu bytes", texts[i].name,
				       texts[i].size);
		memcpy(base + texts[i].at, text, strlen(text) + 1);
	}
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		jv v = json_get(obj, flags[i].name);

		if (!json_is(v, JV_KIND_TRUE) && !json_is(v, JV_KIND_FALSE))
			return err_set(err, "%s: expected true or false", flags[i].name);
		*(bool *)(base + flags[i].at) = json_bool(v, false);
	}
	if (json_want_int(obj, "stop_ms", 0, 1LL << 52, &s->auth.stop_ms, err) <= 0 ||
	    json_want_num(obj, "energy_max_wh", 0, 1e12, &s->auth.energy_max_wh, err) <= 0 ||
	    json_want_int(obj, "remote_start_id", -(1LL << 52), 1LL << 52, &s->remote_start_id,
			  err) <= 0 ||
	    json_want_num(obj, "begin_wh", -1e15, 1e15, &s->begin.import_wh, err) <= 0)
		return err->msg[0] ? -1 : err_set(err, "a number is missing");
	return 0;
}
