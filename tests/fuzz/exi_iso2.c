#define EXI_FUZZ_SCHEMA EXI_ISO2
#include "exi_target.h"
