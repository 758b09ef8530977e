/* D: the local authorisation list. Source: OCPP 2.0.1 Part 2, D01, D02 */
#include "ocpp/block.h"

#include <string.h>

static void take_entry(struct ocpp *o, jv item)
{
	jv token = json_get(item, "idToken"), info = json_get(item, "idTokenInfo");
	const char *id = str_of(token, "idToken"), *kind = str_of(token, "type");
	struct cache_entry *e;

	if (json_absent(info)) {
		cache_remove(&o->list, id, kind);
		return;
	}
	e = cache_put(&o->list, id, kind);
	if (e)
		read_token_info(e, info);
}

static bool has_info(jv entries)
{
	for (int i = 0; i < json_len(entries); i++)
		if (json_absent(json_get(json_at(entries, i), "idTokenInfo")))
			return false;
	return true;
}

/* Entries of the list once a differential one was taken: what is known adds none. */
static size_t size_after(const struct ocpp *o, jv entries)
{
	size_t n = o->list.n;

	for (int i = 0; i < json_len(entries); i++) {
		jv item = json_at(entries, i), token = json_get(item, "idToken");
		bool known =
		    cache_find(&o->list, str_of(token, "idToken"), str_of(token, "type")) != NULL;
		bool stays = !json_absent(json_get(item, "idTokenInfo"));

		n += (size_t)(stays && !known);
		n -= (size_t)(!stays && known);
	}
	return n;
}

/* Which of two entries of a token would count? */
static bool has_twice(jv entries)
{
	struct cache each = {0};
	bool twice;

	for (int i = 0; i < json_len(entries); i++) {
		jv token = json_get(json_at(entries, i), "idToken");

		cache_put(&each, str_of(token, "idToken"), str_of(token, "type"));
	}
	twice = each.n < (size_t)json_len(entries);
	cache_clear(&each);
	return twice;
}

static void send_local_list(struct ocpp *o, const struct ocpp_frame *f)
{
	jv entries = json_get(f->payload, "localAuthorizationList");
	int64_t version = int_of(f->payload, "versionNumber", 0);
	bool full = strcmp(str_of(f->payload, "updateType"), "Full") == 0;

	if (!var_bool(o, VAR_LIST_ENABLED)) {
		reply_status(o, "Failed", "NotEnabled", NULL);
	} else if (json_len(entries) > CACHE_MAX || (!full && size_after(o, entries) > CACHE_MAX)) {
		reply_status(o, "Failed", "TooManyElements", NULL);
	} else if (!full && version <= o->list_version) {
		reply_status(o, "VersionMismatch", NULL, NULL);
	} else if (version <= 0 || (full && !has_info(entries))) {
		reply_status(o, "Failed", "InvalidValue",
			     "a version above 0, and idTokenInfo in a full list");
	} else if (has_twice(entries)) {
		reply_status(o, "Failed", "InvalidValue", "a token stands in the list twice");
	} else {
		if (full)
			cache_clear(&o->list);
		for (int i = 0; i < json_len(entries); i++)
			take_entry(o, json_at(entries, i));
		o->list_version = version;
		tokens_save(o, "locallist", &o->list, version);
		reply_status(o, "Accepted", NULL, NULL);
	}
}

static void get_version(struct ocpp *o, const struct ocpp_frame *f)
{
	(void)f;
	jw_kint(reply_begin(o), "versionNumber",
		var_bool(o, VAR_LIST_ENABLED) ? o->list_version : 0);
	reply_send(o);
}

static int load(struct ocpp *o, struct err *err)
{
	return tokens_load(o, "locallist", &o->list, &o->list_version, err);
}

static const struct ocpp_handler handlers[] = {
    {"SendLocalList", send_local_list}, {"GetLocalListVersion", get_version}, {0}};

const struct ocpp_block block_locallist = {.load = load, .handlers = handlers};
