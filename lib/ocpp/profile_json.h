/* A charging profile from its JSON, and the criteria of requests that name profiles. */
#ifndef OCPP_PROFILE_JSON_H
#define OCPP_PROFILE_JSON_H

#include "core/json.h"
#include "ocpp/profile.h"

/**
 * Read a ChargingProfile that the tables have checked (or any JSON: what is missing counts as
 * absent).
 *
 * @evse   the EVSE it is for, 0 = all
 * @fault  filled when NULL is answered
 * @return the profile, with its source text; or NULL: out of memory, or a member of the wrong kind
 *
 * Ownership: the caller frees with profile_free().  Blocking: never.
 * Source: OCPP 2.0.1 Part 2, 2.12 ChargingProfileType and below
 */
struct profile *profile_read(jv v, int evse, struct profile_fault *fault);

/** Bind a TxProfile to the transaction that it started, in the structure and in its source. @return
 * 0, or -1 */
int profile_bind(struct profile *p, const char *transaction);

/** The word of a purpose on the wire. */
const char *profile_purpose_word(enum profile_purpose purpose);

/**
 * Whether a profile fits a criterion: ClearChargingProfile's (criteria and an id),
 * GetChargingProfiles'.
 *
 * @evse  NULL or the wanted EVSE
 */
bool profile_fits(const struct profile *p, jv criterion, const int64_t *evse);

#endif
