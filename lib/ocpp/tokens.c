/* Tokens as they stand in messages and in the kept files: the cache and the local list share this.
 */
#include "ocpp/block.h"

#include "core/utc.h"

#include <stdio.h>
#include <string.h>

void write_token(struct jw *w, const char *id, const char *kind)
{
	jw_kobj(w, "idToken");
	jw_kstr(w, "idToken", id);
	jw_kstr(w, "type", kind);
	jw_end(w);
}

static void read_evses(struct cache_entry *e, jv list)
{
	int64_t id;

	e->evses = 0;
	for (int i = 0; i < json_len(list); i++)
		if (json_int(json_at(list, i), 1, 64, &id))
			e->evses |= UINT64_C(1) << (id - 1);
}

bool token_fits(const struct cache_entry *e, int evse)
{
	return !e->evses || evse < 1 || (e->evses >> (evse - 1) & 1);
}

void read_token_info(struct cache_entry *e, jv info)
{
	const char *until = str_of(info, "cacheExpiryDateTime");
	jv group = json_get(info, "groupIdToken");

	snprintf(e->status, sizeof(e->status), "%s", str_of(info, "status"));
	snprintf(e->group, sizeof(e->group), "%s", str_of(group, "idToken"));
	snprintf(e->group_kind, sizeof(e->group_kind), "%s", str_of(group, "type"));
	if (utc_parse(until, strlen(until), &e->until_us) < 0)
		e->until_us = CACHE_FOREVER;
	read_evses(e, json_get(info, "evseId"));
}

void tokens_save(struct ocpp *o, const char *name, const struct cache *c, int64_t version)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 4 << 20);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kint(&w, "version", version);
	jw_karr(&w, "tokens");
	for (size_t i = 0; i < c->n; i++) {
		const struct cache_entry *e = c->entries[i];

		jw_obj(&w);
		jw_kstr(&w, "id", e->id);
		jw_kstr(&w, "kind", e->kind);
		jw_kstr(&w, "status", e->status);
		jw_kstr(&w, "group", e->group);
		jw_kstr(&w, "group_kind", e->group_kind);
		if (e->until_us != CACHE_FOREVER)
			jw_ktime(&w, "until", e->until_us);
		jw_ktime(&w, "used", e->used_us);
		jw_karr(&w, "evses");
		for (int id = 1; e->evses && id <= 64; id++)
			if (token_fits(e, id))
				jw_int(&w, id);
		jw_end(&w);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	keep(o, name, &b);
	buf_release(&b);
}

static void load_one(struct cache *c, jv v)
{
	struct cache_entry *e = cache_put(c, str_of(v, "id"), str_of(v, "kind"));
	const char *until = str_of(v, "until"), *used = str_of(v, "used");

	if (!e)
		return;
	snprintf(e->status, sizeof(e->status), "%s", str_of(v, "status"));
	snprintf(e->group, sizeof(e->group), "%s", str_of(v, "group"));
	snprintf(e->group_kind, sizeof(e->group_kind), "%s", str_of(v, "group_kind"));
	utc_parse(until, strlen(until), &e->until_us);
	utc_parse(used, strlen(used), &e->used_us);
	read_evses(e, json_get(v, "evses"));
}

int tokens_load(struct ocpp *o, const char *name, struct cache *c, int64_t *version,
		struct err *err)
{
	jv v;
	int rc = kept(o, name, &v, err);
	jv tokens = json_get(v, "tokens");

	for (int i = 0; rc > 0 && i < json_len(tokens); i++)
		load_one(c, json_at(tokens, i));
	if (version)
		*version = int_of(v, "version", 0);
	json_free(v);
	return rc < 0 ? -1 : 0;
}
