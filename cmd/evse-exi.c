/* evse-exi: what a car and a charger say to each other, between EXI and JSON.
 *
 * Reads lines of JSON (decode, encode) or hex (explain), writes lines of JSON or text. The codec is
 * lib/exi; a command is a row of the table at the end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cli.h"
#include "core/confine.h"
#include "core/head.h"
#include "core/log.h"
#include "exi/explain.h"
#include "exi/lines.h"
#include "evse-exi/pcap.h"
#include "evse-exi/wait.h"

static struct {
	bool fragment;
	const char *schema, *keys;
} opt;

/* ---- decode and encode ---- */

struct filter {
	int (*work)(const char *line, size_t len, struct buf *out);
	struct lines lines;
	struct buf out;
	bool failed;
};

static void write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			log_fatal(EXIT_IO, "unable to write: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

static void answer_line(void *ctx, const char *line, size_t len)
{
	struct filter *f = ctx;

	if (!line) {
		log_error("line %llu: too long or not ended, skipped",
			  (unsigned long long)f->lines.number);
		f->failed = true;
		return;
	}
	buf_reset(&f->out);
	if (f->work(line, len, &f->out) < 0)
		f->failed = true;
	buf_addc(&f->out, '\n');
	if (buf_failed(&f->out))
		log_fatal(EXIT_OS, "line %llu: no memory for the answer",
			  (unsigned long long)f->lines.number);
	write_all(f->out.data, f->out.len);
}

static int filter(int (*work)(const char *line, size_t len, struct buf *out))
{
	struct filter f = {.work = work};
	sigset_t waiting;
	long n = 1;

	wait_begin(&waiting);
	lines_init(&f.lines);
	buf_init(&f.out, EXI_ANSWER_MAX);
	while (n > 0 && wait_input(STDIN_FILENO, &waiting))
		n = lines_read(&f.lines, STDIN_FILENO, answer_line, &f);
	if (n < 0)
		log_fatal(EXIT_IO, "unable to read: %s", strerror(errno));
	lines_release(&f.lines);
	buf_release(&f.out);
	return f.failed ? EXIT_NO : EXIT_DONE;
}

static int cmd_decode(char **argv)
{
	(void)argv;
	return filter(exi_line_decode);
}

static int cmd_encode(char **argv)
{
	(void)argv;
	return filter(exi_line_encode);
}

/* ---- list ---- */

static int named_schema(void)
{
	int schema = exi_schema_find(opt.schema);

	if (schema < 0)
		log_fatal(EXIT_USAGE, "unknown schema '%s'; 'evse-exi list' names them",
			  opt.schema);
	return schema;
}

static int cmd_list(char **argv)
{
	int only = opt.schema ? named_schema() : -1;

	(void)argv;
	for (int m = 0; m < EXI_MESSAGES; m++) {
		int schema = exi_message_schema(m);

		if (only < 0 || only == schema)
			printf("%s\t0x%04x\t%s\n", exi_schema_name(schema),
			       (unsigned)exi_schema_payload(schema), exi_message_name(m));
	}
	return EXIT_DONE;
}

/* ---- explain ---- */

/* The schemas that read a stream whole; names lists them. */
static int fitting(const uint8_t *data, size_t size, int flags, char *names, size_t namesize,
		   int *schema)
{
	static const struct exi_visitor silent;
	struct exi_err err;
	size_t len = 0;
	int n = 0;

	for (int i = 0; i < EXI_SCHEMAS; i++) {
		if (exi_walk(i, flags, data, size, &silent, NULL, NULL, &err) < 0)
			continue;
		*schema = i;
		len += (size_t)snprintf(names + len, namesize - len, "%s%s", n++ ? ", " : "",
					exi_schema_name(i));
	}
	return n;
}

/* The schema given, or that of the frame, or the only one that fits. */
static int explain_schema(const uint8_t *data, size_t size, int flags, uint16_t payload_type)
{
	char names[256] = "";
	struct exi_err err;
	int schema = -1, n;

	if (opt.schema)
		return named_schema();
	if (payload_type) {
		schema = exi_schema_guess(payload_type, data, size, &err);
		if (schema < 0)
			log_fatal(EXIT_BAD_DATA, "%s", err.what);
		return schema;
	}
	n = fitting(data, size, flags, names, sizeof names, &schema);
	if (n != 1)
		log_fatal(EXIT_USAGE,
			  n ? "more than one schema fits (%s); choose with --schema"
			    : "no schema fits the whole of it%s; choose one with --schema",
			  names);
	return schema;
}

static int cmd_explain(char **argv)
{
	static uint8_t octets[1 << 16];
	const uint8_t *data = octets;
	int flags = opt.fragment ? EXI_FRAGMENT : 0, r;
	uint16_t payload_type = 0;
	ssize_t n;
	struct buf out;

	n = exi_hex(argv[0], octets, sizeof octets);
	if (n < 0)
		log_fatal(EXIT_USAGE,
			  "'%.40s': expected hex digits, two an octet, of 64 KiB at most", argv[0]);
	if (n >= 2 && octets[0] == 0x01 && octets[1] == 0xfe) {
		n = exi_v2gtp(octets, (size_t)n, &payload_type);
		if (n < 0)
			log_fatal(EXIT_BAD_DATA, "V2GTP header wrong, or not the length it says");
		data += 8;
	}
	buf_init(&out, EXI_ANSWER_MAX);
	r = exi_explain(explain_schema(data, (size_t)n, flags, payload_type), flags, data,
			(size_t)n, &out);
	fputs(buf_str(&out), stdout);
	buf_release(&out);
	return r < 0 ? EXIT_NO : EXIT_DONE;
}

/* ---- pcap ---- */

static int cmd_pcap(char **argv)
{
	return pcap_print(argv[0], opt.keys);
}

/* ---- the commands ---- */

static const struct {
	const char *name;
	int args;                /* how many follow */
	int (*run)(char **argv); /* takes them, returns the exit code */
} commands[] = {
    {"decode", 0, cmd_decode},   {"encode", 0, cmd_encode}, {"list", 0, cmd_list},
    {"explain", 1, cmd_explain}, {"pcap", 1, cmd_pcap},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int run_command(int argc, char **argv)
{
	const char *names[COMMANDS], *near;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (argc && strcmp(argv[0], commands[i].name) == 0) {
			if (argc - 1 != commands[i].args)
				log_fatal(EXIT_USAGE,
					  "%s takes %d arguments, not %d; try 'evse-exi --help'",
					  argv[0], commands[i].args, argc - 1);
			return commands[i].run(argv + 1);
		}
		names[i] = commands[i].name;
	}
	if (!argc)
		log_fatal(EXIT_USAGE, "no command; try 'evse-exi --help'");
	near = cli_nearest(argv[0], names, COMMANDS);
	log_fatal(EXIT_USAGE,
		  near ? "unknown command '%s', did you mean %s? Try 'evse-exi --help'"
		       : "unknown command '%s'; try 'evse-exi --help'%s",
		  argv[0], near ? near : "");
}

/* For completions. */
static void print_commands(void)
{
	fputs("@\tdecode\tframes of EXI in hex to JSON\n@\tencode\tJSON to EXI\n"
	      "@\tlist\tschemas and messages that it knows\n@\texplain\ta stream, event by event\n"
	      "@\tpcap\ta car's conversation out of a capture\n",
	      stdout);
}

int main(int argc, char **argv)
{
	static const struct cli_opt own[] = {
	    {'s', "schema", "NAME", NULL, "list, explain: this schema only", CLI_STR, &opt.schema,
	     0, 0, false, true},
	    {'f', "fragment", NULL, NULL, "explain: the stream is a fragment (what is signed)",
	     CLI_FLAG, &opt.fragment, 0, 0, false, true},
	    {'k', "keys", "FILE", "@file", "pcap: TLS key log (SSLKEYLOGFILE)", CLI_STR, &opt.keys,
	     0, 0, false, true},
	    {0}};
	static struct cli cli = {
	    .tool = "evse-exi",
	    .synopsis = "decode | encode | list | explain HEX | pcap FILE",
	    .about = "Reads and writes the EXI messages of DIN SPEC 70121, ISO 15118-2 and ISO "
		     "15118-20 as JSON.",
	    .own = own,
	    .common = cli_answers,
	    .examples = "  evse-exi decode <frames.jsonl\n  evse-exi explain 804880\n",
	};
	int code = EXIT_DONE;

	cli_init(true);
	log_init("evse-exi");
	if (argc > 1 && strcmp(argv[1], "--option-table") == 0)
		print_commands();
	switch (cli_parse(&cli, argc, argv, NULL, NULL, &code)) {
	case CLI_GO:
		confine_tell(CONFINE_NOTHING); /* what it opens yet, it reads */
		code = run_command(cli.nargs, cli.args);
		break;
	case CLI_DONE:
	case CLI_BAD:
		break;
	}
	return cli_close(code);
}
