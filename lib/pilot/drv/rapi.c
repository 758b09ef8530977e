/* rapi:/dev/tty — an OpenEVSE controller on a serial line.
 *
 * The board runs its own machine: diode, ground, GFCI, stuck relay, and it closes when the car
 * asks. Here it is told how much (volatile, so that its EEPROM is not worn), whether (enable,
 * sleep, disable), and that we live (heartbeat: silent for 5 s, it falls back to 6 A). What it
 * reports becomes readings; what it does not have (levels in volts, PP, 5 %, lock) is said to be
 * absent. */
#include "pilot/drv/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/log.h"
#include "pilot/drv/rapi_line.h"
#include "pilot/duty.h"

enum { REPLY_US = 500000, TICK_US = 50000, TRIES = 3, RETRY_US = 1000000 };
enum { VFLAG_RELAY = 0x40, HEARTBEAT_S = 5, HEARTBEAT_A = 6, HEARTBEAT_ACK = 165 };

/* What the controller is asked for, in falling urgency; each has a period or is sent when wanted.
 */
enum ask {
	ASK_MODE,
	ASK_CURRENT,
	ASK_WATCH,
	ASK_BEAT,
	ASK_ACK,
	ASK_STATE,
	ASK_AMPS,
	ASK_TEMP,
	ASK_COUNT
};

static const int period_ms[ASK_COUNT] = {
    [ASK_BEAT] = 2000, [ASK_STATE] = 250, [ASK_AMPS] = 1000, [ASK_TEMP] = 5000};

/* States of the controller beyond A to D. */
enum {
	EVSE_DIODE = 5,
	EVSE_GFCI,
	EVSE_GROUND,
	EVSE_STUCK,
	EVSE_SELFTEST,
	EVSE_HOT,
	EVSE_OVERCURRENT,
	EVSE_NOT_CLOSED = 14
};

enum mode { MODE_UNKNOWN, MODE_ENABLE, MODE_SLEEP, MODE_DISABLE };

struct rapi {
	struct driver d;
	char path[256];
	int fd;
	bool told;
	struct loop_timer tick, retry;
	char in[RAPI_LINE_MAX];
	size_t len;
	bool skipping;

	enum ask pending; /* ASK_COUNT: none in flight */
	int id, tries;
	int64_t sent_us, due_us[ASK_COUNT];
	bool wanted[ASK_COUNT];

	struct pilot_out out;
	enum mode mode, sent_mode; /* as last confirmed; as last sent */
	int amps, sent_amps;       /* 0: unknown */
	struct pilot_readings r;
	long evse, pilot, vflags;
	bool seen;
};

static enum mode mode_for(const struct rapi *s)
{
	if (s->out.duty == DUTY_F || (s->d.host.safe && s->mode == MODE_UNKNOWN))
		return MODE_DISABLE;
	return s->out.duty == DUTY_X1 ? MODE_SLEEP : MODE_ENABLE;
}

static int amps_for(const struct rapi *s)
{
	return duty_car_ma(s->out.duty) > 0 ? (duty_car_ma(s->out.duty) + 100) / 1000 : 0;
}

/* ---- asking ---- */

static void rapi_lost(struct rapi *s, const char *why)
{
	if (s->fd >= 0) {
		loop_unwatch(s->d.host.loop, s->fd);
		close(s->fd);
		s->fd = -1;
	}
	loop_timer_cancel(s->d.host.loop, &s->tick);
	loop_timer_after(s->d.host.loop, &s->retry, RETRY_US);
	if (!s->told)
		s->d.host.lost(s->d.host.ctx, why);
	s->told = true;
}

static void body_of(struct rapi *s, enum ask a, char body[24])
{
	static const char *const modes[] = {"", "FE", "FS", "FD"};

	switch (a) {
	case ASK_MODE:
		s->sent_mode = mode_for(s);
		snprintf(body, 24, "%s", modes[s->sent_mode]);
		break;
	case ASK_CURRENT:
		s->sent_amps = amps_for(s);
		snprintf(body, 24, "SC %d V", s->sent_amps);
		break;
	case ASK_WATCH:
		snprintf(body, 24, "SY %d %d", HEARTBEAT_S, HEARTBEAT_A);
		break;
	case ASK_BEAT:
		snprintf(body, 24, "SY");
		break;
	case ASK_ACK:
		snprintf(body, 24, "SY %d", HEARTBEAT_ACK);
		break;
	case ASK_STATE:
		snprintf(body, 24, "GS");
		break;
	case ASK_AMPS:
		snprintf(body, 24, "GG");
		break;
	case ASK_TEMP:
	case ASK_COUNT:
		snprintf(body, 24, "GP");
		break;
	}
}

static void send_ask(struct rapi *s, enum ask a, int64_t now)
{
	char body[24], line[RAPI_LINE_MAX];
	int n;

	s->id = s->id % 255 + 1;
	body_of(s, a, body);
	n = rapi_format(line, body, s->id);
	s->pending = a;
	s->sent_us = now;
	s->wanted[a] = false;
	s->due_us[a] = now + (int64_t)period_ms[a] * 1000;
	if (n < 0 || write(s->fd, line, (size_t)n) != n)
		rapi_lost(s, n < 0 ? "a command too long" : strerror(errno));
}

static bool wants(struct rapi *s, enum ask a, int64_t now)
{
	if (a == ASK_MODE)
		return s->mode != mode_for(s);
	if (a == ASK_CURRENT)
		return amps_for(s) > 0 && s->amps != amps_for(s);
	return s->wanted[a] || (period_ms[a] > 0 && now >= s->due_us[a]);
}

static void ask_next(struct rapi *s)
{
	int64_t now = loop_now(s->d.host.loop).mono_us;

	if (s->fd < 0 || s->pending != ASK_COUNT)
		return;
	/* More current before it is offered, so that no duty says too much for a moment. */
	if (wants(s, ASK_CURRENT, now)) {
		send_ask(s, ASK_CURRENT, now);
		return;
	}
	for (enum ask a = 0; a < ASK_COUNT; a++)
		if (wants(s, a, now)) {
			send_ask(s, a, now);
			return;
		}
}

static void on_tick(void *ctx)
{
	struct rapi *s = ctx;
	int64_t now = loop_now(s->d.host.loop).mono_us;

	loop_timer_after(s->d.host.loop, &s->tick, TICK_US);
	if (s->pending != ASK_COUNT && now - s->sent_us > REPLY_US) {
		if (++s->tries >= TRIES) {
			s->tries = 0;
			s->pending = ASK_COUNT;
			rapi_lost(s, "no reply");
			return;
		}
		send_ask(s, s->pending, now);
		return;
	}
	ask_next(s);
}

/* ---- hearing ---- */

static void report(struct rapi *s)
{
	static const int mv[] = {12000, 12000, 9000, 6000, 3000};
	struct pilot_readings *r = &s->r;
	bool relay = s->vflags & VFLAG_RELAY;
	bool own;

	if (!s->seen)
		return;
	r->cp_pos_mv = s->mode == MODE_DISABLE && s->out.duty == DUTY_F ? -12000
		       : s->pilot >= 1 && s->pilot <= 4                 ? mv[s->pilot]
									: 0;
	/* The diode is its business: only its verdict counts here. */
	r->cp_neg_mv = s->evse == EVSE_DIODE ? 12000 : -12000;
	/* It closes by its own judgement, a moment before we would, and opens for its own faults
	 * and at the end of a stop; of our wish and its deed only what it calls stuck or not closed
	 * differs. */
	own = mode_for(s) != MODE_ENABLE || (s->evse >= EVSE_DIODE && s->evse <= EVSE_OVERCURRENT);
	r->contactor = s->out.contactor ? relay || (own && s->evse != EVSE_NOT_CLOSED)
					: s->evse == EVSE_STUCK || (relay && s->d.host.safe);
	r->rcd = s->evse == EVSE_GFCI || s->evse == EVSE_SELFTEST;
	r->pe = s->evse != EVSE_GROUND;
	r->unlocked = true;
	if (s->evse == EVSE_HOT)
		r->temp_dc = 2000;
	if (s->evse == EVSE_OVERCURRENT)
		r->current_ma = 1000000;
	s->told = false;
	s->d.host.readings(s->d.host.ctx, r);
}

static void take_state(struct rapi *s, const struct rapi_line *l, int pilot_at, int flags_at)
{
	long evse, pilot, vflags;

	if (!rapi_arg(l, 0, 16, 0, 255, &evse) || !rapi_arg(l, pilot_at, 16, 0, 255, &pilot) ||
	    !rapi_arg(l, flags_at, 16, 0, 0xffff, &vflags))
		return;
	s->evse = evse;
	s->pilot = pilot;
	s->vflags = vflags;
	s->seen = true;
	report(s);
}

static void take_temp(struct rapi *s, const struct rapi_line *l)
{
	long hottest = -2560, t;

	for (int i = 0; i < 3; i++)
		if (rapi_arg(l, i, 10, -2560, 3000, &t) && t > hottest)
			hottest = t;
	s->r.temp_dc = hottest > -2560 ? (int16_t)hottest : PILOT_TEMP_ABSENT;
}

static void take_reply(struct rapi *s, const struct rapi_line *l)
{
	enum ask a = s->pending;
	long v;

	/* A reply to an earlier try, or to nobody, is not taken for another's. */
	if (a == ASK_COUNT || l->id != s->id)
		return;
	s->pending = ASK_COUNT;
	s->tries = 0;
	switch (a) {
	case ASK_MODE:
		if (l->kind == RAPI_OK)
			s->mode = s->sent_mode;
		break;
	case ASK_CURRENT:
		/* A refusal names the clamped value, which then stands. */
		s->amps = s->sent_amps;
		if (l->kind == RAPI_NK && rapi_arg(l, 0, 10, 0, 80, &v) && v < s->amps)
			log_warning("the controller holds the current to %ld A", v);
		break;
	case ASK_STATE:
		if (l->kind == RAPI_OK)
			take_state(s, l, 2, 3);
		break;
	case ASK_AMPS:
		if (l->kind == RAPI_OK && rapi_arg(l, 0, 10, -1, 200000, &v))
			s->r.current_ma = (int)v;
		break;
	case ASK_TEMP:
		if (l->kind == RAPI_OK)
			take_temp(s, l);
		break;
	case ASK_BEAT:
		/* "interval current missed": a missed pulse must be acknowledged. */
		s->wanted[ASK_ACK] =
		    l->kind == RAPI_NK || (rapi_arg(l, 2, 10, 0, 255, &v) && v != 0);
		break;
	case ASK_WATCH:
	case ASK_ACK:
	case ASK_COUNT:
		break;
	}
	ask_next(s);
}

static void take_line(struct rapi *s, const char *line, size_t len)
{
	struct rapi_line l;

	/* A line that a disturbance spoilt says nothing; the next asking does. */
	if (rapi_parse(line, len, &l) < 0)
		return;
	switch (l.kind) {
	case RAPI_OK:
	case RAPI_NK:
		take_reply(s, &l);
		break;
	case RAPI_STATE:
		take_state(s, &l, 1, 3);
		break;
	case RAPI_BOOT:
		/* It has forgotten everything that was volatile. */
		s->mode = MODE_UNKNOWN;
		s->amps = 0;
		s->wanted[ASK_WATCH] = true;
		break;
	case RAPI_OTHER:
		break;
	}
}

static void take_byte(struct rapi *s, char c)
{
	if (c == '$' || c == '\r' || c == '\n') {
		/* A report may break into another line: '$' always begins anew. */
		if (c != '$' && !s->skipping && s->len > 0)
			take_line(s, s->in, s->len);
		s->len = 0;
		s->skipping = c != '$';
	}
	if (s->skipping || c == '\r' || c == '\n')
		return;
	if (s->len == sizeof s->in) {
		s->skipping = true;
		return;
	}
	s->in[s->len++] = c;
}

static void on_readable(void *ctx, int fd, short revents)
{
	struct rapi *s = ctx;
	char buf[256];
	ssize_t n = read(fd, buf, sizeof buf);

	(void)revents;
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		rapi_lost(s, n == 0 ? "the line was closed" : strerror(errno));
		return;
	}
	for (ssize_t i = 0; i < n && s->fd >= 0; i++)
		take_byte(s, buf[i]);
}

/* ---- open and close ---- */

static int open_line(struct rapi *s, struct err *err, int *code)
{
	struct termios t;

	*code = EXIT_NO_INPUT;
	s->fd = open(s->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0)
		return err_sys(err, "unable to open %s", s->path);
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			*code = EXIT_TEMPORARY;
		return err_sys(err, "unable to lock %s", s->path);
	}
	if (tcgetattr(s->fd, &t) < 0)
		return err_sys(err, "%s is not a serial line", s->path);
	cfmakeraw(&t);
	cfsetispeed(&t, B115200);
	cfsetospeed(&t, B115200);
	t.c_cflag |= CLOCAL | CREAD;
	if (tcsetattr(s->fd, TCSANOW, &t) < 0)
		return err_sys(err, "unable to set up %s", s->path);
	return 0;
}

static int begin(struct rapi *s)
{
	s->len = 0;
	s->skipping = true;
	s->pending = ASK_COUNT;
	s->tries = 0;
	s->mode = MODE_UNKNOWN;
	s->amps = 0;
	s->seen = false;
	s->wanted[ASK_WATCH] = !s->d.host.safe;
	if (loop_watch(s->d.host.loop, s->fd, POLLIN, on_readable, s) < 0)
		return -1;
	/* An empty line ends whatever stands half in the controller's buffer. */
	if (write(s->fd, "\r", 1) != 1)
		log_debug("rapi: %s", strerror(errno));
	loop_timer_after(s->d.host.loop, &s->tick, 0);
	return 0;
}

static void on_retry(void *ctx)
{
	struct rapi *s = ctx;
	struct err err;
	int code;

	if (open_line(s, &err, &code) < 0 || begin(s) < 0)
		rapi_lost(s, err.msg);
}

static void rapi_close(struct driver *d)
{
	struct rapi *s = (struct rapi *)d;

	loop_timer_cancel(d->host.loop, &s->tick);
	loop_timer_cancel(d->host.loop, &s->retry);
	if (s->fd >= 0) {
		loop_unwatch(d->host.loop, s->fd);
		close(s->fd);
	}
	free(s);
}

static int rapi_describe(const char *address, struct driver_caps *caps, struct pilot_conf *c,
			 struct err *err, int *code)
{
	(void)err;
	(void)code;
	(void)address;
	*caps = (struct driver_caps){.step_ma = 1000,
				     .feedback = true,
				     .current = true,
				     .temperature = true,
				     .guarded = true,
				     .own_machine = true};
	/* The controller keeps these times itself; ours would only come after its. */
	c->times.close_hold = c->times.diode_good = c->times.min_close = 0;
	c->times.feedback = 1500;
	c->times.stop = 3000; /* it opens under load after 3 s */
	c->times.stale = 3000;
	return 0;
}

static struct driver *rapi_open(const char *address, const struct driver_host *host,
				struct err *err, int *code)
{
	struct rapi *s = calloc(1, sizeof *s);

	if (!s) {
		*code = EXIT_OS;
		err_sys(err, "unable to get memory");
		return NULL;
	}
	s->d = (struct driver){.ops = &driver_rapi, .host = *host};
	s->fd = -1;
	snprintf(s->path, sizeof s->path, "%s", address);
	s->tick = (struct loop_timer){.name = "rapi-tick", .fn = on_tick, .ctx = s};
	s->retry = (struct loop_timer){.name = "rapi-retry", .fn = on_retry, .ctx = s};
	s->out = (struct pilot_out){.duty = DUTY_X1, .cp_connected = true, .phases = 1};
	s->r = (struct pilot_readings){
	    .pp_ohm = -1, .pe = true, .temp_dc = PILOT_TEMP_ABSENT, .current_ma = -1};
	if (open_line(s, err, code) < 0 || begin(s) < 0) {
		rapi_close(&s->d);
		return NULL;
	}
	return &s->d;
}

static void rapi_apply(struct driver *d, const struct pilot_out *out)
{
	struct rapi *s = (struct rapi *)d;

	s->out = *out;
	ask_next(s);
}

const struct driver_ops driver_rapi = {.scheme = "rapi",
				       .describe = rapi_describe,
				       .open = rapi_open,
				       .apply = rapi_apply,
				       .close = rapi_close};
