#define EXI_FUZZ_SCHEMA EXI_DIN
#include "exi_target.h"
