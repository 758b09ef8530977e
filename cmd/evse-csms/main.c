/* evse-csms: a small back office for benches, demonstrations and tests.
 *
 * Reads from standard input calls to send to chargers, and commands to itself; writes every
 * message, either way, as a line on standard output. Speaks OCPP 2.0.1-J (and frames of 2.1) over
 * websockets, with TLS 1.3 and client certificates, or by the other security profiles. Answers
 * chargers from tables in lib/csms. */
#include "csms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWERS_WAIT_US INT64_C(5000000)
#define CLOSE_WAIT_US   INT64_C(2500000)

/* ---- letting chargers in ---- */

/* As long for a wrong password as for a right one. */
static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differ = len != strlen(b);

	for (size_t i = 0; i < len && b[i]; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

static bool password_right(const struct office *o, const struct ws_request *rq)
{
	const char *expected = json_str(json_get(o->passwords, rq->identity));

	return expected && rq->user && rq->password && strcmp(rq->user, rq->identity) == 0 &&
	       same_text(expected, rq->password);
}

/* Source: OCPP 2.0.1 part 2, A00.FR.204 to 208 (password), A00.FR.309 to 315 (certificate) */
static int admit(void *user, const struct ws_request *rq)
{
	struct office *o = user;
	const struct csms_rule *r = csms_rules_take(&o->rules, rq->identity, "*", true);

	if (r)
		return r->status;
	if (!rq->identity[0])
		return 404;
	if ((o->profile == 1 || o->profile == 2) && !password_right(o, rq))
		return 401;
	if (o->profile == 3 && (!rq->peer_name || strcmp(rq->peer_name, rq->identity) != 0))
		return 401;
	return 0;
}

/* ---- start ---- */

static int load_passwords(struct office *o, struct err *e)
{
	struct stat st;

	if (stat(o->passwords_file, &st) < 0)
		return err_sys(e, "unable to read the password file \"%s\"", o->passwords_file);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, "password file \"%s\": mode %03o lets others at it; make it 600",
			       o->passwords_file, (unsigned)(st.st_mode & 0777));
	if (json_load(o->passwords_file, 1u << 20, &o->passwords, e) < 0)
		return -1;
	o->has_passwords = true;
	if (!json_is(o->passwords, JV_KIND_OBJECT))
		return err_set(e, "password file \"%s\": expected an object {\"ID\":\"password\"}",
			       o->passwords_file);
	return 0;
}

/* Which security profile the files given make possible. */
static int64_t profile_of(const struct office *o)
{
	if (o->cert)
		return o->ca ? 3 : o->passwords_file ? 2 : 0;
	return o->passwords_file ? 1 : 0;
}

static int check_options(struct office *o, struct err *e)
{
	if (o->profile < 0)
		o->profile = profile_of(o);
	if (o->profile >= 2 && !o->cert)
		return err_set(e, "security profile %d needs TLS: --cert and --key",
			       (int)o->profile);
	if (o->profile == 1 && o->cert)
		return err_set(e, "security profile 1 is without TLS: not with --cert");
	if (o->profile == 3 && !o->ca)
		return err_set(
		    e, "security profile 3 needs --ca, to check the chargers' certificates");
	if ((o->profile == 1 || o->profile == 2) && !o->passwords_file)
		return err_set(e, "security profile %d needs --passwords", (int)o->profile);
	return 0;
}

static int write_port(const char *path, int port, struct err *e)
{
	char text[16], part[4096];
	int len = snprintf(text, sizeof(text), "%d\n", port);
	int fd;
	bool ok;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return err_set(e, "port file: path too long");
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ok = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	if (!ok || rename(part, path) < 0)
		return err_sys(e, "unable to write the port to \"%s\"", path);
	return 0;
}

static int open_server(struct office *o, struct err *e)
{
	struct ws_server_conf conf = {
	    .listen = o->listen,
	    .cert_file = o->cert,
	    .key_file = o->key,
	    .ca_file = o->ca,
	    .require_client_cert = o->profile == 3,
	    .tls12 = o->tls12,
	    .subprotocols = o->subprotocols,
	    .ping_interval_ms = (uint32_t)o->ping_s * 1000,
	    .message_max = 4u << 20,
	    .admit = admit,
	};
	struct jw *w;

	o->server = ws_server_new(o->ws, &conf, on_ws, o, e);
	if (!o->server)
		return -1;
	w = say(o, NULL, false, "listen");
	jw_kint(w, "port", ws_server_port(o->server));
	jw_kint(w, "security_profile", o->profile);
	jw_kbool(w, "tls", o->cert != NULL);
	jw_kstr(w, "subprotocols", o->subprotocols);
	said(o);
	return o->port_file ? write_port(o->port_file, ws_server_port(o->server), e) : 0;
}

static int set_up(struct tool *t)
{
	struct office *o = t->ctx;
	struct err e = {""};

	o->t = t;
	if (check_options(o, &e) < 0 ||
	    (o->cards_file && csms_cards_load(&o->cards, o->cards_file, &e) < 0) ||
	    (o->passwords_file && load_passwords(o, &e) < 0)) {
		log_error("%s", e.msg);
		return EXIT_CONFIG;
	}
	o->ws = ws_new(t->loop, &e);
	if (!o->ws) {
		log_error("%s", e.msg);
		return EXIT_OS;
	}
	return 0;
}

static int start(struct tool *t)
{
	struct office *o = t->ctx;
	struct err e = {""};

	buf_init(&o->line, NDJSON_LINE_MAX);
	buf_init(&o->payload, 1u << 20);
	buf_init(&o->frame, 4u << 20);
	/* ids must not repeat on a connection, not even across our restarts */
	snprintf(o->call_prefix, sizeof(o->call_prefix), "%08x",
		 (unsigned)(tool_now(t).real_us / 1000 ^ getpid()));
	if (open_server(o, &e) < 0) {
		log_error("%s", e.msg);
		return errno == EADDRINUSE || errno == EADDRNOTAVAIL ? EXIT_UNAVAILABLE
								     : EXIT_CONFIG;
	}
	return 0;
}

/* ---- end ---- */

static void on_end_timer(void *ctx);

static void close_all(struct office *o)
{
	o->closing = true;
	for (struct charger *c = o->chargers; c; c = c->next)
		if (c->conn)
			ws_conn_close(c->conn, 1001, "the back office goes away");
	if (!office_busy(o)) {
		tool_exit(o->t, EXIT_DONE);
		return;
	}
	loop_timer_after(o->t->loop, &o->end_timer, CLOSE_WAIT_US);
}

/* First the wait for answers is over, then that for goodbyes. */
static void on_end_timer(void *ctx)
{
	struct office *o = ctx;

	if (o->closing)
		tool_exit(o->t, EXIT_DONE);
	else
		close_all(o);
}

static void on_end(struct tool *t, enum tool_end why)
{
	struct office *o = t->ctx;

	if (why == TOOL_END_INPUT && o->stay) {
		t->ending = false; /* a signal is to end it still */
		return;
	}
	o->end_timer = (struct loop_timer){.name = "csms.end", .fn = on_end_timer, .ctx = o};
	o->ending = true;
	if (why == TOOL_END_INPUT && office_busy(o))
		loop_timer_after(t->loop, &o->end_timer, ANSWERS_WAIT_US);
	else
		close_all(o);
}

static void stop(struct tool *t)
{
	struct office *o = t->ctx;
	struct csms_rules *rules = &o->rules;

	office_release(o);
	ws_free(o->ws);
	csms_cards_release(&o->cards);
	csms_rules_clear(rules, "*");
	if (o->has_passwords)
		json_free(o->passwords);
	buf_release(&o->line);
	buf_release(&o->payload);
	buf_release(&o->frame);
}

int main(int argc, char **argv)
{
	static struct office o = {.listen = "127.0.0.1:9000",
				  .subprotocols = "ocpp2.0.1,ocpp2.1",
				  .profile = -1,
				  .interval_s = 300};
	const struct cli_opt options[] = {
	    {'l', "listen", "ADDRESS:PORT", NULL,
	     "listen here (default 127.0.0.1:9000; port 0: a free one)", CLI_STR, &o.listen, 0, 0,
	     false, false},
	    {0, "port-file", "FILE", "@file", "write the port that was taken to FILE", CLI_STR,
	     &o.port_file, 0, 0, false, false},
	    {0, "security-profile", "N", NULL,
	     "OCPP security profile 1 to 3; 0: let everybody in (default: as the files given make "
	     "possible)",
	     CLI_INT, &o.profile, 0, 3, false, false},
	    {0, "cert", "FILE", "@file", "own certificate, PEM, leaf first; makes it TLS", CLI_STR,
	     &o.cert, 0, 0, false, false},
	    {0, "key", "FILE", "@file", "its key, PEM, readable by its owner alone", CLI_STR,
	     &o.key, 0, 0, false, false},
	    {0, "ca", "FILE", "@file", "authorities of the chargers' certificates, PEM", CLI_STR,
	     &o.ca, 0, 0, false, false},
	    {0, "tls12", NULL, NULL, "accept TLS 1.2 too (default: 1.3 only)", CLI_FLAG, &o.tls12,
	     0, 0, false, false},
	    {0, "passwords", "FILE", "@file", "JSON object of charger ids and passwords, mode 600",
	     CLI_STR, &o.passwords_file, 0, 0, false, false},
	    {0, "cards", "FILE", "@file", "JSON object of cards (default: every card is accepted)",
	     CLI_STR, &o.cards_file, 0, 0, false, false},
	    {0, "boot", "WORD", "Accepted|Pending|Rejected",
	     "answer to BootNotification (default Accepted)", CLI_WORD, &o.boot, 0, 0, false,
	     false},
	    {0, "interval", "S", NULL,
	     "heartbeat interval given to chargers, seconds (default 300)", CLI_INT, &o.interval_s,
	     0, 86400, false, false},
	    {0, "subprotocols", "LIST", NULL, "served, with commas (default ocpp2.0.1,ocpp2.1)",
	     CLI_STR, &o.subprotocols, 0, 0, false, false},
	    {0, "ping", "S", NULL, "websocket ping every S seconds (default 0: none)", CLI_INT,
	     &o.ping_s, 0, 86400, false, false},
	    {0, "strict", NULL, NULL,
	     "check what chargers send against OCPP 2.0.1, and reject what is wrong", CLI_FLAG,
	     &o.strict, 0, 0, false, false},
	    {0, "stay", NULL, NULL, "go on at the end of input, until a signal", CLI_FLAG, &o.stay,
	     0, 0, false, false},
	    {0},
	};
	const struct tool_def def = {
	    .name = "evse-csms",
	    .src = "csms",
	    .about = "A small OCPP 2.0.1 back office for benches, demonstrations and tests.",
	    .kind = TOOL_BRIDGE,
	    .options = options,
	    .needs = CONFINE_NET,
	    .no_boot = true,
	    .ctx = &o,
	    .setup = set_up,
	    .start = start,
	    .on_other = on_command,
	    .on_end = on_end,
	    .stop = stop,
	};

	return tool_main(&def, argc, argv);
}
