#include "ocpp/model.h"

#include "core/cli.h"
#include "core/utc.h"
#include "ocpp/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEASURANDS                                                                           \
	"Current.Import,Current.Offered,Energy.Active.Export.Register,Energy.Active.Import." \
	"Register,Frequency,"                                                                \
	"Power.Active.Import,Power.Factor,Power.Offered,Power.Reactive.Import,Voltage"
#define POINTS     "EVConnected,Authorized,PowerPathClosed,EnergyTransfer"
#define STATES     "Available,Occupied,Reserved,Unavailable,Faulted"
#define DAY_S      86400
#define VALUE_SIZE "1000" /* VAR_VALUE_MAX, less the NUL */
#define TEXT(text) snprintf(value, VAR_VALUE_MAX, "%s", text)
#define NUM(n)     snprintf(value, VAR_VALUE_MAX, "%lld", (long long)(n))

typedef void getter(struct ocpp *o, int evse, char value[VAR_VALUE_MAX]);

static void get_station_status(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	const char *word = "Unavailable";

	(void)evse;
	for (int i = 1; i <= o->conf.evses; i++) {
		const char *s = status_of(o, &o->evse[i]);

		if (strcmp(s, "Available") == 0 || strcmp(word, "Unavailable") == 0)
			word = s;
	}
	TEXT(word);
}

static void get_evse_status(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	TEXT(status_of(o, &o->evse[evse]));
}

static void get_pilot(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	TEXT(o->evse[evse].pilot);
}

static void get_model(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	TEXT(o->conf.model);
}

static void get_vendor(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	TEXT(o->conf.vendor);
}

static void get_phases(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->conf.phases);
}

static void get_connector_type(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	TEXT(o->conf.tethered ? "cType2" : "sType2");
}

static void get_datetime(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	utc_format(o->now.real_us, value);
}

static void get_power(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	double w = o->evse[evse].meter.any ? o->evse[evse].meter.power_total_w : 0;

	snprintf(value, VAR_VALUE_MAX, "%.0f", w > 0 ? w : 0.0);
}

static void get_list_entries(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->list.n);
}

static void get_list_storage(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->list.n * sizeof(struct cache_entry));
}

static void get_cache_storage(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->cache.n * sizeof(struct cache_entry));
}

/* Who vends freely asks nobody. */
static void get_auth_enabled(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	TEXT(o->free_vending ? "false" : "true");
}

static void get_profiles(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->limits.set.n);
}

static void get_certificates(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	int profile = network_security_profile(o);

	(void)evse;
	NUM(profile == 3 ? 2 : profile == 2 ? 1 : 0);
}

static void get_identity(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	TEXT(o->conf.identity);
}

static void get_security_profile(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(network_security_profile(o));
}

static void get_active_profile(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(o->network.active);
}

static void get_timeout(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	(void)evse;
	NUM(network_timeout_s(o));
}

static void get_heartbeat(struct ocpp *o, int evse, char value[VAR_VALUE_MAX])
{
	const char *set = o->model.values[VAR_COMM_HEARTBEAT];

	(void)evse;
	if (set)
		TEXT(set);
	else
		NUM(o->boot.heartbeat_s);
}

/* The system's own sources can't be switched off from here, and their order is evse-clock's. */
static bool clock_sources_fit(const struct ocpp *o, const char *value)
{
	(void)o;
	return strcmp(value, "NTP,Heartbeat,RealTimeClock") == 0 ||
	       strcmp(value, "NTP,RealTimeClock") == 0;
}

#define RO_BOOL(c, v, text)                                                                 \
	{                                                                                   \
		.component = (c), .variable = (v), .type = VAR_BOOLEAN, .access = VAR_READ, \
		.initial = (text)                                                           \
	}
#define RW_BOOL(c, v, text)                                                                       \
	{                                                                                         \
		.component = (c), .variable = (v), .type = VAR_BOOLEAN, .access = VAR_READ_WRITE, \
		.initial = (text)                                                                 \
	}
#define RO_INT(c, v, i, text)                                                            \
	{                                                                                \
		.component = (c), .variable = (v), .instance = (i), .type = VAR_INTEGER, \
		.access = VAR_READ, .initial = (text)                                    \
	}
#define RW_INT(c, v, i, u, low, high, text)                                              \
	{                                                                                \
		.component = (c), .variable = (v), .instance = (i), .type = VAR_INTEGER, \
		.access = VAR_READ_WRITE, .unit = (u), .min = (low), .max = (high),      \
		.initial = (text)                                                        \
	}
#define RW_LIST(c, v, words, text)                                                                \
	{                                                                                         \
		.component = (c), .variable = (v), .type = VAR_MEMBERS, .access = VAR_READ_WRITE, \
		.values = (words), .initial = (text)                                              \
	}
/* A list that is never empty. */
#define RW_WORDS(c, v, t, words, text)                                                    \
	{                                                                                 \
		.component = (c), .variable = (v), .type = (t), .access = VAR_READ_WRITE, \
		.min = 1, .values = (words), .initial = (text)                            \
	}
#define COMPUTED(c, v, t, fn)                                                                   \
	{                                                                                       \
		.component = (c), .variable = (v), .type = (t), .access = VAR_READ, .get = (fn) \
	}

const struct var_row ocpp_vars[VAR_COUNT] = {
    [VAR_ALIGNED_AVAILABLE] = RO_BOOL("AlignedDataCtrlr", "Available", "true"),
    [VAR_ALIGNED_ENABLED] = RW_BOOL("AlignedDataCtrlr", "Enabled", "true"),
    [VAR_ALIGNED_INTERVAL] = RW_INT("AlignedDataCtrlr", "Interval", NULL, "s", 0, DAY_S, "900"),
    [VAR_ALIGNED_MEASURANDS] =
	RW_LIST("AlignedDataCtrlr", "Measurands", MEASURANDS, "Energy.Active.Import.Register"),
    [VAR_ALIGNED_ENDED_INTERVAL] =
	RW_INT("AlignedDataCtrlr", "TxEndedInterval", NULL, "s", 0, 0, "0"),
    [VAR_ALIGNED_ENDED_MEASURANDS] =
	RW_LIST("AlignedDataCtrlr", "TxEndedMeasurands", MEASURANDS, ""),
    [VAR_ALIGNED_IDLE] = RW_BOOL("AlignedDataCtrlr", "SendDuringIdle", "false"),
    [VAR_CACHE_AVAILABLE] = RO_BOOL("AuthCacheCtrlr", "Available", "true"),
    [VAR_CACHE_ENABLED] = RW_BOOL("AuthCacheCtrlr", "Enabled", "true"),
    [VAR_CACHE_LIFETIME] =
	RW_INT("AuthCacheCtrlr", "LifeTime", NULL, "s", 0, 3650 * DAY_S, "2592000"),
    [VAR_CACHE_POLICY] = {.component = "AuthCacheCtrlr",
			  .variable = "Policy",
			  .type = VAR_OPTION,
			  .values = "LRU",
			  .initial = "LRU"},
    [VAR_CACHE_STORAGE] = {.component = "AuthCacheCtrlr",
			   .variable = "Storage",
			   .type = VAR_INTEGER,
			   .unit = "B",
			   .get = get_cache_storage,
			   .limit = CACHE_MAX * sizeof(struct cache_entry)},
    [VAR_AUTH_ENABLED] = COMPUTED("AuthCtrlr", "Enabled", VAR_BOOLEAN, get_auth_enabled),
    [VAR_AUTH_REMOTE_START] = RW_BOOL("AuthCtrlr", "AuthorizeRemoteStart", "false"),
    [VAR_AUTH_LOCAL_OFFLINE] = RW_BOOL("AuthCtrlr", "LocalAuthorizeOffline", "true"),
    [VAR_AUTH_LOCAL_PRE] = RW_BOOL("AuthCtrlr", "LocalPreAuthorize", "false"),
    [VAR_AUTH_UNKNOWN_OFFLINE] = RW_BOOL("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "false"),
    [VAR_AUTH_MASTER_GROUP] = {.component = "AuthCtrlr",
			       .variable = "MasterPassGroupId",
			       .access = VAR_READ_WRITE,
			       .max = 36,
			       .initial = ""},
    [VAR_STATION_AVAILABILITY] = {.component = "ChargingStation",
				  .variable = "AvailabilityState",
				  .type = VAR_OPTION,
				  .values = STATES,
				  .get = get_station_status},
    [VAR_STATION_AVAILABLE] = RO_BOOL("ChargingStation", "Available", "true"),
    [VAR_STATION_MODEL] = COMPUTED("ChargingStation", "Model", VAR_STRING, get_model),
    [VAR_STATION_VENDOR] = COMPUTED("ChargingStation", "VendorName", VAR_STRING, get_vendor),
    [VAR_STATION_PHASES] = COMPUTED("ChargingStation", "SupplyPhases", VAR_INTEGER, get_phases),
    [VAR_CLOCK_DATETIME] = COMPUTED("ClockCtrlr", "DateTime", VAR_DATETIME, get_datetime),
    [VAR_CLOCK_SOURCE] = {.component = "ClockCtrlr",
			  .variable = "TimeSource",
			  .type = VAR_SEQUENCE,
			  .access = VAR_READ_WRITE,
			  .values = "NTP,Heartbeat,RealTimeClock",
			  .fits = clock_sources_fit,
			  .initial = "NTP,Heartbeat,RealTimeClock"},
    [VAR_CONNECTOR_AVAILABILITY] = {.component = "Connector",
				    .variable = "AvailabilityState",
				    .type = VAR_OPTION,
				    .values = STATES,
				    .get = get_evse_status,
				    .scope = VAR_OF_CONNECTOR},
    [VAR_CONNECTOR_AVAILABLE] = {.component = "Connector",
				 .variable = "Available",
				 .type = VAR_BOOLEAN,
				 .initial = "true",
				 .scope = VAR_OF_CONNECTOR},
    [VAR_CONNECTOR_TYPE] = {.component = "Connector",
			    .variable = "ConnectorType",
			    .get = get_connector_type,
			    .scope = VAR_OF_CONNECTOR},
    [VAR_CONNECTOR_PHASES] = {.component = "Connector",
			      .variable = "SupplyPhases",
			      .type = VAR_INTEGER,
			      .get = get_phases,
			      .scope = VAR_OF_CONNECTOR},
    [VAR_PWM_STATE] = {.component = "CPPWMController",
		       .variable = "State",
		       .get = get_pilot,
		       .scope = VAR_OF_EVSE},
    [VAR_ITEMS_GET_REPORT] = RO_INT("DeviceDataCtrlr", "ItemsPerMessage", "GetReport", "64"),
    [VAR_ITEMS_GET_VARIABLES] = RO_INT("DeviceDataCtrlr", "ItemsPerMessage", "GetVariables", "64"),
    [VAR_ITEMS_SET_VARIABLES] = RO_INT("DeviceDataCtrlr", "ItemsPerMessage", "SetVariables", "64"),
    [VAR_BYTES_GET_REPORT] = RO_INT("DeviceDataCtrlr", "BytesPerMessage", "GetReport", "1048576"),
    [VAR_BYTES_GET_VARIABLES] =
	RO_INT("DeviceDataCtrlr", "BytesPerMessage", "GetVariables", "1048576"),
    [VAR_BYTES_SET_VARIABLES] =
	RO_INT("DeviceDataCtrlr", "BytesPerMessage", "SetVariables", "1048576"),
    [VAR_SIZE_CONFIGURATION] =
	RO_INT("DeviceDataCtrlr", "ConfigurationValueSize", NULL, VALUE_SIZE),
    [VAR_SIZE_REPORTING] = RO_INT("DeviceDataCtrlr", "ReportingValueSize", NULL, VALUE_SIZE),
    [VAR_SIZE_VALUE] = RO_INT("DeviceDataCtrlr", "ValueSize", NULL, VALUE_SIZE),
    [VAR_EVSE_AVAILABILITY] = {.component = "EVSE",
			       .variable = "AvailabilityState",
			       .type = VAR_OPTION,
			       .values = STATES,
			       .get = get_evse_status,
			       .scope = VAR_OF_EVSE},
    [VAR_EVSE_AVAILABLE] = {.component = "EVSE",
			    .variable = "Available",
			    .type = VAR_BOOLEAN,
			    .initial = "true",
			    .scope = VAR_OF_EVSE},
    [VAR_EVSE_POWER] = {.component = "EVSE",
			.variable = "Power",
			.type = VAR_DECIMAL,
			.unit = "W",
			.get = get_power,
			.scope = VAR_OF_EVSE},
    [VAR_EVSE_PHASES] = {.component = "EVSE",
			 .variable = "SupplyPhases",
			 .type = VAR_INTEGER,
			 .get = get_phases,
			 .scope = VAR_OF_EVSE},
    [VAR_EVSE_ALLOW_RESET] = {.component = "EVSE",
			      .variable = "AllowReset",
			      .type = VAR_BOOLEAN,
			      .initial = "false",
			      .scope = VAR_OF_EVSE},
    [VAR_LIST_AVAILABLE] = RO_BOOL("LocalAuthListCtrlr", "Available", "true"),
    [VAR_LIST_ENABLED] = RW_BOOL("LocalAuthListCtrlr", "Enabled", "true"),
    [VAR_LIST_ENTRIES] = {.component = "LocalAuthListCtrlr",
			  .variable = "Entries",
			  .type = VAR_INTEGER,
			  .get = get_list_entries,
			  .limit = CACHE_MAX},
    [VAR_LIST_ITEMS] = RO_INT("LocalAuthListCtrlr", "ItemsPerMessage", NULL, "1000"),
    [VAR_LIST_BYTES] = RO_INT("LocalAuthListCtrlr", "BytesPerMessage", NULL, "1048576"),
    [VAR_LIST_STORAGE] = {.component = "LocalAuthListCtrlr",
			  .variable = "Storage",
			  .type = VAR_INTEGER,
			  .unit = "B",
			  .get = get_list_storage,
			  .limit = CACHE_MAX * sizeof(struct cache_entry)},
    [VAR_COMM_NETWORK_PROFILE] =
	COMPUTED("OCPPCommCtrlr", "ActiveNetworkProfile", VAR_INTEGER, get_active_profile),
    [VAR_COMM_FILE_PROTOCOLS] = {.component = "OCPPCommCtrlr",
				 .variable = "FileTransferProtocols",
				 .type = VAR_MEMBERS,
				 .values = "",
				 .initial = ""},
    [VAR_COMM_HEARTBEAT] = {.component = "OCPPCommCtrlr",
			    .variable = "HeartbeatInterval",
			    .type = VAR_INTEGER,
			    .access = VAR_READ_WRITE,
			    .unit = "s",
			    .min = 1,
			    .max = DAY_S,
			    .get = get_heartbeat},
    [VAR_COMM_TIMEOUT] = {.component = "OCPPCommCtrlr",
			  .variable = "MessageTimeout",
			  .instance = "Default",
			  .type = VAR_INTEGER,
			  .access = VAR_READ_WRITE,
			  .unit = "s",
			  .min = 1,
			  .max = 600,
			  .get = get_timeout,
			  .initial = "30"},
    [VAR_COMM_ATTEMPT_INTERVAL] =
	RW_INT("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent", "s", 1, 3600, "10"),
    [VAR_COMM_ATTEMPTS] =
	RW_INT("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent", NULL, 1, 100, "5"),
    [VAR_COMM_PRIORITY] = {.component = "OCPPCommCtrlr",
			   .variable = "NetworkConfigurationPriority",
			   .type = VAR_SEQUENCE,
			   .access = VAR_READ_WRITE,
			   .min = 1,
			   .values = "1,2,3,4",
			   .fits = network_priority_fits,
			   .initial = "1"},
    [VAR_COMM_CONNECTION_ATTEMPTS] =
	RW_INT("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, NULL, 1, 100, "3"),
    [VAR_COMM_OFFLINE_THRESHOLD] =
	RW_INT("OCPPCommCtrlr", "OfflineThreshold", NULL, "s", 0, 7 * DAY_S, "60"),
    [VAR_COMM_QUEUE_ALL] = RW_BOOL("OCPPCommCtrlr", "QueueAllMessages", "false"),
    [VAR_COMM_RESET_RETRIES] = RW_INT("OCPPCommCtrlr", "ResetRetries", NULL, NULL, 0, 10, "0"),
    [VAR_COMM_BACKOFF_RANDOM] =
	RW_INT("OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, "s", 0, 3600, "1"),
    [VAR_COMM_BACKOFF_REPEATS] =
	RW_INT("OCPPCommCtrlr", "RetryBackOffRepeatTimes", NULL, NULL, 0, 16, "6"),
    [VAR_COMM_BACKOFF_MINIMUM] =
	RW_INT("OCPPCommCtrlr", "RetryBackOffWaitMinimum", NULL, "s", 0, 3600, "1"),
    [VAR_COMM_UNLOCK] = RO_BOOL("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "true"),
    [VAR_COMM_PING] = RW_INT("OCPPCommCtrlr", "WebSocketPingInterval", NULL, "s", 0, DAY_S, "30"),
    [VAR_SAMPLED_AVAILABLE] = RO_BOOL("SampledDataCtrlr", "Available", "true"),
    [VAR_SAMPLED_ENABLED] = RW_BOOL("SampledDataCtrlr", "Enabled", "true"),
    [VAR_SAMPLED_ENDED_INTERVAL] =
	RW_INT("SampledDataCtrlr", "TxEndedInterval", NULL, "s", 0, 0, "0"),
    [VAR_SAMPLED_ENDED_MEASURANDS] = RW_LIST("SampledDataCtrlr", "TxEndedMeasurands", MEASURANDS,
					     "Energy.Active.Import.Register"),
    [VAR_SAMPLED_STARTED_MEASURANDS] = RW_LIST("SampledDataCtrlr", "TxStartedMeasurands",
					       MEASURANDS, "Energy.Active.Import.Register"),
    [VAR_SAMPLED_UPDATED_INTERVAL] =
	RW_INT("SampledDataCtrlr", "TxUpdatedInterval", NULL, "s", 0, DAY_S, "60"),
    [VAR_SAMPLED_UPDATED_MEASURANDS] = RW_LIST(
	"SampledDataCtrlr", "TxUpdatedMeasurands", MEASURANDS,
	"Current.Import,Current.Offered,Energy.Active.Import.Register,Power.Active.Import,Voltage"),
    [VAR_SECURITY_PASSWORD] = {.component = "SecurityCtrlr",
			       .variable = "BasicAuthPassword",
			       .access = VAR_WRITE,
			       .min = 16,
			       .max = 40,
			       .initial = ""},
    [VAR_SECURITY_CERTIFICATES] =
	COMPUTED("SecurityCtrlr", "CertificateEntries", VAR_INTEGER, get_certificates),
    [VAR_SECURITY_IDENTITY] = COMPUTED("SecurityCtrlr", "Identity", VAR_STRING, get_identity),
    [VAR_SECURITY_ORGANIZATION] = {.component = "SecurityCtrlr",
				   .variable = "OrganizationName",
				   .access = VAR_READ_WRITE,
				   .min = 1,
				   .max = 64,
				   .initial = "evse-tools"},
    [VAR_SECURITY_PROFILE] =
	COMPUTED("SecurityCtrlr", "SecurityProfile", VAR_INTEGER, get_security_profile),
    [VAR_SMART_AVAILABLE] = RO_BOOL("SmartChargingCtrlr", "Available", "true"),
    [VAR_SMART_ENABLED] = RW_BOOL("SmartChargingCtrlr", "Enabled", "true"),
    [VAR_SMART_ENTRIES] = {.component = "SmartChargingCtrlr",
			   .variable = "Entries",
			   .instance = "ChargingProfiles",
			   .type = VAR_INTEGER,
			   .get = get_profiles,
			   .limit = PROFILE_SET_MAX},
    [VAR_SMART_SIGNIFICANCE] = {.component = "SmartChargingCtrlr",
				.variable = "LimitChangeSignificance",
				.type = VAR_DECIMAL,
				.access = VAR_READ_WRITE,
				.unit = "Percent",
				.min = 0,
				.max = 100,
				.initial = "0"},
    [VAR_SMART_PERIODS] = RO_INT("SmartChargingCtrlr", "PeriodsPerSchedule", NULL, "1024"),
    [VAR_SMART_PHASES_3TO1] = RO_BOOL("SmartChargingCtrlr", "Phases3to1", "false"),
    [VAR_SMART_STACK_LEVEL] = RO_INT("SmartChargingCtrlr", "ProfileStackLevel", NULL, "99"),
    [VAR_SMART_RATE_UNIT] = {.component = "SmartChargingCtrlr",
			     .variable = "RateUnit",
			     .type = VAR_MEMBERS,
			     .values = "A,W",
			     .initial = "A,W"},
    [VAR_TX_CONNECTION_TIMEOUT] =
	RW_INT("TxCtrlr", "EVConnectionTimeOut", NULL, "s", 1, DAY_S, "60"),
    [VAR_TX_BEFORE_ACCEPTED] = RW_BOOL("TxCtrlr", "TxBeforeAcceptedEnabled", "true"),
    [VAR_TX_ENERGY_ON_INVALID] =
	RW_INT("TxCtrlr", "MaxEnergyOnInvalidId", NULL, "Wh", 0, 1000000, "0"),
    [VAR_TX_STOP_ON_DISCONNECT] = RO_BOOL("TxCtrlr", "StopTxOnEVSideDisconnect", "true"),
    [VAR_TX_STOP_ON_INVALID] = RW_BOOL("TxCtrlr", "StopTxOnInvalidId", "true"),
    [VAR_TX_START_POINT] =
	RW_WORDS("TxCtrlr", "TxStartPoint", VAR_MEMBERS, POINTS, "PowerPathClosed"),
    [VAR_TX_STOP_POINT] =
	RW_WORDS("TxCtrlr", "TxStopPoint", VAR_MEMBERS, POINTS, "EVConnected,Authorized"),
};

const char *var_type_word(enum var_type type)
{
	static const char *const words[] = {"string",  "decimal",    "integer",    "dateTime",
					    "boolean", "OptionList", "MemberList", "SequenceList"};

	return words[type];
}

const char *var_text(const struct ocpp *o, enum var_id id)
{
	const char *text = o->model.values[id] ? o->model.values[id] : ocpp_vars[id].initial;

	return text ? text : "";
}

int64_t var_int(const struct ocpp *o, enum var_id id)
{
	return strtoll(var_text(o, id), NULL, 10);
}

bool var_bool(const struct ocpp *o, enum var_id id)
{
	return strcmp(var_text(o, id), "true") == 0;
}

void var_get(struct ocpp *o, enum var_id id, int evse, char value[VAR_VALUE_MAX])
{
	if (ocpp_vars[id].get)
		ocpp_vars[id].get(o, evse, value);
	else
		TEXT(var_text(o, id));
}

static bool in_list(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

bool list_has(const char *list, const char *word)
{
	return in_list(list, word, strlen(word));
}

/* Every word of a list must be one of those allowed, and stand there once. */
static bool words_allowed(const char *allowed, const char *text)
{
	size_t n = strcspn(text, ",");

	if (!*text)
		return true;
	for (; n > 0 && in_list(allowed, text, n); n = strcspn(text, ",")) {
		if (!text[n])
			return true;
		if (in_list(text + n + 1, text, n))
			return false;
		text += n + 1;
	}
	return false;
}

static bool value_fits(const struct var_row *row, const char *value)
{
	double number;
	int64_t us;

	switch (row->type) {
	case VAR_BOOLEAN:
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
	case VAR_INTEGER:
		return !strpbrk(value, ".eExX") &&
		       cli_number(value, row->min, row->max, &number, NULL) == 0;
	case VAR_DECIMAL:
		return !strpbrk(value, "xX") &&
		       cli_number(value, row->min, row->max, &number, NULL) == 0;
	case VAR_STRING:
		return (double)strlen(value) >= row->min && (double)strlen(value) <= row->max;
	case VAR_DATETIME:
		return utc_parse(value, strlen(value), &us) == 0;
	case VAR_OPTION:
		return in_list(row->values, value, strlen(value));
	case VAR_MEMBERS:
	case VAR_SEQUENCE:
		return (*value || row->min <= 0) && words_allowed(row->values, value);
	}
	return false;
}

enum var_result var_set(struct ocpp *o, enum var_id id, const char *value)
{
	const struct var_row *row = &ocpp_vars[id];

	if (row->access == VAR_READ)
		return VAR_READ_ONLY;
	if (strlen(value) >= VAR_VALUE_MAX || !value_fits(row, value) ||
	    (row->fits && !row->fits(o, value)))
		return VAR_BAD_VALUE;
	char *copy = strdup(value);
	if (!copy)
		return VAR_REJECTED;
	free(o->model.values[id]);
	o->model.values[id] = copy;
	return row->reboot ? VAR_REBOOT : VAR_ACCEPTED;
}

void var_forget(struct ocpp *o, enum var_id id)
{
	free(o->model.values[id]);
	o->model.values[id] = NULL;
}
