/* Frames of a hostile back office to a whole station that was accepted: each line of the input is
 * one. */
#include "core/log.h"
#include "ocpp/station.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char last_id[64];

static int send_frame(void *ctx, const char *text, size_t len)
{
	(void)ctx;
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

static void accept(struct ocpp *o, struct now now)
{
	char text[256];

	ocpp_opened(o, now, &(struct ocpp_link){0});
	ocpp_tick(o, now);
	int len = snprintf(text, sizeof(text),
			   "[3,\"%s\",{\"currentTime\":\"2026-11-22T10:00:00Z\",\"interval\":300,"
			   "\"status\":\"Accepted\"}]",
			   last_id);
	ocpp_receive(o, now, text, (size_t)len);
}

static void take(struct ocpp *o, struct now now, const char *line, size_t len)
{
	static char text[70000];
	int n;

	if (len == 0 || line[0] != '=') {
		ocpp_receive(o, now, line, len);
		return;
	}
	n = snprintf(text, sizeof(text), "[3,\"%s\",%.*s]", last_id, (int)(len - 1), line + 1);
	ocpp_receive(o, now, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ocpp_hooks hooks = {send_frame,   nothing,     nothing, nothing_int,
						nothing_ints, any_profile, NULL};
	static const struct ocpp_conf conf = {.evses = 2,
					      .phases = 3,
					      .max_a = 32,
					      .voltage_v = 230,
					      .vendor = "v",
					      .model = "m",
					      .firmware = "1",
					      .identity = "CS001",
					      .url = "ws://x/CS001",
					      .boot_reason = "PowerUp"};
	struct now now = {.real_us = INT64_C(1795305600000000), .mono_us = 1000000};
	static int fd = -1;
	struct out out;
	struct err err;

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_set_level(LOG_LEVEL_ERROR);
	out_init(&out, fd, NULL, "ocpp", now);
	struct ocpp *o = ocpp_new(&conf, &hooks, &out, now, &err);
	if (!o)
		return 0;
	accept(o, now);
	while (size > 0) {
		const uint8_t *nl = memchr(data, '\n', size);
		size_t len = nl ? (size_t)(nl - data) : size;

		take(o, now, (const char *)data, len);
		now.real_us += 500000;
		now.mono_us += 500000;
		ocpp_tick(o, now);
		data += len + (nl != NULL);
		size -= len + (nl != NULL);
	}
	ocpp_closed(o, now, "end", NULL);
	ocpp_free(o);
	out_release(&out);
	return 0;
}
