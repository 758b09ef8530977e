#include "sim/rapi.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 10, HEARTBEAT_ACK = 165 };

static const char firmware[] = "8.2.3";

/* A command split into words, and where its answer goes. */
struct call {
	struct rapi *r;
	int words;
	char *word[TOKENS_MAX];
	struct buf *text; /* of the answer, behind "$OK" or "$NK" */
};

int rapi_checksum(const char *bytes, size_t len)
{
	int sum = 0;

	for (size_t i = 0; i < len; i++)
		sum ^= (unsigned char)bytes[i];
	return sum;
}

static void send(struct buf *out, const char *text, size_t len)
{
	buf_add(out, text, len);
	buf_addf(out, "^%02X\r", (unsigned)rapi_checksum(text, len));
}

/* The number in a word. @return false when there is none or it is out of range. */
static bool number(const struct call *c, int index, int min, int max, int *out)
{
	char *end;
	long v;

	if (index >= c->words)
		return false;
	v = strtol(c->word[index], &end, 10);
	if (end == c->word[index] || *end || v < min || v > max)
		return false;
	*out = (int)v;
	return true;
}

/* ---- asking ---- */

static bool get_state(struct call *c)
{
	const struct openevse *o = c->r->controller;

	buf_addf(c->text, " %02x %lld %02x %04x", openevse_state(o),
		 (long long)openevse_elapsed_s(o, c->r->world->now_us), (unsigned)o->pilot,
		 (unsigned)openevse_flags(o));
	return true;
}

static const struct sim_evse *evse_of(const struct call *c)
{
	return &c->r->world->evse[c->r->controller->evse];
}

static bool get_current(struct call *c)
{
	const struct sim_flow *f = &evse_of(c)->flow;

	buf_addf(c->text, " %lld %lld", (long long)f->current_ma[0], (long long)f->voltage_mv[0]);
	return true;
}

static bool get_energy(struct call *c)
{
	const struct sim_energy *all = &evse_of(c)->meter.import_sum;
	int64_t session_nj = sim_energy_diff_nj(all, &c->r->controller->session_start);

	buf_addf(c->text, " %lld %lld", (long long)(session_nj / 1000000000), (long long)all->wh);
	return true;
}

static bool get_capacity(struct call *c)
{
	const struct openevse *o = c->r->controller;

	buf_addf(c->text, " %d %d %d %d", OPENEVSE_MIN_A, OPENEVSE_HW_MAX_A, openevse_amps(o),
		 o->max_amps);
	return true;
}

static bool get_temperatures(struct call *c)
{
	buf_addf(c->text, " %d -2560 -2560", evse_of(c)->board.temp_mc / 100);
	return true;
}

static bool get_faults(struct call *c)
{
	const struct openevse *o = c->r->controller;

	buf_addf(c->text, " %x %x %x", (unsigned)o->gfci_count, (unsigned)o->ground_count,
		 (unsigned)o->stuck_count);
	return true;
}

static bool get_settings(struct call *c)
{
	buf_addf(c->text, " %d 0000", c->r->controller->amps);
	return true;
}

static bool get_version(struct call *c)
{
	buf_addf(c->text, " %s 5.2.1", firmware);
	return true;
}

static bool get_identity(struct call *c)
{
	buf_adds(c->text, " SIM001");
	return true;
}

static bool get_connected(struct call *c)
{
	const struct openevse *o = c->r->controller;

	buf_addf(c->text, " %d",
		 evse_of(c)->board.duty_permyriad == SIM_DUTY_F ? 2 : o->pilot != OPENEVSE_A);
	return true;
}

static bool get_heartbeat(struct call *c)
{
	const struct openevse *o = c->r->controller;

	buf_addf(c->text, " %d %d %d", o->heartbeat_s, o->heartbeat_a, o->heartbeat_missed);
	return true;
}

static bool get_auth(struct call *c)
{
	buf_addf(c->text, " %d", c->r->controller->auth_locked);
	return true;
}

static bool get_lock(struct call *c)
{
	buf_addf(c->text, " %d 0", evse_of(c)->board.locked);
	return true;
}

/* ---- telling ---- */

/* "SC amps V": at once; out of range it takes the nearest and says so. "SC amps M": the unit's
 * maximum. */
static bool set_current(struct call *c)
{
	struct openevse *o = c->r->controller;
	int amps, set;

	if (!number(c, 1, 0, 1000, &amps))
		return false;
	if (c->words > 2 && strcmp(c->word[2], "M") == 0) {
		o->max_amps = amps < OPENEVSE_MIN_A      ? OPENEVSE_MIN_A
			      : amps > OPENEVSE_HW_MAX_A ? OPENEVSE_HW_MAX_A
							 : amps;
		amps = o->amps;
	}
	set = amps < OPENEVSE_MIN_A ? OPENEVSE_MIN_A : amps > o->max_amps ? o->max_amps : amps;
	o->amps = set;
	buf_addf(c->text, " %d", set);
	openevse_run(o, c->r->world);
	return set == amps;
}

static bool enable(struct call *c)
{
	openevse_mode(c->r->controller, OPENEVSE_ENABLE, c->r->world);
	return true;
}

static bool sleep_mode(struct call *c)
{
	openevse_mode(c->r->controller, OPENEVSE_SLEEP, c->r->world);
	return true;
}

static bool disable(struct call *c)
{
	openevse_mode(c->r->controller, OPENEVSE_DISABLE, c->r->world);
	return true;
}

static bool restart(struct call *c)
{
	openevse_restart(c->r->controller, c->r->world);
	return true;
}

/* "SY": a pulse. "SY n a": supervise every n s, else a amperes. "SY 165": a miss is acknowledged.
 */
static bool heartbeat(struct call *c)
{
	struct openevse *o = c->r->controller;
	int first = 0, amps = 0;

	if (c->words == 3) {
		if (!number(c, 1, 0, 10000, &first) || !number(c, 2, 0, OPENEVSE_HW_MAX_A, &amps))
			return false;
		o->heartbeat_s = first;
		o->heartbeat_a = amps;
	} else if (c->words == 2 && (!number(c, 1, 0, 10000, &first) || first != HEARTBEAT_ACK)) {
		return false;
	}
	openevse_pulse(o, first == HEARTBEAT_ACK && c->words == 2, c->r->world);
	return get_heartbeat(c);
}

static bool set_auth(struct call *c)
{
	int on;

	if (!number(c, 1, 0, 1, &on))
		return false;
	c->r->controller->auth_locked = on;
	openevse_run(c->r->controller, c->r->world);
	return true;
}

static bool clear_boot_lock(struct call *c)
{
	struct openevse *o = c->r->controller;

	o->boot_locked = false;
	openevse_run(o, c->r->world);
	buf_addf(c->text, " %d", o->fault != 0);
	return true;
}

static bool set_lock(struct call *c)
{
	struct sim_world *w = c->r->world;
	int on;

	if (!number(c, 1, 0, 1, &on))
		return false;
	sim_board_lock(&w->evse[c->r->controller->evse].board, on, w->now_us);
	sim_world_settle(w);
	return true;
}

static const struct {
	const char *name;
	bool (*act)(struct call *c); /* @return  OK, else NK */
} commands[] = {
    {"GS", get_state},        {"GG", get_current},   {"GU", get_energy},    {"GC", get_capacity},
    {"GP", get_temperatures}, {"GF", get_faults},    {"GE", get_settings},  {"GV", get_version},
    {"GI", get_identity},     {"G0", get_connected}, {"GY", get_heartbeat}, {"G4", get_auth},
    {"G5", get_lock},         {"SC", set_current},   {"FE", enable},        {"FS", sleep_mode},
    {"FD", disable},          {"FR", restart},       {"SY", heartbeat},     {"S4", set_auth},
    {"SB", clear_boot_lock},  {"S5", set_lock},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* ---- lines ---- */

/* Takes the checksum off a line. @return false when it is wrong; a line without one is taken. */
static bool check(char *line)
{
	char *mark = strpbrk(line, "^*"), *end;
	long given;
	int sum = 0;

	if (!mark)
		return true;
	given = strtol(mark + 1, &end, 16);
	if (end == mark + 1 || *end)
		return false;
	if (*mark == '^')
		sum = rapi_checksum(line, (size_t)(mark - line));
	else
		for (const char *p = line; p < mark; p++)
			sum = (sum + (unsigned char)*p) & 0xff;
	*mark = '\0';
	return given == sum;
}

static bool split(struct call *c, char *line)
{
	char *rest = NULL;

	for (char *w = strtok_r(line, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		if (c->words == TOKENS_MAX)
			return false;
		c->word[c->words++] = w;
	}
	return c->words > 0;
}

static bool act(struct call *c)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, c->word[0]) == 0)
			return commands[i].act(c);
	return false;
}

/* One line from '$' on, without its end. A sequence id ":ss" at the end comes back with the answer.
 */
static void run_line(struct rapi *r, char *line, struct buf *out)
{
	struct buf text, answer;
	struct call c = {.r = r, .text = &text};
	const char *id = NULL;
	bool ok = false;

	buf_init(&text, 128);
	buf_init(&answer, 160);
	if (check(line) && split(&c, line + 1)) {
		if (c.words > 1 && c.word[c.words - 1][0] == ':')
			id = c.word[--c.words];
		ok = act(&c);
	}
	buf_addf(&answer, "$%s%s", ok ? "OK" : "NK", buf_str(&text));
	if (id)
		buf_addf(&answer, " %s", id);
	send(out, buf_str(&answer), answer.len);
	buf_release(&text);
	buf_release(&answer);
}

void rapi_init(struct rapi *r, struct openevse *controller, struct sim_world *world)
{
	*r = (struct rapi){.controller = controller, .world = world};
	r->state = (int)openevse_state(controller);
	r->pilot = controller->pilot;
	r->amps = openevse_amps(controller);
	r->flags = openevse_flags(controller);
}

/* '$' begins anew wherever it stands; what is too long for the buffer is forgotten up to the next
 * '$'. */
void rapi_feed(struct rapi *r, const char *bytes, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char ch = bytes[i];

		if (ch == '$')
			r->len = 0;
		else if (r->len == 0)
			continue;
		if (ch == '\r') {
			r->line[r->len] = '\0';
			r->len = 0;
			run_line(r, r->line, out);
		} else if (r->len == RAPI_LINE_MAX - 1) {
			r->len = 0;
		} else {
			r->line[r->len++] = ch;
		}
	}
}

void rapi_boot(struct rapi *r, struct buf *out)
{
	struct buf text;

	(void)r;
	buf_init(&text, 64);
	buf_addf(&text, "$AB 00 %s", firmware);
	send(out, buf_str(&text), text.len);
	buf_release(&text);
}

void rapi_notice(struct rapi *r, struct buf *out)
{
	const struct openevse *o = r->controller;
	int state = (int)openevse_state(o), amps = openevse_amps(o), flags = openevse_flags(o);
	struct buf text;

	if (state == r->state && o->pilot == r->pilot && amps == r->amps && flags == r->flags)
		return;
	r->state = state;
	r->pilot = o->pilot;
	r->amps = amps;
	r->flags = flags;
	buf_init(&text, 64);
	buf_addf(&text, "$AT %02x %02x %d %04x", (unsigned)state, (unsigned)o->pilot, amps,
		 (unsigned)flags);
	send(out, buf_str(&text), text.len);
	buf_release(&text);
}
