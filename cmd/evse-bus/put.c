/* evse-bus put: says what stands on standard input, a JSON object a line. Whole records go as they
 * are; of others the head is made here: {"to":"sim","kind":"plug","evse":1} becomes a command,
 * whose reply is printed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/client.h"
#include "core/cli.h"
#include "core/confine.h"
#include "core/exit.h"
#include "core/log.h"
#include "core/out.h"
#include "core/record.h"
#include "parts.h"

static struct {
	const char *dir, *service;
	int64_t wait_ms;
} o = {.service = "operator", .wait_ms = 5000};

static const struct cli_opt options[] = {
    {'d', "dir", "RUN", "@dir", "directory of the sockets (default $EVSE_RUN, else /run/evse)",
     CLI_STR, &o.dir, 0, 0, false, false},
    {'S', "service", "NAME", NULL, "the socket to speak through (default operator)", CLI_STR,
     &o.service, 0, 0, false, false},
    {'w', "wait", "MS", NULL, "how long to wait for replies at the end (default 5000)", CLI_INT,
     &o.wait_ms, 0, 600000, false, false},
    {0},
};

struct put {
	int fd;
	struct out out;
	int asked, answered, bad;
	struct buf ids; /* of what was asked, each between two NULs */
	bool unread;
	uint64_t number;
};

struct copy {
	struct jw *w;
	struct buf *text;
};

/* Others may ask through the same socket: only replies to what was asked here count. */
static void note_id(struct put *p, const char *id)
{
	if (!p->ids.len)
		buf_addc(&p->ids, '\0');
	buf_add(&p->ids, id, strlen(id) + 1);
	p->asked++;
}

static bool asked_here(const struct put *p, const char *id)
{
	const char *end = p->ids.data + p->ids.len;

	for (const char *at = p->ids.data; id && at && at + 1 < end; at += strlen(at) + 1)
		if (strcmp(at, id) == 0)
			return true;
	return false;
}

static int copy_member(void *ctx, const char *key, jv v)
{
	static const char *const head[] = {"t", "type", "src", "n", "m", "evse", "connector", "to"};
	struct copy *c = ctx;

	for (size_t i = 0; i < sizeof head / sizeof *head; i++)
		if (strcmp(key, head[i]) == 0)
			return 0;
	buf_reset(c->text);
	json_print(v, c->text);
	jw_key(c->w, key);
	jw_raw(c->w, buf_str(c->text), c->text->len);
	return 0;
}

/* Makes the head that people leave out; a command gets an id and its time of validity. */
static bool complete(struct put *p, jv v, struct err *err)
{
	struct now now = clock_read();
	const char *type = "command", *to = NULL;
	struct buf text;
	int64_t evse = 0, connector = 0;
	const char *id = NULL;
	char made[32];
	struct jw *w;

	if (json_want_str(v, "type", 32, &type, err) < 0 ||
	    json_want_str(v, "to", 64, &to, err) < 0 || json_want_str(v, "id", 256, &id, err) < 0 ||
	    json_want_int(v, "evse", 1, 9999, &evse, err) < 0 ||
	    json_want_int(v, "connector", 1, 9999, &connector, err) < 0)
		return false;
	w = out_begin(&p->out, now, type,
		      (struct out_head){.evse = (int)evse, .connector = (int)connector, .to = to});
	if (strcmp(type, "command") == 0) {
		if (!id)
			jw_kstr(w, "id", id = out_n(&p->out, made));
		if (json_absent(json_get(v, "valid_ms")))
			jw_kint(w, "valid_ms", 5000);
		note_id(p, id);
	}
	buf_init(&text, NDJSON_LINE_MAX);
	json_each(v, copy_member, &(struct copy){w, &text});
	buf_release(&text);
	return out_send(&p->out) > 0;
}

static void on_input(void *ctx, const char *line, size_t len)
{
	struct put *p = ctx;
	struct record r;
	struct err err;
	jv v;

	p->number++;
	if (line && len == 0)
		return;
	if (line && record_parse(line, len, &r, &err) == 0) {
		if (record_is(&r, "command") && json_str(record_get(&r, "id")))
			note_id(p, json_str(record_get(&r, "id")));
		out_line(&p->out, line, len);
		record_release(&r);
		return;
	}
	if (line && json_parse(line, len, &v, &err) == 0) {
		bool done = json_is(v, JV_KIND_OBJECT)
				? complete(p, v, &err)
				: (err_set(&err, "expected one JSON object"), false);

		json_free(v);
		if (done)
			return;
	}
	p->bad++;
	log_error("line %llu: %s", (unsigned long long)p->number,
		  line ? err.msg : "over-long, or no newline at the end");
}

static void on_bus(void *ctx, const char *line, size_t len)
{
	struct put *p = ctx;
	struct record r;
	const char *status;

	if (!line || record_parse(line, len, &r, NULL) < 0)
		return;
	if (record_is(&r, "reply") && strcmp(record_to(&r), o.service) == 0 &&
	    asked_here(p, json_str(record_get(&r, "id")))) {
		status = json_str(record_get(&r, "status"));
		p->answered++;
		p->bad += !status || (strcmp(status, "accepted") != 0 &&
				      strcmp(status, "reboot_required") != 0);
		printf("%.*s\n", (int)len, line);
		fflush(stdout);
	}
	record_release(&r);
}

/* Input until its end, then replies until all came or the time is up. */
static void carry(struct put *p)
{
	struct pollfd pfd[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = p->fd, .events = POLLIN}};
	struct lines in, bus;
	int64_t end = 0;
	long n;

	lines_init(&in);
	lines_init(&bus);
	while (!end || (p->answered < p->asked && clock_read().mono_us < end)) {
		if (poll(pfd, 2, end ? 50 : -1) < 0 && errno != EINTR)
			break;
		if (pfd[0].fd >= 0 && pfd[0].revents &&
		    (n = lines_read(&in, STDIN_FILENO, on_input, p)) <= 0) {
			p->unread = n < 0;
			if (p->unread)
				log_error("unable to read standard input: %s", strerror(errno));
			pfd[0].fd = -1;
			end = clock_read().mono_us + o.wait_ms * 1000 + 1;
		}
		if (pfd[1].revents && lines_read(&bus, p->fd, on_bus, p) <= 0) {
			log_error("the bus closed the connection");
			p->bad++;
			break;
		}
	}
	lines_release(&in);
	lines_release(&bus);
}

int bus_put(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-bus",
	    .about = "Says what stands on standard input, an object a line; prints the replies to "
		     "commands.",
	    .own = options,
	    .common = cli_answers,
	    .examples =
		"  echo '{\"to\":\"sim\",\"kind\":\"swipe\",\"evse\":1,\"token\":\"CARD1\"}' |\n"
		"    evse-bus put\n"
		"  echo '{\"to\":\"pilot.1\",\"kind\":\"unlock\"}' | evse-bus put\n",
	};
	struct put p = {.ids.max = 16 << 20};
	struct err err;
	int code;

	if (cli_parse(&c, argc, argv, NULL, NULL, &code) != CLI_GO)
		return code;
	p.fd = bus_connect(bus_dir(o.dir), o.service, &err);
	if (p.fd < 0 || bus_subscribe(p.fd, "", &err) < 0)
		log_fatal(EXIT_UNAVAILABLE, "%s", err.msg);
	out_init(&p.out, p.fd, NULL, o.service, clock_read());
	confine_tell(CONFINE_NOTHING);
	carry(&p);
	if (p.answered < p.asked)
		log_error("%d of %d commands were not answered in time", p.asked - p.answered,
			  p.asked);
	code = p.unread ? EXIT_IO : p.bad || p.answered < p.asked ? EXIT_NO : EXIT_DONE;
	out_release(&p.out);
	buf_release(&p.ids);
	close(p.fd);
	return cli_close(code);
}
