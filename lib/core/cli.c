#include "core/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/log.h"

void cli_init(bool sigpipe_kills)
{
	/* What is closed must not become some file of ours; and who writes to a closed output must
	 * hear of it, which a descriptor that is only read gives. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
	signal(SIGPIPE, sigpipe_kills ? SIG_DFL : SIG_IGN);
}

int cli_close(int code)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE)
			log_error("unable to write to standard output: %s", strerror(errno));
		return EXIT_IO;
	}
	return code;
}

/* ---- the table ---- */

static const struct cli_opt *nth(const struct cli *c, size_t i)
{
	const struct cli_opt *o = c->own;

	for (; o && o->name; o++)
		if (i-- == 0)
			return o;
	for (o = c->common; o && o->name; o++)
		if (i-- == 0)
			return o;
	return NULL;
}

static size_t count(const struct cli *c)
{
	size_t n = 0;

	while (nth(c, n))
		n++;
	return n;
}

static const struct cli_opt *by_name(const struct cli *c, const char *name, size_t len,
				     size_t *index)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth(c, i)); i++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
			*index = i;
			return o;
		}
	}
	return NULL;
}

static const struct cli_opt *by_letter(const struct cli *c, char letter, size_t *index)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth(c, i)); i++) {
		if (o->letter == letter) {
			*index = i;
			return o;
		}
	}
	return NULL;
}

static const char *nearest_option(const struct cli *c, const char *given)
{
	const char *names[128];
	size_t n = 0;

	for (const struct cli_opt *o; n < 128 && (o = nth(c, n));)
		names[n++] = o->name;
	return cli_nearest(given, names, n);
}

struct applying {
	struct cli *c;
	const char *origin;
	struct err *err;
};

static int apply_member(void *ctx, const char *key, jv v)
{
	struct applying *a = ctx;
	const char *near;
	size_t i;
	const struct cli_opt *o = by_name(a->c, key, strlen(key), &i);

	if (key[0] == '_' || strncmp(key, "//", 2) == 0) /* a remark */
		return 0;
	if (!o || (o->use & CLI_LINE)) {
		near = nearest_option(a->c, key);
		return err_set(a->err, "unknown key \"%s\"%s%s%s", key,
			       near ? "; did you mean \"" : "", near ? near : "",
			       near ? "\"?" : "");
	}
	if (cli_set_json(o, v, a->err) < 0)
		return err_prefix(a->err, "\"%s\"", key);
	if (a->c->origin)
		a->c->origin[i] = a->origin;
	return 0;
}

int cli_apply(struct cli *c, jv section, const char *origin, struct err *err)
{
	struct applying a = {c, origin, err};

	if (!json_is(section, JV_KIND_OBJECT))
		return err_set(err, "expected an object of options");
	return json_each(section, apply_member, &a) ? -1 : 0;
}

/* EVSE_METER_MIN_INTERVAL for option min-interval of evse-meter. */
static int apply_environment(struct cli *c, struct err *err)
{
	char name[128];
	const struct cli_opt *o;
	const char *value;

	for (size_t i = 0; (o = nth(c, i)); i++) {
		if (o->use & CLI_LINE)
			continue;
		snprintf(name, sizeof name, "EVSE_%s_%s", c->tool + strlen("evse-"), o->name);
		for (char *p = name; *p; p++)
			*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
		value = getenv(name);
		if (!value)
			continue;
		if (cli_set_text(o, value, err) < 0)
			return err_prefix(err, "environment %s", name);
		c->origin[i] = "environment";
	}
	return 0;
}

/* ---- the command line ---- */

struct line {
	struct cli *c;
	int argc;
	char **argv;
	int at;
	bool set; /* false: the first pass only takes what must be known before the file is read */
};

static const char from_line[] = "command line";

static int usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int usage(const struct cli *c, const char *fmt, ...)
{
	char msg[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	log_error("%s; try '%s%s%s --help'", msg, c->tool, c->command ? " " : "",
		  c->command ? c->command : "");
	return -1;
}

static int take(struct line *l, const struct cli_opt *o, size_t index, const char *value)
{
	struct err err;
	char name[64];

	if (l->set == ((o->use & CLI_LINE) != 0))
		return 0;
	if (o->kind == CLI_LIST && l->c->origin[index] != from_line)
		((struct cli_list *)o->dest)->count = 0;
	if (cli_set_text(o, value ? value : "true", &err) < 0) {
		snprintf(name, sizeof name, "--%s", o->name);
		return usage(l->c, "%s: %s", name, err.msg);
	}
	l->c->origin[index] = from_line;
	return 0;
}

static int take_long(struct line *l)
{
	const char *name = l->argv[l->at] + 2, *eq = strchr(name, '='), *near, *value = NULL;
	size_t len = eq ? (size_t)(eq - name) : strlen(name), i;
	const struct cli_opt *o = by_name(l->c, name, len, &i);

	if (!o) {
		near = nearest_option(l->c, name);
		return near ? usage(l->c, "unknown option '%s'; did you mean '--%s'?",
				    l->argv[l->at], near)
			    : usage(l->c, "unknown option '%s'", l->argv[l->at]);
	}
	if (!o->arg && eq)
		return usage(l->c, "option '--%s' takes no argument", o->name);
	if (o->arg) {
		value = eq ? eq + 1 : l->at + 1 < l->argc ? l->argv[++l->at] : NULL;
		if (!value)
			return usage(l->c, "option '--%s' needs %s", o->name, o->arg);
	}
	return take(l, o, i, value);
}

static int take_letters(struct line *l)
{
	const char *p = l->argv[l->at] + 1, *value;
	const struct cli_opt *o;
	size_t i;

	for (; *p; p++) {
		o = by_letter(l->c, *p, &i);
		if (!o)
			return usage(l->c, "unknown option '-%c'", *p);
		if (!o->arg) {
			if (take(l, o, i, NULL) < 0)
				return -1;
			continue;
		}
		value = p[1] ? p + 1 : l->at + 1 < l->argc ? l->argv[++l->at] : NULL;
		if (!value)
			return usage(l->c, "option '-%c' needs %s", *p, o->arg);
		return take(l, o, i, value);
	}
	return 0;
}

static int read_line(struct line *l)
{
	struct cli *c = l->c;

	c->nargs = 0;
	for (l->at = 1; l->at < l->argc; l->at++) {
		char *arg = l->argv[l->at];

		if (strcmp(arg, "--") == 0) {
			while (++l->at < l->argc)
				c->args[c->nargs++] = l->argv[l->at];
			break;
		}
		if (arg[0] != '-' || !arg[1])
			c->args[c->nargs++] = arg;
		else if ((arg[1] == '-' ? take_long(l) : take_letters(l)) < 0)
			return -1;
	}
	return 0;
}

/* ---- help, version, tables ---- */

/* A terminal of 80 columns shows all of it, and a serial console has no UTF-8. */
enum { WIDTH = 80, HELP_AT = 31 };

/* Prints words from column `at` on; the lines after the first begin at column `indent`. */
static void print_words(const char *words, size_t at, size_t indent)
{
	size_t n;

	for (const char *w = words; *w; w += n + (w[n] != '\0')) {
		n = strcspn(w, " \n");
		if (w == words) {
			at += n;
		} else if (at + 1 + n <= WIDTH) {
			putchar(' ');
			at += 1 + n;
		} else {
			printf("\n%*s", (int)indent, "");
			at = indent + n;
		}
		printf("%.*s", (int)n, w);
	}
	putchar('\n');
}

static void print_option(const struct cli_opt *o)
{
	char left[64];

	snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->arg ? " " : "",
		 o->arg ? o->arg : "");
	if (strlen(left) > HELP_AT - 4)
		printf("  %s\n%*s", left, HELP_AT, "");
	else
		printf("  %-*s ", HELP_AT - 3, left);
	print_words(o->help, HELP_AT, HELP_AT);
}

int cli_help(const struct cli *c)
{
	char usage[256];

	snprintf(usage, sizeof usage, "Usage: %s%s%s [OPTION...]%s%s", c->tool,
		 c->command ? " " : "", c->command ? c->command : "", c->synopsis ? " " : "",
		 c->synopsis ? c->synopsis : "");
	print_words(usage, 0, 7);
	if (c->about)
		print_words(c->about, 0, 0);
	if (c->own && c->own->name)
		puts("\nOptions:");
	for (const struct cli_opt *o = c->own; o && o->name; o++)
		if (!o->hidden)
			print_option(o);
	puts("\nOptions of every tool:");
	for (const struct cli_opt *o = c->common; o && o->name; o++)
		if (!o->hidden)
			print_option(o);
	if (c->examples)
		printf("\nExamples:\n%s%s", c->examples,
		       c->examples[strlen(c->examples) - 1] == '\n' ? "" : "\n");
	printf("\nThe manual: man %s\n", c->tool);
	return cli_close(EXIT_DONE);
}

static int print_table(const struct cli *c)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth(c, i)); i++)
		if (!o->hidden)
			printf("%c\t%s\t%s\t%s\t%s\n", o->letter ? o->letter : '-', o->name,
			       o->arg ? o->arg : "-", o->hint ? o->hint : "-", o->help);
	return cli_close(EXIT_DONE);
}

static void print_value(const struct cli_opt *o)
{
	const struct cli_list *list = o->dest;
	jv text;

	switch (o->kind) {
	case CLI_FLAG:
		printf("%s", *(bool *)o->dest ? "true" : "false");
		return;
	case CLI_COUNT:
		printf("%d", *(int *)o->dest);
		return;
	case CLI_STR:
		if (*(const char **)o->dest)
			printf("\"%s\"", *(const char **)o->dest);
		else
			printf("null");
		return;
	case CLI_INT:
		printf("%lld", (long long)*(int64_t *)o->dest);
		return;
	case CLI_NUM:
		printf("%.10g", *(double *)o->dest);
		return;
	case CLI_WORD:
		printf("%d of \"%s\"", *(int *)o->dest, o->hint);
		return;
	case CLI_LIST:
		putchar('[');
		for (size_t i = 0; i < list->count; i++)
			printf("%s\"%s\"", i ? ", " : "", list->item[i]);
		putchar(']');
		return;
	case CLI_JSON:
		text = jv_is_valid(*(jv *)o->dest) ? jv_dump_string(jv_copy(*(jv *)o->dest), 0)
						   : jv_string("null");
		printf("%s", jv_string_value(text));
		jv_free(text);
		return;
	}
}

static int print_config(const struct cli *c)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth(c, i)); i++) {
		if (o->use & CLI_LINE)
			continue;
		printf("%-24s ", o->name);
		print_value(o);
		printf("  (%s)\n", c->origin[i] ? c->origin[i] : "default");
	}
	return cli_close(EXIT_DONE);
}

/* ---- all together ---- */

static bool flag(const struct cli *c, const char *name)
{
	size_t i;
	const struct cli_opt *o = by_name(c, name, strlen(name), &i);

	return o && o->kind == CLI_FLAG && *(bool *)o->dest;
}

static const char *text(const struct cli *c, const char *name)
{
	size_t i;
	const struct cli_opt *o = by_name(c, name, strlen(name), &i);

	return o && o->kind == CLI_STR ? *(const char **)o->dest : NULL;
}

/* The file's tree is kept: option values borrow from it. */
/* The options borrow the file's strings: its tree stays as long as the process. */
static int apply_file(struct cli *c, const char *path, size_t (*sections)(void *, const char *[4]),
		      void *ctx, struct err *err)
{
	const char *names[4];
	size_t n = sections(ctx, names);
	jv file, section;

	if (json_load(path, 1 << 20, &file, err) < 0)
		return -1;
	if (!json_is(file, JV_KIND_OBJECT)) {
		json_free(file);
		return err_set(err, "%s: expected an object with a section for each tool", path);
	}
	for (size_t i = 0; i < n; i++) {
		section = json_get(file, names[i]);
		if (!json_absent(section) && cli_apply(c, section, path, err) < 0)
			return err_prefix(err, "%s: section \"%s\"", path, names[i]);
	}
	return 0;
}

static bool asked_help, asked_version, asked_table;
const struct cli_opt cli_answers[] = {
    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &asked_help, 0, 0, false, CLI_LINE},
    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &asked_version, 0, 0, false,
     CLI_LINE},
    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &asked_table, 0, 0, true,
     CLI_LINE},
    {0},
};

enum cli_result cli_parse(struct cli *c, int argc, char **argv,
			  size_t (*sections)(void *ctx, const char *names[4]), void *ctx, int *code)
{
	struct line l = {.c = c, .argc = argc, .argv = argv};
	struct err err;

	/* A command of a tool is given its own word as the program's name. */
	if (argc > 0 && !strchr(argv[0], '/') && strncmp(argv[0], "evse-", 5) != 0)
		c->command = argv[0];
	c->args = calloc((size_t)argc + 1, sizeof *c->args);
	c->origin = calloc(count(c) + 1, sizeof *c->origin);
	*code = EXIT_USAGE;
	if (!c->args || !c->origin || read_line(&l) < 0)
		return CLI_BAD;
	if (flag(c, "help") || flag(c, "version") || flag(c, "option-table")) {
		*code = flag(c, "help")           ? cli_help(c)
			: flag(c, "option-table") ? print_table(c)
						  : EXIT_DONE;
		if (flag(c, "version") && !flag(c, "help")) {
			printf("%s %s\n", c->tool, EVSE_VERSION);
			*code = cli_close(EXIT_DONE);
		}
		return CLI_DONE;
	}
	if (c->nargs && !c->synopsis) {
		usage(c, "unexpected argument '%s'", c->args[0]);
		return CLI_BAD;
	}
	if (text(c, "config") && sections &&
	    apply_file(c, text(c, "config"), sections, ctx, &err) < 0) {
		log_error("%s", err.msg);
		*code = EXIT_CONFIG;
		return CLI_BAD;
	}
	if (apply_environment(c, &err) < 0) {
		log_error("%s", err.msg);
		*code = EXIT_CONFIG;
		return CLI_BAD;
	}
	l.set = true;
	if (read_line(&l) < 0)
		return CLI_BAD;
	if (flag(c, "print-config")) {
		*code = print_config(c);
		return CLI_DONE;
	}
	if (flag(c, "check-config")) {
		*code = EXIT_DONE;
		return CLI_DONE;
	}
	*code = EXIT_DONE;
	return CLI_GO;
}
