/* evse-ocpp: the charging station's side of OCPP 2.0.1-J.
 *
 * Reads   session, auth, reading, pilot, meter, command, reply, alert, security, var
 * Writes  limit, token, availability, command, reply, uplink, ack, security, boot
 * Uses    lib/ocpp for the protocol, lib/ws for the connection, lib/core for everything else
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tool.h"
#include "ocpp/station.h"
#include "ws/url.h"
#include "ws/ws.h"

enum { SETTLE_US = 3000000, RESTART_US = 200000, FRAME_MAX = 1 << 20 };

struct bridge {
	/* options */
	const char *url, *ca, *cert, *key, *user, *password_file, *dir;
	const char *vendor, *model, *serial, *boot_reason;
	int64_t profile, evses, phases;
	double max_a, voltage_v;
	bool tls12, tethered;
	/* state */
	struct ws_url parts; /* of the URL */
	struct ws *ws;
	struct ws_client *client;
	struct ws_client_conf link;
	char profile_url[WS_URL_MAX]; /* of the network profile in use */
	struct ocpp_conf conf;
	struct ocpp *station;
	struct loop_timer due, settle;
	int channel;
	bool ending;
	int code;
	struct tool *tool;
};

/* ---- the connection ---- */

/* Of a frame only what stands before the payload is logged: tokens and passwords are in payloads.
 */
static int send_frame(void *ctx, const char *text, size_t len)
{
	struct bridge *b = ctx;

	log_debug("out %.*s", (int)strcspn(text, "{"), text);
	if (b->tool->replaying)
		return 0;
	return b->client ? ws_client_send(b->client, text, len) : -1;
}

static void reconnect(void *ctx)
{
	struct bridge *b = ctx;

	if (b->client)
		ws_client_reconnect(b->client);
}

/* A moment later, so that what was said last is sent. */
static void restart(void *ctx)
{
	struct bridge *b = ctx;

	b->code = EXIT_TEMPORARY;
	loop_timer_after(b->tool->loop, &b->settle, RESTART_US);
}

static void set_ping(void *ctx, int seconds)
{
	struct bridge *b = ctx;

	b->link.ping_interval_ms = (uint32_t)seconds * 1000;
	if (b->client)
		ws_client_set_ping(b->client, b->link.ping_interval_ms);
}

static void set_backoff(void *ctx, int minimum_s, int random_s, int repeats)
{
	struct bridge *b = ctx;
	struct err err;

	b->link.backoff = (struct ws_backoff){(uint32_t)minimum_s * 1000, (uint32_t)random_s * 1000,
					      (uint32_t)repeats};
	if (b->client && ws_client_set_conf(b->client, &b->link, &err) < 0)
		log_warning("the new back-off is not taken: %s", err.msg);
}

static int set_profile(void *ctx, const char *url, int security_profile, bool trial)
{
	struct bridge *b = ctx;
	struct ws_client_conf link = b->link;
	struct err err;

	link.url = url ? url : b->url;
	link.security_profile = url ? security_profile : (int)b->profile;
	if (ws_client_check(&link, &err) < 0) {
		log_warning("the network profile of %s is not taken: %s", link.url, err.msg);
		return -1;
	}
	if (trial || b->tool->replaying)
		return 0;
	snprintf(b->profile_url, sizeof(b->profile_url), "%s", link.url);
	link.url = b->profile_url;
	if (b->client && ws_client_set_conf(b->client, &link, &err) < 0) {
		log_warning("%s", err.msg);
		return -1;
	}
	b->link = link;
	return 0;
}

/* What a refused connection means as a security event; "" for none. */
static const char *security_of(const struct ws_event *ev)
{
	switch (ev->reason) {
	case WS_TLS_NAME:
	case WS_TLS_UNKNOWN_CA:
	case WS_TLS_EXPIRED:
	case WS_TLS_NOT_YET:
	case WS_TLS_REVOKED:
		return "InvalidCsmsCertificate";
	case WS_TLS_VERSION:
	case WS_TLS_NONE:
		return "InvalidTLSVersion";
	case WS_TLS_CERT_MISSING:
	case WS_TLS_CERT_REFUSED:
		return "FailedToAuthenticateAtCsms";
	case WS_HTTP:
		return ev->http_status == 401 || ev->http_status == 403
			   ? "FailedToAuthenticateAtCsms"
			   : "";
	case WS_OK:
	case WS_LOCAL:
	case WS_DNS:
	case WS_UNREACHABLE:
	case WS_TIMEOUT:
	case WS_TLS_OTHER:
	case WS_SUBPROTOCOL:
	case WS_PONG:
	case WS_TOO_BIG:
	case WS_PROTOCOL:
	case WS_LOST:
		return "";
	}
	return "";
}

static void feed(struct bridge *b, char kind, const char *a, const char *text, size_t len)
{
	size_t head = strlen(a) + 2;
	char *line = malloc(head + len + 1);

	if (!line) {
		log_error("no memory for a frame of %zu bytes", len);
		return;
	}
	snprintf(line, head + 1, "%c%s ", kind, a);
	for (size_t i = 0; i < len; i++)
		line[head + i] = text[i] == '\n' || text[i] == '\0' ? ' ' : text[i];
	line[head + len] = '\0';
	tool_feed(b->tool, b->channel, line, head + len);
	free(line);
}

/* All that comes from outside goes through the channel, so that a journal replays it. */
static void on_ws(void *user, struct ws_client *c, const struct ws_event *ev)
{
	struct bridge *b = user;

	(void)c;
	switch (ev->kind) {
	case WS_OPEN:
		log_notice("connected to %s (%s)", b->link.url,
			   ev->tls ? ev->tls : "not encrypted");
		feed(b, 'O', "", ev->tls ? ev->tls : "", ev->tls ? strlen(ev->tls) : 0);
		break;
	case WS_MESSAGE:
		feed(b, 'M', "", ev->data, ev->len);
		break;
	case WS_CLOSED:
	case WS_REFUSED:
		log_warning("%s (%s); next try in %u ms",
			    ev->text && ev->text[0] ? ev->text : "the connection ended",
			    ws_reason_word(ev->reason), ev->retry_ms);
		feed(b, 'C', security_of(ev), ev->text ? ev->text : "",
		     ev->text ? strlen(ev->text) : 0);
		break;
	case WS_DRAINED:
		break;
	}
}

/* ---- turning the crank ---- */

static void finish(struct bridge *b)
{
	if (b->client) {
		ws_client_free(b->client);
		b->client = NULL;
	}
	tool_exit(b->tool, b->code);
}

static void turn(struct bridge *b)
{
	int64_t next = ocpp_tick(b->station, tool_now(b->tool));

	if (next == CLOCK_NEVER)
		loop_timer_cancel(b->tool->loop, &b->due);
	else
		loop_timer_set(b->tool->loop, &b->due, next);
	if (b->ending && ocpp_settled(b->station))
		finish(b);
}

static void on_channel(void *ctx, const char *data, size_t len)
{
	struct bridge *b = ctx;
	struct now now = tool_now(b->tool);
	const char *text = memchr(data, ' ', len);
	char word[64];

	if (!text)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)(text - data - 1), data + 1);
	text++;
	len -= (size_t)(text - data);
	switch (data[0]) {
	case 'O':
		ocpp_opened(b->station, now, &(struct ocpp_link){.tls = len ? text : NULL});
		break;
	case 'M':
		log_debug("in %.*s", (int)strcspn(text, "{"), text);
		ocpp_receive(b->station, now, text, len);
		break;
	default:
		ocpp_closed(b->station, now, text, word[0] ? word : NULL);
		if (b->ending)
			finish(b);
	}
	if (b->station && !(b->ending && !b->client && !b->tool->replaying))
		turn(b);
}

static void on_due(void *ctx)
{
	turn(ctx);
}

static void on_settle(void *ctx)
{
	finish(ctx);
}

/* ---- the frame's calls ---- */

static int setup(struct tool *t)
{
	struct bridge *b = t->ctx;
	struct err err;

	b->tool = t;
	if (!b->url) {
		log_error("a URL is needed: -u wss://HOST:PORT/PATH/IDENTITY");
		return EXIT_USAGE;
	}
	if (b->phases == 2) {
		log_error("--phases: expected 1 or 3, got 2");
		return EXIT_CONFIG;
	}
	if (ws_url_parse(&b->parts, b->url, &err) < 0) {
		log_error("%s", err.msg);
		return EXIT_CONFIG;
	}
	if (!b->parts.identity[0]) {
		log_error("\"%s\" names no station: expected ws://HOST:PORT/PATH/IDENTITY", b->url);
		return EXIT_CONFIG;
	}
	if (t->replaying)
		return 0;
	b->ws = ws_new(t->loop, &err);
	if (!b->ws) {
		log_error("%s", err.msg);
		return EXIT_OS;
	}
	return 0;
}

static void configure(struct bridge *b)
{
	b->link = (struct ws_client_conf){
	    .url = b->url,
	    .subprotocols = "ocpp2.0.1",
	    .security_profile = (int)b->profile,
	    .tls12 = b->tls12,
	    .ca_file = b->ca,
	    .cert_file = b->cert,
	    .key_file = b->key,
	    .user = b->user,
	    .password_file = b->password_file,
	    .message_max = FRAME_MAX,
	    .reconnect = true,
	    .backoff = WS_BACKOFF_DEFAULT,
	};
	b->conf = (struct ocpp_conf){
	    .evses = (int)b->evses,
	    .phases = (int)b->phases,
	    .max_a = b->max_a,
	    .voltage_v = b->voltage_v,
	    .tethered = b->tethered,
	    .vendor = b->vendor,
	    .model = b->model,
	    .serial = b->serial,
	    .firmware = EVSE_VERSION,
	    .identity = b->parts.identity,
	    .url = b->url,
	    .security_profile = (int)b->profile,
	    .state_dir = b->dir,
	    .password_file = b->password_file,
	    .boot_reason = b->boot_reason,
	};
}

static int start(struct tool *t)
{
	struct bridge *b = t->ctx;
	struct ocpp_hooks hooks = {send_frame,  reconnect,   restart, set_ping,
				   set_backoff, set_profile, b};
	struct err err;

	configure(b);
	if (t->replaying)
		b->conf.state_dir = b->conf.password_file = NULL;
	b->due = (struct loop_timer){.name = "ocpp", .fn = on_due, .ctx = b};
	b->settle = (struct loop_timer){.name = "settle", .fn = on_settle, .ctx = b};
	b->channel = tool_channel(t, "ws", on_channel, b);
	b->station = ocpp_new(&b->conf, &hooks, &t->out, tool_now(t), &err);
	if (!b->station) {
		log_error("%s", err.msg);
		return errno == EPROTO || errno == EINVAL ? EXIT_CONFIG : EXIT_IO;
	}
	if (!t->replaying) {
		b->client = ws_client_new(b->ws, &b->link, on_ws, b, &err);
		if (!b->client) {
			log_error("%s", err.msg);
			return errno == EINVAL ? EXIT_CONFIG : EXIT_NO_INPUT;
		}
	}
	turn(b);
	return 0;
}

static void on_record(struct tool *t, const struct record *r)
{
	struct bridge *b = t->ctx;

	ocpp_record(b->station, tool_now(t), r);
}

static void on_drained(struct tool *t)
{
	turn(t->ctx);
}

/* What waits for the back office gets a bounded time, then stays in its file. */
static void on_end(struct tool *t, enum tool_end why)
{
	struct bridge *b = t->ctx;

	b->code = why == TOOL_END_OUTPUT ? EXIT_IO : EXIT_DONE;
	if (why == TOOL_END_OUTPUT || !b->client || !ws_client_is_open(b->client)) {
		finish(b);
		return;
	}
	b->ending = true;
	loop_timer_after(t->loop, &b->settle, SETTLE_US);
	turn(b);
}

static void stop(struct tool *t)
{
	struct bridge *b = t->ctx;

	if (b->client)
		ws_client_free(b->client);
	if (b->ws)
		ws_free(b->ws);
	ocpp_free(b->station);
}

static struct bridge bridge = {
    .vendor = "evse-tools",
    .model = "AC charger",
    .boot_reason = "PowerUp",
    .evses = 1,
    .phases = 3,
    .max_a = 32,
    .voltage_v = 230,
};

static const char *const wants[] = {"session", "auth",  "reading",  "pilot", "meter", "command",
				    "reply",   "alert", "security", "var",   NULL};

static const struct cli_opt options[] = {
    {'u', "url", "URL", NULL,
     "back office, ws:// or wss://; the last part of the path is the identity", CLI_STR,
     &bridge.url, 0, 0, false, false},
    {0, "security-profile", "N", "1|2|3",
     "1 password, 2 TLS and password, 3 TLS and certificate; 0 as the URL says", CLI_INT,
     &bridge.profile, 0, 3, false, false},
    {0, "ca", "FILE", "@file", "authorities of the back office's certificate, PEM", CLI_STR,
     &bridge.ca, 0, 0, false, false},
    {0, "cert", "FILE", "@file", "our certificate chain, PEM", CLI_STR, &bridge.cert, 0, 0, false,
     false},
    {0, "key", "FILE", "@file", "our key, PEM, readable by us alone", CLI_STR, &bridge.key, 0, 0,
     false, false},
    {0, "user", "NAME", NULL, "name for the password (the identity)", CLI_STR, &bridge.user, 0, 0,
     false, false},
    {0, "password-file", "FILE", "@file", "password in the first line, readable by us alone",
     CLI_STR, &bridge.password_file, 0, 0, false, false},
    {0, "tls12", NULL, NULL, "allow TLS 1.2 too, for an old back office", CLI_FLAG, &bridge.tls12,
     0, 0, false, false},
    {'d', "state-dir", "DIR", "@dir", "where what must survive is kept; without it nothing is",
     CLI_STR, &bridge.dir, 0, 0, false, false},
    {0, "evses", "N", NULL, "EVSEs of the station (1)", CLI_INT, &bridge.evses, 1, 64, false,
     false},
    {0, "phases", "N", "1|3", "phases wired to each EVSE (3)", CLI_INT, &bridge.phases, 1, 3, false,
     false},
    {0, "max-a", "A", NULL, "most that an EVSE can give, per phase (32)", CLI_NUM, &bridge.max_a, 1,
     1000, false, false},
    {0, "voltage", "V", NULL, "line to neutral, to convert schedules between A and W (230)",
     CLI_NUM, &bridge.voltage_v, 50, 500, false, false},
    {0, "tethered", NULL, NULL, "the cable is fixed to the station", CLI_FLAG, &bridge.tethered, 0,
     0, false, false},
    {0, "vendor", "TEXT", NULL, "vendor of the station (evse-tools)", CLI_STR, &bridge.vendor, 0, 0,
     false, false},
    {0, "model", "TEXT", NULL, "model of the station (AC charger)", CLI_STR, &bridge.model, 0, 0,
     false, false},
    {0, "serial", "TEXT", NULL, "serial number of the station", CLI_STR, &bridge.serial, 0, 0,
     false, false},
    {0, "boot-reason", "WORD", "PowerUp|Watchdog|ApplicationReset|Unknown",
     "reason of this start (PowerUp)", CLI_STR, &bridge.boot_reason, 0, 0, false, false},
    {0},
};

static const struct tool_def def = {
    .name = "evse-ocpp",
    .src = "ocpp",
    .about = "Connects the charger to its back office by OCPP 2.0.1-J: sends transactions, status "
	     "and meter\n"
	     "values, answers authorisation, and gives charging profiles as limit records.",
    .examples = "  evse-ocpp -u wss://csms.example/ocpp/CS001 --security-profile 3 --ca ca.pem \\\n"
		"    --cert cs.pem --key cs.key -d /var/lib/evse/ocpp --evses 2",
    .kind = TOOL_BRIDGE,
    .options = options,
    .wants = wants,
    .ctx = &bridge,
    .setup = setup,
    .needs = CONFINE_FILES | CONFINE_NET,
    .start = start,
    .on_record = on_record,
    .on_drained = on_drained,
    .on_end = on_end,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return tool_main(&def, argc, argv);
}
