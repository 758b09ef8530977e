/* Meter model files, and the lines that a journal and a state file give back: any text. A model
 * that is accepted can be planned and evaluated. */
#include <stdint.h>
#include <stdlib.h>

#include "meter/model_file.h"
#include "meter/sample.h"
#include "meter/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool every(const struct meter_register *r)
{
	(void)r;
	return true;
}

static void use(const struct meter_model *m)
{
	static uint16_t regs[METER_PLAN_MAX][METER_READ_MAX];
	static struct meter_value value[METER_REGISTERS_MAX];
	const struct meter_wiring w = {{0, 1, 2}, METER_TN, false};
	const uint16_t *blocks[METER_PLAN_MAX];
	struct meter_sample s;
	struct meter_plan plan;

	for (int i = 0; i < METER_PLAN_MAX; i++) {
		blocks[i] = regs[i];
		for (int k = 0; k < METER_READ_MAX; k++)
			regs[i][k] = (uint16_t)(i * 7919 + k * 104729);
	}
	if (meter_model_plan(m, every, 0, &plan))
		return;
	for (int i = 0; i < plan.n; i++)
		if (plan.block[i].count > m->limits.max_registers)
			abort();
	for (int i = 0; i < m->n; i++)
		meter_model_value(m, i, 0, &plan, blocks, &value[i]);
	meter_sample_make(m, &w, value, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct meter_model m;
	static struct meter_turn turn;
	struct meter_epoch epoch;
	struct err err = {""};
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)data[i];
	text[size] = '\0';
	if (meter_model_parse(text, size, &m, &err) == 0)
		use(&m);
	meter_turn_read(text, size, 3, &turn, &err);
	meter_epoch_read(text, size, &epoch, &err);
	free(text);
	return 0;
}
