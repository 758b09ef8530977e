/* probe, test, scope: what a technician does with a board before it becomes a charger. */
#include "app.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/head.h"
#include "pilot/drv/gpio.h"
#include "pilot/drv/sysfs.h"
#include "pilot/duty.h"

enum { TICK_US = 20000, STEADY_MS = 100, LATE_READINGS = 2, SILENT_MS = 2000 };

enum { PROBE, TEST, SCOPE, WORDS };

static const struct {
	const char *name, *help, *synopsis;
} words[] = {
    [PROBE] = {"probe", "list what this machine, or a board, offers", "[ADDRESS]"},
    [TEST] = {"test", "walk a technician through a board's outputs and inputs", "ADDRESS"},
    [SCOPE] = {"scope", "draw the pilot line, of a board or of pilot records on standard input",
	       "[ADDRESS]"},
};

struct step {
	const char *what;
	const char *ask; /* a person answers; NULL: the readings do */
	void (*drive)(struct pilot_out *o);
	bool (*seen)(const struct pilot_readings *r);
	int limit_ms;
	size_t
	    needs; /* offset of the capability in struct driver_caps; 0: none (step_ma is there) */
};

static struct tech {
	struct loop *loop;
	struct driver *driver;
	struct driver_caps caps;
	struct pilot_out out;
	struct pilot_readings r;
	bool have, rcd6, rcd30, allowed;
	struct loop_timer tick;
	struct lines lines;
	size_t step;
	int failed, since_ms, good_ms, late; /* late: readings after the step's time */
	int64_t duty;
	bool scope;
} t;

int technician_word(const char *word)
{
	for (int i = 0; i < WORDS; i++)
		if (strcmp(words[i].name, word) == 0)
			return i;
	return -1;
}

void technician_table(void)
{
	for (int i = 0; i < WORDS; i++)
		printf("@\t%s\t%s\n", words[i].name, words[i].help);
}

/* ---- probe ---- */

static size_t shown; /* lines of what was found */

static void show_line(void *ctx, const char *chip, unsigned offset, const char *name, bool output,
		      const char *consumer)
{
	(void)ctx;
	shown++;
	printf("gpio\t%s\t%u\t%s\t%s\t%s\n", chip, offset, name[0] ? name : "-",
	       output ? "output" : "input", consumer[0] ? consumer : "free");
}

static void show_sysfs(void *ctx, const char *kind, const char *device, const char *what,
		       const char *place)
{
	(void)ctx;
	shown++;
	printf("%s\t%s\t%s%s%s\n", kind, device, what, place[0] ? "\t" : "", place);
}

static void show_caps(const char *address)
{
	const struct driver_caps *k = &t.caps;
	const struct {
		const char *name;
		bool has;
	} rows[] = {{"levels in volts", k->voltages},
		    {"PP", k->pp},
		    {"5 % duty", k->hlc},
		    {"pilot can be cut", k->cp_disconnect},
		    {"phase switch", k->phase_switch},
		    {"plug lock", k->lock},
		    {"contactor feedback", k->feedback},
		    {"RCD self-test", k->rcd_test},
		    {"current", k->current},
		    {"temperature", k->temperature},
		    {"notices the end of this program", k->guarded},
		    {"safety machine of its own", k->own_machine}};

	printf("board\t%s\nstep\t%.1f A\n", address, k->step_ma / 1000.0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		printf("%s\t%s\n", rows[i].name, rows[i].has ? "yes" : "no");
}

static int probe(void)
{
	glob_t g;

	shown = 0;
	sysfs_each(show_sysfs, NULL);
	gpio_each(show_line, NULL);
	if (glob("/dev/tty[UA][SC][BM]*", 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			printf("serial\t%s\n", g.gl_pathv[i]);
		shown += g.gl_pathc;
		globfree(&g);
	}
	if (!shown)
		log_notice("no PWM chip, IIO device, GPIO line or serial line on this machine");
	return EXIT_DONE;
}

/* ---- test ---- */

static void x1(struct pilot_out *o)
{
	o->duty = DUTY_X1;
}

static void f(struct pilot_out *o)
{
	o->duty = DUTY_F;
}

static void half(struct pilot_out *o)
{
	o->duty = 5000;
}

static void narrow(struct pilot_out *o)
{
	o->duty = 1000;
}

static void lock(struct pilot_out *o)
{
	o->duty = DUTY_X1;
	o->lock = true;
}

static void unlock(struct pilot_out *o)
{
	o->lock = false;
}

static void rcd_test(struct pilot_out *o)
{
	o->rcd_test = true;
}

static void rcd_rest(struct pilot_out *o)
{
	o->rcd_test = false;
}

static void close_contactor(struct pilot_out *o)
{
	o->contactor = t.allowed;
}

static void open_contactor(struct pilot_out *o)
{
	o->contactor = false;
}

static void one_phase(struct pilot_out *o)
{
	o->phases = 1;
}

static void three_phases(struct pilot_out *o)
{
	o->phases = 3;
}

static void cut(struct pilot_out *o)
{
	o->cp_connected = false;
}

static void uncut(struct pilot_out *o)
{
	o->cp_connected = true;
}

static bool near(int mv, int want)
{
	return abs(mv - want) <= 1000;
}

static bool sees_x1(const struct pilot_readings *r)
{
	return near(r->cp_pos_mv, 12000) && !r->contactor;
}

static bool sees_pwm(const struct pilot_readings *r)
{
	return near(r->cp_pos_mv, 12000) && near(r->cp_neg_mv, -12000);
}

static bool sees_f(const struct pilot_readings *r)
{
	return near(r->cp_pos_mv, -12000) || near(r->cp_neg_mv, -12000);
}

static bool sees_locked(const struct pilot_readings *r)
{
	return r->locked;
}

static bool sees_unlocked(const struct pilot_readings *r)
{
	return r->unlocked;
}

static bool sees_rcd(const struct pilot_readings *r)
{
	(void)r;
	return t.rcd6 && t.rcd30;
}

static bool sees_rcd_rest(const struct pilot_readings *r)
{
	return !r->rcd && !r->rcd6 && !r->rcd30;
}

static bool sees_closed(const struct pilot_readings *r)
{
	return r->contactor;
}

static bool sees_open(const struct pilot_readings *r)
{
	return !r->contactor;
}

static bool sees_estop(const struct pilot_readings *r)
{
	return r->estop;
}

static bool sees_no_estop(const struct pilot_readings *r)
{
	return !r->estop;
}

static bool sees_plug(const struct pilot_readings *r)
{
	return pilot_pp_of(r->pp_ohm, &pilot_pp_default) != PP_NONE;
}

#define CAP(member) offsetof(struct driver_caps, member)

/* Nothing is energised before a person has said that the mains are off. */
static const struct step steps[] = {
    {"outputs at rest: X1, contactor open, no car", NULL, x1, sees_x1, 3000, 0},
    {"duty 50 %: both halves of the pilot", NULL, half, sees_pwm, 2000, CAP(voltages)},
    {"duty 10 %: the positive half still seen", NULL, narrow, sees_pwm, 2000, CAP(voltages)},
    {"state F: steady -12 V", NULL, f, sees_f, 2000, CAP(voltages)},
    {"X1 again", NULL, x1, sees_x1, 2000, 0},
    {"pilot line cut", "Is the pilot line dead at the plug?", cut, NULL, 0, CAP(cp_disconnect)},
    {"pilot line back", NULL, uncut, sees_x1, 2000, CAP(cp_disconnect)},
    {"plug locked", NULL, lock, sees_locked, 5000, CAP(lock)},
    {"plug free", NULL, unlock, sees_unlocked, 5000, CAP(lock)},
    {"RCD self-test answered", NULL, rcd_test, sees_rcd, 3000, CAP(rcd_test)},
    {"RCD quiet again", NULL, rcd_rest, sees_rcd_rest, 4000, CAP(rcd_test)},
    {"emergency stop pressed (20 s)", NULL, NULL, sees_estop, 20000, 0},
    {"emergency stop released (20 s)", NULL, NULL, sees_no_estop, 20000, 0},
    {"a cable plugged in (20 s)", NULL, NULL, sees_plug, 20000, CAP(pp)},
    {"mains", "Are the mains switched off upstream, and measured dead?", NULL, NULL, 0, 0},
    {"one phase selected", "Did the phase relay move?", one_phase, NULL, 0, CAP(phase_switch)},
    {"three phases selected", NULL, three_phases, sees_open, 500, CAP(phase_switch)},
    {"contactor closed", NULL, close_contactor, sees_closed, 500, CAP(feedback)},
    {"contactor open", NULL, open_contactor, sees_open, 500, CAP(feedback)},
};

enum { STEPS = sizeof steps / sizeof *steps };

static bool has(const struct step *s)
{
	return s->needs == 0 || *((const bool *)&t.caps + s->needs);
}

static void apply(void (*drive)(struct pilot_out *))
{
	if (drive)
		drive(&t.out);
	driver_apply(t.driver, &t.out);
}

static void rest(int code)
{
	t.out = (struct pilot_out){.duty = DUTY_X1, .cp_connected = true, .phases = 3};
	driver_apply(t.driver, &t.out);
	loop_stop(t.loop, code);
}

static void next_step(void)
{
	t.since_ms = t.good_ms = t.late = 0;
	t.rcd6 = t.rcd30 = false;
	while (t.step < STEPS && !has(&steps[t.step])) {
		printf("absent\t%s\n", steps[t.step].what);
		t.step++;
	}
	if (t.step == STEPS) {
		printf("%d failed\n", t.failed);
		rest(t.failed ? EXIT_NO : EXIT_DONE);
		return;
	}
	apply(steps[t.step].drive);
	if (steps[t.step].ask)
		printf("%s [y/n] ", steps[t.step].ask);
	fflush(stdout);
}

static void verdict(bool good)
{
	const struct step *s = &steps[t.step];
	bool mains = s->ask && !s->drive;

	printf("%s\t%s\tCP %+.2f V %+.2f V, PP %d ohm, contactor %s, lock %s\n",
	       good ? "ok" : "FAILED", s->what, t.r.cp_pos_mv / 1000.0, t.r.cp_neg_mv / 1000.0,
	       t.r.pp_ohm, t.r.contactor ? "closed" : "open",
	       t.r.locked     ? "locked"
	       : t.r.unlocked ? "unlocked"
			      : "unknown");
	if (mains)
		t.allowed = good;
	t.failed += !good;
	/* Live mains end the walk: what follows closes the contactor. */
	t.step = mains && !good ? STEPS : t.step + 1;
	next_step();
}

/* A step has failed when its time is over and the board still says so afterwards, or nothing more:
 * a machine that stood still for a moment is not a bad board. */
static void test_tick(void)
{
	const struct step *s = &steps[t.step];

	if (!t.have || s->ask)
		return;
	t.since_ms += TICK_US / 1000;
	t.good_ms = s->seen(&t.r) ? t.good_ms + TICK_US / 1000 : 0;
	if (t.good_ms >= STEADY_MS)
		verdict(true);
	else if (t.since_ms >= s->limit_ms &&
		 (t.late >= LATE_READINGS || t.since_ms >= s->limit_ms + SILENT_MS))
		verdict(false);
}

/* ---- scope ---- */

static void draw(double pos, double neg, double duty)
{
	enum { WIDTH = 53 };
	char bar[WIDTH + 1];
	double at[2] = {neg, pos};

	memset(bar, '.', WIDTH);
	bar[WIDTH] = '\0';
	bar[WIDTH / 2] = '|';
	for (int i = 0; i < 2; i++) {
		int x = (int)((at[i] + 13) / 26 * (WIDTH - 1) + 0.5);

		if (x >= 0 && x < WIDTH)
			bar[x] = i ? '+' : '-';
	}
	printf("%+6.2f V %+6.2f V %6.2f %%  %s  ", neg, pos, duty, bar);
	/* One period: high for the duty's part. */
	for (int i = 0; i < 20; i++)
		putchar(i * 5 < duty ? '^' : '_');
	putchar('\n');
	fflush(stdout);
}

static void on_record_line(void *ctx, const char *line, size_t len)
{
	double pos, neg, duty;
	jv v;

	(void)ctx;
	if (!line || json_parse(line, len, &v, NULL) < 0)
		return;
	if (json_num(json_get(v, "cp_pos_v"), -100, 100, &pos) &&
	    json_num(json_get(v, "cp_neg_v"), -100, 100, &neg) &&
	    json_num(json_get(v, "duty_pct"), 0, 100, &duty))
		draw(pos, neg, duty);
	json_free(v);
}

static int scope_records(void)
{
	long n;

	lines_init(&t.lines);
	do
		n = lines_read(&t.lines, STDIN_FILENO, on_record_line, NULL);
	while (n > 0);
	lines_release(&t.lines);
	return EXIT_DONE;
}

/* ---- both ---- */

static void on_readings(void *ctx, const struct pilot_readings *r)
{
	(void)ctx;
	t.r = *r;
	t.have = true;
	t.late += t.step < STEPS && t.since_ms >= steps[t.step].limit_ms;
	t.rcd6 = t.rcd6 || r->rcd6;
	t.rcd30 = t.rcd30 || r->rcd30;
}

static void on_lost(void *ctx, const char *why)
{
	(void)ctx;
	log_error("the board does not answer: %s", why);
	loop_stop(t.loop, EXIT_UNAVAILABLE);
}

static void on_tick(void *ctx)
{
	(void)ctx;
	loop_timer_after(t.loop, &t.tick, t.scope ? 5 * TICK_US : TICK_US);
	if (!t.scope)
		test_tick();
	else if (t.have)
		draw(t.r.cp_pos_mv / 1000.0, t.r.cp_neg_mv / 1000.0, t.out.duty / 100.0);
}

static void on_answer(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	(void)len;
	if (line && !t.scope && t.step < STEPS && steps[t.step].ask)
		verdict(line[0] == 'y' || line[0] == 'Y');
}

static void on_stdin(void *ctx, int fd, short revents)
{
	(void)ctx;
	(void)revents;
	if (lines_read(&t.lines, fd, on_answer, NULL) > 0)
		return;
	loop_unwatch(t.loop, fd);
	/* Nobody is there to answer. */
	if (!t.scope && t.step < STEPS) {
		log_error("the answers ended before the test did");
		rest(EXIT_NO);
	} else if (t.scope) {
		rest(EXIT_DONE);
	}
}

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	rest(t.scope ? EXIT_DONE : EXIT_NO);
}

static int with_board(const char *address)
{
	struct driver_host host;
	struct err err;
	int code;

	t.loop = loop_new(&err);
	if (!t.loop)
		log_fatal(EXIT_OS, "%s", err.msg);
	host = (struct driver_host){.loop = t.loop, .readings = on_readings, .lost = on_lost};
	t.driver = driver_open(address, &host, &err, &code);
	if (!t.driver)
		log_fatal((enum exit_code)code, "%s", err.msg);
	t.out = (struct pilot_out){
	    .duty = t.scope ? (int)t.duty * 100 : DUTY_X1, .cp_connected = true, .phases = 3};
	driver_apply(t.driver, &t.out);
	t.tick = (struct loop_timer){.name = "tick", .fn = on_tick};
	loop_timer_after(t.loop, &t.tick, TICK_US);
	lines_init(&t.lines);
	if (loop_watch(t.loop, STDIN_FILENO, POLLIN, on_stdin, NULL) < 0 ||
	    loop_signal(t.loop, SIGINT, on_signal, NULL) < 0 ||
	    loop_signal(t.loop, SIGTERM, on_signal, NULL) < 0)
		log_fatal(EXIT_OS, "unable to start: %s", strerror(errno));
	if (!t.scope)
		next_step();
	code = loop_run(t.loop);
	driver_close(t.driver);
	lines_release(&t.lines);
	loop_free(t.loop);
	return code;
}

static const struct cli_opt scope_options[] = {
    {0, "duty", "PCT", NULL, "duty to drive, 0 to 100 (default 100)", CLI_INT, &t.duty, 0, 100,
     false, true},
    {0},
};

int technician(int argc, char **argv)
{
	int word = technician_word(argv[0]), code;
	static struct cli cli; /* lives as long as the program: what it holds is never freed */
	const char *address;
	struct pilot_conf conf;
	struct err err;

	cli_init(true);
	log_init("evse-pilot");
	t.duty = 100;
	t.scope = word == SCOPE;
	cli = (struct cli){.tool = "evse-pilot",
			   .synopsis = words[word].synopsis,
			   .about = words[word].help,
			   .own = word == SCOPE ? scope_options : NULL,
			   .common = cli_answers};
	if (cli_parse(&cli, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	address = cli.args[0];
	if (cli.nargs > 1)
		log_fatal(EXIT_USAGE, "%s: expected one address, got '%s' too", argv[0],
			  cli.args[1]);
	if (!address && word == TEST)
		log_fatal(EXIT_USAGE, "test: expected the address of a board");
	if (!address && word == SCOPE && isatty(STDIN_FILENO))
		log_fatal(EXIT_USAGE, "scope: expected the address of a board, or pilot records on "
				      "standard input");
	if (!address)
		return cli_close(word == PROBE ? probe() : scope_records());
	pilot_conf_init(&conf);
	if (driver_describe(address, &t.caps, &conf, &err, &code) < 0)
		log_fatal((enum exit_code)code, "%s", err.msg);
	if (word == PROBE) {
		show_caps(address);
		return cli_close(EXIT_DONE);
	}
	return cli_close(with_board(address));
}
