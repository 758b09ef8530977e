#define EXI_FUZZ_SCHEMA EXI_XMLDSIG
#include "exi_target.h"
