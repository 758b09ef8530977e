#include "view/advice.h"

#include <stddef.h>
#include <string.h>

struct advice {
	const char *code, *step;
};

#define RESET "echo '{\"to\":\"pilot.N\",\"kind\":\"reset_fault\"}' | evse-bus put"

static const struct advice faults[] = {
    {"diode", "unplug; if another car charges, this car's pilot circuit is broken"},
    {"cp_short", "unplug; if it stays, look for a short or a cut in the pilot wire"},
    {"pe", "measure the protective earth; clears 30 s after it is back"},
    {"rcd", "find the leak, reset the RCD, then: " RESET},
    {"rcd_selftest", "look at the RCD's test wiring, or replace it; tried again each minute"},
    {"welded", "switch off upstream, replace the contactor, then: " RESET},
    {"not_closed", "look at the contactor's coil and its feedback; unplugging clears it"},
    {"lock", "look for dirt at plug and lock; then at the lock's motor and feedback"},
    {"overcurrent", "the car drew more than it was offered; unplugging clears it"},
    {"temperature", "let it cool below 62 degrees; look at terminals and contacts for heat"},
    {"estop", "release the emergency stop, then unplug the car"},
    {"pp", "look at the cable's plug: its coding is missing, or wet or worn contacts"},
    {"ventilation", "this car asks for ventilation; it cannot charge here; unplug it"},
    {"driver", "look at the board, its supply and line: evse-pilot probe ADDRESS"},
};

static const struct advice alerts[] = {
    {"comm", "look at the meter's supply, wires and address: evse-meter probe"},
    {"epoch", "another meter, or one reset: if that is meant, nothing; see evse-meter(1)"},
    {"no_setpoint", "evse-charger status; if setpoint runs, its messages say why"},
    {"setpoint_refused", "a setpoint must not hold what evse-pilot does not know; see its src"},
    {"unsynchronised", "is the network up? chronyc sources; evse-clock(1)"},
    {"disk", "df and dmesg: make room on the log's disk, or replace the flash"},
    {"disk_full", "make room on the log's disk, or lower size in the section log"},
    {"damaged", "the damaged part is set aside, new records go on: evse-log verify -d DIR"},
};

static const char *find(const struct advice *list, size_t n, const char *code)
{
	for (size_t i = 0; code && i < n; i++)
		if (strcmp(list[i].code, code) == 0)
			return list[i].step;
	return NULL;
}

const char *advice_fault(const char *code)
{
	const char *step = find(faults, sizeof faults / sizeof *faults, code);

	return step ? step : "see evse-pilot(1), Faults";
}

const char *advice_alert(const char *code)
{
	const char *step = find(alerts, sizeof alerts / sizeof *alerts, code);

	return step ? step : "see its tool's messages in RUN/log/current, and its manual page";
}
