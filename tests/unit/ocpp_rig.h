/* The station by itself: frames, records and time in, frames and records out. */
#ifndef OCPP_RIG_H
#define OCPP_RIG_H

#include "ocpp/station.h"

#include "core/log.h"
#include "core/utc.h"

#include "harness.h"

#include <fcntl.h>
#include <unistd.h>

#define S INT64_C(1000000)

static struct rig {
	struct ocpp *o;
	struct out out;
	struct ocpp_conf conf;
	struct now now;
	int pipe[2];
	char sent[1 << 18]; /* frames, a line each */
	char said[1 << 18]; /* records */
	char last_id[64];
	char url[256]; /* of the network profile */
	int reconnects, restarts, ping_s, backoff_s, n;
	bool dead; /* send fails */
} rig;

static int on_send(void *ctx, const char *text, size_t len)
{
	struct rig *r = ctx;
	size_t at = strlen(r->sent);

	if (r->dead)
		return -1;
	snprintf(r->sent + at, sizeof(r->sent) - at, "%.*s\n", (int)len, text);
	if (text[1] == '2')
		snprintf(r->last_id, sizeof(r->last_id), "%.*s", (int)strcspn(text + 4, "\""),
			 text + 4);
	return 0;
}

static void on_reconnect(void *ctx)
{
	((struct rig *)ctx)->reconnects++;
}

static void on_restart(void *ctx)
{
	((struct rig *)ctx)->restarts++;
}

static void on_ping(void *ctx, int s)
{
	((struct rig *)ctx)->ping_s = s;
}

static void on_backoff(void *ctx, int minimum_s, int random_s, int repeats)
{
	((struct rig *)ctx)->backoff_s = minimum_s * 10000 + random_s * 100 + repeats;
}

static int on_profile(void *ctx, const char *url, int security_profile, bool trial)
{
	if (url && (strstr(url, "bad") || security_profile == 2))
		return -1;
	if (!trial)
		snprintf(((struct rig *)ctx)->url, sizeof(rig.url), "%s", url ? url : "own");
	return 0;
}

static void begin(void)
{
	static const struct ocpp_hooks hooks = {on_send,    on_reconnect, on_restart, on_ping,
						on_backoff, on_profile,   &rig};
	struct err err = {""};

	memset(&rig, 0, sizeof(rig));
	log_set_level(LOG_LEVEL_ERROR);
	rig.conf = (struct ocpp_conf){.evses = 2,
				      .phases = 3,
				      .max_a = 32,
				      .voltage_v = 230,
				      .vendor = "v",
				      .model = "m",
				      .firmware = "1",
				      .identity = "CS001",
				      .url = "ws://x/CS001",
				      .boot_reason = "PowerUp"};
	rig.now = (struct now){.real_us = INT64_C(1795305600) * S, .mono_us = 1000 * S};
	if (pipe2(rig.pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		abort();
	out_init(&rig.out, rig.pipe[1], NULL, "ocpp", rig.now);
	rig.o = ocpp_new(&rig.conf, &hooks, &rig.out, rig.now, &err);
	CHECK_STR(err.msg, "");
}

static void end(void)
{
	ocpp_free(rig.o);
	out_release(&rig.out);
	close(rig.pipe[0]);
	close(rig.pipe[1]);
}

/* Forgets what was said, so that the next question is of the present. */
static void forget(void)
{
	char skip[4096];

	while (read(rig.pipe[0], skip, sizeof(skip)) > 0)
		;
	rig.sent[0] = rig.said[0] = '\0';
}

static bool said(const char *text)
{
	size_t at = strlen(rig.said);
	ssize_t n;

	while ((n = read(rig.pipe[0], rig.said + at, sizeof(rig.said) - at - 1)) > 0)
		at += (size_t)n;
	rig.said[at] = '\0';
	return strstr(rig.said, text) != NULL;
}

static bool sent(const char *text)
{
	return strstr(rig.sent, text) != NULL;
}

static void tick(int64_t after_s)
{
	rig.now.real_us += after_s * S;
	rig.now.mono_us += after_s * S;
	ocpp_tick(rig.o, rig.now);
}

/* The answer to the request that was sent last. */
static void answer(const char *payload)
{
	char text[1024];
	int len = snprintf(text, sizeof(text), "[3,\"%s\",%s]", rig.last_id, payload);

	ocpp_receive(rig.o, rig.now, text, (size_t)len);
	tick(0);
}

/* Answers all that is sent, until nothing more is. */
static void drain(void)
{
	char before[64];

	do {
		memcpy(before, rig.last_id, sizeof(before));
		answer("{}");
	} while (strcmp(before, rig.last_id) != 0);
}

static void call(const char *action, const char *payload)
{
	char text[8192];
	int len = snprintf(text, sizeof(text), "[2,\"c%d\",\"%s\",%s]", ++rig.n, action, payload);

	ocpp_receive(rig.o, rig.now, text, (size_t)len);
	tick(0);
}

static void record(const char *type, const char *src, const char *rest)
{
	char text[4096];
	struct record r;
	struct err err = {""};
	char t[UTC_LEN + 1];
	int len;

	utc_format(rig.now.real_us, t);
	len = snprintf(text, sizeof(text),
		       "{\"t\":\"%s\",\"type\":\"%s\",\"src\":\"%s\",\"n\":\"u.%d\",\"m\":1%s}", t,
		       type, src, ++rig.n, rest);

	CHECK(record_parse(text, (size_t)len, &r, &err) == 0);
	CHECK_STR(err.msg, "");
	ocpp_record(rig.o, rig.now, &r);
	record_release(&r);
	tick(0);
}

static void accepted(void)
{
	ocpp_opened(rig.o, rig.now, &(struct ocpp_link){.tls = "TLSv1.3"});
	tick(0);
	answer(
	    "{\"currentTime\":\"2026-11-22T00:00:00Z\",\"interval\":300,\"status\":\"Accepted\"}");
	drain();
	forget();
}

static void edge(const char *state, const char *name, const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text), ",\"evse\":1,\"id\":\"s1\",\"state\":\"%s\",\"edge\":\"%s\"%s",
		 state, name, rest);
	record("session", "session.1", text);
}

#endif
