#define EXI_FUZZ_SCHEMA EXI_ISO20_DC
#include "exi_target.h"
