/* The device model: the components and variables that this station truly has, as one table.
 *
 * Values that can be written are text, checked by the row's type and bounds and kept in a state
 * file; values that are what they are come from a function. Names and meanings: OCPP 2.0.1 Part 2,
 * appendix 3 (standardized components and variables). */
#ifndef OCPP_MODEL_H
#define OCPP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ocpp;

enum var_id {
	VAR_ALIGNED_AVAILABLE,
	VAR_ALIGNED_ENABLED,
	VAR_ALIGNED_INTERVAL,
	VAR_ALIGNED_MEASURANDS,
	VAR_ALIGNED_ENDED_INTERVAL,
	VAR_ALIGNED_ENDED_MEASURANDS,
	VAR_ALIGNED_IDLE,
	VAR_CACHE_AVAILABLE,
	VAR_CACHE_ENABLED,
	VAR_CACHE_LIFETIME,
	VAR_CACHE_POLICY,
	VAR_CACHE_STORAGE,
	VAR_AUTH_ENABLED,
	VAR_AUTH_REMOTE_START,
	VAR_AUTH_LOCAL_OFFLINE,
	VAR_AUTH_LOCAL_PRE,
	VAR_AUTH_UNKNOWN_OFFLINE,
	VAR_AUTH_MASTER_GROUP,
	VAR_STATION_AVAILABILITY,
	VAR_STATION_AVAILABLE,
	VAR_STATION_MODEL,
	VAR_STATION_VENDOR,
	VAR_STATION_PHASES,
	VAR_CLOCK_DATETIME,
	VAR_CLOCK_SOURCE,
	VAR_CONNECTOR_AVAILABILITY,
	VAR_CONNECTOR_AVAILABLE,
	VAR_CONNECTOR_TYPE,
	VAR_CONNECTOR_PHASES,
	VAR_PWM_STATE,
	VAR_ITEMS_GET_REPORT,
	VAR_ITEMS_GET_VARIABLES,
	VAR_ITEMS_SET_VARIABLES,
	VAR_BYTES_GET_REPORT,
	VAR_BYTES_GET_VARIABLES,
	VAR_BYTES_SET_VARIABLES,
	VAR_SIZE_CONFIGURATION,
	VAR_SIZE_REPORTING,
	VAR_SIZE_VALUE,
	VAR_EVSE_AVAILABILITY,
	VAR_EVSE_AVAILABLE,
	VAR_EVSE_POWER,
	VAR_EVSE_PHASES,
	VAR_EVSE_ALLOW_RESET,
	VAR_LIST_AVAILABLE,
	VAR_LIST_ENABLED,
	VAR_LIST_ENTRIES,
	VAR_LIST_ITEMS,
	VAR_LIST_BYTES,
	VAR_LIST_STORAGE,
	VAR_COMM_NETWORK_PROFILE,
	VAR_COMM_FILE_PROTOCOLS,
	VAR_COMM_HEARTBEAT,
	VAR_COMM_TIMEOUT,
	VAR_COMM_ATTEMPT_INTERVAL,
	VAR_COMM_ATTEMPTS,
	VAR_COMM_PRIORITY,
	VAR_COMM_CONNECTION_ATTEMPTS,
	VAR_COMM_OFFLINE_THRESHOLD,
	VAR_COMM_QUEUE_ALL,
	VAR_COMM_RESET_RETRIES,
	VAR_COMM_BACKOFF_RANDOM,
	VAR_COMM_BACKOFF_REPEATS,
	VAR_COMM_BACKOFF_MINIMUM,
	VAR_COMM_UNLOCK,
	VAR_COMM_PING,
	VAR_SAMPLED_AVAILABLE,
	VAR_SAMPLED_ENABLED,
	VAR_SAMPLED_ENDED_INTERVAL,
	VAR_SAMPLED_ENDED_MEASURANDS,
	VAR_SAMPLED_STARTED_MEASURANDS,
	VAR_SAMPLED_UPDATED_INTERVAL,
	VAR_SAMPLED_UPDATED_MEASURANDS,
	VAR_SECURITY_PASSWORD,
	VAR_SECURITY_CERTIFICATES,
	VAR_SECURITY_IDENTITY,
	VAR_SECURITY_ORGANIZATION,
	VAR_SECURITY_PROFILE,
	VAR_SMART_AVAILABLE,
	VAR_SMART_ENABLED,
	VAR_SMART_ENTRIES,
	VAR_SMART_SIGNIFICANCE,
	VAR_SMART_PERIODS,
	VAR_SMART_PHASES_3TO1,
	VAR_SMART_STACK_LEVEL,
	VAR_SMART_RATE_UNIT,
	VAR_TX_CONNECTION_TIMEOUT,
	VAR_TX_BEFORE_ACCEPTED,
	VAR_TX_ENERGY_ON_INVALID,
	VAR_TX_STOP_ON_DISCONNECT,
	VAR_TX_STOP_ON_INVALID,
	VAR_TX_START_POINT,
	VAR_TX_STOP_POINT,
	VAR_COUNT
};

enum var_type {
	VAR_STRING,
	VAR_DECIMAL,
	VAR_INTEGER,
	VAR_DATETIME,
	VAR_BOOLEAN,
	VAR_OPTION,
	VAR_MEMBERS,
	VAR_SEQUENCE
};
enum var_scope { VAR_OF_STATION, VAR_OF_EVSE, VAR_OF_CONNECTOR };
enum var_access { VAR_READ, VAR_WRITE, VAR_READ_WRITE };

/* Room for a value of the longest length that SetVariables has. */
enum { VAR_VALUE_MAX = 1001 };

struct var_row {
	const char *component, *variable, *instance; /* instance NULL = none */
	enum var_type type;
	enum var_access access;
	const char *unit, *values; /* comma list, NULL = none */
	double min, max;           /* of numbers; max 0 = no bounds */
	const char *initial;       /* of what can be written, or a constant */
	void (*get)(struct ocpp *o, int evse, char value[VAR_VALUE_MAX]);
	enum var_scope scope;
	/* a rule of its own beside type and bounds; NULL: none */
	bool (*fits)(const struct ocpp *o, const char *value);
	bool reboot;  /* takes effect with the next start */
	double limit; /* maxLimit of the report where it isn't max; 0 = none */
};

struct model {
	char *values[VAR_COUNT]; /* written ones; NULL = the row's initial one */
};

/** The rows, by enum var_id. */
extern const struct var_row ocpp_vars[VAR_COUNT];

/** The present value as text. `evse` matters for rows of an EVSE or connector. */
void var_get(struct ocpp *o, enum var_id id, int evse, char value[VAR_VALUE_MAX]);

/** The value of a row that can be written, or a constant; borrowed, never NULL. */
const char *var_text(const struct ocpp *o, enum var_id id);
int64_t var_int(const struct ocpp *o, enum var_id id);
bool var_bool(const struct ocpp *o, enum var_id id);
/** True when a comma list holds the word. */
bool list_has(const char *list, const char *word);

enum var_result { VAR_ACCEPTED, VAR_REBOOT, VAR_REJECTED, VAR_BAD_VALUE, VAR_READ_ONLY };

/** Back to what the variable says by itself. */
void var_forget(struct ocpp *o, enum var_id id);

/** Check and take a value; nothing changes unless accepted. The caller saves and applies. */
enum var_result var_set(struct ocpp *o, enum var_id id, const char *value);

/** The name of a type on the wire, "MemberList". */
const char *var_type_word(enum var_type type);

#endif
