#define EXI_FUZZ_SCHEMA EXI_ISO20_WPT
#include "exi_target.h"
