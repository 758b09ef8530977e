/* --safe: what the service's finish step runs when evse-pilot has died. Contactor open and X1 at
 * once, under the device's lock; then a child waits 10 s and drives F, unless an evse-pilot holds
 * the lock. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pilot/duty.h"

enum { CONFIRM_US = 1000000, BACK_US = 10000000, ARGS = 64 };

static struct safe {
	struct app *a;
	char **argv;
	struct loop_timer timer;
	struct pilot_out out;
} safe;

static void done(int code)
{
	loop_timer_cancel(safe.a->t->loop, &safe.timer);
	tool_exit(safe.a->t, code);
}

static void on_readings(void *ctx, const struct pilot_readings *r)
{
	(void)ctx;
	/* The line must have followed too, which its steady level shows. */
	bool x1 = r->cp_pos_mv > -2000, f = r->cp_pos_mv < -10000;

	if (!r->contactor && (!safe.a->caps.voltages || (safe.out.duty == DUTY_F ? f : x1)))
		done(EXIT_DONE);
}

static void on_lost(void *ctx, const char *why)
{
	(void)ctx;
	log_warning("the board at %s does not answer: %s", options.device, why);
}

static void on_late(void *ctx)
{
	(void)ctx;
	log_error("the contactor is not known to be open");
	done(EXIT_UNAVAILABLE);
}

static int drive(int duty)
{
	struct driver_host host = {.loop = safe.a->t->loop,
				   .ctx = safe.a,
				   .safe = true,
				   .readings = on_readings,
				   .lost = on_lost};
	struct err err;
	int code;

	safe.out = (struct pilot_out){.duty = duty, .cp_connected = true};
	safe.a->driver = driver_open(options.device, &host, &err, &code);
	if (!safe.a->driver) {
		if (code == EXIT_TEMPORARY && duty == DUTY_F)
			return EXIT_DONE; /* it is back */
		log_error("%s", err.msg);
		return code;
	}
	driver_apply(safe.a->driver, &safe.out);
	safe.timer = (struct loop_timer){.name = "safe", .fn = on_late};
	loop_timer_after(safe.a->t->loop, &safe.timer, CONFIRM_US);
	return 0;
}

static void on_not_back(void *ctx)
{
	int code = drive(DUTY_F);

	(void)ctx;
	if (!safe.a->driver)
		done(code);
}

/* The second half outlives this process, so that the supervisor may start evse-pilot again now. */
static void leave_a_child(void)
{
	char *args[ARGS];
	int n = 0, fd;
	pid_t pid = fork();

	if (pid < 0)
		log_error("unable to fork: %s; F will not follow", strerror(errno));
	if (pid != 0)
		return;
	setsid();
	fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3 && fd >= 0; i++)
		dup2(fd, i);
	for (; n < ARGS - 2 && safe.argv[n]; n++)
		args[n] = safe.argv[n];
	args[n++] = (char[]){"--safe-f"};
	args[n] = NULL;
	execv("/proc/self/exe", args);
	_exit(EXIT_OS);
}

int safe_start(struct app *a, char **argv)
{
	safe.a = a;
	safe.argv = argv;
	if (options.safe_f) {
		safe.timer = (struct loop_timer){.name = "not-back", .fn = on_not_back};
		loop_timer_after(a->t->loop, &safe.timer, BACK_US);
		return 0;
	}
	leave_a_child();
	return drive(DUTY_X1);
}
