/* What tools write beside plain records: their start, lines for later, alerts, replies; and where
 * their data lies. */
#include "core/tool.h"

#include "core/tool_frame.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tool_boot_record(struct tool *t)
{
	struct jw *w = tool_record(t, "boot", (struct out_head){0});

	jw_kstr(w, "version", EVSE_VERSION);
	jw_kstr(w, "tool", t->def->name);
	if (!t->replaying && !t->frame->journal)
		jw_kint(w, "pid", getpid());
	tool_send(t);
}

bool tool_build(struct tool *t, struct buf *line)
{
	size_t before = line->len;

	jw_end(&t->out.w);
	if (jw_failed(&t->out.w)) {
		log_error("a record of %zu bytes or more could not be built", t->out.line.len);
		return false;
	}
	if (buf_add(line, t->out.line.data, t->out.line.len) == 0)
		return true;
	line->len = before;
	return false;
}

void tool_alert(struct tool *t, const char *code, int evse, int severity, bool raised, bool latched,
		const char *component, const char *text)
{
	char item[80];
	struct jw *w;

	snprintf(item, sizeof item, "alert.%s", code);
	w = tool_record(t, "alert", (struct out_head){.item = item, .evse = evse});
	jw_kstr(w, "code", code);
	jw_kint(w, "severity", severity);
	jw_kstr(w, "component", component);
	jw_kbool(w, "raised", raised);
	jw_kbool(w, "latched", latched);
	jw_kstr(w, "text", text);
	tool_send(t);
}

bool tool_addressed(const struct tool *t, const struct record *r)
{
	size_t len = r->head.to.len;

	if (!record_is(r, "command") || !len)
		return false;
	return slice_is(r->head.to, t->src) ||
	       (strncmp(t->src, r->head.to.at, len) == 0 && t->src[len] == '.');
}

struct jw *tool_reply(struct tool *t, const struct record *r, const char *status)
{
	struct jw *w =
	    tool_record(t, "reply", (struct out_head){.evse = r->head.evse, .to = record_src(r)});

	jw_kstr(w, "id", json_str(record_get(r, "id")));
	jw_kstr(w, "status", status);
	return w;
}

void tool_reply_simple(struct tool *t, const struct record *r, const char *status,
		       const char *reason)
{
	struct jw *w = tool_reply(t, r, status);

	if (reason)
		jw_kstr(w, "reason", reason);
	tool_send(t);
}

bool tool_share(const char *name, char *path, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	const char *env = getenv("EVSE_SHARE");
	char *slash;

	if (env && snprintf(path, size, "%s/%s", env, name) > 0 && access(path, R_OK) == 0)
		return true;
	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		snprintf(path, size, "%s/../share/evse/%s", exe, name);
		if (access(path, R_OK) == 0)
			return true;
	}
	snprintf(path, size, "%s/%s", EVSE_DATADIR, name);
	return access(path, R_OK) == 0;
}
