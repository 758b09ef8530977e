/* Commands, one a line: the world stays sound, and energy is conserved whatever they are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sim_world w;

static void command(struct sim_hands *h, const char *text, size_t len)
{
	struct err err;
	jv body;

	if (json_parse(text, len, &body, &err) < 0)
		return;
	sim_command(h, body, &err);
	json_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sim_world_config cfg = {.evses = 2};
	const char *at = (const char *)data, *end = at + size;
	struct sim_hands hands = {.world = &w};
	int64_t sum;

	sim_world_init(&w, &cfg, 0);
	for (int i = 0; i < 2; i++) {
		w.evse[i].board.duty_permyriad = 2500;
		sim_board_contactor(&w.evse[i].board, true, 0);
	}
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			stop = end;
		command(&hands, at, (size_t)(stop - at));
		for (int i = 0; i < SIM_PHASES; i++)
			w.house_mw[i] = 0;
		sim_world_settle(&w);
		sim_world_advance(&w, w.now_us + 3000000);
		at = stop + 1;
	}
	sum = sim_energy_diff_nj(&w.evse[0].meter.import_sum, &w.evse[0].meter.export_sum) +
	      sim_energy_diff_nj(&w.evse[1].meter.import_sum, &w.evse[1].meter.export_sum);
	/* A reset meter has forgotten; a name with escapes may hide that there was one. */
	if (sim_energy_diff_nj(&w.meter.import_sum, &w.meter.export_sum) != sum &&
	    !memmem(data, size, "meter_reset", 11) && !memchr(data, '\\', size))
		abort();
	return 0;
}
