/* P: DataTransfer. No vendor's extension is known here. Source: OCPP 2.0.1 Part 2, P01 */
#include "ocpp/block.h"

static void data_transfer(struct ocpp *o, const struct ocpp_frame *f)
{
	(void)f;
	reply_status(o, "UnknownVendorId", NULL, NULL);
}

static const struct ocpp_handler handlers[] = {{"DataTransfer", data_transfer}, {0}};

const struct ocpp_block block_transfer = {.handlers = handlers};
