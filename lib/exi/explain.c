#include "exi/explain.h"

#include "exi/bits.h"
#include "exi/tables.h"

#include <stdio.h>

/* Bits shown of one step; a longer value ends in "…". */
enum { SHOWN = 24, TEXT_SHOWN = 60 };

struct explain {
	const uint8_t *data;
	size_t size;
	struct buf *out;
	size_t begin; /* of the text, for a walk that begins anew */
	uint32_t from, to;
	int depth;
	const char *name;
};

static void put_bits(struct explain *e, uint32_t from, uint32_t to)
{
	struct bit_reader b = {e->data, (uint32_t)e->size, from, (uint32_t)e->size * 8, false};
	uint32_t n = to - from < SHOWN ? to - from : SHOWN;

	buf_addf(e->out, "%6u  ", from);
	for (uint32_t i = 0; i < n; i++)
		buf_addc(e->out, bit_get(&b, 1) ? '1' : '0');
	if (to - from > SHOWN)
		buf_adds(e->out, "…");
	buf_addf(e->out, "%*s", (int)(SHOWN - n) + (to - from > SHOWN ? 1 : 2), "");
}

static void put_line(struct explain *e, uint32_t from, uint32_t to, int depth, const char *text)
{
	put_bits(e, from, to);
	buf_addf(e->out, "%*s%s\n", 2 * depth, "", text);
}

/* A value's step comes before the value: it waits for it. */
static void on_step(void *ctx, uint32_t from, uint32_t to, int depth, const char *event,
		    const char *detail)
{
	struct explain *e = ctx;

	if (!detail) {
		put_line(e, from, to, depth, event);
		return;
	}
	e->from = from;
	e->to = to;
	e->depth = depth;
	e->name = detail;
}

static void text_value(struct explain *e, const struct exi_value *v, char *buf, size_t size)
{
	char part[TEXT_SHOWN + 8];
	uint32_t bit = v->bit, left = v->len;
	size_t n = exi_fetch_text(e->data, e->size, &bit, &left, part, sizeof part);

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)part[i] < 0x20)
			part[i] = '?';
	}
	snprintf(buf, size, "\"%.*s\"%s (%u characters)", (int)n, part, left ? "…" : "", v->len);
}

static void octets_value(struct explain *e, const struct exi_value *v, char *buf, size_t size)
{
	uint8_t part[TEXT_SHOWN / 2];
	uint32_t n = v->len < sizeof part ? v->len : (uint32_t)sizeof part;
	size_t at = 0;

	exi_fetch_octets(e->data, e->size, v->bit, n, part);
	buf[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, size - at, "%02X", part[i]);
	snprintf(buf + at, size - at, "%s (%u octets)", v->len > n ? "…" : "", v->len);
}

static void on_value(void *ctx, const char *name, const struct exi_value *v)
{
	struct explain *e = ctx;
	char value[160], line[400];

	(void)name;
	switch (v->kind) {
	case EXI_KIND_BOOL:
		snprintf(value, sizeof value, "%s", v->u ? "true" : "false");
		break;
	case EXI_KIND_ENUM:
		snprintf(value, sizeof value, "%s (word %u)", v->word, (unsigned)v->u);
		break;
	case EXI_KIND_STR:
		text_value(e, v, value, sizeof value);
		break;
	case EXI_KIND_HEX:
	case EXI_KIND_BASE64:
		octets_value(e, v, value, sizeof value);
		break;
	default:
		if (v->is_signed)
			snprintf(value, sizeof value, "%lld", (long long)v->i);
		else
			snprintf(value, sizeof value, "%llu", (unsigned long long)v->u);
		break;
	}
	snprintf(line, sizeof line, "%s = %s", e->name, value);
	put_line(e, e->from, e->to, e->depth, line);
}

static void on_restart(void *ctx)
{
	struct explain *e = ctx;

	e->out->len = e->begin;
	buf_adds(e->out, "note: ends of full lists stand in two bits (a known faulty encoder)\n");
	put_line(e, 0, 8, 0, "header: version 1, no options");
}

int exi_explain(int schema, int flags, const uint8_t *data, size_t size, struct buf *out)
{
	static const struct exi_visitor visitor = {
	    .value = on_value, .step = on_step, .restart = on_restart};
	struct explain e = {.data = data, .size = size, .out = out, .begin = out->len};
	struct exi_err err;
	const char *message;

	if (size && size <= EXI_STREAM_MAX)
		put_line(&e, 0, 8, 0, data[0] == 0x80 ? "header: version 1, no options" : "header");
	if (exi_walk(schema, flags, data, size, &visitor, &e, &message, &err) == 0) {
		buf_addf(out, "good: %s, %zu octets\n", message, size);
		return 0;
	}
	buf_addf(out, "wrong at bit %u: %s", err.bit, err.what);
	if (err.expected[0])
		buf_addf(out, "; expected %s", err.expected);
	buf_addc(out, '\n');
	return -1;
}
