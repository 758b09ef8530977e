#define EXI_FUZZ_SCHEMA EXI_ISO20_COMMON
#include "exi_target.h"
