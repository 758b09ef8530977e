#include "harness.h"
#include "meter/epoch.h"

static struct meter_counter wh(uint64_t n)
{
	return (struct meter_counter){.have = true, .value = {n, 0, false}};
}

static struct meter_counter acc(uint64_t n)
{
	return (struct meter_counter){.have = true, .rolls = true, .value = {n, 1, false}};
}

static enum meter_epoch_verdict step(struct meter_epoch *e, const char *serial, uint64_t import,
				     uint64_t export)
{
	struct meter_counter i = wh(import), x = wh(export);

	return meter_epoch_step(e, serial, &i, &x);
}

static const char *id(const struct meter_epoch *e)
{
	static char buf[METER_SERIAL_MAX + 16];

	return meter_epoch_id(e, buf, sizeof(buf));
}

TEST(counting_up_is_one_epoch)
{
	struct meter_epoch e = {0};

	CHECK_INT(step(&e, "A", 5, 0), METER_EPOCH_FIRST);
	CHECK_INT(step(&e, "A", 5, 0), METER_EPOCH_SAME);
	CHECK_INT(step(&e, "", 900, 7), METER_EPOCH_SAME);
	CHECK_STR(id(&e), "A.1");
}

TEST(one_low_reading_is_held_back)
{
	struct meter_epoch e = {0};

	step(&e, "A", 1000, 0);
	CHECK_INT(step(&e, "A", 0, 0), METER_EPOCH_HELD);
	CHECK_INT(step(&e, "A", 1001, 0), METER_EPOCH_SAME);
	CHECK_INT(step(&e, "A", 0, 0), METER_EPOCH_HELD);
	CHECK_INT(step(&e, "A", 1, 0), METER_EPOCH_RESET);
	CHECK_STR(id(&e), "A.2");
	CHECK_INT(step(&e, "A", 2, 0), METER_EPOCH_SAME);
}

TEST(falling_readings_confirm_nothing)
{
	struct meter_epoch e = {0};

	step(&e, "", 1000, 0);
	CHECK_INT(step(&e, "", 500, 0), METER_EPOCH_HELD);
	CHECK_INT(step(&e, "", 20, 0), METER_EPOCH_HELD);
	CHECK_INT(step(&e, "", 20, 0), METER_EPOCH_RESET);
	CHECK_STR(id(&e), "-.2");
}

TEST(export_counts_as_well)
{
	struct meter_epoch e = {0};

	step(&e, "A", 10, 10);
	CHECK_INT(step(&e, "A", 11, 9), METER_EPOCH_HELD);
	CHECK_INT(step(&e, "A", 12, 9), METER_EPOCH_RESET);
}

TEST(another_serial_is_another_meter)
{
	struct meter_epoch e = {0};

	step(&e, "", 10, 0);
	CHECK_INT(step(&e, "A", 11, 0), METER_EPOCH_SAME);
	CHECK_STR(id(&e), "A.1");
	CHECK_INT(step(&e, "B", 99, 0), METER_EPOCH_EXCHANGE);
	CHECK_STR(id(&e), "B.2");
	CHECK_INT(step(&e, "", 99, 0), METER_EPOCH_SAME);
	CHECK_STR(id(&e), "B.2");
}

TEST(an_absent_value_changes_nothing)
{
	struct meter_epoch e = {0};
	struct meter_counter none = {0}, i;

	step(&e, "A", 10, 5);
	i = wh(11);
	CHECK_INT(meter_epoch_step(&e, "A", &i, &none), METER_EPOCH_SAME);
	CHECK_INT(step(&e, "A", 12, 4), METER_EPOCH_HELD);
}

TEST(accumulators_roll_over)
{
	struct meter_epoch e = {0};
	struct meter_counter i = acc(4294967290u), x = acc(0);
	char buf[METER_DEC_MAX];

	CHECK_INT(meter_epoch_step(&e, "", &i, &x), METER_EPOCH_FIRST);
	i = acc(4);
	x = acc(0);
	CHECK_INT(meter_epoch_step(&e, "", &i, &x), METER_EPOCH_SAME);
	CHECK_STR(meter_dec_text(&i.value, buf, sizeof(buf)), "42949673000");
	i = acc(5);
	x = acc(0);
	CHECK_INT(meter_epoch_step(&e, "", &i, &x), METER_EPOCH_SAME);
	CHECK_STR(meter_dec_text(&i.value, buf, sizeof(buf)), "42949673010");
	/* From the middle down is a reset, not a roll-over. */
	i = acc(1);
	CHECK_INT(meter_epoch_step(&e, "", &i, &x), METER_EPOCH_HELD);
}
