/* E05: the back office refuses the token of a transaction that runs already. It still gets
 * MaxEnergyOnInvalidId; then StopTxOnInvalidId ends it, or it goes on without energy.
 *
 * Source: OCPP 2.0.1 Part 2, E05, and variables MaxEnergyOnInvalidId, StopTxOnInvalidId */
#include "ocpp/block.h"

#include <math.h>
#include <stdio.h>

static double register_wh(const struct evse *e)
{
	if (e->meter.any && !isnan(e->meter.import_wh))
		return e->meter.import_wh;
	return e->tx.last.any ? e->tx.last.import_wh : (double)NAN;
}

/* A limit of 0 A, as long as the transaction lasts. */
static void suspend(struct ocpp *o, struct evse *e)
{
	struct tx_event ev = {.type = "Updated", .trigger = "Deauthorized", .t_us = o->now.real_us};

	e->tx.suspended = true;
	limits_emit(o);
	if (e->tx.energy)
		snprintf(e->tx.charging_state, sizeof(e->tx.charging_state), "SuspendedEVSE");
	tx_message(o, e, &ev);
}

static void act(struct ocpp *o, struct evse *e)
{
	e->tx.invalid_wh = NAN;
	if (!var_bool(o, VAR_TX_STOP_ON_INVALID)) {
		suspend(o, e);
		return;
	}
	struct jw *w = command_begin(o, "session", "stop", e->id, NULL);
	jw_kstr(w, "reason", "DeAuthorized");
	command_send(o);
}

/* Without a meter nobody could say when the energy has been given. */
void tx_deauthorize(struct ocpp *o, struct evse *e)
{
	int64_t more_wh = var_int(o, VAR_TX_ENERGY_ON_INVALID);
	double wh = register_wh(e);

	if (e->tx.invalid)
		return;
	e->tx.invalid = true;
	e->tx.invalid_wh = more_wh > 0 ? wh + (double)more_wh : (double)NAN;
	if (isnan(e->tx.invalid_wh))
		act(o, e);
	tx_save(o);
}

void tx_deauthorized_tick(struct ocpp *o, struct evse *e)
{
	if (!e->tx.invalid || isnan(e->tx.invalid_wh) || !(register_wh(e) >= e->tx.invalid_wh))
		return;
	act(o, e);
	tx_save(o);
}
