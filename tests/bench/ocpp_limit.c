/* From a SetChargingProfile frame in memory to its limit record written, without the network: what
 * our part adds to the budget "SetChargingProfile frame to CP duty". State on a real disk, as in
 * life; the record is out before. */
#include "ocpp/station.h"

#include "core/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 400 };

static char last_id[64];
static double reply_us, begun_us;
static int pipe_fd[2];

static double now_us(void)
{
	struct now n = clock_read();

	return (double)n.mono_us;
}

static int send_frame(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	reply_us = now_us() - begun_us;
	if (len > 5 && text[1] == '2')
		snprintf(last_id, sizeof(last_id), "%.*s", (int)strcspn(text + 4, "\""), text + 4);
	return 0;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void nothing_int(void *ctx, int n)
{
	(void)ctx;
	(void)n;
}

static int any_profile(void *ctx, const char *url, int security_profile, bool trial)
{
	(void)ctx;
	(void)url;
	(void)security_profile;
	(void)trial;
	return 0;
}

static void nothing_ints(void *ctx, int a, int b, int c)
{
	(void)ctx;
	(void)a;
	(void)b;
	(void)c;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, double *us)
{
	qsort(us, ROUNDS, sizeof(*us), by_size);
	printf("%s_p50\t%.3f\tms\t-\tok\n", name, us[ROUNDS / 2] / 1000);
	printf("%s_p99\t%.3f\tms\t2\t%s\n", name, us[ROUNDS * 99 / 100] / 1000,
	       us[ROUNDS * 99 / 100] <= 2000 ? "ok" : "missed");
}

static void run(struct ocpp *o)
{
	static double replies[ROUNDS];
	char text[1024];

	for (int i = 0; i < ROUNDS; i++) {
		int len = snprintf(
		    text, sizeof(text),
		    "[2,\"%d\",\"SetChargingProfile\",{\"evseId\":1,\"chargingProfile\":{\"id\":1,"
		    "\"stackLevel\":0,\"chargingProfilePurpose\":\"TxDefaultProfile\","
		    "\"chargingProfileKind\":\"Absolute\",\"chargingSchedule\":[{\"id\":1,"
		    "\"startSchedule\":\"2026-01-01T00:00:00Z\",\"chargingRateUnit\":\"A\","
		    "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":%d.5}]}]}}]",
		    i, 6 + i % 20);
		begun_us = now_us();
		ocpp_receive(o, clock_read(), text, (size_t)len);
		replies[i] = reply_us;
		while (read(pipe_fd[0], text, sizeof(text)) > 0)
			;
	}
	report("ocpp_frame_to_limit_and_answer", replies);
}

int main(void)
{
	static const struct ocpp_hooks hooks = {send_frame,   nothing,     nothing, nothing_int,
						nothing_ints, any_profile, NULL};
	struct ocpp_conf conf = {.evses = 2,
				 .phases = 3,
				 .max_a = 32,
				 .voltage_v = 230,
				 .vendor = "v",
				 .model = "m",
				 .firmware = "1",
				 .identity = "CS001",
				 .url = "ws://x/CS001",
				 .boot_reason = "PowerUp"};
	char text[256], dir[] = "/tmp/ocpp-bench-XXXXXX", path[64];
	struct out out;
	struct err err;

	if (!mkdtemp(dir) || pipe2(pipe_fd, O_NONBLOCK) < 0)
		return 71;
	conf.state_dir = dir;
	log_set_level(LOG_LEVEL_ERROR);
	out_init(&out, pipe_fd[1], NULL, "ocpp", clock_read());
	struct ocpp *o = ocpp_new(&conf, &hooks, &out, clock_read(), &err);
	if (!o)
		return 71;
	ocpp_opened(o, clock_read(), &(struct ocpp_link){0});
	ocpp_tick(o, clock_read());
	int len = snprintf(text, sizeof(text),
			   "[3,\"%s\",{\"currentTime\":\"2026-11-22T10:00:00Z\",\"interval\":300,"
			   "\"status\":\"Accepted\"}]",
			   last_id);
	ocpp_receive(o, clock_read(), text, (size_t)len);
	run(o);
	ocpp_free(o);
	out_release(&out);
	for (const char *const *name = (const char *const[]){"profiles", "txqueue", "boot", NULL};
	     *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *name);
		unlink(path);
	}
	rmdir(dir);
	return 0;
}
