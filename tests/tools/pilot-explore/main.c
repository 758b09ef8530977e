/* pilot-explore: enumerate every reachable state of the pilot machine and check what must always
 * hold.
 *
 *   pilot-explore [-m MAX_STATES] [SLICE…]
 *
 * Each slice is a configuration with its own set of inputs. Durations are shrunk to a few ticks,
 * their order kept; since the machine keeps all time as deadlines, a state is everything but the
 * absolute time. From each state every input may change at the same instant, and one tick may pass.
 * Prints the number of states and transitions of each slice; the trace that
 * led to a violation; exit 1.
 *
 *   main.c    the search          slices.c  configurations and their inputs
 *   world.c   what may happen     check.c   what must hold */
#include "explore.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As stored: deadlines as bytes. */
struct packed {
	uint8_t t[T_COUNT];
	struct world w;
	struct pilot_out out;
	unsigned char
	    rest[sizeof(struct pilot) - offsetof(struct pilot, in) - sizeof(struct pilot_counts)];
};

static struct packed *nodes;
static uint32_t *parents, *table;
static uint8_t *how;
static size_t count, max_states = 6000000, table_size;

static void pack(struct packed *k, const struct node *n)
{
	memset(k, 0, sizeof *k);
	for (int i = 0; i < T_COUNT; i++)
		k->t[i] = n->p.t[i] == PILOT_NEVER ? 255 : (uint8_t)(n->p.t[i] / TICK_US);
	k->w = n->w;
	k->out = n->p.out;
	memcpy(k->rest, &n->p.in, sizeof k->rest);
}

static void unpack(struct node *n, const struct packed *k)
{
	memset(n, 0, sizeof *n);
	n->p.conf = &conf;
	for (int i = 0; i < T_COUNT; i++)
		n->p.t[i] = k->t[i] == 255 ? PILOT_NEVER : k->t[i] * TICK_US;
	n->w = k->w;
	n->p.out = k->out;
	memcpy(&n->p.in, k->rest, sizeof k->rest);
}

static uint64_t hash(const void *data, size_t len)
{
	const unsigned char *b = data;
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3U;
	return h ^ h >> 32;
}

static void trace(size_t i)
{
	if (i != 0) {
		trace(parents[i]);
		printf("  %s\n", action_name(how[i]));
	}
}

static void violated(const char *what, size_t from, int action, const struct node *n)
{
	printf("%s: VIOLATED: %s\nafter:\n", now_in->name, what);
	trace(from);
	printf("  %s\nstate %s duty %d contactor %d fb %d lock %d faults %#x seq %d\n",
	       action_name(action), pilot_state_name(&n->p), n->p.out.duty, n->p.out.contactor,
	       n->p.fb, n->p.out.lock, n->p.faults, (int)n->p.seq);
	exit(1);
}

static bool add(const struct node *n, size_t from, int action)
{
	struct packed k;
	size_t at;

	pack(&k, n);
	for (at = hash(&k, sizeof k) & (table_size - 1); table[at];
	     at = (at + 1) & (table_size - 1))
		if (memcmp(&nodes[table[at] - 1], &k, sizeof k) == 0)
			return false;
	if (count == max_states) {
		printf("%s: more than %zu states\n", now_in->name, max_states);
		exit(1);
	}
	nodes[count] = k;
	parents[count] = (uint32_t)from;
	how[count] = (uint8_t)action;
	table[at] = (uint32_t)++count;
	return true;
}

static void normalise(struct node *n)
{
	memset(&n->p.counts, 0, sizeof n->p.counts);
	for (int i = 0; i < T_COUNT; i++)
		if (n->p.t[i] < 0)
			n->p.t[i] = 0;
}

static void follow(size_t from, const struct node *was, int action)
{
	struct node n;
	const char *what;
	int64_t next;

	memcpy(&n, was, sizeof n);
	if (!act(&n, action))
		return;
	read_now(&n);
	next = pilot_step(&n.p, 0);
	normalise(&n);
	if (!n.p.out.contactor || n.p.offer)
		n.w.stopping_for = 0;
	what = broken(was, &n, next);
	if (!was->p.out.contactor && n.p.out.contactor)
		n.w.since_close = 0;
	if (what)
		violated(what, from, action, &n);
	add(&n, from, action);
}

static void explore(const struct slice *s)
{
	struct node n;
	size_t transitions = 0, closed = 0;

	slice_begin(s);
	count = 0;
	memset(table, 0, table_size * sizeof *table);
	memset(&n, 0, sizeof n);
	pilot_init(&n.p, &conf, 0);
	n.p.in.pe = true;
	n.p.in.unlocked = true;
	n.p.in.temp_dc = 250;
	n.p.in.pp_ohm = -1;
	n.w.car = CAR_A;
	n.w.since_want = (uint8_t)(conf.times.watch_stop + 1);
	add(&n, 0, TICK);
	for (size_t i = 0; i < count; i++) {
		unpack(&n, &nodes[i]);
		closed += n.p.out.contactor;
		for (int a = 0; a < ACTIONS; a++)
			if (s->actions & BIT(a)) {
				transitions++;
				follow(i, &n, a);
			}
	}
	printf("%-9s %9zu states %11zu transitions %8zu closed  %s\n", s->name, count, transitions,
	       closed, s->about);
	fflush(stdout);
}

static void *get(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		perror("pilot-explore");
		exit(71);
	}
	return p;
}

int main(int argc, char **argv)
{
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		max_states = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	for (table_size = 1024; table_size < max_states * 2;)
		table_size *= 2;
	nodes = get(max_states, sizeof *nodes);
	parents = get(max_states, sizeof *parents);
	how = get(max_states, sizeof *how);
	table = get(table_size, sizeof *table);
	for (size_t i = 0; i < slice_count; i++) {
		bool chosen = first >= argc;

		for (int a = first; a < argc; a++)
			chosen = chosen || strcmp(argv[a], slices[i].name) == 0;
		if (chosen)
			explore(&slices[i]);
	}
	return 0;
}
