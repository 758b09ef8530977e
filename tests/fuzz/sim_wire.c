/* Lines on the pilot socket: whatever comes, the world stays sound. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sim_world_config cfg = {.evses = 1, .board = {.alive_ms = 100}};
	static struct sim_world w;
	struct sim_outputs out;
	struct sim_wire wire;
	struct err err;
	struct buf b;

	sim_world_init(&w, &cfg, 0);
	if (sim_wire_parse((const char *)data, size, &out, &err) < 0)
		return 0;
	sim_wire_apply(&w, 0, &out);
	sim_world_advance(&w, 10000000);
	sim_world_wire(&w, 0, &wire);
	buf_init(&b, 1024);
	sim_wire_print(&wire, &b);
	if (buf_failed(&b))
		abort();
	buf_release(&b);
	return 0;
}
