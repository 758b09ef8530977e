/* For people: `evse-meter models` lists the known meters; `evse-meter probe` asks a device for
 * every register of a model and prints what each says, raw and as a value. */
#include "app.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "meter/model_file.h"

#define TRIES 3

struct common {
	bool help, version;
};

static struct common common;

static const struct cli_opt common_options[] = {
    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &common.help, 0, 0, false, true},
    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &common.version, 0, 0, false, true},
    {0},
};

/* @return  false when the exit code in @code is the answer */
static bool parse(struct cli *c, int argc, char **argv, int *code)
{
	bool go;

	cli_init(true);
	log_init("evse-meter");
	go = cli_parse(c, argc, argv, NULL, NULL, code) == CLI_GO;
	free(c->args);
	free(c->origin);
	return go;
}

/* ---- models ---- */

static int is_model(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

static void list_model(const char *dir, const char *file)
{
	char name[256], line[32];
	struct meter_model m;
	struct err err;

	snprintf(name, sizeof(name), "%.*s", (int)strlen(file) - 5, file);
	if (meter_model_load(dir, name, &m, &err)) {
		log_warning("%s", err.msg);
		return;
	}
	snprintf(line, sizeof(line), "%d,%d%c%d", m.baud, m.data, m.parity, m.stop);
	printf("%-14s %-7d %-5d %-12s %s %s\n", m.name, m.phases, m.unit, m.n_sunspec ? "-" : line,
	       m.vendor, m.product);
}

int models_main(int argc, char **argv)
{
	struct cli c = {.tool = "evse-meter",
			.about = "List the meter models for --model.",
			.common = common_options};
	struct dirent **list;
	char dir[1024];
	int code, n;

	if (!parse(&c, argc, argv, &code))
		return code;
	n = tool_share("meters", dir, sizeof(dir)) ? scandir(dir, &list, is_model, alphasort) : -1;
	if (n < 0) {
		log_error("unable to find the meter models (share/evse/meters): %s",
			  strerror(errno));
		return EXIT_NO_INPUT;
	}
	printf("%-14s %-7s %-5s %-12s %s\n", "NAME", "PHASES", "UNIT", "LINE", "METER");
	for (int i = 0; i < n; i++) {
		list_model(dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return cli_close(EXIT_DONE);
}

/* ---- probe ---- */

static bool every_register(const struct meter_register *r)
{
	(void)r;
	return true;
}

static void pause_us(int64_t us)
{
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&ts, NULL);
}

/* Steps until a turn is done or TRIES have failed. */
static bool read_all(struct meter_reader *r)
{
	struct err err = {""};

	for (int failures = 0; failures < TRIES;) {
		switch (meter_reader_step(r, &err)) {
		case METER_STEP_MORE:
			break;
		case METER_STEP_LATER:
			pause_us(meter_reader_wait_us(r));
			break;
		case METER_STEP_DONE:
			return true;
		case METER_STEP_FAILED:
			log_warning("%s", err.msg);
			failures++;
			break;
		}
	}
	return false;
}

static void print_register(const struct meter_reader *r, const struct meter_model *m, int i)
{
	const struct meter_register *reg = &m->reg[i];
	char raw[5 * METER_STR_MAX + 1] = "refused", text[METER_DEC_MAX];
	const char *value = "-";
	struct meter_value v;
	struct meter_span span;
	const uint16_t *regs = meter_reader_raw(r, i, &span);
	size_t at = 0;

	for (int k = 0; regs && k < span.count && k < METER_STR_MAX; k++)
		at += (size_t)snprintf(raw + at, sizeof(raw) - at, "%s%04x", k ? " " : "", regs[k]);
	meter_reader_value(r, i, &v);
	if (v.kind == METER_NUMBER)
		value = meter_dec_text(&v.num, text, sizeof(text));
	else if (v.kind == METER_TEXT)
		value = v.text;
	printf("%-14s %-5s %2d %5d %-5s  %-19s  %s%s%s\n", meter_quantity_name(reg->q),
	       meter_phase_name(reg->ph), span.fc, span.addr, meter_type_name(reg->layout.type),
	       raw, value, v.kind == METER_NUMBER ? " " : "",
	       v.kind == METER_NUMBER ? meter_quantity_unit(reg->q) : "");
}

static void print_all(const struct meter_reader *r, const struct meter_model *m)
{
	printf("%s %s\n", m->vendor, m->product);
	if (*meter_reader_serial(r))
		printf("serial number %s\n", meter_reader_serial(r));
	if (m->n_sunspec)
		printf("SunSpec model at %d\n", meter_reader_base(r));
	printf("%d reads in %.1f ms, %d refused, %lu stray bytes\n\n", meter_reader_blocks(r),
	       (double)(meter_reader_end_us(r) - meter_reader_begin_us(r)) / 1000,
	       meter_reader_refused(r), meter_link_strays(meter_reader_link(r)));
	printf("%-14s %-5s %2s %5s %-5s  %-19s  %s\n", "QUANTITY", "PHASE", "FC", "ADDR", "TYPE",
	       "RAW", "VALUE");
	for (int i = 0; i < m->n; i++)
		print_register(r, m, i);
}

int probe_main(int argc, char **argv)
{
	static struct options opt = {.model = "sdm630", .timeout_ms = 500};
	static const struct cli_opt options[] = {
	    {'D', "device", "ADDRESS", "@device",
	     "tcp://host:port/unit or rtu:/dev/tty@9600,8N1/unit", CLI_STR, &opt.device, 0, 0,
	     false, false},
	    {'m', "model", "NAME", NULL, "meter model, or a file (sdm630)", CLI_STR, &opt.model, 0,
	     0, false, false},
	    {0, "timeout", "MS", NULL, "wait for an answer at most this long (500)", CLI_INT,
	     &opt.timeout_ms, 20, 5000, false, false},
	    {0},
	};
	static struct meter_model model;
	struct cli c = {.tool = "evse-meter",
			.about =
			    "Ask a device for every register of a model, and print raw and value.",
			.own = options,
			.common = common_options};
	struct meter_link *link;
	struct meter_reader *r;
	struct err err;
	int code;

	if (!parse(&c, argc, argv, &code))
		return code;
	code = device_setup(opt.device, opt.model, opt.timeout_ms, &model, &link);
	if (code)
		return code;
	r = meter_reader_new(&model, link, every_register, &err);
	if (!r) {
		log_error("%s", err.msg);
		return EXIT_CONFIG;
	}
	confine_tell(CONFINE_FILES | CONFINE_NET | CONFINE_DEVICE);
	if (read_all(r)) {
		print_all(r, &model);
		code = cli_close(EXIT_DONE);
	} else {
		log_error("%s does not answer as a %s", opt.device, opt.model);
		code = EXIT_UNAVAILABLE;
	}
	meter_reader_free(r);
	return code;
}
