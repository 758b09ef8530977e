#define EXI_FUZZ_SCHEMA EXI_ISO20_ACDP
#include "exi_target.h"
