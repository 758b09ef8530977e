/* What each tool has of the frame: options from table, file and environment; records out to a
 * reader who is slow, gone or full; jq filters; messages. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/jqf.h"
#include "core/log.h"
#include "core/out.h"

/* ---- messages go to a pipe while a test looks at them ---- */

static int kept_stderr = -1, kept_stdout = -1, heard = -1;

static void listen_to(int fd, int *kept)
{
	int ends[2];

	fflush(stdout);
	REQUIRE(pipe2(ends, O_NONBLOCK) == 0);
	*kept = dup(fd);
	dup2(ends[1], fd);
	close(ends[1]);
	heard = ends[0];
}

static const char *said(int fd, int *kept)
{
	static char text[8192];
	ssize_t n;

	fflush(stdout);
	n = read(heard, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	dup2(*kept, fd);
	close(*kept);
	close(heard);
	return text;
}

#define LISTEN() listen_to(STDERR_FILENO, &kept_stderr)
#define SAID()   said(STDERR_FILENO, &kept_stderr)

/* ---- options ---- */

static struct {
	bool fast, help, print, check;
	const char *name, *config;
	int64_t count;
	double amps;
	int earthing, verbose;
	struct cli_list sources;
	jv limits;
} o;

static const struct cli_opt own[] = {
    {'f', "fast", NULL, NULL, "go fast", CLI_FLAG, &o.fast, 0, 0, false, false},
    {'n', "name", "NAME", NULL, "the name", CLI_STR, &o.name, 0, 0, false, false},
    {0, "count", "N", NULL, "how many", CLI_INT, &o.count, 1, 10, false, false},
    {0, "amps", "A", NULL, "current", CLI_NUM, &o.amps, 0, 80, false, false},
    {0, "earthing", "WORD", "tn|tt|it", "the net", CLI_WORD, &o.earthing, 0, 0, false, false},
    {0, "source", "SRC", NULL, "sources", CLI_LIST, &o.sources, 0, 0, false, false},
    {0, "limits", "JSON", NULL, "limits", CLI_JSON, &o.limits, 0, 0, false, false},
    {0},
};
static const struct cli_opt common[] = {
    {'c', "config", "FILE", "@file", "the file", CLI_STR, &o.config, 0, 0, false, true},
    {'v', "verbose", NULL, NULL, "more", CLI_COUNT, &o.verbose, 0, 0, false, true},
    {'h', "help", NULL, NULL, "help", CLI_FLAG, &o.help, 0, 0, false, true},
    {0, "print-config", NULL, NULL, "print", CLI_FLAG, &o.print, 0, 0, false, true},
    {0, "check-config", NULL, NULL, "check", CLI_FLAG, &o.check, 0, 0, false, true},
    {0},
};

static size_t two_sections(void *ctx, const char *names[4])
{
	(void)ctx;
	names[0] = "unit";
	names[1] = "unit.1";
	return 2;
}

/* Parses a command line whose words are parted by one blank. */
static enum cli_result parse(const char *line, int *code)
{
	static char words[512];
	static char tool[] = "evse-unit";
	char *argv[32] = {tool}, *save = NULL;
	struct cli c = {.tool = "evse-unit",
			.synopsis = "[FILE]",
			.about = "A test.",
			.own = own,
			.common = common};
	enum cli_result rc;
	int argc = 1;

	json_free(o.limits);
	memset(&o, 0, sizeof o);
	o.limits = jv_invalid();
	snprintf(words, sizeof words, "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	*code = -1;
	rc = cli_parse(&c, argc, argv, two_sections, NULL, code);
	free(c.args);
	free(c.origin);
	return rc;
}

static void file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0);
	REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

TEST(options_of_each_kind)
{
	int code;

	REQUIRE(parse("-f -n pilot --count=10 --amps 79.5 --earthing tt --source a --source b "
		      "--limits {\"a\":[1]} -vv x",
		      &code) == CLI_GO);
	CHECK(o.fast);
	CHECK_STR(o.name, "pilot");
	CHECK_INT(o.count, 10);
	CHECK_NUM(o.amps, 79.5, 0);
	CHECK_INT(o.earthing, 1);
	REQUIRE(o.sources.count == 2);
	CHECK_STR(o.sources.item[1], "b");
	CHECK_INT(json_len(json_get(o.limits, "a")), 1);
	CHECK_INT(o.verbose, 2);
}

TEST(options_that_are_wrong_are_named)
{
	static const struct {
		const char *line, *says;
	} row[] = {
	    {"--count 0", "--count: expected a number from 1 to 10, got '0'"},
	    {"--count 11", "--count: expected a number from 1 to 10, got '11'"},
	    {"--count 1.5", "--count"},
	    {"--count 5x", "--count: expected a number from 1 to 10, got '5x'"},
	    {"--amps nan", "--amps: expected a number from 0 to 80, got 'nan'"},
	    {"--amps 80.1", "--amps"},
	    {"--earthing tx", "--earthing: expected "},
	    {"--limits {", "--limits"},
	    {"--name", "option '--name' needs NAME"},
	    {"--fst", "unknown option '--fst'; did you mean '--fast'?"},
	    {"-x", "unknown option '-x'"},
	    {"-c /nonexistent/file", "unable to open /nonexistent/file: No such file or directory"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int code;

		LISTEN();
		CHECK_INT(parse(row[i].line, &code), CLI_BAD);
		if (!strstr(SAID(), row[i].says))
			HARNESS_FAIL("%s: not said: %s", row[i].line, row[i].says);
		CHECK_INT(code, row[i].line[1] == 'c' ? EXIT_CONFIG : EXIT_USAGE);
	}
}

TEST(file_then_environment_then_line)
{
	const char *path = "/tmp/evse-unit-cli.json";
	char line[128];
	int code;

	file(path,
	     "{\"unit\":{\"count\":2,\"amps\":6,\"source\":[\"x\",\"y\"],\"fast\":true},"
	     "\"unit.1\":{\"count\":3,\"earthing\":\"it\",\"limits\":{\"a\":1}},\"other\":7}");
	setenv("EVSE_UNIT_AMPS", "8", 1);
	snprintf(line, sizeof line, "-c %s", path);
	REQUIRE(parse(line, &code) == CLI_GO);
	CHECK_INT(o.count, 3);   /* the section of the instance wins */
	CHECK_NUM(o.amps, 8, 0); /* the environment over the file */
	CHECK_INT(o.earthing, 2);
	CHECK(o.fast);
	CHECK_INT((int)o.sources.count, 2);
	snprintf(line, sizeof line, "--count 4 --amps 9 -c %s", path);
	REQUIRE(parse(line, &code) == CLI_GO);
	CHECK_INT(o.count, 4); /* the line over all */
	CHECK_NUM(o.amps, 9, 0);
	unsetenv("EVSE_UNIT_AMPS");

	listen_to(STDOUT_FILENO, &kept_stdout);
	snprintf(line, sizeof line, "--count 4 --print-config -c %s", path);
	CHECK_INT(parse(line, &code), CLI_DONE);
	CHECK(strstr(said(STDOUT_FILENO, &kept_stdout), "count") != NULL);
	CHECK_INT(code, 0);
	unlink(path);
}

TEST(files_that_are_wrong_are_named)
{
	static const struct {
		const char *text, *says;
	} row[] = {
	    {"{\"unit\":{\"cuont\":2}}",
	     "section \"unit\": unknown key \"cuont\"; did you mean \"count\"?"},
	    {"{\"unit\":{\"count\":\"20\"}}",
	     "section \"unit\": \"count\": expected a number from 1 to 10"},
	    {"{\"unit\":{\"count\":99}}", "\"count\": expected a whole number from 1 to 10"},
	    {"{\"unit.1\":{\"fast\":1}}", "section \"unit.1\": \"fast\""},
	    {"{\"unit\":{\"name\":[]}}", "\"name\""},
	    {"{\"unit\":{\"earthing\":\"x\"}}", "\"earthing\""},
	    {"{\"unit\":{\"source\":[1]}}", "\"source\""},
	    {"{\"unit\":{\"help\":true}}", "\"help\""},
	    {"{\"unit\":7}", "unit"},
	    {"[1]", "/tmp/evse-unit-cli.json"},
	    {"{\"unit\":", "not JSON"},
	    {"", "not JSON: empty"},
	};
	const char *path = "/tmp/evse-unit-cli.json";

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int code;

		file(path, row[i].text);
		LISTEN();
		CHECK_INT(parse("-c /tmp/evse-unit-cli.json", &code), CLI_BAD);
		if (!strstr(SAID(), row[i].says))
			HARNESS_FAIL("%s: not said: %s", row[i].text, row[i].says);
		CHECK_INT(code, EXIT_CONFIG);
	}
	unlink(path);
}

TEST(help_and_what_is_near)
{
	const char *text;
	int code;

	listen_to(STDOUT_FILENO, &kept_stdout);
	CHECK_INT(parse("--help", &code), CLI_DONE);
	text = said(STDOUT_FILENO, &kept_stdout);
	CHECK_INT(code, 0);
	for (const struct cli_opt *p = own; p->name; p++)
		if (!strstr(text, p->name) || !strstr(text, p->help))
			HARNESS_FAIL("not in the help: --%s", p->name);
}

/* ---- records out ---- */

static int failed_with;

static void on_failed(void *ctx, int code)
{
	(void)ctx;
	failed_with = code;
}

static void begin(struct out *out, int fd, struct loop *loop)
{
	failed_with = 0;
	out_init(out, fd, loop, "unit", clock_read());
	out->on_error = on_failed;
}

static uint64_t say(struct out *out, size_t octets)
{
	char *text = malloc(octets + 1);
	struct jw *w = out_begin(out, clock_read(), "log",
				 (struct out_head){.item = "x", .evse = 2, .to = "sim"});
	uint64_t n;

	memset(text, 'a', octets);
	text[octets] = '\0';
	jw_kstr(w, "text", text);
	free(text);
	n = out_send(out);
	return n;
}

TEST(out_says_when_the_disk_is_full_or_the_reader_gone)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), ends[2];
	struct out out;

	REQUIRE(full >= 0 && pipe(ends) == 0);
	signal(SIGPIPE, SIG_IGN);
	begin(&out, full, NULL);
	CHECK_INT(say(&out, 10), 1);
	CHECK_INT(failed_with, ENOSPC);
	out_release(&out);
	close(full);
	close(ends[0]);
	begin(&out, ends[1], NULL);
	say(&out, 10);
	CHECK_INT(failed_with, EPIPE);
	out_release(&out);
	close(ends[1]);
	begin(&out, ends[1], NULL);
	say(&out, 10);
	CHECK_INT(failed_with, EBADF);
	out_release(&out);
}

TEST(out_waits_for_a_slow_reader_and_drops_at_the_bound)
{
	struct loop *loop = loop_new(NULL);
	size_t octets = 0, lines = 0;
	static char part[65536];
	struct out out;
	int ends[2];
	ssize_t n;

	REQUIRE(loop && pipe2(ends, O_NONBLOCK) == 0);
	begin(&out, ends[1], loop);
	CHECK(!out_blocked(&out));
	for (int i = 0; i < 200; i++)
		CHECK_INT(say(&out, 4000), i + 1);
	CHECK(out_blocked(&out));
	CHECK_INT(out.dropped, 0);
	CHECK_INT(out_flush(&out, 50), -1);
	CHECK_INT(errno, ETIMEDOUT);
	LISTEN();
	for (int i = 0; i < 2000 && !out.dropped; i++)
		say(&out, 4000);
	CHECK(strstr(SAID(), "output is full") != NULL);
	CHECK(out.dropped > 0);
	CHECK(out.queue.len <= OUT_QUEUE_MAX);
	/* What was begun is finished: only whole lines come, in order. */
	for (int turn = 0; turn < 10000 && (out.queue.len || turn < 2); turn++) {
		while ((n = read(ends[0], part, sizeof part)) > 0) {
			octets += (size_t)n;
			for (ssize_t i = 0; i < n; i++)
				lines += part[i] == '\n';
		}
		out_flush(&out, 0);
	}
	while ((n = read(ends[0], part, sizeof part)) > 0) {
		octets += (size_t)n;
		for (ssize_t i = 0; i < n; i++)
			lines += part[i] == '\n';
	}
	CHECK_INT(lines, out.written - out.dropped);
	CHECK(octets > OUT_QUEUE_MAX);
	CHECK_INT(failed_with, 0);
	out_release(&out);
	loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

TEST(out_sends_nothing_of_what_is_too_long)
{
	int ends[2];
	struct out out;
	char c;

	REQUIRE(pipe2(ends, O_NONBLOCK) == 0);
	begin(&out, ends[1], NULL);
	LISTEN();
	CHECK_INT(say(&out, 70000), 0);
	CHECK(strstr(SAID(), "could not be built") != NULL);
	CHECK_INT(read(ends[0], &c, 1), -1);
	CHECK_INT(say(&out, 10), 2); /* and the next goes out */
	CHECK_INT(read(ends[0], &c, 1), 1);
	CHECK_INT(c, '{');
	out_release(&out);
	close(ends[0]);
	close(ends[1]);
}

/* ---- jq ---- */

TEST(jq_filters)
{
	const char *text = "{\"a\":[1,\"x\"],\"b\":null}";
	struct err err = {""};
	struct jqf *f = jqf_new(".a[]", &err);
	struct buf b;

	buf_init(&b, 1000);
	REQUIRE(f);
	CHECK_INT(jqf_run(f, text, strlen(text), &b, &err), 2);
	CHECK_STR(buf_str(&b), "1\n\"x\"\n");
	buf_reset(&b);
	CHECK_INT(jqf_run(f, "{", 1, &b, &err), -1);
	CHECK(err.msg[0]);
	CHECK_INT(jqf_run(f, "7", 1, &b, &err), -1);
	CHECK(strstr(err.msg, "number") != NULL);
	CHECK_INT(jqf_run(f, text, strlen(text), &b, &err), 2); /* it goes on after a failure */
	jqf_free(f);
	f = jqf_new("empty", &err);
	REQUIRE(f);
	CHECK_INT(jqf_run(f, text, strlen(text), &b, &err), 0);
	jqf_free(f);
	err.msg[0] = '\0';
	CHECK(jqf_new(".a[", &err) == NULL);
	CHECK(err.msg[0]);
	buf_release(&b);
}

/* ---- messages ---- */

TEST(messages_of_a_level_without_control_bytes)
{
	const char *text;

	log_init("evse-unit");
	log_set_level(LOG_LEVEL_WARNING);
	LISTEN();
	log_warning("bell \a and escape \033[2J in %s", "a name\n");
	log_notice("not to be seen");
	log_set_json(true);
	log_error("quote \" and é\xff");
	log_set_json(false);
	text = SAID();
	CHECK(strstr(text, "evse-unit: warning: bell ? and escape ?[2J in a name?\n") == text);
	CHECK(strstr(text, "not to be seen") == NULL);
	CHECK(strstr(text, "quote \\\" and é?\"") != NULL);
}

TEST(messages_that_repeat_are_held_back)
{
	int lines = 0;

	LISTEN();
	for (int i = 0; i < 100; i++)
		log_error("the same %s", "again");
	for (const char *p = SAID(); *p; p++)
		lines += *p == '\n';
	CHECK(lines >= 5 && lines <= 6);
}
