/* The Modbus devices: an EV meter for each EVSE (unit N) and one at the house connection (unit 100)
 * behind one TCP port, and each alone (unit 1) on a pseudo-terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "sim/sdm630.h"

enum { HOUSE_UNIT = 100, HOUSE_LINE = SIM_EVSE_MAX + 1, TTY_UNIT = 1 };

/* Index of the meter that a request is for: -1 = the house's, -2 = none has this address. */
static int meter_of(const struct sim *s, int line, int unit)
{
	if (line > 0 && unit != TTY_UNIT)
		return -2;
	if (line == HOUSE_LINE || (line == 0 && unit == HOUSE_UNIT))
		return -1;
	if (line > 0)
		return line - 1;
	return unit >= 1 && unit <= s->world.evses ? unit - 1 : -2;
}

static void ask(void *ctx, int line, const struct sim_mb_request *r, struct sim_mb_reply *out)
{
	struct sim *s = ctx;
	const struct sim_world *w = &s->world;
	int n = meter_of(s, line, r->unit), faults;
	struct sim_display d;

	if (n == -2) {
		out->silent = true;
		return;
	}
	sim_now(s);
	faults = n < 0 ? w->house_faults : w->evse[n].board.faults;
	d.meter = n < 0 ? &w->meter : &w->evse[n].meter;
	d.flow = n < 0 ? &w->flow : &w->evse[n].flow;
	d.freq_mhz = w->grid.freq_mhz;
	out->silent = (faults & SIM_FAULT_METER_SILENT) != 0;
	out->garbage = (faults & SIM_FAULT_METER_GARBAGE) != 0;
	out->late_ms = faults & SIM_FAULT_METER_LATE ? s->hands.meter_late_ms : 0;
	if (faults & SIM_FAULT_METER_EXCEPTION)
		out->exception = SIM_MB_DEVICE_FAILURE;
	else
		out->exception = sim_sdm630_read(&d, r->fc, r->addr, r->count, out->registers);
	sim_sync(s);
}

static int write_port(const struct sim *s, int port, struct err *err)
{
	char path[256], temp[264];
	FILE *f;
	int bad;

	if (snprintf(path, sizeof(path), "%s/modbus.port", s->opt.dir) >= (int)sizeof(path))
		return err_set(err, "%s: the path is too long", s->opt.dir);
	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "we");
	if (!f)
		return err_sys(err, "unable to write %s", temp);
	fprintf(f, "%d\n", port);
	bad = ferror(f);
	if (fclose(f) != 0 || bad || rename(temp, path) < 0)
		return err_sys(err, "unable to write %s", path);
	return 0;
}

static int open_ttys(struct sim *s, struct err *err)
{
	char path[256];

	for (int i = 0; i < s->world.evses; i++) {
		snprintf(path, sizeof(path), "%s/meter.%d.tty", s->opt.dir, i + 1);
		if (sim_mbserve_tty(s->modbus, i + 1, path, err) < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "%s/meter.grid.tty", s->opt.dir);
	return sim_mbserve_tty(s->modbus, HOUSE_LINE, path, err);
}

int meters_start(struct sim *s, struct err *err)
{
	int port = (int)s->opt.modbus_port;

	s->modbus = sim_mbserve_new(s->tool->loop, ask, s);
	if (!s->modbus)
		return err_sys(err, "unable to make the meters");
	if (!s->opt.no_tty && open_ttys(s, err) < 0)
		return -1;
	if (sim_mbserve_tcp(s->modbus, s->opt.modbus_host, &port, err) < 0)
		return -1;
	return write_port(s, port, err);
}
