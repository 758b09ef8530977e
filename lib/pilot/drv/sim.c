/* sim:SOCKET — the simulated board: JSON lines on a Unix socket, both ways. The connection is made
 * again for ever; after each, every output is told anew. */
#include "pilot/drv/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/exit.h"
#include "core/head.h"
#include "core/json.h"
#include "core/jw.h"

enum { RETRY_US = 100000, ALIVE_US = 250000 };

struct sim {
	struct driver d;
	struct sockaddr_un addr;
	int fd, lock_fd;
	bool told; /* of being lost */
	struct lines lines;
	struct loop_timer retry, alive;
	struct pilot_out out;
	struct buf buf;
};

static void sim_lost(struct sim *s, const char *why)
{
	if (s->fd >= 0) {
		loop_unwatch(s->d.host.loop, s->fd);
		close(s->fd);
		s->fd = -1;
	}
	loop_timer_cancel(s->d.host.loop, &s->alive);
	loop_timer_after(s->d.host.loop, &s->retry, RETRY_US);
	if (!s->told)
		s->d.host.lost(s->d.host.ctx, why);
	s->told = true;
}

/* The board reads at once; a full socket means that it is dead. */
static void say(struct sim *s)
{
	ssize_t n;

	buf_addc(&s->buf, '\n');
	n = send(s->fd, s->buf.data, s->buf.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n != (ssize_t)s->buf.len)
		sim_lost(s, n < 0 ? strerror(errno) : "the board takes no more");
}

/* Tells what differs from `was`; everything where it is NULL. */
static void tell(struct sim *s, const struct pilot_out *was)
{
	const struct pilot_out *o = &s->out;
	struct jw w;

	buf_reset(&s->buf);
	jw_init(&w, &s->buf);
	jw_obj(&w);
	if (!was || o->contactor != was->contactor) {
		jw_karr(&w, "contactor");
		jw_bool(&w, o->contactor);
		jw_end(&w);
	}
	if (!was || o->duty != was->duty)
		jw_kint(&w, "duty_permyriad", o->duty);
	if (!was || o->cp_connected != was->cp_connected)
		jw_kbool(&w, "cp_connected", o->cp_connected);
	if (s->d.host.safe)
		goto done;
	if (!was || o->lock != was->lock || o->lock_try != was->lock_try)
		jw_kstr(&w, "lock", o->lock ? "locked" : "unlocked");
	if (!was || o->phases != was->phases)
		jw_kint(&w, "phases", o->phases);
	if (o->rcd_test && (!was || !was->rcd_test))
		jw_kbool(&w, "rcd_test", true);
	if (o->trip_upstream && (!was || !was->trip_upstream))
		jw_kbool(&w, "trip_upstream", true);
done:
	jw_kint(&w, "alive", 1);
	jw_end(&w);
	say(s);
}

static int mv(jv v, const char *name, int fallback)
{
	int64_t n;

	return json_int(json_get(v, name), -100000, 100000, &n) ? (int)n : fallback;
}

static bool any(jv array, bool all)
{
	int n = json_len(array);

	for (int i = 0; i < n; i++)
		if (json_bool(json_at(array, i), false) != all)
			return !all;
	return n > 0 && all;
}

static double highest(jv array, double none)
{
	double best = none, v;

	for (int i = 0; i < json_len(array); i++)
		if (json_num(json_at(array, i), -1e5, 1e5, &v) && (v > best || best == none))
			best = v;
	return best;
}

/* A line of the board that is no reading changes nothing; silence then makes it stale. */
static void sim_line(void *ctx, const char *line, size_t len)
{
	struct sim *s = ctx;
	struct pilot_readings r;
	const char *lock;
	int64_t pp;
	double temp;
	jv v;

	if (!line || json_parse(line, len, &v, NULL) < 0)
		return;
	if (!json_is(json_get(v, "cp_pos_mv"), JV_KIND_NUMBER)) {
		json_free(v);
		return;
	}
	memset(&r, 0, sizeof r);
	r.cp_pos_mv = mv(v, "cp_pos_mv", 0);
	r.cp_neg_mv = mv(v, "cp_neg_mv", 0);
	r.pp_ohm = json_int(json_get(v, "pp_ohm"), 0, 10000000, &pp) ? (int)pp : -1;
	/* Of several contactors the worst counts: one closed is closed, unless all should be. */
	r.contactor = any(json_get(v, "contactor"), s->out.contactor);
	lock = json_str(json_get(v, "lock"));
	r.locked = lock && strcmp(lock, "locked") == 0;
	r.unlocked = lock && strcmp(lock, "unlocked") == 0;
	r.rcd = json_bool(json_get(v, "rcd"), false);
	r.rcd6 = json_bool(json_get(v, "rcd6"), false);
	r.rcd30 = json_bool(json_get(v, "rcd30"), false);
	r.pe = json_bool(json_get(v, "pe"), true);
	r.estop = json_bool(json_get(v, "estop"), false);
	temp = highest(json_get(v, "temp_c"), -1000);
	r.temp_dc = temp <= -1000 ? PILOT_TEMP_ABSENT : temp > 3000 ? 30000 : (int16_t)(temp * 10);
	temp = highest(json_get(v, "current_a"), -1);
	r.current_ma = temp > 0 ? (int)(temp * 1000) : (int)temp;
	json_free(v);
	s->told = false;
	s->d.host.readings(s->d.host.ctx, &r);
}

static void on_readable(void *ctx, int fd, short revents)
{
	struct sim *s = ctx;
	long n = lines_read(&s->lines, fd, sim_line, s);

	(void)revents;
	if (n == 0)
		sim_lost(s, "the board closed the connection");
	else if (n < 0 && errno != EAGAIN)
		sim_lost(s, strerror(errno));
}

/* Under the test clock each pulse is a step of all tools: there it comes only now and then. */
static int64_t alive_us(void)
{
	return clock_is_test() ? INT64_C(30000000) : ALIVE_US;
}

static void on_alive(void *ctx)
{
	struct sim *s = ctx;

	buf_reset(&s->buf);
	buf_adds(&s->buf, "{\"alive\":1}");
	loop_timer_after(s->d.host.loop, &s->alive, alive_us());
	say(s);
}

static void on_retry(void *ctx)
{
	struct sim *s = ctx;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&s->addr, sizeof s->addr) < 0 ||
	    loop_watch(s->d.host.loop, s->fd, POLLIN, on_readable, s) < 0) {
		sim_lost(s, strerror(errno));
		return;
	}
	lines_release(&s->lines);
	lines_init(&s->lines);
	loop_timer_after(s->d.host.loop, &s->alive, alive_us());
	tell(s, NULL);
}

static void sim_close(struct driver *d)
{
	struct sim *s = (struct sim *)d;

	if (s->fd >= 0) {
		loop_unwatch(d->host.loop, s->fd);
		close(s->fd);
	}
	loop_timer_cancel(d->host.loop, &s->retry);
	loop_timer_cancel(d->host.loop, &s->alive);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	lines_release(&s->lines);
	buf_release(&s->buf);
	free(s);
}

static int sim_describe(const char *address, struct driver_caps *caps, struct pilot_conf *c,
			struct err *err, int *code)
{
	(void)address;
	(void)c;
	(void)err;
	(void)code;
	*caps = (struct driver_caps){.step_ma = 100,
				     .voltages = true,
				     .pp = true,
				     .hlc = true,
				     .cp_disconnect = true,
				     .phase_switch = true,
				     .lock = true,
				     .feedback = true,
				     .rcd_test = true,
				     .current = true,
				     .temperature = true};
	return 0;
}

static struct driver *sim_open(const char *address, const struct driver_host *host, struct err *err,
			       int *code)
{
	char lock[sizeof((struct sockaddr_un *)0)->sun_path + 8];
	struct sim *s = calloc(1, sizeof *s);

	if (!s) {
		*code = EXIT_OS;
		err_sys(err, "unable to get memory");
		return NULL;
	}
	s->d = (struct driver){.ops = &driver_sim, .host = *host};
	s->fd = s->lock_fd = -1;
	buf_init(&s->buf, 4096);
	lines_init(&s->lines);
	s->addr.sun_family = AF_UNIX;
	if (strlen(address) >= sizeof s->addr.sun_path) {
		*code = EXIT_USAGE;
		err_set(err, "socket name longer than %zu bytes", sizeof s->addr.sun_path - 1);
		goto fail;
	}
	strncpy(s->addr.sun_path, address, sizeof s->addr.sun_path - 1);
	snprintf(lock, sizeof lock, "%s.lock", address);
	s->lock_fd = driver_lock(lock, err);
	if (s->lock_fd < 0) {
		*code = errno == EWOULDBLOCK ? EXIT_TEMPORARY : EXIT_NO_INPUT;
		goto fail;
	}
	s->retry = (struct loop_timer){.name = "sim-retry", .fn = on_retry, .ctx = s};
	s->alive = (struct loop_timer){.name = "sim-alive", .fn = on_alive, .ctx = s};
	s->out = (struct pilot_out){.duty = 10000, .cp_connected = true, .phases = 3};
	loop_timer_after(host->loop, &s->retry, 0);
	return &s->d;
fail:
	sim_close(&s->d);
	return NULL;
}

static void sim_apply(struct driver *d, const struct pilot_out *out)
{
	struct sim *s = (struct sim *)d;
	struct pilot_out was = s->out;

	s->out = *out;
	if (s->fd >= 0 && memcmp(&was, out, sizeof was) != 0)
		tell(s, &was);
}

const struct driver_ops driver_sim = {.scheme = "sim",
				      .describe = sim_describe,
				      .open = sim_open,
				      .apply = sim_apply,
				      .close = sim_close};
