/* The functional blocks. A new one is a file with one `struct ocpp_block`, and a line here. */
#include "ocpp/block.h"

const struct ocpp_block *const ocpp_blocks[] = {
    &block_network,
    &block_variables,
    &block_report,
    &block_provisioning,
    &block_security,
    &block_availability,
    &block_authorization,
    &block_locallist,
    &block_transactions,
    &block_remote,
    &block_metervalues,
    &block_smartcharging,
    &block_limits,
    &block_reset,
    &block_diagnostics,
    &block_transfer,
    NULL,
};
