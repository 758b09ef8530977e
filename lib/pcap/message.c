/* A V2GTP frame as a line: which schema it is of, and its message. */
#include "exi/exi.h"
#include "exi/json.h"
#include "pcap/parts.h"

#include <stdio.h>
#include <string.h>

/* ---- the handshake ---- */

struct handshake {
	const struct v2gtp_frame *frame;
	struct talk_offer offer[OFFERS];
	size_t offers;
	int schema;  /* of the namespace read last */
	uint64_t id; /* of a response */
	bool good;
};

static int schema_of(const struct v2gtp_frame *frame, const struct exi_value *v)
{
	char text[128];
	uint32_t bit = v->bit, left = v->len;
	size_t n = exi_fetch_text(frame->payload, frame->size, &bit, &left, text, sizeof text - 1);

	text[n] = '\0';
	for (int i = 0; i < EXI_SCHEMAS && !left; i++) {
		if (exi_schema_ns(i) && strcmp(exi_schema_ns(i), text) == 0)
			return i;
	}
	return -1;
}

static void on_value(void *ctx, const char *name, const struct exi_value *v)
{
	struct handshake *h = ctx;

	if (!name)
		return;
	if (strcmp(name, "ProtocolNamespace") == 0) {
		h->schema = schema_of(h->frame, v);
	} else if (strcmp(name, "ResponseCode") == 0) {
		h->good = v->word && strncmp(v->word, "OK_", 3) == 0;
	} else if (strcmp(name, "SchemaID") == 0) {
		h->id = v->u;
		if (h->offers < OFFERS)
			h->offer[h->offers++] = (struct talk_offer){v->u, h->schema};
	}
}

static void on_restart(void *ctx)
{
	struct handshake *h = ctx;

	*h = (struct handshake){.frame = h->frame, .schema = -1};
}

/* Remembers what a car offers, and chooses what the charger answers. */
static void handshake(struct talk_stream *s, const struct v2gtp_frame *frame, const char *message)
{
	static const struct exi_visitor visitor = {.value = on_value, .restart = on_restart};
	struct handshake h = {.frame = frame, .schema = -1};
	struct exi_err err;

	if (exi_walk(EXI_SAP, 0, frame->payload, frame->size, &visitor, &h, NULL, &err) < 0)
		return;
	s->schema = -1;
	if (strcmp(message, "supportedAppProtocolReq") == 0) {
		memcpy(s->offer, h.offer, sizeof h.offer);
		s->offers = h.offers;
		return;
	}
	for (size_t i = 0; h.good && i < s->offers; i++) {
		if (s->offer[i].id == h.id)
			s->schema = s->offer[i].schema;
	}
}

/* ---- messages ---- */

/* The schema negotiated where several share the payload type, else what the octets tell. */
static int choose_schema(const struct talk_stream *s, const struct v2gtp_frame *frame,
			 struct exi_err *err)
{
	uint16_t type = v2gtp_schema_type(frame->type);
	int schema = exi_schema_guess(type, frame->payload, frame->size, err);

	if (schema == EXI_SAP || s->schema < 0 || exi_schema_payload(s->schema) != type)
		return schema;
	return s->schema;
}

/* Where it wasn't captured who opened the connection: cars request and chargers respond. */
static void learn_side(struct talk_stream *s, int from, const char *message)
{
	size_t n = strlen(message);

	if (s->conn->client >= 0 || n < 3)
		return;
	if (strcmp(message + n - 3, "Req") == 0)
		s->conn->client = from;
	else if (strcmp(message + n - 3, "Res") == 0)
		s->conn->client = !from;
}

static void put_error(struct talk_stream *s, const struct exi_err *err)
{
	struct jw *w = &s->talk->w;

	jw_kobj(w, "error");
	jw_kstr(w, "what", err->what);
	if (err->bit)
		jw_kint(w, "bit", err->bit);
	if (err->expected[0])
		jw_kstr(w, "expected", err->expected);
	jw_end(w);
	s->talk->count.errors++;
}

static void exi_message(struct talk_stream *s, int from, const struct v2gtp_frame *frame,
			const char *type)
{
	struct exi_err err = {0};
	const char *message = NULL;
	int schema = choose_schema(s, frame, &err);
	ssize_t n = schema < 0 ? -1
			       : exi_to_json(schema, 0, frame->payload, frame->size, s->talk->text,
					     TEXT_MAX, &message, &err);
	struct jw *w;

	if (n >= 0)
		learn_side(s, from, message);
	w = talk_begin_stream(s, from);
	jw_kstr(w, "payload_type", type);
	talk_hex(w, "exi", frame->payload, frame->size);
	if (schema >= 0)
		jw_kstr(w, "schema", exi_schema_name(schema));
	if (n >= 0) {
		jw_kstr(w, "message", message);
		jw_key(w, "json");
		jw_raw(w, s->talk->text, (size_t)n);
	} else {
		put_error(s, &err);
	}
	talk_end(s->talk);
	if (n >= 0 && schema == EXI_SAP)
		handshake(s, frame, message);
}

void talk_frame(struct talk_stream *s, int from, const struct v2gtp_frame *frame)
{
	const char *name = v2gtp_type_name(frame->type);
	char type[8], what[96];
	struct jw *w;

	snprintf(type, sizeof type, "0x%04x", frame->type);
	if (v2gtp_schema_type(frame->type)) {
		exi_message(s, from, frame, type);
		return;
	}
	snprintf(what, sizeof what, name ? "%s in a TCP stream" : "unknown payload type%s",
		 name ? name : "");
	w = talk_begin_stream(s, from);
	jw_kstr(w, "payload_type", type);
	talk_hex(w, "payload", frame->payload, frame->size);
	talk_error(s->talk, what);
	talk_end(s->talk);
}
