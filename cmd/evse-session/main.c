/* evse-session: who may charge, and since when.
 *
 * Reads   pilot, meter, token, reply, reading, availability, command
 * Writes  session and auth (each EVSE, on each edge), command (authorize to ocpp, reading to
 * meter.N), reply Uses    lib/session for the sessions, lib/core for everything else Here options
 * and start; take.c reads records, say.c stores and writes
 */
#include "evse-session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/state.h"

static void restore(struct tool *t, int evse, jv obj)
{
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	struct session_stored stored;
	jv lines = json_get(obj, "lines");
	struct err err = {""};

	if (store_read(obj, &stored, &err) < 0) {
		log_error("stored session of EVSE %d not understood, begun anew: %s", evse,
			  err.msg);
		return;
	}
	session_restore(&s->core, evse, &stored, &now);
	for (int i = 0; i < json_len(lines); i++) {
		const char *line = json_str(json_at(lines, i));

		if (!line)
			continue;
		buf_adds(&s->last[evse - 1], line);
		buf_addc(&s->last[evse - 1], '\n');
	}
}

/* Seed and stored sessions come as one line of input, so that a replay begins like the live run. */
static void on_start(void *ctx, const char *data, size_t len)
{
	struct tool *t = ctx;
	struct session_tool *s = t->ctx;
	struct session_now now = now_of(t);
	const char *seed;
	struct err err;
	jv v;

	if (json_parse(data, len, &v, &err) < 0) {
		log_error("start: %s", err.msg);
		return;
	}
	seed = json_str(json_get(v, "seed"));
	s->conf.seed = seed ? strtoull(seed, NULL, 16) : 0;
	sessions_init(&s->core, &s->conf);
	for (int i = 1; i <= s->conf.evses; i++) {
		jv stored = json_at(json_get(v, "evses"), i - 1);

		if (!json_absent(stored))
			restore(t, i, stored);
		/* What may not have left before the restart is said again; who has it drops it. */
		session_say_again(t, i);
		if (!s->last[i - 1].len)
			session_announce(&s->core, i, &now);
		session_carry_out(t);
	}
	json_free(v);
	session_settle_all(t);
}

static int feed_start(struct tool *t)
{
	struct session_tool *s = t->ctx;
	struct buf stored, line;
	int format = STORE_FORMAT;
	enum state_result found = STATE_NONE;
	struct err err;
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
		log_error("unable to draw a seed: %s", strerror(errno));
		return EXIT_OS;
	}
	buf_init(&stored, STATE_MAX);
	buf_init(&line, STATE_MAX);
	if (s->dir)
		found = state_load(s->dir, "session", &format, &stored, &err);
	if (found == STATE_NEWER)
		log_error("%s", err.msg);
	else if (found == STATE_BAD)
		log_error("%s; sessions begin anew", err.msg);
	buf_addf(&line, "{\"seed\":\"%016" PRIx64 "\"", seed);
	if (found == STATE_OK)
		buf_addf(&line, ",\"evses\":%s", buf_str(&stored));
	buf_addc(&line, '}');
	if (found != STATE_NEWER)
		tool_feed(t, s->start_channel, buf_str(&line), line.len);
	buf_release(&line);
	buf_release(&stored);
	return found == STATE_NEWER ? EXIT_CONFIG : 0;
}

static int start(struct tool *t)
{
	struct session_tool *s = t->ctx;
	struct err err;

	s->conf.evses = (int)s->evses;
	s->conf.plug_ms = (int64_t)(s->plug_s * 1000);
	snprintf(s->conf.epoch, sizeof s->conf.epoch, "%s", t->out.epoch);
	buf_init(&s->lines, STATE_MAX);
	for (int i = 0; i < SESSION_EVSES_MAX; i++)
		buf_init(&s->last[i], STATE_MAX);
	s->timer = (struct loop_timer){.name = "wait", .fn = session_on_wait, .ctx = t};
	s->start_channel = tool_channel(t, "start", on_start, t);
	s->hash_channel = tool_channel(t, "hash", session_on_hash, t);
	if (s->dir && !t->replaying && state_dir(s->dir, &err) < 0) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	if (token_key_load(&s->key, t->replaying ? NULL : s->dir, &err) < 0 ||
	    (s->list_path && token_list_load(&s->list, s->list_path, &s->key, &err) < 0)) {
		log_error("%s", err.msg);
		return EXIT_CONFIG;
	}
	sessions_init(&s->core, &s->conf);
	return t->replaying ? 0 : feed_start(t);
}

static void on_set(struct tool *t)
{
	struct session_tool *s = t->ctx;

	s->conf.plug_ms = (int64_t)(s->plug_s * 1000);
	s->core.conf.plug_ms = s->conf.plug_ms;
}

static void stop(struct tool *t)
{
	struct session_tool *s = t->ctx;

	token_list_release(&s->list);
	buf_release(&s->lines);
	for (int i = 0; i < SESSION_EVSES_MAX; i++)
		buf_release(&s->last[i]);
	explicit_bzero(&s->key, sizeof s->key);
}

int main(int argc, char **argv)
{
	static struct session_tool s;
	const struct cli_opt options[] = {
	    {'e', "evses", "N", NULL, "number of EVSEs (1)", CLI_INT, &s.evses, 1,
	     SESSION_EVSES_MAX, false, false},
	    {'d', "dir", "DIR", "@dir", "keep the sessions in DIR, so that a restart finds them",
	     CLI_STR, &s.dir, 0, 0, false, false},
	    {'o', "ocpp", NULL, NULL, "ask the service ocpp whether a token may charge", CLI_FLAG,
	     &s.conf.ocpp, 0, 0, false, false},
	    {'l', "list", "FILE", "@file",
	     "tokens that may charge where no back office decides, one a line", CLI_STR,
	     &s.list_path, 0, 0, false, false},
	    {'f', "free", NULL, NULL, "let everyone charge where no back office decides", CLI_FLAG,
	     &s.conf.free, 0, 0, false, false},
	    {0, "plug-timeout", "S", NULL, "seconds that a token waits for the plug (60)", CLI_NUM,
	     &s.plug_s, 1, 86400, false, CLI_SET},
	    {0},
	};
	const struct tool_def def = {
	    .name = "evse-session",
	    .src = "session",
	    .about = "Decide who may charge, and tell each edge of a session.",
	    .examples =
		"  evse-pilot ... | evse-session -p --list cards |\n    evse-setpoint --managed\n",
	    .kind = TOOL_FILTER,
	    .options = options,
	    .wants = session_wants,
	    .needs = CONFINE_FILES,
	    .ctx = &s,
	    .start = start,
	    .on_record = session_on_record,
	    .stop = stop,
	    .state_dir = &s.dir,
	    .on_set = on_set,
	};

	session_conf_init(&s.conf);
	s.evses = 1;
	s.plug_s = 60;
	return tool_main(&def, argc, argv);
}
