/* linux:BOARD.json — PWM by sysfs, voltages by IIO, lines by the GPIO character device.
 *
 * The line is sampled without end: with peak detectors they are reset, given time, and read, some 4
 * ms a sample; without them a burst of plain readings gives the extremes. Inputs are read with each
 * sample. */
#include "pilot/drv/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/log.h"
#include "core/tool.h"
#include "pilot/drv/board.h"
#include "pilot/drv/gpio.h"
#include "pilot/drv/sysfs.h"

enum { PERIOD_US = 5000, SLOW_US = 500000, ALIVE_US = 100000, RETRY_US = 20000 };
enum { TEMP_BLIND_DC = 2000 }; /* 200 degrees: what a sensor that can't be read counts as */

enum peak_stage { PEAK_RESET, PEAK_RELEASE, PEAK_READ };

struct board_io {
	struct driver d;
	struct board b;
	int lock_fd, watchdog_fd;
	struct sysfs_pwm pwm;
	struct sysfs_adc pos, neg, pp, lock_pos, temp[BOARD_TEMPS];
	struct gpio contactor[BOARD_CONTACTORS], sense[BOARD_CONTACTORS], reset[BOARD_RESETS];
	struct gpio trip, trip6, test, in1, in2, locked, pe, estop, cut, one, upstream, alive;
	struct loop_timer sample, slow, lock_off, beat;
	enum peak_stage stage;
	struct pilot_out out;
	bool told, beat_level;
	bool behind;             /* an output is not what it should be: a write failed */
	struct pilot_readings r; /* pp_ohm and temp_dc are refreshed slowly */
};

/* ---- what is there ---- */

static int board_path(const char *address, char *path, size_t size)
{
	char name[128];

	if (strchr(address, '/'))
		return snprintf(path, size, "%s", address) < (int)size ? 0 : -1;
	snprintf(name, sizeof name, "boards/%s%s", address,
		 strstr(address, ".json") ? "" : ".json");
	return tool_share(name, path, size) ? 0 : -1;
}

static int load(const char *address, struct board *b, char *path, size_t size, struct err *err,
		int *code)
{
	*code = EXIT_NO_INPUT;
	if (board_path(address, path, size) < 0)
		return err_set(err,
			       "no board file is named %s in share/evse/boards; for one that is "
			       "here, linux:./%s",
			       address, address);
	if (access(path, R_OK) < 0)
		return err_sys(err, "%s", path);
	*code = EXIT_CONFIG;
	return board_load(path, b, err);
}

static int linux_describe(const char *address, struct driver_caps *k, struct pilot_conf *c,
			  struct err *err, int *code)
{
	struct board b;
	char path[512];

	if (load(address, &b, path, sizeof path, err, code) < 0)
		return -1;
	if (!board_guarded(&b))
		log_warning("%s names neither alive_line nor watchdog: nothing notices the end of "
			    "this program",
			    path);
	k->step_ma = 100;
	k->guarded = board_guarded(&b);
	k->voltages = k->hlc = true;
	k->pp = b.pp.adc.iio[0];
	k->cp_disconnect = b.cp_disconnect.name[0];
	k->phase_switch = b.one_phase.name[0] || (b.contactors > 1 && b.contactor[1].three_phase);
	k->lock = b.lock.in1.name[0];
	k->rcd_test = b.rcd.test.name[0];
	k->temperature = b.temps > 0;
	k->feedback = true;
	for (int i = 0; i < b.contactors; i++)
		k->feedback = k->feedback && b.contactor[i].sense.name[0];
	c->socket = c->lock = b.socket;
	if (c->phases > b.phases)
		c->phases = b.phases;
	if (c->max_ma > b.max_ma)
		c->max_ma = b.max_ma;
	c->ventilation = c->ventilation || b.ventilation;
	return 0;
}

/* ---- readings ---- */

static void linux_lost(struct board_io *s, const char *what)
{
	char why[256];

	if (s->told)
		return;
	snprintf(why, sizeof why, "%s: %s", what, strerror(errno));
	s->told = true;
	s->d.host.lost(s->d.host.ctx, why);
}

static int read_levels(struct board_io *s)
{
	int lo = INT32_MAX, hi = INT32_MIN, mv;

	for (int i = 0; i < s->b.cp.samples; i++) {
		if (sysfs_adc_read(&s->pos, &mv) < 0)
			return -1;
		hi = mv > hi ? mv : hi;
		lo = mv < lo ? mv : lo;
		if (s->neg.fd >= 0) {
			if (sysfs_adc_read(&s->neg, &mv) < 0)
				return -1;
			lo = i == 0 || mv < lo ? mv : lo;
		}
	}
	s->r.cp_pos_mv = hi;
	s->r.cp_neg_mv = lo;
	return 0;
}

/* The machine speaks ohm; a board's bands in mV give each code its nominal resistance. */
static int pp_ohm(const struct board *b, int mv)
{
	if (mv >= b->pp.none_mv)
		return -1;
	if (mv >= b->pp.r13_mv)
		return 1500;
	if (mv >= b->pp.r20_mv)
		return 680;
	if (mv >= b->pp.r32_mv)
		return 220;
	return mv >= b->pp.fault_mv ? 100 : 0;
}

static bool within(int mv, const int range[2])
{
	return mv >= range[0] && mv <= range[1];
}

static void read_lock(struct board_io *s)
{
	int mv;
	bool is;

	if (!s->b.lock.in1.name[0])
		return;
	if (s->lock_pos.fd < 0) {
		bool known = gpio_get(&s->locked, false, &is) == 0;

		s->r.locked = known && is;
		s->r.unlocked = known && !is;
	} else if (sysfs_adc_read(&s->lock_pos, &mv) < 0) {
		s->r.locked = s->r.unlocked = false;
	} else {
		s->r.locked = within(mv, s->b.lock.locked_mv);
		s->r.unlocked = within(mv, s->b.lock.unlocked_mv);
	}
}

static bool expected(const struct board_io *s, int i)
{
	return s->out.contactor && (!s->b.contactor[i].three_phase || s->out.phases > 1);
}

/* An input that the kernel does not give is none of its two values. */
static int read_inputs(struct board_io *s)
{
	bool any = false, match = true, closed = false;
	int rc = 0;

	for (int i = 0; i < s->b.contactors; i++) {
		rc |= gpio_get(&s->sense[i], false, &closed);
		any = any || closed;
		match = match && closed == expected(s, i);
	}
	/* One that is closed and should not be is as wrong as one that is open and should not be.
	 */
	s->r.contactor = s->out.contactor ? match : any;
	rc |= gpio_get(&s->trip, false, &s->r.rcd30);
	rc |= gpio_get(&s->trip6, s->r.rcd30, &s->r.rcd6);
	s->r.rcd = s->r.rcd30 || s->r.rcd6;
	rc |= gpio_get(&s->pe, true, &s->r.pe);
	rc |= gpio_get(&s->estop, false, &s->r.estop);
	read_lock(s);
	return rc;
}

static void on_slow(void *ctx)
{
	struct board_io *s = ctx;
	int mv, hottest = INT32_MIN;
	bool blind = false;

	loop_timer_after(s->d.host.loop, &s->slow, SLOW_US);
	if (s->behind)
		s->d.host.lost(s->d.host.ctx, "an output can't be set");
	if (s->pp.fd >= 0)
		s->r.pp_ohm = sysfs_adc_read(&s->pp, &mv) < 0 ? 0 : pp_ohm(&s->b, mv);
	for (int i = 0; i < s->b.temps; i++)
		if (sysfs_adc_read(&s->temp[i], &mv) < 0)
			blind = true;
		else if (mv > hottest)
			hottest = mv;
	/* A sensor that can't be read is as good as hot: it must not switch the protection off. */
	if (s->b.temps > 0)
		s->r.temp_dc = (int16_t)(blind ? TEMP_BLIND_DC : hottest / 100);
}

static void sample_done(struct board_io *s)
{
	const char *missing = read_levels(s) < 0   ? "control pilot"
			      : read_inputs(s) < 0 ? "inputs"
						   : NULL;

	if (missing) {
		linux_lost(s, missing);
		loop_timer_after(s->d.host.loop, &s->sample, RETRY_US);
		return;
	}
	s->told = false;
	loop_timer_after(s->d.host.loop, &s->sample, s->reset[0].fd >= 0 ? 0 : PERIOD_US);
	s->d.host.readings(s->d.host.ctx, &s->r);
}

static void peaks(struct board_io *s, bool reset, enum peak_stage next, int us)
{
	for (int i = 0; i < BOARD_RESETS; i++)
		gpio_set(&s->reset[i], reset);
	s->stage = next;
	loop_timer_after(s->d.host.loop, &s->sample, us);
}

static void on_sample(void *ctx)
{
	struct board_io *s = ctx;

	if (s->reset[0].fd < 0) {
		sample_done(s);
		return;
	}
	switch (s->stage) {
	case PEAK_RESET:
		peaks(s, true, PEAK_RELEASE, s->b.cp.reset_us);
		break;
	case PEAK_RELEASE:
		peaks(s, false, PEAK_READ, s->b.cp.settle_us);
		break;
	case PEAK_READ:
		s->stage = PEAK_RESET;
		sample_done(s);
		break;
	}
}

/* ---- outputs ---- */

static void on_lock_off(void *ctx)
{
	struct board_io *s = ctx;

	gpio_set(&s->in1, false);
	gpio_set(&s->in2, false);
}

static void drive_lock(struct board_io *s)
{
	if (s->in1.fd < 0)
		return;
	gpio_set(&s->in1, s->out.lock);
	gpio_set(&s->in2, !s->out.lock);
	loop_timer_after(s->d.host.loop, &s->lock_off, (int64_t)s->b.lock.pulse_ms * 1000);
}

/* The contactor of the other phases closes first and opens last. */
static int drive_contactors(struct board_io *s)
{
	int rc = 0;

	if (s->out.contactor)
		for (int i = s->b.contactors - 1; i >= 0; i--)
			rc |= gpio_set(&s->contactor[i], expected(s, i));
	else
		for (int i = 0; i < s->b.contactors; i++)
			rc |= gpio_set(&s->contactor[i], false);
	return rc;
}

static void write_failed(struct board_io *s, const char *what)
{
	s->behind = true;
	linux_lost(s, what);
}

/* What a failed write must not leave as it was. */
static void catch_up(struct board_io *s)
{
	int rc = drive_contactors(s);

	rc |= sysfs_pwm_set(&s->pwm, s->out.duty);
	rc |= gpio_set(&s->cut, !s->out.cp_connected);
	rc |= gpio_set(&s->one, s->out.phases == 1);
	s->behind = rc < 0;
}

static void linux_apply(struct driver *d, const struct pilot_out *out)
{
	struct board_io *s = (struct board_io *)d;
	struct pilot_out was = s->out;

	s->out = *out;
	if (out->contactor != was.contactor && drive_contactors(s) < 0)
		write_failed(s, "contactor");
	if (out->duty != was.duty && sysfs_pwm_set(&s->pwm, out->duty) < 0)
		write_failed(s, "pwm");
	if (out->cp_connected != was.cp_connected && gpio_set(&s->cut, !out->cp_connected) < 0)
		write_failed(s, "cp_disconnect");
	if (s->d.host.safe)
		return;
	if (out->phases != was.phases && gpio_set(&s->one, out->phases == 1) < 0)
		write_failed(s, "one_phase");
	if (out->rcd_test != was.rcd_test)
		gpio_set(&s->test, out->rcd_test);
	if (out->trip_upstream != was.trip_upstream)
		gpio_set(&s->upstream, out->trip_upstream);
	if (out->lock != was.lock || out->lock_try != was.lock_try)
		drive_lock(s);
}

static void pulse(struct board_io *s)
{
	s->beat_level = !s->beat_level;
	if (gpio_set(&s->alive, s->beat_level) < 0)
		log_warning("the alive line does not follow: %s", strerror(errno));
	if (s->watchdog_fd >= 0 && write(s->watchdog_fd, "\n", 1) != 1)
		log_warning("the watchdog does not take a pulse: %s", strerror(errno));
}

/* Outputs that don't follow are beyond this program: the silence calls the hardware to act. */
static void on_beat(void *ctx)
{
	struct board_io *s = ctx;

	loop_timer_after(s->d.host.loop, &s->beat, ALIVE_US);
	if (s->behind)
		catch_up(s);
	if (!s->behind)
		pulse(s);
}

/* ---- open and close ---- */

static int open_inputs(struct board_io *s, struct err *err)
{
	const struct board *b = &s->b;

	for (int i = 0; i < BOARD_CONTACTORS; i++)
		if (gpio_open(&s->sense[i], &b->contactor[i].sense, false, false, err) < 0)
			return -1;
	for (int i = 0; i < b->temps; i++)
		if (sysfs_adc_open(&s->temp[i], &b->temp[i], err) < 0)
			return -1;
	if (sysfs_adc_open(&s->pos, &b->cp.pos, err) < 0 ||
	    sysfs_adc_open(&s->neg, &b->cp.neg, err) < 0 ||
	    sysfs_adc_open(&s->pp, &b->pp.adc, err) < 0 ||
	    sysfs_adc_open(&s->lock_pos, &b->lock.pos, err) < 0 ||
	    gpio_open(&s->locked, &b->lock.locked, false, false, err) < 0 ||
	    gpio_open(&s->trip, &b->rcd.trip, false, false, err) < 0 ||
	    gpio_open(&s->trip6, &b->rcd.trip6, false, false, err) < 0 ||
	    gpio_open(&s->pe, &b->pe, false, false, err) < 0 ||
	    gpio_open(&s->estop, &b->estop, false, false, err) < 0)
		return -1;
	return 0;
}

/* The kernel's own time is a minute with many watchdogs: too long for a closed contactor. */
static int open_watchdog(struct board_io *s, struct err *err)
{
	const char *path = s->b.watchdog;
	int seconds = s->b.watchdog_s;

	if (!path[0])
		return 0;
	s->watchdog_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (s->watchdog_fd < 0)
		return err_sys(err, "unable to open %s", path);
	if (ioctl(s->watchdog_fd, WDIOC_SETTIMEOUT, &seconds) < 0) {
		int why = errno;

		seconds = 0;
		ioctl(s->watchdog_fd, WDIOC_GETTIMEOUT, &seconds);
		log_warning("%s does not take %d s: %s; it acts after %d s", path, s->b.watchdog_s,
			    strerror(why), seconds);
	} else if (seconds > s->b.watchdog_s) {
		log_warning("%s acts after %d s, not after %d", path, seconds, s->b.watchdog_s);
	}
	return 0;
}

/* Taking a contactor's line sets it open: what an earlier run left is cleared first. */
static int open_outputs(struct board_io *s, struct err *err)
{
	const struct board *b = &s->b;

	for (int i = 0; i < b->contactors; i++)
		if (gpio_open(&s->contactor[i], &b->contactor[i].line, true, false, err) < 0)
			return -1;
	if (sysfs_pwm_open(&s->pwm, b, err) < 0 || sysfs_pwm_set(&s->pwm, 10000) < 0)
		return -1;
	for (int i = 0; i < BOARD_RESETS; i++)
		if (gpio_open(&s->reset[i], &b->cp.reset[i], true, false, err) < 0)
			return -1;
	if (gpio_open(&s->cut, &b->cp_disconnect, true, false, err) < 0)
		return -1;
	if (s->d.host.safe)
		return 0;
	if (gpio_open(&s->one, &b->one_phase, true, false, err) < 0 ||
	    gpio_open(&s->test, &b->rcd.test, true, false, err) < 0 ||
	    gpio_open(&s->upstream, &b->trip_upstream, true, false, err) < 0 ||
	    gpio_open(&s->in1, &b->lock.in1, true, false, err) < 0 ||
	    gpio_open(&s->in2, &b->lock.in2, true, false, err) < 0 ||
	    gpio_open(&s->alive, &b->alive, true, true, err) < 0)
		return -1;
	return open_watchdog(s, err);
}

static void linux_close(struct driver *d)
{
	struct board_io *s = (struct board_io *)d;
	struct gpio *const lines[] = {&s->trip, &s->trip6,  &s->test,  &s->in1,
				      &s->in2,  &s->locked, &s->pe,    &s->estop,
				      &s->cut,  &s->one,    &s->alive, &s->upstream};
	struct loop_timer *const timers[] = {&s->sample, &s->slow, &s->lock_off, &s->beat};

	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
		loop_timer_cancel(d->host.loop, timers[i]);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		gpio_close(lines[i]);
	for (int i = 0; i < BOARD_CONTACTORS; i++) {
		gpio_close(&s->contactor[i]);
		gpio_close(&s->sense[i]);
	}
	for (int i = 0; i < BOARD_RESETS; i++)
		gpio_close(&s->reset[i]);
	for (int i = 0; i < BOARD_TEMPS; i++)
		sysfs_adc_close(&s->temp[i]);
	sysfs_adc_close(&s->pos);
	sysfs_adc_close(&s->neg);
	sysfs_adc_close(&s->pp);
	sysfs_adc_close(&s->lock_pos);
	sysfs_pwm_close(&s->pwm);
	if (s->watchdog_fd >= 0) {
		/* A planned end tells the watchdog so; a crash does not come here. Where an output
		 * does not follow, the watchdog is what is left. */
		if (!s->behind && write(s->watchdog_fd, "V", 1) != 1)
			log_warning("the watchdog goes on: %s", strerror(errno));
		close(s->watchdog_fd);
	}
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}

static void none_open(struct board_io *s)
{
	struct gpio *const lines[] = {&s->trip, &s->trip6,  &s->test,  &s->in1,
				      &s->in2,  &s->locked, &s->pe,    &s->estop,
				      &s->cut,  &s->one,    &s->alive, &s->upstream};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		lines[i]->fd = -1;
	for (int i = 0; i < BOARD_CONTACTORS; i++)
		s->contactor[i].fd = s->sense[i].fd = -1;
	for (int i = 0; i < BOARD_RESETS; i++)
		s->reset[i].fd = -1;
	for (int i = 0; i < BOARD_TEMPS; i++)
		s->temp[i].fd = -1;
	s->pos.fd = s->neg.fd = s->pp.fd = s->lock_pos.fd = -1;
	s->pwm.duty_fd = s->lock_fd = s->watchdog_fd = -1;
}

static int take_lock(struct board_io *s, const char *path, struct err *err, int *code)
{
	s->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	*code = errno == EWOULDBLOCK ? EXIT_TEMPORARY : EXIT_NO_INPUT;
	return err_sys(err, "unable to lock %s", path);
}

static struct driver *linux_open(const char *address, const struct driver_host *host,
				 struct err *err, int *code)
{
	struct board_io *s = calloc(1, sizeof *s);
	char path[512];

	if (!s) {
		*code = EXIT_OS;
		err_sys(err, "unable to get memory");
		return NULL;
	}
	s->d = (struct driver){.ops = &driver_linux, .host = *host};
	none_open(s);
	s->sample = (struct loop_timer){.name = "linux-sample", .fn = on_sample, .ctx = s};
	s->slow = (struct loop_timer){.name = "linux-slow", .fn = on_slow, .ctx = s};
	s->lock_off = (struct loop_timer){.name = "linux-lock", .fn = on_lock_off, .ctx = s};
	s->beat = (struct loop_timer){.name = "linux-alive", .fn = on_beat, .ctx = s};
	s->out = (struct pilot_out){.duty = 10000, .cp_connected = true, .phases = 3};
	s->r = (struct pilot_readings){
	    .pp_ohm = -1, .pe = true, .temp_dc = PILOT_TEMP_ABSENT, .current_ma = -1};
	if (load(address, &s->b, path, sizeof path, err, code) < 0 ||
	    take_lock(s, path, err, code) < 0)
		goto fail;
	*code = EXIT_NO_INPUT;
	if (open_outputs(s, err) < 0 || open_inputs(s, err) < 0)
		goto fail;
	on_slow(s);
	on_beat(s);
	loop_timer_after(host->loop, &s->sample, 0);
	return &s->d;
fail:
	linux_close(&s->d);
	return NULL;
}

const struct driver_ops driver_linux = {.scheme = "linux",
					.describe = linux_describe,
					.open = linux_open,
					.apply = linux_apply,
					.close = linux_close};
