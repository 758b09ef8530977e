#define EXI_FUZZ_SCHEMA EXI_ISO20_AC
#include "exi_target.h"
