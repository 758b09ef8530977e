/* Records and configuration into what the setpoint core takes. The only part of lib/setpoint that
 * knows JSON. */
#ifndef SETPOINT_READ_H
#define SETPOINT_READ_H

#include "core/record.h"
#include "setpoint/setpoint.h"

/** The EVSE of a record: its head's, else the number behind the last dot of its src; 1 where the
 * src has no dot, 0 (none) where something else stands there: meter.solar. */
int setpoint_read_evse(const struct record *r);

/**
 * A pilot record.
 *
 * @return  0, or -1 with @err when its state or currents are none; @p is then undefined
 */
int setpoint_read_pilot(const struct record *r, struct setpoint_pilot *p, struct err *err);

/** A meter record: what is absent or null becomes NaN. */
void setpoint_read_meter(const struct record *r, struct setpoint_meter *m);

/** A session record. @return 0, or -1 with @err when it names no session state. */
int setpoint_read_session(const struct record *r, struct setpoint_session *s, struct err *err);

/**
 * A limit record; without `schedule` its own members are the one entry.
 *
 * @l       on success the caller hands it to lease_take(), which takes the entries; src, n and evse
 * are set on failure as well
 * @return  0, or -1 with @err: a wrong type or value, an unknown scope, a name in `must` that this
 * program does not carry out
 */
int setpoint_read_limit(const struct record *r, struct lease_limit *l, struct err *err);

/**
 * One configured source:
 * {"src":"ocpp.*","rank":"contract","scopes":["evse","station"],"valid_s":60,
 * "fail_safe":{"scope":"evse","import_max_a":6}}; only src is required. An unset rank follows from
 * the service's name.
 *
 * @return  0, or -1 with @err
 */
int setpoint_read_source(jv source, struct lease_source *s, struct err *err);

#endif
