/* evse-sim: cars, cables, boards, meters, a house and a grid, for having no hardware.
 *
 * Reads   command records with "to":"sim" and bare commands {"kind":…} on standard input, and a
 * scenario file Writes  car, token and reply records Serves  the pilot line of each EVSE on a Unix
 * socket; its meters as Modbus TCP and RTU devices Uses    lib/sim (the world is pure; time and
 * input are given to it) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/state.h"
#include "sim.h"

static struct sim sim = {
    .opt =
	{
	    .modbus_host = "127.0.0.1",
	    .evses = 1,
	    .close_ms = 20,
	    .open_ms = 15,
	    .lock_ms = 600,
	    .base_wh = 1000000,
	    .house_base_wh = 8000000,
	    .house_w = 600,
	    .cp_noise_mv = 20,
	    .seed = 1,
	    .keepalive_ms = 100,
	    .interval_ms = 1000,
	    .impedance_ohm = 0.1,
	},
    .lock_fd = -1,
};

#define OPT_INT(letter, name, arg, help, member, min, max)                                      \
	{                                                                                       \
		letter, name, arg, NULL, help, CLI_INT, &sim.opt.member, min, max, false, false \
	}
#define OPT_NUM(name, arg, help, member, min, max)                                         \
	{                                                                                  \
		0, name, arg, NULL, help, CLI_NUM, &sim.opt.member, min, max, false, false \
	}
#define OPT_FLAG(name, help, member)                                                     \
	{                                                                                \
		0, name, NULL, NULL, help, CLI_FLAG, &sim.opt.member, 0, 0, false, false \
	}

static const struct cli_opt options[] = {
    {'d', "dir", "DIR", "@dir", "directory of the sockets, devices and the saved world (needed)",
     CLI_STR, &sim.opt.dir, 0, 0, false, false},
    OPT_INT('n', "evses", "N", "number of EVSEs, 1 to 64 (1)", evses, 1, SIM_EVSE_MAX),
    {0, "scenario", "NAME", "@file",
     "carry out a scenario: a file, or the name of one in share/evse", CLI_STR, &sim.opt.scenario,
     0, 0, false, false},
    OPT_FLAG("fresh", "begin a new world, whatever was saved", fresh),
    {0, "modbus-host", "ADDR", NULL, "IPv4 address of the Modbus TCP meters (127.0.0.1)", CLI_STR,
     &sim.opt.modbus_host, 0, 0, false, false},
    OPT_INT(0, "modbus-port", "PORT", "their port; 0 takes a free one, see DIR/modbus.port (0)",
	    modbus_port, 0, 65535),
    OPT_FLAG("no-tty", "make no Modbus RTU devices", no_tty),
    OPT_NUM("tethered", "A", "fixed cables for A amperes; 0 means sockets (0)", tethered_a, 0, 80),
    OPT_INT(0, "close-ms", "MS", "the contactor closes after MS (20)", close_ms, 0, 10000),
    OPT_INT(0, "open-ms", "MS", "the contactor opens after MS (15)", open_ms, 0, 10000),
    OPT_INT(0, "lock-ms", "MS", "the lock's motor runs for MS (600)", lock_ms, 0, 60000),
    OPT_FLAG("interlock", "the board itself opens at RCD, e-stop, or CP outside C and D",
	     interlock),
    OPT_INT(0, "alive-ms", "MS", "the board opens after MS without an alive pulse; 0: never (0)",
	    alive_ms, 0, 600000),
    OPT_FLAG("rapi", "OpenEVSE controllers drive the boards, on DIR/rapi.N.tty", rapi),
    OPT_FLAG("rotate", "turn the phases of each further EVSE by one", rotate),
    OPT_NUM("impedance", "OHM", "of the line to the house (0.1)", impedance_ohm, 0, 5),
    OPT_INT(0, "house", "W", "load of the house; negative: it feeds in (600)", house_w, -100000,
	    100000),
    OPT_INT(0, "base", "WH", "what each EV meter has counted before (1000000)", base_wh, 0,
	    1000000000),
    OPT_INT(0, "house-base", "WH", "what the house meter has counted before (8000000)",
	    house_base_wh, 0, 1000000000),
    OPT_INT(0, "cp-noise", "MV", "noise on the pilot readings, MV at most, up and down (20)",
	    cp_noise_mv, 0, 1000),
    OPT_INT(0, "seed", "N", "of the noise (1)", seed, 0, 1e9),
    OPT_INT(0, "keepalive-ms", "MS", "repeat the pilot line every MS; 0: only changes (100)",
	    keepalive_ms, 0, 3600000),
    OPT_INT(0, "interval", "MS", "a car record every MS; 0: only changes (1000)", interval_ms, 0,
	    3600000),
    {0},
};

void sim_now(struct sim *s)
{
	sim_world_advance(&s->world, tool_now(s->tool).mono_us);
}

void sim_sync(struct sim *s)
{
	int64_t next_us;

	serial_sync(s);
	next_us = sim_world_next(&s->world);
	lines_sync(s);
	script_check(s->script);
	if (next_us == SIM_NEVER)
		loop_timer_cancel(s->tool->loop, &s->world_timer);
	else if (!s->world_timer.armed || s->world_timer.deadline_us != next_us)
		loop_timer_set(s->tool->loop, &s->world_timer, next_us);
}

static void on_world(void *ctx)
{
	struct sim *s = ctx;

	sim_now(s);
	sim_sync(s);
}

/* ---- commands ---- */

static void on_swipe(void *ctx, int evse, const char *id, const char *kind)
{
	struct sim *s = ctx;
	char item[16];
	struct jw *w;

	snprintf(item, sizeof(item), "rfid.%d", evse);
	w = tool_record(s->tool, "token", (struct out_head){.item = item, .evse = evse});
	jw_kobj(w, "token");
	jw_kstr(w, "id", id);
	jw_kstr(w, "kind", kind);
	jw_end(w);
	tool_send(s->tool);
}

/* The command is durable before its reply is written. */
static const char *carry_out(struct sim *s, jv body, struct err *err)
{
	static const char *const status[] = {
	    [SIM_ACCEPTED] = "accepted",
	    [SIM_REJECTED] = "rejected",
	    [SIM_UNKNOWN_KIND] = "unknown_kind",
	};
	enum sim_verdict v;

	err->msg[0] = '\0';
	sim_now(s);
	v = sim_command(&s->hands, body, err);
	if (v == SIM_ACCEPTED)
		keep_save(s);
	return status[v];
}

static void after_command(struct sim *s)
{
	sim_sync(s);
	if (s->hands.end)
		tool_exit(s->tool, EXIT_DONE);
}

void sim_bare_command(struct sim *s, jv body, const char *id)
{
	struct err err;
	const char *status = carry_out(s, body, &err), *own = json_str(json_get(body, "id"));
	struct jw *w = tool_record(s->tool, "reply", (struct out_head){0});

	if (own || id)
		jw_kstr(w, "id", own ? own : id);
	jw_kstr(w, "status", status);
	if (err.msg[0])
		jw_kstr(w, "reason", err.msg);
	tool_send(s->tool);
	after_command(s);
}

static bool on_other(struct tool *t, const char *line, size_t len)
{
	bool taken = false;
	jv v;

	if (len < 2 || strncmp(line, "{\"t\":", 5) == 0 || json_parse(line, len, &v, NULL) < 0)
		return false;
	if (json_str(json_get(v, "kind"))) {
		sim_bare_command(t->ctx, v, NULL);
		taken = true;
	}
	json_free(v);
	return taken;
}

static void on_record(struct tool *t, const struct record *r)
{
	struct sim *s = t->ctx;
	int64_t valid_ms = 5000;
	const char *status;
	struct err err;

	if (!tool_addressed(t, r))
		return;
	if (json_want_int(r->body, "valid_ms", 0, INT32_MAX, &valid_ms, &err) < 0) {
		tool_reply_simple(t, r, "rejected", err.msg);
		return;
	}
	if (tool_now(t).real_us - r->t_us > valid_ms * 1000) {
		tool_reply_simple(t, r, "expired", NULL);
		return;
	}
	status = carry_out(s, r->body, &err);
	tool_reply_simple(t, r, status, err.msg[0] ? err.msg : NULL);
	after_command(s);
}

/* ---- start and stop ---- */

static void make_world(struct sim *s)
{
	const struct options *o = &s->opt;
	const struct sim_world_config cfg = {
	    .evses = (int)o->evses,
	    .board =
		{
		    .close_ms = (int)o->close_ms,
		    .open_ms = (int)o->open_ms,
		    .lock_ms = (int)o->lock_ms,
		    .interlock = o->interlock,
		    .alive_ms = (int)o->alive_ms,
		},
	    .tethered_ma = (int)(o->tethered_a * 1000 + 0.5),
	    .base_wh = o->base_wh,
	    .house_base_wh = o->house_base_wh,
	    .house_w = (int)o->house_w,
	    .impedance_mohm = (int)(o->impedance_ohm * 1000 + 0.5),
	    .cp_noise_mv = (int)o->cp_noise_mv,
	    .seed = (uint64_t)o->seed,
	};

	sim_world_init(&s->world, &cfg, tool_now(s->tool).mono_us);
	for (int i = 0; o->rotate && i < s->world.evses; i++)
		s->world.evse[i].rotation = i % SIM_PHASES;
	s->hands = (struct sim_hands){
	    .world = &s->world,
	    .meter_late_ms = 1500,
	    .swipe = on_swipe,
	    .ctx = s,
	};
}

static int own_dir(struct sim *s)
{
	char path[256];
	struct err err;

	if (!s->opt.dir) {
		log_error("option -d DIR is needed; try --help");
		return EXIT_USAGE;
	}
	if (state_dir(s->opt.dir, &err) < 0) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	if (snprintf(path, sizeof(path), "%s/sim.lock", s->opt.dir) >= (int)sizeof(path)) {
		log_error("%s: the path is too long", s->opt.dir);
		return EXIT_USAGE;
	}
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("unable to lock %s: %s", path,
			  errno == EWOULDBLOCK ? "another evse-sim uses it" : strerror(errno));
		return EXIT_TEMPORARY;
	}
	return 0;
}

static int start(struct tool *t)
{
	struct sim *s = t->ctx;
	struct err err;
	int code = 0;

	s->tool = t;
	if (!t->replaying && (code = own_dir(s)) != 0)
		return code;
	make_world(s);
	if (s->opt.scenario) {
		s->script = script_load(s, s->opt.scenario, &code);
		if (!s->script)
			return code;
		script_start(s->script, tool_now(t).mono_us, 0);
	}
	if (s->opt.rapi)
		serial_make(s);
	code = keep_load(s);
	if (code)
		return code;
	s->world_timer = (struct loop_timer){.name = "world", .fn = on_world, .ctx = s};
	sim_now(s);
	if (lines_start(s, &err) < 0 || (s->serial && serial_start(s, &err) < 0) ||
	    (!t->replaying && meters_start(s, &err) < 0)) {
		log_error("%s", err.msg);
		return EXIT_UNAVAILABLE;
	}
	sim_sync(s);
	keep_save(s);
	return 0;
}

static void stop(struct tool *t)
{
	struct sim *s = t->ctx;

	/* Whoever ends it in order wants the scenario from its beginning next time. */
	script_free(s->script);
	s->script = NULL;
	if (s->pilots) {
		sim_now(s);
		keep_save(s);
	}
	sim_mbserve_free(s->modbus);
	sim_pilotsock_free(s->pilots);
	serial_stop(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
}

int main(int argc, char **argv)
{
	static const char *const wants[] = {"command", NULL};
	static const struct tool_def def = {
	    .name = "evse-sim",
	    .src = "sim",
	    .about = "Simulates EVSE boards, cars, Modbus meters, a house and a grid.",
	    .examples = "  evse-sim -d /tmp/sim --scenario demo\n"
			"  echo '{\"kind\":\"plug\",\"car\":\"family\"}' | evse-sim -d /tmp/sim\n",
	    .kind = TOOL_SOURCE,
	    .options = options,
	    .wants = wants,
	    .needs = CONFINE_FILES | CONFINE_LOCAL | CONFINE_DEVICE,
	    .ctx = &sim,
	    .start = start,
	    .on_record = on_record,
	    .on_other = on_other,
	    .stop = stop,
	};

	return tool_main(&def, argc, argv);
}
