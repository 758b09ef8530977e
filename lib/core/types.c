#include "core/types.h"

#include <string.h>

/* A limit's age is bounded by its own valid_s, which the bus reads from the record. */
static const struct record_type types[] = {
    /*                  retained event  urgent to_ocpp max_age_s */
    {"pilot", true, true, true, false, 15},        {"lock", true, true, false, false, 0},
    {"input", true, true, false, false, 0},        {"temp", true, false, false, false, 60},
    {"dc", true, true, true, false, 15},           {"ev", true, false, false, false, 0},
    {"meter", true, false, false, false, 60},      {"reading", false, true, false, true, 0},
    {"grid", true, false, false, false, 60},       {"clock", true, false, false, false, 0},
    {"uplink", true, false, false, false, 0},      {"boot", true, false, false, false, 0},
    {"var", true, false, false, false, 0},         {"limit", true, false, true, false, 0},
    {"setpoint", true, false, true, false, 15},    {"token", false, true, false, false, 0},
    {"auth", true, true, false, true, 0},          {"session", true, true, false, true, 0},
    {"need", true, false, false, false, 0},        {"tariff", true, false, false, false, 0},
    {"forecast", true, false, false, false, 0},    {"availability", true, false, false, false, 0},
    {"reservation", true, false, false, false, 0}, {"display", true, false, false, false, 0},
    {"firmware", true, false, false, false, 0},    {"cert", true, false, false, false, 0},
    {"config", true, false, false, false, 0},      {"command", false, true, true, false, 0},
    {"reply", false, true, true, false, 0},        {"alert", true, true, false, false, 0},
    {"security", false, true, false, false, 0},    {"ack", false, false, true, false, 0},
    {"bus", false, false, true, false, 0},         {"log", true, false, false, false, 0},
    {"car", true, false, false, false, 15},
};

const struct record_type *record_types(size_t *count)
{
	*count = sizeof types / sizeof *types;
	return types;
}

const struct record_type *record_type(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strncmp(types[i].name, name, len) == 0 && types[i].name[len] == '\0')
			return &types[i];
	return NULL;
}
