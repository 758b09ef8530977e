/* B09, B10: network connection profiles. Slot 1 is the station's own configuration; the others are
 * the back office's to set. NetworkConfigurationPriority says which are used, in what order, and
 * NetworkProfileConnectionAttempts how many tries each gets before the next one's turn.
 *
 * Source: OCPP 2.0.1 Part 2, B09 (setting a profile), B10 (migration) */
#include "ocpp/block.h"

#include "core/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct network_slot *slot_of(struct ocpp *o, int id)
{
	return id >= 2 && id <= NETWORK_SLOTS ? &o->network.slots[id] : NULL;
}

const char *network_url(const struct ocpp *o)
{
	return o->network.active == 1 ? o->conf.url : o->network.slots[o->network.active].url;
}

int network_security_profile(const struct ocpp *o)
{
	return o->network.active == 1 ? o->conf.security_profile
				      : o->network.slots[o->network.active].security_profile;
}

int64_t network_timeout_s(const struct ocpp *o)
{
	return o->network.active == 1 ? var_int(o, VAR_COMM_TIMEOUT)
				      : o->network.slots[o->network.active].timeout_s;
}

/* ---- which one ---- */

/* A number of the list at its place; what else may stand there the variable's own check refused. */
static int slot_at(const char *list)
{
	return (int)strtol(list, NULL, 10);
}

bool network_priority_fits(const struct ocpp *o, const char *value)
{
	for (; *value; value += strspn(value, ",")) {
		int id = slot_at(value);

		if (id != 1 && !o->network.slots[id].url[0])
			return false;
		value += strcspn(value, ",");
	}
	return true;
}

/* The slot after `id` in the list, and the first after the last; the first when it isn't there. */
static int following(const char *list, int id)
{
	int first = slot_at(list);

	for (const char *at = list; *at; at += strspn(at, ",")) {
		int here = slot_at(at);

		at += strcspn(at, ",");
		if (here == id)
			return *at ? slot_at(at + 1) : first;
	}
	return first;
}

/* Another back office, perhaps: it hears of the boot and of each status. */
static void use(struct ocpp *o, int id)
{
	const struct network_slot *s = slot_of(o, id);

	if (o->hooks.set_profile(o->hooks.ctx, s ? s->url : NULL, s ? s->security_profile : 0,
				 false) < 0)
		return;
	o->network.active = id;
	o->boot.state = BOOT_UNSENT;
	o->boot.due_us = 0;
	for (int i = 1; i <= o->conf.evses; i++)
		o->evse[i].reported = NULL;
}

void network_opened(struct ocpp *o)
{
	o->network.failed = 0;
}

void network_failed(struct ocpp *o)
{
	const char *list = var_text(o, VAR_COMM_PRIORITY);

	if (++o->network.failed < var_int(o, VAR_COMM_CONNECTION_ATTEMPTS))
		return;
	int next = following(list, o->network.active);
	o->network.failed = 0;
	if (next == o->network.active)
		return;
	log_notice("network profile %d failed %lld times: profile %d is next", o->network.active,
		   (long long)var_int(o, VAR_COMM_CONNECTION_ATTEMPTS), next);
	use(o, next);
}

/* ---- setting one ---- */

static void save(struct ocpp *o)
{
	struct buf b;
	struct jw w;

	buf_init(&b, 1 << 16);
	jw_init(&w, &b);
	jw_arr(&w);
	for (int i = 2; i <= NETWORK_SLOTS; i++) {
		const struct network_slot *s = slot_of(o, i);

		if (!s->url[0])
			continue;
		jw_obj(&w);
		jw_kint(&w, "slot", i);
		jw_kstr(&w, "url", s->url);
		jw_kint(&w, "security_profile", s->security_profile);
		jw_kint(&w, "timeout_s", s->timeout_s);
		jw_end(&w);
	}
	jw_end(&w);
	keep(o, "network", &b);
	buf_release(&b);
}

/* The station's identity is the last part of the path that it connects to. */
static bool read_url(const struct ocpp *o, jv data, struct network_slot *s)
{
	const char *base = str_of(data, "ocppCsmsUrl");
	size_t len = strlen(base);

	while (len > 0 && base[len - 1] == '/')
		len--;
	int n = snprintf(s->url, sizeof(s->url), "%.*s/%s", (int)len, base, o->conf.identity);
	return n > 0 && (size_t)n < sizeof(s->url) &&
	       o->hooks.set_profile(o->hooks.ctx, s->url, s->security_profile, true) == 0;
}

struct refusal {
	const char *reason, *info;
};

static struct refusal why_not(const struct ocpp *o, int64_t id, jv data, struct network_slot *s)
{
	s->security_profile = (int)int_of(data, "securityProfile", 0);
	s->timeout_s = int_of(data, "messageTimeout", 0);
	if (id == 1)
		return (struct refusal){"NotEnabled",
					"slot 1 is set in the station's own configuration"};
	if (id == o->network.active)
		return (struct refusal){"UnsupportedRequest", "the slot is in use now"};
	if (id < 1 || id > NETWORK_SLOTS)
		return (struct refusal){"ValueOutOfRange", "the station has slots 1 to 4"};
	if (strcmp(str_of(data, "ocppVersion"), "OCPP20") != 0 ||
	    strcmp(str_of(data, "ocppTransport"), "JSON") != 0)
		return (struct refusal){"UnsupportedParam", "OCPP20 with JSON is what is spoken"};
	if (!json_absent(json_get(data, "apn")) || !json_absent(json_get(data, "vpn")))
		return (struct refusal){"UnsupportedParam", "apn and vpn are not set from here"};
	if (s->security_profile < network_security_profile(o) ||
	    s->security_profile < o->conf.security_profile || s->security_profile > 3)
		return (struct refusal){"UnsupportedParam",
					"the security profile is never lowered"};
	if (s->timeout_s < 1 || s->timeout_s > 600)
		return (struct refusal){"ValueOutOfRange", "messageTimeout is 1 to 600 s"};
	if (!read_url(o, data, s))
		return (struct refusal){"InvalidURL", "URL, security profile and what the station "
						      "has of keys don't go together"};
	return (struct refusal){0};
}

static void set_network_profile(struct ocpp *o, const struct ocpp_frame *f)
{
	int64_t id = int_of(f->payload, "configurationSlot", -1);
	struct network_slot s = {0};
	struct refusal no = why_not(o, id, json_get(f->payload, "connectionData"), &s);

	if (no.reason) {
		reply_status(o, "Rejected", no.reason, no.info);
		return;
	}
	*slot_of(o, (int)id) = s;
	save(o);
	security_event(o, "ReconfigurationOfSecurityParameters", "SetNetworkProfile");
	reply_status(o, "Accepted", NULL, NULL);
}

/* ---- life ---- */

static void load_one(struct ocpp *o, jv v)
{
	struct network_slot *s = slot_of(o, (int)int_of(v, "slot", 0));

	if (!s)
		return;
	snprintf(s->url, sizeof(s->url), "%s", str_of(v, "url"));
	s->security_profile = (int)int_of(v, "security_profile", 0);
	s->timeout_s = int_of(v, "timeout_s", 30);
}

/* Comes before the variables: a kept priority names these slots. */
static int load(struct ocpp *o, struct err *err)
{
	jv v;
	int rc = kept(o, "network", &v, err);

	o->network.active = 1;
	for (int i = 0; rc > 0 && i < json_len(v); i++)
		load_one(o, json_at(v, i));
	json_free(v);
	return rc < 0 ? -1 : 0;
}

void network_begin(struct ocpp *o)
{
	int first = slot_at(var_text(o, VAR_COMM_PRIORITY));

	if (first != 1)
		use(o, first);
}

static const struct ocpp_handler handlers[] = {{"SetNetworkProfile", set_network_profile}, {0}};

const struct ocpp_block block_network = {.load = load, .handlers = handlers};
