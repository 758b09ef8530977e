/* The machine under any sequence of readings, wishes, commands and times: what must never be, is
 * not. Each pair of bytes is one event; the first byte of the input chooses the configuration. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pilot/duty.h"
#include "pilot/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void configure(struct pilot_conf *c, uint8_t bits)
{
	pilot_conf_init(c);
	c->socket = c->lock = bits & 1;
	c->rcd_test = bits & 2;
	c->phase_switch = bits & 4;
	c->cp_disconnect = bits & 8;
	c->hlc = bits & 16;
	c->ventilation = bits & 32;
	if (bits & 64)
		c->wake[0] = (struct pilot_wake){30000, 4000, bits & 128};
}

static void event(struct pilot *p, int64_t *now, struct pilot_readings *r, uint8_t what,
		  uint8_t value)
{
	struct pilot_wanted w;

	switch (what % 16) {
	case 0:
	case 1:
		*now += value * 1000;
		break;
	case 2:
		*now += (int64_t)value * 100000;
		break;
	case 3:
	case 4:
		r->cp_pos_mv = (value - 128) * 110;
		break;
	case 5:
		r->cp_neg_mv = (value - 128) * 110;
		break;
	case 6:
		r->contactor = value & 1;
		break;
	case 7:
		r->locked = value & 1;
		r->unlocked = value & 2;
		break;
	case 8:
		r->rcd = value & 1;
		r->rcd6 = value & 2;
		r->rcd30 = value & 4;
		r->pe = !(value & 8);
		r->estop = value & 16;
		break;
	case 9:
		r->pp_ohm = value == 255 ? -1 : value * 20;
		break;
	case 10:
		r->temp_dc = (int16_t)(value * 4);
		break;
	case 11:
		r->current_ma = value * 300;
		break;
	case 12:
		memset(&w, 0, sizeof w);
		w.enable = value & 1;
		w.session = value & 2;
		w.digital = value & 4;
		w.phases = value & 8 ? 1 : 3;
		w.max_ma = (value >> 4) * 5000;
		pilot_want(p, *now, &w);
		break;
	case 13:
		pilot_command(p, *now, (enum pilot_cmd)(value % 3));
		break;
	case 14:
		pilot_operative(p, value & 1);
		break;
	case 15:
		if (value == 0)
			pilot_stop(p);
		else if (value < 8)
			pilot_lost(p);
		break;
	}
}

static void check(const struct pilot *p, const struct pilot *was)
{
	bool power = p->level == LEVEL_C || (p->level == LEVEL_D && p->conf->ventilation);

	assert(!p->out.contactor || (power && !p->faults && p->valid && p->out.cp_connected));
	assert(!p->out.contactor || pilot_pwm(p) || p->t[T_STOP] != PILOT_NEVER);
	assert(!pilot_pwm(p) || (p->wanted.enable && !p->stopping && !p->faults));
	assert(p->limit_ma <= p->wanted.max_ma && p->limit_ma <= p->conf->max_ma);
	assert(p->digital || !pilot_pwm(p) || duty_car_ma(p->out.duty) <= p->limit_ma);
	assert(!(was->out.lock && !p->out.lock) || (!p->out.contactor && !p->fb));
	assert(was->out.phases == p->out.phases || (!p->out.contactor && !p->fb));
	assert(!p->out.rcd_test || !p->out.contactor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pilot_readings r = {.cp_pos_mv = 12000,
				   .cp_neg_mv = 12000,
				   .pp_ohm = -1,
				   .unlocked = true,
				   .pe = true,
				   .temp_dc = 250};
	struct pilot_conf conf;
	struct pilot p, was;
	int64_t now = 1000, next = 0;

	if (size < 1)
		return 0;
	configure(&conf, data[0]);
	pilot_init(&p, &conf, now);
	for (size_t i = 1; i + 1 < size; i += 2) {
		int64_t before = now;

		was = p;
		event(&p, &now, &r, data[i], data[i + 1]);
		/* The caller keeps the deadlines it was given. */
		while (next > before && next < now) {
			int64_t at = next;

			next = pilot_step(&p, at);
			assert(next > at);
			check(&p, &was);
			was = p;
		}
		pilot_read(&p, now, &r);
		next = pilot_step(&p, now);
		assert(next > now);
		check(&p, &was);
	}
	return 0;
}
