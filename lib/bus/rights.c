#include "bus/rights.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* Every service may also write boot, alert, var, reply and security. Commands are "to:kind" with *
 * for any kind. */
static const struct row {
	const char *service, *types, *commands;
} rows[] = {
    {"pilot", "pilot lock input temp", ""},
    {"dc", "dc temp", ""},
    {"iso15118", "ev token need", "session:*"},
    {"meter", "meter reading", ""},
    {"grid", "grid limit", ""},
    {"token", "token input limit", ""},
    {"session", "session auth display",
     "ocpp:authorize meter:reading pilot:unlock pilot:reset_fault"},
    {"setpoint", "setpoint config", ""},
    {"ocpp",
     "limit token uplink availability reservation tariff display firmware cert config ack need",
     "session:stop session:set pilot:unlock pilot:reset_fault pilot:replug meter:reading charger:* "
     "setpoint:set log:*"},
    {"hems", "limit uplink", "session:stop"},
    {"openadr", "limit tariff forecast uplink", ""},
    {"oscp", "limit forecast uplink", ""},
    {"mqtt", "limit uplink", ""},
    {"plan", "limit forecast need", ""},
    {"log", "log ack", ""},
    {"clock", "clock", ""},
    {"uplink", "uplink", ""},
    {"update", "firmware", "charger:restart"},
    {"display", "display need token", ""},
    {"charger", "config", "*:*"},
    {"sim", "token car", ""},
    {"tap", "-", ""},
    {"operator", "command limit need token availability", "*:*"},
};

static const char everyone[] = "boot alert var reply security";

static bool word_in(const char *list, struct slice word)
{
	size_t len;

	for (const char *p = list; *p; p += len + (p[len] == ' ')) {
		len = strcspn(p, " ");
		if (len == word.len && memcmp(p, word.at, len) == 0)
			return true;
	}
	return false;
}

/* `pilot.1` goes by the row of `pilot`. */
static const struct row *row_of(const char *service)
{
	size_t len = strcspn(service, ".");

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strlen(rows[i].service) == len && memcmp(rows[i].service, service, len) == 0)
			return &rows[i];
	return NULL;
}

void rights_init(struct rights *r)
{
	r->file = jv_invalid();
}

void rights_release(struct rights *r)
{
	json_free(r->file);
	r->file = jv_invalid();
}

static int check_member(void *ctx, const char *key, jv v)
{
	struct err *err = ctx;

	if (strcmp(key, "types") != 0 && strcmp(key, "commands") != 0 && strcmp(key, "users") != 0)
		return err_set(err, "unknown member \"%s\"; expected types, commands or users",
			       key);
	if (!json_is(v, JV_KIND_ARRAY))
		return err_set(err, "\"%s\": expected an array of strings", key);
	for (int i = 0; i < json_len(v); i++)
		if (!json_str(json_at(v, i)))
			return err_set(err, "\"%s\": expected an array of strings", key);
	return 0;
}

static int check_service(void *ctx, const char *key, jv v)
{
	if (!json_is(v, JV_KIND_OBJECT))
		return err_set(ctx, "\"%s\": expected an object", key);
	return json_each(v, check_member, ctx) ? err_prefix(ctx, "\"%s\"", key) : 0;
}

int rights_load(struct rights *r, const char *path, struct err *err)
{
	jv v;

	if (json_load(path, 1 << 18, &v, err) < 0)
		return -1;
	if (!json_is(v, JV_KIND_OBJECT) || json_each(v, check_service, err)) {
		if (!json_is(v, JV_KIND_OBJECT))
			err_set(err, "expected an object with a member for each service");
		err_prefix(err, "%s", path);
		json_free(v);
		return -1;
	}
	rights_release(r);
	r->file = v;
	return 0;
}

/* The file's row of this very service, else of its first part. */
static jv file_row(const struct rights *r, const char *service)
{
	char base[64];
	size_t len = strcspn(service, ".");
	jv v = json_get(r->file, service);

	if (!json_absent(v) || len >= sizeof base)
		return v;
	memcpy(base, service, len);
	base[len] = '\0';
	return json_get(r->file, base);
}

static bool in_array(jv arr, struct slice word)
{
	for (int i = 0; i < json_len(arr); i++)
		if (slice_is(word, json_str(json_at(arr, i))))
			return true;
	return false;
}

bool rights_type(const struct rights *r, const char *service, struct slice type)
{
	const struct row *row = row_of(service);
	jv own = json_get(file_row(r, service), "types");

	if (row && row->types[0] == '-')
		return false;
	if (word_in(everyone, type))
		return true;
	if (slice_is(type, "command"))
		return (row && row->commands[0]) ||
		       json_len(json_get(file_row(r, service), "commands")) > 0;
	if (!json_absent(own))
		return in_array(own, type);
	return row && word_in(row->types, type);
}

static bool pattern(const char *p, size_t len, struct slice to, struct slice kind)
{
	const char *colon = memchr(p, ':', len);
	size_t left, right;

	if (!colon)
		return false;
	left = (size_t)(colon - p);
	right = len - left - 1;
	if (!(left == 1 && *p == '*') && !(left <= to.len && memcmp(p, to.at, left) == 0 &&
					   (left == to.len || to.at[left] == '.')))
		return false;
	return (right == 1 && colon[1] == '*') ||
	       (right == kind.len && memcmp(colon + 1, kind.at, right) == 0);
}

bool rights_command(const struct rights *r, const char *service, struct slice to, struct slice kind)
{
	const struct row *row = row_of(service);
	jv own = json_get(file_row(r, service), "commands");
	size_t len;

	if (!json_absent(own)) {
		for (int i = 0; i < json_len(own); i++)
			if (pattern(json_str(json_at(own, i)), strlen(json_str(json_at(own, i))),
				    to, kind))
				return true;
		return false;
	}
	for (const char *p = row ? row->commands : ""; *p; p += len + (p[len] == ' ')) {
		len = strcspn(p, " ");
		if (pattern(p, len, to, kind))
			return true;
	}
	return false;
}

bool rights_src(const char *service, struct slice src)
{
	size_t len = strlen(service);

	return src.len >= len && memcmp(src.at, service, len) == 0 &&
	       (src.len == len || src.at[len] == '.');
}

bool rights_user(const struct rights *r, const char *service, uid_t uid)
{
	jv users = json_get(file_row(r, service), "users");
	struct passwd *pw;

	if (uid == 0 || uid == geteuid())
		return true;
	if (json_absent(users) || !(pw = getpwuid(uid)))
		return false;
	return in_array(users, (struct slice){pw->pw_name, strlen(pw->pw_name)});
}
