#include "pcap/slac.h"

#include "pcap/octets.h"

#include <stdio.h>
#include <string.h>

enum kind { U8, U16, HEX, MAC, NAME, LIST, SKIP };

/* A field: fields stand one after the other. size of HEX, NAME and SKIP in octets; a LIST is as
 * long as the number before it says. */
struct slac_field {
	const char *name; /* NULL ends */
	enum kind kind;
	uint8_t size;
};

#define HEAD                           \
	{"application_type", U8, 1},   \
	{                              \
		"security_type", U8, 1 \
	}
#define RUN                      \
	{                        \
		"run_id", HEX, 8 \
	}

static const struct slac_field parm_req[] = {HEAD, RUN, {0}};
static const struct slac_field parm_cnf[] = {{"m_sound_target", MAC, 6},
					     {"num_sounds", U8, 1},
					     {"time_out", U8, 1},
					     {"resp_type", U8, 1},
					     {"forwarding_sta", MAC, 6},
					     HEAD,
					     RUN,
					     {0}};
static const struct slac_field start_atten[] = {HEAD,
						{"num_sounds", U8, 1},
						{"time_out", U8, 1},
						{"resp_type", U8, 1},
						{"forwarding_sta", MAC, 6},
						RUN,
						{0}};
static const struct slac_field sound[] = {
    HEAD, {"sender_id", NAME, 17}, {"cnt", U8, 1}, RUN, {"rsvd", SKIP, 8}, {"rnd", HEX, 16}, {0}};
static const struct slac_field profile[] = {
    {"pev_mac", MAC, 6}, {"num_groups", U8, 1}, {"rsvd", SKIP, 1}, {"aag", LIST, 0}, {0}};
static const struct slac_field atten_ind[] = {HEAD,
					      {"source_address", MAC, 6},
					      RUN,
					      {"source_id", NAME, 17},
					      {"resp_id", NAME, 17},
					      {"num_sounds", U8, 1},
					      {"num_groups", U8, 1},
					      {"aag", LIST, 0},
					      {0}};
static const struct slac_field atten_rsp[] = {HEAD,
					      {"source_address", MAC, 6},
					      RUN,
					      {"source_id", NAME, 17},
					      {"resp_id", NAME, 17},
					      {"result", U8, 1},
					      {0}};
static const struct slac_field validate_req[] = {
    {"signal_type", U8, 1}, {"timer", U8, 1}, {"result", U8, 1}, {0}};
static const struct slac_field validate_cnf[] = {
    {"signal_type", U8, 1}, {"toggle_num", U8, 1}, {"result", U8, 1}, {0}};

#define MATCH                                                                    \
	HEAD, {"mvf_length", U16, 2}, {"pev_id", NAME, 17}, {"pev_mac", MAC, 6}, \
	    {"evse_id", NAME, 17}, {"evse_mac", MAC, 6}, RUN,                    \
	{                                                                        \
		"rsvd", SKIP, 8                                                  \
	}

static const struct slac_field match_req[] = {MATCH, {0}};
static const struct slac_field match_cnf[] = {
    MATCH, {"nid", HEX, 7}, {"rsvd", SKIP, 1}, {"nmk", SKIP, 16}, {0}};

#define KEY_HEAD                                                                       \
	{"my_nonce", HEX, 4}, {"your_nonce", HEX, 4}, {"pid", U8, 1}, {"prn", U16, 2}, \
	    {"pmn", U8, 1},                                                            \
	{                                                                              \
		"cco_capability", U8, 1                                                \
	}

static const struct slac_field key_req[] = {
    {"key_type", U8, 1}, KEY_HEAD, {"nid", HEX, 7}, {"new_eks", U8, 1}, {"new_key", SKIP, 16}, {0}};
static const struct slac_field key_cnf[] = {{"result", U8, 1}, KEY_HEAD, {0}};
static const struct slac_field amp_req[] = {{"am_length", U16, 2}, {0}};
static const struct slac_field amp_cnf[] = {{"result", U8, 1}, {0}};

static const struct {
	uint16_t type;
	enum slac_dir dir;
	const char *name;
	const struct slac_field *fields;
} messages[] = {
    {0x6008, SLAC_LOCAL, "CM_SET_KEY.REQ", key_req},
    {0x6009, SLAC_LOCAL, "CM_SET_KEY.CNF", key_cnf},
    {0x601c, SLAC_LOCAL, "CM_AMP_MAP.REQ", amp_req},
    {0x601d, SLAC_LOCAL, "CM_AMP_MAP.CNF", amp_cnf},
    {0x6064, SLAC_FROM_EV, "CM_SLAC_PARM.REQ", parm_req},
    {0x6065, SLAC_FROM_EVSE, "CM_SLAC_PARM.CNF", parm_cnf},
    {0x606a, SLAC_FROM_EV, "CM_START_ATTEN_CHAR.IND", start_atten},
    {0x606e, SLAC_FROM_EVSE, "CM_ATTEN_CHAR.IND", atten_ind},
    {0x606f, SLAC_FROM_EV, "CM_ATTEN_CHAR.RSP", atten_rsp},
    {0x6076, SLAC_FROM_EV, "CM_MNBC_SOUND.IND", sound},
    {0x6078, SLAC_FROM_EV, "CM_VALIDATE.REQ", validate_req},
    {0x6079, SLAC_FROM_EVSE, "CM_VALIDATE.CNF", validate_cnf},
    {0x607c, SLAC_FROM_EV, "CM_SLAC_MATCH.REQ", match_req},
    {0x607d, SLAC_FROM_EVSE, "CM_SLAC_MATCH.CNF", match_cnf},
    {0x6086, SLAC_LOCAL, "CM_ATTEN_PROFILE.IND", profile},
};

int slac_read(const uint8_t *data, size_t size, struct slac *out, struct err *err)
{
	/* Version 1 has two octets more, of a message in several frames. */
	size_t head = size && data[0] >= 1 ? 5 : 3;

	if (size < head)
		return err_set(err, "HomePlug frame of %zu octets", size);
	*out = (struct slac){.type = le16(data + 1), .entry = data + head, .size = size - head};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		if (messages[i].type != out->type)
			continue;
		out->name = messages[i].name;
		out->dir = messages[i].dir;
		out->fields = messages[i].fields;
	}
	return 0;
}

static void print_hex(struct jw *w, const uint8_t *p, size_t n, char colon)
{
	char text[64];
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (colon && i)
			text[at++] = colon;
		at += (size_t)snprintf(text + at, sizeof text - at, "%02x", p[i]);
	}
	jw_strn(w, text, at);
}

/* Identifiers are text by some and octets by others. */
static void print_name(struct jw *w, const uint8_t *p, size_t n)
{
	size_t len = 0;

	while (len < n && p[len] > ' ' && p[len] < 0x7f)
		len++;
	for (size_t i = len; i < n; i++) {
		if (p[i]) {
			print_hex(w, p, n, 0);
			return;
		}
	}
	jw_strn(w, (const char *)p, len);
}

static void print_field(struct jw *w, const struct slac_field *f, const uint8_t *p, size_t n)
{
	jw_key(w, f->name);
	switch (f->kind) {
	case U8:
		jw_int(w, *p);
		return;
	case U16:
		jw_int(w, le16(p));
		return;
	case HEX:
		print_hex(w, p, n, 0);
		return;
	case MAC:
		print_hex(w, p, n, ':');
		return;
	case NAME:
		print_name(w, p, n);
		return;
	case LIST:
		jw_arr(w);
		for (size_t i = 0; i < n; i++)
			jw_int(w, p[i]);
		jw_end(w);
		return;
	case SKIP:
		return;
	}
}

int slac_print(const struct slac *s, struct jw *w, struct err *err)
{
	const struct slac_field *f = s->fields;
	const uint8_t *p = s->entry;
	size_t left = s->size, count = 0;

	jw_obj(w);
	for (; f && f->name; f++) {
		size_t n = f->kind == LIST ? count : f->size;

		if (n > left)
			break;
		if (f->kind != SKIP)
			print_field(w, f, p, n);
		if (strcmp(f->name, "num_groups") == 0)
			count = *p;
		p += n;
		left -= n;
	}
	jw_end(w);
	return f && f->name ? err_set(err, "ends before its field %s", f->name) : 0;
}
