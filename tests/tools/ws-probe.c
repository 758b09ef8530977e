/* ws-probe: a bare websocket client for tests: prints each event as a line, sends each line of its
 * input.
 *
 *   ws-probe [-u URL] [-s SUBPROTOCOLS] [-P PROFILE] [-a CA] [-c CERT] [-k KEY] [-w PASSWORD_FILE]
 * [-2]
 *            [-t CONNECT_MS] [-p PING_MS] [-o PONG_MS] [-m MESSAGE_MAX] [-r] [-e] [-n N]
 *
 * -r reconnects; -e ends at the end of input; -n N ends after N messages. Lines: "open SUBPROTOCOL
 * TLS PEER_NAME", "message TEXT", "closed REASON CODE TEXT", "refused REASON STATUS TEXT". Ends
 * with 0 after a close, with 1 after a refusal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/head.h"
#include "core/loop.h"
#include "ws/ws.h"

struct probe {
	struct loop *loop;
	struct ws_client *client;
	struct lines lines;
	bool reconnect, end_with_input;
	uint32_t messages_left;
};

static void on_stdin(void *ctx, int fd, short revents);

static void on_event(void *user, struct ws_client *c, const struct ws_event *ev)
{
	struct probe *p = user;

	switch (ev->kind) {
	case WS_OPEN:
		loop_watch(p->loop, STDIN_FILENO, POLLIN, on_stdin, p);
		printf("open %s %s %s\n", ev->subprotocol, ev->tls ? ev->tls : "-",
		       ev->peer_name ? ev->peer_name : "-");
		break;
	case WS_MESSAGE:
		printf("message %s\n", ev->data);
		if (p->messages_left && --p->messages_left == 0)
			ws_client_close(c, 1000, "done");
		break;
	case WS_CLOSED:
		printf("closed %s %d %s\n", ws_reason_word(ev->reason), ev->close_code, ev->text);
		if (!p->reconnect)
			loop_stop(p->loop, 0);
		break;
	case WS_REFUSED:
		printf("refused %s %d %s\n", ws_reason_word(ev->reason), ev->http_status, ev->text);
		if (!p->reconnect)
			loop_stop(p->loop, 1);
		break;
	case WS_DRAINED:
		break;
	}
	fflush(stdout);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct probe *p = ctx;

	if (line && ws_client_send(p->client, line, len) < 0)
		printf("unsent %s\n", line);
}

static void on_stdin(void *ctx, int fd, short revents)
{
	struct probe *p = ctx;

	(void)revents;
	if (lines_read(&p->lines, fd, on_line, p) > 0)
		return;
	loop_unwatch(p->loop, fd);
	if (p->end_with_input)
		ws_client_close(p->client, 1000, "done");
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static void options(int argc, char **argv, struct ws_client_conf *conf, struct probe *p)
{
	int opt;

	while ((opt = getopt(argc, argv, "u:s:P:a:c:k:w:2t:p:o:m:ren:")) != -1) {
		switch (opt) {
		case 'u':
			conf->url = optarg;
			break;
		case 's':
			conf->subprotocols = optarg;
			break;
		case 'P':
			conf->security_profile = (int)number(optarg);
			break;
		case 'a':
			conf->ca_file = optarg;
			break;
		case 'c':
			conf->cert_file = optarg;
			break;
		case 'k':
			conf->key_file = optarg;
			break;
		case 'w':
			conf->password_file = optarg;
			break;
		case '2':
			conf->tls12 = true;
			break;
		case 't':
			conf->connect_timeout_ms = number(optarg);
			break;
		case 'p':
			conf->ping_interval_ms = number(optarg);
			break;
		case 'o':
			conf->pong_timeout_ms = number(optarg);
			break;
		case 'm':
			conf->message_max = number(optarg);
			break;
		case 'r':
			p->reconnect = conf->reconnect = true;
			break;
		case 'n':
			p->messages_left = number(optarg);
			break;
		case 'e':
			p->end_with_input = true;
			break;
		default:
			exit(64);
		}
	}
}

int main(int argc, char **argv)
{
	struct ws_client_conf conf = {.subprotocols = "ocpp2.0.1", .backoff = {50, 20, 2}};
	struct probe p = {.loop = NULL};
	struct err e = {""};
	struct ws *ws;
	int code;

	options(argc, argv, &conf, &p);
	p.loop = loop_new(&e);
	ws = p.loop ? ws_new(p.loop, &e) : NULL;
	p.client = ws ? ws_client_new(ws, &conf, on_event, &p, &e) : NULL;
	if (!p.client) {
		fprintf(stderr, "ws-probe: %s\n", e.msg);
		return 78;
	}
	lines_init(&p.lines);
	code = loop_run(p.loop);
	ws_free(ws);
	lines_release(&p.lines);
	loop_free(p.loop);
	return code;
}
