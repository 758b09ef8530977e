/* What comes over the wires: Modbus TCP, Modbus RTU, and the commands of a serial controller. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/modbus.h"
#include "sim/rapi.h"
#include "sim/sdm630.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sim_world w;

static void modbus(enum sim_framing framing, const uint8_t *data, size_t size)
{
	struct sim_display d = {&w.meter, &w.flow, w.grid.freq_mhz};
	uint8_t answer[SIM_MB_FRAME_MAX];
	uint16_t registers[125];
	struct sim_mb_request r;
	size_t used;

	for (;;) {
		int found = sim_mb_take(framing, data, size, &used, &r), exception;

		if (used > size)
			abort();
		data += used;
		size -= used;
		if (found <= 0)
			return;
		exception = sim_sdm630_read(&d, r.fc, r.addr, r.count, registers);
		if (sim_mb_answer(framing, &r, exception, registers, answer) > sizeof(answer))
			abort();
	}
}

static void serial(const uint8_t *data, size_t size)
{
	struct openevse o;
	struct rapi r;
	struct buf out;

	openevse_init(&o, 0, 32, &w);
	rapi_init(&r, &o, &w);
	buf_init(&out, 1 << 20);
	rapi_feed(&r, (const char *)data, size, &out);
	rapi_notice(&r, &out);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sim_world_config cfg = {.evses = 1, .base_wh = 1000};

	if (size == 0)
		return 0;
	sim_world_init(&w, &cfg, 0);
	if (data[0] == 'T')
		modbus(SIM_MB_TCP, data + 1, size - 1);
	else if (data[0] == 'R')
		modbus(SIM_MB_RTU, data + 1, size - 1);
	else
		serial(data + 1, size - 1);
	return 0;
}
