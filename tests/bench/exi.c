/* ns per message of the EXI codec, medians: as C structures and as JSON, both ways; and the size of
 * its tables.
 *
 * "read" checks the whole stream and fills the structure; "fetch" adds copying every text, binary
 * value and list item out of the stream. The messages are those of
 * tests/fixtures/exi/messages.jsonl. */
#include "../unit/exi_fetch.h"

#include "exi/json.h"
#include "exi/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCHES = 41, BATCH_NS = 400000 };

static uint8_t octets[1 << 15], again[1 << 15];
static char text[1 << 18];
static uint64_t structure[2048];
static struct exi_err err;

struct sample {
	int schema, flags, message;
	size_t size;
	jv json;
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void time_read(const struct sample *s)
{
	struct exi_in in;

	if (exi_open(&in, s->schema, octets, s->size, &err) < 0 ||
	    exi_read(&in, structure, exi_messages[s->message].size, &err) < 0)
		abort();
}

static void time_fetch(const struct sample *s)
{
	const struct exi_message_row *row = &exi_messages[s->message];
	struct exi_in in;

	fetch_used = 0;
	if (exi_open(&in, s->schema, octets, s->size, &err) < 0 ||
	    exi_read(&in, structure, row->size, &err) < 0)
		abort();
	if (exi_schemas[s->schema].wrap != EXI_NONE)
		fetch_type(&exi_types[exi_schemas[s->schema].header], (uint8_t *)structure);
	fetch_type(&exi_types[row->type], (uint8_t *)structure + row->body);
}

static void time_write(const struct sample *s)
{
	if (exi_write(s->message, structure, exi_messages[s->message].size, again, sizeof again,
		      &err) < 0)
		abort();
}

static void time_to_json(const struct sample *s)
{
	if (exi_to_json(s->schema, s->flags, octets, s->size, text, sizeof text, NULL, &err) < 0)
		abort();
}

/* From JSON text: the parser's time included. */
static void time_from_json(const struct sample *s)
{
	struct err bad;
	jv v;

	if (json_parse(text, strlen(text), &v, &bad) < 0 ||
	    exi_from_json(s->schema, s->flags, v, again, sizeof again, NULL, &err) < 0)
		abort();
	json_free(v);
}

static double median(void (*fn)(const struct sample *), const struct sample *s)
{
	double each[BATCHES], begin = now_ns();
	int n = 0;

	while (now_ns() - begin < BATCH_NS) {
		fn(s);
		n++;
	}
	for (int b = 0; b < BATCHES; b++) {
		begin = now_ns();
		for (int i = 0; i < n; i++)
			fn(s);
		each[b] = (now_ns() - begin) / n;
	}
	qsort(each, BATCHES, sizeof *each, by_value);
	return each[BATCHES / 2];
}

static void measure(const struct sample *s, const char *name)
{
	double read, fetch, write, to, from;

	time_to_json(s);
	to = median(time_to_json, s);
	from = median(time_from_json, s);
	if (s->message < 0) {
		printf("%-20s %-28s %6zu %8s %8s %8s %9.0f %9.0f\n", exi_schema_name(s->schema),
		       name, s->size, "-", "-", "-", to, from);
		return;
	}
	read = median(time_read, s);
	fetch = median(time_fetch, s);
	write = median(time_write, s); /* from memory: the structure was fetched */
	printf("%-20s %-28s %6zu %8.0f %8.0f %8.0f %9.0f %9.0f\n", exi_schema_name(s->schema), name,
	       s->size, read, fetch, write, to, from);
}

int main(void)
{
	static char line[1 << 16];
	FILE *file = fopen("tests/fixtures/exi/messages.jsonl", "r");
	size_t largest = 0;
	struct err bad;

	if (!file)
		return 1;
	printf("EXI, ns per message, medians of %d batches\n%-20s %-28s %6s %8s %8s %8s %9s %9s\n",
	       BATCHES, "schema", "message", "octets", "read", "fetch", "write", "to JSON",
	       "from JSON");
	while (fgets(line, sizeof line, file)) {
		struct sample s;
		jv v;

		if (json_parse(line, strlen(line), &v, &bad) < 0)
			return 1;
		s.schema = exi_schema_find(json_str(json_get(v, "schema")));
		s.flags = s.schema == EXI_XMLDSIG ? EXI_FRAGMENT : 0;
		s.message = exi_message_find(s.schema, json_str(json_get(v, "message")));
		s.size = (size_t)exi_hex(json_str(json_get(v, "exi")), octets, sizeof octets);
		measure(&s, json_str(json_get(v, "message")));
		json_free(v);
	}
	fclose(file);
	for (int m = 0; m < EXI_MESSAGES; m++)
		largest = exi_messages[m].size > largest ? exi_messages[m].size : largest;
	printf("tables %u octets; largest structure %zu octets\n", exi_tables_size, largest);
	return 0;
}
