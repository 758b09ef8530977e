#include "harness.h"
#include "meter/sample.h"

#include <errno.h>

static const struct meter_wiring straight = {{0, 1, 2}, METER_TN, false};

static void put(struct meter_model *m, enum meter_quantity q, enum meter_phase ph)
{
	m->reg[m->n++] = (struct meter_register){.q = q, .ph = ph, .scale_addr = -1};
}

static struct meter_value num(const char *text)
{
	struct meter_value v = {.kind = METER_NUMBER};

	meter_dec_parse(text, &v.num);
	return v;
}

/* Three phases: 230 231 232 V, 1 2 3 A, 100 -200 300 W. */
static void three(struct meter_model *m, struct meter_value *v)
{
	static const char *const text[] = {"230", "231", "232",  "1",  "2",
					   "3",   "100", "-200", "300"};

	*m = (struct meter_model){.phases = 3};
	for (int i = 0; i < 9; i++) {
		static const enum meter_quantity q[] = {METER_VOLTAGE, METER_CURRENT, METER_POWER};

		put(m, q[i / 3], (enum meter_phase)(i % 3));
		v[i] = num(text[i]);
	}
}

TEST(rotation_words)
{
	int p[3];

	CHECK_INT(meter_rotation_parse("RST", p), 0);
	CHECK(p[0] == 0 && p[1] == 1 && p[2] == 2);
	CHECK_INT(meter_rotation_parse("TRS", p), 0);
	CHECK(p[0] == 2 && p[1] == 0 && p[2] == 1);
	CHECK_INT(meter_rotation_parse("RRT", p), -1);
	CHECK_INT(meter_rotation_parse("RS", p), -1);
	CHECK_INT(meter_rotation_parse("rst", p), -1);
	CHECK_INT(errno, EINVAL);
}

TEST(values_come_by_grid_phase)
{
	struct meter_model m;
	struct meter_value v[16] = {0};
	struct meter_wiring w = {{1, 2, 0}, METER_TN, false};
	struct meter_sample s;

	three(&m, v);
	meter_sample_make(&m, &w, v, &s);
	CHECK_NUM(s.voltage_v[1], 230, 0);
	CHECK_NUM(s.voltage_v[0], 232, 0);
	CHECK_NUM(s.current_a[2], 2, 0);
	CHECK_NUM(s.power_w[2], -200, 0);
	CHECK_NUM(s.power_total_w, 200, 0);
	CHECK(isnan(s.freq_hz) && isnan(s.reactive_var[0]) && isnan(s.reactive_total_var));
	CHECK(!s.import.have && !s.export.have);
	CHECK_STR(s.serial, "");
}

TEST(a_missing_phase_makes_no_total)
{
	struct meter_model m;
	struct meter_value v[16] = {0};
	struct meter_sample s;

	three(&m, v);
	v[7].kind = METER_NONE;
	meter_sample_make(&m, &straight, v, &s);
	CHECK(isnan(s.power_w[1]));
	CHECK(isnan(s.power_total_w));
}

TEST(generator_models_and_inverted_meters_are_turned)
{
	struct meter_model m;
	struct meter_value v[16] = {0};
	struct meter_wiring inverted = {{0, 1, 2}, METER_TN, true};
	struct meter_sample s;

	three(&m, v);
	put(&m, METER_ENERGY_IMPORT, METER_TOTAL);
	v[9] = num("5000");
	put(&m, METER_ENERGY_EXPORT, METER_TOTAL);
	v[10] = num("70");
	m.generator = true;
	meter_sample_make(&m, &straight, v, &s);
	CHECK_NUM(s.power_w[0], -100, 0);
	CHECK_NUM(meter_dec_num(&s.import.value), 5000, 0);
	meter_sample_make(&m, &inverted, v, &s);
	CHECK_NUM(s.power_w[0], 100, 0);
	CHECK_NUM(meter_dec_num(&s.import.value), 70, 0);
	m.generator = false;
	meter_sample_make(&m, &inverted, v, &s);
	CHECK_NUM(s.power_w[0], -100, 0);
	CHECK_NUM(s.current_a[0], 1, 0);
	CHECK_NUM(meter_dec_num(&s.export.value), 5000, 0);
}

TEST(power_may_stand_in_two_registers)
{
	struct meter_model m = {.phases = 1};
	struct meter_value v[8] = {0};
	struct meter_sample s;

	put(&m, METER_POWER_IMPORT, METER_TOTAL);
	v[0] = num("0");
	put(&m, METER_POWER_EXPORT, METER_TOTAL);
	v[1] = num("850");
	meter_sample_make(&m, &straight, v, &s);
	CHECK_NUM(s.power_total_w, -850, 0);
	CHECK_NUM(s.power_w[0], -850, 0);
	CHECK(isnan(s.power_w[1]));
}

TEST(without_neutral_voltages_stand_between_lines)
{
	struct meter_model m;
	struct meter_value v[16] = {0};
	struct meter_wiring w = {{0, 1, 2}, METER_IT, false};
	struct meter_sample s;

	three(&m, v);
	meter_sample_make(&m, &w, v, &s);
	CHECK(isnan(s.voltage_v[0]) && isnan(s.power_w[0]));
	CHECK_NUM(s.voltage_ll_v[1], 231, 0);
	CHECK_NUM(s.power_total_w, 200, 0);
	m.phases = 1;
	meter_sample_make(&m, &w, v, &s);
	CHECK_NUM(s.current_a[0], 1, 0);
	CHECK_NUM(s.current_a[1], 1, 0);
	CHECK(isnan(s.current_a[2]));
	CHECK_NUM(s.power_total_w, 100, 0);
}

TEST(the_rest)
{
	struct meter_model m = {.phases = 1};
	struct meter_value v[8] = {0};
	struct meter_sample s;

	put(&m, METER_POWER_FACTOR, METER_TOTAL);
	v[0] = num("-0.97");
	put(&m, METER_FREQUENCY, METER_TOTAL);
	v[1] = num("49.98");
	put(&m, METER_SERIAL, METER_TOTAL);
	v[2] = num("20301234");
	put(&m, METER_CURRENT, METER_L1);
	v[3] = num("-6.5");
	put(&m, METER_ENERGY_IMPORT, METER_TOTAL);
	v[4] = num("-1");
	meter_sample_make(&m, &straight, v, &s);
	CHECK_NUM(s.cosphi, 0.97, 0);
	CHECK_NUM(s.freq_hz, 49.98, 0);
	CHECK_STR(s.serial, "20301234");
	CHECK_NUM(s.current_a[0], 6.5, 0);
	CHECK(!s.import.have);
	v[0] = num("2");
	v[2] = (struct meter_value){.kind = METER_TEXT, .text = "AB 12"};
	meter_sample_make(&m, &straight, v, &s);
	CHECK(isnan(s.cosphi));
	CHECK_STR(s.serial, "AB 12");
}

TEST(model_values_apply_scale_registers)
{
	struct meter_model m = {.phases = 1, .limits = {125, 1, 12}};
	struct meter_plan plan;
	struct meter_value v;
	uint16_t block[40] = {0};
	const uint16_t *data[1] = {block};
	bool (*live)(const struct meter_register *) = meter_register_is_live;

	m.reg[m.n++] = (struct meter_register){.q = METER_VOLTAGE,
					       .at = {3, 8, 1},
					       .exp10 = 0,
					       .scale_addr = 15,
					       .layout = {METER_S16, 1, false, METER_INVALID_MIN}};
	m.reg[m.n++] = (struct meter_register){.q = METER_SERIAL,
					       .at = {3, 900, 2},
					       .scale_addr = -1,
					       .layout = {METER_U32, 2, false, 0}};
	REQUIRE(meter_model_plan(&m, live, 40070, &plan) == 0);
	CHECK_INT(plan.n, 1);
	CHECK_INT(plan.block[0].addr, 40078);
	CHECK_INT(plan.block[0].count, 8);
	block[0] = 2301;
	block[7] = 0xffff;
	meter_model_value(&m, 0, 40070, &plan, data, &v);
	CHECK_NUM(meter_dec_num(&v.num), 230.1, 0);
	m.reg[0].scale_offset = -1;
	meter_model_value(&m, 0, 40070, &plan, data, &v);
	CHECK_NUM(meter_dec_num(&v.num), 23.01, 0);
	block[7] = 0x8000;
	meter_model_value(&m, 0, 40070, &plan, data, &v);
	CHECK_INT(v.kind, METER_NONE);
	block[7] = 300;
	meter_model_value(&m, 0, 40070, &plan, data, &v);
	CHECK_INT(v.kind, METER_NONE);
	meter_model_value(&m, 1, 40070, &plan, data, &v);
	CHECK_INT(v.kind, METER_NONE);
	data[0] = NULL;
	meter_model_value(&m, 0, 40070, &plan, data, &v);
	CHECK_INT(v.kind, METER_NONE);
}

TEST(words_of_quantities_and_phases)
{
	enum meter_quantity q;
	enum meter_phase ph;

	for (int i = 0; i < METER_QUANTITIES; i++) {
		CHECK_INT(meter_quantity_parse(meter_quantity_name((enum meter_quantity)i), &q), 0);
		CHECK_INT(q, i);
	}
	CHECK_INT(meter_quantity_parse("volts", &q), -1);
	for (int i = METER_L1; i <= METER_TOTAL; i++) {
		CHECK_INT(meter_phase_parse(meter_phase_name((enum meter_phase)i), &ph), 0);
		CHECK_INT(ph, i);
	}
	CHECK_INT(meter_phase_parse("n", &ph), -1);
	CHECK_STR(meter_quantity_unit(METER_ENERGY_IMPORT), "Wh");
}
