/* evse-meter: reads one electricity meter over Modbus and writes `meter` records.
 *
 * Reads: registers of a device (TCP or serial); `command` and `clock` records on standard input; a
 * model file of share/evse/meters. Writes: `boot`, `meter`, `reading`, `reply` and `alert` records
 * on standard output; its epoch in the state directory. `evse-meter models` and `evse-meter probe`
 * are for people: see probe.c.
 *
 * One thread: the device is asked one request at a time, none longer than --timeout, and between
 * two requests the loop takes commands and signals. */
#include "app.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/state.h"
#include "meter/address.h"
#include "meter/model_file.h"

static struct app app = {
    .opt = {.model = "sdm630", .rotation = "RST", .interval_ms = 1000, .timeout_ms = 500},
};

static const struct cli_opt options[] = {
    {'D', "device", "ADDRESS", "@device", "tcp://host:port/unit or rtu:/dev/tty@9600,8N1/unit",
     CLI_STR, &app.opt.device, 0, 0, false, false},
    {'m', "model", "NAME", NULL, "meter model, as in 'evse-meter models', or a file (sdm630)",
     CLI_STR, &app.opt.model, 0, 0, false, false},
    {'e', "evse", "N", NULL, "the meter measures EVSE N; the name becomes meter.N", CLI_INT,
     &app.opt.evse, 1, 999, false, false},
    {'I', "interval", "MS", NULL, "read at each multiple of MS since 1970 UTC (1000)", CLI_INT,
     &app.opt.interval_ms, 100, 3600000, false, CLI_SET},
    {0, "timeout", "MS", NULL, "wait for an answer at most this long (500)", CLI_INT,
     &app.opt.timeout_ms, 20, 5000, false, CLI_SET | CLI_BOOT},
    {0, "phase-rotation", "ABC", "RST|RTS|SRT|STR|TRS|TSR",
     "grid phases at the meter's L1, L2, L3 (RST)", CLI_STR, &app.opt.rotation, 0, 0, false, false},
    {0, "network", "KIND", "tn|tt|it|split", "earthing system of the supply (tn)", CLI_WORD,
     &app.opt.network, 0, 0, false, false},
    {0, "invert", NULL, NULL, "the meter is mounted against its arrow", CLI_FLAG, &app.opt.invert,
     0, 0, false, false},
    {'d', "state", "DIR", "@dir", "keep the meter's epoch in DIR", CLI_STR, &app.opt.state_dir, 0,
     0, false, false},
    {0},
};

static int load_model(const char *name, struct meter_model *m)
{
	char dir[1024];
	struct err err;

	if (!tool_share("meters", dir, sizeof(dir)))
		dir[0] = '\0';
	if (meter_model_load(dir, name, m, &err) == 0)
		return 0;
	if (errno == ENOENT && !strchr(name, '/'))
		log_error("no meter model '%s'; 'evse-meter models' lists them", name);
	else
		log_error("%s", err.msg);
	return EXIT_CONFIG;
}

/* What the address leaves out is the model's. */
static void complete(struct meter_address *a, const struct meter_model *m)
{
	if (a->unit < 0)
		a->unit = m->unit;
	if (!a->baud)
		a->baud = m->baud;
	if (!a->parity) {
		a->data = m->data;
		a->parity = m->parity;
		a->stop = m->stop;
	}
}

int device_setup(const char *device, const char *model, int64_t timeout_ms, struct meter_model *m,
		 struct meter_link **link)
{
	struct meter_address address;
	const char *why;
	struct err err;
	int rc = load_model(model, m);

	if (rc)
		return rc;
	if (!device) {
		log_error("no device: give one with -D; try 'evse-meter --help'");
		return EXIT_USAGE;
	}
	if (meter_address_parse(device, &address, &why)) {
		log_error("device '%s': %s", device, why);
		return EXIT_USAGE;
	}
	complete(&address, m);
	*link = meter_link_new(&address, (int)timeout_ms, &err);
	if (!*link) {
		log_error("device '%s': %s", device, err.msg);
		return EXIT_CONFIG;
	}
	return 0;
}

void put_counter(struct jw *w, const char *name, const struct meter_counter *c)
{
	if (c->have)
		jw_knum(w, name, meter_dec_num(&c->value), 3);
	else
		jw_knull(w, name);
}

void put_register(struct jw *w, const struct meter_counter *import,
		  const struct meter_counter *export)
{
	char text[METER_DEC_MAX];

	jw_kobj(w, "register");
	if (import->have)
		jw_kstr(w, "import_wh", meter_dec_text(&import->value, text, sizeof(text)));
	if (export->have)
		jw_kstr(w, "export_wh", meter_dec_text(&export->value, text, sizeof(text)));
	jw_end(w);
}

/* The epoch of an earlier run comes through the journal like all that is read. */
static void on_kept(void *ctx, const char *data, size_t len)
{
	struct app *a = ctx;
	struct err err;

	if (meter_epoch_read(data, len, &a->epoch, &err)) {
		log_warning("the kept epoch is damaged (%s): a new one begins", err.msg);
		a->epoch = (struct meter_epoch){0};
	}
}

static int load_epoch(struct app *a)
{
	struct buf data;
	struct err err;
	int format = 1, rc = 0;

	if (state_dir(a->opt.state_dir, &err)) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	buf_init(&data, 4096);
	switch (state_load(a->opt.state_dir, "epoch", &format, &data, &err)) {
	case STATE_OK:
		while (data.len && data.data[data.len - 1] == '\n')
			data.data[--data.len] = '\0';
		tool_feed(a->t, a->kept, buf_str(&data), data.len);
		break;
	case STATE_NONE:
		break;
	case STATE_NEWER:
		log_error("%s/epoch: written by a newer version", a->opt.state_dir);
		rc = EXIT_CONFIG;
		break;
	case STATE_BAD:
		log_warning("%s: a new epoch begins", err.msg);
		break;
	}
	buf_release(&data);
	return rc;
}

static int setup(struct tool *t)
{
	struct app *a = t->ctx;

	a->t = t;
	if (meter_rotation_parse(a->opt.rotation, a->wiring.phase)) {
		log_error("--phase-rotation: expected RST, RTS, SRT, STR, TRS or TSR");
		return EXIT_USAGE;
	}
	a->wiring.network = (enum meter_network)a->opt.network;
	a->wiring.invert = a->opt.invert;
	if (a->opt.evse && strcmp(t->src, t->def->src) == 0) {
		snprintf(a->src, sizeof(a->src), "meter.%d", (int)a->opt.evse);
		t->src = a->src;
	}
	return 0;
}

/* No device is opened here: that one is missing now is no reason to end. */
static int start(struct tool *t)
{
	struct app *a = t->ctx;
	struct meter_link *link;
	struct err err;
	int rc;

	a->t_err_ms = (double)NAN;
	buf_init(&a->outcome, 32 << 10);
	a->device = tool_channel(t, "device", schedule_outcome, a);
	a->kept = tool_channel(t, "epoch", on_kept, a);
	rc = device_setup(a->opt.device, a->opt.model, a->opt.timeout_ms, &a->model, &link);
	if (rc)
		return rc;
	if (t->replaying) {
		meter_link_free(link);
	} else {
		a->reader = meter_reader_new(&a->model, link, meter_register_is_live, &err);
		if (!a->reader) {
			log_error("%s", err.msg);
			return EXIT_CONFIG;
		}
	}
	if (a->opt.state_dir && !t->replaying && (rc = load_epoch(a)) != 0)
		return rc;
	t->needs = a->opt.state_dir ? CONFINE_FILES : CONFINE_NOTHING;
	t->needs |=
	    strncmp(a->opt.device, "rtu:", 4) == 0 ? CONFINE_FILES | CONFINE_DEVICE : CONFINE_NET;
	schedule_start(a);
	return 0;
}

static void take_clock(struct app *a, const struct record *r)
{
	double bound;

	if (json_bool(record_get(r, "synced"), false) &&
	    json_num(record_get(r, "bound_ms"), 0, 1e9, &bound))
		a->t_err_ms = bound;
	else
		a->t_err_ms = (double)NAN;
}

static void on_record(struct tool *t, const struct record *r)
{
	if (record_is(r, "clock"))
		take_clock(t->ctx, r);
	else if (tool_addressed(t, r))
		command_take(t->ctx, r);
}

static void on_end(struct tool *t, enum tool_end why)
{
	(void)why;
	publish_save(t->ctx);
	tool_exit(t, EXIT_DONE);
}

static void stop(struct tool *t)
{
	struct app *a = t->ctx;

	meter_reader_free(a->reader);
	buf_release(&a->outcome);
}

int main(int argc, char **argv)
{
	static const char *const wants[] = {"command", "clock", NULL};
	static const struct tool_def def = {
	    .name = "evse-meter",
	    .src = "meter",
	    .about = "Read an electricity meter over Modbus and write its values as records.\n"
		     "'evse-meter models' lists the meters it knows, 'evse-meter probe' tries one.",
	    .examples = "  evse-meter -D tcp://192.0.2.7/1 --model em24-e1 -S meter.grid\n"
			"  evse-meter -D rtu:/dev/ttyUSB0@9600,8N1/1 --model sdm630 --evse 1\n"
			"  evse-meter probe -D rtu:/dev/ttyUSB0 --model sdm630\n",
	    .kind = TOOL_SOURCE,
	    .options = options,
	    .wants = wants,
	    .ctx = &app,
	    .setup = setup,
	    .start = start,
	    .on_record = on_record,
	    .on_end = on_end,
	    .stop = stop,
	    .state_dir = &app.opt.state_dir,
	};

	if (argc > 1 && strcmp(argv[1], "models") == 0)
		return models_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "probe") == 0)
		return probe_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--option-table") == 0)
		printf("@\tmodels\tlist the known meters\n"
		       "@\tprobe\tshow what each register of a meter says\n");
	return tool_main(&def, argc, argv);
}
