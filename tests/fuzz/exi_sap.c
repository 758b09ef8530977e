#define EXI_FUZZ_SCHEMA EXI_SAP
#include "exi_target.h"
