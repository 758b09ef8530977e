/* What `make prove` lets Frama-C's Eva look at: the pilot core under any reading, wish, command and
 * time.
 *
 * Eva follows all values at once. It shows that no run-time error is possible (overflow, index,
 * division, uninitialised or invalid memory) and that the assertions hold: for every current the
 * duty is in range, and for every state of the machine the outputs are. Times go to 2^50 us, some
 * 35 years. */
#include "__fc_builtin.h"

#include "pilot/duty.h"
#include "pilot/machine.h"

static int any(int min, int max)
{
	return Frama_C_interval(min, max);
}

static bool maybe(void)
{
	return Frama_C_interval(0, 1);
}

static void arithmetic(void)
{
	int ma = any(-2147483647, 2147483647), step = any(1, 1000);
	int floor_ma = duty_floor_ma(ma, step), duty = duty_of_ma(ma);
	int car = duty_car_ma(any(-2147483647, 2147483647));

	/*@ assert floor_range: 0 <= floor_ma <= 80000; */
	/*@ assert duty_range: 1000 <= duty <= 10000; */
	/*@ assert car_range: 0 <= car <= 80000; */
}

static void levels(void)
{
	enum pilot_level was = (enum pilot_level)any(LEVEL_NONE, LEVEL_BAD);
	enum pilot_level l = pilot_level_of(any(-2147483647, 2147483647), was);
	enum pilot_pp pp = pilot_pp_of(any(-2147483647, 2147483647), &pilot_pp_default);

	/*@ assert level_range: LEVEL_A <= l <= LEVEL_BAD; */
	/*@ assert pp_range: PP_NONE <= pp <= PP_FAULT; */
}

static void event(struct pilot *p, int64_t now)
{
	struct pilot_readings r = {.cp_pos_mv = any(-100000, 100000),
				   .cp_neg_mv = any(-100000, 100000),
				   .pp_ohm = any(-1, 10000000),
				   .contactor = maybe(),
				   .locked = maybe(),
				   .unlocked = maybe(),
				   .rcd = maybe(),
				   .rcd6 = maybe(),
				   .rcd30 = maybe(),
				   .pe = maybe(),
				   .estop = maybe(),
				   .temp_dc = (int16_t)any(-32768, 32767),
				   .current_ma = any(-1, 100000000)};
	struct pilot_wanted w = {.enable = maybe(),
				 .session = maybe(),
				 .digital = maybe(),
				 .max_ma = any(0, 1000000),
				 .phases = any(0, 3)};

	switch (any(0, 5)) {
	case 0:
		pilot_read(p, now, &r);
		break;
	case 1:
		pilot_want(p, now, &w);
		break;
	case 2:
		pilot_command(p, now, (enum pilot_cmd)any(PILOT_UNLOCK, PILOT_REPLUG));
		break;
	case 3:
		pilot_operative(p, maybe());
		break;
	case 4:
		pilot_stop(p);
		break;
	default:
		pilot_lost(p);
		break;
	}
}

void prove_machine(void)
{
	struct pilot_conf conf;
	struct pilot p;
	int64_t now = 0;

	pilot_conf_init(&conf);
	conf.socket = maybe();
	conf.lock = maybe();
	conf.rcd_test = maybe();
	conf.phase_switch = maybe();
	conf.cp_disconnect = maybe();
	conf.hlc = maybe();
	conf.ventilation = maybe();
	conf.times.duty_blank = any(0, 600);
	conf.times.switch_blank = any(0, 300);
	conf.wake[0] = (struct pilot_wake){30000, 4000, maybe()};
	pilot_init(&p, &conf, now);
	while (maybe()) {
		int64_t step = Frama_C_long_interval(0, 86400000000);

		/* A year of days is not the bound, the clock's size is. */
		if (now > (1LL << 50) - step)
			break;
		now += step;
		event(&p, now);
		pilot_step(&p, now);
		/*@ assert out_duty: 0 <= p.out.duty <= 10000; */
		/*@ assert out_limit: 0 <= p.limit_ma <= 80000; */
		/*@ assert out_phases: p.out.phases <= 3; */
	}
}

void prove_tables(void)
{
	arithmetic();
	levels();
}
